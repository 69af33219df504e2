//! The session cookie, from log-in to log-out.

use http::{Method, StatusCode};

use crate::support::{PASSWORD, Site};

#[tokio::test]
async fn cookie_has_every_flag() {
    let site = Site::https(|builder| builder);
    site.ann_signed_up().await;
    let answer = site.browser().log_in("ann", PASSWORD).await;
    let cookie = answer.set_cookie("sessionid").unwrap();
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
async fn host_prefix_can_be_chosen() {
    let site = Site::https(phone_auth_web::WebBuilder::host_cookies);
    let mut ann = site.ann().await;
    assert!(ann.cookies.contains_key("__Host-sessionid"));
    assert_eq!(ann.get("/accounts/profile/").await.status, StatusCode::OK);
    assert!(
        ann.get("/accounts/logout/")
            .await
            .set_cookie("__Host-csrftoken")
            .is_some()
    );
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
    assert_eq!(page.heading(), "Are you sure you want to logout?");
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
async fn disabled_person_is_anonymous_at_once() {
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
        let Ok(request) = request.body(axum::body::Body::empty()) else {
            continue;
        };
        assert_eq!(
            browser.send(request).await.status,
            StatusCode::FOUND,
            "{key:?}"
        );
    }
}
