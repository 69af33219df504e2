//! Forms that waited in a tab while another user signed in, signed out, or changed a password in another one.

use axum::Router;
use axum::routing::post;
use http::StatusCode;
use phone_auth_core::address::AddressKind;
use phone_auth_events::VerifyEmail;
use phone_auth_urls::AccountPage;
use phone_auth_web::SubmittedForm;

use crate::support::{Answer, Browser, PASSWORD, Site, sign_up_form};

const NEW: &str = "another long password";
const CHANGE: &str = "/accounts/change_password/";
const ADDRESSES: &str = "/accounts/user_verification/";

/// Who sends a form, when Ann has opened its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Same,
    SameWithNewPassword,
    Bob,
    Nobody,
}

const SENDERS: [Sender; 4] = [
    Sender::Same,
    Sender::SameWithNewPassword,
    Sender::Bob,
    Sender::Nobody,
];

/// The forms that act on the account of the one who is signed in.
const FORMS: [&str; 6] = [
    CHANGE,
    "/accounts/email/add/",
    "/accounts/phone/add/",
    ADDRESSES,
    "/accounts/logout/",
    "/own/",
];

/// Those that ask for the password first, or do so, with what they are sent.
const PROVEN: [(&str, &[(&str, &str)]); 5] = [
    ("/accounts/address/", &[("action", "remove")]),
    ("/accounts/sessions/", &[("session", "others")]),
    ("/accounts/close_account/", &[]),
    ("/accounts/export_account/", &[]),
    ("/accounts/confirm_identity/", &[("password", PASSWORD)]),
];

/// Pages whose forms name their account themselves, and those that have none.
const OF_NO_USER: [&str; 12] = [
    "/accounts/signup/",
    "/accounts/login/",
    "/accounts/login_code/",
    "/accounts/login_code_done/",
    "/accounts/login_confirm/{idb64}/{token}/",
    "/accounts/password_reset/",
    "/accounts/password_reset_done/",
    "/accounts/password_reset_confirm/{uidb64}/{token}/",
    "/accounts/password_reset_complete/",
    "/accounts/change_password_done/",
    "/accounts/user_verification_confirm/{idb64}/{token}/",
    "/accounts/close_account_done/",
];

#[test]
fn every_page_is_in_a_table() {
    let proven = PROVEN.map(|(path, _)| path);
    let known = [&FORMS[..], &proven, &OF_NO_USER].concat();
    for page in AccountPage::ALL {
        let path = format!("/accounts/{}", page.pattern());
        assert!(known.contains(&&*path), "{path}");
    }
}

/// A site with a form of the application's own.
fn site() -> Site {
    Site::new().serving(|web| {
        let own = Router::new()
            .route("/own/", post(async |_: SubmittedForm| "done"))
            .with_state(web.clone());
        web.router()
            .merge(own)
            .merge(phone_auth_web::site::router(web))
    })
}

/// In the next tab, Ann goes or another takes her place.
async fn change_sender(browser: &mut Browser<'_>, sender: Sender) {
    match sender {
        Sender::Same => {}
        Sender::SameWithNewPassword => {
            let fields = change_fields(PASSWORD, "still the same user");
            let answer = browser.post(CHANGE, &fields).await;
            assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        }
        Sender::Nobody | Sender::Bob => {
            browser.post("/accounts/logout/", &[]).await;
        }
    }
    if sender == Sender::Bob {
        browser.log_in("bob", PASSWORD).await;
    }
}

fn change_fields<'a>(old: &'a str, new: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("old_password", old),
        ("new_password1", new),
        ("new_password2", new),
    ]
}

/// How many users, addresses and live sessions there are, and who is signed in with this browser.
async fn state(site: &Site, browser: &mut Browser<'_>) -> (usize, usize, usize, String) {
    let profile = browser.get("/accounts/profile/").await.body;
    let name = profile.split_once("<dd>").map_or("", |(_, rest)| rest);
    let name = name.split("</dd>").next().unwrap_or_default().to_owned();
    (
        site.store.address_count(AddressKind::Email),
        site.store.address_count(AddressKind::Phone),
        site.store.session_count(),
        name,
    )
}

/// Checks that an answer says who is signed in, and offers to go on.
fn says_who(answer: &Answer, what: &str, name: &str, go_on: &str) {
    assert_eq!(
        answer.status,
        StatusCode::CONFLICT,
        "{what}: {}",
        answer.body
    );
    let who = format!("You are signed in as <strong>{name}</strong>");
    assert!(answer.body.contains(&who), "{what}: {}", answer.body);
    let link = format!("<a class=\"button\" href=\"{go_on}\">Continue</a>");
    assert!(answer.body.contains(&link), "{what}: {}", answer.body);
    assert!(answer.body.contains("href=\"/accounts/logout/\""), "{what}");
}

#[tokio::test]
async fn form_acts_for_the_user_it_was_shown_to() {
    for path in FORMS {
        for sender in SENDERS {
            let what = format!("{path} {sender:?}");
            let site = site();
            drop(site.bob().await);
            let mut tab = site.ann().await;
            // The application's page may carry a token of any page.
            let shown = if path == "/own/" { CHANGE } else { path };
            let page = tab.get(shown).await;
            assert_eq!(page.status, StatusCode::OK, "{what}");
            let token = page.csrf_token().to_owned();
            let pk = tab.pk("email").await;
            change_sender(&mut tab, sender).await;
            let before = state(&site, &mut tab).await;
            let mut sent = site.capture::<VerifyEmail>();

            let old = match sender {
                Sender::SameWithNewPassword => "still the same user",
                _ => PASSWORD,
            };
            let mut fields = match path {
                CHANGE => change_fields(old, NEW),
                "/accounts/email/add/" => vec![("email", "more@example.org")],
                "/accounts/phone/add/" => vec![("phone", "+12125552399")],
                ADDRESSES => vec![("method", "email"), ("pk", pk.as_str())],
                _ => Vec::new(),
            };
            fields.push(("csrfmiddlewaretoken", &token));
            let answer = tab.post(path, &fields).await;
            let after = state(&site, &mut tab).await;
            let sent = sent.take().len();

            match sender {
                Sender::Same | Sender::SameWithNewPassword => {
                    let is_done =
                        answer.status == StatusCode::FOUND || answer.status == StatusCode::OK;
                    assert!(is_done, "{what}: {}", answer.body);
                    assert_ne!(answer.status, StatusCode::CONFLICT, "{what}");
                    let is_changed = after != before || sent == 1 || answer.body == "done";
                    let has_new = async || {
                        let status = site.browser().log_in("ann", NEW).await.status;
                        status == StatusCode::FOUND
                    };
                    assert!(is_changed || has_new().await, "{what}");
                }
                Sender::Bob => {
                    let go_on = if path == "/own/" {
                        "/accounts/profile/"
                    } else {
                        path
                    };
                    says_who(&answer, &what, "Ann", go_on);
                    assert_eq!(after, before, "{what}");
                    assert_eq!(after.3, "bob", "{what}");
                    assert_eq!(sent, 0, "{what}");
                    let kept = site.browser().log_in("bob", PASSWORD).await;
                    assert_eq!(kept.status, StatusCode::FOUND, "{what}");
                }
                Sender::Nobody => {
                    let leads_to = match path {
                        "/accounts/logout/" => "/".to_owned(),
                        "/own/" => String::new(),
                        _ => format!("/accounts/login/?notice=signed-out&next={path}"),
                    };
                    assert_eq!(answer.location(), leads_to, "{what}");
                    assert_eq!((after, sent), (before, 0), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn form_that_needs_proof_acts_for_its_user_too() {
    for (path, fields) in PROVEN {
        for sender in [Sender::Bob, Sender::Nobody] {
            let what = format!("{path} {sender:?}");
            let site = site();
            drop(site.bob().await);
            let mut tab = site.ann().await;
            tab.confirm(PASSWORD).await;
            let token = tab.get(CHANGE).await.csrf_token().to_owned();
            let mut path = path.to_owned();
            change_sender(&mut tab, sender).await;
            if sender == Sender::Bob {
                tab.confirm(PASSWORD).await;
                if path == "/accounts/address/" {
                    // One of Bob's, so that the form would remove it.
                    path = format!("{path}?method=phone&pk={}", tab.pk("phone").await);
                }
            }
            let before = state(&site, &mut tab).await;
            let mut fields = fields.to_vec();
            fields.push(("csrfmiddlewaretoken", &token));
            let answer = tab.post(&path, &fields).await;
            assert_eq!(state(&site, &mut tab).await, before, "{what}");
            assert_eq!(site.store.user_count(), 2, "{what}");
            if sender == Sender::Bob {
                let who = "You are signed in as <strong>Ann</strong>";
                assert_eq!(answer.status, StatusCode::CONFLICT, "{what}");
                assert!(answer.body.contains(who), "{what}: {}", answer.body);
            } else {
                let way = answer.location();
                assert!(way.starts_with("/accounts/login/"), "{what}: {way}");
            }
        }
    }
}

/// The form of a page that was opened by nobody, sent when Ann is signed in.
#[tokio::test]
async fn form_of_nobody_is_not_taken_for_a_users() {
    for path in [
        "/accounts/logout/",
        CHANGE,
        "/accounts/email/add/",
        ADDRESSES,
    ] {
        let site = site();
        let mut tab = site.browser();
        let token = tab.get("/accounts/logout/").await.csrf_token().to_owned();
        site.ann_signed_up().await;
        site.ann_logs_in(&mut tab).await;
        let before = state(&site, &mut tab).await;
        let mut fields = change_fields(PASSWORD, NEW);
        fields.extend([
            ("email", "more@example.org"),
            ("csrfmiddlewaretoken", &token),
        ]);
        let answer = tab.post(path, &fields).await;
        says_who(&answer, path, "Ann", path);
        assert_eq!(state(&site, &mut tab).await, before, "{path}");
    }
}

#[tokio::test]
async fn sign_up_of_another_tab_is_not_dropped() {
    let site = site();
    let mut tab = site.browser();
    let page = tab.get("/accounts/signup/?next=/x/").await;
    let token = page.csrf_token().to_owned();
    site.ann_signed_up().await;
    site.ann_logs_in(&mut tab).await;
    let mut fields = sign_up_form("bob", "bob@example.org", "+12125552369");
    fields.extend([("next", "/x/"), ("csrfmiddlewaretoken", &token)]);
    let answer = tab.post("/accounts/signup/", &fields).await;
    says_who(&answer, "sign-up", "Ann", "/x/");
    assert!(answer.body.contains("No account was created"));
    assert_eq!(site.store.user_count(), 1);
}

/// Forms that name their account themselves do the same no matter who is signed in.
#[tokio::test]
async fn form_that_names_its_account_needs_no_sender() {
    let site = site();
    drop(site.bob().await);
    let mut tab = site.ann().await;
    let link = tab.reset_link("ann@example.org").await;
    let form = tab.get(&link).await.location().to_owned();
    let set = tab.get(&form).await.csrf_token().to_owned();
    let ask = tab.get("/accounts/password_reset/").await;
    let ask = ask.csrf_token().to_owned();
    change_sender(&mut tab, Sender::Bob).await;

    let fields = [
        ("login", "ann@example.org"),
        ("csrfmiddlewaretoken", ask.as_str()),
    ];
    let asked = tab.post("/accounts/password_reset/", &fields).await;
    assert_eq!(asked.location_of_code(), "/accounts/password_reset_done/");
    // This tab has just asked, so it is sent no more at once.
    let link = site.browser().reset_link("ann@example.org").await;
    let form = tab.get(&link).await.location().to_owned();
    let fields = [
        ("new_password1", NEW),
        ("new_password2", NEW),
        ("csrfmiddlewaretoken", set.as_str()),
    ];
    let answer = tab.post(&form, &fields).await;
    assert_eq!(answer.location(), "/accounts/password_reset_complete/");
    let kept = site.browser().log_in("bob", PASSWORD).await;
    assert_eq!(kept.status, StatusCode::FOUND);
}

/// The notice on the way back to a form that nobody could send.
#[tokio::test]
async fn ended_session_is_told_on_the_way() {
    let site = site();
    let mut tab = site.browser();
    let page = tab.get("/accounts/login/?notice=signed-out&next=/x/").await;
    assert!(page.body.contains("You have been signed out"));
    assert!(page.control("next").contains("value=\"/x/\""));
}
