//! Forms that are sent twice: in a row, as by a browser that sends again what was answered, and at once, as by a double
//! click, where the browser shows the answer to the second and throws that to the first away.

use axum::body::Body;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{Method, Request, StatusCode};
use phone_auth_core::address::AddressKind;
use phone_auth_events::{
    EmailAdded, LoginEmail, PasswordChanged, PasswordWasReset, PhoneAdded, ResetPasswordEmail,
    UserLoggedOut, UserSignedUp, VerifyEmail,
};
use phone_auth_urls::AccountPage;

use crate::support::{Answer, Browser, PASSWORD, Site, encode, sign_up_form};

const NEW: &str = "another long password";

/// How a form comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Twice {
    InARow,
    AtOnce,
}

/// What a form does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    SignUp,
    LogIn,
    LogOut,
    AskLogInCode,
    LogInCode,
    AskReset,
    ResetCode,
    SetPassword,
    ChangePassword,
    AddEmail,
    AddPhone,
    Verify,
}

const FORMS: [Form; 12] = [
    Form::SignUp,
    Form::LogIn,
    Form::LogOut,
    Form::AskLogInCode,
    Form::LogInCode,
    Form::AskReset,
    Form::ResetCode,
    Form::SetPassword,
    Form::ChangePassword,
    Form::AddEmail,
    Form::AddPhone,
    Form::Verify,
];

impl Form {
    const fn is_of_user(self) -> bool {
        !matches!(
            self,
            Self::SignUp
                | Self::LogIn
                | Self::AskLogInCode
                | Self::LogInCode
                | Self::AskReset
                | Self::ResetCode
                | Self::SetPassword
        )
    }

    const fn path(self) -> &'static str {
        match self {
            Self::SignUp => "/accounts/signup/",
            Self::LogIn => "/accounts/login/",
            Self::LogOut => "/accounts/logout/",
            Self::AskLogInCode => "/accounts/login_code/",
            Self::LogInCode => "/accounts/login_code_done/",
            Self::AskReset | Self::SetPassword => "/accounts/password_reset/",
            Self::ResetCode => "/accounts/password_reset_done/",
            Self::ChangePassword => "/accounts/change_password/",
            Self::AddEmail => "/accounts/email/add/",
            Self::AddPhone => "/accounts/phone/add/",
            Self::Verify => "/accounts/user_verification/",
        }
    }

    /// Its fields, with the number of an address or the code that it takes.
    fn fields(self, typed: &str) -> Vec<(&'static str, &str)> {
        match self {
            Self::SignUp => sign_up_form("ann", "ann@example.org", "+12125552368"),
            Self::LogIn => vec![("login", "ann"), ("password", PASSWORD)],
            Self::LogOut => Vec::new(),
            Self::LogInCode | Self::ResetCode => vec![("code", typed)],
            Self::AskReset | Self::AskLogInCode => vec![("login", "ann@example.org")],
            Self::SetPassword => vec![("new_password1", NEW), ("new_password2", NEW)],
            Self::ChangePassword => vec![
                ("old_password", PASSWORD),
                ("new_password1", NEW),
                ("new_password2", NEW),
            ],
            Self::AddEmail => vec![("email", "more@example.org")],
            Self::AddPhone => vec![("phone", "+12125552399")],
            Self::Verify => vec![("method", "email"), ("pk", typed)],
        }
    }

    const fn password_after(self) -> &'static str {
        match self {
            Self::SetPassword | Self::ChangePassword => NEW,
            _ => PASSWORD,
        }
    }

    /// What its page needs before it: the number of an address, or a code that was sent.
    async fn typed(self, site: &Site, browser: &mut Browser<'_>) -> String {
        let (ask, mut emails, mut resets) = (
            "/accounts/login_code/",
            site.capture::<LoginEmail>(),
            site.capture::<ResetPasswordEmail>(),
        );
        let login = [("login", "ann@example.org")];
        let code = match self {
            Self::Verify => return browser.pk("email").await,
            Self::LogInCode => {
                let mut ann = site.browser();
                site.ann_logs_in(&mut ann).await;
                let link = ann.email_link().await;
                ann.get(&link).await;
                browser.post(ask, &login).await;
                emails.take().remove(0).envelope.code
            }
            Self::ResetCode => {
                browser.post("/accounts/password_reset/", &login).await;
                resets.take().remove(0).envelope.code
            }
            _ => return String::new(),
        };
        code.unwrap().as_str().to_owned()
    }
}

fn request(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    browser
        .request(Method::POST, path)
        .header(ORIGIN, "http://site.example")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(encode(fields)))
        .unwrap()
}

/// Sends a form twice. The browser keeps the cookies of both answers, or of the second alone.
async fn send(
    site: &Site,
    browser: &mut Browser<'_>,
    twice: Twice,
    path: &str,
    fields: &[(&str, &str)],
) -> [Answer; 2] {
    match twice {
        Twice::InARow => {
            let first = request(browser, path, fields);
            let first = browser.send(first).await;
            let second = request(browser, path, fields);
            [first, browser.send(second).await]
        }
        Twice::AtOnce => {
            let first = site.send(request(browser, path, fields));
            let second = request(browser, path, fields);
            let (first, second) = tokio::join!(first, browser.send(second));
            [first, second]
        }
    }
}

/// The double clicks on the buttons of all pages, in a browser.
const DOUBLE_CLICKS: &str = include_str!("../../../../tests/tests/double_click.rs");

/// Pages whose forms come twice in the tests of their own: these act on what only their page shows.
const ELSEWHERE: [(AccountPage, &str, &str); 8] = [
    (
        AccountPage::Address,
        include_str!("address.rs"),
        "for _click in 0..2 {",
    ),
    (
        AccountPage::Sessions,
        include_str!("sessions_page.rs"),
        "// The second of two clicks",
    ),
    (
        AccountPage::CloseAccount,
        include_str!("close_account.rs"),
        "ann.post(CLOSE, &fields).await.location(), DONE",
    ),
    (
        AccountPage::ConfirmIdentity,
        include_str!("confirm_identity.rs"),
        "let again = ann.post(PATH, &fields).await;",
    ),
    (
        AccountPage::PasswordResetConfirm,
        include_str!("repeats.rs"),
        "Form::SetPassword,",
    ),
    (
        AccountPage::LoginConfirm,
        DOUBLE_CLICKS,
        "\"login_confirm\",",
    ),
    (
        AccountPage::EmailVerificationConfirm,
        DOUBLE_CLICKS,
        "\"phone_email_verification_confirm\",",
    ),
    (
        AccountPage::ExportAccount,
        DOUBLE_CLICKS,
        "\"export_account\"",
    ),
];

/// Those that have no form.
const OF_NO_FORM: [AccountPage; 3] = [
    AccountPage::PasswordResetComplete,
    AccountPage::ChangePasswordDone,
    AccountPage::CloseAccountDone,
];

#[test]
fn every_page_comes_twice() {
    for page in AccountPage::ALL {
        let path = format!("/accounts/{}", page.pattern());
        let is_here = FORMS.iter().any(|form| form.path() == path);
        let elsewhere = ELSEWHERE.iter().find(|it| it.0 == page);
        let is_there = elsewhere.is_some_and(|(_, test, line)| test.contains(line));
        assert!(is_here || is_there || OF_NO_FORM.contains(&page), "{path}");
    }
}

#[tokio::test]
async fn second_form_is_answered_as_the_first() {
    for form in FORMS {
        for twice in [Twice::InARow, Twice::AtOnce] {
            check(form, twice).await;
        }
    }
}

async fn check(form: Form, twice: Twice) {
    let what = format!("{form:?} {twice:?}");
    let site = Site::with(|settings| settings.login_by_code = true);
    let mut browser = site.browser();
    let mut link = String::new();
    if form != Form::SignUp {
        site.ann_signed_up().await;
    }
    if form == Form::SetPassword {
        link = browser.reset_link("ann@example.org").await;
    }
    if form.is_of_user() {
        site.ann_logs_in(&mut browser).await;
    }
    if matches!(form, Form::AddEmail | Form::AddPhone) {
        browser.confirm(PASSWORD).await;
    }
    let typed = form.typed(&site, &mut browser).await;
    let path = match form {
        Form::SetPassword => browser.get(&link).await.location().to_owned(),
        _ => form.path().to_owned(),
    };
    let page = browser.get(&path).await;
    let mut fields = form.fields(&typed);
    for name in ["csrfmiddlewaretoken", "form_token", "username"] {
        if fields.iter().all(|(field, _)| *field != name) {
            fields.push((name, page.hidden(name)));
        }
    }
    let mut changed = site.capture::<PasswordChanged>();
    let mut reset = site.capture::<PasswordWasReset>();
    let mut signed_up = site.capture::<UserSignedUp>();
    let mut logged_out = site.capture::<UserLoggedOut>();
    let mut email_added = site.capture::<EmailAdded>();
    let mut phone_added = site.capture::<PhoneAdded>();
    let mut verify = site.capture::<VerifyEmail>();
    let mut asked = site.capture::<ResetPasswordEmail>();

    let [first, second] = send(&site, &mut browser, twice, &path, &fields).await;
    assert_eq!(first.status, StatusCode::FOUND, "{what}: {}", first.body);
    assert_eq!(second.status, first.status, "{what}: {}", second.body);
    assert_eq!(second.location(), first.location(), "{what}");

    let done = [
        (
            "changed",
            changed.take().len(),
            form == Form::ChangePassword,
        ),
        ("reset", reset.take().len(), form == Form::SetPassword),
        ("signed up", signed_up.take().len(), form == Form::SignUp),
        ("logged out", logged_out.take().len(), form == Form::LogOut),
        (
            "email added",
            email_added.take().len(),
            form == Form::AddEmail,
        ),
        (
            "phone added",
            phone_added.take().len(),
            form == Form::AddPhone,
        ),
    ];
    for (signal, fired, is_fired) in done {
        assert_eq!(fired, usize::from(is_fired), "{what}: {signal}");
    }
    let links: Vec<String> = verify
        .take()
        .iter()
        .map(|it| it.url.as_str().to_owned())
        .collect();
    let resets: Vec<String> = asked
        .take()
        .iter()
        .map(|it| it.url.as_str().to_owned())
        .collect();
    for links in [links, resets] {
        assert!(
            links.iter().all(|link| *link == links[0]),
            "{what}: one link"
        );
    }
    assert_eq!(site.store.user_count(), 1, "{what}");
    let emails = 1 + usize::from(form == Form::AddEmail);
    assert_eq!(
        site.store.address_count(AddressKind::Email),
        emails,
        "{what}"
    );

    // The browser is where the first answer alone would have left it.
    let leads = browser.get(second.location()).await;
    let is_signed_in =
        form.is_of_user() && form != Form::LogOut || matches!(form, Form::LogIn | Form::LogInCode);
    let profile = browser.get("/accounts/profile/").await.status;
    assert_eq!(profile == StatusCode::OK, is_signed_in, "{what}");
    assert_eq!(leads.status, StatusCode::OK, "{what}");
    let in_again = site.browser().log_in("ann", form.password_after()).await;
    assert_eq!(in_again.status, StatusCode::FOUND, "{what}");
}

/// A form that did something else is no repeat, and neither is one without its token.
#[tokio::test]
async fn other_form_is_no_repeat() {
    let site = Site::new();
    let mut browser = site.ann().await;
    let path = "/accounts/change_password/";
    let page = browser.get(path).await;
    let token = page.hidden("form_token").to_owned();
    let old = browser.cookies.clone();
    let fields = |new, token| {
        [
            ("old_password", PASSWORD),
            ("new_password1", new),
            ("new_password2", new),
            ("form_token", token),
        ]
    };
    browser.post(path, &fields(NEW, &token)).await;
    for (new, token) in [
        ("something else altogether", token.as_str()),
        (NEW, ""),
        (NEW, "MQ-toxhc0-0123456789abcdef"),
    ] {
        let mut stale = site.browser();
        stale.cookies.clone_from(&old);
        let answer = stale.post(path, &fields(new, token)).await;
        assert!(
            answer.location().starts_with("/accounts/login/"),
            "{new} {token}"
        );
        assert!(answer.set_cookie("sessionid").is_none(), "{new} {token}");
    }
    let wrong = browser
        .post(path, &fields("something else altogether", &token))
        .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.error_at("old_password").contains("incorrectly"));
}

/// The first uses the link up, and the second is told what holds by now.
#[tokio::test]
async fn freed_address_is_told_twice() {
    for twice in [Twice::InARow, Twice::AtOnce] {
        let site = Site::new();
        let mut ann = site.ann().await;
        let proof = ann.phone_link().await;
        ann.get(&proof).await;
        let mut other = site.browser();
        let link = other.reset_link("ann@example.org").await;
        let path = other.get(&link).await.location().to_owned();
        let page = other.get(&path).await;
        let (frees, token) = (page.hidden("frees"), page.hidden("form_token"));
        assert_eq!(frees, "ann@example.org", "{}", page.body);
        let fields = [
            ("csrfmiddlewaretoken", page.hidden("csrfmiddlewaretoken")),
            ("frees", frees),
            ("form_token", token),
        ];
        let answers = send(&site, &mut other, twice, &path, &fields).await;
        for answer in answers {
            assert_eq!(answer.status, StatusCode::OK, "{twice:?}: {}", answer.body);
            assert_eq!(answer.heading(), "You can use it now", "{twice:?}");
        }
        // It says nothing of what was not freed, and not without the token of the page.
        for (frees, token) in [
            ("+12125552368", token),
            ("ann@example.org", "made-up"),
            ("ann@example.org", ""),
            ("", token),
        ] {
            let fields = [fields[0], ("frees", frees), ("form_token", token)];
            let answer = other.send(request(&other, &path, &fields)).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{frees} {token}");
        }
    }
}

/// What another tab of the same user waits for stays, where the browser keeps the answer to the second alone.
#[tokio::test]
async fn second_change_keeps_the_codes_of_other_tabs() {
    let site = Site::new();
    let mut ann = site.ann().await;
    let login = [("login", "ann@example.org")];
    let asked = ann.post("/accounts/password_reset/", &login).await;
    let waits = asked.location().to_owned();

    let path = "/accounts/change_password/";
    let page = ann.get(path).await;
    let fields = [
        ("csrfmiddlewaretoken", page.hidden("csrfmiddlewaretoken")),
        ("form_token", page.hidden("form_token")),
        ("old_password", PASSWORD),
        ("new_password1", NEW),
        ("new_password2", NEW),
    ];
    let (first, second) = (request(&ann, path, &fields), request(&ann, path, &fields));
    for answer in [site.send(first).await, ann.send(second).await] {
        assert_eq!(answer.location(), "/accounts/change_password_done/");
    }
    assert_eq!(ann.get(path).await.status, StatusCode::OK);
    let page = ann.get(&waits).await;
    assert!(page.body.contains("name=\"code\""), "{}", page.body);
}

/// Pages of one browser are told apart, also where its cookie was planted by someone who asks for a page of their own; and a form of a
/// page that says nothing of itself is never the second click of another.
#[tokio::test]
async fn another_page_gets_a_session_of_its_own() {
    let site = Site::new();
    site.ann_signed_up().await;
    let path = "/accounts/login/";
    let mut ann = site.browser();
    let page = ann.get(path).await;
    let mut thief = site.browser();
    thief.cookies.clone_from(&ann.cookies);
    let planted = thief.get(path).await;
    assert_eq!(planted.csrf_token(), page.csrf_token());
    let of_page = |page: &Answer, says: bool| {
        let token = page.hidden("form_token");
        [
            ("csrfmiddlewaretoken", page.csrf_token().to_owned()),
            ("login", "ann".to_owned()),
            ("password", PASSWORD.to_owned()),
            ("form_token", token.to_owned()),
        ]
        .into_iter()
        .filter(|(name, _)| says || *name != "form_token")
        .collect::<Vec<_>>()
    };
    let mut keys = Vec::new();
    for (page, says) in [
        (&page, true),
        (&page, true),
        (&planted, true),
        (&planted, false),
        (&planted, false),
    ] {
        let fields = of_page(page, says);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, it)| (*name, it.as_str()))
            .collect();
        let mut click = site.browser();
        click.cookies.clone_from(&ann.cookies);
        let answer = click.send(request(&click, path, &fields)).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        keys.push(click.cookies.get("sessionid").unwrap().clone());
    }
    assert_eq!(keys[0], keys[1], "the second click");
    keys.remove(0);
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 4);
}

/// A form that is refused is shown on a page of its own: what tells the one before may be known to anyone who sent it.
#[tokio::test]
async fn refused_form_stands_on_another_page() {
    let taken = sign_up_form("ann", "other@example.org", "+919876543210");
    let mut invalid = taken.clone();
    invalid.retain(|(name, _)| *name != "email");
    invalid.push(("email", "no address"));
    let log_in = [("login", "ann"), ("password", "wrong horse battery")];
    for (path, fields) in [
        ("/accounts/login/", log_in.to_vec()),
        ("/accounts/login/", vec![("login", ""), ("password", "")]),
        ("/accounts/signup/", taken),
        ("/accounts/signup/", invalid),
    ] {
        let site = Site::new();
        site.ann_signed_up().await;
        let mut browser = site.browser();
        let page = browser.get(path).await;
        let sent = page.hidden("form_token").to_owned();
        let mut fields = fields;
        fields.push(("form_token", &sent));
        let refused = browser.post(path, &fields).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{path}");
        let shown = refused.hidden("form_token");
        assert!(
            shown.len() == sent.len() && shown != sent,
            "{path}: {shown}"
        );
    }
}

/// A template of the site's own with one text for all its pages has no second click, so that no browser gets the session of another.
#[tokio::test]
async fn text_that_is_no_page_tells_no_second_click() {
    let of_a_page = Site::new().browser().get("/accounts/login/").await;
    let of_a_page = of_a_page.hidden("form_token").to_owned();
    for (token, is_known) in [
        (&*of_a_page, true),
        ("1", false),
        ("page", false),
        ("", false),
    ] {
        let site = Site::new();
        site.ann_signed_up().await;
        let mut ann = site.browser();
        let page = ann.get("/accounts/login/").await;
        let fields = [
            ("csrfmiddlewaretoken", page.csrf_token()),
            ("login", "ann"),
            ("password", PASSWORD),
            ("form_token", token),
        ];
        let mut keys = Vec::new();
        for _ in 0..2 {
            let mut click = site.browser();
            click.cookies.clone_from(&ann.cookies);
            let answer = click
                .send(request(&click, "/accounts/login/", &fields))
                .await;
            assert_eq!(answer.status, StatusCode::FOUND, "{token}");
            keys.push(click.cookies.get("sessionid").unwrap().clone());
        }
        assert_eq!(keys[0] == keys[1], is_known, "{token}");
    }
}
