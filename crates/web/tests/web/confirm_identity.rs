//! Confirming that it is them, before what changes who can get in.

use http::StatusCode;
use phone_auth_core::address::AddressKind;
use phone_auth_core::clock::ManualClock;
use phone_auth_core::gate::{
    Gate, GateChallenge, GateDecision, GateError, GateRequest, GatedFlow, async_trait,
};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::session::SessionKey;
use phone_auth_core::user::UserId;
use phone_auth_events::{LoginEmail, LoginPhone, Message};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

use crate::support::{Answer, Browser, PASSWORD, Site};

const PATH: &str = "/accounts/confirm_identity/";
const ADD: &str = "/accounts/email/add/";
const WAY: &str = "/accounts/confirm_identity/?next=/accounts/email/add/";

#[tokio::test]
async fn log_in_alone_adds_no_address() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut thief = site.browser();
    site.ann_logs_in(&mut thief).await;
    let shown = thief.get(ADD).await;
    assert_eq!(shown.status, StatusCode::FOUND);
    assert_eq!(shown.location(), WAY);
    for (path, field, typed) in [
        (ADD, "email", "thief@example.org"),
        ("/accounts/phone/add/", "phone", "+12125552399"),
    ] {
        let answer = thief.post(path, &[(field, typed)]).await;
        assert_eq!(answer.status, StatusCode::FOUND);
        assert_eq!(answer.location(), format!("{PATH}?next={path}"));
        let account = thief.get("/accounts/user_verification/").await;
        assert!(!account.body.contains(typed), "{path}");
    }
}

#[tokio::test]
async fn proof_leads_back() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut ann = site.browser();
    site.ann_logs_in(&mut ann).await;
    let page = ann.get(WAY).await;
    assert_eq!(page.heading(), "Confirm it’s you");
    assert!(
        page.body
            .contains(r#"name="next" value="/accounts/email/add/""#)
    );

    let before = ann.cookies["sessionid"].clone();
    for (password, words) in [
        ("", "This field is required."),
        ("a guess", "That password is not right."),
    ] {
        let fields = [("password", password), ("next", ADD)];
        let wrong = ann.post(PATH, &fields).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
        assert!(wrong.error_at("password").contains(words), "{}", wrong.body);
        assert!(wrong.body.contains(r#"value="/accounts/email/add/""#));
        assert!(password.is_empty() || !wrong.body.contains(password));
    }
    let answer = ann
        .post(PATH, &[("password", PASSWORD), ("next", ADD)])
        .await;
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.location(), ADD);
    assert_ne!(ann.cookies["sessionid"], before, "another key");
    assert_eq!(ann.get(ADD).await.status, StatusCode::OK);
    let added = ann.post(ADD, &[("email", "ann@work.example")]).await;
    assert_eq!(
        added.location(),
        "/accounts/user_verification/?notice=email-added"
    );
}

#[tokio::test]
async fn proof_leads_to_this_site_only() {
    let site = Site::new();
    let mut ann = site.ann().await;
    for next in ["", "https://evil.example/", "//evil.example/", WAY] {
        let fields = [("password", PASSWORD), ("next", next)];
        let answer = ann.post(PATH, &fields).await;
        assert_eq!(answer.location(), "/accounts/profile/", "{next}");
    }
}

#[tokio::test]
async fn nobody_confirms_nothing() {
    let site = Site::new();
    let mut nobody = site.browser();
    let shown = nobody.get(WAY).await;
    assert!(shown.location().starts_with("/accounts/login/?next="));
    let sent = nobody.post(PATH, &[("password", PASSWORD)]).await;
    assert!(
        sent.location()
            .starts_with("/accounts/login/?notice=signed-out")
    );
}

#[tokio::test]
async fn second_click_is_answered_alike() {
    let site = Site::new();
    site.ann_signed_up().await;
    let mut ann = site.browser();
    site.ann_logs_in(&mut ann).await;
    let page = ann.get(WAY).await;
    let token = page.hidden("form_token").to_owned();
    let fields = [
        ("password", PASSWORD),
        ("next", ADD),
        ("form_token", &token),
    ];
    let before = ann.cookies.clone();
    ann.post(PATH, &fields).await;
    // The browser left before it had the answer.
    ann.cookies = before;
    let again = ann.post(PATH, &fields).await;
    assert_eq!(again.location(), ADD);
    assert_eq!(ann.get(ADD).await.status, StatusCode::OK);
}

/// A browser in which a single sign-on has signed Ann in, who has no password.
pub(crate) async fn signed_in_from_elsewhere(site: &Site) -> Browser<'_> {
    let ann = UserId::new(1);
    let unusable = ExternalChange::SetPassword(ann, "!".to_owned());
    site.store.make(unusable).await;
    let begun = site.web.accounts().begin_session(ann, None).await.unwrap();
    let mut browser = site.browser();
    let key = begun.key.reveal().to_owned();
    browser.cookies.insert("sessionid".to_owned(), key);
    browser
}

/// The heading and what follows it.
fn card(answer: &Answer) -> &str {
    answer.body.split_once("<h1>").unwrap().1
}

fn code_of(message: &impl Message) -> String {
    message.code().unwrap().as_str().to_owned()
}

/// Marks an address of Ann as verified, as an operator does.
pub(crate) async fn verified(site: &Site, kind: AddressKind) {
    let accounts = site.web.accounts();
    let ann = accounts.user(UserId::new(1)).await.unwrap().unwrap();
    let own = accounts.addresses_of(ann.id).await.unwrap();
    let address = own.iter().find(|it| it.kind == kind).unwrap();
    let marked = accounts.set_verified(&ann, address, true).await;
    assert!(marked.unwrap().is_changed());
}

/// Nothing offers a change to who has no password. The page that is for it, which a browser knows by its well-known address, says so.
#[tokio::test]
async fn who_has_no_password_is_offered_no_change() {
    let change = "/accounts/change_password/";
    let site = Site::new();
    let mut ann = site.ann().await;
    for path in ["/accounts/profile/", "/accounts/user_verification/"] {
        assert!(ann.get(path).await.body.contains(change), "{path}");
    }
    let page = ann.get(change).await;
    assert!(page.body.contains("type=\"password\""), "{}", page.body);
    let mut browser = signed_in_from_elsewhere(&site).await;
    for path in [
        "/accounts/profile/",
        "/accounts/user_verification/",
        "/accounts/sessions/",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.body.contains(change), "{path}: {}", page.body);
    }
    let fields = [
        ("old_password", PASSWORD),
        ("new_password1", "another-Word-7"),
        ("new_password2", "another-Word-7"),
    ];
    let sent = browser.post(change, &fields).await;
    assert_eq!(sent.status, StatusCode::BAD_REQUEST);
    for page in [browser.get(change).await, sent] {
        assert!(page.body.contains("Your account has no password, so"));
        assert!(!page.body.contains("type=\"password\""), "{}", page.body);
    }
}

/// Who has no password, and no address that a code could be sent to, is told what to do; in words that are true.
#[tokio::test]
async fn user_without_a_password_is_told_the_way() {
    let login = ["login_email", "login_phone"];
    let all = ["login_email", "login_phone", "verify_email", "verify_phone"];
    for (unsent, is_verified, says, not) in [
        (&[][..], true, "Send a code", "Ask "),
        (&[], false, "Verify one first", "Ask "),
        (&login, true, "no other way to confirm", "Verify"),
        (&login, false, "no other way to confirm", "Verify"),
        (&all, false, "no other way to confirm", "Verify"),
    ] {
        let site = Site::without_senders(unsent);
        let _sender = site.signals.connect::<LoginEmail>(|_| {});
        site.ann_signed_up().await;
        if is_verified {
            verified(&site, AddressKind::Email).await;
        }
        let mut browser = signed_in_from_elsewhere(&site).await;
        assert_eq!(browser.get(ADD).await.location(), WAY);
        let page = browser.get(WAY).await;
        assert_eq!(page.status, StatusCode::OK);
        let told = card(&page);
        assert!(told.contains(says) && !told.contains(not), "{told}");
        assert!(!told.contains("type=\"password\""), "{told}");
        // A form from before the password was gone is answered alike.
        let sent = browser.post(PATH, &[("password", PASSWORD)]).await;
        assert_eq!(sent.status, StatusCode::BAD_REQUEST);
        let told = card(&sent);
        assert!(told.contains(says) && !told.contains(not), "{told}");
        assert_eq!(browser.get(ADD).await.location(), WAY);
        // The application knows better: by its single sign-on, say.
        let accounts = site.web.accounts();
        let key = SessionKey::parse(&browser.cookies["sessionid"]).unwrap();
        let user = accounts.current_user(&key).await.unwrap().unwrap();
        let key = accounts.record_proof(&user).await.unwrap();
        let key = key.reveal().to_owned();
        browser.cookies.insert("sessionid".to_owned(), key);
        assert_eq!(browser.get(ADD).await.status, StatusCode::OK);
    }
}

/// Whatever the setting `login_by_code` says.
#[tokio::test]
async fn code_confirms_who_has_no_password() {
    for login_by_code in [false, true] {
        let site = Site::with(|settings| settings.login_by_code = login_by_code);
        site.ann_signed_up().await;
        verified(&site, AddressKind::Email).await;
        let mut messages = site.capture::<LoginEmail>();
        let mut ann = signed_in_from_elsewhere(&site).await;
        let page = ann.get(WAY).await;
        assert!(card(&page).contains("It goes to <strong>ann@example.org"));
        let fields = [("to", page.hidden("to")), ("next", page.hidden("next"))];
        let asked = ann.post(PATH, &fields).await;
        let to = asked.location().to_owned();
        assert_eq!(to, format!("{WAY}&method=email&pk=1"));
        let message = messages.take().remove(0);
        assert_eq!(message.purpose(), Purpose::Confirm);
        assert_eq!(message.url.as_str(), PATH);
        let code = code_of(&message);
        let page = ann.get(&to).await;
        assert!(card(&page).contains("We sent a code to <strong>ann@example.org"));
        assert!(!page.body.contains(&code));
        let hidden = ["method", "pk", "next"].map(|name| (name, page.hidden(name)));

        // Another browser of the same user has not asked.
        let mut thief = signed_in_from_elsewhere(&site).await;
        let taken = [&hidden[..], &[("code", &*code)]].concat();
        let refused = thief.post(PATH, &taken).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.error_at("code").contains("another browser"));
        let elsewhere = site.browser().post(PATH, &taken).await;
        let to_login = "/accounts/login/?notice=signed-out";
        assert!(elsewhere.location().starts_with(to_login));

        for (typed, says) in [
            ("12345", "Type the six digits of the code."),
            ("", "Type the six digits of the code."),
            (other(&code).as_str(), "You can try 4 more times"),
        ] {
            let fields = [&hidden[..], &[("code", typed)]].concat();
            let wrong = ann.post(PATH, &fields).await;
            assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
            let told = wrong.error_at("code");
            assert!(told.contains(says), "{told}");
            assert_eq!(wrong.hidden("next"), ADD);
        }
        // At once it is too soon for another, and the way to it is kept.
        let again = [("to", "email-1"), ("next", ADD)];
        assert_eq!(
            ann.post(PATH, &again).await.location(),
            to,
            "a second click"
        );
        assert!(messages.take().is_empty());

        let before = ann.cookies.clone();
        let done = ann.post(PATH, &taken).await;
        assert_eq!(done.location(), ADD, "{}", done.body);
        assert_ne!(ann.cookies["sessionid"], before["sessionid"]);
        assert_eq!(ann.get(ADD).await.status, StatusCode::OK);
        assert_eq!(thief.get(ADD).await.location(), WAY);
        // The second of two clicks: of a browser that has heard of the first, and of one that has not.
        assert_eq!(ann.post(PATH, &taken).await.location(), ADD);
        let proven = std::mem::replace(&mut ann.cookies, before);
        let again = ann.post(PATH, &taken).await;
        assert_eq!(again.location(), ADD);
        assert_eq!(ann.cookies["sessionid"], proven["sessionid"]);
        assert_eq!(ann.get(ADD).await.status, StatusCode::OK);
    }
}

/// Where there are several verified addresses, one is chosen; and another, where the first is of no use.
#[tokio::test]
async fn address_for_the_code_is_chosen() {
    let clock = ManualClock::starting_now();
    let site = Site::at_clock(clock.clone());
    site.ann_signed_up().await;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        verified(&site, kind).await;
    }
    let mut mails = site.capture::<LoginEmail>();
    let mut texts = site.capture::<LoginPhone>();
    let mut ann = signed_in_from_elsewhere(&site).await;
    let page = ann.get(WAY).await;
    for to in ["email-1", "phone-1"] {
        assert!(
            card(&page).contains(&format!("value=\"{to}\"")),
            "{}",
            page.body
        );
    }
    let none = ann.post(PATH, &[("next", ADD)]).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    assert!(card(&none).contains("Choose where to send the code."));
    for to in ["email-01", "email-7", "fax-1", "email-", "\u{0}"] {
        let refused = ann.post(PATH, &[("to", to)]).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{to:?}");
    }
    let asked = ann.post(PATH, &[("to", "email-1")]).await;
    let first = asked.location().to_owned();
    let page = ann.get(&first).await;
    assert!(card(&page).contains("Use another email address or phone number"));
    let asked = ann.post(PATH, &[("to", "phone-1")]).await;
    let second = asked.location().to_owned();
    assert_eq!(mails.take().len(), 1);
    let code = code_of(&texts.take().remove(0));
    // Each page is about its own.
    let (method, pk) = ("phone", "1");
    let taken = [("method", method), ("pk", pk), ("code", &*code)];
    let wrong = [("method", "email"), ("pk", "1"), ("code", &*code)];
    let refused = ann.post(PATH, &wrong).await;
    assert!(refused.error_at("code").contains("4 more times"));

    clock.advance(std::time::Duration::from_secs(20));
    let again = ann.post(PATH, &[("method", method), ("pk", pk)]).await;
    assert_eq!(again.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(card(&again).contains("You can get a new code in"));
    assert!(card(&again).contains("name=\"code\""));
    let done = ann.post(PATH, &taken).await;
    assert_eq!(done.location(), "/accounts/profile/");

    // What is over says so.
    let mut late = signed_in_from_elsewhere(&site).await;
    clock.advance(std::time::Duration::from_mins(10));
    late.post(PATH, &[("to", "phone-1")]).await;
    assert!(card(&late.get(&second).await).contains("We sent a code to"));
    clock.advance(std::time::Duration::from_mins(11));
    let over = late.get(&second).await;
    assert!(card(&over).contains("has expired. Get a new one."));
    assert!(!card(&over).contains("name=\"code\""));
}

/// Another code than this.
fn other(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

/// Wants to hear a word before a message goes to an address of a user.
struct Word;

#[async_trait]
impl Gate for Word {
    async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        let is_asked = request.flow == GatedFlow::RequestVerification;
        Ok(if is_asked && request.answer != Some("tea") {
            GateDecision::Challenge(GateChallenge::new("Which drink?"))
        } else {
            GateDecision::Allow
        })
    }
}

#[tokio::test]
async fn gate_is_asked_about_the_code() {
    let site = Site::gated(Word);
    site.ann_signed_up().await;
    verified(&site, AddressKind::Email).await;
    let mut messages = site.capture::<LoginEmail>();
    let mut ann = signed_in_from_elsewhere(&site).await;
    let asked = ann.post(PATH, &[("to", "email-1"), ("next", ADD)]).await;
    assert_eq!(asked.status, StatusCode::FORBIDDEN);
    assert!(card(&asked).contains("Which drink?"), "{}", asked.body);
    assert_eq!(asked.hidden("to"), "email-1");
    assert!(messages.take().is_empty());
    let answered = [("to", "email-1"), ("next", ADD), ("gate_answer", "tea")];
    let asked = ann.post(PATH, &answered).await;
    assert!(asked.location().ends_with("&method=email&pk=1"));
    assert_eq!(messages.take().len(), 1);
}

/// Asks for a word from the start.
struct Offered;

#[async_trait]
impl Gate for Offered {
    async fn offer(&self, request: &GateRequest<'_>) -> Result<Option<GateChallenge>, GateError> {
        let is_asked = request.flow == GatedFlow::RequestVerification;
        Ok(is_asked.then(|| GateChallenge::new("Which drink?")))
    }

    async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
        Word.ask(request).await
    }
}

/// Each page from which a code can be asked for has the question of the gate: the next press is not answered by it first.
#[tokio::test]
async fn every_page_that_sends_a_code_has_the_question() {
    let clock = ManualClock::starting_now();
    let site = Site::gated_at(Offered, clock.clone());
    site.ann_signed_up().await;
    verified(&site, AddressKind::Email).await;
    let _sender = site.signals.connect::<LoginEmail>(|_| {});
    let mut ann = signed_in_from_elsewhere(&site).await;
    let (to, tea) = (("to", "email-1"), ("gate_answer", "tea"));
    let shown = ann.get(WAY).await;
    let none_chosen = ann.post(PATH, &[("next", ADD)]).await;
    let not_there = ann.post(PATH, &[("to", "email-7"), tea]).await;
    let asked = ann.post(PATH, &[to, tea]).await;
    let waiting = ann.get(asked.location()).await;
    let of_code = [("method", "email"), ("pk", "1"), ("code", "12345")];
    let wrong = ann.post(PATH, &of_code).await;
    clock.advance(std::time::Duration::from_secs(20));
    let too_soon = ann.post(PATH, &[to, tea]).await;
    for (page, status) in [
        (shown, StatusCode::OK),
        (none_chosen, StatusCode::BAD_REQUEST),
        (not_there, StatusCode::BAD_REQUEST),
        (waiting, StatusCode::OK),
        (wrong, StatusCode::BAD_REQUEST),
        (too_soon, StatusCode::TOO_MANY_REQUESTS),
    ] {
        assert_eq!(page.status, status, "{}", page.body);
        assert!(card(&page).contains("Which drink?"), "{}", page.body);
    }
}

/// One message a minute to an address, whichever session asks.
#[tokio::test]
async fn another_session_waits_for_its_message() {
    let clock = ManualClock::starting_now();
    let site = Site::at_clock(clock.clone());
    let _sender = site.signals.connect::<LoginEmail>(|_| {});
    site.ann_signed_up().await;
    verified(&site, AddressKind::Email).await;
    let mut ann = signed_in_from_elsewhere(&site).await;
    ann.post(PATH, &[("to", "email-1")]).await;
    clock.advance(std::time::Duration::from_secs(20));
    let mut elsewhere = signed_in_from_elsewhere(&site).await;
    let limited = elsewhere.post(PATH, &[("to", "email-1")]).await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    let told = card(&limited);
    assert!(told.contains("We have just sent you one"), "{told}");
    assert!(!limited.retry_after().is_empty());
}
