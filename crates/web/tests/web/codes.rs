//! Codes at the pages: typed where they were asked for.

use std::time::Duration;

use http::StatusCode;
use phone_auth_core::clock::ManualClock;
use phone_auth_core::limits::LimitSettings;
use phone_auth_events::{
    Channel, LoginEmail, OneTimeCode, ResetPasswordEmail, ResetPasswordPhone, VerifyEmail,
};

use crate::support::{Browser, PASSWORD, Site};

const DONE: &str = "/accounts/password_reset_done/";
const ADDRESSES: &str = "/accounts/user_verification/";
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
    assert_eq!(asked.location(), DONE);
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
            .contains("That code isn’t right. You can try 4 more times."),
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
        for path in ["/accounts/password_reset/", "/accounts/login_code/"] {
            let mut evil = site.browser();
            evil.post(path, &[("login", "eve@example.org")]).await;
            tossed.push(evil.cookies["phone_auth_challenge"].clone());
        }
        let tossed = tossed.join("; phone_auth_challenge=");
        let mut codes = site.signals.capture::<VerifyEmail>();
        let asked = [("method", "email"), ("pk", "1")];
        browser.post(ADDRESSES, &asked).await;
        let code = codes.take().remove(0).envelope.code.unwrap();
        let verified = [asked[0], asked[1], ("code", code.as_str())];
        check_tossed((&mut browser, is_first), &tossed, ADDRESSES, &verified).await;
        let mut browser = site.browser();

        let mut codes = site.signals.capture::<ResetPasswordEmail>();
        let login = [("login", "ann@example.org")];
        browser.post("/accounts/password_reset/", &login).await;
        let code = codes.take().remove(0).envelope.code.unwrap();
        let typed = [("code", code.as_str())];
        check_tossed((&mut browser, is_first), &tossed, DONE, &typed).await;

        let mut browser = site.browser();
        let mut codes = site.signals.capture::<LoginEmail>();
        browser.post("/accounts/login_code/", &login).await;
        let code = codes.take().remove(0).envelope.code.unwrap();
        let typed = [("code", code.as_str())];
        let done = "/accounts/login_code_done/";
        check_tossed((&mut browser, is_first), &tossed, done, &typed).await;
    }
}

/// The form is taken although the browser sends this key too.
async fn check_tossed(
    (browser, is_first): (&mut Browser<'_>, bool),
    tossed: &str,
    path: &str,
    fields: &[(&str, &str)],
) {
    let name = "phone_auth_challenge";
    let own = browser.cookies[name].clone();
    let values = if is_first {
        [tossed, &own]
    } else {
        [&own, tossed]
    };
    let both = format!("{}; {name}={}", values[0], values[1]);
    browser.cookies.insert(name.to_owned(), both);
    let answer = browser.post(path, fields).await;
    assert_eq!(
        answer.status,
        StatusCode::FOUND,
        "{path} {is_first}: {}",
        answer.body
    );
    // Where a code may come twice by a double click, its key is kept for a minute.
    let forgotten = answer.set_cookie(name).unwrap();
    let soon = ["Max-Age=0", "Max-Age=60"];
    let is_forgotten = soon.iter().any(|age| forgotten.ends_with(age));
    assert!(is_forgotten, "{path}: {forgotten}");
}

/// Where another host of the domain has set the key of a code of its own, "Send a new code" sends none to the name that was typed
/// there: the page says which code it is about, and one that does not know asks whom one means.
#[tokio::test]
async fn new_code_goes_where_the_page_is_about() {
    const NAME: &str = "phone_auth_challenge";
    for (ask, done) in [
        ("/accounts/password_reset/", DONE),
        ("/accounts/login_code/", "/accounts/login_code_done/"),
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
            let tossed = evil.cookies[NAME].clone();
            let toss = |browser: &mut Browser<'_>| {
                let own = browser.cookies[NAME].clone();
                let values = if is_first {
                    [&tossed, &own]
                } else {
                    [&own, &tossed]
                };
                let both = format!("{}; {NAME}={}", values[0], values[1]);
                browser.cookies.insert(NAME.to_owned(), both);
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
                .insert(NAME.to_owned(), format!("{tossed}; {NAME}={tossed}x"));
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
        let name = "phone_auth_challenge";
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
        let mut seen = vec![format!("{} {}", asked.status, asked.location())];
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
            let body = answer.body.replace(answer.csrf_token(), "");
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
        answer.body.contains("You can try 4 more times."),
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
            seen.push(format!("{} {}", again.status, again.location()));
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
        seen.push(format!("{} {}", resent.status, resent.location()));
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
        assert_eq!(by_email.location(), DONE);
        let page = browser.get(DONE).await;
        assert!(page.body.contains("value=\"email\""), "{}", page.body);
        // One that the site does not have, and what is no channel, are the usual one.
        for channel in ["voice", "whatsapp", "\u{0}", "fax"] {
            let fields = [("resend", "1"), ("channel", channel)];
            let answer = browser.post(DONE, &fields).await;
            assert_eq!(answer.location(), DONE, "{channel}");
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
