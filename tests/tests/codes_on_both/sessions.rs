//! Which session a code begins, ends, or has nothing to do with.

use phone_auth_tests::{Kind, OwnDatabase, other_code};

use crate::pages::{LOG_IN, NEW, RESET, sites};

/// Who signed up with the number of another has nothing of it once the owner has typed a code (X1).
#[tokio::test]
async fn first_code_ends_what_was_before() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let thief = site.member().await;
        let owner = site.client();
        let message = RESET.asked(&site, &owner, &thief.user.phone).await;
        let proven = owner.submit(RESET.done, [("code", message.code())]).await;
        let proven = proven.expect(302);
        let fields = [("new_password1", NEW), ("new_password2", NEW)];
        owner.submit(proven.location(), fields).await.expect(302);
        assert!(!thief.client.is_logged_in().await, "{kind:?}");
        let again = site.client();
        let old = again
            .post_log_in(&thief.user.phone, &thief.user.password)
            .await;
        old.expect(400);
        owner.log_in(&thief.user.phone, NEW).await.expect(302);
    }
}

/// A code that one user asked for is nothing in the next one's session, in the same browser (X5).
#[tokio::test]
async fn code_of_one_is_nothing_for_the_next() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        let site = database.site().start().await;
        let (ann, bob) = (site.member().await, site.signed_up().await);
        let asked = ann
            .client
            .ask_verification(&ann.user.phone)
            .await
            .expect(200);
        let printed = site.nth_printed("verify_phone", &ann.user.phone, 1).await;
        let form = asked.page().form_with(&["code"]);
        let filled = form.filled(&[("code".to_owned(), printed.code().to_owned())]);
        ann.client.log_out().await;
        ann.client
            .log_in(&bob.username, &bob.password)
            .await
            .expect(302);
        let path = "/accounts/user_verification/";
        let refused = ann.client.send_form(path, &filled).await;
        assert!(
            [400, 409].contains(&refused.status),
            "{kind:?} {}",
            refused.status
        );
        assert_eq!(ann.client.unverified().await.len(), 2, "{kind:?}");
        let again = site.log_in(&ann.user).await;
        assert_eq!(again.client.unverified().await.len(), 2, "{kind:?}");
    }
    for (database, site, ann) in sites(|options| options).await {
        let (kind, bob) = (database.kind(), site.signed_up().await);
        for pages in [RESET, LOG_IN] {
            let client = site.client();
            let message = pages.asked(&site, &client, &ann.phone).await;
            let log_in = client.log_in(&bob.username, &bob.password).await;
            log_in.expect(302);
            for is_signed_out in [false, true] {
                if is_signed_out {
                    client.log_out().await;
                }
                let status = pages.typed(&client, message.code()).await;
                assert_eq!(status, 400, "{kind:?} {is_signed_out}");
                assert_eq!(client.is_logged_in().await, !is_signed_out, "{kind:?}");
            }
            let kept = client.cookies();
            let kept: Vec<_> = kept.iter().map(|it| it.name.as_str()).collect();
            assert!(!kept.contains(&pages.cookie), "{kind:?} {kept:?}");
        }
    }
}

/// There is no session before the last step (X11), a reset ends in none (O16), and one that has begun proves nothing more (X12),
/// also to a form that is sent without its page.
#[tokio::test]
async fn session_begins_last_and_is_no_proof() {
    for (database, site, ann) in sites(|options| options).await {
        let kind = database.kind();
        let sessions = || database.number("SELECT count(*) FROM phone_auth_session");
        let before = sessions();
        let client = site.client();
        let reset = RESET.asked(&site, &client, &ann.phone).await;
        let proven = client.submit(RESET.done, [("code", reset.code())]).await;
        assert_eq!(sessions(), before, "{kind:?}");
        let fields = [("new_password1", NEW), ("new_password2", NEW)];
        let set = client.submit(proven.expect(302).location(), fields).await;
        set.redirects_to("/accounts/password_reset_complete/");
        assert!(client.session_cookie().is_none());
        assert_eq!(sessions(), 0, "{kind:?}: the one from before is over");

        let message = LOG_IN.asked(&site, &client, &ann.phone).await;
        let wrong = other_code(message.code(), 1);
        assert_eq!(LOG_IN.typed(&client, &wrong).await, 400);
        assert!(client.session_cookie().is_none());
        assert_eq!(sessions(), 0, "{kind:?}");
        assert_eq!(LOG_IN.typed(&client, message.code()).await, 302);
        let by_password = site.client();
        by_password.log_in(&ann.phone, NEW).await.expect(302);
        assert_eq!(sessions(), 2, "{kind:?}");
        for client in [client, by_password] {
            let path = "/accounts/email/add/";
            for answer in [
                client.get(path).await,
                client.post(path, [("email", "thief@example.org")]).await,
            ] {
                let to = answer.expect(302).location().to_owned();
                assert!(to.starts_with("/accounts/confirm_identity/"), "{to}");
            }
        }
        assert!(!database.dump().contains("thief@example.org"), "{kind:?}");
    }
}
