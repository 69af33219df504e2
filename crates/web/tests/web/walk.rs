//! What people stumbled over on their way: what they were going to, who is signed in, what a site has not.

use http::StatusCode;
use phone_auth_core::form::Field;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_events::{OneTimeCode, ResetPasswordPhone, VerifyEmail, VerifyPhone};

use crate::support::{Answer, Browser, PASSWORD, Site, sign_up_form};

const NEW: &str = "another long password";
const SIGN_UP: &str = "/accounts/signup/";
const RESET: &str = "/accounts/password_reset/";
const ADDRESSES: &str = "/accounts/user_verification/";

fn phone_and_email(phone: bool, email: bool) -> impl Fn(&mut Settings) {
    move |settings| {
        settings.authentication_methods = Methods {
            phone,
            email,
            username: false,
        };
        settings.register_phone_required = false;
        settings.register_email_required = false;
        settings.register_username_required = false;
        settings.register_fname_required = false;
        settings.register_lname_required = false;
        settings.register_confirm_password_required = false;
        settings.hidden_sign_up_fields = vec![Field::FirstName, Field::LastName, Field::Username];
    }
}

/// Where the links of a page lead that have this text.
fn links<'a>(page: &'a Answer, text: &str) -> Vec<&'a str> {
    let end = format!(">{text}</a>");
    let before = page.body.split(&end).collect::<Vec<_>>();
    let parts = before.split_last().map_or(&[][..], |(_, parts)| parts);
    let href = |part: &'a str| part.rsplit_once("href=\"").map(|(_, rest)| rest);
    let value = |rest: &'a str| rest.split('"').next().unwrap_or_default();
    parts
        .iter()
        .filter_map(|part| href(part))
        .map(value)
        .collect()
}

#[tokio::test]
async fn every_way_to_sign_in_keeps_next() {
    let site = Site::new();
    let mut browser = site.browser();
    for path in [
        "/accounts/login/?next=/x/",
        "/accounts/signup/?next=/x/",
        "/accounts/password_reset/?next=/x/",
        "/accounts/password_reset_done/?next=/x/",
    ] {
        let page = browser.get(path).await;
        for (text, to) in [("Sign in", "login"), ("Sign up", "signup")] {
            let found = links(&page, text);
            assert!(!found.is_empty(), "{path} {text}");
            let expected = format!("/accounts/{to}/?next=/x/");
            assert!(found.iter().all(|it| *it == expected), "{path} {found:?}");
        }
    }
    let log_in = browser.get("/accounts/login/?next=/x/").await;
    assert_eq!(
        links(&log_in, "Forgot password?"),
        ["/accounts/password_reset/?next=/x/"]
    );
    let fields = [("login", "ann"), ("password", "wrong"), ("next", "/x/")];
    let refused = browser.post("/accounts/login/", &fields).await;
    assert_eq!(
        links(&refused, "Sign up"),
        ["/accounts/signup/?next=/x/"; 2]
    );
    let outside = browser.get("/accounts/login/?next=//evil.example/").await;
    assert_eq!(links(&outside, "Sign up"), ["/accounts/signup/"; 2]);
}

#[tokio::test]
async fn reset_leads_back_to_where_one_was_going() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut browser = site.browser();
    let page = browser.get("/accounts/password_reset/?next=/x/").await;
    assert_eq!(page.hidden("next"), "/x/");
    let mut sent = site.capture::<ResetPasswordPhone>();
    let fields = [("login", "+12125552368"), ("next", "/x/")];
    let answer = browser.post(RESET, &fields).await;
    assert_eq!(
        answer.location_of_code(),
        "/accounts/password_reset_done/?next=/x/"
    );
    let link = sent.take().remove(0).url.as_str().to_owned();
    let form = browser.get(&link).await.location().to_owned();
    let done = browser
        .post(&form, &[("new_password1", NEW), ("new_password2", NEW)])
        .await;
    let page = browser.get(done.location()).await;
    assert_eq!(links(&page, "Sign in"), ["/accounts/login/?next=/x/"; 2]);
}

/// What Ann was on the way to is nothing to Bob, who signs in after her, or to nobody: where she was going, the codes that she
/// asked for, and the form of her reset.
#[tokio::test]
async fn what_one_was_on_the_way_to_ends_with_the_session() {
    const ON_THE_WAY: [&str; 5] = [
        "phone_auth_challenge_login",
        "phone_auth_challenge_reset",
        "phone_auth_challenge_verify",
        "phone_auth_next",
        "reset_token",
    ];
    let site = Site::with(|settings| {
        settings.login_by_code = true;
        settings.limits = LimitSettings::danger_none();
    });
    drop(site.bob().await);
    site.ann_signed_up().await;
    for by in ["log-out", "log-in", "log-in of a stranger"] {
        let mut tab = site.browser();
        let login = [("login", "ann@example.org")];
        if by == "log-in of a stranger" {
            tab.get("/accounts/password_reset/?next=/anns/").await;
        } else {
            site.ann_logs_in(&mut tab).await;
            tab.get("/accounts/user_verification/?next=/anns/").await;
            tab.email_link().await;
            let link = tab.reset_link("ann@example.org").await;
            tab.get(&link).await;
        }
        tab.post(RESET, &login).await;
        tab.post("/accounts/login_code/", &login).await;
        let mut kept = ON_THE_WAY.to_vec();
        if by == "log-in of a stranger" {
            kept.truncate(2);
        }
        for name in kept {
            assert!(tab.cookies.contains_key(name), "{by} {name}");
        }
        if by == "log-out" {
            tab.post("/accounts/logout/", &[]).await;
        } else {
            tab.log_in("bob", PASSWORD).await;
        }
        for name in ON_THE_WAY {
            assert!(!tab.cookies.contains_key(name), "{by} {name}");
        }
    }
}

#[tokio::test]
async fn reset_of_another_account_says_who_is_signed_in() {
    let site = Site::new();
    drop(site.bob().await);
    let mut tab = site.ann().await;
    let link = tab.reset_link("bob@example.org").await;
    let form = tab.get(&link).await.location().to_owned();
    let done = tab
        .post(&form, &[("new_password1", NEW), ("new_password2", NEW)])
        .await;
    let page = tab.get(done.location()).await;
    assert!(
        page.body
            .contains("still signed in as <strong>Ann</strong>")
    );
    assert!(
        links(&page, "Sign in").is_empty(),
        "it would show Ann's account"
    );
    assert!(links(&page, "Sign out").contains(&"/accounts/logout/"));
}

#[tokio::test]
async fn phone_only_site_says_nothing_of_mail() {
    let site = Site::with(phone_and_email(true, false));
    let mut browser = site.browser();
    let fields = [("phone", "+12125552368"), ("password", PASSWORD)];
    let answer = browser.post(SIGN_UP, &fields).await;
    assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    browser.log_in("+12125552368", PASSWORD).await;
    browser.confirm(PASSWORD).await;
    let mut verify = site.capture::<VerifyPhone>();
    let pk = browser.pk("phone").await;
    browser
        .post(ADDRESSES, &[("method", "phone"), ("pk", &pk)])
        .await;
    let verify = verify.take().remove(0).url.as_str().to_owned();
    let mut reset = site.capture::<ResetPasswordPhone>();
    browser.post(RESET, &[("login", "+12125552368")]).await;
    let reset = reset.take().remove(0).url.as_str().to_owned();
    let form = browser.get(&reset).await.location().to_owned();
    for path in [
        "/",
        "/accounts/profile/",
        "/accounts/logout/",
        "/accounts/change_password/",
        ADDRESSES,
        "/accounts/phone/add/",
        "/accounts/password_reset/",
        "/accounts/password_reset_done/",
        &form,
        &verify,
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let text = page.body.to_lowercase();
        for word in ["mail", "spam", "your account", "username."] {
            assert!(!text.contains(word), "{path}: {word}: {}", page.body);
        }
        assert!(
            page.body.contains("+1 212-555-2368"),
            "{path} names the user"
        );
    }
}

#[tokio::test]
async fn one_of_phone_and_email_is_enough() {
    let both = [("phone", "+12125552368"), ("email", "ann@example.org")];
    for (methods, given, works) in [
        ((true, true), &both[..], true),
        ((true, true), &both[..1], true),
        ((true, true), &both[1..], true),
        ((true, true), &[], false),
        (
            (true, true),
            &[("phone", " "), ("email", "\u{200d}")],
            false,
        ),
        ((true, false), &both[..1], true),
        ((true, false), &both[1..], false),
        ((false, true), &both[1..], true),
        ((false, true), &[], false),
    ] {
        let site = Site::with(phone_and_email(methods.0, methods.1));
        let mut fields = given.to_vec();
        fields.push(("password", PASSWORD));
        let answer = site.browser().post(SIGN_UP, &fields).await;
        let what = format!("{methods:?} {given:?} {}", answer.body);
        assert_eq!(answer.status == StatusCode::FOUND, works, "{what}");
        assert_eq!(site.store.user_count(), usize::from(works), "{what}");
        if !works {
            let at = if methods.1 { "email" } else { "phone" };
            let said = if methods == (true, true) {
                "Enter an email address or a phone number."
            } else {
                "This field is required."
            };
            assert_eq!(answer.error_at(at), said, "{what}");
        }
    }
    let site = Site::with(phone_and_email(true, true));
    let page = site.browser().get(SIGN_UP).await;
    assert!(
        page.body
            .contains("<p>Enter an email address or a phone number.</p>")
    );
}

#[tokio::test]
async fn unseen_login_is_a_missing_one() {
    let site = Site::new();
    for login in ["", " ", "\u{200d}", "\u{a0}\u{200d} ", "\u{2800}"] {
        let answer = site.browser().log_in(login, PASSWORD).await;
        assert_eq!(
            answer.error_at("login"),
            "This field is required.",
            "{login:?}"
        );
    }
}

/// A site that verifies at sign-up: one is logged in, what verifies has gone out, and one comes to where one was going.
#[tokio::test]
async fn sign_up_with_the_setting_logs_in_and_verifies() {
    let site = Site::with(|settings| settings.verify_at_sign_up = true);
    let mut browser = site.browser();
    let (mut emails, mut phones) = (site.capture::<VerifyEmail>(), site.capture::<VerifyPhone>());
    let mut fields = sign_up_form("ann", "ann@example.org", "+12125552368");
    fields.push(("next", "/members/email/"));
    let first = browser.post(SIGN_UP, &fields).await;
    let to = "/accounts/user_verification/?notice=welcome&method=phone&code=1&next=/members/email/";
    assert_eq!(first.location(), to);
    let page = browser.get(to).await;
    assert!(page.body.contains("Your account is ready"));
    assert_eq!(links(&page, "Continue"), ["/members/email/"]);
    let again = browser.post(SIGN_UP, &fields).await;
    assert_eq!(
        again.location(),
        to,
        "the second of two clicks: {}",
        again.body
    );
    let sent = emails.take();
    let texts = phones.take();
    assert_eq!((sent.len(), texts.len()), (1, 1));
    assert_eq!(site.store.user_count(), 1);
    // One page has a field for one code: that of the phone number.
    assert!(sent[0].envelope.code.is_none());
    let page = browser.get(to).await;
    let says = "We sent a code to <strong>+1 212-555-2368</strong>.";
    assert!(page.body.contains(says), "{}", page.body);
    let wrong = "/accounts/address/?method=phone&amp;pk=1";
    assert_eq!(links(&page, "Wrong number? Change it"), [wrong]);
    let code = texts[0].envelope.code.as_ref().map(OneTimeCode::as_str);
    let fields = [("method", "phone"), ("pk", "1"), ("code", code.unwrap())];
    let confirmed = browser.post("/accounts/user_verification/", &fields).await;
    let to = "/accounts/user_verification/?notice=phone-confirmed";
    assert_eq!(confirmed.location(), to);
    let page = browser.get(to).await;
    assert_eq!(links(&page, "Continue"), ["/members/email/"]);

    let verified = browser.get(sent[0].url.as_str()).await;
    assert_eq!(links(&verified, "Continue"), ["/members/email/"]);
    assert_eq!(browser.get("/members/email/").await.status, StatusCode::OK);

    let another = sign_up_form("bob", "bob@example.org", "+12125552369");
    let answer = browser.post(SIGN_UP, &another).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn sign_up_without_the_setting_sends_nothing() {
    let site = Site::new();
    let mut browser = site.browser();
    let mut emails = site.capture::<VerifyEmail>();
    let fields = sign_up_form("ann", "ann@example.org", "+12125552368");
    let answer = browser.post(SIGN_UP, &fields).await;
    assert_eq!(answer.location(), "/accounts/login/?notice=signed-up");
    assert!(emails.take().is_empty());
    assert!(!is_signed_in(&mut browser).await);
}

async fn is_signed_in(browser: &mut Browser<'_>) -> bool {
    browser.get("/accounts/profile/").await.status == StatusCode::OK
}

/// Who has mistyped an address as they signed up gets from the page that waits for its code to one that takes another.
#[tokio::test]
async fn mistyped_address_is_changed_from_its_code() {
    for (kind, mistyped, right, words) in [
        (
            "phone",
            "+12125552368",
            "+12125552399",
            "Wrong number? Change it",
        ),
        (
            "email",
            "ann@exampel.org",
            "ann@example.org",
            "Wrong email address? Change it",
        ),
    ] {
        let site = Site::with(|settings| {
            settings.verify_at_sign_up = true;
            settings.register_phone_required = false;
        });
        let (mut emails, mut phones) =
            (site.capture::<VerifyEmail>(), site.capture::<VerifyPhone>());
        let mut browser = site.browser();
        let fields = match kind {
            "phone" => sign_up_form("ann", "ann@example.org", mistyped),
            _ => sign_up_form("ann", mistyped, ""),
        };
        let signed_up = browser.post(SIGN_UP, &fields).await;
        let to = signed_up.location().to_owned();
        let page = browser.get(&to).await;
        let links = links(&page, words);
        let path = links.first().unwrap().replace("&amp;", "&");
        // It asks who they are, as before any change, and comes back.
        let asks = browser.get(&path).await.location().to_owned();
        assert!(asks.starts_with("/accounts/confirm_identity/"), "{asks}");
        browser.confirm(PASSWORD).await;
        let form = browser.get(&path).await;
        assert!(form.body.contains("Change it"), "{}", form.body);
        let change = [("action", "change"), (kind, right)];
        let changed = browser.post(&path, &change).await;
        let waits = browser.get(changed.location()).await;
        let pk = waits.hidden("pk").to_owned();
        let code = match kind {
            "phone" => phones.take().remove(1).envelope.code,
            _ => emails.take().remove(1).envelope.code,
        };
        let typed = [
            ("method", kind),
            ("pk", pk.as_str()),
            ("code", code.as_ref().map(OneTimeCode::as_str).unwrap()),
        ];
        let confirmed = browser.post("/accounts/user_verification/", &typed).await;
        let expected = format!("/accounts/user_verification/?notice={kind}-confirmed");
        assert_eq!(confirmed.location(), expected, "{}", confirmed.body);
        let ann = site.web.accounts().find("ann").await.unwrap().unwrap();
        let own = site.web.accounts().addresses_of(ann.id).await.unwrap();
        let values: Vec<_> = own.iter().map(|it| it.value.as_str()).collect();
        assert!(!values.contains(&mistyped), "{values:?}");
        assert!(values.contains(&right), "{values:?}");
    }
}
