//! Confirming that it is them, before what changes who can get in.

use http::StatusCode;
use phone_auth_core::user::UserId;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

use crate::support::{PASSWORD, Site};

const PATH: &str = "/accounts/confirm_identity/";
const ADD: &str = "/accounts/email/add/";
const WAY: &str = "/accounts/confirm_identity/?next=/accounts/email/add/";

#[tokio::test]
async fn log_in_alone_adds_no_address() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut thief = site.browser();
    site.ann_logs_in(&mut thief).await;
    let shown = thief.get(ADD).await;
    assert_eq!(shown.status, StatusCode::FOUND);
    assert_eq!(shown.location(), WAY);
    for (path, field, typed) in [
        (ADD, "email", "thief@example.org"),
        ("/accounts/phone/add/", "phone", "+12125552399"),
    ] {
        let answer = thief.post(path, &[(field, typed)]).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.location(), format!("{PATH}?next={path}"));
        let account = thief.get("/accounts/user_verification/").await;
        assert!(!account.body.contains(typed), "{path}");
    }
}

#[tokio::test]
async fn proof_leads_back() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut ann = site.browser();
    site.ann_logs_in(&mut ann).await;
    let page = ann.get(WAY).await;
    assert_eq!(page.heading(), "Confirm it’s you");
    assert!(
        page.body
            .contains(r#"name="next" value="/accounts/email/add/""#)
    );

    let before = ann.cookies["sessionid"].clone();
    for (password, words) in [
        ("", "This field is required."),
        ("a guess", "That password is not right."),
    ] {
        let fields = [("password", password), ("next", ADD)];
        let wrong = ann.post(PATH, &fields).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
        assert!(wrong.error_at("password").contains(words), "{}", wrong.body);
        assert!(wrong.body.contains(r#"value="/accounts/email/add/""#));
        assert!(password.is_empty() || !wrong.body.contains(password));
    }
    let answer = ann
        .post(PATH, &[("password", PASSWORD), ("next", ADD)])
        .await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.location(), ADD);
    assert_ne!(ann.cookies["sessionid"], before, "another key");
    assert_eq!(ann.get(ADD).await.status, StatusCode::OK);
    let added = ann.post(ADD, &[("email", "ann@work.example")]).await;
    assert_eq!(added.location(), "/accounts/user_verification/");
}

#[tokio::test]
async fn proof_leads_to_this_site_only() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for next in ["", "https://evil.example/", "//evil.example/", WAY] {
        let fields = [("password", PASSWORD), ("next", next)];
        let answer = ann.post(PATH, &fields).await;
        assert_eq!(answer.location(), "/accounts/profile/", "{next}");
    }
}

#[tokio::test]
async fn nobody_confirms_nothing() {
    let site = Site::new();
    let mut nobody = site.browser();
    let shown = nobody.get(WAY).await;
    assert!(shown.location().starts_with("/accounts/login/?next="));
    let sent = nobody.post(PATH, &[("password", PASSWORD)]).await;
    assert!(
        sent.location()
            .starts_with("/accounts/login/?notice=signed-out")
    );
}

#[tokio::test]
async fn second_click_is_answered_alike() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut ann = site.browser();
    site.ann_logs_in(&mut ann).await;
    let page = ann.get(WAY).await;
    let token = page.hidden("form_token").to_owned();
    let fields = [
        ("password", PASSWORD),
        ("next", ADD),
        ("form_token", &token),
    ];
    let before = ann.cookies.clone();
    ann.post(PATH, &fields).await;
    // The browser left before it had the answer.
    ann.cookies = before;
    let again = ann.post(PATH, &fields).await;
    assert_eq!(again.location(), ADD);
    assert_eq!(ann.get(ADD).await.status, StatusCode::OK);
}

/// Who has no password is sent where they can prove themselves, or told that it is not by this page: to sign in once more is no
/// proof where there are no codes.
#[tokio::test]
async fn user_without_a_password_is_told_the_way() {
    for (has_codes, says, not) in [
        (true, "Sign in once more with a code", "Ask "),
        (false, "no other way to confirm", "Sign in"),
    ] {
        let site = Site::with(|settings| settings.login_by_code = has_codes);
        site.ann_signed_up().await;
        let ann = UserId::new(1);
        let unusable = ExternalChange::SetPassword(ann, "!".to_owned());
        site.store.make(unusable).await;
        let begun = site.web.accounts().begin_session(ann, None).await.unwrap();
        let mut browser = site.browser();
        let key = begun.key.reveal().to_owned();
        browser.cookies.insert("sessionid".to_owned(), key);
        assert_eq!(browser.get(ADD).await.location(), WAY);
        let page = browser.get(WAY).await;
        assert_eq!(page.status, StatusCode::OK);
        let (_, card) = page.body.split_once("<h1>").unwrap();
        assert!(card.contains(says) && !card.contains(not), "{card}");
        assert!(!card.contains("type=\"password\""), "{card}");
        // A form from before the password was gone is answered alike.
        let sent = browser.post(PATH, &[("password", PASSWORD)]).await;
        assert_eq!(sent.status, StatusCode::BAD_REQUEST);
        let (_, card) = sent.body.split_once("<h1>").unwrap();
        assert!(card.contains(says) && !card.contains(not), "{card}");
        assert_eq!(browser.get(ADD).await.location(), WAY);
        // The application knows better: by its single sign-on, say.
        let accounts = site.web.accounts();
        let user = accounts.current_user(&begun.key).await.unwrap().unwrap();
        let key = accounts.record_proof(&user).await.unwrap();
        let key = key.reveal().to_owned();
        browser.cookies.insert("sessionid".to_owned(), key);
        assert_eq!(browser.get(ADD).await.status, StatusCode::OK);
    }
}
