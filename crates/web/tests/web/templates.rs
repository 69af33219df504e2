//! Templates of one's own.

use std::error::Error as _;
use std::fs;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use phone_auth_core::accounts::Accounts;
use phone_auth_events::{Signals, SiteOrigin};
use phone_auth_store_testkit::MemoryStore;
use phone_auth_tokens::{Keyring, SecretKey};
use phone_auth_web::{Page, RequestContext, Web, WebBuildErrorKind};
use std::sync::Arc;

use crate::support::Site;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn build(folder: &tempfile::TempDir) -> Result<Web, phone_auth_web::WebBuildError> {
    let accounts = Accounts::builder(
        Arc::new(MemoryStore::new()),
        Keyring::new(SecretKey::generate().unwrap()),
    )
    .signals(Signals::isolated())
    .build()
    .unwrap();
    Web::builder(accounts, SiteOrigin::parse("http://site.example").unwrap())
        .templates_from(folder.path())
        .build()
}

#[tokio::test]
async fn one_template_can_be_replaced() {
    let folder = folder(&[(
        "phone_auth/login.html",
        "{% extends \"phone_auth/base.html\" %}{% block body_block %}<h1>Come in</h1>{% endblock %}",
    )]);
    let site = Site::built(|builder| builder.templates_from(folder.path()).site_name("Tea & Co"));
    let page = site.browser().get("/accounts/login/").await;
    assert_eq!(page.heading(), "Come in");
    assert!(page.body.contains("<title>Sign in | Tea &amp; Co</title>"));
    assert_eq!(
        site.browser().get("/accounts/signup/").await.heading(),
        "Sign up"
    );
}

#[tokio::test]
async fn base_can_be_replaced_under_ours() {
    let folder = folder(&[(
        "phone_auth/base.html",
        "<!doctype html><p>mine</p>{% block body_block %}{% endblock %}",
    )]);
    let site = Site::built(|builder| builder.templates_from(folder.path()));
    let page = site.browser().get("/accounts/login/").await;
    assert!(page.body.starts_with("<!doctype html><p>mine</p>"));
    assert_eq!(page.heading(), "Sign in");
}

/// One who replaced the macros of forms before there were codes goes on: what came since is in files of its own.
#[tokio::test]
async fn older_macros_of_forms_go_on() {
    let macros = ["field(f)", "summary(form)", "notice(n)", "hidden(token)"];
    let macros = macros.map(|it| format!("{{% macro {it} %}}own{{% endmacro %}}"));
    let folder = folder(&[("phone_auth/_form.html", &macros.concat())]);
    let site = Site::built(|builder| builder.templates_from(folder.path()));
    site.ann_signed_up().await;
    let mut browser = site.browser();
    let form = [("login", "ann@example.org")];
    let asked = browser.post("/accounts/password_reset/", &form).await;
    let done = browser.get(asked.location()).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    assert!(done.body.contains("Send a new code"), "{}", done.body);
}

#[tokio::test]
async fn style_sheet_can_be_replaced() {
    let folder = folder(&[("phone_auth/style.css", "body { color: teal }")]);
    let site = Site::built(|builder| builder.templates_from(folder.path()));
    assert_ne!(site.web.stylesheet(), Site::new().web.stylesheet());
    let sheet = site.browser().get(site.web.stylesheet()).await;
    assert_eq!(sheet.body, "body { color: teal }");
}

#[test]
fn mistake_is_refused_at_start() {
    let folder = folder(&[("phone_auth/login.html", "\n{% if %}")]);
    let error = build(&folder).unwrap_err();
    assert_eq!(error.kind(), WebBuildErrorKind::Templates);
    let source = error.source().unwrap();
    assert_eq!(
        source.to_string(),
        "the template phone_auth/login.html has a mistake"
    );
    assert!(
        source
            .source()
            .unwrap()
            .to_string()
            .contains("phone_auth/login.html:2")
    );
}

#[test]
fn missing_folder_is_refused() {
    let folder = folder(&[]);
    let gone = tempfile::tempdir().unwrap();
    drop(fs::remove_dir(gone.path()));
    let error = build(&gone).unwrap_err();
    assert_eq!(error.kind(), WebBuildErrorKind::Templates);
    assert!(build(&folder).is_ok());
}

#[tokio::test]
async fn own_page_has_the_same_look() {
    async fn orders(context: RequestContext) -> Response {
        let page = Page::new("orders.html", "Orders").with("orders", ["<tea>"]);
        context.render(page.status(StatusCode::ACCEPTED))
    }
    let source = "{% extends \"phone_auth/base.html\" %}{% block body_block %}\
        <h1>{{ title }}</h1>{{ orders[0] }} {{ user.username }}{% endblock %}";
    let site = Site::built(|builder| builder.template("orders.html", source)).serving(|web| {
        Router::new()
            .route("/orders/", get(orders))
            .with_state(web.clone())
            .merge(web.router())
    });
    let answer = site.ann().await.get("/orders/").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert!(answer.body.contains("<h1>Orders</h1>&lt;tea&gt; ann"));
}

#[tokio::test]
async fn failing_template_is_a_plain_error() {
    let site = Site::built(|builder| builder.template("phone_auth/login.html", "{{ 1 / 'x' }}"));
    let answer = site.browser().get("/accounts/login/").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.body.contains("Something went wrong"));
    assert_eq!(answer.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn half_saved_template_takes_no_page_down() {
    let name = "phone_auth/login.html";
    let folder = folder(&[
        (name, "<h1>Come in</h1>{% include \"own.html\" %}"),
        ("own.html", "own"),
    ]);
    let site = Site::built(|builder| builder.templates_from(folder.path()));
    let shown = async || {
        let page = site.browser().get("/accounts/login/").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        page.body
    };
    let good = "<h1>Come in</h1>own";
    assert_eq!(shown().await, good);

    let path = folder.path().join(name);
    for half in [
        &b""[..],
        b" \n",
        b"{% if",
        b"<h1>{{ title",
        b"{% extends %}",
        b"\xff\xfe{{ title }}",
    ] {
        fs::write(&path, half).unwrap();
        assert_eq!(shown().await, good, "{half:?}");
        assert_eq!(shown().await, good, "{half:?}, asked again");
    }
    // A part that is removed is still there for who includes it; what is there no more is as built in.
    fs::remove_file(folder.path().join("own.html")).unwrap();
    assert_eq!(shown().await, "<h1>Come in</h1>own");
    fs::remove_file(&path).unwrap();
    assert!(shown().await.contains("<h1>Sign in</h1>"));

    for (text, seen) in [
        ("<h1>Welcome back</h1>", "<h1>Welcome back</h1>"),
        ("{{ nothing() }}", "Sign in"),
    ] {
        fs::write(&path, text).unwrap();
        assert!(shown().await.contains(seen), "{text}");
    }
}

/// Links that lead back to a folder which they stand in, and what is no template, keep no site from starting.
#[cfg(unix)]
#[tokio::test]
async fn links_and_locks_are_passed_over() {
    use std::os::unix::fs::symlink;

    let name = "phone_auth/login.html";
    let folder = folder(&[
        (name, "<h1>Come in</h1>"),
        ("a/x.html", "x"),
        ("b/y.html", "y"),
    ]);
    for (leads_to, link) in [
        ("..", "a/up"),
        (".", "a/itself"),
        ("../b", "a/b"),
        ("../a", "b/a"),
        ("round", "round"),
        ("nowhere", "dangling.html"),
        ("loop.html", "loop.html"),
        ("ann@host.4711", "phone_auth/.#login.html"),
    ] {
        symlink(leads_to, folder.path().join(link)).unwrap();
    }
    fs::create_dir(folder.path().join("folder.html")).unwrap();
    fs::write(folder.path().join(".half.html"), "{% if").unwrap();
    fs::write(folder.path().join("old.html~"), "{% if").unwrap();
    let site = Site::built(|builder| builder.templates_from(folder.path()));
    let page = site.browser().get("/accounts/login/").await;
    assert_eq!(page.heading(), "Come in");
    // What a link leads to is read.
    fs::write(folder.path().join("b/broken.html"), "{% if").unwrap();
    assert!(build(&folder).is_err());
}

/// A folder that holds something else is not read to its end.
#[test]
fn folder_of_something_else_is_refused() {
    for (count, is_taken) in [(10_000, true), (10_001, false)] {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..count {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert_eq!(build(&folder).is_ok(), is_taken, "{count}");
    }
}

/// The sentence of a site that brings this template; nothing where it is taken.
fn refused(name: &'static str) -> Option<String> {
    let accounts = Accounts::builder(
        Arc::new(MemoryStore::new()),
        Keyring::new(SecretKey::generate().unwrap()),
    );
    let accounts = accounts.signals(Signals::isolated()).build().unwrap();
    let site = SiteOrigin::parse("http://site.example").unwrap();
    let built = Web::builder(accounts, site).template(name, "x").build();
    let error = built.err()?;
    assert_eq!(error.kind(), WebBuildErrorKind::Templates);
    Some(error.source().unwrap().to_string())
}

#[test]
fn mistyped_template_is_refused() {
    for (name, nearest) in [
        ("phone_auth/log_in.html", "phone_auth/login.html"),
        ("phone_auth/Login.html", "phone_auth/login.html"),
        ("phone_auth/login.htm", "phone_auth/login.html"),
        ("phone_auth/sign_up.html", "phone_auth/signup.html"),
        ("phone_auth/reset.html", "phone_auth/password_reset.html"),
        ("phone_auth/emails/login.html", "phone_auth/login.html"),
        ("site/member.html", "site/members.html"),
        ("site/index.html", "site/home.html"),
    ] {
        let said = refused(name).unwrap_or_default();
        let begins = format!("no page has the template {name}; the nearest is ");
        assert!(said.starts_with(&begins), "{name}: {said}");
        if name != "site/index.html" && name != "phone_auth/reset.html" {
            assert!(said.contains(nearest), "{name}: {said}");
        }
    }
    for name in [
        "phone_auth/login.html",
        "site/home.html",
        "phone_auth/_menu.html",
        "site/parts/_menu.html",
        "orders.html",
        "shop/login.html",
        "phone_auth.html",
    ] {
        assert_eq!(refused(name), None, "{name}");
    }
}
