//! Codes in the whole program: reset and verified by one, guessed at by many, and in no copy of the database.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not there is a failed test"
)]

use std::net::Ipv4Addr;
use std::time::Instant;

use phone_auth_tests::{
    Browser, BrowserOptions, Client, Kind, OwnDatabase, Site, holds_code, other_code, together,
};

const NEW: &str = "marble-Cottage-31";
const DONE: &str = "/accounts/password_reset_done/";
const LOGIN_DONE: &str = "/accounts/login_code_done/";

/// Where a code is asked for, where it is typed, and how its signals begin.
type Pages = (&'static str, &'static str, &'static str);
const RESET: Pages = ("/accounts/password_reset/", DONE, "reset_password");
const LOG_IN: Pages = ("/accounts/login_code/", LOGIN_DONE, "login");

/// A reset that a client has asked for, and its code.
async fn asked(site: &Site, client: &Client, value: &str) -> String {
    let signal = if value.contains('@') {
        "reset_password_email"
    } else {
        "reset_password_phone"
    };
    let before = site.count(signal, value);
    client.ask_reset(value).await.leads_to_code(DONE);
    let printed = site.nth_printed(signal, value, before + 1).await;
    printed.code().to_owned()
}

#[tokio::test]
async fn password_is_reset_by_code() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let (ann, bob) = (site.signed_up().await, site.signed_up().await);
        for (user, value) in [(&ann, &ann.email), (&bob, &bob.phone)] {
            let password = NEW;
            let client = site.client();
            let code = asked(&site, &client, value).await;
            // Elsewhere, and wrong.
            site.client()
                .post(DONE, [("code", &code)])
                .await
                .expect(400);
            let wrong = client.submit(DONE, [("code", &other_code(&code, 1))]).await;
            wrong
                .expect(400)
                .says("You can try 4 more times, or get a new code.");
            let proven = client.submit(DONE, [("code", &code)]).await.expect(302);
            let form = proven.location().to_owned();
            let fields = [("new_password1", password), ("new_password2", password)];
            let reset = client.submit(&form, fields).await;
            reset.redirects_to("/accounts/password_reset_complete/");
            // It proves an address and sets the password; signing in is asked for as always.
            assert!(!client.is_logged_in().await);
            site.client()
                .log_in(&user.username, password)
                .await
                .expect(302);
            client.post(DONE, [("code", &code)]).await.expect(400);
        }
    }
}

#[tokio::test]
async fn address_is_verified_by_code() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.member().await;
        for value in [&ann.user.email, &ann.user.phone] {
            let signal = if value.contains('@') {
                "verify_email"
            } else {
                "verify_phone"
            };
            let answer = ann.client.ask_verification(value).await.expect(200);
            let printed = site.nth_printed(signal, value, 1).await;
            let code = printed.code().to_owned();
            let form = answer
                .page()
                .form_with(&["code"])
                .filled(&[("code".to_owned(), code)]);
            let done = ann
                .client
                .send_form("/accounts/user_verification/", &form)
                .await;
            let page = ann.client.open(done.expect(302).location()).await;
            page.says("is confirmed");
        }
        assert_eq!(ann.client.unverified().await.len(), 0, "{kind:?}");
    }
}

/// Two hundred connections guess at once at one challenge: five are compared.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_once_are_few() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().limited().start().await;
        let ann = site.signed_up().await;
        let thief = site.client().at(Ipv4Addr::new(127, 0, 77, 1));
        let code = asked(&site, &thief, &ann.email).await;
        let guesses = (1..=200).map(|by| {
            let (thief, guess) = (thief.thief(), other_code(&code, by));
            tokio::spawn(async move { thief.submit(DONE, [("code", &guess)]).await })
        });
        let mut compared = 0;
        for guess in guesses.collect::<Vec<_>>() {
            let answer = guess.await.unwrap();
            assert!([400, 429].contains(&answer.status), "{}", answer.status);
            compared += usize::from(answer.text().contains("That code isn’t right"));
        }
        // The last one that is compared is told that the code is over.
        assert!((1..=4).contains(&compared), "{kind:?}: {compared}");
        thief.post(DONE, [("code", &code)]).await.expect(400);
    }
}

/// A guesser with 200 networks, who asks for a challenge in each. What is compared of all their guesses is
/// bounded at the address: five in a row, and then in four hours twenty of networks that have tried none, among which the
/// owner may be. The owner, whose browser is known, gets in meanwhile. So for each purpose and kind of address.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_from_many_networks_are_few() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let options = database.site().limited().setting("login_by_code", "true");
        let site = options.start().await;
        let ways = [
            (RESET, false),
            (RESET, true),
            (LOG_IN, false),
            (LOG_IN, true),
        ];
        for (place, ((ask, done, signal), by_phone)) in (0..).zip(ways) {
            let ann = site.member().await;
            for table in ["phone_auth_emailaddress", "phone_auth_phonenumber"] {
                database.execute(&format!("UPDATE {table} SET is_verified = true"));
            }
            ann.client.log_out().await;
            let (value, channel) = if by_phone {
                (&ann.user.phone, "phone")
            } else {
                (&ann.user.email, "email")
            };
            let (told, signal) = (
                format!("{kind:?} {done} {channel}"),
                format!("{signal}_{channel}"),
            );
            let code = async |client: &Client| {
                let before = site.count(&signal, value);
                let asked = client.submit(ask, [("login", value)]).await;
                asked.leads_to_code(done);
                let printed = site.nth_printed(&signal, value, before + 1).await;
                printed.code().to_owned()
            };
            // Text messages are used up by those who guess: whose number it is has theirs before.
            let another = site.client();
            let right = code(if by_phone { &ann.client } else { &another }).await;
            let began = Instant::now();
            let guesses = (0..200_u32).map(|network| {
                let address = Ipv4Addr::from(0x7f10_0001 + (place << 20) + (network << 8));
                let client = site.client().at(address);
                guess_from(client, (ask, done), value.clone(), (right.clone(), network))
            });
            let (mut sent, mut compared) = (0, 0);
            for (status, of_it) in together(guesses).await {
                assert!([302, 429, 503].contains(&status), "{told}: {status}");
                sent += u32::from(status == 302);
                compared += of_it;
            }
            assert!(sent > 0, "{told}");
            // After the five in a row the next may come after a second, after two more, after four more and so on.
            let seconds = began.elapsed().as_secs() + 1;
            let most = 25 + u64::BITS - seconds.leading_zeros();
            assert!((1..=most).contains(&compared), "{told}: {compared}");
            let right = if by_phone {
                right
            } else {
                code(&ann.client).await
            };
            let proven = ann.client.submit(done, [("code", &right)]).await;
            assert_eq!(proven.status, 302, "{told}: {}", proven.text());
        }
    }
}

/// Asks for a code and types five that are wrong: how the request was answered, and how many were compared.
async fn guess_from(
    client: Client,
    (ask, done): (&str, &str),
    value: String,
    (right, network): (String, u32),
) -> (u16, u32) {
    let asked = client.post(ask, [("login", &value)]).await;
    let mut compared = 0;
    for guess in 1..=5 {
        let guess = other_code(&right, network * 5 + guess);
        let answer = client.post(done, [("code", &guess)]).await;
        // A busy database compares nothing, and says so.
        let is_one = [400, 429, 503].contains(&answer.status);
        assert!(is_one, "{}", answer.status);
        compared += u32::from(answer.text().contains("That code isn’t right"));
    }
    (asked.status, compared)
}

/// The same at an address that a user verifies: whatever networks they have, and however many sessions, five are compared of one
/// challenge, which all of them share; and the link verifies it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_an_address_from_many_networks_are_few() {
    const PATH: &str = "/accounts/user_verification/";
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().limited().start().await;
        let ann = site.member().await;
        for (place, (value, signal)) in (0..).zip([
            (&ann.user.email, "verify_email"),
            (&ann.user.phone, "verify_phone"),
        ]) {
            let told = format!("{kind:?} {signal}");
            let rows = ann.client.unverified().await;
            let row = rows.iter().find(|row| row.value == *value);
            let row = row.expect("it is offered");
            let asks = [("method", &row.method), ("pk", &row.pk)];
            ann.client.post(PATH, asks).await.expect(302);
            let message = site.printed(signal, value).await;
            let guesses = (0..200_u32).map(|network| {
                let address = Ipv4Addr::from(0x7f60_0001 + (place << 20) + (network << 8));
                let client = ann.client.thief().at(address);
                let wrong = other_code(message.code(), network + 1);
                let form = [("method", &row.method), ("pk", &row.pk), ("code", &wrong)];
                let form = form.map(|(name, value)| (name.to_owned(), value.clone()));
                async move { client.post(PATH, form).await }
            });
            let mut compared = 0;
            for answer in together(guesses).await {
                let is_one = [400, 429, 503].contains(&answer.status);
                assert!(is_one, "{told}: {}", answer.status);
                compared += u32::from(answer.text().contains("That code isn’t right"));
            }
            // The last one that is compared is told that the code is over.
            assert!((1..=4).contains(&compared), "{told}: {compared}");
            let code = [asks[0], asks[1], ("code", &message.code().to_owned())];
            let late = ann.client.post(PATH, code).await;
            assert!([400, 429].contains(&late.status), "{told}: {}", late.status);
            let link = ann.client.open(message.url()).await;
            link.says("Verification successful");
        }
        assert_eq!(ann.client.unverified().await.len(), 0, "{kind:?}");
    }
}

/// What a copy of the database holds while codes are pending: none, no digest of one, and nothing that opens a challenge.
#[tokio::test]
async fn no_code_is_stored() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let ann = site.signed_up().await;
        let client = site.client();
        let code = asked(&site, &client, &ann.email).await;
        let cookies = client.cookies();
        let key = cookies
            .iter()
            .find(|cookie| cookie.name == "phone_auth_challenge_reset");
        let key = key.expect("the browser has the key").value.clone();
        let pending = "SELECT count(*) FROM phone_auth_challenge WHERE attempts_left = 5";
        assert_eq!(database.number(pending), 1);
        let dump = database.dump();
        assert!(dump.contains("INSERT INTO"), "{dump}");
        assert!(!dump.contains(key.split('.').next().unwrap()));
        assert!(!holds_code(&dump, &code), "{kind:?} {code}: {dump}");
        client.submit(DONE, [("code", &code)]).await.expect(302);
        // Nor one that verifies an address.
        let bob = site.member().await;
        bob.client.ask_verification(&bob.user.phone).await;
        let message = site.nth_printed("verify_phone", &bob.user.phone, 1).await;
        let cookies = bob.client.cookies();
        let mut cookies = cookies.iter();
        let key = cookies.find(|it| it.name == "phone_auth_challenge_verify");
        let key = key.expect("the browser has the key").value.clone();
        let dump = database.dump();
        assert!(!dump.contains(&key), "{kind:?}");
        assert!(!holds_code(&dump, message.code()), "{kind:?}: {dump}");
    }
}

/// A scanner of mail with a browser of its own opens the links of messages, runs the scripts there and sends every form; it
/// does the same at the page where the code is typed. The code of the one who asked is as good as before.
#[tokio::test]
async fn scanner_that_sends_forms_uses_no_code_up() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let options = database.site().setting("login_by_code", "true");
        let site = options.start().await;
        let ann = site.member().await;
        let client = site.client();
        let bob = site.member().await;
        site.verify(&bob.client, &bob.user.email).await;
        let signs_in = site.client();
        let asked = signs_in.submit("/accounts/login_code/", [("login", &bob.user.email)]);
        asked.await.leads_to_code(LOGIN_DONE);
        let log_in = site.printed("login_email", &bob.user.email).await;
        let before = site.count("reset_password_email", &ann.user.email);
        client.ask_reset(&ann.user.email).await.leads_to_code(DONE);
        let reset = site.nth_printed("reset_password_email", &ann.user.email, before + 1);
        let reset = reset.await;
        let page = ann
            .client
            .ask_verification(&ann.user.phone)
            .await
            .expect(200);
        let verify = site.nth_printed("verify_phone", &ann.user.phone, 1).await;

        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before_it = sessions();
        let scanner = Browser::start(BrowserOptions {
            javascript: true,
            phone_width: None,
        })
        .await;
        for path in [
            reset.url(),
            DONE,
            "/accounts/password_reset/",
            verify.url(),
            log_in.url(),
            LOGIN_DONE,
            "/accounts/login_code/",
        ] {
            let url = format!("{}{path}", site.origin());
            scanner.goto(&url).await;
            let forms = scanner.script("return document.forms.length;").await;
            for place in 0..forms.as_u64().unwrap_or_default() {
                scanner.goto(&url).await;
                let send = format!(
                    "const form = document.forms[{place}]; if (form) {{ form.noValidate = true; form.requestSubmit(); }}"
                );
                scanner.script(&send).await;
            }
        }
        scanner.close().await;
        assert_eq!(sessions(), before_it, "{kind:?}");

        let signed_in = signs_in.submit(LOGIN_DONE, [("code", log_in.code())]);
        signed_in.await.redirects_to("/accounts/profile/");
        let proven = client.submit(DONE, [("code", reset.code())]).await;
        assert_eq!(proven.status, 302, "{kind:?}: {}", proven.text());
        // What opening a link does it did: the number is verified. The code says so as well.
        let filled = page
            .page()
            .form_with(&["code"])
            .filled(&[("code".to_owned(), verify.code().to_owned())]);
        let done = ann
            .client
            .send_form("/accounts/user_verification/", &filled);
        let page = ann.client.open(done.await.expect(302).location()).await;
        page.says("is confirmed");
    }
}

/// So many clicks at once by one browser; all of them must be answered so.
async fn click_at_once(client: &Client, path: &str, fields: &[(String, String)]) -> Vec<String> {
    let clicks = together((0..40).map(|_| {
        let (click, path, fields) = (client.thief(), path.to_owned(), fields.to_vec());
        async move {
            let answer = click.post(&path, fields).await;
            match answer.status {
                302 => answer.location().to_owned(),
                status => format!("{status} {}", answer.page().words()),
            }
        }
    }));
    let mut answers = clicks.await;
    answers.sort_unstable();
    answers.dedup();
    answers
}

/// A right code that one browser sends forty times at once: each is answered as the first, also where wrong ones are limited, and
/// what there was to be done is done once. None of the forty counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_code_at_once_is_answered_as_the_first() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let options = database.site().limited();
        let site = options.setting("login_by_code", "true").start().await;
        let ann = site.member().await;
        let phone = &ann.user.phone;
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let page = ann.client.ask_verification(phone).await.expect(200);
        let message = site.nth_printed("verify_phone", phone, 1).await;
        let code = |code: &str| vec![("code".to_owned(), code.to_owned())];
        let form = page
            .page()
            .form_with(&["code"])
            .filled(&code(message.code()));
        let path = "/accounts/user_verification/";
        let answers = click_at_once(&ann.client, path, &form.values()).await;
        let confirmed = format!("{path}?notice=phone-confirmed");
        assert_eq!(answers, [confirmed], "{kind:?}");

        let client = site.client();
        let typed = asked(&site, &client, phone).await;
        let answers = click_at_once(&client, DONE, &code(&typed)).await;
        let [form] = &answers[..] else {
            panic!("{kind:?}: {answers:?}");
        };
        assert!(form.ends_with("/set-password/"), "{kind:?}: {form}");

        let (client, before) = (site.client(), sessions());
        let done = "/accounts/login_code_done/";
        let asked = client
            .submit("/accounts/login_code/", [("login", phone)])
            .await;
        asked.leads_to_code(done);
        let message = site.nth_printed("login_phone", phone, 1).await;
        let answers = click_at_once(&client, done, &code(message.code())).await;
        assert_eq!(answers, ["/accounts/profile/"], "{kind:?}");
        assert_eq!(sessions(), before + 1, "{kind:?}");

        // The code at the page of a link, in another browser than the one that asked.
        let (asks, client, before) = (site.client(), site.client(), sessions());
        let asked = asks
            .submit("/accounts/login_code/", [("login", phone)])
            .await;
        asked.leads_to_code(done);
        let message = site.nth_printed("login_phone", phone, 2).await;
        let page = client.get(message.url()).await.expect(200).page();
        let form = page.form_with(&["code"]).filled(&code(message.code()));
        let answers = click_at_once(&client, message.url(), &form.values()).await;
        assert_eq!(answers, ["/accounts/profile/"], "{kind:?}");
        assert_eq!(sessions(), before + 1, "{kind:?}");
        let counted =
            "SELECT count(*) FROM phone_auth_limit WHERE counter LIKE 'wrong_code%' AND hits > 0";
        assert_eq!(database.number(counted), 0, "{kind:?}");
    }
}
