//! Every form that changes something, sent by a double click in a real browser.
#![expect(clippy::expect_used, reason = "what is not there is a failed test")]

use phone_auth_tests::{Browser, BrowserOptions, Member, Site, SiteOptions, User};

/// Every button of the pages that sends something: the template, what stands on it, and by what it is clicked on twice here.
const BUTTONS: [(&str, &str, &str); 32] = [
    (
        "_code",
        "{{ channel.button }}",
        "double_click(\"button[value='voice']\")",
    ),
    (
        "_code",
        "Send a new code",
        "double_click_form_of(\"resend\")",
    ),
    ("add_new_email", "Add email", "double_click_form_of(kind)"),
    ("add_new_phone", "Add phone", "double_click_form_of(kind)"),
    (
        "address",
        "Keep this one",
        "double_click(\"button[value='keep']\")",
    ),
    (
        "address",
        "Make primary",
        "double_click(\"button[value='primary']\")",
    ),
    (
        "address",
        "Change",
        "double_click(\"button[value='change']\")",
    ),
    (
        "address",
        "Remove",
        "double_click(\"button[value='remove']\")",
    ),
    (
        "change_password",
        "Change password",
        "double_click_form_of(\"old_password\")",
    ),
    (
        "close_account",
        "Close my account",
        "double_click(\"main form [type='submit']\")",
    ),
    (
        "confirm_identity",
        "Continue",
        "double_click_form_of(\"password\")",
    ),
    // Of those who have no password, whom no page of the program makes: see the test of the pages
    // `code_confirms_who_has_no_password`.
    ("confirm_identity", "Continue", "The second of two clicks"),
    ("confirm_identity", "Send a code", "a second click"),
    ("export_account", "Download", "it.click(); it.click();"),
    // The program has no gate: see the test of the pages `challenge_keeps_the_channel`.
    (
        "gate",
        "Continue",
        "let again = ann.post(path, &fields).await;\n    assert_eq!(again.location(), done.location());",
    ),
    ("login", "Sign in", "double_click_form_of(\"password\")"),
    (
        "login",
        "Sign in with a code",
        "double_click(\"button[formaction]\")",
    ),
    (
        "login_code",
        "Send a code",
        "double_click_form_of(\"login\")",
    ),
    (
        "login_code_done",
        "Sign in",
        "double_click_form_of(\"code\")",
    ),
    (
        "login_confirm",
        "Sign in",
        "double_click(\"main form [type='submit']\")",
    ),
    (
        "logout",
        "Sign out",
        "double_click_form_of(\"csrfmiddlewaretoken\")",
    ),
    (
        "password_reset",
        "Continue",
        "double_click_form_of(\"login\")",
    ),
    (
        "password_reset_confirm",
        "Remove",
        "double_click(\"main form [type='submit']\")",
    ),
    (
        "password_reset_confirm",
        "Set password",
        "double_click_form_of(\"new_password1\")",
    ),
    (
        "password_reset_done",
        "Continue",
        "double_click_form_of(\"code\")",
    ),
    (
        "phone_and_email_verification",
        "Keep this one",
        "double_click(\"button[value='keep']\")",
    ),
    (
        "phone_and_email_verification",
        "Verify",
        "double_click_form_of(\"method\")",
    ),
    (
        "phone_and_email_verification",
        "Confirm",
        "double_click_form_of(\"code\")",
    ),
    (
        "phone_email_verification_confirm",
        "Verify",
        "double_click(\"main form [type='submit']\")",
    ),
    (
        "sessions",
        "Sign out",
        "double_click(\"li:last-of-type form [type='submit']\")",
    ),
    (
        "sessions",
        "Sign out on all other devices",
        "double_click(\"form:has(input[value='others']) [type='submit']\")",
    ),
    ("signup", "Sign up", "double_click_form_of(\"first_name\")"),
];

/// The parts of a text between these, one after the other.
fn between<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = text.split(start).skip(1);
    parts.filter_map(move |it| it.split_once(end).map(|(part, _)| part))
}

/// The buttons of the templates that post a form, each with what a user reads on it.
fn buttons() -> Vec<(String, String)> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/web/templates/phone_auth"
    );
    let mut buttons = Vec::new();
    for template in std::fs::read_dir(folder).expect("the templates") {
        let path = template.expect("a template").path();
        let text = std::fs::read_to_string(&path).expect("a template");
        let name = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let forms: Vec<_> = between(&text, "<form method=\"post\"", "</form>").collect();
        let all = text.matches("<form").count();
        assert_eq!(
            forms.len(),
            all,
            "{name}: a form that is written in another way"
        );
        for form in forms {
            let found: Vec<_> = between(form, "<button type=\"submit\"", "</button>").collect();
            assert!(!found.is_empty(), "{name}: a form without a button");
            let words = found.iter().filter_map(|it| it.split_once('>'));
            let words = words.map(|(_, it)| it.split('<').next().unwrap_or_default().to_owned());
            buttons.extend(words.map(|words| (name.clone(), words)));
        }
    }
    buttons.sort_unstable();
    buttons
}

/// A new form fails here until it is clicked on: those that have one selector are counted.
#[test]
fn every_button_is_clicked_on_twice() {
    let mut listed = BUTTONS.map(|(template, words, _)| (template.to_owned(), words.to_owned()));
    listed.sort_unstable();
    assert_eq!(buttons(), listed);
    let (_, clicks) = include_str!("double_click.rs")
        .split_once("async fn double_click_is_answered_as_a_click")
        .expect("the tests");
    let gate = include_str!("../../crates/web/tests/web/gate.rs");
    let confirming = include_str!("../../crates/web/tests/web/confirm_identity.rs");
    for (template, words, click) in BUTTONS {
        let sharing = BUTTONS.iter().filter(|it| it.2 == click).count();
        let mut made = clicks.matches(click).count();
        if template == "gate" {
            made = gate.matches(click).count();
        }
        if template == "confirm_identity" {
            made += confirming.matches(click).count();
        }
        if click == "double_click_form_of(kind)" {
            // For each kind of address.
            made *= 2;
        }
        assert!(made >= sharing, "{template}: {words}: {click}");
    }
}

/// A browser that runs no scripts, so none keeps the second click back.
async fn plain_browser() -> Browser {
    Browser::start(BrowserOptions {
        javascript: false,
        phone_width: None,
    })
    .await
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "it is one walk through all pages")]
async fn double_click_is_answered_as_a_click() {
    let site = Site::options()
        .setting("login_by_code", "true")
        .limited()
        .start()
        .await;
    let browser = plain_browser().await;
    let (ann, new, newest) = (User::new(), "walnut-Harbour-22", "copper-Lantern-33");
    let at = |path: &str| format!("{}{path}", site.origin());

    browser.goto(&at("/accounts/signup/")).await;
    for (name, value) in ann.fields() {
        browser.type_into(&name, &value).await;
    }
    browser.double_click_form_of("first_name").await;
    browser.arrives_at("/accounts/login/").await;
    browser.says("Your account is ready").await;

    browser.type_into("login", &ann.email).await;
    browser.type_into("password", &ann.password).await;
    browser.double_click_form_of("password").await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/accounts/email/add/")).await;
    browser.type_into("password", &ann.password).await;
    browser.double_click_form_of("password").await;
    browser.arrives_at("/accounts/email/add/").await;

    let unproven = User::another_email();
    for (kind, more) in [("email", &unproven), ("phone", &User::another_phone())] {
        browser.goto(&at(&format!("/accounts/{kind}/add/"))).await;
        browser.type_into(kind, more).await;
        browser.double_click_form_of(kind).await;
        browser.arrives_at("/accounts/user_verification/").await;
        browser.says(more).await;
    }

    browser.double_click_form_of("method").await;
    browser.arrives_at("/accounts/user_verification/").await;
    browser.says("We sent a message").await;
    let line = site.printed("verify_email", &ann.email).await;
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser.arrives_at("/accounts/user_verification/").await;
    browser.says("is confirmed").await;

    browser.goto(&at("/accounts/change_password/")).await;
    browser.type_into("old_password", &ann.password).await;
    browser.type_into("new_password1", new).await;
    browser.type_into("new_password2", new).await;
    browser.double_click_form_of("old_password").await;
    browser.arrives_at("/accounts/change_password_done/").await;
    // The session goes on.
    browser.goto(&at("/accounts/profile/")).await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/accounts/logout/")).await;
    browser.double_click_form_of("csrfmiddlewaretoken").await;
    browser.arrives_at("/").await;
    browser.says("Sign up, and sign in").await;

    browser.goto(&at("/accounts/password_reset/")).await;
    browser.type_into("login", &ann.email).await;
    browser.double_click_form_of("login").await;
    browser.arrives_at("/accounts/password_reset_done/").await;
    site.printed("reset_password_email", &ann.email).await;
    site.delivered().await;
    assert_eq!(site.count("reset_password_email", &ann.email), 1);
    // The time that one waits for another code is over.
    let later = "UPDATE phone_auth_challenge SET resend_at = resend_at - 3600000000";
    site.database().execute(later);
    browser.double_click_form_of("resend").await;
    browser.arrives_at("/accounts/password_reset_done/").await;
    let signal = "reset_password_email";
    let line = site.nth_printed(signal, &ann.email, 2).await;
    site.delivered().await;
    assert_eq!(site.count(signal, &ann.email), 2);
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser
        .arrives_at(&line.url().replace(line.token(), "set-password"))
        .await;
    browser.type_into("new_password1", newest).await;
    browser.type_into("new_password2", newest).await;
    browser.double_click_form_of("new_password1").await;
    browser
        .arrives_at("/accounts/password_reset_complete/")
        .await;

    browser.goto(&at("/accounts/login/")).await;
    browser.type_into("login", &ann.email).await;
    browser.type_into("password", newest).await;
    browser.double_click_form_of("password").await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at("/accounts/logout/")).await;
    browser.double_click_form_of("csrfmiddlewaretoken").await;
    browser.arrives_at("/").await;
    browser.goto(&at("/accounts/login_code/")).await;
    browser.type_into("login", &ann.email).await;
    browser.double_click_form_of("login").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    let line = site.printed("login_email", &ann.email).await;
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser.arrives_at("/accounts/profile/").await;

    // Another has the address that was never proven, and takes it out of the account.
    browser.goto(&at("/accounts/logout/")).await;
    browser.double_click_form_of("csrfmiddlewaretoken").await;
    browser.arrives_at("/").await;
    browser.goto(&at("/accounts/password_reset/")).await;
    browser.type_into("login", &unproven).await;
    browser.send_form_of("login").await;
    browser.arrives_at("/accounts/password_reset_done/").await;
    let line = site.printed("reset_password_email", &unproven).await;
    browser.goto(&at(line.url())).await;
    browser.double_click("main form [type='submit']").await;
    browser.says("You can use it now").await;
    browser.close().await;
}

/// Opens the page of the first email address.
async fn open_address(site: &Site, browser: &Browser, value: &str) {
    let path = format!("{}/accounts/user_verification/", site.origin());
    browser.goto(&path).await;
    let script = format!(
        "return [...document.querySelectorAll('td.address a')].find(a => a.innerText.trim() === '{value}').href;"
    );
    let href = browser.script(&script).await;
    browser.goto(href.as_str().unwrap_or_default()).await;
    browser.arrives_at("/accounts/address/").await;
}

#[tokio::test]
async fn double_click_in_an_account_is_answered_as_a_click() {
    let site = Site::options()
        .setting("verify_by_click", "true")
        .limited()
        .start()
        .await;
    let ann = site.signed_up().await;
    let elsewhere = [
        site.log_in(&ann).await,
        site.log_in(&ann).await,
        site.log_in(&ann).await,
    ];
    let browser = plain_browser().await;
    let at = |path: &str| format!("{}{path}", site.origin());
    let addresses = "/accounts/user_verification/";
    browser.goto(&at("/accounts/login/")).await;
    browser.type_into("login", &ann.email).await;
    browser.type_into("password", &ann.password).await;
    browser.send_form_of("password").await;
    browser.arrives_at("/accounts/profile/").await;
    browser.goto(&at("/accounts/confirm_identity/")).await;
    browser.type_into("password", &ann.password).await;
    browser.double_click_form_of("password").await;
    browser.arrives_at("/accounts/profile/").await;

    browser.goto(&at(addresses)).await;
    browser
        .submit("form:has(input[value='email']) [type='submit']")
        .await;
    let line = site.printed("verify_email", &ann.email).await;
    browser.goto(&at(line.url())).await;
    browser.double_click("main form [type='submit']").await;
    browser.arrives_at(line.url()).await;
    // Of a link: by then the first click has confirmed it.
    browser.says("is confirmed for the account").await;

    let (second, third) = (User::another_email(), User::another_email());
    browser.goto(&at("/accounts/email/add/")).await;
    browser.type_into("email", &second).await;
    browser.send_form_of("email").await;
    let code = ask_for_code(&site, &browser, &second).await;
    browser.type_into("code", &code).await;
    browser.double_click_form_of("code").await;
    browser.says("is confirmed").await;
    open_address(&site, &browser, &second).await;
    browser.double_click("button[value='primary']").await;
    browser.arrives_at(addresses).await;
    assert_eq!(primary(&browser).await, second);

    open_address(&site, &browser, &ann.email).await;
    browser.type_into("email", &third).await;
    browser.double_click("button[value='change']").await;
    browser.arrives_at(addresses).await;
    let line = site.printed("verify_email", &third).await;
    site.delivered().await;
    assert_eq!(site.count("verify_email", &third), 1);
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser.says("is confirmed").await;
    browser.goto(&at(addresses)).await;
    let words = browser.words().await;
    assert!(
        words.contains(&third) && !words.contains(&ann.email),
        "{words}"
    );

    // Another was to take its place: it is kept.
    let fourth = User::another_email();
    open_address(&site, &browser, &third).await;
    browser.type_into("email", &fourth).await;
    browser.double_click("button[value='change']").await;
    browser.arrives_at(addresses).await;
    open_address(&site, &browser, &third).await;
    browser.says(&fourth).await;
    browser.double_click("button[value='keep']").await;
    browser.arrives_at(addresses).await;
    browser.says("Your email address stays").await;

    // The same in the list of them.
    let fifth = User::another_email();
    open_address(&site, &browser, &third).await;
    browser.type_into("email", &fifth).await;
    browser.double_click("button[value='change']").await;
    browser.arrives_at(addresses).await;
    browser.goto(&at(addresses)).await;
    browser.says(&fifth).await;
    browser.double_click("button[value='keep']").await;
    browser.arrives_at(addresses).await;
    browser.says("Your email address stays").await;

    open_address(&site, &browser, &third).await;
    browser.double_click("button[value='remove']").await;
    browser.arrives_at(addresses).await;
    let words = browser.words().await;
    assert!(!words.contains(&format!("{third} Verified")), "{words}");

    browser.goto(&at("/accounts/sessions/")).await;
    browser
        .double_click("li:last-of-type form [type='submit']")
        .await;
    browser.arrives_at("/accounts/sessions/").await;
    assert_eq!(alive(&elsewhere).await, 2);
    browser
        .double_click("form:has(input[value='others']) [type='submit']")
        .await;
    browser.arrives_at("/accounts/sessions/").await;
    assert_eq!(alive(&elsewhere).await, 0);

    // A file is no page: the one that it was asked from stays.
    browser.goto(&at("/accounts/export_account/")).await;
    let click =
        "const it = document.querySelector(\"main form [type='submit']\"); it.click(); it.click();";
    browser.script(click).await;
    browser.arrives_at("/accounts/export_account/").await;
    browser.says("You get a file").await;

    browser.goto(&at("/accounts/close_account/")).await;
    browser.double_click("main form [type='submit']").await;
    browser.arrives_at("/accounts/close_account_done/").await;
    browser.close().await;
}

/// Asks for the code of an address by its button, and waits for it.
async fn ask_for_code(site: &Site, browser: &Browser, value: &str) -> String {
    browser
        .submit("section form:has(input[value='email']) [type='submit']")
        .await;
    let line = site.printed("verify_email", value).await;
    line.code().to_owned()
}

/// The address that has the badge of the primary one.
async fn primary(browser: &Browser) -> String {
    let script =
        "return [...document.querySelectorAll('tr')].filter(r => r.innerText.includes('Primary'))
        .map(r => r.querySelector('td.address').innerText.trim()).join();";
    let found = browser.script(script).await;
    found.as_str().unwrap_or_default().to_owned()
}

/// How many of these sessions go on.
async fn alive(members: &[Member]) -> usize {
    let mut alive = 0;
    for member in members {
        alive += usize::from(member.client.is_logged_in().await);
    }
    alive
}

/// The ways in of a newcomer, and of someone whose message is read in another browser.
#[tokio::test]
async fn double_click_at_a_code_is_answered_as_a_click() {
    let browser = plain_browser().await;
    let site = Site::options()
        .setting("verify_at_sign_up", "true")
        .setting("login_by_code", "true")
        .setting("phone_channels", "sms,voice")
        .limited()
        .start()
        .await;
    let ann = User::new();
    let at = |path: &str| format!("{}{path}", site.origin());
    browser.goto(&at("/accounts/signup/")).await;
    for (name, value) in ann.fields() {
        browser.type_into(&name, &value).await;
    }
    browser.double_click_form_of("first_name").await;
    browser.arrives_at("/accounts/user_verification/").await;
    for (signal, value) in [("verify_email", &ann.email), ("verify_phone", &ann.phone)] {
        let line = site.printed(signal, value).await;
        site.delivered().await;
        assert_eq!(site.count(signal, value), 1);
        site.client().get(line.url()).await.expect(200);
    }

    // Another browser asked, and this one has the message.
    browser.goto(&at("/accounts/logout/")).await;
    browser.submit("main form [type='submit']").await;
    let elsewhere = site.client();
    let fields = [("login", ann.email.as_str())];
    let asked = elsewhere.submit("/accounts/login_code/", fields).await;
    asked.expect(302);
    let line = site.printed("login_email", &ann.email).await;
    browser.goto(&at(line.url())).await;
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser.arrives_at("/accounts/profile/").await;

    // This browser asked: one button.
    browser.goto(&at("/accounts/logout/")).await;
    browser.submit("main form [type='submit']").await;
    browser.goto(&at("/accounts/login/")).await;
    browser.type_into("login", &ann.phone).await;
    browser.double_click("button[formaction]").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    let line = site.printed("login_phone", &ann.phone).await;
    site.delivered().await;
    assert_eq!(site.count("login_phone", &ann.phone), 1);
    assert!(!line.code().is_empty());
    // By another channel nothing is waited for.
    browser.double_click("button[value='voice']").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    let line = site.nth_printed("login_phone", &ann.phone, 2).await;
    site.delivered().await;
    assert_eq!(site.count("login_phone", &ann.phone), 2);
    browser.goto(&at(line.url())).await;
    browser.double_click("main form [type='submit']").await;
    browser.arrives_at("/accounts/profile/").await;
    browser.goto(&at("/accounts/logout/")).await;
    browser.submit("main form [type='submit']").await;

    // An address that was confirmed by someone who was not signed in: the first code leads to a new password.
    let cleo = User::new();
    let newcomer = site.client();
    newcomer.sign_up(&cleo).await.expect(302);
    let line = site.printed("verify_email", &cleo.email).await;
    site.client().get(line.url()).await.expect(200);
    browser.goto(&at("/accounts/login_code/")).await;
    browser.type_into("login", &cleo.email).await;
    browser.double_click_form_of("login").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    let line = site.printed("login_email", &cleo.email).await;
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    // The second user of the site.
    let form = "/accounts/password_reset_confirm/Mg/set-password/";
    browser.arrives_at(form).await;
    browser
        .type_into("new_password1", "walnut-Harbour-22")
        .await;
    browser
        .type_into("new_password2", "walnut-Harbour-22")
        .await;
    browser.double_click_form_of("new_password1").await;
    browser
        .arrives_at("/accounts/password_reset_complete/")
        .await;
    let back = site.client();
    back.log_in(&cleo.username, "walnut-Harbour-22")
        .await
        .expect(302);
    assert_eq!(site.count("login_email", &cleo.email), 1);
    drop(site);

    let site = passwordless().start().await;
    let at = |path: &str| format!("{}{path}", site.origin());
    let bob = User::new();
    browser.goto(&at("/accounts/signup/")).await;
    browser.type_into("first_name", &bob.first_name).await;
    browser.type_into("last_name", &bob.last_name).await;
    browser.type_into("phone", &bob.phone).await;
    browser.double_click_form_of("phone").await;
    browser.arrives_at("/accounts/login_code_done/").await;
    let line = site.printed("login_phone", &bob.phone).await;
    site.delivered().await;
    assert_eq!(site.count("login_phone", &bob.phone), 1);
    browser.type_into("code", line.code()).await;
    browser.double_click_form_of("code").await;
    browser.arrives_at("/accounts/profile/").await;
    browser.close().await;
}

/// A site where a number and a code are all that anyone has.
fn passwordless() -> SiteOptions {
    Site::options()
        .setting("authentication_methods", "phone")
        .setting("login_by_code", "true")
        .setting("sign_up_by_code", "true")
        .limited()
}
