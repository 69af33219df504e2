//! A site for phone numbers and codes alone: nobody has a password.

use http::StatusCode;
use phone_auth_core::accounts::SignUpForm;
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::Password;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_events::{Capture, LoginPhone, OneTimeCode};

use crate::support::{Browser, PASSWORD, Site};

const SIGN_UP: &str = "/accounts/signup/";
const LOG_IN: &str = "/accounts/login/";
const DONE: &str = "/accounts/login_code_done/";
const PHONE: &str = "+91 98765 43210";

fn by_code(settings: &mut Settings) {
    settings.authentication_methods = Methods {
        phone: true,
        email: false,
        username: false,
    };
    settings.login_by_code = true;
    settings.sign_up_by_code = true;
    settings.limits = LimitSettings::danger_none();
}

fn form(phone: &str) -> [(&str, &str); 4] {
    [
        ("first_name", "Ann"),
        ("last_name", "Smith"),
        ("phone", phone),
        ("next", "/members/phone/"),
    ]
}

fn code(texts: &mut Capture<LoginPhone>) -> String {
    let text = texts.take().pop().unwrap();
    let code = text.envelope.code.as_ref().map(OneTimeCode::as_str);
    code.unwrap().to_owned()
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/accounts/profile/").await.status == StatusCode::OK
}

#[tokio::test]
async fn two_pages_sign_up() {
    let site = Site::with(by_code);
    let mut texts = site.capture::<LoginPhone>();
    let mut ann = site.browser();
    let page = ann.get("/accounts/signup/?next=/members/phone/").await;
    assert!(page.body.contains("We will send you a code."));
    for absent in ["password\"", "name=\"username\"", "name=\"email\""] {
        assert!(!page.body.contains(absent), "{absent}: {}", page.body);
    }
    let asked = ann.post(SIGN_UP, &form(PHONE)).await;
    assert_eq!(
        asked.location_of_code(),
        format!("{DONE}?next=/members/phone/")
    );
    let to = asked.location().to_owned();
    let page = ann.get(&to).await;
    assert_eq!(page.heading(), "Enter the code");
    assert_eq!(page.hidden("next"), "/members/phone/");
    assert!(!is_signed_in(&mut ann).await);
    let sent = code(&mut texts);
    let fields = [("code", sent.as_str()), ("next", "/members/phone/")];
    let done = ann.post(DONE, &fields).await;
    assert_eq!(done.location(), "/members/phone/", "{}", done.body);
    // The number is proven.
    let members = ann.get("/members/phone/").await;
    assert_eq!(members.status, StatusCode::OK, "{}", members.body);

    // A code that has signed someone in is no proof; who is to change who gets in is asked for another.
    let add = ann.get("/accounts/phone/add/").await;
    let confirm = "/accounts/confirm_identity/?next=/accounts/phone/add/";
    assert_eq!(add.location(), confirm);
    let confirm = ann
        .get("/accounts/confirm_identity/?next=/accounts/phone/add/")
        .await;
    assert!(!confirm.body.contains("type=\"password\""));
    let next = "/accounts/phone/add/";
    let fields = [("to", confirm.hidden("to")), ("next", next)];
    let asked = ann.post("/accounts/confirm_identity/", &fields).await;
    let page = ann.get(asked.location()).await;
    let sent = code(&mut texts);
    let hidden = ["method", "pk", "next"].map(|name| (name, page.hidden(name)));
    let fields = [&hidden[..], &[("code", sent.as_str())]].concat();
    let done = ann.post("/accounts/confirm_identity/", &fields).await;
    assert_eq!(done.location(), next, "{}", done.body);
    let add = ann.get("/accounts/phone/add/").await;
    assert_eq!(add.status, StatusCode::OK);

    // The same number signs in, by any page.
    for page in [SIGN_UP, LOG_IN, "/accounts/login_code/"] {
        let mut elsewhere = site.browser();
        let mut fields = form(PHONE).to_vec();
        fields.push(("login", PHONE));
        let asked = elsewhere.post(page, &fields).await;
        assert!(asked.location().starts_with(DONE), "{page} {}", asked.body);
        let sent = code(&mut texts);
        elsewhere.post(DONE, &[("code", &sent)]).await;
        assert!(is_signed_in(&mut elsewhere).await, "{page}");
    }
}

/// One tab signs up, and another signs in with a number that has an account: each waits for its own code.
#[tokio::test]
async fn sign_up_and_sign_in_wait_for_a_code_each() {
    for signs_up_first in [true, false] {
        let site = Site::with(by_code);
        let mut texts = site.capture::<LoginPhone>();
        let mut bob = site.browser();
        bob.post(SIGN_UP, &form("+91 98765 43211")).await;
        let sent = code(&mut texts);
        bob.post(DONE, &[("code", &sent)]).await;

        let mut browser = site.browser();
        let mut tabs = Vec::new();
        for signs_up in [signs_up_first, !signs_up_first] {
            let asked = if signs_up {
                browser.post(SIGN_UP, &form(PHONE)).await
            } else {
                let login = [("login", "+91 98765 43211")];
                browser.post(LOG_IN, &login).await
            };
            let page = browser.get(asked.location()).await;
            tabs.push((page.hidden("asked").to_owned(), code(&mut texts)));
        }
        for (own, other) in [(0, 1), (1, 0)] {
            let fields = [("asked", &*tabs[own].0), ("code", &*tabs[other].1)];
            let answer = browser.post(DONE, &fields).await;
            let told = answer.error_at("code");
            assert!(told.contains("4 more times"), "{signs_up_first}: {told}");
        }
        let fields = [("asked", &*tabs[0].0), ("code", &*tabs[0].1)];
        let done = browser.post(DONE, &fields).await;
        assert_eq!(done.status, StatusCode::FOUND, "{}", done.body);
    }
}

#[tokio::test]
async fn no_page_asks_for_a_password() {
    let site = Site::with(by_code);
    let mut texts = site.capture::<LoginPhone>();
    let mut ann = site.browser();
    ann.post(SIGN_UP, &form(PHONE)).await;
    let sent = code(&mut texts);
    ann.post(DONE, &[("code", &sent)]).await;
    for path in [
        "/accounts/password_reset/",
        "/accounts/password_reset_done/",
        "/accounts/change_password/",
    ] {
        let page = ann.get(path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
    }
    let mut nobody = site.browser();
    for (is_ann, path) in [
        (false, LOG_IN),
        (true, "/accounts/profile/"),
        (true, "/accounts/user_verification/"),
        (true, "/accounts/login_code_done/"),
    ] {
        let browser = if is_ann { &mut ann } else { &mut nobody };
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        for word in ["password", "href=\"\""] {
            assert!(!page.body.contains(word), "{path} {word}: {}", page.body);
        }
    }
    let page = nobody.get("/accounts/login/?next=/members/phone/").await;
    assert_eq!(page.heading(), "Sign in with a code");
    assert_eq!(page.hidden("next"), "/members/phone/");
}

#[tokio::test]
async fn what_is_wrong_with_the_form_is_told() {
    let site = Site::with(by_code);
    let mut browser = site.browser();
    for phone in ["", "98765", "\u{0}"] {
        let answer = browser.post(SIGN_UP, &form(phone)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.error_at("phone").is_empty(), "{phone:?}");
    }
}

/// A user from before has a password, and no page takes it.
#[tokio::test]
async fn old_password_is_not_asked_for() {
    let site = Site::with(by_code);
    let mut texts = site.capture::<LoginPhone>();
    let form = SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: "ann",
        email: "",
        phone: PHONE,
        password: Password::new(PASSWORD),
        confirm_password: None,
    };
    let ann = site.web.accounts().create_user(form);
    let ann = ann.await.unwrap();
    let phone = site.web.accounts().addresses_of(ann.id).await.unwrap();
    let is_phone = |it: &&AddressRecord| it.kind == AddressKind::Phone;
    let phone = phone.iter().find(is_phone).unwrap();
    let verified = site.web.accounts().set_verified(&ann, phone, true);
    assert!(verified.await.unwrap().is_changed() && ann.password.is_usable());

    let mut browser = site.browser();
    browser.post(LOG_IN, &[("login", PHONE)]).await;
    browser.post(DONE, &[("code", &code(&mut texts))]).await;
    let add = browser.get("/accounts/phone/add/").await;
    let confirm = "/accounts/confirm_identity/?next=/accounts/phone/add/";
    assert_eq!(add.location(), confirm, "{}", add.body);
    let confirm = browser
        .get("/accounts/confirm_identity/?next=/accounts/phone/add/")
        .await;
    assert!(!confirm.body.contains("type=\"password\""));
    assert!(confirm.body.contains("Send a code"), "{}", confirm.body);
}
