//! Who may see a page: the guards as extractors and as layers, in an application with its own state.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Extension, Router};
use http::StatusCode;
use phone_auth_core::settings::Settings;
use phone_auth_store_testkit::MemoryStore;
use phone_auth_web::{Anonymous, LoggedIn, VerifiedEmail, VerifiedPhone, Web};

use crate::support::Site;

/// The state of an application: ours is a part of it.
#[derive(Clone)]
struct App {
    web: Web,
    greeting: &'static str,
}

impl FromRef<App> for Web {
    fn from_ref(app: &App) -> Self {
        app.web.clone()
    }
}

fn app(web: &Web) -> Router {
    let layered = |layer, path| {
        Router::new()
            .route(
                path,
                get(async |current_user: Option<LoggedIn>| name(current_user)),
            )
            .route_layer(layer)
    };
    Router::new()
        .route("/by/extractor/in", get(logged_in))
        .route("/by/extractor/out", get(async |_: Anonymous| "nobody"))
        .route(
            "/by/extractor/email",
            get(async |VerifiedEmail(v): VerifiedEmail| v.user().username.clone()),
        )
        .route(
            "/by/extractor/phone",
            get(async |VerifiedPhone(v): VerifiedPhone| v.user().username.clone()),
        )
        .route(
            "/by/nothing",
            get(async |current_user: Option<LoggedIn>| name(current_user)),
        )
        .merge(layered(web.login_required(), "/by/layer/in"))
        .merge(layered(web.anonymous_required(), "/by/layer/out"))
        .merge(layered(web.verified_email_required(), "/by/layer/email"))
        .merge(layered(web.verified_phone_required(), "/by/layer/phone"))
        .with_state(App {
            web: web.clone(),
            greeting: "hello ",
        })
        .merge(web.router())
}

async fn logged_in(State(app): State<App>, LoggedIn(current_user): LoggedIn) -> String {
    format!("{}{}", app.greeting, current_user.user().username)
}

fn name(current_user: Option<LoggedIn>) -> String {
    current_user.map_or("nobody".to_owned(), |LoggedIn(current_user)| {
        current_user.user().username.clone()
    })
}

#[tokio::test]
async fn strangers_are_sent_to_log_in() {
    let site = Site::new().serving(app);
    for guard in ["extractor", "layer"] {
        for what in ["in", "email", "phone"] {
            let path = format!("/by/{guard}/{what}");
            let answer = site.browser().get(&format!("{path}?a=1")).await;
            assert_eq!(answer.status, StatusCode::FOUND, "{path}");
            assert_eq!(
                answer.location(),
                format!("/accounts/login/?next={path}%3Fa%3D1")
            );
            assert_eq!(answer.header("vary"), "Cookie");
            assert_eq!(answer.header("cache-control"), "private, no-store");
        }
        let answer = site.browser().get(&format!("/by/{guard}/out")).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, "nobody")
        );
    }
    assert_eq!(site.browser().get("/by/nothing").await.body, "nobody");
}

#[tokio::test]
async fn users_without_addresses_are_sent_to_verify() {
    let site = Site::new().serving(app);
    let mut ann = site.ann().await;
    for guard in ["extractor", "layer"] {
        for what in ["email", "phone"] {
            let answer = ann.get(&format!("/by/{guard}/{what}")).await;
            assert_eq!(answer.status, StatusCode::FOUND);
            let to = format!(
                "/accounts/user_verification/?notice=verify-{what}&next=/by/{guard}/{what}"
            );
            assert_eq!(answer.location(), to);
        }
        let answer = ann.get(&format!("/by/{guard}/out")).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.location(), "/accounts/profile/");
    }
    assert_eq!(ann.get("/by/extractor/in").await.body, "hello ann");
    assert_eq!(ann.get("/by/layer/in").await.body, "ann");
    assert_eq!(ann.get("/by/nothing").await.body, "ann");
}

#[tokio::test]
async fn verified_users_are_let_through() {
    let site = Site::new().serving(app);
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    ann.get(&link).await;
    for guard in ["extractor", "layer"] {
        assert_eq!(ann.get(&format!("/by/{guard}/email")).await.body, "ann");
        let answer = ann.get(&format!("/by/{guard}/phone")).await;
        assert_eq!(answer.status, StatusCode::FOUND);
    }
    let link = ann.phone_link().await;
    ann.get(&link).await;
    for guard in ["extractor", "layer"] {
        assert_eq!(ann.get(&format!("/by/{guard}/phone")).await.body, "ann");
    }
}

#[tokio::test]
async fn guarded_page_is_not_kept() {
    let site = Site::new().serving(app);
    let answer = site.ann().await.get("/by/layer/in").await;
    assert_eq!(answer.header("cache-control"), "private, no-store");
    assert_eq!(answer.header("vary"), "Cookie");
}

/// Layer, extractor and page: the second read would meet a store that fails.
#[tokio::test]
async fn session_is_read_once() {
    async fn fail_next(
        Extension(store): Extension<Arc<MemoryStore>>,
        LoggedIn(v): LoggedIn,
    ) -> String {
        drop(store);
        v.user().username.clone()
    }
    let site = Site::new();
    let mut ann = site.ann().await;
    let router = Router::new()
        .route("/once/", get(fail_next))
        .route_layer(site.web.login_required())
        .layer(Extension(site.store.clone()))
        .with_state(site.web.clone());
    let cookies = std::mem::take(&mut ann.cookies);
    let site = site.serving(|_| router);
    let mut ann = site.browser();
    ann.cookies = cookies;
    site.store
        .fail_after(1, phone_auth_core::store::StoreErrorKind::Unavailable);
    let answer = ann.get("/once/").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (StatusCode::OK, "ann")
    );
    let answer = ann.get("/once/").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

/// A guard over the whole site does not lock away the pages by which one gets in.
#[tokio::test]
async fn guard_over_everything_lets_log_in() {
    let by_code = |settings: &mut Settings| settings.login_by_code = true;
    let site = Site::with(by_code).serving(|web| web.router().layer(web.login_required()));
    for path in [
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password_reset/",
        "/accounts/password_reset_done/",
        "/accounts/password_reset_complete/",
        "/accounts/logout/",
        "/accounts/close_account_done/",
        "/accounts/login_code/",
        "/accounts/login_code_done/",
    ] {
        let answer = site.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    for path in [
        "/accounts/login_confirm/MQ/a-b/",
        "/accounts/password_reset_confirm/MQ/a-b/",
        "/accounts/user_verification_confirm/MQ/a-b/",
    ] {
        let answer = site.browser().get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let guarded = site.browser().get("/accounts/change_password/").await;
    assert_eq!(
        guarded.location(),
        "/accounts/login/?next=/accounts/change_password/"
    );
}

/// A guard over the whole site leaves open where one does what it asks for.
#[tokio::test]
async fn guard_over_everything_lets_verify() {
    type Guarded = fn(&Web) -> Router;
    let layers: [(&str, Guarded); 3] = [
        ("logged in", |web| web.router().layer(web.login_required())),
        ("email", |web| {
            web.router().layer(web.verified_email_required())
        }),
        ("phone", |web| {
            web.router().layer(web.verified_phone_required())
        }),
    ];
    for (what, layer) in layers {
        let site = Site::new().serving(move |web| {
            let own = Router::new().route("/club/", get(async || "tea"));
            layer(web).merge(own.layer(web.verified_email_required()))
        });
        let mut ann = site.ann().await;
        for path in [
            "/accounts/user_verification/",
            "/accounts/user_verification/?notice=email-unverified&next=/club/",
            "/accounts/change_password/",
            "/accounts/logout/",
        ] {
            let answer = ann.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{what}: {path}");
        }
        let to = ann.get("/club/").await.location().to_owned();
        assert!(
            to.starts_with("/accounts/user_verification/"),
            "{what}: {to}"
        );
        assert_eq!(ann.get(&to).await.status, StatusCode::OK, "{what}: {to}");
    }
}

/// The page that was wanted is not forgotten on the way to the message and back.
#[tokio::test]
async fn verified_link_leads_to_the_page_that_was_wanted() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let to = ann.get("/members/email/").await.location().to_owned();
    ann.get(&to).await;
    let link = ann.email_link().await;
    let page = ann.get(&link).await;
    assert!(
        page.body.contains("href=\"/members/email/\">Continue"),
        "{}",
        page.body
    );
    // Another browser knows nothing of it.
    let page = site.browser().get(&link).await;
    assert!(page.body.contains("href=\"/accounts/profile/\">Continue"));
    for evil in [
        "//evil.example/",
        "https://evil.example/",
        "/accounts/logout/",
        "/\\evil",
    ] {
        let mut browser = site.browser();
        browser
            .cookies
            .insert("phone_auth_next".to_owned(), evil.replace('\\', "%5C"));
        let page = browser.get(&link).await;
        assert!(
            page.body.contains("href=\"/accounts/profile/\">Continue"),
            "{evil}"
        );
        // Nor does it hide where they were going.
        let both = format!("{}; phone_auth_next=/x/", evil.replace('\\', "%5C"));
        browser.cookies.insert("phone_auth_next".to_owned(), both);
        let page = browser.get(&link).await;
        assert!(page.body.contains("href=\"/x/\">Continue"), "{evil}");
    }
}

#[tokio::test]
async fn demo_site_uses_the_guards() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for path in ["/members/email/", "/members/phone/"] {
        let answer = site.browser().get(path).await;
        assert_eq!(answer.location(), format!("/accounts/login/?next={path}"));
        let kind = path.trim_matches('/').trim_start_matches("members/");
        let to = format!("/accounts/user_verification/?notice=verify-{kind}&next={path}");
        assert_eq!(ann.get(path).await.location(), to);
        let page = ann.get(&to).await;
        assert!(
            page.body
                .contains("The page you asked for is for users with a verified")
        );
    }
    assert_eq!(
        site.browser().get("/accounts/profile/").await.location(),
        "/accounts/login/?next=/accounts/profile/"
    );
}

#[tokio::test]
async fn required_address_is_verified_first() {
    let site = Site::with(|settings| settings.require_verified = true).serving(app);
    let mut ann = site.ann().await;
    let asks = "/accounts/user_verification/?notice=verify-one&next=";
    for path in [
        "/by/extractor/in",
        "/by/layer/in",
        "/by/extractor/email",
        "/by/layer/phone",
    ] {
        let answer = ann.get(path).await;
        assert_eq!(answer.location(), format!("{asks}{path}"));
    }
    // Where they verify one, and leave, nothing is in the way; nor where anyone may be.
    for path in [
        "/accounts/user_verification/?notice=verify-one",
        "/accounts/email/add/",
        "/accounts/change_password/",
        "/accounts/logout/",
        "/by/nothing",
    ] {
        assert_eq!(ann.get(path).await.status, StatusCode::OK, "{path}");
    }
    let shown = ann.get(asks).await;
    assert!(shown.body.contains("Please verify an address first"));
    let link = ann.phone_link().await;
    ann.get(&link).await;
    assert_eq!(ann.get("/by/extractor/in").await.body, "hello ann");
    let needs_email = ann.get("/by/layer/email").await;
    assert!(needs_email.location().contains("notice=verify-email"));
}
