//! Paths without their final slash, hosts that nobody configured, and methods that nobody serves.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{HOST, HeaderValue};
use http::{Method, Request, StatusCode};
use phone_auth_core::settings::Methods;
use phone_auth_events::{LoginEmail, LoginPhone, ResetPasswordEmail, ResetPasswordPhone};
use phone_auth_web::LoggedIn;

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
        "/accounts/confirm_identity",
        "/accounts/close_account",
        "/accounts/close_account_done",
        "/accounts/export_account",
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
async fn short_ways_lead_to_pages() {
    let site = Site::new();
    for (path, to) in [
        ("/accounts/", "/accounts/user_verification/"),
        ("/accounts", "/accounts/user_verification/"),
        ("/.well-known/change-password", "/accounts/change_password/"),
    ] {
        let answer = site.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{path}");
        assert_eq!(answer.location(), to, "{path}");
    }
    // Where nobody has a password there is no page that changes it.
    let site = Site::with(|settings| {
        settings.authentication_methods = Methods {
            phone: true,
            email: false,
            username: false,
        };
        settings.login_by_code = true;
        settings.sign_up_by_code = true;
    });
    for path in ["/.well-known/change-password", "/accounts/change_password/"] {
        let answer = site.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// What a mail program adds to a link, or cuts off.
#[tokio::test]
async fn damaged_links_are_answered_in_words() {
    let site = Site::with(|settings| settings.login_by_code = true);
    let mut ann = site.ann().await;
    let mut links = vec![ann.email_link().await, ann.phone_link().await];
    for link in links.clone() {
        ann.get(&link).await;
    }
    let mut browser = site.browser();
    links.push(browser.reset_link("ann@example.org").await);
    let mut by_phone = site.capture::<ResetPasswordPhone>();
    let mut log_in_by_email = site.capture::<LoginEmail>();
    let mut log_in_by_phone = site.capture::<LoginPhone>();
    let (phone, email) = ([("login", "+12125552368")], [("login", "ann@example.org")]);
    browser.post("/accounts/password_reset/", &phone).await;
    for login in [phone, email] {
        browser.post("/accounts/login_code/", &login).await;
    }
    let more = [
        by_phone.take().remove(0).url,
        log_in_by_email.take().remove(0).url,
        log_in_by_phone.take().remove(0).url,
    ];
    links.extend(more.map(|url| url.as_str().to_owned()));
    for link in &links {
        for added in [".", ")", ").", "%3E", "%E2%80%9D", "&quot;"] {
            let answer = site.browser().get(&format!("{link}{added}")).await;
            if added.contains("quot") {
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{link}{added}");
            } else {
                assert_eq!(answer.location(), link, "{added}");
            }
        }
    }
    for page in [
        "password_reset_confirm",
        "user_verification_confirm",
        "login_confirm",
    ] {
        for cut in ["MQ/", "MQ", "MQ/abc-def.", "MQ/abc-def.)/"] {
            let path = format!("/accounts/{page}/{cut}");
            let mut browser = site.browser();
            let mut answer = browser.get(&path).await;
            if answer.status == StatusCode::MOVED_PERMANENTLY {
                let to = answer.location().to_owned();
                answer = browser.get(&to).await;
            }
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
            assert!(answer.body.contains("link"), "{path}");
        }
    }
}

/// A page that was not told who is logged in does not say that nobody is.
#[tokio::test]
async fn refusals_do_not_ask_to_sign_in() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", StatusCode::FORBIDDEN),
        (
            "content-type",
            "text/plain",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
    ] {
        let mut request = ann
            .request(Method::POST, "/accounts/change_password/")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from("a=b"))
            .unwrap();
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
        let answer = ann.send(request).await;
        assert_eq!(answer.status, status, "{name}");
        assert!(!answer.body.contains("/accounts/login/"), "{name}");
    }
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let site = Site::new();
    for path in ["/accounts/nothing/", "/nothing", "//evil.example/"] {
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
        ("/accounts/password_reset_done/", "GET,HEAD,POST"),
        ("/accounts/password_reset_complete/", "GET,HEAD"),
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
        .post("/accounts/password_reset_complete/", &[])
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
    assert_eq!(answer.location_of_code(), "/accounts/password_reset_done/");
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

#[tokio::test]
async fn nested_pages_are_refused() {
    let pages = ["/login/", "/signup/", "/login", "/"];
    let site = Site::new().serving(|web| {
        let nested = Router::new().nest("/club", web.router());
        nested.merge(Router::new().nest_service("/service", web.router()))
    });
    for nest in ["/club", "/service"] {
        for page in pages {
            let answer = site.browser().get(&format!("{nest}/accounts{page}")).await;
            assert_eq!(
                answer.status,
                StatusCode::INTERNAL_SERVER_ERROR,
                "{nest}{page}"
            );
            let policy = answer.headers.get("content-security-policy");
            assert!(policy.is_some(), "{nest}{page}");
        }
    }
    // Own pages of an application may be nested, and guards there lead to the account pages and back.
    let site = Site::new().serving(|web| {
        let hello = get(async |_: LoggedIn| "tea").with_state(web.clone());
        let own = Router::new().route("/hello/", hello);
        web.router().nest("/club", own)
    });
    assert_eq!(
        site.browser().get("/club/hello/").await.location(),
        "/accounts/login/?next=/club/hello/"
    );
    for page in pages {
        let answer = site.browser().get(&format!("/accounts{page}")).await;
        assert!(!answer.status.is_server_error(), "{page}");
    }
}
