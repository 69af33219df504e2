//! Forms from elsewhere.

use axum::Router;
use axum::body::Body;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{Method, StatusCode};
use phone_auth_web::{RequestContext, SubmittedForm};

use crate::support::{Answer, Browser, PASSWORD, Site, encode};

const POSTS: [&str; 9] = [
    "/accounts/signup/",
    "/accounts/login/",
    "/accounts/logout/",
    "/accounts/password_reset/",
    "/accounts/password_reset_confirm/MQ/set-password/",
    "/accounts/change_password/",
    "/accounts/user_verification/",
    "/accounts/phone/add/",
    "/accounts/email/add/",
];

/// Posts with these headers and fields, and nothing else.
async fn post_with(
    browser: &mut Browser<'_>,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Answer {
    let mut request = browser
        .request(Method::POST, path)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser
        .send(request.body(Body::from(encode(fields))).unwrap())
        .await
}

#[tokio::test]
async fn foreign_posts_are_refused_everywhere() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let token = ann.get("/accounts/logout/").await.csrf_token().to_owned();
    for path in POSTS {
        for headers in [
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "same-site")],
            vec![("origin", "https://evil.example")],
            vec![("origin", "null"), ("referer", "https://evil.example/")],
            vec![("origin", "http://evil.example"), ("host", "evil.example")],
            vec![("referer", "https://evil.example/page")],
            vec![
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://site.example"),
            ],
            vec![("origin", "http://site.example.evil.example")],
        ] {
            let fields = [("csrfmiddlewaretoken", token.as_str())];
            let answer = post_with(&mut ann, path, &headers, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {headers:?}");
            assert_eq!(answer.heading(), "This form was not accepted");
        }
        let answer = post_with(&mut ann, path, &[], &[]).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{path}, without anything"
        );
    }
    assert_eq!(ann.get("/accounts/profile/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn own_pages_are_recognised() {
    let site = Site::new();
    for headers in [
        vec![("sec-fetch-site", "same-origin")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", "http://site.example")],
        vec![("referer", "http://site.example/accounts/login/")],
        vec![("sec-fetch-site", "same-origin"), ("origin", "null")],
    ] {
        let mut browser = site.browser();
        let answer = post_with(&mut browser, "/accounts/logout/", &headers, &[]).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{headers:?}");
    }
}

#[tokio::test]
async fn silent_client_needs_the_token() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut client = site.browser();
    let page = client.get("/accounts/login/").await;
    let token = page.csrf_token().to_owned();
    let cookie = page.set_cookie("csrftoken").unwrap();
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/"),
        "{cookie}"
    );
    let fields = |token| {
        [
            ("login", "ann"),
            ("password", PASSWORD),
            ("csrfmiddlewaretoken", token),
        ]
    };

    for (with_cookie, token) in [(true, ""), (true, "x"), (false, token.as_str())] {
        let mut current_user = site.browser();
        if with_cookie {
            current_user.cookies.clone_from(&client.cookies);
        }
        let answer = post_with(&mut current_user, "/accounts/login/", &[], &fields(token)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let answer = post_with(&mut client, "/accounts/login/", &[], &fields(&token)).await;
    assert_eq!(answer.status, StatusCode::FOUND);
}

#[tokio::test]
async fn null_origin_leaves_it_to_the_token() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut client = site.browser();
    let token = client.get("/accounts/login/").await.csrf_token().to_owned();
    for (token, status) in [("", StatusCode::FORBIDDEN), (&token, StatusCode::FOUND)] {
        let fields = [
            ("login", "ann"),
            ("password", PASSWORD),
            ("csrfmiddlewaretoken", token),
        ];
        let null = [("origin", "null")];
        let answer = post_with(&mut client, "/accounts/login/", &null, &fields).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn tossed_token_cookie_hides_none() {
    let site = Site::new();
    for first in [true, false] {
        let mut client = site.browser();
        let page = client.get("/accounts/login/").await;
        let token = page.csrf_token().to_owned();
        let own = client.cookies.remove("csrftoken").unwrap();
        let other = site.browser().get("/accounts/login/").await;
        let other = other.set_cookie("csrftoken").unwrap().to_owned();
        let other = other.split(';').next().unwrap().to_owned();
        let own = format!("csrftoken=\"{own}\"");
        let cookies = if first {
            format!("{other}; {own}")
        } else {
            format!("{own}; {other}")
        };
        let fields = [("csrfmiddlewaretoken", token.as_str())];
        let headers = [("cookie", cookies.as_str())];
        let answer = post_with(&mut client, "/accounts/logout/", &headers, &fields).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{cookies}");
    }
}

#[tokio::test]
async fn token_dies_with_the_session() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut client = site.browser();
    let before = client.get("/accounts/login/").await.csrf_token().to_owned();
    site.ann_logs_in(&mut client).await;
    let fields = [("csrfmiddlewaretoken", before.as_str())];
    let answer = post_with(&mut client, "/accounts/logout/", &[], &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);

    let token = client
        .get("/accounts/logout/")
        .await
        .csrf_token()
        .to_owned();
    let fields = [("csrfmiddlewaretoken", token.as_str())];
    let answer = post_with(&mut client, "/accounts/logout/", &[], &fields).await;
    assert_eq!(answer.status, StatusCode::FOUND);
}

#[tokio::test]
async fn pages_without_form_set_no_cookie() {
    let site = Site::new();
    let answer = site.browser().get("/accounts/password_reset_done/").await;
    assert!(answer.set_cookies().is_empty());
}

#[tokio::test]
async fn own_routes_can_be_protected() {
    let site = Site::new().serving(|web| {
        Router::new()
            .route("/api/", post(async || "done"))
            .route_layer(web.same_origin_required())
            .route(
                "/form/",
                post(async |form: SubmittedForm| form.text("a").to_owned()),
            )
            .with_state(web.clone())
    });
    let mut browser = site.browser();
    let own = [(ORIGIN.as_str(), "http://site.example")];
    let foreign = [(ORIGIN.as_str(), "http://evil.example")];
    for (path, body) in [("/api/", "done"), ("/form/", "1")] {
        let answer = post_with(&mut browser, path, &own, &[("a", "1")]).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, body)
        );
        for headers in [&foreign[..], &[]] {
            let answer = post_with(&mut browser, path, headers, &[("a", "1")]).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
    }
    let head = browser.ask(Method::HEAD, "/api/").await;
    assert_eq!(
        head.status,
        StatusCode::METHOD_NOT_ALLOWED,
        "a safe method passes the layer"
    );
}

/// A page with a form that is written by hand.
async fn own_page(context: RequestContext) -> Response {
    let csrf = context.csrf_field();
    let page = format!("<form method=\"post\">{csrf}<button>Add</button></form>");
    (csrf, Html(page)).into_response()
}

#[tokio::test]
async fn own_template_has_token_and_cookie() {
    let site = Site::new().serving(|web| {
        let add = get(own_page).post(async |_: SubmittedForm| "added");
        let own = Router::new().route("/note/", add);
        own.with_state(web.clone()).merge(web.router())
    });
    for mut browser in [site.browser(), site.ann().await] {
        let page = browser.get("/note/").await;
        assert_eq!(page.set_cookies().len(), 1, "{}", page.body);
        let token = page.csrf_token().to_owned();
        let add = async |browser: &mut Browser<'_>, token: &str| {
            let fields = [("csrfmiddlewaretoken", token)];
            post_with(browser, "/note/", &[], &fields).await.status
        };
        assert_eq!(add(&mut browser, &token).await, StatusCode::OK);
        assert_eq!(add(&mut browser, "made-up").await, StatusCode::FORBIDDEN);
        let again = browser.get("/note/").await;
        assert_eq!(again.set_cookies(), [""; 0], "the browser has it");
        browser.cookies.remove("csrftoken");
        assert_eq!(add(&mut browser, &token).await, StatusCode::FORBIDDEN);
    }
}
