//! "Keep me signed in": what the log-in page asks, and the cookie of who says no.

use std::time::Duration;

use http::StatusCode;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::settings::Methods;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::{LoginEmail, LoginPhone, Message, OneTimeCode};

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

/// The password is right and the session has another key, but the store cannot say any more for how long it lives: where users are
/// asked that, the cookie ends with the browser, which signs out too early and never too late.
#[tokio::test]
async fn cookie_of_a_session_nobody_can_read_is_not_kept() {
    type Make = fn() -> Site;
    for (make, asks) in [(Site::new as Make, false), (asking, true)] {
        for path in ["/accounts/confirm_identity/", "/accounts/change_password/"] {
            let mut first = None;
            for calls in 0..100 {
                let site = make();
                site.ann_signed_up().await;
                let mut ann = site.browser();
                let form = [
                    ("login", "ann"),
                    ("password", PASSWORD),
                    ("keep_signed_in", "1"),
                ];
                ann.post(PATH, &form).await;
                site.store.fail_after(calls, StoreErrorKind::Unavailable);
                let form = [
                    ("password", PASSWORD),
                    ("old_password", PASSWORD),
                    ("new_password1", "another horse battery"),
                    ("new_password2", "another horse battery"),
                ];
                let answer = ann.post(path, &form).await;
                if answer.status == StatusCode::FOUND {
                    first = Some(is_kept(&answer));
                    break;
                }
            }
            assert_eq!(first, Some(!asks), "{path}");
        }
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

/// How someone signs in without a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Code,
    /// After another code was asked for.
    SecondCode,
    /// With the second of two clicks.
    CodeTwice,
    Link,
    LinkTwice,
    /// In another browser, where they say it themselves.
    LinkElsewhere,
}

const WAYS: [Way; 6] = [
    Way::Code,
    Way::SecondCode,
    Way::CodeTwice,
    Way::Link,
    Way::LinkTwice,
    Way::LinkElsewhere,
];

const DONE: &str = "/accounts/login_code_done/";
const TICK: &str = "name=\"keep_signed_in\"";

/// A site where one signs in by code, to an account with a password, or up without one.
fn by_code(signs_up: bool) -> Site {
    Site::with(|settings| {
        settings.short_session_lifetime = Some(Duration::from_hours(12));
        settings.limits = LimitSettings::danger_none();
        settings.login_by_code = true;
        settings.sign_up_by_code = signs_up;
        if signs_up {
            settings.authentication_methods = Methods {
                phone: true,
                email: false,
                username: false,
            };
        }
    })
}

/// The code and the link of a message.
fn parts(message: &dyn Message) -> (String, String) {
    let code = message.code().map(OneTimeCode::as_str).unwrap();
    (code.to_owned(), message.url().as_str().to_owned())
}

/// What was said on the page where the code was asked for counts where it is typed, and where its link is opened.
#[tokio::test]
async fn code_and_link_keep_who_asked_for_it() {
    for signs_up in [false, true] {
        for (way, ticked) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
            let case = format!("{way:?} {ticked} signs up: {signs_up}");
            let site = by_code(signs_up);
            let (mut emails, mut texts) =
                (site.capture::<LoginEmail>(), site.capture::<LoginPhone>());
            let mut newest = || {
                let email = emails.take().pop().map(|it| parts(&it));
                email.or_else(|| texts.take().pop().map(|it| parts(&it)))
            };
            let (ask, fields) = if signs_up {
                let form = [
                    ("first_name", "Ann"),
                    ("last_name", "Smith"),
                    ("phone", "+91 98765 43210"),
                ];
                ("/accounts/signup/", form.to_vec())
            } else {
                let mut ann = site.ann().await;
                let link = ann.email_link().await;
                ann.get(&link).await;
                ("/accounts/login_code/", vec![("login", "ann@example.org")])
            };
            let mut browser = site.browser();
            let page = browser.get(ask).await;
            assert!(
                page.body.contains(TICK) && !page.body.contains(" checked"),
                "{case}"
            );
            let mut fields = fields;
            if ticked {
                fields.push(("keep_signed_in", "1"));
            }
            browser.post(ask, &fields).await;
            let (mut code, mut link) = newest().unwrap();
            if way == Way::SecondCode {
                browser.post(DONE, &[("resend", "1")]).await;
                (code, link) = newest().unwrap();
            }
            let answer = match way {
                Way::Code | Way::SecondCode | Way::CodeTwice => {
                    let before = browser.cookies.clone();
                    let first = browser.post(DONE, &[("code", &code)]).await;
                    if way == Way::CodeTwice {
                        browser.cookies = before;
                        browser.post(DONE, &[("code", &code)]).await
                    } else {
                        first
                    }
                }
                Way::Link | Way::LinkTwice | Way::LinkElsewhere => {
                    let is_elsewhere = way == Way::LinkElsewhere;
                    let mut opens = if is_elsewhere {
                        site.browser()
                    } else {
                        browser
                    };
                    let page = opens.get(&link).await;
                    assert!(page.body.contains(TICK), "{case}: {}", page.body);
                    let is_ticked = page.body.contains(" checked");
                    assert_eq!(is_ticked, ticked && !is_elsewhere, "{case}");
                    let mut form = vec![("form_token", page.hidden("form_token"))];
                    if is_elsewhere {
                        form.push(("code", &code));
                    }
                    if ticked {
                        form.push(("keep_signed_in", "1"));
                    }
                    let before = opens.cookies.clone();
                    let first = opens.post(&link, &form).await;
                    if way == Way::LinkTwice {
                        opens.cookies = before;
                        opens.post(&link, &form).await
                    } else {
                        first
                    }
                }
            };
            assert_eq!(answer.status, StatusCode::FOUND, "{case}: {}", answer.body);
            assert_eq!(is_kept(&answer), ticked, "{case}");
        }
    }
}

/// What another host of the domain sets, with a key of its own, says nothing of the code of this browser, nor of its link.
#[tokio::test]
async fn tossed_cookie_keeps_nobody() {
    for by_link in [false, true] {
        let site = by_code(false);
        let mut ann = site.ann().await;
        let link = ann.email_link().await;
        ann.get(&link).await;
        let ask = "/accounts/login_code/";
        let mut evil = site.browser();
        evil.post(
            ask,
            &[("login", "eve@example.org"), ("keep_signed_in", "1")],
        )
        .await;
        let name = "phone_auth_challenge_login";
        let tossed = evil.cookies[name].clone();
        assert!(tossed.strip_suffix(".kept").is_some(), "{tossed}");
        let mut emails = site.capture::<LoginEmail>();
        let mut browser = site.browser();
        browser.post(ask, &[("login", "ann@example.org")]).await;
        let (code, link) = parts(&emails.take().remove(0));
        let both = format!("{tossed}; {name}={}", browser.cookies[name]);
        browser.cookies.insert(name.to_owned(), both);
        let answer = if by_link {
            let page = browser.get(&link).await;
            assert!(!page.body.contains(" checked"), "{}", page.body);
            browser.post(&link, &[]).await
        } else {
            browser.post(DONE, &[("code", &code)]).await
        };
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        assert!(!is_kept(&answer), "by link: {by_link}");
    }
}
