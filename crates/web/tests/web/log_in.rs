//! Beginning a session.

use axum::body::Body;
use http::{Method, StatusCode};

use crate::support::{Browser, PASSWORD, Site, encode};

const PATH: &str = "/accounts/login/";

#[tokio::test]
async fn every_name_logs_in() {
    let site = Site::new();
    site.ann().await;
    for login in ["ann", "ann@example.org", "+1 212 555 2368"] {
        let mut browser = site.browser();
        let answer = browser.log_in(login, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{login}");
        assert_eq!(answer.location(), "/accounts/profile/");
        let profile = browser.get("/accounts/profile/").await;
        assert!(profile.body.contains("<dd>ann</dd>"));
    }
}

#[tokio::test]
async fn refusals_are_all_alike() {
    let site = Site::new();
    site.ann().await;
    let refused = async |login: &'static str, password| {
        let mut answer = site.browser().log_in(login, password).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(
            answer.error_at("login"),
            "That email, phone number or username and password don’t match."
        );
        assert!(answer.set_cookie("sessionid").is_none());
        let token = answer.csrf_token().to_owned();
        answer.body = answer.body.replace(&token, "").replace(login, "");
        answer.body
    };
    let known = refused("ann@example.org", "wrong").await;
    assert_eq!(known, refused("eve@example.org", "wrong").await);
}

#[tokio::test]
async fn empty_form_names_both_fields() {
    let site = Site::new();
    let answer = site.browser().post(PATH, &[]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.error_at("login"), "This field is required.");
    assert_eq!(answer.error_at("password"), "This field is required.");
}

#[tokio::test]
async fn login_is_kept_and_password_forgotten() {
    let site = Site::new();
    let answer = site.browser().log_in("nobody", "my secret words").await;
    assert!(answer.control("login").contains("value=\"nobody\""));
    assert!(!answer.body.contains("my secret words"));
}

#[tokio::test]
async fn next_is_followed() {
    let site = Site::new();
    site.ann().await;
    let form = [
        ("login", "ann"),
        ("password", PASSWORD),
        ("next", "/members/email/?a=1"),
    ];
    let answer = site.browser().post(PATH, &form).await;
    assert_eq!(answer.location(), "/members/email/?a=1");

    let form = [("login", "ann"), ("password", PASSWORD)];
    let answer = site
        .browser()
        .post("/accounts/login/?next=/orders/", &form)
        .await;
    assert_eq!(answer.location(), "/orders/");
}

#[tokio::test]
async fn next_survives_a_refusal() {
    let site = Site::new();
    let page = site
        .browser()
        .get("/accounts/login/?next=/orders/%3Fa%3D1")
        .await;
    assert!(page.control("next").contains("value=\"/orders/?a=1\""));
    let form = [("login", "ann"), ("password", "x"), ("next", "/orders/")];
    let answer = site.browser().post(PATH, &form).await;
    assert!(answer.control("next").contains("value=\"/orders/\""));
}

#[tokio::test]
async fn foreign_next_is_not_followed() {
    let site = Site::new();
    site.ann().await;
    for next in [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "\t//evil.example",
        "/\t/evil.example",
        "/..//evil.example",
        "/\0/evil.example",
        "",
    ] {
        let form = [("login", "ann"), ("password", PASSWORD), ("next", next)];
        let answer = site.browser().post(PATH, &form).await;
        assert_eq!(answer.location(), "/accounts/profile/", "{next:?}");
        let query = encode(&[("next", next)]);
        let page = site.browser().get(&format!("{PATH}?{query}")).await;
        assert!(!page.body.contains("name=\"next\""), "{next:?}");
        assert!(!page.body.contains("evil"), "{next:?}");
    }
}

#[tokio::test]
async fn logged_in_users_are_sent_on() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for (path, to) in [
        ("/accounts/login/", "/accounts/profile/"),
        ("/accounts/login/?next=/x/", "/x/"),
        (
            "/accounts/login/?next=/accounts/login/",
            "/accounts/profile/",
        ),
        (
            "/accounts/login/?next=/accounts/logout/",
            "/accounts/profile/",
        ),
        (
            "/accounts/login/?next=//evil.example/",
            "/accounts/profile/",
        ),
        ("/accounts/signup/", "/accounts/profile/"),
    ] {
        let answer = ann.get(path).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{path}");
        assert_eq!(answer.location(), to, "{path}");
    }
    let answer = ann.log_in("ann", PASSWORD).await;
    assert_eq!(answer.location(), "/accounts/profile/");
}

/// A browser that keeps no cookies cannot stay logged in: it is told so, and not sent round.
#[tokio::test]
async fn blocked_cookies_are_told() {
    let site = Site::new();
    site.ann_signed_up().await;
    let form = encode(&[("login", "ann"), ("password", PASSWORD), ("next", "/x/")]);
    let navigates = |browser: &Browser<'_>, cookies: Option<&str>| {
        let request = browser
            .request(Method::POST, PATH)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .header("sec-fetch-mode", "navigate");
        match cookies {
            Some(cookies) => request.header("cookie", cookies),
            None => request,
        }
        .body(Body::from(form.clone()))
        .unwrap()
    };
    let blocking = site.browser();
    let answer = site.send(navigates(&blocking, None)).await;
    assert_eq!(
        answer.location(),
        "/accounts/login/?notice=cookies&next=/x/"
    );
    let told = site.browser().get(answer.location()).await;
    assert!(told.body.contains("Your browser blocks cookies"));
    // One that kept the cookie of the page goes straight on.
    let cookie = format!("csrftoken={}", "A".repeat(22));
    let answer = site.send(navigates(&blocking, Some(&cookie))).await;
    assert_eq!(answer.location(), "/x/");
}

/// A log-in page waited in a tab while someone signed in in another.
#[tokio::test]
async fn log_in_page_of_another_tab_says_who_is_signed_in() {
    let site = Site::new();
    let bob = site.bob().await;
    drop(bob);
    let mut tab = site.ann().await;
    let form = |login| [("login", login), ("password", PASSWORD), ("next", "/x/")];
    let before = site.store.session_count();

    let wrong = [
        ("login", "bob"),
        ("password", "wrong horse"),
        ("next", "/x/"),
    ];
    let refused = tab.post(PATH, &wrong).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused
            .body
            .contains("You are signed in as <strong>Ann</strong>")
    );
    assert!(refused.body.contains("name=\"next\" value=\"/x/\""));

    let same = tab.post(PATH, &form("ann")).await;
    assert_eq!(same.location(), "/x/");
    assert!(
        tab.get("/accounts/profile/")
            .await
            .body
            .contains("<dd>ann</dd>")
    );

    let another = tab.post(PATH, &form("bob")).await;
    assert_eq!(another.location(), "/x/");
    assert!(
        tab.get("/accounts/profile/")
            .await
            .body
            .contains("<dd>bob</dd>")
    );
    assert_eq!(
        site.store.session_count(),
        before,
        "the session before has ended"
    );
}

#[tokio::test]
async fn label_follows_the_settings() {
    let site = Site::with(|settings| settings.authentication_methods.username = false);
    site.ann_signed_up().await;
    let page = site.browser().get(PATH).await;
    assert!(
        page.body
            .contains("<label for=\"id_login\">Email or phone number</label>")
    );
    let answer = site.browser().log_in("ann", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
