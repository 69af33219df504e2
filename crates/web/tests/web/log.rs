//! What the log holds, and what it must not.

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::header::ORIGIN;
use http::{Method, StatusCode};
use phone_auth_core::store::StoreErrorKind;
use phone_auth_web::{RequestLogLayer, site};
use tracing::subscriber::DefaultGuard;

use crate::support::{PASSWORD, Site};

/// Collects what is logged.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// Collects what this thread logs until the guard is dropped.
    pub(crate) fn collecting() -> (Self, DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Who operates a site can find out why no code comes; nothing in the line tells of whom it is.
#[tokio::test]
async fn log_says_why_no_code_is_sent() {
    let site = Site::with(|settings| {
        settings.login_by_code = true;
        settings.unverified_reset = false;
    });
    let mut ann = site.ann().await;
    for (path, login, is_said) in [
        ("/accounts/login_code/", "ann@example.org", true),
        ("/accounts/login_code/", "+12125552368", true),
        ("/accounts/password_reset/", "+12125552368", true),
        ("/accounts/login_code/", "nobody@example.org", false),
    ] {
        let (lines, _until_the_end) = Lines::collecting();
        site.browser().post(path, &[("login", login)]).await;
        let text = lines.text();
        let reasons: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("nothing is sent: the address is not verified"))
            .collect();
        assert_eq!(reasons.len(), usize::from(is_said), "{path} {login} {text}");
        for line in reasons {
            assert!(line.contains("DEBUG"), "{line}");
            assert!(!line.contains("ann") && !line.contains("2368"), "{line}");
        }
    }
    let link = ann.email_link().await;
    ann.get(&link).await;
    let (lines, _until_the_end) = Lines::collecting();
    let form = [("login", "ann@example.org")];
    site.browser().post("/accounts/login_code/", &form).await;
    assert!(
        !lines.text().contains("nothing is sent"),
        "{}",
        lines.text()
    );
}

#[tokio::test]
async fn log_holds_nothing_secret() {
    let (lines, _until_the_end) = Lines::collecting();

    let site = Site::new().serving(|web| {
        let pages = web.router().merge(site::router(web));
        pages.layer(RequestLogLayer::new())
    });
    let mut ann = site.ann().await;
    let verification = ann.email_link().await;
    ann.get(&verification).await;
    let reset = ann.reset_link("ann@example.org").await;
    let form = ann.get(&reset).await.location().to_owned();
    ann.get(&form).await;
    ann.get("/accounts/login/?next=/very/private/").await;
    ann.get("/forged%1B%5B31m").await;
    site.store.fail_with(StoreErrorKind::Broken);
    site.browser().log_in("ann", PASSWORD).await;

    let log = lines.text();
    assert!(
        log.contains("/accounts/password_reset_confirm/{uidb64}/{token}/"),
        "{log}"
    );
    assert!(log.contains("log a user in"), "{log}");
    let secrets = [
        PASSWORD,
        verification.split('/').nth(4).unwrap(),
        reset.split('/').nth(4).unwrap(),
        &ann.cookies["sessionid"],
        "very/private",
        "ann@example.org",
        "forged",
    ];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

/// Of a foreign origin as much is told as one needs to configure it.
#[tokio::test]
async fn foreign_origin_is_told_shortened() {
    let (lines, _until_the_end) = Lines::collecting();
    let site = Site::new();
    let origin = format!("https://{}.example", "e".repeat(5_000));
    let request = site.browser().request(Method::POST, "/accounts/login/");
    let request = request.header(ORIGIN, origin).body(Body::empty());
    let answer = site.send(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let log = lines.text();
    assert!(log.contains(&"e".repeat(92)), "{log}");
    assert!(!log.contains(&"e".repeat(93)), "{log}");
}
