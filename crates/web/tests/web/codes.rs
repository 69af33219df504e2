//! Codes at the pages: typed where they were asked for.

use std::time::Duration;

use http::StatusCode;
use phone_auth_core::clock::ManualClock;
use phone_auth_core::limits::LimitSettings;
use phone_auth_events::{
    Channel, LoginEmail, OneTimeCode, ResetPasswordEmail, ResetPasswordPhone, VerifyEmail,
    VerifyPhone,
};

use crate::support::{Answer, Browser, PASSWORD, Site};

const DONE: &str = "/accounts/password_reset_done/";
const ADDRESSES: &str = "/accounts/user_verification/";
const LOG_IN_DONE: &str = "/accounts/login_code_done/";
const RESETS: &str = "phone_auth_challenge_reset";
const LOG_INS: &str = "phone_auth_challenge_login";
const VERIFICATIONS: &str = "phone_auth_challenge_verify";
const NEW: &str = "battery staple fence";

fn other(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

#[tokio::test]
async fn password_is_reset_by_code() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut sent = site.signals.capture::<ResetPasswordEmail>();
    let mut browser = site.browser();
    assert!(!browser.get(DONE).await.body.contains("name=\"code\""));
    let asked = browser
        .post("/accounts/password_reset/", &[("login", "ann@example.org")])
        .await;
    assert_eq!(asked.location_of_code(), DONE);
    let page = browser.get(DONE).await;
    let field = "<input type=\"text\" id=\"id_code\" name=\"code\" autocomplete=\"one-time-code\" inputmode=\"numeric\" \
                 pattern=\"[0-9]*\" required";
    assert!(page.body.contains(field), "{}", page.body);
    let code = sent.take().remove(0).envelope.code.unwrap();
    let code = code.as_str();

    let wrong = browser.post(DONE, &[("code", &other(code))]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(
        wrong
            .body
            .contains("That code isn’t right, or was used or replaced by a newer one. You can try 4 more times, or get a new code."),
        "{}",
        wrong.body
    );
    for typed in ["", "12", "abcdef", "\u{0}", &"1".repeat(5_000)] {
        let unread = browser.post(DONE, &[("code", typed)]).await;
        assert_eq!(unread.status, StatusCode::BAD_REQUEST);
        assert!(
            unread.body.contains("Type the six digits of the code."),
            "{}",
            unread.body
        );
    }
    // Elsewhere it is worth nothing.
    let mut elsewhere = site.browser();
    elsewhere.get("/accounts/password_reset/").await;
    let refused = elsewhere.post(DONE, &[("code", code)]).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("you asked for it in another browser"),
        "{}",
        refused.body
    );

    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let before = browser.cookies.clone();
    let first = browser.post(DONE, &[("code", &spaced)]).await;
    assert_eq!(first.status, StatusCode::FOUND, "{}", first.body);
    // The second of two clicks: it was sent before the first had its answer.
    browser.cookies = before;
    let proven = browser.post(DONE, &[("code", &spaced)]).await;
    let form = proven.location().to_owned();
    assert_eq!(form, first.location());
    assert!(form.ends_with("/set-password/"), "{form}");
    let page = browser.get(&form).await;
    assert!(page.body.contains("ann"), "{}", page.body);
    let reset = browser
        .post(&form, &[("new_password1", NEW), ("new_password2", NEW)])
        .await;
    assert_eq!(reset.status, StatusCode::FOUND, "{}", reset.body);
    assert_eq!(browser.log_in("ann", NEW).await.status, StatusCode::FOUND);
    let again = browser.post(DONE, &[("code", code)]).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    let old = site.browser().log_in("ann", PASSWORD).await;
    assert_eq!(old.status, StatusCode::BAD_REQUEST);
}

/// Another host of the domain may set a cookie of this name: the key of a code that it has asked for itself. Whichever comes
/// first, the code of this browser is taken, and what it waited for is forgotten.
#[tokio::test]
async fn tossed_code_cookie_hides_none() {
    for is_first in [true, false] {
        let site = Site::with(|settings| settings.login_by_code = true);
        let mut browser = site.ann().await;
        // Each waits for its code, one for the same purpose as that of the owner.
        let mut tossed = Vec::new();
        for (path, name) in [
            ("/accounts/password_reset/", RESETS),
            ("/accounts/login_code/", LOG_INS),
        ] {
            let mut evil = site.browser();
            evil.post(path, &[("login", "eve@example.org")]).await;
            tossed.push(evil.cookies[name].clone());
        }
        let mut codes = site.signals.capture::<VerifyEmail>();
        let asked = [("method", "email"), ("pk", "1")];
        browser.post(ADDRESSES, &asked).await;
        let code = codes.take().remove(0).envelope.code.unwrap();
        let verified = [asked[0], asked[1], ("code", code.as_str())];
        let page = (ADDRESSES, VERIFICATIONS);
        check_tossed((&mut browser, is_first), &tossed, page, &verified).await;
        let mut browser = site.browser();

        let mut codes = site.signals.capture::<ResetPasswordEmail>();
        let login = [("login", "ann@example.org")];
        browser.post("/accounts/password_reset/", &login).await;
        let code = codes.take().remove(0).envelope.code.unwrap();
        let typed = [("code", code.as_str())];
        check_tossed((&mut browser, is_first), &tossed, (DONE, RESETS), &typed).await;

        let mut browser = site.browser();
        let mut codes = site.signals.capture::<LoginEmail>();
        browser.post("/accounts/login_code/", &login).await;
        let code = codes.take().remove(0).envelope.code.unwrap();
        let typed = [("code", code.as_str())];
        let page = (LOG_IN_DONE, LOG_INS);
        check_tossed((&mut browser, is_first), &tossed, page, &typed).await;
    }
}

/// The form is taken although the browser sends these keys too.
async fn check_tossed(
    (browser, is_first): (&mut Browser<'_>, bool),
    tossed: &[String],
    (path, name): (&str, &str),
    fields: &[(&str, &str)],
) {
    let own = browser.cookies[name].clone();
    let mut values = tossed.to_vec();
    values.insert(if is_first { values.len() } else { 0 }, own.clone());
    let all = values.join(&format!("; {name}="));
    browser.cookies.insert(name.to_owned(), all);
    let answer = browser.post(path, fields).await;
    assert_eq!(
        answer.status,
        StatusCode::FOUND,
        "{path} {is_first}: {}",
        answer.body
    );
    // Where a code may come twice by a double click, its key is kept, without what was typed to ask for it.
    let kept = answer.set_cookie(name).unwrap();
    let key = own.split('.').next().unwrap_or_default();
    assert_eq!(kept.contains(key), path != ADDRESSES, "{path}: {kept}");
    assert!(!kept.contains(&format!("{key}.")), "{path}: {kept}");
}

/// Where another host of the domain has set the key of a code of its own, "Send a new code" sends none to the name that was typed
/// there: the page says which code it is about, and one that does not know asks whom one means.
#[tokio::test]
async fn new_code_goes_where_the_page_is_about() {
    for (ask, done, name) in [
        ("/accounts/password_reset/", DONE, RESETS),
        ("/accounts/login_code/", LOG_IN_DONE, LOG_INS),
    ] {
        for is_first in [true, false] {
            let site = Site::with(|settings| {
                settings.login_by_code = true;
                settings.limits = LimitSettings::danger_none();
            });
            for mut owner in [site.ann().await, site.bob().await] {
                let link = owner.email_link().await;
                owner.get(&link).await;
            }
            let mut evil = site.browser();
            evil.post(ask, &[("login", "bob@example.org")]).await;
            let tossed = evil.cookies[name].clone();
            let toss = |browser: &mut Browser<'_>| {
                let own = browser.cookies[name].clone();
                let values = if is_first {
                    [&tossed, &own]
                } else {
                    [&own, &tossed]
                };
                let both = format!("{}; {name}={}", values[0], values[1]);
                browser.cookies.insert(name.to_owned(), both);
            };
            let mut resets = site.capture::<ResetPasswordEmail>();
            let mut log_ins = site.capture::<LoginEmail>();
            let mut sent_to = || {
                let resets = resets.take().into_iter().map(|it| it.email);
                let log_ins = log_ins.take().into_iter().map(|it| it.email);
                resets.chain(log_ins).collect::<Vec<_>>()
            };
            // The other host was there first, so the page is told which code it is about.
            let login = [("login", "ann@example.org")];
            let mut browser = site.browser();
            browser
                .cookies
                .insert(name.to_owned(), format!("{tossed}; {name}={tossed}x"));
            browser.post(ask, &login).await;
            toss(&mut browser);
            let asked = browser.post(ask, &login).await;
            assert_eq!(sent_to(), ["ann@example.org"; 2], "{ask} {is_first}");
            let to = asked.location().to_owned();
            assert!(to.starts_with(&format!("{done}?asked=")), "{to}");
            toss(&mut browser);
            let page = browser.get(&to).await;
            let named = page.hidden("asked").to_owned();
            // A wrong code shows the same page.
            let wrong = browser
                .post(done, &[("code", "12345"), ("asked", &named)])
                .await;
            assert_eq!(wrong.hidden("asked"), named, "{ask} {is_first}");
            let again = browser
                .post(done, &[("resend", "1"), ("asked", &named)])
                .await;
            assert_eq!(sent_to(), ["ann@example.org"], "{ask} {is_first}");
            assert!(again.location().starts_with(done), "{}", again.location());

            // It came later: a page that does not say which code it is about asks for a name.
            let mut browser = site.browser();
            browser.post(ask, &login).await;
            assert_eq!(sent_to(), ["ann@example.org"]);
            toss(&mut browser);
            let page = browser.get(done).await;
            assert!(page.body.contains("name=\"code\""), "{}", page.body);
            for fields in [
                &[("resend", "1")][..],
                &[("resend", "1"), ("asked", "bm9uZQ")],
            ] {
                let answer = browser.post(done, fields).await;
                assert_eq!(answer.location(), ask, "{is_first}");
            }
            assert!(sent_to().is_empty(), "{ask} {is_first}");
        }
    }
}

/// When another code can be sent is told of this address, whatever other key the browser has sent.
#[tokio::test]
async fn wait_is_that_of_the_address() {
    for is_first in [true, false] {
        let site = Site::new();
        let mut bob = site.bob().await;
        bob.post(ADDRESSES, &[("method", "email"), ("pk", "1")])
            .await;
        let name = VERIFICATIONS;
        let tossed = bob.cookies[name].clone();
        let mut ann = site.ann().await;
        let asked = ann
            .post(ADDRESSES, &[("method", "email"), ("pk", "2")])
            .await;
        assert_eq!(
            asked.location(),
            "/accounts/user_verification/?notice=email-sent&code=2"
        );
        let to = asked.location().to_owned();
        let own = ann.cookies[name].clone();
        assert_ne!(own, tossed);
        for used_up in [false, true] {
            if used_up {
                for _ in 0..5 {
                    let fields = [("method", "email"), ("pk", "1"), ("code", "000000")];
                    bob.post(ADDRESSES, &fields).await;
                }
            }
            let values = if is_first {
                [&tossed, &own]
            } else {
                [&own, &tossed]
            };
            let both = format!("{}; {name}={}", values[0], values[1]);
            ann.cookies.insert(name.to_owned(), both);
            let page = ann.get(&to).await;
            assert!(
                page.body.contains("You can get a new code in 3 minutes"),
                "{}",
                page.body
            );
            assert!(!page.body.contains("used up"), "{}", page.body);
            // The key of another's code alone is no code that is waited for here.
            ann.cookies.insert(name.to_owned(), tossed.clone());
            let page = ann.get(&to).await;
            assert!(!page.body.contains("name=\"code\""), "{}", page.body);
        }
    }
}

/// A page without what is another one each time it is shown: the token of its forms, and what it calls a code.
fn same_for_all(page: &Answer) -> String {
    let body = page.body.replace(page.csrf_token(), "");
    match page.hidden("asked") {
        "" => body,
        asked => body.replace(asked, ""),
    }
}

/// A page whose code is over says so, and what to do; it has no field for it, and says nothing of tries that nobody made. One that
/// waits for nothing says what may have become of it.
#[tokio::test]
async fn page_of_a_code_that_is_over_says_so() {
    let over = "This code has expired. Get a new one.";
    let none =
        "Get a new code: this one has expired or was used, or you asked for it in another browser.";
    for (ask, done, title) in [
        ("/accounts/password_reset/", DONE, "Reset password"),
        ("/accounts/login_code/", LOG_IN_DONE, "Sign in with a code"),
    ] {
        for login in ["ann@example.org", "nobody@example.org"] {
            let clock = ManualClock::starting_now();
            let site = Site::at_clock_with(clock.clone(), |it| it.login_by_code = true);
            let mut ann = site.ann().await;
            let link = ann.email_link().await;
            ann.get(&link).await;
            let mut browser = site.browser();
            // After the fifth message the wait is longer than the life of a code.
            for wait in [30, 60, 120, 240, 480] {
                let asked = browser.post(ask, &[("login", login)]).await;
                assert_eq!(asked.status, StatusCode::FOUND, "{}", asked.body);
                let page = browser.get(done).await;
                assert_eq!(page.heading(), "Enter the code");
                assert!(page.body.contains("name=\"code\""), "{}", page.body);
                clock.advance(Duration::from_secs(wait));
            }
            browser.post(ask, &[("login", login)]).await;
            for (minutes, waits) in [(10, true), (7, false)] {
                clock.advance(Duration::from_mins(minutes));
                let page = browser.get(done).await;
                assert_eq!(page.heading(), title);
                assert!(page.body.contains(over), "{}", page.body);
                assert!(page.body.contains(">Send a new code</button>"));
                let hint = page.body.contains("You can get a new code in ");
                assert_eq!(hint, waits, "{ask} {login} {minutes}: {}", page.body);
                for absent in ["used up", "name=\"code\"", none] {
                    assert!(!page.body.contains(absent), "{absent}: {}", page.body);
                }
            }
            let mut elsewhere = site.browser();
            elsewhere.get(ask).await;
            let page = elsewhere.get(done).await;
            assert_eq!(page.heading(), title);
            assert!(page.body.contains(none), "{}", page.body);
            assert!(!page.body.contains("name=\"code\""), "{}", page.body);
        }
    }
}

/// Of several codes that a browser has asked for a page that names none is about the one that is not over, and of those that are
/// over about the newest.
#[tokio::test]
async fn page_without_a_name_is_about_the_code_that_is_alive() {
    let clock = ManualClock::starting_now();
    let site = Site::at_clock(clock.clone());
    site.ann().await;
    let mut browser = site.browser();
    let ask = "/accounts/password_reset/";
    let mut names = Vec::new();
    for login in ["ann@example.org", "nobody@example.org"] {
        let asked = browser.post(ask, &[("login", login)]).await;
        let (_, name) = asked.location().split_once("asked=").unwrap();
        names.push(name.to_owned());
        clock.advance(Duration::from_mins(5));
    }
    let page = browser.get(DONE).await;
    assert_eq!(
        (page.heading(), page.hidden("asked")),
        ("Enter the code", names[1].as_str())
    );
    clock.advance(Duration::from_mins(5));
    let page = browser.get(DONE).await;
    assert!(
        page.body.contains("This code has expired."),
        "{}",
        page.body
    );
    assert_eq!(page.hidden("asked"), names[1]);
    // The other one is asked for again, at its own page.
    let again = [("resend", "1"), ("asked", names[0].as_str())];
    browser.post(DONE, &again).await;
    let page = browser.get(DONE).await;
    assert_eq!(
        (page.heading(), page.hidden("asked")),
        ("Enter the code", names[0].as_str())
    );
}

/// In another browser, or one that has signed in anew: who asks too soon types the code that was sent before.
#[tokio::test]
async fn code_of_before_is_taken_where_it_was_asked_for_too_soon() {
    let clock = ManualClock::starting_now();
    let site = Site::at_clock(clock.clone());
    let mut browser = site.ann().await;
    let mut sent = site.capture::<VerifyEmail>();
    let fields = [("method", "email"), ("pk", "1")];
    browser.post(ADDRESSES, &fields).await;
    clock.advance(Duration::from_secs(15));
    let code = sent.take().remove(0).envelope.code.unwrap();
    let mut other = site.browser();
    site.ann_logs_in(&mut other).await;
    let typed = [fields[0], fields[1], ("code", code.as_str())];
    // One that has not asked has no key.
    let refused = other.post(ADDRESSES, &typed).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let too_soon = other.post(ADDRESSES, &fields).await;
    assert_eq!(too_soon.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(sent.take().is_empty());
    let verified = other.post(ADDRESSES, &typed).await;
    assert_eq!(verified.status, StatusCode::FOUND, "{}", verified.body);
}

/// The page of the addresses says what has become of the message that it told of.
#[tokio::test]
async fn addresses_page_says_what_became_of_a_code() {
    for (became, words, has_field) in [
        (
            "waits",
            "We sent a code to <strong>ann@example.org</strong>.",
            true,
        ),
        ("used up", "All tries with this code are used up.", true),
        (
            "expired",
            "The code that we sent to <strong>ann@example.org</strong> has expired. Get a new one.",
            false,
        ),
        ("verified", "Your email address is already verified", false),
        ("elsewhere", "Get a new code", false),
        ("forgotten", "Choose Verify below.", false),
    ] {
        let clock = ManualClock::starting_now();
        let site = Site::at_clock(clock.clone());
        let mut browser = site.ann().await;
        let mut sent = site.capture::<VerifyEmail>();
        let fields = [("method", "email"), ("pk", "1")];
        let asked = browser.post(ADDRESSES, &fields).await;
        let to = asked.location().to_owned();
        let message = sent.take().remove(0);
        match became {
            "used up" => {
                let code = message.envelope.code.unwrap();
                let wrong = other(code.as_str());
                for _ in 0..5 {
                    let typed = [fields[0], fields[1], ("code", wrong.as_str())];
                    browser.post(ADDRESSES, &typed).await;
                }
            }
            "expired" => clock.advance(Duration::from_mins(10)),
            "verified" => {
                site.browser().get(message.url.as_str()).await;
            }
            "elsewhere" => {
                let mut other = site.browser();
                site.ann_logs_in(&mut other).await;
                browser = other;
            }
            "forgotten" => {
                browser.cookies.remove(VERIFICATIONS);
            }
            _ => {}
        }
        let page = browser.get(&to).await;
        assert!(page.body.contains(words), "{became}: {}", page.body);
        let field = page.body.contains("name=\"code\"");
        assert_eq!(field, has_field, "{became}: {}", page.body);
        let tells_of_it = page
            .body
            .contains("We sent a message to your email address");
        assert_eq!(
            tells_of_it,
            ["waits", "used up", "expired"].contains(&became),
            "{became}"
        );
    }
}

/// A name that nobody has: the same pages, word for word, and the same cookie.
#[tokio::test]
async fn nobody_gets_the_same_pages() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut walks = Vec::new();
    for login in ["ann@example.org", "eve@example.org"] {
        let mut browser = site.browser();
        let asked = browser
            .post("/accounts/password_reset/", &[("login", login)])
            .await;
        let mut seen = vec![format!("{} {}", asked.status, asked.location_of_code())];
        seen.push(
            browser
                .cookies
                .keys()
                .cloned()
                .collect::<Vec<_>>()
                .join(" "),
        );
        for _ in 0..6 {
            let answer = browser.post(DONE, &[("code", "111111")]).await;
            let shown = format!("You entered <strong>{login}</strong>.");
            assert!(answer.body.contains(&shown), "{}", answer.body);
            let body = same_for_all(&answer).replace(&shown, "");
            seen.push(format!("{} {body}", answer.status));
        }
        walks.push(seen);
    }
    assert_eq!(walks[0], walks[1]);
    assert!(
        walks[0]
            .last()
            .is_some_and(|last| last.contains("Get a new one"))
    );
}

#[tokio::test]
async fn address_is_verified_by_code() {
    let site = Site::new();
    let mut browser = site.ann().await;
    let mut sent = site.signals.capture::<VerifyEmail>();
    let asked = browser
        .post(ADDRESSES, &[("method", "email"), ("pk", "1")])
        .await;
    assert_eq!(
        asked.location(),
        "/accounts/user_verification/?notice=email-sent&code=1"
    );
    let page = browser.get(asked.location()).await;
    assert!(
        page.body
            .contains("We sent a code to <strong>ann@example.org</strong>."),
        "{}",
        page.body
    );
    let nobodys = browser
        .get("/accounts/user_verification/?notice=email-sent&code=99")
        .await;
    assert!(!nobodys.body.contains("name=\"code\""), "{}", nobodys.body);
    let code = sent.take().remove(0).envelope.code;
    let code = code.as_ref().map(OneTimeCode::as_str).unwrap();
    let form = |code: &str| {
        [
            ("method", "email".to_owned()),
            ("pk", "1".to_owned()),
            ("code", code.to_owned()),
        ]
    };
    let post = |code: &str| form(code).map(|(name, value)| (name, value));
    let wrong = post(&other(code));
    let wrong: Vec<_> = wrong
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = browser.post(ADDRESSES, &wrong).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.body.contains("You can try 4 more times, or"),
        "{}",
        answer.body
    );

    // Bob has the code, and nothing of it.
    let right = post(code);
    let right: Vec<_> = right
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let mut bob = site.bob().await;
    let refused = bob.post(ADDRESSES, &right).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);

    let answer = browser.post(ADDRESSES, &right).await;
    assert_eq!(
        answer.location(),
        "/accounts/user_verification/?notice=email-confirmed"
    );
    let page = browser.get(answer.location()).await;
    assert!(
        page.body.contains("Your email address is confirmed"),
        "{}",
        page.body
    );
    // The second of two clicks.
    let again = browser.post(ADDRESSES, &right).await;
    assert_eq!(again.location(), answer.location());
}

/// What is asked for in a tab.
#[derive(Clone, Copy, Debug)]
enum Asks {
    Reset(&'static str),
    LogIn(&'static str),
    Verify(&'static str),
}

/// What was asked for in a tab of a browser, where its code is typed.
struct Tab {
    path: &'static str,
    fields: Vec<(&'static str, String)>,
    code: String,
}

impl Tab {
    async fn open(site: &Site, browser: &mut Browser<'_>, asks: Asks) -> Self {
        let mut resets = site.capture::<ResetPasswordEmail>();
        let mut log_ins = site.capture::<LoginEmail>();
        let mut emails = site.capture::<VerifyEmail>();
        let mut phones = site.capture::<VerifyPhone>();
        let (path, mut fields) = match asks {
            Asks::Reset(login) => (
                "/accounts/password_reset/",
                vec![("login", login.to_owned())],
            ),
            Asks::LogIn(login) => ("/accounts/login_code/", vec![("login", login.to_owned())]),
            Asks::Verify(kind) => {
                let pk = browser.pk(kind).await;
                (ADDRESSES, vec![("method", kind.to_owned()), ("pk", pk)])
            }
        };
        let asked = browser.post(path, &borrowed(&fields)).await;
        let page = browser.get(asked.location()).await;
        assert!(
            page.body.contains("name=\"code\""),
            "{asks:?} {}",
            page.body
        );
        let path = match asks {
            Asks::Reset(_) => DONE,
            Asks::LogIn(_) => LOG_IN_DONE,
            Asks::Verify(_) => ADDRESSES,
        };
        if path != ADDRESSES {
            fields = vec![("asked", page.hidden("asked").to_owned())];
        }
        let resets = resets.take().into_iter().map(|it| it.envelope.code);
        let log_ins = log_ins.take().into_iter().map(|it| it.envelope.code);
        let emails = emails.take().into_iter().map(|it| it.envelope.code);
        let phones = phones.take().into_iter().map(|it| it.envelope.code);
        let code = resets.chain(log_ins).chain(emails).chain(phones).next();
        let code = code.flatten().unwrap().as_str().to_owned();
        Self { path, fields, code }
    }

    async fn typed(&self, browser: &mut Browser<'_>, code: &str) -> Answer {
        let mut fields = borrowed(&self.fields);
        fields.push(("code", code));
        browser.post(self.path, &fields).await
    }
}

fn borrowed<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

/// Two tabs of one browser wait for a code each: what is typed in the one is neither tried nor counted at what the other is
/// about, and neither ends the other.
#[tokio::test]
async fn tabs_wait_for_a_code_each() {
    const ANN: &str = "ann@example.org";
    const BOB: &str = "bob@example.org";
    for [first, second] in [
        [Asks::Reset(ANN), Asks::LogIn(ANN)],
        [Asks::LogIn(ANN), Asks::Reset(ANN)],
        [Asks::Reset(ANN), Asks::LogIn(BOB)],
        [Asks::Reset(ANN), Asks::Reset(BOB)],
        [Asks::Reset(BOB), Asks::Reset(ANN)],
        [Asks::LogIn(ANN), Asks::LogIn(BOB)],
        [Asks::LogIn(BOB), Asks::LogIn(ANN)],
        [Asks::Verify("email"), Asks::Verify("phone")],
        [Asks::Verify("phone"), Asks::Verify("email")],
        [Asks::Verify("phone"), Asks::LogIn(BOB)],
        [Asks::LogIn(BOB), Asks::Verify("email")],
        [Asks::Verify("email"), Asks::Reset(BOB)],
        [Asks::Reset(BOB), Asks::Verify("phone")],
    ] {
        let site = Site::with(|settings| {
            settings.login_by_code = true;
            settings.limits = LimitSettings::danger_none();
        });
        let is_of_user = |it: Asks| matches!(it, Asks::Verify(_));
        let mut ann = site.ann().await;
        let mut browser = if is_of_user(first) || is_of_user(second) {
            ann
        } else {
            let link = ann.email_link().await;
            ann.get(&link).await;
            site.browser()
        };
        let mut bob = site.bob().await;
        let link = bob.email_link().await;
        bob.get(&link).await;

        let one = Tab::open(&site, &mut browser, first).await;
        let other = Tab::open(&site, &mut browser, second).await;
        let told = format!("{first:?} {second:?}");
        // Each at the page of the other, and one that is wrong for both.
        for (tab, code) in [(&one, &other.code), (&other, &one.code)] {
            let answer = tab.typed(&mut browser, code).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{told}");
            let problem = answer.error_at("code");
            assert!(problem.contains("4 more times"), "{told}: {problem}");
        }
        let wrong = (1..).map(|by| format!("{by:06}"));
        let mut wrong = wrong.filter(|it| ![&one.code, &other.code].contains(&it));
        let wrong = wrong.next().unwrap();
        for tab in [&one, &other] {
            let answer = tab.typed(&mut browser, &wrong).await;
            let problem = answer.error_at("code");
            assert!(problem.contains("3 more times"), "{told}: {problem}");
        }
        // With the session of the one who signs in, what the browser waited for is over.
        let mut tabs = [(&one, first), (&other, second)];
        tabs.sort_by_key(|(_, asks)| matches!(asks, Asks::LogIn(_)));
        let signs_in_twice = matches!(tabs[0].1, Asks::LogIn(_));
        for (tab, asks) in tabs.into_iter().skip(usize::from(signs_in_twice)) {
            let answer = tab.typed(&mut browser, &tab.code).await;
            assert_eq!(
                answer.status,
                StatusCode::FOUND,
                "{told} {asks:?}: {}",
                answer.body
            );
        }
    }
}

/// A page that is opened again is about the code that it was about, whatever other tabs have done meanwhile: it shows, sends and
/// tries no other one, also where its own is forgotten. One that names none says nothing of any name, and takes each.
#[tokio::test]
async fn page_that_is_opened_again_is_about_its_code() {
    const BOB: &str = "bob@example.org";
    for (ask, done, asks) in [
        ("/accounts/password_reset/", DONE, Asks::Reset(BOB)),
        ("/accounts/login_code/", LOG_IN_DONE, Asks::LogIn(BOB)),
    ] {
        let site = Site::with(|settings| {
            settings.login_by_code = true;
            settings.limits = LimitSettings::danger_none();
        });
        for mut owner in [site.ann().await, site.bob().await] {
            let link = owner.email_link().await;
            owner.get(&link).await;
        }
        let mut browser = site.browser();
        let open = async |browser: &mut Browser<'_>, login: &str| {
            let asked = browser.post(ask, &[("login", login)]).await;
            let to = asked.location().to_owned();
            let named = browser.get(&to).await.hidden("asked").to_owned();
            assert!(!named.is_empty(), "{to}");
            assert!(to.ends_with(&named), "{to}");
            (to, named)
        };
        let (ann, of_ann) = open(&mut browser, "ann@example.org").await;
        let tab = Tab::open(&site, &mut browser, asks).await;
        let of_bob = tab.fields[0].1.clone();
        let bob = format!("{done}?asked={of_bob}");
        // The one that was asked for again is the newest of the cookie.
        browser
            .post(done, &[("resend", "1"), ("asked", &of_ann)])
            .await;
        for (page, name) in [(&ann, &of_ann), (&bob, &of_bob), (&ann, &of_ann)] {
            assert_eq!(browser.get(page).await.hidden("asked"), name, "{ask}");
        }
        // Without a name it is about any of them.
        let page = browser.get(done).await;
        assert!(page.body.contains("name=\"code\""), "{}", page.body);
        assert_eq!(page.hidden("asked"), "", "{ask}");
        assert!(!page.body.contains("@example.org"), "{}", page.body);
        // Four more names, and the browser has forgotten the first.
        let kept = browser.cookies.clone();
        for number in 0..4 {
            open(&mut browser, &format!("user{number}@example.org")).await;
        }
        let other = browser.get(&ann).await;
        assert!(!other.body.contains("name=\"code\""), "{}", other.body);
        assert!(other.body.contains("Get a new code"), "{}", other.body);
        browser.cookies = kept;
        let taken = browser.post(done, &[("code", &tab.code)]).await;
        assert_eq!(taken.status, StatusCode::FOUND, "{}", taken.body);
    }
}

/// What scanners of mail do with the link uses up neither the link nor the code.
#[tokio::test]
async fn scanner_uses_no_code_up() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut sent = site.signals.capture::<ResetPasswordEmail>();
    let mut browser = site.browser();
    browser
        .post("/accounts/password_reset/", &[("login", "ann@example.org")])
        .await;
    let event = sent.take().remove(0);
    let mut scanner = site.browser();
    let opened = scanner.get(event.url.as_str()).await;
    let form = opened.location().to_owned();
    scanner.get(&form).await;
    scanner.post(&form, &[]).await;
    scanner.post(DONE, &[("code", "")]).await;
    let code = event.envelope.code.unwrap();
    let proven = browser.post(DONE, &[("code", code.as_str())]).await;
    assert_eq!(proven.status, StatusCode::FOUND, "{}", proven.body);
}

/// Another code is sent when its time has come, and told when that is; a name that nobody has is told the same.
#[tokio::test]
async fn next_code_has_its_time() {
    let clock = ManualClock::starting_now();
    let site = Site::at_clock(clock.clone());
    site.ann_signed_up().await;
    let mut sent = site.signals.capture::<ResetPasswordEmail>();
    let mut walks = Vec::new();
    for login in ["ann@example.org", "eve@example.org"] {
        let mut seen = Vec::new();
        let mut browser = site.browser();
        browser
            .post("/accounts/password_reset/", &[("login", login)])
            .await;
        let page = browser.get(DONE).await;
        assert!(
            page.body.contains("You can get a new code in "),
            "{}",
            page.body
        );
        assert!(page.body.contains(">Send a new code</button>"));
        assert!(
            page.body
                .contains(">Use another email address or phone number</a>")
        );
        // The second of two clicks has the answer of the first, on either page.
        for (path, fields) in [
            (DONE, [("resend", "1")]),
            ("/accounts/password_reset/", [("login", login)]),
        ] {
            let again = browser.post(path, &fields).await;
            seen.push(format!("{} {}", again.status, again.location_of_code()));
        }
        assert!(
            seen.iter()
                .all(|it| it == "302 Found /accounts/password_reset_done/")
        );
        clock.advance(Duration::from_secs(15));
        let early = browser.post(DONE, &[("resend", "1")]).await;
        assert_eq!(early.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(early.retry_after(), "15");
        let words = "You can get a new code in 15 seconds.";
        assert!(early.body.contains(words), "{}", early.body);
        assert!(early.body.contains("name=\"code\""));
        clock.advance(Duration::from_secs(15));
        let page = browser.get(DONE).await;
        assert!(
            !page.body.contains("You can get a new code in "),
            "{}",
            page.body
        );
        let resent = browser.post(DONE, &[("resend", "1")]).await;
        seen.push(format!("{} {}", resent.status, resent.location_of_code()));
        walks.push(seen);
    }
    assert_eq!(walks[0], walks[1]);
    assert_eq!(sent.take().len(), 2);
    // Who waits for nothing is asked whom they mean.
    let nobody = site.browser().post(DONE, &[("resend", "1")]).await;
    assert_eq!(nobody.location(), "/accounts/password_reset/");
}

/// Where a site offers more than text messages, and for what was asked for by phone, the page has a button for each channel.
#[tokio::test]
async fn another_channel_can_be_asked_for() {
    let site = Site::with(|settings| {
        settings.phone_channels = vec![Channel::Sms, Channel::Voice];
    });
    site.ann_signed_up().await;
    let mut sent = site.signals.capture::<ResetPasswordPhone>();
    for login in ["+12125552368", "+12125550147"] {
        let mut browser = site.browser();
        let asked = [("login", login)];
        browser.post("/accounts/password_reset/", &asked).await;
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
        // By another kind of address there is nothing to wait for.
        let fields = [("resend", "1"), ("channel", "email")];
        let by_email = browser.post(DONE, &fields).await;
        assert_eq!(by_email.location_of_code(), DONE);
        let page = browser.get(DONE).await;
        assert!(page.body.contains("value=\"email\""), "{}", page.body);
        // One that the site does not have, and what is no channel, are the usual one.
        for channel in ["voice", "whatsapp", "\u{0}", "fax"] {
            let fields = [("resend", "1"), ("channel", channel)];
            let answer = browser.post(DONE, &fields).await;
            assert_eq!(answer.location_of_code(), DONE, "{channel}");
        }
    }
    let sent: Vec<_> = sent
        .take()
        .iter()
        .map(ResetPasswordPhone::channel)
        .collect();
    // Since the email no text was asked for: to ask for one after the call is no second click, and what follows is.
    assert_eq!(sent, [Channel::Sms, Channel::Voice, Channel::Sms]);

    // What was asked for by email is sent so.
    let mut browser = site.browser();
    let asked = [("login", "ann@example.org")];
    browser.post("/accounts/password_reset/", &asked).await;
    let page = browser.get(DONE).await;
    assert!(page.body.contains(">Send a new code</button>"));
    assert!(!page.body.contains("name=\"channel\""));
}

/// A browser that says where its form comes from may send any token. By one that is made up nobody is taken for another.
#[tokio::test]
async fn made_up_token_is_no_secret_of_a_browser() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut sent = site.signals.capture::<ResetPasswordEmail>();
    let form = [
        ("login", "ann@example.org"),
        ("csrfmiddlewaretoken", "made-up"),
    ];
    let mut codes = Vec::new();
    for _ in 0..2 {
        let mut browser = site.browser();
        browser.post("/accounts/password_reset/", &form).await;
        codes.push(
            browser
                .cookies
                .remove("phone_auth_challenge_reset")
                .unwrap(),
        );
    }
    assert_eq!(sent.take().len(), 2);
    assert_ne!(codes[0], codes[1]);
}

/// What was used is remembered for the second click; what still waits, for as long as it can be used.
#[tokio::test]
async fn used_code_leaves_the_others_their_time() {
    for (others, lives) in [(&[][..], false), (&["bob@example.org"], true)] {
        let site = Site::new();
        site.ann_signed_up().await;
        let mut sent = site.signals.capture::<ResetPasswordEmail>();
        let mut browser = site.browser();
        for login in others.iter().copied().chain(["ann@example.org"]) {
            let form = [("login", login)];
            browser.post("/accounts/password_reset/", &form).await;
        }
        let page = browser.get(DONE).await;
        let code = sent.take().remove(0).envelope.code.unwrap();
        let form = [("code", code.as_str()), ("asked", page.hidden("asked"))];
        let proven = browser.post(DONE, &form).await;
        let cookie = proven.set_cookie("phone_auth_challenge_reset").unwrap();
        let age = cookie.split("Max-Age=").nth(1).unwrap();
        let age: u64 = age.split(';').next().unwrap().parse().unwrap();
        let minutes = age / 60;
        assert_eq!(minutes >= 10, lives, "{others:?}: {cookie}");
    }
}
