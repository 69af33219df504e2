//! Verifying addresses.

use axum::body::Body;
use http::{Method, StatusCode};
use phone_auth_events::{LinkFollowed, LoginEmail, VerifyEmail, VerifyPhone};

use crate::support::Site;

const PAGE: &str = "/accounts/user_verification/";

/// What browsers and programs say that fetch a page which nobody has clicked.
const AHEAD: [(&str, &str); 7] = [
    ("sec-purpose", "prefetch"),
    ("sec-purpose", "prefetch;prerender"),
    ("purpose", "prefetch"),
    ("x-purpose", "preview"),
    ("x-moz", "prefetch"),
    ("sec-fetch-dest", "image"),
    ("sec-fetch-mode", "cors"),
];

#[tokio::test]
async fn email_is_verified_by_its_link() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    let answer = site.browser().get(&link).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.heading(), "Verification successful");
    assert!(answer.body.contains("ann@example.org"));
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(ann.get("/members/email/").await.status, StatusCode::OK);

    let again = site.browser().get(&link).await;
    assert_eq!(again.status, StatusCode::OK);
    assert_eq!(again.heading(), "Your email address is already verified");
}

#[tokio::test]
async fn phone_is_verified_by_its_link() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let link = ann.phone_link().await;
    assert_eq!(ann.get(&link).await.heading(), "Verification successful");
    assert_eq!(
        ann.get(&link).await.heading(),
        "Your phone number is already verified"
    );
    assert_eq!(ann.get("/members/phone/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn asking_says_what_was_done() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let (mut emails, mut phones) = (site.capture::<VerifyEmail>(), site.capture::<VerifyPhone>());
    let email = ann.pk("email").await;
    let phone = ann.pk("phone").await;
    let answer = ann.post(PAGE, &[("method", "email"), ("pk", &email)]).await;
    // A page that is loaded again asks for nothing again.
    assert_eq!(answer.status, StatusCode::FOUND);
    for _ in 0..2 {
        let page = ann.get(answer.location()).await;
        assert!(
            page.body
                .contains("We sent a message to your email address")
        );
    }
    let answer = ann.post(PAGE, &[("method", "phone"), ("pk", &phone)]).await;
    let page = ann.get(answer.location()).await;
    assert!(page.body.contains("We sent a message to your phone"));
    let sent = emails.take();
    assert_eq!(sent.len(), 1);
    assert_eq!(phones.take().len(), 1);

    ann.get(sent[0].url.as_str()).await;
    let answer = ann.post(PAGE, &[("method", "email"), ("pk", &email)]).await;
    let page = ann.get(answer.location()).await;
    assert!(page.body.contains("Your email address is already verified"));
    assert!(emails.take().is_empty());
}

#[tokio::test]
async fn foreign_or_odd_address_is_refused() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let pk = ann.pk("email").await;
    let mut bob = site.bob().await;
    let mut sent = site.capture::<VerifyEmail>();
    let plus = format!("+{pk}");
    for fields in [
        vec![("method", "email"), ("pk", pk.as_str())],
        vec![("method", "email"), ("pk", plus.as_str())],
        vec![("method", "email"), ("pk", "1_0")],
        vec![("method", "email"), ("pk", "１")],
        vec![("method", "email"), ("pk", "99999999999999999999")],
        vec![("method", "email"), ("pk", "")],
        vec![("method", "fax"), ("pk", "2")],
        vec![],
    ] {
        let answer = bob.post(PAGE, &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{fields:?}");
        assert!(answer.body.contains("No such address"), "{fields:?}");
    }
    assert!(sent.take().is_empty());
}

#[tokio::test]
async fn bad_links_fail() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    let parts: Vec<&str> = link.split('/').collect();
    let (id, token) = (parts[3], parts[4]);
    let reset = ann.reset_link("ann@example.org").await;
    let reset_token = reset.split('/').nth(4).unwrap();
    for (id, token) in [
        (id, "x"),
        (id, reset_token),
        ("cGhvbmUx", token),
        ("ZW1haWwrMQ", token),
        ("ZW1haWwxXzA", token),
        ("MQ", token),
        ("%00", token),
        ("%F0%9F%98%80", token),
        ("%FF", token),
    ] {
        let path = format!("/accounts/user_verification_confirm/{id}/{token}/");
        let answer = site.browser().get(&path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.heading(), "Verification failed", "{path}");
    }
    assert_eq!(ann.get("/members/email/").await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn head_and_options_verify_nothing() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    let mut followed = site.capture::<LinkFollowed>();
    for _ in 0..10 {
        let head = site.browser().ask(Method::HEAD, &link).await;
        assert_eq!(head.status, StatusCode::OK);
        assert_eq!(head.body, "");
        let options = site.browser().ask(Method::OPTIONS, &link).await;
        assert_eq!(options.status, StatusCode::NO_CONTENT);
        assert_eq!(options.header("allow"), "GET,HEAD,POST");
    }
    assert!(followed.take().is_empty(), "nobody followed the link");
    assert_eq!(ann.get("/members/email/").await.status, StatusCode::FOUND);
    assert_eq!(ann.get(&link).await.heading(), "Verification successful");
}

#[tokio::test]
async fn click_can_be_asked_for() {
    let site = Site::with(|settings| settings.verify_by_click = true);
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    for _ in 0..3 {
        let page = ann.get(&link).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.heading(), "Verify your address");
        assert_ne!(page.header("referrer-policy"), "no-referrer");
    }
    assert_eq!(ann.get("/members/email/").await.status, StatusCode::FOUND);
    let answer = ann.post(&link, &[]).await;
    assert_eq!(answer.heading(), "Verification successful");
    assert_eq!(
        ann.get(&link).await.heading(),
        "Your email address is already verified"
    );
    assert_eq!(ann.get("/members/email/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn page_fetched_ahead_verifies_nothing() {
    for (name, value) in AHEAD {
        let site = Site::new();
        let mut ann = site.ann().await;
        let link = ann.email_link().await;
        let mut followed = site.capture::<LinkFollowed>();
        for _ in 0..10 {
            let request = site.browser().request(Method::GET, &link);
            let request = request.header(name, value).body(Body::empty()).unwrap();
            let page = site.send(request).await;
            assert_eq!(page.heading(), "Verify your address", "{name}: {value}");
        }
        assert!(followed.take().is_empty(), "nobody followed the link");
        let guarded = ann.get("/members/email/").await;
        assert_eq!(guarded.status, StatusCode::FOUND, "{name}: {value}");

        // A browser may show the page that it has fetched when the link is opened at last.
        let answer = ann.post(&link, &[]).await;
        assert_eq!(answer.heading(), "Verification successful");
    }
}

/// What a program does with a link that changes nothing when it is opened: nobody is told that someone followed it.
#[tokio::test]
async fn reset_page_fetched_ahead_is_no_visit() {
    let site = Site::with(|settings| settings.login_by_code = true);
    let mut ann = site.ann().await;
    let verification = ann.email_link().await;
    ann.get(&verification).await;
    let reset = site.browser().reset_link("ann@example.org").await;
    let mut sent = site.capture::<LoginEmail>();
    let form = [("login", "ann@example.org")];
    site.browser().post("/accounts/login_code/", &form).await;
    let log_in = sent.take().remove(0).url.as_str().to_owned();
    let mut followed = site.capture::<LinkFollowed>();
    for (link, status) in [(reset, StatusCode::FOUND), (log_in, StatusCode::OK)] {
        for (name, value) in AHEAD {
            let request = site.browser().request(Method::GET, &link);
            let request = request.header(name, value);
            let answer = site.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status, status, "{link} {name}: {value}");
        }
        site.browser().ask(Method::HEAD, &link).await;
        assert!(followed.take().is_empty(), "{link}: nobody followed it");
        site.browser().get(&link).await;
        assert_eq!(followed.take().len(), 1, "{link}");
    }
}

#[tokio::test]
async fn link_in_another_session_names_its_account() {
    let site = Site::new();
    let link = site.ann().await.email_link().await;
    let mut bob = site.bob().await;
    let answer = bob.get(&link).await;
    assert!(answer.body.contains("the account <strong>ann</strong>"));
    assert!(answer.body.contains("You are signed in as <strong>"));
    assert_eq!(bob.get("/members/email/").await.status, StatusCode::FOUND);
}
