//! Paths without their final slash, hosts that nobody configured, and methods that nobody serves.

use axum::body::Body;
use http::header::HOST;
use http::{Method, Request, StatusCode};
use phone_auth_events::ResetPasswordEmail;

use crate::support::{Site, encode};

#[tokio::test]
async fn missing_slash_is_added() {
    let site = Site::new();
    for path in [
        "/accounts/signup",
        "/accounts/login",
        "/accounts/logout",
        "/accounts/password_reset",
        "/accounts/password_reset_done",
        "/accounts/password_reset_confirm/MQ/token",
        "/accounts/password_reset_complete",
        "/accounts/change_password",
        "/accounts/change_password_done",
        "/accounts/user_verification",
        "/accounts/user_verification_confirm/x/y",
        "/accounts/phone/add",
        "/accounts/email/add",
        "/accounts/profile",
        "/members/email",
        "/members/phone",
    ] {
        for method in [Method::GET, Method::HEAD] {
            let asked = format!("{path}?next=/a/&b=%20");
            let answer = site.browser().ask(method, &asked).await;
            assert_eq!(answer.status, StatusCode::MOVED_PERMANENTLY, "{path}");
            assert_eq!(answer.location(), format!("{path}/?next=/a/&b=%20"));
        }
        let answer = site.browser().post(path, &[("a", "1")]).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answer.location(), format!("{path}/"));
    }
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let site = Site::new();
    for path in [
        "/accounts/",
        "/accounts",
        "/accounts/nothing/",
        "/nothing",
        "//evil.example/",
    ] {
        let answer = site.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.heading(), "Page not found");
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let site = Site::new();
    for (path, allowed) in [
        ("/accounts/login/", "GET,HEAD,POST"),
        ("/accounts/password_reset_done/", "GET,HEAD"),
        ("/accounts/profile/", "GET,HEAD"),
    ] {
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = site.browser().ask(method.clone(), path).await;
            assert_eq!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            assert_eq!(answer.header("allow"), allowed);
        }
    }
    let answer = site
        .browser()
        .post("/accounts/password_reset_done/", &[])
        .await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn head_answers_like_get() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for path in [
        "/",
        "/accounts/login/",
        "/accounts/profile/",
        "/accounts/user_verification/",
    ] {
        let got = ann.get(path).await;
        let head = ann.ask(Method::HEAD, path).await;
        assert_eq!(head.status, got.status, "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"));
        assert_eq!(head.body, "");
    }
}

#[tokio::test]
async fn foreign_host_reaches_no_link() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut sent = site.capture::<ResetPasswordEmail>();
    let evil = |method: Method, path: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "evil.example")
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "gopher")
            .header("forwarded", "host=evil.example")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
    };
    let form = Body::from(encode(&[("login", "ann@example.org")]));
    let asked = evil(Method::POST, "/accounts/password_reset/")
        .body(form)
        .unwrap();
    let answer = site.send(asked).await;
    assert_eq!(answer.location(), "/accounts/password_reset_done/");
    let link = sent.take().remove(0).url;
    assert!(
        link.as_str()
            .starts_with("/accounts/password_reset_confirm/")
    );
    for path in [
        "/accounts/login",
        "/accounts/login/",
        "/members/email/",
        link.as_str(),
    ] {
        let answer = site
            .send(evil(Method::GET, path).body(Body::empty()).unwrap())
            .await;
        assert!(!answer.body.contains("evil"), "{path}");
        for (_, value) in &answer.headers {
            assert!(!value.to_str().unwrap().contains("evil"), "{path}");
        }
    }
}
