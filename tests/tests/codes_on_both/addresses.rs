//! Codes that verify an address.

use phone_auth_tests::{other_code, together};

use crate::clock::expire;
use crate::pages::{ADDRESSES, LOG_IN, RESET, Verifies, keys_of, sites, wide};

/// A code that verifies an address, with one digit that is another or a key that is (O1), at the page of another purpose or for the
/// other address (O10), and in a browser of the same user that has not asked (O5), verifies nothing; the right one does once, in
/// whatever spelling (O2, O14, X3).
#[tokio::test]
async fn code_of_an_address_is_for_it_alone() {
    for (database, site, _) in sites(|options| options).await {
        let (kind, ann) = (database.kind(), site.member().await);
        let client = &ann.client;
        let phone = Verifies::asked(&site, client, &ann.user.phone).await;
        let email = Verifies::asked(&site, client, &ann.user.email).await;
        let reset = RESET.asked(&site, client, &ann.user.phone).await;

        let elsewhere = site.log_in(&ann.user).await.client;
        let told = phone.typed(&elsewhere, phone.code()).await;
        told.expect(400).says("you asked for it in another browser");
        let name = "phone_auth_challenge_verify";
        let keys = keys_of(client, name);
        // With its key as well, which is tried there as one of that page.
        for pages in [RESET, LOG_IN] {
            elsewhere.plant(pages.cookie, &keys);
            let status = pages.typed(&elsewhere, phone.code()).await;
            assert_eq!(status, 400, "{kind:?} {}", pages.done);
        }
        let thief = client.thief();
        thief.forget(name);
        thief.plant(name, &keys_of(client, RESET.cookie));
        phone.typed(&thief, reset.code()).await.expect(400);
        let thief = client.thief();
        let flip = |it: char| if it == 'A' { 'B' } else { 'A' };
        let flipped: Vec<String> = keys
            .split('~')
            .map(|key| key[..1].chars().map(flip).chain(key[1..].chars()).collect())
            .collect();
        assert_eq!(flipped.len(), 2, "{kind:?} {keys}");
        thief.forget(name);
        thief.plant(name, &flipped.join("~"));
        phone.typed(&thief, phone.code()).await.expect(400);

        // Nothing of that has taken an attempt.
        let forged = |place: usize| {
            let (start, end) = phone.code().split_at(place);
            let digit = if end.starts_with('0') { "1" } else { "0" };
            format!("{start}{digit}{}", &end[1..])
        };
        for (code, words) in [
            (email.code().to_owned(), "4 more times"),
            (reset.code().to_owned(), "3 more times"),
            (forged(0), "2 more times"),
            (forged(5), "once more"),
        ] {
            phone.typed(client, &code).await.expect(400).says(words);
        }
        assert_eq!(client.unverified().await.len(), 2, "{kind:?}");
        let (start, end) = phone.code().split_at(3);
        let spelt = wide(&format!("{start}{end}"));
        phone.confirms(client, &spelt).await;
        let wrong = other_code(reset.code(), 1);
        let told = client.post(RESET.done, [("code", &wrong)]).await;
        told.expect(400).says("4 more times");
        // What the other address waits for has lost nothing.
        let told = email.typed(client, phone.code()).await;
        told.expect(400).says("4 more times");
        email.confirms(client, email.code()).await;
        assert_eq!(client.unverified().await.len(), 0, "{kind:?}");
    }
}

/// Five attempts at an address, however many come at once (O4, X6) and in whichever browsers of its user, and none after ten minutes
/// (O7); another message has the same code and gives none back (O8).
#[tokio::test]
async fn attempts_at_an_address_run_out() {
    for (database, site, _) in sites(|options| options).await {
        let kind = database.kind();
        let ann = site.member().await;
        let phone = Verifies::asked(&site, &ann.client, &ann.user.phone).await;
        let guesses = together((1..=50).map(|by| {
            let (client, wrong) = (ann.client.clone(), other_code(phone.code(), by));
            let form = phone.form(&wrong);
            let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
            async move { client.post(ADDRESSES, form).await }
        }));
        let mut compared = 0;
        for answer in guesses.await {
            // A busy database compares nothing, and says so.
            let is_one = [400, 503].contains(&answer.status);
            assert!(is_one, "{kind:?} {}", answer.status);
            compared += usize::from(answer.text().contains("That code isn’t right"));
        }
        // The last one that is compared is told that the code is over.
        assert!((1..=4).contains(&compared), "{kind:?}: {compared}");
        let left = "SELECT min(attempts_left) FROM phone_auth_challenge WHERE purpose = 'verify'";
        assert_eq!(database.number(left), 0, "{kind:?}");
        let late = phone.typed(&ann.client, phone.code()).await;
        late.expect(400).says("Get a new one.");
        assert_eq!(ann.client.unverified().await.len(), 2, "{kind:?}");

        let bob = site.member().await;
        let elsewhere = site.log_in(&bob.user).await.client;
        let email = Verifies::asked(&site, &bob.client, &bob.user.email).await;
        for (by, client, words) in [
            (1, &bob.client, "4 more times"),
            (2, &bob.client, "3 more times"),
            (3, &elsewhere, "2 more times"),
            (4, &bob.client, "once more"),
        ] {
            let again = [("method", &email.method), ("pk", &email.pk)];
            client.post(ADDRESSES, again).await.expect(302);
            let wrong = other_code(email.code(), by);
            let told = email.typed(client, &wrong).await;
            told.expect(400).says(words);
        }
        email.confirms(&elsewhere, email.code()).await;

        let phone = Verifies::asked(&site, &bob.client, &bob.user.phone).await;
        expire(&database);
        let late = phone.typed(&bob.client, phone.code()).await;
        late.expect(400).says("Get a new one.");
        assert_eq!(bob.client.unverified().await.len(), 1, "{kind:?}");
    }
}
