//! A site that is unlike the usual one in every way: all of it is said through the facade.
#![cfg(feature = "web")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{Request, Response};
use phone_auth::core::accounts::SignUpForm;
use phone_auth::core::clock::ManualClock;
use phone_auth::core::password::Password;
use phone_auth::core::randomness::RepeatableRandomness;
use phone_auth::signals::{
    Message, UserSignedUp, VerifyEmail, receiver, reset_password_phone, user_signed_up,
    verify_phone,
};
use phone_auth::{
    BuildErrorKind, Keyring, PhoneAuth, PhoneAuthBuilder, SecretKey, Settings, SiteOrigin,
};
use phone_auth_store_testkit::MemoryStore;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tower::ServiceExt;

/// Whatever sends text messages; here a queue.
type Texts = UnboundedSender<String>;

/// How many were sent.
#[derive(Default)]
struct Sent(AtomicUsize);

#[receiver(verify_phone, reset_password_phone)]
fn text(message: &dyn Message, texts: &Texts, sent: &Sent, site: &SiteOrigin) {
    sent.0.fetch_add(1, Ordering::SeqCst);
    let link = message.url().absolute(site);
    texts
        .send(format!("{} {link}", message.destination().as_str()))
        .unwrap();
}

/// What an audit needs and this site does not have.
struct AuditFile;

#[receiver(user_signed_up, id = "audit")]
fn audit(_: &UserSignedUp, _: &AuditFile) {}

/// One process of the site; several share the key and the store.
fn process(keyring: Keyring, store: MemoryStore, clock: &ManualClock) -> PhoneAuthBuilder {
    let mut settings = Settings::default();
    settings.authentication_methods.email = false;
    settings.authentication_methods.username = false;
    let clock = clock.clone();
    let site = SiteOrigin::parse("https://example.org").unwrap();
    PhoneAuth::builder(site, keyring, store)
        .mount("/konto/")
        .accounts(move |accounts| {
            accounts
                .settings(settings)
                .clock(clock)
                .randomness(RepeatableRandomness::danger_from_seed(7))
        })
        .web(|web| {
            web.host_cookies(false)
                .content_security_policy("default-src 'none'; style-src 'self'; img-src 'self'")
        })
        .allow_unreceived::<VerifyEmail>()
}

/// The receivers of a process: the audit is disabled, the text messages have their two states.
fn with_receivers(builder: PhoneAuthBuilder, texts: &Texts, sent: &Arc<Sent>) -> PhoneAuthBuilder {
    let (texts, sent) = (texts.clone(), Arc::clone(sent));
    builder
        .receivers(|receivers| receivers.disable_receiver("audit"))
        .receivers(|receivers| receivers.provide(texts).provide_arc(sent))
}

fn ann() -> SignUpForm<'static> {
    let password = Password::new("plum-Orchard-7");
    SignUpForm {
        first_name: "Ann",
        last_name: "Lee",
        username: "ann",
        email: "ann@example.org",
        phone: "+41446681800",
        password: password.clone(),
        confirm_password: Some(password),
    }
}

async fn ask(auth: &PhoneAuth, request: Request<Body>) -> Response<Body> {
    auth.router().oneshot(request).await.unwrap()
}

/// Logs in at the page and gives the answer.
async fn log_in(auth: &PhoneAuth, login: &str) -> Response<Body> {
    let form = format!("login={login}&password=plum-Orchard-7");
    let request = Request::post("/konto/login/")
        .header("origin", "https://example.org")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    ask(auth, request.body(Body::from(form)).unwrap()).await
}

/// The cookie of the session that an answer sets.
fn session(answer: &Response<Body>) -> String {
    let set = answer.headers().get_all(SET_COOKIE);
    let mut cookies = set.iter().map(|cookie| cookie.to_str().unwrap());
    let session = cookies.find(|cookie| cookie.starts_with("sessionid="));
    session.unwrap().split(';').next().unwrap().to_owned()
}

/// Where a page that needs a log-in leads someone with this cookie.
async fn led_to(auth: &PhoneAuth, cookie: &str) -> Option<String> {
    let request = Request::get("/konto/change_password/").header("cookie", cookie);
    let answer = ask(auth, request.body(Body::empty()).unwrap()).await;
    let place = answer.headers().get(LOCATION)?;
    Some(place.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn unusual_site_is_built() {
    let keyring = Keyring::new(SecretKey::generate().unwrap());
    let clock = ManualClock::starting_now();
    let store = MemoryStore::new();
    let (texts, mut texted) = unbounded_channel();
    let sent = Arc::new(Sent::default());

    let pages = process(keyring.clone(), store.clone(), &clock).without_worker();
    let pages = with_receivers(pages, &texts, &sent).build().await.unwrap();

    // Another mount, another policy.
    let request = Request::get("/konto/login/").body(Body::empty()).unwrap();
    let answer = ask(&pages, request).await;
    assert_eq!(answer.status(), 200);
    let policy = answer.headers().get(CONTENT_SECURITY_POLICY).unwrap();
    assert!(policy.to_str().unwrap().contains("img-src 'self'"));
    let request = Request::get("/accounts/login/")
        .body(Body::empty())
        .unwrap();
    assert_eq!(ask(&pages, request).await.status(), 404);

    // Phones only, a plain cookie.
    pages.accounts().sign_up(ann()).await.unwrap();
    assert_eq!(log_in(&pages, "ann").await.status(), 400);
    assert_eq!(log_in(&pages, "ann%40example.org").await.status(), 400);
    let answer = log_in(&pages, "%2B41446681800").await;
    let cookie = session(&answer);

    // The clock of the site ends the session.
    assert_eq!(led_to(&pages, &cookie).await, None);
    clock.advance(Duration::from_hours(24 * 15));
    let place = led_to(&pages, &cookie).await.unwrap();
    assert!(place.starts_with("/konto/login/"), "{place}");

    // No worker: what is pending stays so until another process has one.
    let asked = pages.accounts().request_password_reset("+41446681800");
    asked.await.unwrap();
    // An hour in which a worker would have claimed it, and in which nothing happens here.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_hours(1)).await;
    tokio::time::resume();
    assert!(pages.shut_down(Duration::from_secs(30)).await);
    assert_eq!(sent.0.load(Ordering::SeqCst), 0);
    let worker = process(keyring, store, &clock).worker(|mut options| {
        options.concurrency = 1;
        options
    });
    let worker = with_receivers(worker, &texts, &sent).build().await.unwrap();
    let link = texted.recv().await.unwrap();
    assert!(
        link.starts_with("+41446681800 https://example.org/konto/"),
        "{link}"
    );
    assert_eq!(sent.0.load(Ordering::SeqCst), 1);
    assert!(worker.shut_down(Duration::from_secs(30)).await);
}

#[tokio::test]
async fn own_randomness_makes_the_sessions() {
    let mut cookies = Vec::new();
    for _ in 0..2 {
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let site = process(keyring, MemoryStore::new(), &ManualClock::starting_now());
        let site = with_receivers(site, &unbounded_channel().0, &Arc::default());
        let site = site.build().await.unwrap();
        site.accounts().sign_up(ann()).await.unwrap();
        cookies.push(session(&log_in(&site, "%2B41446681800").await));
    }
    assert_eq!(cookies.first(), cookies.last());
}

#[tokio::test]
async fn state_that_nobody_provides_is_named() {
    let keyring = Keyring::new(SecretKey::generate().unwrap());
    let site = process(keyring, MemoryStore::new(), &ManualClock::starting_now());
    let refused = site.build().await.unwrap_err();
    assert_eq!(refused.kind(), BuildErrorKind::Signals);
    let printed = format!("{refused:?}");
    for word in ["audit", "AuditFile", "Sent"] {
        assert!(printed.contains(word), "{printed}");
    }
    assert!(!printed.contains("SiteOrigin"), "{printed}");
}
