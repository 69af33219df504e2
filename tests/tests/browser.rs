//! The site in a real browser: without scripts, by keyboard, on the screen of a phone.
#![expect(
    clippy::indexing_slicing,
    reason = "indexing JSON that lacks a key gives null"
)]

use phone_auth_tests::{Browser, BrowserOptions, Site, User};

const PHONE: u32 = 360;
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";

/// A browser that runs no scripts, as every page must be usable.
async fn plain_browser() -> Browser {
    Browser::start(BrowserOptions {
        javascript: false,
        phone_width: None,
    })
    .await
}

#[tokio::test]
async fn everything_works_without_scripts() {
    let site = Site::start().await;
    let browser = plain_browser().await;
    let (ann, new, newest) = (User::new(), "walnut-Harbour-22", "copper-Lantern-33");
    let at = |path: &str| format!("{}{path}", site.origin());

    browser.goto(&at("/accounts/signup/")).await;
    for (name, value) in ann.fields() {
        browser.type_into(&name, &value).await;
    }
    browser.send_form_of("first_name").await;
    browser.arrives_at("/accounts/login/").await;
    log_in(&browser, &ann.email, &ann.password).await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/members/email/")).await;
    browser.arrives_at("/accounts/user_verification/").await;
    browser
        .submit("form:has(input[value='email']) [type='submit']")
        .await;
    let line = site.printed("verify_email", &ann.email).await;
    browser
        .says("We sent a message to your email address")
        .await;
    site.mailbox_with(&line).await;
    browser.goto(&at(&site.mailbox().await)).await;
    browser.click(&format!("a[href$='{}']", line.url())).await;
    browser.arrives_at(line.url()).await;
    browser.says("Verification successful").await;
    browser.goto(&at("/members/email/")).await;
    browser.arrives_at("/members/email/").await;

    browser.goto(&at("/accounts/email/add/")).await;
    browser.arrives_at("/accounts/confirm_identity/").await;
    confirm_identity(&browser, &ann.password).await;
    browser.arrives_at("/accounts/email/add/").await;

    browser.goto(&at("/accounts/change_password/")).await;
    browser.type_into("old_password", &ann.password).await;
    browser.type_into("new_password1", new).await;
    browser.type_into("new_password2", new).await;
    browser.send_form_of("old_password").await;
    browser.arrives_at("/accounts/change_password_done/").await;

    browser.goto(&at("/accounts/logout/")).await;
    browser.submit("main form [type='submit']").await;
    browser.arrives_at("/").await;

    browser.goto(&at("/accounts/password_reset/")).await;
    browser.type_into("login", &ann.email).await;
    browser.send_form_of("login").await;
    browser.arrives_at("/accounts/password_reset_done/").await;
    let line = site.printed("reset_password_email", &ann.email).await;
    site.mailbox_with(&line).await;
    browser.goto(&at(&site.mailbox().await)).await;
    browser.click(&format!("a[href$='{}']", line.url())).await;
    browser
        .arrives_at(&line.url().replace(line.token(), "set-password"))
        .await;
    assert!(
        !browser.url().await.as_str().contains(line.token()),
        "the token left the address bar"
    );
    browser.type_into("new_password1", newest).await;
    browser.type_into("new_password2", newest).await;
    browser.send_form_of("new_password1").await;
    browser
        .arrives_at("/accounts/password_reset_complete/")
        .await;

    browser.goto(&at("/accounts/login/")).await;
    log_in(&browser, &ann.username, new).await;
    browser.says("password don’t match.").await;
    log_in(&browser, &ann.username, newest).await;
    browser.arrives_at("/accounts/profile/").await;
    browser.close().await;
}

/// Confirms that it is them, on the page that asks for it.
async fn confirm_identity(browser: &Browser, password: &str) {
    browser.type_into("password", password).await;
    browser.send_form_of("password").await;
}

async fn log_in(browser: &Browser, login: &str, password: &str) {
    browser.type_into("login", login).await;
    browser.type_into("password", password).await;
    browser.send_form_of("password").await;
}

#[tokio::test]
async fn keyboard_alone_logs_in() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let browser = plain_browser().await;
    browser
        .goto(&format!("{}/accounts/login/", site.origin()))
        .await;
    let mut seen = Vec::new();
    while browser.focused().await != "login" {
        seen.push(browser.focused().await);
        assert!(seen.len() < 15, "the field is not reached: {seen:?}");
        browser.press(TAB).await;
    }
    browser.press(&ann.phone).await;
    browser.press(TAB).await;
    assert_eq!(browser.focused().await, "password", "the next stop");
    browser.press(&ann.password).await;
    browser.press(ENTER).await;
    browser.arrives_at("/accounts/profile/").await;
    browser.close().await;
}

#[tokio::test]
async fn pages_fit_a_phone() {
    let site = Site::start().await;
    let ann = User {
        username: format!("a{}", "w".repeat(149)),
        first_name: "W".repeat(100),
        last_name: "M".repeat(100),
        email: format!("{}@{}.example.org", "w".repeat(64), "m".repeat(60)),
        ..User::new()
    };
    site.client().sign_up(&ann).await.expect(302);
    let browser = Browser::start(BrowserOptions {
        javascript: false,
        phone_width: Some(PHONE),
    })
    .await;
    let mut wrong = Vec::new();
    let at = |path: &str| format!("{}{path}", site.origin());
    for path in [
        "/",
        "/accounts/signup/",
        "/accounts/password_reset/",
        "/accounts/password_reset_done/",
        "/accounts/password_reset_complete/",
        "/accounts/user_verification_confirm/ZW1haWwx/x/",
        "/accounts/password_reset_confirm/MQ/x/",
        "/nowhere/",
        "/accounts/login/",
    ] {
        browser.goto(&at(path)).await;
        wrong.extend(misfit(&browser, path).await);
    }
    log_in(&browser, &ann.email, "wrong-Guess-44").await;
    wrong.extend(misfit(&browser, "a refused log-in").await);
    log_in(&browser, &ann.email, &ann.password).await;
    browser.arrives_at("/accounts/profile/").await;
    for path in [
        "/",
        "/accounts/profile/",
        "/accounts/user_verification/",
        "/accounts/change_password/",
        "/accounts/change_password_done/",
        "/accounts/confirm_identity/",
    ] {
        browser.goto(&at(path)).await;
        wrong.extend(misfit(&browser, path).await);
    }
    confirm_identity(&browser, &ann.password).await;
    browser.arrives_at("/accounts/profile/").await;
    for path in [
        "/accounts/email/add/",
        "/accounts/phone/add/",
        "/accounts/close_account/",
        "/accounts/close_account_done/",
        "/accounts/export_account/",
        "/accounts/logout/",
    ] {
        browser.goto(&at(path)).await;
        wrong.extend(misfit(&browser, path).await);
    }
    browser.goto(&at("/accounts/user_verification/")).await;
    browser
        .submit("form:has(input[value='email']) [type='submit']")
        .await;
    let line = site.printed("verify_email", &ann.email).await;
    wrong.extend(misfit(&browser, "a link that was sent").await);
    browser.goto(&at(&site.mailbox().await)).await;
    wrong.extend(misfit(&browser, "the mailbox").await);
    browser.goto(&at(line.url())).await;
    wrong.extend(misfit(&browser, "a link that was opened").await);
    browser.goto(&at("/members/email/")).await;
    browser.arrives_at("/members/email/").await;
    wrong.extend(misfit(&browser, "/members/email/").await);
    assert_eq!(wrong, Vec::<String>::new());
    browser.close().await;
}

/// The pages on which users keep their account, on a phone without scripts: a log-in link, the devices, an address and what is to
/// take its place, and a form for the account of another.
#[tokio::test]
async fn account_is_kept_on_a_phone() {
    let site = Site::options().setting("login_by_code", "true");
    let site = site.start().await;
    let long = |letter: &str| format!("{}@{}.example.org", letter.repeat(64), "m".repeat(60));
    let ann = User {
        username: format!("a{}", "w".repeat(149)),
        first_name: "W".repeat(100),
        last_name: "M".repeat(100),
        email: long("w"),
        ..User::new()
    };
    let elsewhere = site.client();
    elsewhere.sign_up(&ann).await.expect(302);
    elsewhere
        .log_in(&ann.email, &ann.password)
        .await
        .expect(302);
    site.verify(&elsewhere, &ann.email).await;
    let browser = Browser::start(BrowserOptions {
        javascript: false,
        phone_width: Some(PHONE),
    })
    .await;
    let mut wrong = Vec::new();
    let at = |path: &str| format!("{}{path}", site.origin());

    browser.goto(&at("/accounts/login_code/")).await;
    browser.type_into("login", &ann.email).await;
    browser.send_form_of("login").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    let line = site.printed("login_email", &ann.email).await;
    browser.goto(&at(line.url())).await;
    browser.says("This signs you in to the account").await;
    wrong.extend(misfit(&browser, "a log-in link").await);
    browser.submit("main form [type='submit']").await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/accounts/sessions/")).await;
    browser.says("This device").await;
    wrong.extend(misfit(&browser, "the devices").await);
    browser
        .submit("form:has(input[value='others']) [type='submit']")
        .await;
    browser.arrives_at("/accounts/sessions/").await;
    wrong.extend(misfit(&browser, "one device").await);
    assert!(!elsewhere.is_logged_in().await, "it was signed out");

    browser.goto(&at("/accounts/user_verification/")).await;
    browser.click("td a[href*='method=email']").await;
    browser.arrives_at("/accounts/confirm_identity/").await;
    confirm_identity(&browser, &ann.password).await;
    browser.arrives_at("/accounts/address/").await;
    let old = browser.url().await;
    wrong.extend(misfit(&browser, "an address").await);
    let new = long("v");
    browser.type_into("email", &new).await;
    browser.submit("button[value='change']").await;
    browser.arrives_at("/accounts/user_verification/").await;
    let waits = browser.url().await;
    wrong.extend(misfit(&browser, "a code that is waited for").await);
    browser.click("p a[href*='method=email']").await;
    browser.arrives_at("/accounts/address/").await;
    browser.says("Not verified").await;
    wrong.extend(misfit(&browser, "an address that waits").await);
    browser.goto(old.as_str()).await;
    browser.says("it takes the place of this one").await;
    browser.says(&new).await;
    wrong.extend(misfit(&browser, "an address that is to go").await);
    let line = site.printed("verify_email", &new).await;
    browser.goto(waits.as_str()).await;
    browser.type_into("code", line.code()).await;
    browser.send_form_of("code").await;
    browser.says("is confirmed").await;
    wrong.extend(misfit(&browser, "an address that was changed").await);
    let words = browser.words().await;
    assert!(
        words.contains(&new) && !words.contains(&ann.email),
        "{words}"
    );

    let bob = site.signed_up().await;
    browser.goto(&at("/accounts/change_password/")).await;
    browser.open_tab().await;
    browser.go_to_tab(1).await;
    browser.goto(&at("/accounts/logout/")).await;
    browser.submit("main form [type='submit']").await;
    browser.goto(&at("/accounts/login/")).await;
    log_in(&browser, &bob.email, &bob.password).await;
    browser.arrives_at("/accounts/profile/").await;
    browser.go_to_tab(0).await;
    browser.type_into("old_password", &ann.password).await;
    for field in ["new_password1", "new_password2"] {
        browser.type_into(field, "walnut-Harbour-22").await;
    }
    browser.send_form_of("old_password").await;
    browser.says("You are signed in as").await;
    wrong.extend(misfit(&browser, "a form of another").await);
    assert_eq!(wrong, Vec::<String>::new());
    browser.close().await;
}

/// Sites of one kind of address, from the sign-up form to the page of members, as someone new walks them.
#[tokio::test]
async fn sites_of_one_method_are_walked() {
    let browser = plain_browser().await;
    for (method, other) in [("email", "phone"), ("phone", "email")] {
        let site = Site::options()
            .setting("authentication_methods", method)
            .start()
            .await;
        let ann = User::new();
        let own = if method == "email" {
            &ann.email
        } else {
            &ann.phone
        };
        let at = |path: &str| format!("{}{path}", site.origin());
        browser.goto(&at("/accounts/signup/")).await;
        let names = "return [...document.querySelectorAll('main input:not([type=hidden], [aria-hidden=true])')].map(e => e.name);";
        let names = browser.script(names).await;
        let names = names.as_array().cloned().unwrap_or_default();
        assert!(names.iter().all(|name| name != other), "{names:?}");
        for (name, value) in ann.fields() {
            if names.iter().any(|it| *it == name) {
                browser.type_into(&name, &value).await;
            }
        }
        browser.send_form_of("first_name").await;
        browser.arrives_at("/accounts/login/").await;
        browser.says("Your account is ready").await;
        log_in(&browser, own, &ann.password).await;
        browser.arrives_at("/accounts/profile/").await;
        browser.says(&ann.first_name).await;

        let members = format!("/members/{method}/");
        browser.goto(&at(&members)).await;
        browser.arrives_at("/accounts/user_verification/").await;
        browser.submit("section form [type='submit']").await;
        let line = site.printed(&format!("verify_{method}"), own).await;
        browser.type_into("code", line.code()).await;
        browser.send_form_of("code").await;
        browser.says("is confirmed").await;
        browser.click(&format!("a[href='{members}']")).await;
        browser.arrives_at(&members).await;
        for path in ["/accounts/user_verification/", "/accounts/password_reset/"] {
            browser.goto(&at(path)).await;
            let words = browser.words().await.to_lowercase();
            let others = if other == "email" {
                "email address"
            } else {
                "phone number"
            };
            assert!(!words.contains(others), "{method}, {path}: {words}");
        }
    }
    browser.close().await;
}

/// A name, a number and a code: two pages on a phone without scripts, and the pages of a site that has no passwords.
#[tokio::test]
async fn two_pages_sign_up_on_a_phone() {
    let site = Site::options()
        .setting("authentication_methods", "phone")
        .setting("login_by_code", "true")
        .setting("sign_up_by_code", "true")
        .start()
        .await;
    let ann = User::new();
    let browser = Browser::start(BrowserOptions {
        javascript: false,
        phone_width: Some(PHONE),
    })
    .await;
    let at = |path: &str| format!("{}{path}", site.origin());
    let mut wrong = Vec::new();
    browser.goto(&at("/accounts/signup/")).await;
    wrong.extend(misfit(&browser, "the sign-up form").await);
    browser.type_into("first_name", &ann.first_name).await;
    browser.type_into("last_name", &ann.last_name).await;
    browser.type_into("phone", &ann.phone).await;
    browser.send_form_of("phone").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    wrong.extend(misfit(&browser, "the form for the code").await);
    let text = site.printed("login_phone", &ann.phone).await;
    let code = text.payload["code"].as_str().unwrap_or_default();
    browser.type_into("code", code).await;
    browser.send_form_of("code").await;
    browser.arrives_at("/accounts/profile/").await;
    for path in [
        "/accounts/profile/",
        "/accounts/user_verification/",
        "/accounts/confirm_identity/",
        "/accounts/login_code/",
        "/accounts/login_confirm/cGhvbmUx/x/",
    ] {
        browser.goto(&at(path)).await;
        wrong.extend(misfit(&browser, path).await);
    }
    assert_eq!(wrong, Vec::<String>::new());
    browser.close().await;
}

/// The screen of the smallest telephones that are in use.
const OLD_PHONE: u32 = 320;

/// A user with an old telephone and no scripts: a code by text message, and another by email.
#[tokio::test]
async fn codes_work_on_an_old_telephone() {
    let site = Site::start().await;
    let ann = site.member().await;
    let verification = site.verification_link(&ann.client, &ann.user.email).await;
    ann.client.get(verification.url()).await.expect(200);
    let browser = Browser::start(BrowserOptions {
        javascript: false,
        phone_width: Some(OLD_PHONE),
    })
    .await;
    let at = |path: &str| format!("{}{path}", site.origin());
    let mut wrong = Vec::new();
    for (signal, to) in [
        ("reset_password_phone", &ann.user.phone),
        ("reset_password_email", &ann.user.email),
    ] {
        browser.goto(&at("/accounts/password_reset/")).await;
        browser.type_into("login", &ann.user.phone).await;
        browser.send_form_of("login").await;
        browser.arrives_at("/accounts/password_reset_done/").await;
        if signal == "reset_password_email" {
            browser.submit("button[value='email']").await;
            browser.arrives_at("/accounts/password_reset_done/").await;
        }
        wrong.extend(misfit_at(OLD_PHONE, &browser, signal).await);
        let line = site.printed(signal, to).await;
        browser.type_into("code", "000 00").await;
        browser.send_form_of("code").await;
        browser.says("Type the six digits of the code.").await;
        wrong.extend(misfit_at(OLD_PHONE, &browser, "a code that is refused").await);
        browser.type_into("code", line.code()).await;
        browser.send_form_of("code").await;
        browser
            .arrives_at(&line.url().replace(line.token(), "set-password"))
            .await;
    }
    assert_eq!(wrong, Vec::<String>::new());
    browser.close().await;
}

/// The whole of what most sites of telephones do, by such a one: a name and a number, the code, in; and later the number and
/// the code.
#[tokio::test]
async fn sign_up_and_log_in_by_code_work_on_an_old_telephone() {
    let options = Site::options()
        .setting("authentication_methods", "phone")
        .setting("login_by_code", "true")
        .setting("sign_up_by_code", "true");
    let site = options.start().await;
    let ann = User::new();
    let at = |path: &str| format!("{}{path}", site.origin());
    let mut wrong = Vec::new();
    for (nth, page) in [(1, "/accounts/signup/"), (2, "/accounts/login/")] {
        let browser = Browser::start(BrowserOptions {
            javascript: false,
            phone_width: Some(OLD_PHONE),
        })
        .await;
        browser.goto(&at(page)).await;
        wrong.extend(misfit_at(OLD_PHONE, &browser, page).await);
        let number = if nth == 1 {
            browser.type_into("first_name", "Ann").await;
            browser.type_into("last_name", "Example").await;
            "phone"
        } else {
            "login"
        };
        browser.type_into(number, &ann.phone).await;
        browser.send_form_of(number).await;
        browser.arrives_at("/accounts/login_code_done/").await;
        wrong.extend(misfit_at(OLD_PHONE, &browser, "the page of the code").await);
        let line = site.nth_printed("login_phone", &ann.phone, nth).await;
        browser.type_into("code", "000 00").await;
        browser.send_form_of("code").await;
        browser.says("Type the six digits of the code.").await;
        wrong.extend(misfit_at(OLD_PHONE, &browser, "a code that is refused").await);
        browser.type_into("code", line.code()).await;
        browser.send_form_of("code").await;
        browser.arrives_at("/accounts/profile/").await;
        wrong.extend(misfit_at(OLD_PHONE, &browser, "the profile").await);
        browser.close().await;
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What is wider than the screen, or too small to be pressed with a finger (WCAG 2.2, 2.5.8).
async fn misfit(browser: &Browser, what: &str) -> Option<String> {
    misfit_at(PHONE, browser, what).await
}

async fn misfit_at(width: u32, browser: &Browser, what: &str) -> Option<String> {
    // A page that is too wide makes the window zoom out.
    let (page, window) = browser.widths().await;
    if page > i64::from(width) || window > i64::from(width) {
        return Some(format!("{what} is {page} pixels wide"));
    }
    let script = "return [...document.querySelectorAll('button, a.button, input:not([type=hidden], [aria-hidden=true])')]
        .map(e => [e.name || e.textContent.trim(), e.getBoundingClientRect()])
        .filter(([, r]) => r.width > 1 && (r.height < 24 || r.width < 24)).map(([name]) => name).join(', ');";
    let small = browser.script(script).await;
    let small = small.as_str().unwrap_or_default();
    (!small.is_empty()).then(|| format!("{what} has targets that are too small: {small}"))
}

#[tokio::test]
async fn fields_are_named_and_errors_tied() {
    let site = Site::start().await;
    let ann = site.member().await;
    let browser = Browser::start(BrowserOptions {
        javascript: false,
        phone_width: Some(PHONE),
    })
    .await;
    let at = |path: &str| format!("{}{path}", site.origin());
    for path in [
        "/accounts/signup/",
        "/accounts/password_reset/",
        "/accounts/login/",
    ] {
        browser.goto(&at(path)).await;
        fields_are_named(&browser, path).await;
    }
    browser.goto(&at("/accounts/signup/")).await;
    for (name, value) in (User {
        username: "a b".into(),
        phone: "12".into(),
        ..ann.user.clone()
    })
    .fields()
    {
        browser.type_into(&name, &value).await;
    }
    browser.send_form_of("first_name").await;
    let wrong = fields_are_named(&browser, "a refused sign-up").await;
    assert_eq!(wrong, ["username", "email", "phone"]);
    assert_eq!(misfit(&browser, "a refused sign-up").await, None);
    browser.goto(&at("/accounts/login/")).await;
    log_in(&browser, &ann.user.email, &ann.user.password).await;
    browser.arrives_at("/accounts/profile/").await;
    browser.goto(&at("/accounts/confirm_identity/")).await;
    fields_are_named(&browser, "a confirmation").await;
    confirm_identity(&browser, &ann.user.password).await;
    browser.arrives_at("/accounts/profile/").await;
    for path in [
        "/accounts/change_password/",
        "/accounts/email/add/",
        "/accounts/phone/add/",
    ] {
        browser.goto(&at(path)).await;
        fields_are_named(&browser, path).await;
    }
    browser.type_into("phone", "12").await;
    browser.send_form_of("phone").await;
    assert_eq!(
        fields_are_named(&browser, "a refused phone").await,
        ["phone"]
    );
    browser.close().await;
}

/// Every field has a name for a screen reader; returns those that are wrong, whose errors are tied to them.
async fn fields_are_named(browser: &Browser, what: &str) -> Vec<String> {
    let fields = browser
        .script(
            "return [...document.querySelectorAll('main input:not([type=hidden], [aria-hidden=true])')].map(e => ({
                name: e.name,
                label: [...e.labels].map(l => l.innerText.trim()).join(' '),
                wrong: e.getAttribute('aria-invalid') === 'true',
                told: (e.getAttribute('aria-describedby') || '').split(' ')
                    .map(id => (document.getElementById(id) || {}).innerText || '').join(' ').trim(),
            }));",
        )
        .await;
    let fields = fields.as_array().cloned().unwrap_or_default();
    assert!(!fields.is_empty(), "{what} has fields");
    let mut wrong = Vec::new();
    for field in fields {
        assert!(
            field["label"]
                .as_str()
                .is_some_and(|label| !label.is_empty()),
            "{what}: {field}"
        );
        if field["wrong"] == true {
            assert!(
                field["told"].as_str().is_some_and(|told| told.len() > 5),
                "{what}: {field}"
            );
            wrong.push(field["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    wrong
}

#[tokio::test]
async fn reset_page_sends_no_referrer() {
    let site = Site::start().await;
    let ann = site.signed_up().await;
    let link = site.reset_link(&ann.email).await;
    let browser = Browser::start(BrowserOptions {
        javascript: true,
        phone_width: None,
    })
    .await;
    browser
        .goto(&format!("{}{}", site.origin(), link.url()))
        .await;
    let loaded = browser
        .script("return performance.getEntriesByType('resource').map(e => e.name).concat(document.referrer);")
        .await;
    assert!(!loaded.to_string().contains(link.token()), "{loaded}");
    let foreign = loaded.as_array().cloned().unwrap_or_default();
    for name in foreign
        .iter()
        .filter_map(|name| name.as_str())
        .filter(|name| !name.is_empty())
    {
        assert!(
            name.starts_with(site.origin()),
            "the page loads {name} from elsewhere"
        );
    }
    browser.close().await;
}
