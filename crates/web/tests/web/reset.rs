//! Resetting a password.

use http::header::{LOCATION, SET_COOKIE};
use http::{Method, StatusCode};
use phone_auth_events::{ResetPasswordEmail, ResetPasswordPhone};

use crate::support::{Answer, PASSWORD, Site};

const ASK: &str = "/accounts/password_reset/";
const NEW: &str = "another long password";

#[tokio::test]
async fn whole_flow_sets_a_password() {
    let site = Site::new();
    let mut elsewhere = site.ann().await;
    let mut browser = site.browser();
    let link = browser.reset_link("ann@example.org").await;

    let opened = browser.get(&link).await;
    assert_eq!(opened.status, StatusCode::FOUND);
    assert_eq!(
        opened.location(),
        "/accounts/password_reset_confirm/MQ/set-password/"
    );
    let cookie = opened.set_cookie("reset_token").unwrap();
    assert!(cookie.contains("; Path=/accounts/password_reset_confirm/MQ/set-password/"));
    assert!(cookie.contains("; HttpOnly; SameSite=Lax"));
    assert_eq!(opened.header("referrer-policy"), "no-referrer");

    let form = opened.location().to_owned();
    let page = browser.get(&form).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.heading(), "Set password");
    assert!(page.body.contains("the account <strong>ann</strong>"));

    let fields = [("new_password1", NEW), ("new_password2", NEW)];
    let answer = browser.post(&form, &fields).await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.location(), "/accounts/password_reset_complete/");
    assert!(
        answer
            .set_cookie("reset_token")
            .unwrap()
            .contains("Max-Age=0")
    );
    let page = browser.get("/accounts/password_reset_complete/").await;
    assert_eq!(page.heading(), "Password reset complete");

    assert_eq!(
        elsewhere.get("/accounts/profile/").await.status,
        StatusCode::FOUND
    );
    assert_eq!(
        browser.log_in("ann", PASSWORD).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(browser.log_in("ann", NEW).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn answer_is_the_same_for_nobody() {
    let site = Site::new();
    site.ann().await;
    let mut sent = site.capture::<ResetPasswordEmail>();
    let known = site
        .browser()
        .post(ASK, &[("login", "ann@example.org")])
        .await;
    let unknown = site
        .browser()
        .post(ASK, &[("login", "eve@example.org")])
        .await;
    for answer in [&known, &unknown] {
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.location_of_code(), "/accounts/password_reset_done/");
    }
    assert_eq!(known.body, unknown.body);
    // The key of the challenge is random, and so is what the page calls its code.
    let [known_headers, unknown_headers] = [&known, &unknown].map(|answer| {
        let mut headers = answer.headers.clone();
        headers.remove(SET_COOKIE);
        headers.remove(LOCATION);
        headers
    });
    assert_eq!(known_headers, unknown_headers);
    let cookies = |answer: &Answer| -> Vec<_> {
        let cookies = answer.set_cookies().into_iter();
        cookies
            .map(|it| {
                (
                    it.split_once('=').map(|(name, _)| name.to_owned()),
                    it.len(),
                )
            })
            .collect()
    };
    assert_eq!(cookies(&known), cookies(&unknown));
    assert_eq!(sent.take().len(), 1);
    let page = site.browser().get("/accounts/password_reset_done/").await;
    assert_eq!(page.heading(), "Reset password");
}

#[tokio::test]
async fn phone_gets_a_message_too() {
    let site = Site::new();
    site.ann().await;
    let mut sent = site.capture::<ResetPasswordPhone>();
    site.browser()
        .post(ASK, &[("login", "+1 (212) 555-2368")])
        .await;
    let sent = sent.take();
    assert_eq!(sent[0].phone, "+12125552368");
    assert!(
        sent[0]
            .url
            .as_str()
            .starts_with("/accounts/password_reset_confirm/MQ/")
    );
}

#[tokio::test]
async fn empty_request_is_told() {
    let site = Site::new();
    let answer = site.browser().post(ASK, &[("login", "  ")]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.error_at("login"), "This field is required.");
}

#[tokio::test]
async fn bad_links_say_so() {
    let site = Site::new();
    site.ann().await;
    let good = site.browser().reset_link("ann@example.org").await;
    let token = good.split('/').nth(4).unwrap();
    let flipped = if token.ends_with('0') { "1" } else { "0" };
    let flipped = format!("{}{flipped}", &token[..token.len() - 1]);
    for link in [
        format!("MQ/{flipped}"),
        format!("Mg/{token}"),
        format!("MQ%3D%3D/{token}"),
        "MQ/set-password".to_owned(),
        "MQ/x".to_owned(),
        format!("{}/{token}", "9".repeat(500)),
        format!("%00/{token}"),
        format!("%FF/{token}"),
        format!("MQ/{}", "a-".repeat(1000)),
    ] {
        let path = format!("/accounts/password_reset_confirm/{link}/");
        let answer = site.browser().get(&path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{link}");
        assert_eq!(answer.heading(), "Password reset unsuccessful", "{link}");
        assert!(answer.body.contains("href=\"/accounts/password_reset/\""));
        assert!(!answer.body.contains("new_password1"));
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn wrong_form_keeps_the_link() {
    let site = Site::new();
    site.ann().await;
    let mut browser = site.browser();
    let link = browser.reset_link("ann@example.org").await;
    let form = browser.get(&link).await.location().to_owned();
    for (new1, new2, field, error) in [
        (NEW, "other", "new_password2", "The passwords don’t match."),
        ("short", "short", "new_password1", "too short"),
        ("", "", "new_password1", "This field is required."),
        (
            "a\u{0}bcdefghijkl",
            "a\u{0}bcdefghijkl",
            "new_password1",
            "Remove",
        ),
    ] {
        let fields = [("new_password1", new1), ("new_password2", new2)];
        let answer = browser.post(&form, &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.error_at(field).contains(error), "{}", answer.body);
    }
    let fields = [("new_password1", NEW), ("new_password2", NEW)];
    assert_eq!(browser.post(&form, &fields).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn used_link_is_refused() {
    let site = Site::new();
    site.ann().await;
    let mut browser = site.browser();
    let link = browser.reset_link("ann@example.org").await;
    let form = browser.get(&link).await.location().to_owned();
    let mut second = site.browser();
    second.get(&link).await;
    let fields = [("new_password1", NEW), ("new_password2", NEW)];
    assert_eq!(browser.post(&form, &fields).await.status, StatusCode::FOUND);
    let again = second.post(&form, &fields).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert_eq!(again.heading(), "Password reset unsuccessful");
    assert_eq!(
        site.browser().get(&link).await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn looking_writes_no_row() {
    let site = Site::new();
    site.ann().await;
    let before = site.store.session_count();
    let link = site.browser().reset_link("ann@example.org").await;
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        for _ in 0..10 {
            site.browser().ask(method.clone(), &link).await;
        }
    }
    assert_eq!(site.store.session_count(), before);
    assert_eq!(site.browser().get(&link).await.status, StatusCode::FOUND);
}

/// What stands in the address reaches no attribute of a cookie.
#[tokio::test]
async fn clearing_cookie_has_the_path_of_the_form() {
    let site = Site::new();
    for (id, path) in [
        (
            "MQ",
            Some("/accounts/password_reset_confirm/MQ/set-password/"),
        ),
        ("MQ;Domain=evil.example", None),
        ("MQ%3BDomain=evil.example", None),
        ("x", None),
    ] {
        let form = format!("/accounts/password_reset_confirm/{id}/set-password/");
        let answer = site.browser().get(&form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{id}");
        let cookie = answer.set_cookie("reset_token");
        match path {
            Some(path) => assert!(cookie.unwrap().contains(&format!("Path={path};"))),
            None => assert_eq!(cookie, None, "{id}"),
        }
    }
}

#[tokio::test]
async fn other_session_is_told_apart() {
    let site = Site::new();
    site.ann().await;
    let mut bob = site.bob().await;
    let link = bob.reset_link("ann@example.org").await;
    let form = bob.get(&link).await.location().to_owned();
    let page = bob.get(&form).await;
    assert!(page.body.contains("the account <strong>ann</strong>"));
    assert!(page.body.contains("You are signed in as <strong>"));
}

#[tokio::test]
async fn verification_token_resets_nothing() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    let token = link.split('/').nth(4).unwrap();
    let path = format!("/accounts/password_reset_confirm/MQ/{token}/");
    assert_eq!(ann.get(&path).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn tossed_reset_token_hides_none() {
    let site = Site::new();
    site.ann_signed_up().await;
    let link = site.browser().reset_link("ann@example.org").await;
    let mut opening = site.browser();
    let form = opening.get(&link).await.location().to_owned();
    let token = opening.cookies.remove("reset_token").unwrap();
    for cookies in [
        format!("reset_token=x; reset_token={token}"),
        format!("reset_token={token}; reset_token=x"),
        format!("reset_token=; reset_token=\"{token}\""),
        // Of the form of ours, and no good.
        format!("reset_token=tp5wvo-3461c22d69ed1cc80d1f24c562bc5576-p1; reset_token={token}"),
    ] {
        let request = opening.request(Method::GET, &form);
        let request = request.header("cookie", &cookies);
        let page = site
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(page.status, StatusCode::OK, "{cookies}");
    }
    let request = opening
        .request(Method::POST, &form)
        .header("cookie", format!("reset_token=x; reset_token={token}"))
        .header("origin", "http://site.example")
        .header("content-type", "application/x-www-form-urlencoded");
    let fields = crate::support::encode(&[("new_password1", NEW), ("new_password2", NEW)]);
    let answer = site
        .send(request.body(axum::body::Body::from(fields)).unwrap())
        .await;
    assert_eq!(answer.location(), "/accounts/password_reset_complete/");
}

/// A browser that keeps no cookies comes to the form without the token: it is told why, and the link still works.
#[tokio::test]
async fn blocked_cookies_are_told_at_the_form() {
    let site = Site::new();
    site.ann_signed_up().await;
    let link = site.browser().reset_link("ann@example.org").await;
    let form = site.browser().get(&link).await.location().to_owned();
    for (header, is_told) in [("navigate", true), ("no-cors", false)] {
        let request = site.browser().request(Method::GET, &form);
        let request = request.header("sec-fetch-mode", header);
        let page = site
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        let said = page.body.contains("Your browser blocks cookies");
        assert_eq!(said, is_told, "{header}: {}", page.body);
    }
    assert_eq!(site.browser().get(&link).await.location(), form);
}

/// Who resets a password by a link has shown who they are: their browser is known from then on. The address with the token
/// takes no form.
#[tokio::test]
async fn browser_of_a_reset_is_known() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut browser = site.browser();
    let link = browser.reset_link("ann@example.org").await;
    let form = browser.get(&link).await.location().to_owned();
    let fields = [("new_password1", NEW), ("new_password2", NEW)];
    let posted = browser.post(&link, &fields).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!browser.cookies.contains_key("phone_auth_device"));
    let done = browser.post(&form, &fields).await;
    assert_eq!(done.location(), "/accounts/password_reset_complete/");
    assert!(browser.cookies.contains_key("phone_auth_device"));
}
