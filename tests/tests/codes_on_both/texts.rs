//! The text message that a code is in.

use std::collections::HashSet;

use phone_auth_tests::{Gateway, Kind, OwnDatabase};

use crate::pages::{ADDRESSES, LOG_IN, ORIGIN, RESET, sent_to};

/// What fits one text message, each letter in one place.
const LETTERS: &str = "ÄÖÜäöüßàèéùìò";

/// The text in a request to a gateway.
fn text_of(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).expect("it is JSON");
    body["text"].as_str().expect("a text").to_owned()
}

/// The text that a gateway gets is one segment, and its last line what telephones fill in, in each language (O15).
#[tokio::test]
async fn text_ends_in_what_telephones_read() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let (database, gateway) = (OwnDatabase::new(kind), Gateway::start().await);
        let toml = sent_to(&gateway);
        let site = database.site().config(&toml).start().await;
        let ann = site.signed_up_through(ORIGIN).await.user;
        database.execute("UPDATE phone_auth_phonenumber SET is_verified = true");
        let mut texts = Vec::new();
        for pages in [RESET, LOG_IN] {
            for language in ["en", "de", "fr"] {
                let client = site.client().through(ORIGIN);
                let ask = client.request("POST", pages.ask).same_origin();
                let ask = ask.header("accept-language", language);
                let asked = ask.form([("login", &ann.phone)]).send().await;
                asked.leads_to_code(pages.done);
                let body = gateway.nth(texts.len() + 1).await.body;
                let text = text_of(&body);
                let is_short = |c: char| c.is_ascii() && !"[]{}\\^|~`".contains(c);
                let fits = |c: char| is_short(c) || LETTERS.contains(c);
                assert!(
                    text.chars().all(fits) && text.chars().count() <= 160,
                    "{text}"
                );
                let (_, last) = text.rsplit_once('\n').expect("several lines");
                let code = last.strip_prefix("@accounts.example-site.org #");
                let code = code.unwrap_or_else(|| panic!("{text}"));
                assert!(code.len() == 6 && code.bytes().all(|it| it.is_ascii_digit()));
                assert_eq!(pages.typed(&client, code).await, 302, "{kind:?} {text}");
                texts.push(text);
            }
        }
        database.execute("UPDATE phone_auth_phonenumber SET is_verified = false");
        let client = site.client().through(ORIGIN);
        client.log_in(&ann.phone, &ann.password).await.expect(302);
        let pk = database.number("SELECT id FROM phone_auth_phonenumber");
        let pk = pk.to_string();
        let form = [("method", "phone"), ("pk", pk.as_str())];
        let ask = client.request("POST", ADDRESSES).same_origin();
        let ask = ask.header("accept-language", "fr").form(form);
        ask.send().await.expect(302);
        let text = text_of(&gateway.nth(texts.len() + 1).await.body);
        let (_, last) = text.rsplit_once('\n').expect("several lines");
        let code = last.strip_prefix("@accounts.example-site.org #");
        let code = code.unwrap_or_else(|| panic!("{text}"));
        assert!(text.chars().count() <= 160, "{text}");
        let form = [form[0], form[1], ("code", code)];
        client.post(ADDRESSES, form).await.expect(302);
        let different: HashSet<_> = texts
            .iter()
            .map(|it| it.replace(|c: char| c.is_ascii_digit(), ""))
            .collect();
        assert_eq!(different.len(), 6, "{kind:?}: {texts:?}");
    }
}
