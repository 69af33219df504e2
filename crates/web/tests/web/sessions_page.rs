//! Where one is signed in: what the page tells, and what its buttons end.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::header::{CONTENT_TYPE, ORIGIN, USER_AGENT};
use http::{Method, StatusCode};
use phone_auth_core::session::SessionKey;

use crate::support::{Answer, Browser, PASSWORD, Site, encode};

const PATH: &str = "/accounts/sessions/";
const FIREFOX: &str = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0";

/// Logs Ann in with a browser that says this of itself, from an address.
async fn log_in_from(browser: &mut Browser<'_>, agent: &str, peer: &str) {
    let peer: SocketAddr = peer.parse().unwrap();
    let mut request = browser
        .request(Method::POST, "/accounts/login/")
        .header(ORIGIN, "http://site.example")
        .header(USER_AGENT, agent)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encode(&[
            ("login", "ann"),
            ("password", PASSWORD),
        ])))
        .unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    assert_eq!(browser.send(request).await.status, StatusCode::FOUND);
}

/// Whether this browser is signed in.
async fn is_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/accounts/profile/").await.status == StatusCode::OK
}

fn handle(page: &Answer) -> String {
    page.hidden("session").to_owned()
}

#[tokio::test]
async fn page_tells_of_each_device() {
    let site = Site::new();
    site.ann_signed_up().await;
    let (mut phone, mut here) = (site.browser(), site.browser());
    log_in_from(&mut phone, FIREFOX, "[::ffff:203.0.113.7]:1234").await;
    let rubbish = "Mozilla/5.0 <script>alert(1)</script> (X11)";
    log_in_from(&mut here, rubbish, "[2001:db8::7]:1234").await;
    let page = here.get(PATH).await;
    assert_eq!(page.heading(), "Where you’re signed in");
    for words in [
        "<strong>Firefox on Android</strong></p>",
        "IP address 203.0.113.7",
        "<strong>Browser on Linux</strong> <span class=\"badge\">This device</span>",
        "IP address 2001:db8::7",
        "Last used within the last hour",
        "Signed in on ",
    ] {
        assert!(page.body.contains(words), "{words}: {}", page.body);
    }
    assert!(!page.body.contains("script"), "{}", page.body);
    assert_eq!(
        page.body.matches("name=\"session\"").count(),
        2,
        "one, and all others"
    );
    // Nothing on it opens a session.
    for browser in [&phone, &here] {
        let key = SessionKey::parse(&browser.cookies["sessionid"]).unwrap();
        let name = SessionKey::from_bytes(key.digest().as_bytes());
        let name = name.reveal().trim_start_matches('2');
        assert!(!page.body.contains(key.reveal()) && !page.body.contains(name));
    }
}

#[tokio::test]
async fn button_ends_its_session() {
    let site = Site::new();
    site.ann_signed_up().await;
    let (mut thief, mut third, mut ann) = (site.browser(), site.browser(), site.browser());
    log_in_from(&mut thief, FIREFOX, "203.0.113.7:1").await;
    site.ann_logs_in(&mut third).await;
    site.ann_logs_in(&mut ann).await;
    let page = ann.get(PATH).await;
    let (_, thiefs) = page.body.split_once("Firefox").unwrap();
    let (_, thiefs) = thiefs.split_once("name=\"session\" value=\"").unwrap();
    let thiefs = thiefs.split('"').next().unwrap().to_owned();
    // The second of two clicks is answered as the first.
    for _ in 0..2 {
        let answer = ann.post(PATH, &[("session", &thiefs)]).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        let page = ann.get(answer.location()).await;
        assert!(page.body.contains("That device is signed out"));
        assert!(!page.body.contains("Firefox"), "{}", page.body);
    }
    assert!(!is_in(&mut thief).await);
    assert!(is_in(&mut ann).await && is_in(&mut third).await);
}

#[tokio::test]
async fn all_others_end_at_once() {
    let site = Site::new();
    let mut bob = site.bob().await;
    site.ann_signed_up().await;
    let (mut first, mut second, mut ann) = (site.browser(), site.browser(), site.browser());
    for browser in [&mut first, &mut second, &mut ann] {
        site.ann_logs_in(browser).await;
    }
    for _ in 0..2 {
        let answer = ann.post(PATH, &[("session", "others")]).await;
        let page = ann.get(answer.location()).await;
        assert!(
            page.body
                .contains("You are signed out on all other devices")
        );
        assert!(
            !page
                .body
                .contains("<form method=\"post\" action=\"/accounts/sessions/\"")
        );
    }
    assert!(!is_in(&mut first).await && !is_in(&mut second).await);
    assert!(is_in(&mut ann).await && is_in(&mut bob).await);
}

#[tokio::test]
async fn nobody_ends_what_is_not_theirs() {
    let site = Site::new();
    let mut bob = site.bob().await;
    site.ann_signed_up().await;
    let (mut first, mut ann) = (site.browser(), site.browser());
    site.ann_logs_in(&mut first).await;
    site.ann_logs_in(&mut ann).await;
    let theirs = handle(&ann.get(PATH).await);
    assert!(!theirs.is_empty());
    // Told as one that is over: whether anyone has it is not for Bob.
    let answer = bob.post(PATH, &[("session", &theirs)]).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    let long = "A".repeat(10_000);
    for rubbish in ["", "1", "Others", "\0", "é", &long, &theirs[1..]] {
        let answer = bob.post(PATH, &[("session", rubbish)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{rubbish:.20}");
        assert!(answer.body.contains("Nothing was signed out"));
    }
    let mut nobody = site.browser();
    let sent = nobody.post(PATH, &[("session", &theirs)]).await;
    assert!(
        sent.location()
            .starts_with("/accounts/login/?notice=signed-out")
    );
    let shown = nobody.get(PATH).await;
    assert!(shown.location().starts_with("/accounts/login/?next="));
    assert!(is_in(&mut first).await && is_in(&mut ann).await);
}
