//! A code is for the browser that asked for it, and used once.

use phone_auth_tests::{other_code, together};

use crate::pages::{LOG_IN, NEW, RESET, keys_of, sites, wide};

/// Used once, in whatever spelling (O2, O14, X3), by the browser that asked (O5), for what it was asked for (O10).
#[tokio::test]
async fn code_is_used_once_and_for_one_thing() {
    for (_, site, ann) in sites(|options| options).await {
        let (reset, log_in) = (site.client(), site.client());
        let of_reset = RESET
            .asked(&site, &reset, &ann.phone)
            .await
            .code()
            .to_owned();
        let of_log_in = LOG_IN
            .asked(&site, &log_in, &ann.phone)
            .await
            .code()
            .to_owned();
        // Each at the page of the other with its key, which is tried there as one of that page.
        for (client, from, to, code) in [
            (&reset, RESET, LOG_IN, &of_reset),
            (&log_in, LOG_IN, RESET, &of_log_in),
        ] {
            let browser = client.thief();
            browser.plant(to.cookie, &keys_of(client, from.cookie));
            for _ in 0..2 {
                assert_eq!(to.typed(&browser, code).await, 400, "{}", to.done);
            }
            // It has cost no attempt where it belongs.
            let wrong = other_code(code, 1);
            let told = client.post(from.done, [("code", &wrong)]).await;
            told.expect(400).says("4 more times");
        }
        // Each at the page of the other, and in the browser of the other.
        for (client, done, code) in [
            (&reset, LOG_IN.done, &of_reset),
            (&log_in, RESET.done, &of_log_in),
            (&reset, RESET.done, &of_log_in),
            (&log_in, LOG_IN.done, &of_reset),
        ] {
            client.post(done, [("code", code)]).await.expect(400);
        }
        let done = log_in
            .submit(LOG_IN.done, [("code", wide(&of_log_in))])
            .await;
        done.redirects_to("/accounts/profile/");
        log_in.log_out().await;
        log_in
            .post(LOG_IN.done, [("code", &of_log_in)])
            .await
            .expect(400);
        let spaced = format!("{}-{}", &of_reset[..3], &of_reset[3..]);
        let proven = reset
            .submit(RESET.done, [("code", spaced)])
            .await
            .expect(302);
        let fields = [("new_password1", NEW), ("new_password2", NEW)];
        reset.submit(proven.location(), fields).await.expect(302);
        reset
            .post(RESET.done, [("code", &of_reset)])
            .await
            .expect(400);
    }
}

/// Of twenty browsers that have asked for a code, each with a challenge of its own, one goes on by it: it signs in, or chooses the
/// new password (O2, O3). The code is over in the others, and what is sent next is another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_twenty_browsers_uses_a_code() {
    for pages in [RESET, LOG_IN] {
        for (database, site, ann) in sites(|options| options).await {
            let told = format!("{:?} {}", database.kind(), pages.done);
            let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
            let before = sessions();
            let mut all = Vec::new();
            for _ in 0..20 {
                let client = site.client();
                let message = pages.asked(&site, &client, &ann.phone).await;
                all.push((message.code().to_owned(), client));
            }
            let first = all[0].0.clone();
            assert!(all.iter().all(|(code, _)| *code == first));
            let clicks = all.into_iter().map(|(code, client)| async move {
                let answer = client.post(pages.done, [("code", &code)]).await;
                (client, answer)
            });
            let (won, lost): (Vec<_>, Vec<_>) = together(clicks)
                .await
                .into_iter()
                .partition(|(_, answer)| answer.status == 302);
            let statuses: Vec<_> = lost.iter().map(|(_, answer)| answer.status).collect();
            assert_eq!(statuses, [400; 19], "{told}");
            let signed_in = i64::from(pages.done == LOG_IN.done);
            assert_eq!(sessions(), before + signed_in, "{told}");

            let late = site.client();
            let next = pages.asked(&site, &late, &ann.phone).await;
            assert_ne!(next.code(), first, "{told}");
            assert_eq!(pages.typed(&late, &first).await, 400, "{told}");
            for (client, _) in &lost {
                assert_eq!(pages.typed(client, &first).await, 400, "{told}");
            }
            if pages.done == RESET.done {
                // What a browser has waited for it gets by the next.
                assert_eq!(pages.typed(&lost[0].0, next.code()).await, 302, "{told}");
                let (client, answer) = &won[0];
                let fields = [("new_password1", NEW), ("new_password2", NEW)];
                let set = client.submit(answer.location(), fields).await;
                set.redirects_to("/accounts/password_reset_complete/");
            }
        }
    }
}

/// A code with one digit that is another, and the right one at a key that is (O1).
#[tokio::test]
async fn flipped_code_or_key_is_refused() {
    for (database, site, ann) in sites(|options| options).await {
        for pages in [RESET, LOG_IN] {
            for places in [[0, 1, 2], [3, 4, 5]] {
                let client = site.client();
                let message = pages.asked(&site, &client, &ann.phone).await;
                let code = message.code();
                let cookies = client.cookies();
                let mut kept = cookies.iter();
                let kept = kept.find(|it| it.name == pages.cookie);
                let key = kept.expect("the browser has the key").value.clone();
                for place in (0..43).step_by(7) {
                    let thief = client.thief();
                    let flipped = if key[place..].starts_with('A') {
                        "B"
                    } else {
                        "A"
                    };
                    let forged = format!("{}{flipped}{}", &key[..place], &key[place + 1..]);
                    thief.forget(pages.cookie);
                    thief.plant(pages.cookie, &forged);
                    assert_eq!(pages.typed(&thief, code).await, 400, "{place}");
                }
                for place in places {
                    let flipped = if code[place..].starts_with('0') {
                        "1"
                    } else {
                        "0"
                    };
                    let forged = format!("{}{flipped}{}", &code[..place], &code[place + 1..]);
                    assert_eq!(pages.typed(&client, &forged).await, 400, "{place}");
                }
                let kind = database.kind();
                assert_eq!(pages.typed(&client, code).await, 302, "{kind:?}");
            }
        }
    }
}
