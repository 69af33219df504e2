//! What a page says when something is done too often: 429, for how long, and the form as it was sent.

use std::time::Duration;

use http::StatusCode;
use phone_auth_core::address::AddressKind;
use phone_auth_core::clock::ManualClock;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_events::{Carries, LoginEmail};

use crate::confirm_identity::{signed_in_from_elsewhere, verified};
use crate::support::{Answer, Site, sign_up_form};

const ADDRESSES: &str = "/accounts/user_verification/";

/// Checks that an answer is a refusal for so many seconds, in words, and keeps what was typed.
fn check(answer: &Answer, seconds: u64, words: &str, kept: &str) {
    assert_eq!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        answer.body
    );
    let told: u64 = answer.retry_after().parse().unwrap();
    // A second or two may have gone by.
    assert!(
        (seconds - 2..=seconds).contains(&told),
        "{told} for {seconds}"
    );
    assert!(answer.body.contains(words), "{}", answer.body);
    assert!(answer.body.contains(kept), "{}", answer.body);
    assert!(!answer.body.contains("not-the-password"), "{}", answer.body);
}

#[tokio::test]
async fn log_in_page_says_how_long() {
    let site = Site::with(|settings| settings.limits.failures_in_a_row = 3);
    site.ann_signed_up().await;
    for login in ["ann", "nobody"] {
        let mut browser = site.browser();
        for _ in 0..3 {
            let answer = browser.log_in(login, "not-the-password").await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        }
        let answer = browser.log_in(login, "not-the-password").await;
        let kept = format!("value=\"{login}\"");
        check(&answer, 30 * 86_400, "Too many tries. Wait 30 days", &kept);
    }
}

#[tokio::test]
async fn reset_page_says_how_long() {
    let site = Site::new().serving(|web| {
        let address = [203, 0, 113, 7].into();
        let at = phone_auth_web::ClientAddress(address);
        web.router().layer(axum::Extension(at))
    });
    site.ann_signed_up().await;
    let mut pages = Vec::new();
    for login in ["ann@example.org", "eve@example.org"] {
        // Each from a browser of its own: one that has just asked is sent no more at once.
        let ask = async || {
            let fields = [("login", login)];
            let mut browser = site.browser();
            browser.post("/accounts/password_reset/", &fields).await
        };
        for _ in 0..2 {
            assert_eq!(ask().await.status, StatusCode::FOUND);
        }
        // One network has half of what an address can be sent.
        let answer = ask().await;
        check(
            &answer,
            30,
            "Too many tries. Wait",
            &format!("value=\"{login}\""),
        );
        // Whether anyone has the name changes nothing but the name.
        let lines = answer.body.lines();
        let lines = lines.filter(|line| !line.contains("csrfmiddlewaretoken"));
        let page = lines.collect::<String>().replace(login, "");
        pages.push(page.replace(|sign: char| sign.is_ascii_digit(), ""));
    }
    assert_eq!(pages[0], pages[1]);
}

/// What strangers have used up of what an address can be sent is no reason to refuse anyone: it was sent one a moment ago.
#[tokio::test]
async fn reset_page_refuses_nobody_for_what_others_ask() {
    let site = Site::new();
    site.ann_signed_up().await;
    for login in ["ann@example.org", "eve@example.org"] {
        for _ in 0..12 {
            let fields = [("login", login)];
            let mut browser = site.browser();
            let answer = browser.post("/accounts/password_reset/", &fields).await;
            assert_eq!(
                answer.location_of_code(),
                "/accounts/password_reset_done/",
                "{login}"
            );
        }
    }
}

#[tokio::test]
async fn pages_of_members_say_how_long() {
    let site = Site::with(|settings| {
        settings.max_addresses = 20;
        settings.max_unverified_addresses = 20;
    });
    let mut ann = site.ann().await;
    for number in 0..11 {
        let email = format!("more{number}@example.org");
        let answer = ann.post("/accounts/email/add/", &[("email", &email)]).await;
        if number < 10 {
            assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        } else if number == 10 {
            check(
                &answer,
                360,
                "Too many tries. Wait 6 minutes",
                "more10@example.org",
            );
        }
    }
    let fields = [
        ("old_password", "not-the-password"),
        ("new_password1", "walnut-Harbour-22"),
        ("new_password2", "walnut-Harbour-22"),
    ];
    // What was counted when Ann confirmed that it is her is of the key that she had before.
    for _ in 0..5 {
        let answer = ann.post("/accounts/change_password/", &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let answer = ann.post("/accounts/change_password/", &fields).await;
    check(&answer, 12, "Too many tries. Wait 1", "old_password");
}

#[tokio::test]
async fn sign_up_page_keeps_what_was_typed() {
    let site = Site::new().serving(|web| {
        let address = [203, 0, 113, 7].into();
        let at = phone_auth_web::ClientAddress(address);
        web.router().layer(axum::Extension(at))
    });
    let form = sign_up_form("eve", "", "");
    for _ in 0..20 {
        let answer = site.browser().post("/accounts/signup/", &form).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let answer = site.browser().post("/accounts/signup/", &form).await;
    check(&answer, 3, "Too many tries. Wait", "value=\"eve\"");
}

/// What happened and what to do, by what was done too often.
#[tokio::test]
async fn addresses_page_says_why_none_was_sent() {
    const JUST_SENT: &str = "We have just sent you one. Check your messages and your spam folder, or get another one in ";
    let emails: fn(&mut Settings) = |it| it.limits.email_verifications = "2/h".parse().unwrap();
    let phones: fn(&mut Settings) = |it| it.limits.phone_verifications = "2/h".parse().unwrap();
    let codes: fn(&mut Settings) = |it| {
        it.email_carries = Carries::Code;
        it.limits.email_verifications = "9/h".parse().unwrap();
        it.limits.wrong_codes_in_a_row = 3;
    };
    for (kind, change, typed, seconds, words) in [
        ("email", emails, 0, 1_710, format!("{JUST_SENT}29 minutes.")),
        (
            "phone",
            phones,
            0,
            1_710,
            "You can get another message in 29 minutes.".to_owned(),
        ),
        (
            "email",
            codes,
            3,
            2_591_940,
            "Too many wrong codes were typed for this address. You can get a new code in 30 days."
                .to_owned(),
        ),
    ] {
        let clock = ManualClock::starting_now();
        let site = Site::at_clock_with(clock.clone(), change);
        let mut ann = site.ann().await;
        let pk = ann.pk(kind).await;
        let fields = [("method", kind), ("pk", pk.as_str())];
        // As soon as the page sends another.
        for wait in [30, 60] {
            let sent = ann.post(ADDRESSES, &fields).await;
            assert_eq!(sent.status, StatusCode::FOUND, "{words}: {}", sent.body);
            for _ in 0..typed * (wait / 60) {
                let wrong = [fields[0], fields[1], ("code", "000000")];
                let answer = ann.post(ADDRESSES, &wrong).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
            }
            clock.advance(Duration::from_secs(wait));
        }
        let answer = ann.post(ADDRESSES, &fields).await;
        check(&answer, seconds, &words, "ann@example.org");
        assert!(answer.body.contains("No message was sent"));
        let is_just_sent = answer.body.contains("We have just sent you one");
        assert_eq!(is_just_sent, words.starts_with(JUST_SENT), "{words}");
    }
}

#[tokio::test]
async fn limits_can_be_off() {
    let site = Site::with(|settings| settings.limits = LimitSettings::danger_none());
    for _ in 0..12 {
        let answer = site.browser().log_in("nobody", "not-the-password").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
}

/// What is done again and again, at a page of its own, until it is done too often.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Confirmation,
    CodeToSignIn,
    CodeTyped,
    CodeAtLink,
    SignUpByCode,
}

/// The pages that the tests above are not about: each says how long, in words and to programs, and keeps its form.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is a table")]
async fn every_page_says_how_long() {
    let month = 30 * 86_400;
    for (asked, lets, seconds, words, kept) in [
        (
            Asked::Confirmation,
            5,
            12,
            "Too many tries. Wait 1",
            "name=\"password\"",
        ),
        (
            Asked::CodeToSignIn,
            20,
            3,
            "Too many tries. Wait",
            "value=\"nobody20@example.org\"",
        ),
        (
            Asked::CodeTyped,
            3,
            month,
            "Too many tries. Wait 30 days",
            "name=\"code\"",
        ),
        (
            Asked::CodeAtLink,
            3,
            month,
            "Too many tries. Wait 30 days",
            "name=\"code\"",
        ),
        (
            Asked::SignUpByCode,
            20,
            3,
            "Too many tries. Wait",
            "value=\"Ann\"",
        ),
    ] {
        let site = Site::with(|settings| {
            settings.login_by_code = true;
            if matches!(asked, Asked::SignUpByCode) {
                settings.sign_up_by_code = true;
                settings.authentication_methods = Methods {
                    email: true,
                    phone: false,
                    username: false,
                };
            }
            settings.limits.wrong_codes_in_a_row = 3;
        });
        let site = site.serving(|web| {
            let at = phone_auth_web::ClientAddress([203, 0, 113, 7].into());
            web.router().layer(axum::Extension(at))
        });
        let mut sent = site.capture::<LoginEmail>();
        let mut browser = site.browser();
        if !matches!(asked, Asked::SignUpByCode) {
            site.ann_signed_up().await;
            site.ann_logs_in(&mut browser).await;
        }
        if matches!(asked, Asked::CodeTyped | Asked::CodeAtLink) {
            let link = browser.email_link().await;
            browser.get(&link).await;
            browser = site.browser();
            let fields = [("login", "ann@example.org")];
            browser.post("/accounts/login_code/", &fields).await;
        }
        let message = sent.take().pop();
        let link = message.map(|it| it.url.as_str().to_owned());
        let wrong = [("code", "000000")];
        for number in 0..=lets {
            let email = format!("nobody{number}@example.org");
            let answer = match asked {
                Asked::Confirmation => {
                    let fields = [("password", "not-the-password")];
                    browser.post("/accounts/confirm_identity/", &fields).await
                }
                Asked::CodeToSignIn => {
                    let fields = [("login", email.as_str())];
                    let mut browser = site.browser();
                    browser.post("/accounts/login_code/", &fields).await
                }
                Asked::CodeTyped => browser.post("/accounts/login_code_done/", &wrong).await,
                Asked::CodeAtLink => {
                    let link = link.as_deref().unwrap();
                    site.browser().post(link, &wrong).await
                }
                Asked::SignUpByCode => {
                    let form = [
                        ("first_name", "Ann"),
                        ("last_name", "Smith"),
                        ("email", email.as_str()),
                    ];
                    site.browser().post("/accounts/signup/", &form).await
                }
            };
            if number < lets {
                assert!(
                    matches!(answer.status, StatusCode::FOUND | StatusCode::BAD_REQUEST),
                    "{asked:?} {number}: {}",
                    answer.body
                );
            } else {
                check(&answer, seconds, words, kept);
            }
        }
    }
}

/// What members do at the page of one of their addresses, and a code that is typed for one.
#[tokio::test]
async fn every_page_of_addresses_says_how_long() {
    let month = 30 * 86_400;
    for (action, seconds, words, kept) in [
        ("change", 1_800, "30 minutes", "value=\"more2@example.org\""),
        ("remove", 1_800, "30 minutes", ""),
        ("primary", 1_800, "30 minutes", ""),
        ("code", month, "30 days", "name=\"code\""),
    ] {
        let site = Site::with(|settings| {
            settings.max_addresses = 20;
            settings.max_unverified_addresses = 20;
            settings.limits.added_addresses = "2/h".parse().unwrap();
            settings.limits.wrong_codes_in_a_row = 2;
        });
        let mut ann = site.ann().await;
        let accounts = site.web.accounts();
        let user = accounts.find("ann").await.unwrap().unwrap();
        if matches!(action, "remove" | "primary") {
            for more in ["more0@example.org", "more1@example.org"] {
                accounts.add_address_for(&user, more).await.unwrap();
            }
        }
        let mut emails = accounts.addresses_of(user.id).await.unwrap();
        emails.retain(|it| it.kind == AddressKind::Email);
        if action == "primary" {
            for email in &emails {
                let verified = accounts.set_verified(&user, email, true).await;
                assert!(verified.unwrap().is_changed());
            }
        }
        let pk_of_anns = emails[0].id.get().to_string();
        let code = [("method", "email"), ("pk", pk_of_anns.as_str())];
        if action == "code" {
            ann.post(ADDRESSES, &code).await;
        }
        for number in 0..3_usize {
            // The first of all is Ann's own, which stays until the last.
            let last = emails.len() - 1;
            let pk = emails[last.saturating_sub(number)].id.get();
            let page = format!("/accounts/address/?method=email&pk={pk}");
            let email = format!("more{number}@example.org");
            let answer = if action == "code" {
                let wrong = [code[0], code[1], ("code", "000000")];
                ann.post(ADDRESSES, &wrong).await
            } else {
                let fields = [("action", action), ("email", email.as_str())];
                ann.post(&page, &fields).await
            };
            if number == 2 {
                let words = format!("Too many tries. Wait {words}");
                check(&answer, seconds, &words, kept);
            } else {
                let expected = match action {
                    "code" => StatusCode::BAD_REQUEST,
                    _ => StatusCode::FOUND,
                };
                assert_eq!(answer.status, expected, "{action}: {}", answer.body);
            }
        }
    }
}

/// Another code is sent to an address as often as one is asked for there, of a network.
#[tokio::test]
async fn pages_of_codes_say_how_long() {
    let clock = ManualClock::starting_now();
    let site = Site::at_clock_with(clock.clone(), |it| it.login_by_code = true);
    let site = site.serving(|web| {
        let at = phone_auth_web::ClientAddress([203, 0, 113, 7].into());
        web.router().layer(axum::Extension(at))
    });
    site.ann_signed_up().await;
    let fields = [("login", "ann@example.org")];
    for (ask, done) in [
        ("/accounts/login_code/", "/accounts/login_code_done/"),
        (
            "/accounts/password_reset/",
            "/accounts/password_reset_done/",
        ),
    ] {
        let mut browser = site.browser();
        browser.post(ask, &fields).await;
        let early = browser.post(done, &[("resend", "1")]).await;
        assert_eq!(early.status, StatusCode::FOUND, "the second of two clicks");
        clock.advance(Duration::from_secs(31));
        for _ in 0..2 {
            let asked = site.browser().post(ask, &fields).await;
            assert_eq!(asked.status, StatusCode::FOUND, "{}", asked.body);
        }
        let answer = browser.post(done, &[("resend", "1")]).await;
        check(&answer, 30, "Too many tries. Wait", "name=\"code\"");
        clock.advance(Duration::from_secs(600));
    }
}

/// A code that confirms who is signed in: another is asked for too soon, or in another session, and wrong ones are typed.
#[tokio::test]
async fn page_of_confirming_says_how_long() {
    const PATH: &str = "/accounts/confirm_identity/";
    let clock = ManualClock::starting_now();
    let site = Site::at_clock_with(clock.clone(), |it| {
        it.limits.wrong_codes_in_a_row = 3;
    });
    let _sender = site.signals.connect::<LoginEmail>(|_| {});
    site.ann_signed_up().await;
    verified(&site, AddressKind::Email).await;
    let to = [("to", "email-1")];
    let code = "name=\"code\"";
    let mut ann = signed_in_from_elsewhere(&site).await;
    ann.post(PATH, &to).await;
    clock.advance(Duration::from_secs(20));
    let answer = ann.post(PATH, &to).await;
    check(&answer, 160, "You can get a new code in", code);

    let mut elsewhere = signed_in_from_elsewhere(&site).await;
    let answer = elsewhere.post(PATH, &to).await;
    let words = "We have just sent you one";
    check(&answer, 160, words, "value=\"email-1\"");

    clock.advance(Duration::from_hours(2));
    ann.post(PATH, &to).await;
    let wrong = [("method", "email"), ("pk", "1"), ("code", "000000")];
    for number in 0..4 {
        let answer = ann.post(PATH, &wrong).await;
        if number < 3 {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        } else {
            check(&answer, 30 * 86_400, "Wait 30 days", code);
        }
    }
}

/// A page that comes to say so needs a case above.
#[test]
fn every_page_that_says_how_long_is_tested() {
    let tested = [
        "add_address.rs 1",
        "address.rs 1",
        "addresses.rs 3",
        "asked_code.rs 4",
        "change_password.rs 1",
        "confirm_by_code.rs 3",
        "confirm_identity.rs 1",
        "log_in.rs 1",
        "log_in_link.rs 1",
        "sign_up.rs 1",
    ];
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages");
    let mut found = Vec::new();
    for file in std::fs::read_dir(pages).unwrap() {
        let file = file.unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        let count = text.matches("answer::limited").count();
        if count > 0 {
            found.push(format!("{} {count}", file.file_name().to_string_lossy()));
        }
    }
    found.sort();
    assert_eq!(found, tested);
}
