//! Signing in with a code, and by the link beside it.

use std::time::Duration;

use http::{Method, StatusCode};
use phone_auth_core::clock::ManualClock;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::settings::Settings;
use phone_auth_events::{Capture, Carries, Channel, LoginEmail, LoginPhone, OneTimeCode};

use crate::support::{Answer, Browser, Site};

const LOG_IN: &str = "/accounts/login/";
const ASK: &str = "/accounts/login_code/";
const DONE: &str = "/accounts/login_code_done/";
const EMAIL: &str = "ann@example.org";
const BUTTON: &str = "formaction=\"/accounts/login_code/\" formnovalidate";

fn by_code(settings: &mut Settings) {
    settings.login_by_code = true;
    settings.limits = LimitSettings::danger_none();
}

/// Ann, who has verified her email address.
async fn verified(site: &Site) {
    let mut ann = site.ann().await;
    let link = ann.email_link().await;
    ann.get(&link).await;
}

/// The code and the link of the newest message.
fn sent(messages: &mut Capture<LoginEmail>) -> (String, String) {
    let message = messages.take().pop().unwrap();
    let code = message.envelope.code.as_ref().map(OneTimeCode::as_str);
    (code.unwrap().to_owned(), message.url.as_str().to_owned())
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/accounts/profile/").await.status == StatusCode::OK
}

#[tokio::test]
async fn two_pages_sign_in() {
    let site = Site::with(by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    let mut browser = site.browser();
    let form = browser.get("/accounts/login/?next=/members/email/").await;
    assert!(form.body.contains(BUTTON), "{}", form.body);
    // The form of the log-in page, by its second button.
    let fields = [
        ("login", EMAIL),
        ("password", ""),
        ("next", "/members/email/"),
    ];
    let asked = browser.post(ASK, &fields).await;
    assert_eq!(
        asked.location_of_code(),
        format!("{DONE}?next=/members/email/")
    );
    let to = asked.location().to_owned();
    let page = browser.get(&to).await;
    assert_eq!(page.heading(), "Enter the code");
    assert_eq!(page.hidden("next"), "/members/email/");
    let (code, link) = sent(&mut messages);
    assert!(!page.body.contains(&code));

    // In another browser the code is nothing.
    let elsewhere = site.browser().post(DONE, &[("code", &code)]).await;
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST);
    let wrong = browser.post(DONE, &[("code", "12345")]).await;
    assert!(wrong.body.contains("Type the six digits of the code."));
    let fields = [("code", code.as_str()), ("next", "/members/email/")];
    let done = browser.post(DONE, &fields).await;
    assert_eq!(done.location(), "/members/email/", "{}", done.body);
    // Its key is kept for a second click, and not what was typed.
    let kept = done.set_cookie("phone_auth_challenge_login").unwrap();
    assert!(kept.contains("Max-Age=60"), "{kept}");
    let value = kept.split(';').next().unwrap_or_default();
    assert!(!value.contains('.'), "{kept}");
    assert!(is_signed_in(&mut browser).await);
    // What changes who can get in asks for the password.
    let add = browser.get("/accounts/email/add/").await;
    assert!(add.location().starts_with("/accounts/confirm_identity/"));
    let used = site.browser().get(&link).await;
    assert_eq!(used.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn link_signs_in_after_a_click() {
    let site = Site::with(by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    let mut asks = site.browser();
    asks.post(ASK, &[("login", EMAIL)]).await;
    let (code, link) = sent(&mut messages);
    // Nothing that opens it uses it up.
    for _ in 0..3 {
        let mut scanner = site.browser();
        for method in [Method::HEAD, Method::GET, Method::OPTIONS] {
            let looked = scanner.ask(method, &link).await;
            assert!(looked.status.is_success());
        }
        assert!(!is_signed_in(&mut scanner).await);
        let body = axum::body::Body::from("");
        let posted = scanner.request(Method::POST, &link).body(body).unwrap();
        assert_eq!(scanner.send(posted).await.status, StatusCode::FORBIDDEN);
    }
    let mut bob = site.bob().await;
    let page = bob.get(&link).await;
    assert_eq!(page.heading(), "Sign in");
    assert!(page.body.contains("the account <strong>ann</strong>"));
    assert!(page.body.contains("The link is for another account"));
    let mut elsewhere = site.browser();
    elsewhere.get(&link).await;
    let done = elsewhere.post(&link, &[("code", &code)]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.body);
    assert!(is_signed_in(&mut elsewhere).await);

    // Once, and it ends the code.
    let again = site.browser().post(&link, &[]).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.body.contains("Get a new code"));
    let code = asks.post(DONE, &[("code", &code)]).await;
    assert_eq!(code.status, StatusCode::BAD_REQUEST);
    assert!(!is_signed_in(&mut asks).await);
}

/// The link is opened without what the page knew; the browser has kept it.
#[tokio::test]
async fn link_leads_to_where_one_was_going() {
    let site = Site::with(by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    for (next, leads) in [
        ("/members/email/", "/members/email/"),
        ("", "/accounts/profile/"),
    ] {
        let mut browser = site.browser();
        browser.post(ASK, &[("login", EMAIL), ("next", next)]).await;
        let (_, link) = sent(&mut messages);
        let done = browser.post(&link, &[]).await;
        assert_eq!(done.location(), leads, "{}", done.body);
        // What was waited for is over.
        let forgotten = done.set_cookie("phone_auth_challenge_login").unwrap();
        assert!(forgotten.contains("Max-Age=0"), "{forgotten}");
    }
}

/// A second form of the same browser is about the code that it waits for.
#[tokio::test]
async fn asking_again_keeps_the_code() {
    let site = Site::with(by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    let mut browser = site.browser();
    browser.post(ASK, &[("login", EMAIL)]).await;
    let key = browser.cookies["phone_auth_challenge_login"].clone();
    browser.post(ASK, &[("login", EMAIL)]).await;
    assert_eq!(browser.cookies["phone_auth_challenge_login"], key);
    let (code, _) = sent(&mut messages);
    let done = browser.post(DONE, &[("code", &code)]).await;
    assert_eq!(done.status, StatusCode::FOUND, "{}", done.body);
}

#[tokio::test]
async fn bad_links_say_so() {
    let site = Site::with(by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    site.browser().post(ASK, &[("login", EMAIL)]).await;
    let (_, link) = sent(&mut messages);
    let [idb64, token] = ["ZW1haWwx", link.rsplit('/').nth(1).unwrap()];
    for path in [
        format!("{idb64}/{token}0"),
        format!("cGhvbmUx/{token}"),
        format!("MQ/{token}"),
        format!("{idb64}/%ff"),
        format!("{idb64}/made-up"),
        idb64.to_owned(),
    ] {
        let path = format!("/accounts/login_confirm/{path}/");
        for answer in [
            site.browser().get(&path).await,
            site.browser().post(&path, &[]).await,
        ] {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
            assert!(answer.body.contains("The link is not valid."), "{path}");
        }
    }
    // What a mail program adds is passed over.
    let added = site.browser().get(&format!("{link}.")).await;
    assert_eq!(added.location(), link);
}

/// No matter who is named: the same bytes and the same cookie, at each step.
#[tokio::test]
async fn answer_is_the_same_for_nobody() {
    fn steady(login: &str, answer: &Answer) -> (StatusCode, String, Vec<(String, usize)>) {
        // The token of its forms, what it calls a code, and what was typed.
        let own = [answer.csrf_token(), answer.hidden("asked"), login];
        let own = own.into_iter().filter(|it| !it.is_empty());
        let body = own.fold(answer.body.clone(), |body, it| body.replace(it, "OWN"));
        let cookies = answer.set_cookies().into_iter().map(|cookie| {
            let name = cookie.split('=').next().unwrap_or_default();
            // What was typed stands in one behind the key, to be sent once more.
            let key = cookie.split('.').next().unwrap_or_default();
            (name.to_owned(), key.len())
        });
        (answer.status, body, cookies.collect())
    }
    let site = Site::with(by_code);
    verified(&site).await;
    site.bob().await;
    let mut messages = site.capture::<LoginEmail>();
    let mut seen = Vec::new();
    for (login, is_sent) in [
        (EMAIL, true),
        ("nobody@example.org", false),
        // Not verified.
        ("bob@example.org", false),
    ] {
        let mut browser = site.browser();
        let asked = browser.post(ASK, &[("login", login)]).await;
        let mut answers = vec![steady(login, &asked)];
        let messages = messages.take();
        assert_eq!(messages.len(), usize::from(is_sent), "{login}");
        let code = messages.first().and_then(|it| it.envelope.code.clone());
        let code = code.as_ref().map_or("123456", OneTimeCode::as_str);
        let wrong: u32 = code.parse().unwrap();
        answers.push(steady(login, &browser.get(DONE).await));
        for by in 1..=6 {
            let typed = format!("{:06}", (wrong + by) % 1_000_000);
            answers.push(steady(
                login,
                &browser.post(DONE, &[("code", &typed)]).await,
            ));
        }
        seen.push(answers);
    }
    for other in &seen[1..] {
        for (known, unknown) in seen[0].iter().zip(other) {
            assert_eq!(known, unknown);
        }
    }
}

/// Who has mistyped it sees so, whether or not there is such an account.
#[tokio::test]
async fn page_shows_what_was_typed() {
    let site = Site::with(by_code);
    verified(&site).await;
    for (ask, done) in [
        (ASK, DONE),
        (
            "/accounts/password_reset/",
            "/accounts/password_reset_done/",
        ),
    ] {
        assert!(!site.browser().get(done).await.body.contains("You entered"));
        for (typed, shown) in [
            (EMAIL, EMAIL),
            ("nobody@example.org", "nobody@example.org"),
            ("+12125552368", "+1 212-555-2368"),
            ("<i>nobody</i>", "&lt;i&gt;nobody&lt;/i&gt;"),
        ] {
            let mut browser = site.browser();
            let asked = browser.post(ask, &[("login", typed)]).await;
            assert_eq!(asked.status, StatusCode::FOUND, "{ask}: {typed}");
            let shown = format!("You entered <strong>{shown}</strong>.");
            let page = browser.get(asked.location()).await;
            assert!(page.body.contains(&shown), "{typed}: {}", page.body);
            let wrong = browser.post(done, &[("code", "x")]).await;
            assert!(wrong.body.contains(&shown), "{typed}: {}", wrong.body);
        }
    }
}

#[tokio::test]
async fn without_the_setting_there_is_none() {
    let site = Site::new();
    let mut browser = site.browser();
    let page = browser.get(LOG_IN).await;
    assert!(!page.body.contains("login_code"), "{}", page.body);
    for path in [ASK, DONE] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND);
        let posted = browser.post(path, &[("login", EMAIL)]).await;
        assert_eq!(posted.status, StatusCode::NOT_FOUND);
    }
}

/// A link that was sent before the setting was turned off, or before nobody sent its messages any more.
#[tokio::test]
async fn link_on_its_way_is_answered() {
    let link = "/accounts/login_confirm/ZW1haWwx/a-b/";
    for site in [Site::new(), Site::with(by_code)] {
        let mut browser = site.browser();
        for answer in [browser.get(link).await, browser.post(link, &[]).await] {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert_eq!(answer.heading(), "You are not signed in");
        }
    }
}

#[tokio::test]
async fn nothing_typed_is_told() {
    let site = Site::with(by_code);
    let mut browser = site.browser();
    let page = browser.get(ASK).await;
    assert_eq!(page.heading(), "Sign in with a code");
    for typed in ["", "   ", "\u{0}"] {
        let answer = browser.post(ASK, &[("login", typed)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.error_at("login").is_empty(), "{typed:?}");
    }
    // No code is waited for in this browser.
    let page = site.browser().get(DONE).await;
    assert!(!page.body.contains("name=\"code\""));
}

/// A right code has one life: after a log-out, and in another browser, it is nothing, however soon it comes again.
#[tokio::test]
async fn used_code_opens_nothing_again() {
    let site = Site::with(by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    let mut browser = site.browser();
    browser.post(ASK, &[("login", EMAIL)]).await;
    let (code, _) = sent(&mut messages);
    let fields = [("code", code.as_str())];
    let first = browser.post(DONE, &fields).await;
    let second = browser.post(DONE, &fields).await;
    assert_eq!(second.location(), first.location(), "{}", second.body);
    let key = |answer: &Answer| {
        let cookie = answer.set_cookie("sessionid").unwrap();
        cookie.split(';').next().unwrap_or_default().to_owned()
    };
    assert_eq!(key(&second), key(&first), "one session");
    let mut elsewhere = site.browser();
    let refused = elsewhere.post(DONE, &fields).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.set_cookie("sessionid").is_none());
    let name = "phone_auth_challenge_login";
    let key = browser.cookies[name].clone();
    browser.post("/accounts/logout/", &[]).await;
    assert!(!browser.cookies.contains_key(name));
    browser.cookies.insert(name.to_owned(), key);
    let late = browser.post(DONE, &fields).await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
    assert!(late.body.contains("Get a new one"), "{}", late.body);
    assert!(!is_signed_in(&mut browser).await);
}

/// Where a site offers more than text messages, the page has a button for each channel, for a number that nobody has too.
#[tokio::test]
async fn code_can_be_asked_for_by_another_channel() {
    let site = Site::with(|settings| {
        by_code(settings);
        settings.phone_channels = vec![Channel::Sms, Channel::Voice];
    });
    let mut ann = site.ann().await;
    let link = ann.phone_link().await;
    ann.get(&link).await;
    let mut texts = site.capture::<LoginPhone>();
    let mut pages = Vec::new();
    for login in ["+12125552368", "+12125550147"] {
        let mut browser = site.browser();
        browser.post(ASK, &[("login", login)]).await;
        let page = browser.get(DONE).await;
        for (channel, words) in [
            ("sms", "Send a new code by text message"),
            ("voice", "Call me with a new code"),
            ("email", "Send a new code by email"),
        ] {
            let button = format!(
                "name=\"channel\" value=\"{channel}\" class=\"button-quiet\">{words}</button>"
            );
            assert!(page.body.contains(&button), "{}", page.body);
        }
        let shown = login
            .replacen("212555", "212-555-", 1)
            .replacen("+1", "+1 ", 1);
        assert!(page.body.contains(&shown), "{}", page.body);
        let body = page.body.replace(page.csrf_token(), "");
        let body = body.replace(&shown, "");
        pages.push(body.replace(page.hidden("asked"), ""));
        for channel in ["voice", "email", "fax"] {
            let fields = [("resend", "1"), ("channel", channel)];
            let answer = browser.post(DONE, &fields).await;
            assert_eq!(answer.location_of_code(), DONE, "{channel}");
        }
    }
    assert_eq!(pages[0], pages[1]);
    let sent: Vec<_> = texts.take().iter().map(LoginPhone::channel).collect();
    assert_eq!(sent, [Channel::Sms, Channel::Voice, Channel::Sms]);
}

/// The button of a link that is pressed twice: the second has the session of the first, in the browser that the page was shown
/// to, and for a minute. The link has no second life.
#[tokio::test]
async fn link_pressed_twice_has_one_session() {
    let clock = ManualClock::starting_now();
    let site = Site::at_clock_with(clock.clone(), by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    let cookie = |answer: &Answer| {
        let cookie = answer.set_cookie("sessionid")?;
        Some(cookie.split(';').next().unwrap_or_default().to_owned())
    };
    let mut browser = site.browser();
    browser.post(ASK, &[("login", EMAIL)]).await;
    let (_, link) = sent(&mut messages);
    let mut elsewhere = site.browser();
    let other = elsewhere.get(&link).await.hidden("form_token").to_owned();
    let page = browser.get(&link).await;
    let form = [("form_token", page.hidden("form_token"))];
    let before = browser.cookies.clone();
    let first = browser.post(&link, &form).await;
    assert_eq!(first.location(), "/accounts/profile/", "{}", first.body);
    clock.advance(Duration::from_secs(59));
    browser.cookies = before;
    let second = browser.post(&link, &form).await;
    assert_eq!(second.location(), first.location(), "{}", second.body);
    assert!(cookie(&first).is_some());
    assert_eq!(cookie(&second), cookie(&first), "one session");
    assert_eq!(site.store.session_count(), 2, "Ann's before, and this");
    // Of another page, of none, and made up.
    let cut = &form[0].1[1..];
    for token in [other.as_str(), "", "made-up", cut] {
        let refused = elsewhere.post(&link, &[("form_token", token)]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{token}");
        assert_eq!(cookie(&refused), None, "{token}");
    }
    clock.advance(Duration::from_secs(1));
    let third = browser.post(&link, &form).await;
    assert_eq!(third.status, StatusCode::BAD_REQUEST, "a minute later");

    // After a log-out there is no session to have.
    browser.post(ASK, &[("login", EMAIL)]).await;
    let (_, link) = sent(&mut messages);
    let page = browser.get(&link).await;
    let form = [("form_token", page.hidden("form_token"))];
    browser.post(&link, &form).await;
    browser.post("/accounts/logout/", &[]).await;
    let late = browser.post(&link, &form).await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
    assert!(!is_signed_in(&mut browser).await);
}

/// What a program sends that presses each button of a link's page, with each field filled or not.
const RUBBISH: [&str; 6] = ["", " ", "test", "12345", "1234567", "scanner@example.org"];

/// In another browser than the one that asked, the page asks for the code that stands beside the link. Buttons that are pressed
/// there use up neither.
#[tokio::test]
async fn link_asks_for_its_code_elsewhere() {
    for by_button in [false, true] {
        let site = Site::with(by_code);
        verified(&site).await;
        let mut messages = site.capture::<LoginEmail>();
        let mut asks = site.browser();
        asks.post(ASK, &[("login", EMAIL)]).await;
        let (code, link) = sent(&mut messages);
        let mut scanner = site.browser();
        for typed in RUBBISH {
            let page = scanner.get(&link).await;
            let field = "<input type=\"text\" id=\"id_code\" name=\"code\" autocomplete=\"one-time-code\" inputmode=\"numeric\" \
                         pattern=\"[0-9]*\" required";
            assert!(page.body.contains(field), "{}", page.body);
            let words = "type the code that’s in the same message";
            assert!(page.body.contains(words), "{}", page.body);
            assert!(!page.body.contains(&code));
            let form = [("code", typed), ("form_token", page.hidden("form_token"))];
            for form in [&form[..], &form[..1], &form[1..], &[]] {
                let answer = scanner.post(&link, form).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{typed:?}");
                assert_eq!(answer.error_at("code"), "Type the six digits of the code.");
                assert!(answer.set_cookie("sessionid").is_none());
                assert!(!answer.hidden("form_token").is_empty());
            }
        }
        assert!(!is_signed_in(&mut scanner).await);

        if by_button {
            let page = asks.get(&link).await;
            assert!(!page.body.contains("name=\"code\""), "{}", page.body);
            let form = [("form_token", page.hidden("form_token"))];
            let done = asks.post(&link, &form).await;
            assert_eq!(done.location(), "/accounts/profile/", "{}", done.body);
        } else {
            let mut phone = site.browser();
            let page = phone.get(&link).await;
            let wrong: u32 = code.parse().unwrap();
            let wrong = format!("{:06}", (wrong + 1) % 1_000_000);
            let refused = phone.post(&link, &[("code", &wrong)]).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
            let told = refused.error_at("code");
            assert_eq!(told, "That code isn’t right. You can try 4 more times.");
            let form = [("code", &*code), ("form_token", page.hidden("form_token"))];
            let before = phone.cookies.clone();
            let done = phone.post(&link, &form).await;
            assert_eq!(done.location(), "/accounts/profile/", "{}", done.body);
            assert!(is_signed_in(&mut phone).await);
            // The second of two clicks.
            phone.cookies = before;
            let second = phone.post(&link, &form).await;
            assert_eq!(second.location(), done.location(), "{}", second.body);
            assert_eq!(site.store.session_count(), 2, "Ann's before, and this");
        }
        // Both are over, in whatever browser.
        for browser in [&mut asks, &mut scanner] {
            for form in [&[("code", &*code)][..], &[]] {
                let again = browser.post(&link, form).await;
                assert_eq!(again.status, StatusCode::BAD_REQUEST);
                assert!(again.body.contains("The link is not valid."));
                assert!(again.set_cookie("sessionid").is_none());
            }
        }
        let typed = site.browser().post(DONE, &[("code", &code)]).await;
        assert_eq!(typed.status, StatusCode::BAD_REQUEST);
    }
}

/// The attempts of a link come to an end, and the page says what to do; who asked has the button still.
#[tokio::test]
async fn attempts_at_a_link_run_out() {
    let site = Site::with(by_code);
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    let mut asks = site.browser();
    asks.post(ASK, &[("login", EMAIL)]).await;
    let (code, link) = sent(&mut messages);
    let number: u32 = code.parse().unwrap();
    for by in 1..=6 {
        let wrong = format!("{:06}", (number + by) % 1_000_000);
        let told = site.browser().post(&link, &[("code", &wrong)]).await;
        let told = told.error_at("code").clone();
        let is_last = by >= 5;
        assert_eq!(told.contains("Get a new one."), is_last, "{told}");
        assert!(!told.contains("another browser"), "{told}");
    }
    let late = site.browser().post(&link, &[("code", &code)]).await;
    assert_eq!(late.status, StatusCode::BAD_REQUEST);
    let done = asks.post(&link, &[]).await;
    assert_eq!(done.status, StatusCode::FOUND, "{}", done.body);
}

/// Where the message says a link alone nobody could type a code, so the button is enough, and a scanner that presses it is in.
#[tokio::test]
async fn link_without_a_code_has_a_button() {
    let site = Site::with(|settings| {
        by_code(settings);
        settings.email_carries = Carries::Link;
    });
    verified(&site).await;
    let mut messages = site.capture::<LoginEmail>();
    site.browser().post(ASK, &[("login", EMAIL)]).await;
    let (_, link) = sent(&mut messages);
    let mut elsewhere = site.browser();
    let page = elsewhere.get(&link).await;
    assert!(!page.body.contains("name=\"code\""), "{}", page.body);
    let done = elsewhere.post(&link, &[]).await;
    assert_eq!(done.location(), "/accounts/profile/", "{}", done.body);
}

/// Where no cookie came at all, it is said that a code needs one, and not that another browser asked.
#[tokio::test]
async fn browser_without_cookies_is_told() {
    let site = Site::with(by_code);
    verified(&site).await;
    for (ask, done) in [
        (ASK, DONE),
        (
            "/accounts/password_reset/",
            "/accounts/password_reset_done/",
        ),
    ] {
        for login in [EMAIL, "nobody@example.org"] {
            let mut browser = site.browser();
            let asked = browser.post(ask, &[("login", login)]).await;
            assert_eq!(asked.location_of_code(), done);
            browser.cookies.clear();
            let words = "Your browser sent no cookie, and the code needs one. Allow cookies for this site and get a new code, or \
                         open the link in the message, if it has one, in another browser.";
            let page = browser.get(done).await;
            assert!(page.body.contains(words), "{}", page.body);
            assert!(!page.body.contains("name=\"code\""), "{}", page.body);
            browser.cookies.clear();
            let typed = browser.post(done, &[("code", "123456")]).await;
            assert_eq!(typed.status, StatusCode::BAD_REQUEST);
            assert_eq!(typed.error_at("code"), words);
            assert!(
                !typed.body.contains("another browser. Get"),
                "{}",
                typed.body
            );
            // Who sends cookies is told that it may have been another browser.
            let mut other = site.browser();
            other.get(ask).await;
            let typed = other.post(done, &[("code", "123456")]).await;
            let told = typed.error_at("code");
            assert!(
                told.contains("you asked for it in another browser"),
                "{told}"
            );
        }
    }
}
