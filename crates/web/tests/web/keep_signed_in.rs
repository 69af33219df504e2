//! "Keep me signed in": what the log-in page asks, and the cookie of who says no.

use std::time::Duration;

use http::StatusCode;

use crate::support::{Answer, PASSWORD, Site};

const PATH: &str = "/accounts/login/";
const KEPT: &str = "; Max-Age=1209600";

fn asking() -> Site {
    Site::with(|settings| settings.short_session_lifetime = Some(Duration::from_hours(12)))
}

/// Whether the answer's session cookie outlives the browser.
fn is_kept(answer: &Answer) -> bool {
    let cookie = answer.set_cookie("sessionid").unwrap();
    assert_eq!(
        cookie.contains(KEPT),
        cookie.contains("Max-Age"),
        "{cookie}"
    );
    cookie.contains(KEPT)
}

#[tokio::test]
async fn page_asks_where_it_counts() {
    let page = Site::new().browser().get(PATH).await;
    assert!(!page.body.contains("keep_signed_in"));
    let site = asking();
    let mut browser = site.browser();
    let page = browser.get(PATH).await;
    assert!(page.body.contains("name=\"keep_signed_in\""));
    assert!(!page.body.contains(" checked"), "not unless one asks");
    // What was ticked stays ticked when the password was wrong.
    let form = [
        ("login", "ann"),
        ("password", "wrong"),
        ("keep_signed_in", "1"),
    ];
    let again = browser.post(PATH, &form).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.body.contains(" checked"), "{}", again.body);
}

#[tokio::test]
async fn cookie_ends_with_the_browser() {
    for (site, ticked, kept) in [
        (Site::new(), false, true),
        (Site::new(), true, true),
        (asking(), false, false),
        (asking(), true, true),
    ] {
        site.ann_signed_up().await;
        let mut ann = site.browser();
        let mut form = vec![("login", "ann"), ("password", PASSWORD)];
        if ticked {
            form.push(("keep_signed_in", "1"));
        }
        let answer = ann.post(PATH, &form).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        assert_eq!(is_kept(&answer), kept, "{ticked}");
        // So does the one with the key that the session gets later.
        let form = [("password", PASSWORD)];
        let answer = ann.post("/accounts/confirm_identity/", &form).await;
        assert_eq!(is_kept(&answer), kept, "{ticked}");
        let form = [
            ("old_password", PASSWORD),
            ("new_password1", "another horse battery"),
            ("new_password2", "another horse battery"),
        ];
        let answer = ann.post("/accounts/change_password/", &form).await;
        assert_eq!(is_kept(&answer), kept, "{ticked}");
    }
}

/// The second of two clicks begins a session of its own, since the browser may never hear of the key of the first: for as
/// long as the first would have lasted.
#[tokio::test]
async fn second_click_keeps_who_was_kept() {
    for (ticked, path) in [false, true].into_iter().flat_map(|ticked| {
        [
            (ticked, "/accounts/confirm_identity/"),
            (ticked, "/accounts/change_password/"),
        ]
    }) {
        let site = asking();
        site.ann_signed_up().await;
        let mut ann = site.browser();
        let mut form = vec![("login", "ann"), ("password", PASSWORD)];
        if ticked {
            form.push(("keep_signed_in", "1"));
        }
        ann.post(PATH, &form).await;
        let page = ann.get(path).await;
        let shown = page.body.contains("name=\"keep_signed_in\"");
        assert_eq!(shown, ticked, "{path}");
        let form_token = page.hidden("form_token").to_owned();
        let mut form = vec![
            ("password", PASSWORD),
            ("old_password", PASSWORD),
            ("new_password1", "another horse battery"),
            ("new_password2", "another horse battery"),
            ("form_token", &*form_token),
        ];
        if ticked {
            form.push(("keep_signed_in", "on"));
        }
        let old = ann.cookies.clone();
        ann.post(path, &form).await;
        ann.cookies = old;
        let second = ann.post(path, &form).await;
        assert_eq!(second.status, StatusCode::FOUND, "{path}: {}", second.body);
        assert_eq!(is_kept(&second), ticked, "{path}");
    }
}
