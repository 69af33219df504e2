//! The headers of every answer.

use axum::Router;
use axum::routing::{get, post};
use http::header::CACHE_CONTROL;
use http::{Method, StatusCode};
use phone_auth_web::{LoggedIn, RequestContext, SubmittedForm, VerifiedEmail, Web};

use crate::support::Site;

/// One address for each kind of answer: pages, redirects, refusals, and what does not exist.
const PATHS: [&str; 12] = [
    "/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/logout/",
    "/accounts/password_reset/",
    "/accounts/password_reset_done/",
    "/accounts/password_reset_confirm/MQ/x/",
    "/accounts/user_verification/",
    "/accounts/user_verification_confirm/x/y/",
    "/accounts/profile/",
    "/members/email/",
    "/no/such/page/",
];

#[tokio::test]
async fn every_page_is_locked_down() {
    let site = Site::new();
    for path in PATHS {
        for method in [Method::GET, Method::HEAD, Method::DELETE] {
            let answer = site.browser().ask(method.clone(), path).await;
            let policy = answer.header("content-security-policy");
            for part in [
                "default-src 'none'",
                "style-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(part), "{method} {path}: {policy}");
            }
            assert!(!policy.contains("unsafe"));
            assert_eq!(answer.header("x-frame-options"), "DENY");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
            assert_eq!(
                answer.header("cache-control"),
                "private, no-store",
                "{path}"
            );
            assert_eq!(answer.header("vary"), "Cookie");
            let referrer = answer.header("referrer-policy");
            assert!(
                ["same-origin", "no-referrer"].contains(&referrer),
                "{path}: {referrer}"
            );
            assert_eq!(answer.header("strict-transport-security"), "");
        }
    }
}

#[tokio::test]
async fn https_is_remembered() {
    let site = Site::https(|builder| builder);
    let answer = site.browser().get("/accounts/login/").await;
    assert_eq!(
        answer.header("strict-transport-security"),
        "max-age=63072000"
    );
}

#[tokio::test]
async fn forms_send_their_origin() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let link = ann.reset_link("ann@example.org").await;
    let form = ann.get(&link).await.location().to_owned();
    for path in [
        form.as_str(),
        "/accounts/logout/",
        "/accounts/change_password/",
    ] {
        let answer = ann.get(path).await;
        assert!(answer.body.contains("<form"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn pages_hold_no_code() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for path in PATHS {
        for answer in [ann.get(path).await, site.browser().get(path).await] {
            for code in ["<script", "<style", " style=", " onclick", "javascript:"] {
                assert!(!answer.body.contains(code), "{path}: {code}");
            }
        }
    }
}

#[tokio::test]
async fn stylesheet_is_kept_for_ever() {
    let site = Site::new();
    let page = site.browser().get("/accounts/login/").await;
    let path = site.web.stylesheet();
    assert!(path.starts_with("/accounts/static/phone_auth."));
    assert!(
        page.body
            .contains(&format!("<link rel=\"stylesheet\" href=\"{path}\">"))
    );
    let answer = site.browser().get(path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(
        answer.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(answer.header("vary"), "");
    assert!(answer.set_cookies().is_empty());
    assert!(!answer.body.contains("url("), "the sheet loads nothing");
}

#[tokio::test]
async fn policy_can_be_replaced() {
    let policy = "default-src 'self'; frame-ancestors 'none'";
    let site = Site::built(|builder| builder.content_security_policy(policy));
    let answer = site.browser().get("/").await;
    assert_eq!(answer.header("content-security-policy"), policy);
}

/// An application whose pages ask who is logged in, or do not, behind one layer.
fn application(web: &Web) -> Router {
    let said = |value: &'static str| get(async move |_: RequestContext| [(CACHE_CONTROL, value)]);
    Router::new()
        .route("/public/", get("tea"))
        .route("/extractor/", get(async |_: Option<LoggedIn>| "tea"))
        .route("/refused/", get(async |_: VerifiedEmail| "tea"))
        .route("/context/", get(async |_: RequestContext| "tea"))
        .route("/form/", post(async |_: SubmittedForm| "tea"))
        .route("/own/", said("max-age=60"))
        .route("/for-all/", said("public, max-age=60"))
        .route("/guarded/", get("tea").layer(web.login_required()))
        .with_state(web.clone())
        .merge(web.router())
        .layer(web.layer())
}

#[tokio::test]
async fn answers_about_users_are_private() {
    let site = Site::new().serving(application);
    let mut ann = site.ann().await;
    for (path, cache, vary) in [
        ("/public/", "", ""),
        ("/extractor/", "private, no-store", "Cookie"),
        ("/refused/", "private, no-store", "Cookie"),
        ("/context/", "private, no-store", "Cookie"),
        ("/guarded/", "private, no-store", "Cookie"),
        ("/own/", "max-age=60", "Cookie"),
        ("/for-all/", "public, max-age=60", ""),
        ("/accounts/login/", "private, no-store", "Cookie"),
    ] {
        for answer in [ann.get(path).await, site.browser().get(path).await] {
            let found = (answer.header("cache-control"), answer.header("vary"));
            assert_eq!(found, (cache, vary), "{path}");
            let is_ours = path.starts_with("/accounts/");
            let policy = answer.header("content-security-policy");
            assert_eq!(!policy.is_empty(), is_ours, "{path}");
        }
    }
    let answer = ann.post("/form/", &[]).await;
    let found = (answer.header("cache-control"), answer.header("vary"));
    assert_eq!(
        (&*answer.body, found),
        ("tea", ("private, no-store", "Cookie"))
    );
}
