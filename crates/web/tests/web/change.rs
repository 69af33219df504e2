//! Changing a password, and adding addresses.

use http::StatusCode;
use phone_auth_core::address::AddressKind;

use crate::support::{PASSWORD, Site};

const PATH: &str = "/accounts/change_password/";
const NEW: &str = "another long password";
const VERIFY_IT: &str = "Choose Verify beside it, and we send you a code.";

fn form<'a>(old: &'a str, new1: &'a str, new2: &'a str) -> [(&'static str, &'a str); 3] {
    [
        ("old_password", old),
        ("new_password1", new1),
        ("new_password2", new2),
    ]
}

#[tokio::test]
async fn change_keeps_this_session_only() {
    let site = Site::new();
    let mut here = site.ann().await;
    let mut elsewhere = site.browser();
    site.ann_logs_in(&mut elsewhere).await;

    let before = here.cookies["sessionid"].clone();
    let answer = here.post(PATH, &form(PASSWORD, NEW, NEW)).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_ne!(here.cookies["sessionid"], before);
    let mut thief = site.browser();
    thief.cookies.insert("sessionid".to_owned(), before);
    assert_eq!(
        thief.get("/accounts/profile/").await.status,
        StatusCode::FOUND
    );
    assert_eq!(answer.location(), "/accounts/change_password_done/");
    let done = here.get("/accounts/change_password_done/").await;
    assert_eq!(done.heading(), "Password change successful");
    assert_eq!(
        elsewhere.get("/accounts/profile/").await.status,
        StatusCode::FOUND
    );
    assert_eq!(
        site.browser().log_in("ann", NEW).await.status,
        StatusCode::FOUND
    );
}

#[tokio::test]
async fn wrong_form_keeps_the_session() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for (fields, field, error) in [
        (
            form("wrong", NEW, NEW),
            "old_password",
            "entered incorrectly",
        ),
        (
            form(PASSWORD, NEW, "x"),
            "new_password2",
            "passwords don’t match",
        ),
        (
            form(PASSWORD, "12345678901", "12345678901"),
            "new_password1",
            "letters as well as digits",
        ),
        (form("", "", ""), "old_password", "This field is required."),
        (form("a\u{0}", NEW, NEW), "old_password", "Remove"),
    ] {
        let answer = ann.post(PATH, &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.error_at(field).contains(error), "{}", answer.body);
        assert_eq!(ann.get(PATH).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn added_addresses_are_listed() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for (path, field, typed, shown) in [
        (
            "/accounts/email/add/",
            "email",
            "Ann@Work.example",
            "ann@work.example",
        ),
        (
            "/accounts/phone/add/",
            "phone",
            "+44 20 7946 0958",
            "+44 20 7946 0958",
        ),
    ] {
        let answer = ann.post(path, &[(field, typed)]).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        let way = format!("/accounts/user_verification/?notice={field}-added");
        assert_eq!(answer.location(), way);
        let page = ann.get(&way).await;
        assert!(page.body.contains(shown));
        assert!(page.body.contains(VERIFY_IT), "{}", page.body);
    }
}

/// No button is spoken of that is not there.
#[tokio::test]
async fn added_address_is_told_how_it_is_verified() {
    let site = Site::without_senders(&["verify_phone"]);
    let mut ann = site.ann().await;
    for (kind, is_sent) in [("email", true), ("phone", false)] {
        let page = format!("/accounts/user_verification/?notice={kind}-added");
        let page = ann.get(&page).await;
        assert!(page.body.contains(" was added"), "{}", page.body);
        assert_eq!(page.body.contains(VERIFY_IT), is_sent, "{}", page.body);
    }
}

/// The same is said of an address that another has.
#[tokio::test]
async fn added_address_of_another_is_told_alike() {
    let site = Site::with(|settings| {
        settings.conceal_accounts = true;
        settings.verify_at_sign_up = true;
    });
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    assert_eq!(ann.get(&link).await.status, StatusCode::OK);
    let mut bob = site.bob().await;
    let mut told = Vec::new();
    for email in ["ann@example.org", "nan@example.org"] {
        let answer = bob.post("/accounts/email/add/", &[("email", email)]).await;
        let page = bob.get(answer.location()).await.body;
        let (_, notice) = page.split_once(" was added").unwrap();
        let (notice, _) = notice.split_once("</div>").unwrap();
        assert!(notice.contains(VERIFY_IT), "{notice}");
        told.push((answer.location().to_owned(), notice.to_owned()));
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn taken_addresses_are_refused() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for link in [ann.email_link().await, ann.phone_link().await] {
        assert_eq!(ann.get(&link).await.status, StatusCode::OK);
    }
    let mut bob = site.bob().await;
    for (path, field, typed, error) in [
        (
            "/accounts/email/add/",
            "email",
            "ANN@example.org",
            "This email address is already in use.",
        ),
        (
            "/accounts/phone/add/",
            "phone",
            "+1-212-555-2368",
            "This phone number is already in use.",
        ),
        (
            "/accounts/email/add/",
            "email",
            "",
            "This field is required.",
        ),
        (
            "/accounts/phone/add/",
            "phone",
            "555",
            "Enter a valid phone number",
        ),
        (
            "/accounts/phone/add/",
            "phone",
            "+12125552368;ext=777",
            "Enter a valid phone number",
        ),
        (
            "/accounts/email/add/",
            "email",
            "mıke@example.org",
            "Enter a valid email address",
        ),
        (
            "/accounts/email/add/",
            "email",
            "a\u{0}@example.org",
            "Remove",
        ),
    ] {
        let answer = bob.post(path, &[(field, typed)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{typed:?}");
        assert!(answer.error_at(field).contains(error), "{}", answer.body);
        assert!(!answer.control(field).contains('\u{0}'));
    }
    assert_eq!(site.store.address_count(AddressKind::Email), 2);
    assert_eq!(site.store.address_count(AddressKind::Phone), 2);
}

#[tokio::test]
async fn strangers_must_log_in() {
    let site = Site::new();
    for path in [
        PATH,
        "/accounts/change_password_done/",
        "/accounts/user_verification/",
        "/accounts/email/add/",
        "/accounts/phone/add/",
    ] {
        let answer = site.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{path}");
        assert_eq!(answer.location(), format!("/accounts/login/?next={path}"));
        if path != "/accounts/change_password_done/" {
            let answer = site.browser().post(path, &[]).await;
            let told = format!("/accounts/login/?notice=signed-out&next={path}");
            assert_eq!(answer.location(), told);
        }
    }
}
