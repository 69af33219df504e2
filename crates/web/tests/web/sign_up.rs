//! Making an account.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, StatusCode};
use phone_auth_core::address::AddressKind;
use phone_auth_web::{Web, WebBuildErrorKind};

use crate::support::{Site, encode, sign_up_form, with};

const PATH: &str = "/accounts/signup/";

fn ann() -> Vec<(&'static str, &'static str)> {
    sign_up_form("ann", "ann@example.org", "+1 212 555 2368")
}

#[tokio::test]
async fn good_form_leads_to_log_in() {
    let site = Site::new();
    let answer = site.browser().post(PATH, &ann()).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.location(), "/accounts/login/?notice=signed-up");
    assert_eq!(site.store.user_count(), 1);
    assert_eq!(site.store.address_count(AddressKind::Email), 1);
    assert_eq!(site.store.address_count(AddressKind::Phone), 1);
}

#[tokio::test]
async fn all_problems_show_at_once() {
    let site = Site::new();
    let form = [
        ("first_name", ""),
        ("last_name", "Smith"),
        ("username", "a b"),
        ("email", "ann"),
        ("phone", "12345"),
        ("password", "1234567"),
        ("confirm_password", "other"),
    ];
    let answer = site.browser().post(PATH, &form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    for (field, error) in [
        ("first_name", "This field is required."),
        ("username", "Use letters, digits, and . - _"),
        ("email", "Enter a valid email address"),
        ("phone", "Enter a valid phone number"),
        ("password", "This password is too short."),
        ("confirm_password", "The passwords don’t match."),
    ] {
        assert!(
            answer.error_at(field).contains(error),
            "{field}: {}",
            answer.body
        );
        assert!(answer.control(field).contains("aria-invalid=\"true\""));
        assert!(answer.body.contains(&format!("<a href=\"#id_{field}\">")));
    }
    assert!(!answer.control("last_name").contains("aria-invalid"));
    assert_eq!(site.store.user_count(), 0);
}

#[tokio::test]
async fn typed_text_is_kept_without_passwords() {
    let site = Site::new();
    let form = with(ann(), "email", "\"><script>");
    let answer = site.browser().post(PATH, &form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.control("first_name").contains("value=\"Ann\""));
    assert!(
        answer
            .control("phone")
            .contains("value=\"+1 212 555 2368\"")
    );
    assert!(
        answer
            .control("email")
            .contains("value=\"&quot;&gt;&lt;script&gt;\"")
    );
    assert!(!answer.body.contains("<script"));
    assert!(!answer.body.contains("correct horse"));
}

#[tokio::test]
async fn taken_names_are_told_apart() {
    let site = Site::new();
    site.browser().post(PATH, &ann()).await;
    let form = sign_up_form("ANN", "Ann@Example.org", "+12125552368");
    let answer = site.browser().post(PATH, &form).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.error_at("username"),
        "This username is already in use. Choose another one."
    );
    assert_eq!(
        answer.error_at("email"),
        "This email address is already in use. Sign in, or reset your password."
    );
    assert_eq!(
        answer.error_at("phone"),
        "This phone number is already in use. Sign in, or reset your password."
    );
    assert_eq!(site.store.user_count(), 1);
}

#[tokio::test]
async fn optional_fields_may_be_empty() {
    let site = Site::with(|settings| {
        settings.register_username_required = false;
        settings.register_email_required = false;
        settings.register_fname_required = false;
        settings.register_lname_required = false;
        settings.register_confirm_password_required = false;
    });
    let page = site.browser().get(PATH).await;
    for field in [
        "username",
        "email",
        "first_name",
        "last_name",
        "confirm_password",
    ] {
        assert!(!page.control(field).contains(" required"), "{field}");
    }
    assert!(page.control("phone").contains(" required"));
    let form = [
        ("phone", "+12125552368"),
        ("password", "correct horse battery"),
    ];
    let answer = site.browser().post(PATH, &form).await;
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    assert_eq!(site.store.address_count(AddressKind::Email), 0);
}

#[tokio::test]
async fn odd_text_is_refused_at_its_field() {
    let site = Site::new();
    let long = "x".repeat(300);
    for field in ["first_name", "last_name", "username", "email", "phone"] {
        for text in ["a\u{0}b", "a\r\nb", "a\u{202e}b", long.as_str()] {
            let answer = site.browser().post(PATH, &with(ann(), field, text)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field} {text:?}");
            assert_ne!(answer.error_at(field), "", "{field} {text:?}");
        }
    }
    let answer = site
        .browser()
        .post(PATH, &with(ann(), "password", "a\u{0}bcdefghij"))
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_ne!(answer.error_at("password"), "");
    assert_eq!(site.store.user_count(), 0);
}

#[tokio::test]
async fn own_sign_up_page_takes_the_place() {
    let mut site = Site::built(|builder| builder.sign_up_at("/join/"));
    let own = Router::new().route("/join/", get("Join us"));
    let own = own.merge(site.router.clone());
    site = site.serving(|web| own.layer(web.login_required()));
    let mut browser = site.browser();
    assert_eq!(
        browser.get("/join/").await.body,
        "Join us",
        "open to those who have no account"
    );
    for path in ["/accounts/signup/", "/accounts/signup"] {
        let answer = browser.get(path).await;
        assert!(
            answer.heading() == "Page not found" || answer.location().contains("login"),
            "{path}"
        );
    }
    let page = browser.get("/accounts/login/?next=/tea/").await;
    assert!(
        page.body.contains("href=\"/join/?next=/tea/\""),
        "{}",
        page.body
    );
    assert!(!page.body.contains("/accounts/signup"), "{}", page.body);
    assert!(
        page.body.matches("href=\"/join/").count() > 1,
        "{}",
        page.body
    );
}

#[tokio::test]
async fn own_sign_up_page_is_no_goal_of_log_ins() {
    for (on, is_circle) in [
        ("/join/", true),
        ("/join", true),
        ("/join/?a=b#c", true),
        ("/joined/", false),
        ("/", false),
    ] {
        let site = Site::with(|settings| settings.login_redirect_url = on.to_owned());
        let web = Web::builder(site.web.accounts().clone(), site.web.site().clone());
        let refused = web.sign_up_at("/join/").build().err().map(|it| it.kind());
        let expected = is_circle.then_some(WebBuildErrorKind::SignUpCircle);
        assert_eq!(refused, expected, "{on}");
    }
}

/// Who has an account already goes on to where an invitation leads.
#[tokio::test]
async fn sign_up_page_leads_users_on() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for (query, leads) in [
        ("?next=/invite/7", "/invite/7"),
        ("", "/accounts/profile/"),
        ("?next=//evil.example/", "/accounts/profile/"),
    ] {
        let answer = ann.get(&format!("{PATH}{query}")).await;
        assert_eq!(answer.location(), leads, "{query}");
    }
}

/// A browser that keeps no cookies is signed in for nothing: the log-in page says why.
#[tokio::test]
async fn blocked_cookies_are_told_after_signing_up() {
    let site = Site::with(|settings| settings.verify_at_sign_up = true);
    let form = sign_up_form("ann", "ann@example.org", "+12125552368");
    // The second has the answer of the first, but for a browser that says nothing: it goes straight on.
    for (mode, leads) in [
        ("navigate", "/accounts/login/?notice=cookies"),
        ("cors", "/accounts/user_verification/?notice=welcome"),
    ] {
        let request = site.browser().request(Method::POST, PATH);
        let request = request
            .header("origin", "http://site.example")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", mode);
        let body = Body::from(encode(&form));
        let answer = site.send(request.body(body).unwrap()).await;
        assert!(
            answer.location().starts_with(leads),
            "{}",
            answer.location()
        );
    }
}

/// The form that made an account, sent by who is signed in to another one.
#[tokio::test]
async fn sign_up_of_another_user_is_no_repeat() {
    let site = Site::with(|settings| settings.verify_at_sign_up = true);
    let mut bob = site.bob().await;
    let form = sign_up_form("ann", "ann@example.org", "+12125552368");
    let mut ann = site.browser();
    let first = ann.post(PATH, &form).await;
    let second = ann.post(PATH, &form).await;
    assert_eq!(second.location(), first.location());
    let answer = bob.post(PATH, &form).await;
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.location());
}
