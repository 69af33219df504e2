//! A store that is locked, full or broken.

use http::StatusCode;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::ResetPasswordEmail;

use crate::support::{PASSWORD, Site, sign_up_form};

#[tokio::test]
async fn locked_store_is_unavailable() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    let reset = ann.reset_link("ann@example.org").await;
    let mut sent = site.capture::<ResetPasswordEmail>();
    site.store.fail_with(StoreErrorKind::Unavailable);

    let form = sign_up_form("bob", "bob@example.org", "+12125552369");
    let mut stranger = site.browser();
    let answers = [
        stranger.post("/accounts/signup/", &form).await,
        stranger.log_in("ann", PASSWORD).await,
        stranger
            .post("/accounts/password_reset/", &[("login", "ann@example.org")])
            .await,
        stranger.get(&link).await,
        stranger.get(&reset).await,
        ann.get("/accounts/profile/").await,
        ann.get("/members/email/").await,
        ann.get("/accounts/user_verification/").await,
        ann.post("/accounts/logout/", &[]).await,
        ann.post("/accounts/change_password/", &[]).await,
        ann.post("/accounts/email/add/", &[("email", "a@b.example")])
            .await,
    ];
    for (index, answer) in answers.iter().enumerate() {
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "answer {index}"
        );
        assert_eq!(answer.retry_after(), "5");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(answer.heading(), "Too busy just now");
        // What a store has begun to write it may finish after it was given up.
        assert!(
            !answer.body.contains("nothing was changed"),
            "answer {index}"
        );
    }
    assert!(sent.take().is_empty());

    site.store.recover();
    assert_eq!(site.store.user_count(), 1);
    assert_eq!(ann.get("/accounts/profile/").await.status, StatusCode::OK);
    assert_eq!(ann.get("/members/email/").await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn broken_store_is_our_fault() {
    let site = Site::new();
    site.ann_signed_up().await;
    site.store.fail_with(StoreErrorKind::Broken);
    let answer = site.browser().log_in("ann", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.heading(), "Something went wrong");
    assert!(!answer.body.contains("store"));
}

#[tokio::test]
async fn pages_without_the_store_still_open() {
    let site = Site::new();
    site.store.fail_with(StoreErrorKind::Unavailable);
    for path in [
        "/",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password_reset/",
    ] {
        assert_eq!(
            site.browser().get(path).await.status,
            StatusCode::OK,
            "{path}"
        );
    }
}

/// Whatever call of the store it is that finds the user gone, or finds a row of others in the way: nothing is our fault.
#[tokio::test]
async fn what_others_did_is_not_our_fault() {
    for (kind, heading) in [
        (StoreErrorKind::NoSuchUser, ""),
        (StoreErrorKind::Referenced, "That can’t be done yet"),
    ] {
        let site = Site::new();
        let mut ann = site.ann().await;
        let address = format!(
            "/accounts/address/?method=phone&pk={}",
            ann.pk("phone").await
        );
        let forms: [(&str, &[(&str, &str)]); 5] = [
            ("/accounts/email/add/", &[("email", "ann@work.example")]),
            ("/accounts/change_password/", &[("old_password", PASSWORD)]),
            ("/accounts/sessions/", &[("session", "others")]),
            ("/accounts/close_account/", &[]),
            (&address, &[("action", "remove")]),
        ];
        for (path, fields) in forms {
            let mut told = 0;
            for calls in 0..4 {
                site.store.fail_after(calls, kind);
                let answer = ann.post(path, fields).await;
                site.store.recover();
                let status = answer.status;
                assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path} {calls}");
                let is_told = if heading.is_empty() {
                    answer
                        .location()
                        .starts_with("/accounts/login/?notice=signed-out")
                } else {
                    status == StatusCode::CONFLICT
                        && answer.heading() == heading
                        && answer.body.contains("nothing was changed")
                };
                told += u32::from(is_told);
            }
            assert!(told > 0, "{kind:?} {path}");
        }
    }
}
