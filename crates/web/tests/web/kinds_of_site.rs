//! Sites for phone only, for email only, with few fields, and without senders: no page offers what there is not.

use http::StatusCode;
use phone_auth_core::form::Field;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_events::{LoginEmail, LoginPhone, ResetPasswordPhone, SiteOrigin};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};
use phone_auth_urls::AccountPage;
use phone_auth_web::{CookieOptions, Web, WebBuildErrorKind};

use crate::support::{PASSWORD, Site};

const SIGN_UP: &str = "/accounts/signup/";
const RESET: &str = "/accounts/password_reset/";
const ASK: &str = "/accounts/login_code/";
const DONE: &str = "/accounts/login_code_done/";

fn only(phone: bool, email: bool, username: bool) -> Methods {
    Methods {
        phone,
        email,
        username,
    }
}

/// What a site for phone numbers alone asks for: a number and a password.
fn phone_alone(settings: &mut Settings) {
    settings.authentication_methods = only(true, false, false);
    settings.register_username_required = false;
    settings.register_fname_required = false;
    settings.register_lname_required = false;
    settings.register_confirm_password_required = false;
    settings.hidden_sign_up_fields = vec![Field::FirstName, Field::LastName, Field::Username];
}

#[tokio::test]
async fn pages_and_fields_follow_the_methods() {
    for (methods, has_email, has_phone) in [
        (only(true, true, true), true, true),
        (only(true, false, true), false, true),
        (only(false, true, true), true, false),
        (only(false, false, true), false, false),
    ] {
        let site = Site::with(|settings| settings.authentication_methods = methods);
        let mut ann = site.browser();
        let form = ann.get(SIGN_UP).await;
        for (name, is_there) in [("email", has_email), ("phone", has_phone)] {
            let field = format!("name=\"{name}\"");
            assert_eq!(form.body.contains(&field), is_there, "{methods:?} {name}");
        }
        site.ann_signed_up().await;
        let login = if methods.username {
            "ann"
        } else {
            "ann@example.org"
        };
        ann.log_in(login, PASSWORD).await;
        let addresses = ann.get("/accounts/user_verification/").await;
        let profile = ann.get("/accounts/profile/").await;
        for (kind, is_there) in [("email", has_email), ("phone", has_phone)] {
            let add = format!("/accounts/{kind}/add/");
            assert_eq!(
                addresses.body.contains(&add),
                is_there,
                "{methods:?} {kind}"
            );
            let members = format!("/members/{kind}/");
            assert_eq!(
                profile.body.contains(&members),
                is_there,
                "{methods:?} {kind}"
            );
            for path in [&add, &members] {
                let status = ann.get(path).await.status;
                assert_eq!(
                    status != StatusCode::NOT_FOUND,
                    is_there,
                    "{methods:?} {path}"
                );
            }
        }
        let reset = site.browser().get(RESET).await.status == StatusCode::OK;
        assert_eq!(reset, has_email || has_phone, "{methods:?}");
        let entrance = site.browser().get("/accounts/login/").await;
        assert_eq!(entrance.body.contains(RESET), reset, "{methods:?}");
    }
}

/// Whatever a form holds, a site takes no address that it has no use for.
#[tokio::test]
async fn fields_that_are_not_shown_are_not_read() {
    let site = Site::with(|settings| settings.authentication_methods = only(false, true, true));
    let mut ann = site.ann().await;
    let addresses = ann.get("/accounts/user_verification/").await;
    assert!(addresses.body.contains("ann@example.org"));
    assert!(!addresses.body.contains("+12125552368"));
}

/// Where nobody logs in by a username, a form of the application's own makes it up as it likes.
#[tokio::test]
async fn no_page_shows_a_username_nobody_types() {
    const MADE_UP: &str = "reader-ed0ff0e8a82b488889c5affd3be96e61";
    const NUMBER: &str = "+12125552368";
    for has_email in [true, false] {
        let site = Site::with(|settings| {
            phone_alone(settings);
            settings.authentication_methods.email = has_email;
            settings.register_email_required = false;
            settings.login_by_code = true;
            settings.limits = LimitSettings::danger_none();
        });
        let (mut ann, mut bob) = (site.browser(), site.browser());
        for (browser, number, email) in [
            (&mut ann, NUMBER, "ann@example.org"),
            (&mut bob, "+12125552369", "bob@example.org"),
        ] {
            let form = [("phone", number), ("password", PASSWORD), ("email", email)];
            browser.post(SIGN_UP, &form).await;
            browser.log_in(number, PASSWORD).await;
            browser.confirm(PASSWORD).await;
        }
        let found = site.web.accounts().find(NUMBER).await.unwrap().unwrap();
        let change = ExternalChange::RenameUser(found.id, MADE_UP.to_owned());
        site.store.make(change).await;

        let mut answers = Vec::new();
        let verifies = ann.phone_link().await;
        answers.push(bob.get(&verifies).await);
        answers.push(site.browser().get(&verifies).await);
        let mut log_ins = site.capture::<LoginPhone>();
        let mut resets = site.capture::<ResetPasswordPhone>();
        let mut asks = site.browser();
        asks.post(ASK, &[("login", NUMBER)]).await;
        asks.post(RESET, &[("login", NUMBER)]).await;
        let log_in = log_ins.take().pop().unwrap().url;
        let reset = resets.take().pop().unwrap().url;
        for link in [log_in, reset] {
            for browser in [&mut asks, &mut bob, &mut site.browser()] {
                let mut answer = browser.get(link.as_str()).await;
                // The token of a reset goes into a cookie first.
                if !answer.location().is_empty() {
                    let form = answer.location().to_owned();
                    answer = browser.get(&form).await;
                }
                answers.push(answer);
            }
        }
        for answer in &answers {
            let names = answer.body.contains("account <strong>");
            assert!(names, "{has_email} {}", answer.body);
        }
        let form = [("phone", "+12125552370"), ("password", PASSWORD)];
        answers.push(ann.post(SIGN_UP, &form).await);
        answers.push(ann.get("/accounts/profile/").await);
        for page in AccountPage::ALL {
            let path = site.web.accounts().routes().page(page).to_owned();
            answers.push(ann.get(&path).await);
        }
        for answer in answers {
            let is_shown = answer.body.contains("reader-");
            assert!(!is_shown, "{has_email} {}", answer.body);
        }
    }
}

#[tokio::test]
async fn number_and_password_are_enough() {
    let site = Site::with(phone_alone);
    let mut ann = site.browser();
    let form = ann.get(SIGN_UP).await;
    assert_eq!(form.body.matches("<label ").count(), 2, "{}", form.body);
    let fields = [("phone", "+1 212 555 2368"), ("password", PASSWORD)];
    let answer = ann.post(SIGN_UP, &fields).await;
    assert_eq!(answer.location(), "/accounts/login/?notice=signed-up");
    let to = answer.location().to_owned();
    let log_in = ann.get(&to).await;
    assert!(log_in.body.contains("Your account is ready"));
    assert!(log_in.body.contains("type=\"tel\""));
    ann.log_in("+1 212 555 2368", PASSWORD).await;
    // Nobody is called by 32 digits that were made up.
    let profile = ann.get("/accounts/profile/").await;
    assert_eq!(profile.status, StatusCode::OK);
    assert!(!profile.body.contains("your account"));
    assert!(
        profile.body.contains(">+1 212-555-2368<"),
        "{}",
        profile.body
    );
    let change = ann.get("/accounts/change_password/").await;
    let username = change.control("username").to_owned();
    assert!(username.contains("value=\"+12125552368\""), "{username}");
    for path in [
        "/accounts/profile/",
        "/",
        "/accounts/logout/",
        "/accounts/change_password/",
        "/accounts/user_verification/",
    ] {
        let page = ann.get(path).await;
        let is_hex = |part: &str| part.len() == 32 && part.bytes().all(|it| it.is_ascii_hexdigit());
        let body = match page.hidden("form_token") {
            "" => page.body.clone(),
            token => page.body.replace(token, "TOKEN"),
        };
        let made_up = body
            .split(|c: char| !c.is_ascii_alphanumeric())
            .find(|part| is_hex(part));
        assert_eq!(made_up, None, "{path}");
    }
}

/// All sixteen subsets of the messages.
#[tokio::test]
async fn what_nobody_sends_is_not_offered() {
    let signals = [
        "reset_password_email",
        "reset_password_phone",
        "verify_email",
        "verify_phone",
    ];
    for subset in 0..16_u32 {
        let is_out = |place: u32| subset & (1 << place) != 0;
        let out: Vec<&'static str> = (0..4)
            .zip(signals)
            .filter_map(|(place, signal)| is_out(place).then_some(signal))
            .collect();
        let site = Site::without_senders(&out);
        let mut ann = site.ann().await;
        let addresses = ann.get("/accounts/user_verification/").await;
        for (place, kind) in [(2, "email"), (3, "phone")] {
            let button = format!("name=\"method\" value=\"{kind}\"");
            assert_eq!(
                addresses.body.contains(&button),
                !is_out(place),
                "{out:?} {kind}"
            );
        }
        let offers_reset = !(is_out(0) && is_out(1));
        let log_in = site.browser().get("/accounts/login/").await;
        assert_eq!(log_in.body.contains(RESET), offers_reset, "{out:?}");
        let page = site.browser().get(RESET).await.status;
        assert_eq!(page == StatusCode::OK, offers_reset, "{out:?}");
    }
}

/// A code to sign in that nobody sends by this kind of address is refused in words, no matter who has the address, and never said to be on
/// its way.
#[tokio::test]
async fn code_that_nobody_sends_is_not_said_to_be_sent() {
    for (lacking, out) in [
        (None, &[][..]),
        (Some("email"), &["login_email"]),
        (Some("phone"), &["login_phone"]),
    ] {
        let site = Site::without_senders_and(out, |settings| settings.login_by_code = true);
        let mut ann = site.ann().await;
        for link in [ann.email_link().await, ann.phone_link().await] {
            ann.get(&link).await;
        }
        let mut by_email = site.capture::<LoginEmail>();
        let mut by_phone = site.capture::<LoginPhone>();
        for (kind, login, is_hers) in [
            ("email", "ann@example.org", true),
            ("email", "nobody@example.org", false),
            ("phone", "+12125552368", true),
            ("phone", "+12125552300", false),
        ] {
            let mut browser = site.browser();
            let answer = browser.post(ASK, &[("login", login)]).await;
            let sent = by_email.take().len() + by_phone.take().len();
            let is_out = lacking == Some(kind);
            assert_eq!(sent, usize::from(is_hers && !is_out), "{lacking:?} {login}");
            if is_out {
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{login}");
                let error = answer.error_at("login");
                assert!(error.contains("doesn’t send"), "{login}: {error}");
            } else {
                assert_eq!(answer.location_of_code(), DONE, "{login}");
            }
        }
        // By a username it goes where it can.
        let answer = site.browser().post(ASK, &[("login", "ann")]).await;
        assert_eq!(answer.location_of_code(), DONE, "{lacking:?}");
        let sent = [by_email.take().len(), by_phone.take().len()];
        let expected = ["email", "phone"].map(|kind| usize::from(lacking != Some(kind)));
        assert_eq!(sent, expected, "{lacking:?}");
    }
}

#[test]
fn cookies_of_no_django_site_are_refused() {
    let site = SiteOrigin::parse("https://www.example.org").unwrap();
    let django = |name: Option<&str>, domain: Option<&str>| {
        let mut options = CookieOptions::default();
        options.django_session_name = name.map(str::to_owned);
        options.django_session_domain = domain.map(str::to_owned);
        options
    };
    let (name, domain) = (Some("tea"), Some("example.org"));
    for options in [
        django(name, None),
        django(None, domain),
        django(name, domain),
    ] {
        let refused = Web::check_cookies(&site, false, &options).unwrap_err();
        assert_eq!(
            refused.kind(),
            WebBuildErrorKind::NoSharedSessions,
            "{options:?}"
        );
        assert!(
            Web::check_cookies(&site, true, &options).is_ok(),
            "{options:?}"
        );
    }
    // One name of two would be dropped.
    let mut both = django(name, None);
    both.session_name = Some("club".to_owned());
    let refused = Web::check_cookies(&site, true, &both).unwrap_err();
    assert_eq!(refused.kind(), WebBuildErrorKind::TwoCookieNames);
}
