//! A log-in page of the application's own: all that leads to ours leads there.

use axum::Router;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::{Method, StatusCode};
use phone_auth_core::accounts::Accounts;
use phone_auth_web::{
    LoggedIn, RecentlyProven, RequestContext, SubmittedForm, VerifiedEmail, VerifiedPhone, Web,
    WebBuildErrorKind,
};

use crate::support::{Browser, Site};

const PASSWORD: &str = "correct-Horse-9";

/// The page to enter shows where it leads on to.
async fn enter(context: RequestContext) -> Response {
    let next = context.next_in_query();
    match context.current_user() {
        Some(_) => Redirect::to(next.as_deref().unwrap_or("/")).into_response(),
        None => format!("Enter, then {}", next.as_deref().unwrap_or("/")).into_response(),
    }
}

async fn entered(form: SubmittedForm) -> Response {
    let (context, accounts) = (form.context(), form.accounts());
    let password = form.password("password");
    let flow = accounts.log_in(form.text("login"), &password, context.session_key());
    let next = context.next(form.text("next"));
    match flow.await {
        Ok(begun) => {
            let to = Redirect::to(next.as_deref().unwrap_or("/"));
            (context.session_of(&begun), to).into_response()
        }
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

fn guarded(web: &Web) -> Router {
    let layered = |layer, path| Router::new().route(path, get("in")).route_layer(layer);
    Router::new()
        .route("/enter/", get(enter).post(entered))
        .route("/extractor/in", get(async |_: LoggedIn| "in"))
        .route("/extractor/email", get(async |_: VerifiedEmail| "in"))
        .route("/extractor/phone", get(async |_: VerifiedPhone| "in"))
        .route("/extractor/proven", get(async |_: RecentlyProven| "in"))
        .merge(layered(web.login_required(), "/layer/in"))
        .merge(layered(web.verified_email_required(), "/layer/email"))
        .merge(layered(web.verified_phone_required(), "/layer/phone"))
        .with_state(web.clone())
        .merge(web.router())
}

fn site() -> Site {
    Site::built(|builder| builder.log_in_at("/enter/")).serving(guarded)
}

async fn enters(browser: &mut Browser<'_>, next: &str) -> String {
    let form = [("login", "ann"), ("password", PASSWORD), ("next", next)];
    let answer = browser.post("/enter/", &form).await;
    answer.location().to_owned()
}

#[tokio::test]
async fn all_that_leads_to_log_in_leads_to_the_own_page() {
    let site = site();
    for path in [
        "/extractor/in",
        "/extractor/email",
        "/extractor/phone",
        "/extractor/proven",
        "/layer/in",
        "/layer/email",
        "/layer/phone",
        "/accounts/user_verification/",
        "/accounts/change_password/",
        "/accounts/confirm_identity/",
        "/accounts/sessions/",
        "/accounts/email/add/",
    ] {
        let answer = site.browser().get(&format!("{path}?a=1")).await;
        let expected = format!("/enter/?next={path}%3Fa%3D1");
        assert_eq!(answer.location(), expected, "{path}");
        let page = site.browser().get(answer.location()).await;
        // That page is one on the way.
        let next = format!("{path}?a=1").replace("/accounts/confirm_identity/?a=1", "/");
        assert_eq!(page.body, format!("Enter, then {next}"));
    }
    // A form of someone whose session is over.
    let answer = site.browser().post("/accounts/change_password/", &[]).await;
    let expected = "/enter/?notice=signed-out&next=/accounts/change_password/";
    assert_eq!(answer.location(), expected);
    // Someone who has signed up.
    let form = crate::support::sign_up_form("ann", "ann@example.org", "+12125552368");
    let form = crate::support::with(form, "password", PASSWORD);
    let form = crate::support::with(form, "confirm_password", PASSWORD);
    let form = [form, vec![("next", "/tea/")]].concat();
    let answer = site.browser().post("/accounts/signup/", &form).await;
    let expected = "/enter/?notice=signed-up&next=/tea/";
    assert_eq!(answer.location(), expected);
    // The links of our pages.
    for path in ["/accounts/signup/", "/accounts/password_reset/"] {
        let page = site.browser().get(&format!("{path}?next=/tea/")).await;
        assert!(page.body.contains("href=\"/enter/"), "{}", page.body);
        assert!(!page.body.contains("/accounts/login/"), "{}", page.body);
    }
}

/// Links of messages lead to ours, and so do those that someone has kept.
#[tokio::test]
async fn our_log_in_page_leads_to_the_own_one() {
    let site = site();
    sign_up(site.web.accounts()).await;
    for (path, leads) in [
        ("/accounts/login/", "/enter/"),
        (
            "/accounts/login/?notice=signed-out&next=/tea/%3Fa",
            "/enter/?notice=signed-out&next=/tea/%3Fa",
        ),
        (
            "/accounts/login/?next=//evil.example/",
            "/enter/?next=//evil.example/",
        ),
    ] {
        let mut browser = site.browser();
        assert_eq!(browser.get(path).await.location(), leads);
        // What the own page asks for cannot be passed by here.
        let form = [("login", "ann"), ("password", PASSWORD)];
        let answer = browser.post(path, &form).await;
        assert_eq!(answer.location(), leads);
        assert!(!browser.cookies.contains_key("sessionid"));
    }
    let mut ann = site.browser();
    assert_eq!(enters(&mut ann, "/tea/").await, "/tea/");
    let answer = ann.get("/accounts/login/?next=/tea/").await;
    assert_eq!(answer.location(), "/tea/", "who is signed in goes on");
    for next in [
        "//evil.example/",
        "/enter/",
        "/enter?next=/a/",
        "/accounts/login/",
        "",
    ] {
        assert_eq!(enters(&mut site.browser(), next).await, "/", "{next}");
    }
}

async fn sign_up(accounts: &Accounts) {
    let password = || phone_auth_core::password::Password::new(PASSWORD);
    let form = phone_auth_core::accounts::SignUpForm {
        first_name: "Ann",
        last_name: "Lee",
        username: "ann",
        email: "ann@example.org",
        phone: "+12125552368",
        password: password(),
        confirm_password: Some(password()),
    };
    accounts.sign_up(form).await.unwrap();
}

/// A layer over the whole site does not lock it away, and it may be where ours would be.
#[tokio::test]
async fn own_log_in_page_may_be_anywhere() {
    for path in ["/enter/", "/enter", "/accounts/login/", "/accounts/login"] {
        let site = Site::built(|builder| builder.log_in_at(path)).serving(|web| {
            Router::new()
                .route(path, get("Enter"))
                .with_state(web.clone())
                .merge(web.router())
                .layer(web.login_required())
        });
        assert_eq!(site.web.log_in_path(), path);
        let answer = site.browser().get("/accounts/sessions/").await;
        let expected = format!("{path}?next=/accounts/sessions/");
        assert_eq!(answer.location(), expected);
        let page = site.browser().ask(Method::GET, answer.location()).await;
        assert_eq!(page.body, "Enter");
    }
}

#[tokio::test]
async fn own_log_in_page_is_at_a_path_of_this_site() {
    let circle = Some(WebBuildErrorKind::LogInCircle);
    let no_path = Some(WebBuildErrorKind::LogInPath);
    for (path, on, problem) in [
        ("/enter/", "/", None),
        ("/enter/", "/entered/", None),
        ("/enter/", "/enter/", circle),
        ("/enter/", "/enter", circle),
        ("/enter/", "/enter/?a=b#c", circle),
        ("https://elsewhere.example/", "/", no_path),
        ("//elsewhere.example/", "/", no_path),
        ("enter/", "/", no_path),
        ("", "/", no_path),
        ("/enter/?a=b", "/", no_path),
        ("/enter/#a", "/", no_path),
    ] {
        let site = Site::with(|settings| settings.login_redirect_url = on.to_owned());
        let web = Web::builder(site.web.accounts().clone(), site.web.site().clone());
        let refused = web.log_in_at(path).build().err().map(|it| it.kind());
        assert_eq!(refused, problem, "{path} {on}");
    }
}
