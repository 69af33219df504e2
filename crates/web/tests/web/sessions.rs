//! The session cookie, from log-in to log-out.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::{Method, Request, StatusCode};
use phone_auth_core::session::SessionKey;
use phone_auth_core::user::UserId;
use phone_auth_web::{RequestContext, Web, WebBuildErrorKind, WebBuilder};

use crate::support::{Answer, PASSWORD, Site, encode};

/// Asks with these cookies, just as they are written.
async fn ask_with(site: &Site, method: Method, path: &str, cookies: &str) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "site.example")
        .header(ORIGIN, site.web.site().as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(COOKIE, cookies)
        .body(Body::empty())
        .unwrap();
    site.send(request).await
}

/// A key that has the form of ours and is nobody's.
fn tossed() -> String {
    SessionKey::from_bytes(&[7; 32]).reveal().to_owned()
}

#[tokio::test]
async fn cookie_has_every_flag() {
    let site = Site::https(|builder| builder);
    site.ann_signed_up().await;
    let answer = site.browser().log_in("ann", PASSWORD).await;
    let cookie = answer.set_cookie("__Host-sessionid").unwrap();
    let flags = cookie.split_once("; ").unwrap().1;
    assert_eq!(
        flags,
        "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=1209600"
    );
}

#[tokio::test]
async fn cookie_is_not_secure_over_http() {
    let site = Site::new();
    site.ann_signed_up().await;
    let answer = site.browser().log_in("ann", PASSWORD).await;
    let cookie = answer.set_cookie("sessionid").unwrap();
    assert!(!cookie.contains("Secure"));
}

#[tokio::test]
async fn names_of_cookies_can_be_chosen() {
    type Adjust = fn(WebBuilder) -> WebBuilder;
    let https: [(Adjust, &str, &str); 3] = [
        (|web| web, "__Host-sessionid", "__Host-csrftoken"),
        (|web| web.host_cookies(false), "sessionid", "csrftoken"),
        (
            |web| web.session_cookie_name("who"),
            "__Host-who",
            "__Host-csrftoken",
        ),
    ];
    for (adjust, session, csrf) in https {
        let site = Site::https(adjust);
        let mut ann = site.ann().await;
        assert!(ann.cookies.contains_key(session), "{session}");
        assert_eq!(ann.get("/accounts/profile/").await.status, StatusCode::OK);
        let page = ann.get("/accounts/logout/").await;
        assert!(page.set_cookie(csrf).is_some(), "{csrf}");
        assert_eq!(
            ann.post("/accounts/logout/", &[]).await.status,
            StatusCode::FOUND
        );
        assert!(!ann.cookies.contains_key(session), "{session}");
    }
    let site = Site::built(|web| web.session_cookie_name("who"));
    assert!(site.ann().await.cookies.contains_key("who"));

    for name in [
        "__Host-who",
        "__Secure-who",
        "csrftoken",
        "reset_token",
        "a b",
        "a;b",
        "",
    ] {
        let web = Site::new().web;
        let built = WebBuilder::session_cookie_name(
            Web::builder(web.accounts().clone(), web.site().clone()),
            name,
        );
        let error = built.build().unwrap_err();
        assert_eq!(error.kind(), WebBuildErrorKind::CookieName, "{name}");
    }
}

#[tokio::test]
async fn cookie_of_another_host_hides_no_session() {
    let site = Site::new();
    let ann = site.ann().await.cookies["sessionid"].clone();
    let bad = tossed();
    for cookies in [
        format!("sessionid={bad}; sessionid={ann}"),
        format!("sessionid={ann}; sessionid={bad}"),
        format!("sessionid=; sessionid={ann}"),
        format!("sessionid=x; sessionid=\"{ann}\""),
        format!("sessionid=\"{bad}\"; a=b; sessionid=\"{ann}\""),
        format!("sessionid={}; sessionid={ann}", "a".repeat(32)),
    ] {
        let page = ask_with(&site, Method::GET, "/accounts/profile/", &cookies).await;
        assert_eq!(page.status, StatusCode::OK, "{cookies}");
    }
}

#[tokio::test]
async fn log_out_ends_every_session_that_is_sent() {
    for swapped in [false, true] {
        let site = Site::new();
        let mut keys = [
            site.ann().await.cookies["sessionid"].clone(),
            site.bob().await.cookies["sessionid"].clone(),
        ];
        if swapped {
            keys.reverse();
        }
        let [a, b] = keys;
        let cookies = format!("sessionid={}; sessionid={a}; sessionid=\"{b}\"", tossed());
        let answer = ask_with(&site, Method::POST, "/accounts/logout/", &cookies).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(site.store.session_count(), 0);
    }
}

#[tokio::test]
async fn log_in_works_beside_a_tossed_cookie() {
    let site = Site::new();
    site.ann_signed_up().await;
    let bad = format!("sessionid={}", tossed());
    let form = encode(&[("login", "ann"), ("password", PASSWORD)]);
    let request = Request::post("/accounts/login/")
        .header(HOST, "site.example")
        .header(ORIGIN, site.web.site().as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(COOKIE, &bad);
    let answer = site.send(request.body(Body::from(form)).unwrap()).await;
    let set = answer.set_cookie("sessionid").unwrap();
    let ours = set.split(';').next().unwrap();
    let both = format!("{bad}; {ours}");
    let page = ask_with(&site, Method::GET, "/accounts/profile/", &both).await;
    assert_eq!(page.status, StatusCode::OK, "not sent to log in for ever");
}

#[tokio::test]
async fn prefix_keeps_a_session_of_another_host_out() {
    let site = Site::https(|web| web);
    // A session of the attacker's own, which another host of the domain sets without the prefix.
    let theirs = site.bob().await.cookies["__Host-sessionid"].clone();
    let ours = site.ann().await.cookies["__Host-sessionid"].clone();
    let alone = format!("sessionid={theirs}");
    let page = ask_with(&site, Method::GET, "/accounts/profile/", &alone).await;
    assert_eq!(page.status, StatusCode::FOUND, "nobody is logged in by it");
    let both = format!("sessionid={theirs}; __Host-sessionid={ours}");
    let page = ask_with(&site, Method::GET, "/accounts/profile/", &both).await;
    assert!(page.body.contains("ann"));
}

#[tokio::test]
async fn planted_key_is_replaced() {
    let site = Site::new();
    let planted = site.ann().await.cookies["sessionid"].clone();
    let mut victim = site.browser();
    victim
        .cookies
        .insert("sessionid".to_owned(), "A".repeat(43));
    site.ann_logs_in(&mut victim).await;
    let key = victim.cookies["sessionid"].clone();
    assert_ne!(key, "A".repeat(43));
    assert_ne!(key, planted);
}

#[tokio::test]
async fn log_out_ends_the_session() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let key = ann.cookies["sessionid"].clone();

    let page = ann.get("/accounts/logout/").await;
    assert_eq!(page.heading(), "Sign out?");
    assert_eq!(ann.get("/accounts/profile/").await.status, StatusCode::OK);

    let answer = ann.post("/accounts/logout/", &[]).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.location(), "/");
    assert!(
        answer
            .set_cookie("sessionid")
            .unwrap()
            .contains("Max-Age=0")
    );
    assert_eq!(site.store.session_count(), 0);

    ann.cookies.insert("sessionid".to_owned(), key);
    let replay = ann.get("/accounts/profile/").await;
    assert_eq!(replay.status, StatusCode::FOUND);
}

#[tokio::test]
async fn log_out_without_session_redirects() {
    let site = Site::new();
    let answer = site.browser().post("/accounts/logout/", &[]).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn disabled_user_is_anonymous_at_once() {
    let site = Site::new();
    let mut ann = site.ann().await;
    site.web.accounts().set_active("ann", false).await.unwrap();
    let answer = ann.get("/accounts/profile/").await;
    assert_eq!(answer.status, StatusCode::FOUND);
}

#[tokio::test]
async fn anonymous_visits_leave_nothing() {
    let site = Site::new();
    for _ in 0..100 {
        for path in [
            "/",
            "/accounts/login/",
            "/accounts/signup/",
            "/accounts/password_reset/",
        ] {
            let answer = site.browser().get(path).await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(answer.set_cookie("sessionid").is_none());
        }
    }
    assert_eq!(site.store.session_count(), 0);
}

#[tokio::test]
async fn nonsense_keys_are_nobody() {
    let site = Site::new();
    for key in [
        "",
        "x",
        "../../etc/passwd",
        "A\u{7f}",
        &"A".repeat(5000),
        &"A".repeat(43),
    ] {
        let mut browser = site.browser();
        browser
            .cookies
            .insert("sessionid".to_owned(), key.to_owned());
        let request = browser.request(Method::GET, "/accounts/profile/");
        let Ok(request) = request.body(Body::empty()) else {
            continue;
        };
        assert_eq!(
            browser.send(request).await.status,
            StatusCode::FOUND,
            "{key:?}"
        );
    }
}

/// An application that knows by other means who its users are.
fn own_log_in(web: &Web) -> Router {
    async fn enter(Path(id): Path<i64>, context: RequestContext) -> Response {
        match context.begin_session(UserId::new(id)).await {
            Ok(session) => (session, Redirect::to("/")).into_response(),
            Err(error) => (StatusCode::FORBIDDEN, error.to_string()).into_response(),
        }
    }
    async fn leave(context: RequestContext) -> Response {
        match context.log_out().await {
            Ok(session) => (session, Redirect::to("/bye/")).into_response(),
            Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, failure.to_string()).into_response(),
        }
    }
    async fn who(State(web): State<Web>, context: RequestContext) -> String {
        assert!(web.accounts().settings().session_lifetime.as_secs() > 0);
        let user = context
            .current_user()
            .map(|current| current.user().username.clone());
        user.unwrap_or_default()
    }
    Router::new()
        .route("/enter/{id}/", get(enter))
        .route("/leave/", get(leave))
        .route("/who/", get(who))
        .with_state(web.clone())
        .merge(web.router())
}

#[tokio::test]
async fn application_begins_and_ends_sessions() {
    let site = Site::https(|builder| builder).serving(own_log_in);
    site.ann_signed_up().await;
    let bob = site.bob().await;
    let mut browser = site.browser();
    browser.cookies.clone_from(&bob.cookies);
    assert_eq!(browser.get("/who/").await.body, "bob");

    // Ann's session takes the place of Bob's, with the cookies of a log-in by password.
    let entered = browser.get("/enter/1/").await;
    assert_eq!(entered.location(), "/");
    let by_password = site.browser().log_in("ann", PASSWORD).await;
    let shape = |answer: &Answer| -> Vec<String> {
        let cookies = answer.set_cookies().into_iter();
        let value_left_out = |cookie: &str| {
            let (name, rest) = cookie.split_once('=').unwrap();
            let (_value, flags) = rest.split_once(';').unwrap();
            format!("{name};{flags}")
        };
        // Bob's own reset ends with his session, and with nobody's there is none.
        let cookies = cookies.filter(|it| !it.starts_with("reset_token="));
        cookies.map(value_left_out).collect()
    };
    assert_eq!(shape(&entered), shape(&by_password));
    assert_eq!(
        shape(&entered).len(),
        6,
        "a session, a remembered browser, and nothing of what another user was on the way to"
    );
    assert_eq!(browser.get("/who/").await.body, "ann");
    let mut bobs = site.browser();
    bobs.cookies.clone_from(&bob.cookies);
    assert_eq!(
        bobs.get("/who/").await.body,
        "",
        "the session he came with is over"
    );

    let left = browser.get("/leave/").await;
    assert_eq!(left.location(), "/bye/");
    assert!(!browser.cookies.contains_key("__Host-sessionid"));
    assert_eq!(browser.get("/who/").await.body, "");

    let refused = browser.get("/enter/99/").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.set_cookies(), [""; 0]);
}
