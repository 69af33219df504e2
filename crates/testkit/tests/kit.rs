//! The kit itself: what a test may rely on.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use axum::Router;
use axum::response::{Html, Redirect};
use axum::routing::get;
use http::header::LOCATION;
use http::{StatusCode, Uri};
use phone_auth::core::password::Password;
use phone_auth::core::settings::Methods;
use phone_auth::signals::{ResetPasswordPhone, VerifyPhone};
use phone_auth::{BuildError, PhoneAuth, PhoneAuthBuilder, Settings, SiteOrigin};
use phone_auth_testkit::{MemoryStore, PASSWORD, TestBrowser, TestSite};

async fn without_texts(builder: PhoneAuthBuilder) -> Result<(PhoneAuth, Router), BuildError> {
    let builder = builder
        .allow_unreceived::<VerifyPhone>()
        .allow_unreceived::<ResetPasswordPhone>();
    let auth = builder.build().await?;
    let router = auth.router();
    Ok((auth, router))
}

#[tokio::test]
async fn unsent_message_is_unsent_in_tests() {
    let everything = TestSite::new().await;
    let verified = everything.user("ann").verified().create().await;
    let flows = everything.auth().accounts();
    let key = flows.begin_session(verified.id, None).await.unwrap().key;
    let ann = flows.current_user(&key).await.unwrap().unwrap();
    assert!(ann.has_verified_email() && ann.has_verified_phone());
    assert_eq!(everything.mail(), []);

    let site = TestSite::start(MemoryStore::new(), without_texts)
        .await
        .unwrap();
    let mut ann = site.user("ann").verified().signed_in().await;
    let page = ann.get("/accounts/user_verification/").await;
    assert!(!page.body.contains("Verify +4420"), "{}", page.body);
    let asked = site.browser().get("/accounts/password_reset/").await;
    site.browser()
        .press(&asked, "Continue", &[("login", "+442079460000")])
        .await;
    site.browser()
        .press(&asked, "Continue", &[("login", "ann@example.org")])
        .await;
    let mail = site.mail_to("ann@example.org").await;
    assert_eq!(
        (mail.signal, mail.user.username.as_str()),
        ("reset_password_email", "ann")
    );
    assert_eq!(mail.url, format!("https://example.org{}", mail.link));
    assert_eq!(site.mail(), [], "nobody is sent a text");
}

/// Notices are kept as well, and hide no message that someone asked for.
#[tokio::test]
async fn notices_are_kept_apart() {
    let site = TestSite::new().await;
    let ann = site.user("ann").verified().create().await;
    let flows = site.auth().accounts();
    let new = Password::new("battery staple fence");
    flows.set_password("ann", &new).await.unwrap();
    for change in ["address_verified", "password_changed"] {
        let notice = site.notice_to("ann@example.org", change).await;
        assert_eq!(notice.signal, "security_notice_email");
        assert_eq!(notice.change.map(|it| it.name()), Some(change));
        assert_eq!(
            (notice.user.username, notice.code),
            (ann.username.clone(), None)
        );
    }
    flows.set_password("ann", &new).await.unwrap();
    flows
        .request_password_reset("ann@example.org")
        .await
        .unwrap();
    let mail = site.mail_to("ann@example.org").await;
    assert_eq!((mail.signal, mail.change), ("reset_password_email", None));
    assert_eq!(site.mail(), []);
    site.notice_to("ann@example.org", "password_changed").await;

    let said = sentence(async move {
        site.notice_to("ann@example.org", "account_closed").await;
    });
    let said = said.await;
    assert!(
        said.contains("no notice of account_closed to ann@example.org has come"),
        "{said}"
    );
}

#[tokio::test]
async fn browsers_are_apart() {
    let site = TestSite::new().await;
    let mut ann = site.user("ann").signed_in().await;
    let mut bob = site.user("bob").signed_in().await;
    assert!(ann.get("/accounts/profile/").await.body.contains("ann"));
    assert!(bob.get("/accounts/profile/").await.body.contains("bob"));
    let nobody = site.browser().get("/accounts/profile/").await;
    assert_eq!(nobody.path, "/accounts/login/?next=/accounts/profile/");

    let page = ann.get("/accounts/logout/").await;
    ann.press(&page, "Sign out", &[]).await;
    assert_eq!(ann.get("/accounts/profile/").await.path, nobody.path);
    assert_eq!(bob.get("/accounts/profile/").await.status, 200);
    let back = site.sign_in(&mut ann, "ann@example.org").await;
    assert_eq!(back.path, "/accounts/profile/");
}

/// The sentence that a test ends with.
async fn sentence(test: impl Future<Output = ()> + Send + 'static) -> String {
    let panic = tokio::spawn(test).await.unwrap_err().into_panic();
    panic.downcast_ref::<String>().unwrap().clone()
}

#[tokio::test]
async fn missing_things_are_told() {
    let site = TestSite::new().await;
    let page = site.browser().get("/accounts/login/").await;
    for (button, field, told) in [
        (
            "Log me in",
            "login",
            "has no button \"Log me in\"; it has [\"Sign in\"]",
        ),
        (
            "Sign in",
            "user",
            "has no field \"user\"; it has [\"csrfmiddlewaretoken\", \"form_token\", \"login\"",
        ),
    ] {
        let (mut browser, page) = (site.browser(), page.clone());
        let said = sentence(async move {
            browser.press(&page, button, &[(field, PASSWORD)]).await;
        });
        let said = said.await;
        assert!(said.contains(told), "{said}");
    }

    let away = Router::new()
        .route("/circle/", get(Redirect::to("/circle/")))
        .route("/away/", get(Redirect::to("https://elsewhere.example/")))
        .route("/near/", get(Redirect::to("//elsewhere.example/")));
    for (path, told) in [
        ("/circle/", "/circle/ leads in a circle"),
        (
            "/away/",
            "/away/ leads to https://elsewhere.example/, which is not on this site",
        ),
        ("/near/", "which is not on this site"),
    ] {
        let origin = SiteOrigin::parse("https://example.org").unwrap();
        let mut browser = TestBrowser::new(away.clone(), &origin);
        let said = sentence(async move {
            browser.get(path).await;
        });
        let said = said.await;
        assert!(said.contains(told), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn missing_message_is_told() {
    let site = TestSite::new().await;
    let _ann = site.user("ann").create().await;
    site.browser()
        .post("/accounts/password_reset/", &[("login", "ann@example.org")])
        .await;
    let asked = site.clone();
    let said = sentence(async move {
        asked.mail_to("bob@example.org").await;
    });
    let said = said.await;
    assert!(
        said.starts_with("no message to bob@example.org has come; there are ["),
        "{said}"
    );
}

#[tokio::test]
async fn users_log_in_as_the_site_lets_them() {
    for (phone, email, username) in [
        (false, false, true),
        (false, true, false),
        (true, false, false),
        (true, true, true),
    ] {
        let mut settings = Settings::default();
        settings.authentication_methods = Methods {
            phone,
            email,
            username,
        };
        let start = async move |builder: PhoneAuthBuilder| {
            let builder = builder.accounts(|accounts| accounts.settings(settings));
            let auth = builder.build().await?;
            let router = auth.router();
            Ok::<_, BuildError>((auth, router))
        };
        let site = TestSite::start(MemoryStore::new(), start).await.unwrap();
        let mut ann = site.user("ann").verified().signed_in().await;
        let page = ann.get("/accounts/change_password/").await;
        assert_eq!(
            page.path, "/accounts/change_password/",
            "{phone} {email} {username}"
        );
    }
}

/// A page may say where to go relative to where it is (RFC 9110, section 10.2.2), and so may a form.
#[tokio::test]
async fn places_are_relative_to_the_page() {
    let rows = [
        ("orders/", "/shop/orders/"),
        ("./orders/?x=1#top", "/shop/orders/?x=1"),
        ("../", "/"),
        ("../../tea/", "/tea/"),
        ("?x=1", "/shop/go?x=1"),
        ("/tea/", "/tea/"),
        ("https://example.org/tea/?a=1", "/tea/?a=1"),
        ("https://example.org", "/"),
        ("//example.org/tea/", "/tea/"),
    ];
    let elsewhere = [
        "https://example.com/",
        "http://example.org/",
        "//example.com/",
        "https://example.org.example.com/",
        "https://example.org:8443/",
        "mailto:ann@example.org",
    ];
    let site = SiteOrigin::parse("https://example.org").unwrap();
    let browser = |target: &'static str| {
        let form = format!("<form action=\"{target}\" method=post><button>Go</button></form>");
        let app = Router::new()
            .route(
                "/shop/go",
                get(async move || (StatusCode::FOUND, [(LOCATION, target)])),
            )
            .route("/shop/form", get(async move || Html(form)))
            .fallback(async |uri: Uri| uri.to_string());
        TestBrowser::new(app, &site)
    };
    for (target, leads_to) in rows {
        let mut browser = browser(target);
        // The page itself would lead in a circle.
        if target != "?x=1" {
            assert_eq!(browser.get("/shop/go").await.path, leads_to, "{target}");
        }
        let page = browser.get("/shop/form").await;
        let sent = browser.press(&page, "Go", &[]).await;
        assert_eq!(sent.path, leads_to.replace("/go", "/form"), "{target}");
    }
    for target in elsewhere {
        let mut asked = browser(target);
        let gone = tokio::spawn(async move { asked.get("/shop/go").await });
        assert!(gone.await.is_err(), "{target}");
    }
}
