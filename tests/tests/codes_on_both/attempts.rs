//! Wrong codes: how many a code, an address and a network have.

use std::net::Ipv4Addr;

use phone_auth_tests::{Answer, Client, SiteOptions, User, other_code, told};

use crate::clock::{expire, later};
use crate::pages::{BY_EMAIL, LOG_IN, LOG_IN_BY_EMAIL, NEW, RESET, Verifies, sites};

/// Five attempts and then none, and none after ten minutes; the same for a number that nobody has, in all that is told (O4, O7,
/// O13, X2).
#[tokio::test]
async fn attempts_and_time_run_out() {
    for (database, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            let (known, unknown) = (site.client(), site.client());
            let code = pages
                .asked(&site, &known, &ann.phone)
                .await
                .code()
                .to_owned();
            let nobodys = User::another_phone();
            let asked = unknown.submit(pages.ask, [("login", &nobodys)]).await;
            asked.leads_to_code(pages.done);
            let typed = [ann.phone.as_str(), nobodys.as_str()];
            let same = |[known, unknown]: [&Answer; 2]| {
                let [known, unknown] = [known, unknown].map(|it| told(it, &typed));
                assert_eq!(known, unknown, "{:?}", database.kind());
            };
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            for (by, words) in [
                (1, "You can try 4 more times, or get a new code."),
                (2, "You can try 3 more times, or get a new code."),
                (3, "You can try 2 more times, or get a new code."),
                (4, "You can try once more, or get a new code."),
                (5, "Get a new one."),
                (0, "Get a new one."),
            ] {
                let code = other_code(&code, by);
                let type_it = async |client: &Client| {
                    let told = client.post(pages.done, [("code", &code)]).await;
                    told.expect(400).says(words)
                };
                same([&type_it(&known).await, &type_it(&unknown).await]);
            }
            let again = async |client: &Client| client.submit(pages.done, [("resend", "1")]).await;
            same([&again(&known).await, &again(&unknown).await]);
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            expire(&database);
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            // What is said of one that gave way to others is what is said of one that is over.
            database.execute("DELETE FROM phone_auth_challenge WHERE key_digest IS NOT NULL;");
            same([&known.get(pages.done).await, &unknown.get(pages.done).await]);
            let late = site.client();
            let code = pages
                .asked(&site, &late, &ann.phone)
                .await
                .code()
                .to_owned();
            expire(&database);
            let told = late.post(pages.done, [("code", &code)]).await;
            told.expect(400).says("Get a new one.");
        }
    }
}

/// Another code in the first half of its life is the same, and no attempts come back (O8), by a call as well.
#[tokio::test]
async fn another_code_gives_no_attempts_back() {
    for (_, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            let client = site.client();
            let code = pages
                .asked(&site, &client, &ann.phone)
                .await
                .code()
                .to_owned();
            for (left, words) in [
                (4, "4 more times"),
                (3, "3 more times"),
                (2, "2 more times"),
            ] {
                let wrong = other_code(&code, left);
                let told = client.submit(pages.done, [("code", &wrong)]).await;
                told.expect(400).says(words);
                let before = site.count(pages.signal, &ann.phone);
                let again = client.submit(pages.done, [("resend", "1")]).await;
                again.leads_to_code(pages.done);
                let newer = site.nth_printed(pages.signal, &ann.phone, before + 1).await;
                assert_eq!(newer.code(), code);
            }
            let done = client.submit(pages.done, [("code", &code)]).await;
            done.expect(302);
        }
    }
}

/// A hundred wrong ones at an address, over however many codes and networks, and then not even the right one (O9). What else
/// there is has counters of its own (X7), and the link in the message works.
#[tokio::test]
async fn hundredth_wrong_code_is_the_last() {
    for (database, site, ann) in sites(SiteOptions::limited).await {
        let kind = database.kind();
        database.execute("UPDATE phone_auth_emailaddress SET is_verified = true");
        database.execute(
            "INSERT INTO phone_auth_email_verified (address_id, verified_at, in_session)
            SELECT id, '2026-01-01 00:00:00', true FROM phone_auth_emailaddress",
        );
        for (place, by_email, by_phone) in [(1, BY_EMAIL, RESET), (2, LOG_IN_BY_EMAIL, LOG_IN)] {
            let done = by_email.done;
            for number in 0..3 {
                let stranger = site.client().at(Ipv4Addr::new(127, 30, number, place));
                let message = by_email.asked(&site, &stranger, &ann.email).await;
                for by in 1..=5 {
                    later(&database);
                    let wrong = other_code(message.code(), by);
                    let status = by_email.typed(&stranger, &wrong).await;
                    assert_eq!(status, 400, "{kind:?} {done} {number}");
                }
                if number == 1 {
                    // Those in between, with their waits, are walked through in `core`.
                    database.execute("UPDATE phone_auth_limit SET hits = 95 WHERE hits = 10");
                }
            }
            later(&database);
            let owner = site.client().at(Ipv4Addr::new(127, 31, 1, place));
            let message = by_email.asked(&site, &owner, &ann.email).await;
            let refused = owner.post(done, [("code", message.code())]).await;
            let refused = refused.expect(429);
            let wait = refused.header("retry-after").and_then(|it| it.parse().ok());
            assert!(wait > Some(86_400), "{kind:?} {done}: {wait:?}");
            let message = by_phone.asked(&site, &owner, &ann.phone).await;
            let entered = by_phone.typed(&owner, message.code()).await;
            assert_eq!(entered, 302, "{kind:?} {done}");
        }
        // A link works in the browser that asked for it, and that of a reset anywhere.
        let client = site.client().at(Ipv4Addr::new(127, 31, 2, 1));
        let message = LOG_IN_BY_EMAIL.asked(&site, &client, &ann.email).await;
        let done = client.submit(message.url(), [("", ""); 0]).await;
        done.redirects_to("/accounts/profile/");
        let by_password = site.client();
        let log_in = by_password.post_log_in(&ann.username, &ann.password).await;
        log_in.expect(302);
        let elsewhere = site.client().at(Ipv4Addr::new(127, 31, 3, 1));
        let message = BY_EMAIL.asked(&site, &elsewhere, &ann.email).await;
        site.client().reset(message.url(), NEW).await.expect(302);

        // What a user types for an address of theirs is a row by itself, which has an end as well.
        let bob = site.member().await;
        let phone = Verifies::asked(&site, &bob.client, &bob.user.phone).await;
        for round in 0..2 {
            for by in 1..=5 {
                later(&database);
                let wrong = other_code(phone.code(), by);
                phone.typed(&bob.client, &wrong).await.expect(400);
            }
            if round == 0 {
                database.execute("UPDATE phone_auth_limit SET hits = 95 WHERE hits = 5");
            }
            database.execute("UPDATE phone_auth_challenge SET attempts_left = 5");
        }
        later(&database);
        let refused = phone.typed(&bob.client, phone.code()).await.expect(429);
        let wait = refused.header("retry-after").and_then(|it| it.parse().ok());
        assert!(wait > Some(86_400), "{kind:?}: {wait:?}");
        assert_eq!(bob.client.unverified().await.len(), 2, "{kind:?}");
        let link = bob.client.open(phone.message.url()).await;
        link.says("Verification successful");
    }
}

/// Who guesses has to wait after ten, by whatever name or spelling they ask (X8), and the owner at another network has not (X4).
#[tokio::test]
async fn spellings_share_the_wrong_codes() {
    for pages in [RESET, LOG_IN] {
        for (database, site, ann) in sites(SiteOptions::limited).await {
            let (code, rest) = ann.phone.split_at(3);
            let mut statuses = Vec::new();
            for (number, login) in (1..).zip([
                ann.phone.clone(),
                ann.username.to_uppercase(),
                format!(" {code} {}-{} ", &rest[..5], &rest[5..]),
            ]) {
                let asks = site.client().at(Ipv4Addr::new(127, 32, number, 1));
                let message = pages.asked_as(&site, &asks, &login, &ann.phone).await;
                let guesser = asks.at(Ipv4Addr::new(127, 33, 1, 1));
                for by in 1..=5 {
                    let wrong = other_code(message.code(), by);
                    statuses.push(pages.typed(&guesser, &wrong).await);
                }
            }
            let kind = database.kind();
            assert_eq!(statuses[..10], [400; 10], "{kind:?}");
            assert!(statuses[10..].contains(&429), "{kind:?} {statuses:?}");
            let owner = site.client().at(Ipv4Addr::new(127, 34, 1, 1));
            let message = pages.asked(&site, &owner, &ann.phone).await;
            let entered = pages.typed(&owner, message.code()).await;
            assert_eq!(entered, 302, "{kind:?} {statuses:?}");
        }
    }
}
