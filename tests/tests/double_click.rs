//! Every form that changes something, sent by a double click in a real browser.

use phone_auth_tests::{Browser, BrowserOptions, Site, User};

#[tokio::test]
async fn double_click_is_answered_as_a_click() {
    let site = Site::options()
        .setting("login_by_code", "true")
        .start()
        .await;
    let browser = Browser::start(BrowserOptions {
        javascript: false,
        phone_width: None,
    })
    .await;
    let (ann, new, newest) = (User::new(), "walnut-Harbour-22", "copper-Lantern-33");
    let at = |path: &str| format!("{}{path}", site.origin());

    browser.goto(&at("/accounts/signup/")).await;
    for (name, value) in ann.fields() {
        browser.type_into(&name, &value).await;
    }
    browser.double_click_form_of("first_name").await;
    browser.arrives_at("/accounts/login/").await;
    browser.says("Your account is ready").await;

    browser.type_into("login", &ann.email).await;
    browser.type_into("password", &ann.password).await;
    browser.double_click_form_of("password").await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/accounts/email/add/")).await;
    browser.type_into("password", &ann.password).await;
    browser.double_click_form_of("password").await;
    browser.arrives_at("/accounts/email/add/").await;

    for (kind, more) in [
        ("email", User::another_email()),
        ("phone", User::another_phone()),
    ] {
        browser.goto(&at(&format!("/accounts/{kind}/add/"))).await;
        browser.type_into(kind, &more).await;
        browser.double_click_form_of(kind).await;
        browser.arrives_at("/accounts/user_verification/").await;
        browser.says(&more).await;
    }

    browser.double_click_form_of("method").await;
    browser.arrives_at("/accounts/user_verification/").await;
    browser.says("We sent a message").await;
    let line = site.printed("verify_email", &ann.email).await;
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser.arrives_at("/accounts/user_verification/").await;
    browser.says("is confirmed").await;

    browser.goto(&at("/accounts/change_password/")).await;
    browser.type_into("old_password", &ann.password).await;
    browser.type_into("new_password1", new).await;
    browser.type_into("new_password2", new).await;
    browser.double_click_form_of("old_password").await;
    browser.arrives_at("/accounts/change_password_done/").await;
    // The session goes on.
    browser.goto(&at("/accounts/profile/")).await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/accounts/logout/")).await;
    browser.double_click_form_of("csrfmiddlewaretoken").await;
    browser.arrives_at("/").await;
    browser.says("Sign up, and sign in").await;

    browser.goto(&at("/accounts/password_reset/")).await;
    browser.type_into("login", &ann.email).await;
    browser.double_click_form_of("login").await;
    browser.arrives_at("/accounts/password_reset_done/").await;
    let line = site.printed("reset_password_email", &ann.email).await;
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser
        .arrives_at(&line.url().replace(line.token(), "set-password"))
        .await;
    browser.type_into("new_password1", newest).await;
    browser.type_into("new_password2", newest).await;
    browser.double_click_form_of("new_password1").await;
    browser
        .arrives_at("/accounts/password_reset_complete/")
        .await;

    browser.goto(&at("/accounts/login/")).await;
    browser.type_into("login", &ann.email).await;
    browser.type_into("password", newest).await;
    browser.double_click_form_of("password").await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/accounts/logout/")).await;
    browser.double_click_form_of("csrfmiddlewaretoken").await;
    browser.arrives_at("/").await;
    browser.goto(&at("/accounts/login_code/")).await;
    browser.type_into("login", &ann.email).await;
    browser.double_click_form_of("login").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    let line = site.printed("login_email", &ann.email).await;
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser.arrives_at("/accounts/profile/").await;
    browser.close().await;
}
