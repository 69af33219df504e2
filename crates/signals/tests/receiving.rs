//! What functions can receive, in which order, and what filters them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::unused_async,
    clippy::unnecessary_wraps,
    reason = "receivers that are as small as can be"
)]

use phone_auth_events::{
    Destination, EmailMessage, Message, PhoneMessage, Purpose, RelativeUrl, ResetPasswordEmail,
    ResetPasswordPhone, Sender, Signals, User, VerifyEmail, VerifyPhone, receiver,
    reset_password_email, reset_password_phone, signal, verify_email, verify_phone,
};
use std::sync::{Arc, Mutex};

/// What was heard, in order.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// State that is known by its trait.
trait Mailer: Send + Sync {
    fn host(&self) -> &str;
}

struct Smtp;

impl Mailer for Smtp {
    fn host(&self) -> &'static str {
        "smtp.example.org"
    }
}

fn dispatcher() -> (Signals, Arc<Heard>) {
    let heard = Arc::new(Heard::default());
    let mailer: Arc<dyn Mailer> = Arc::new(Smtp);
    let builder = Signals::builder()
        .provide_arc(Arc::clone(&heard))
        .provide_arc(mailer)
        .provide(7_u8);
    (builder.build().unwrap(), heard)
}

signal! {
    /// Receivers of every kind.
    kinds: Kinds;
    /// Receivers of several priorities.
    ordered: Ordered;
    /// Receivers with filters.
    filtered: Filtered;
    /// Receivers that are plain functions.
    sync quick: Quick;
}

struct Kinds;
struct Ordered;
struct Filtered(u32);
struct Quick(u32);

#[receiver(kinds)]
fn returns_nothing(_event: &Kinds, heard: &Heard) {
    heard.note("nothing");
}

#[receiver(kinds)]
fn returns_a_result(_event: &Kinds, heard: &Heard) -> Result<(), std::io::Error> {
    heard.note("result");
    Ok(())
}

#[receiver(kinds)]
async fn awaits(_event: &Kinds, heard: &Heard) {
    tokio::task::yield_now().await;
    heard.note("async");
}

#[receiver(kinds)]
async fn awaits_a_result(
    _: &Kinds,
    heard: &Heard,
    mailer: &dyn Mailer,
    number: &u8,
) -> Result<(), String> {
    heard.note(format!("{} {number}", mailer.host()));
    Ok(())
}

#[receiver(kinds)]
async fn kinds(_event: &Kinds, heard: &Heard) {
    heard.note("bears the name of its signal");
}

#[tokio::test]
async fn every_kind_of_function_receives() {
    let (signals, heard) = dispatcher();
    signals.send(&Kinds).await.unwrap();
    let expected = [
        "nothing",
        "result",
        "async",
        "smtp.example.org 7",
        "bears the name of its signal",
    ];
    assert_eq!(heard.take(), expected);
}

#[receiver(ordered)]
fn middle(_event: &Ordered, heard: &Heard) {
    heard.note("0");
}

#[receiver(ordered, priority = -5)]
fn last(_event: &Ordered, heard: &Heard) {
    heard.note("-5");
}

const SOON: i32 = 10;

#[receiver(ordered, priority = SOON)]
async fn first(_event: &Ordered, heard: &Heard) {
    heard.note("10");
}

#[receiver(ordered)]
async fn middle_too(_event: &Ordered, heard: &Heard) {
    heard.note("0, further down");
}

#[tokio::test]
async fn higher_priority_goes_first() {
    let (signals, heard) = dispatcher();
    signals.send(&Ordered).await.unwrap();
    assert_eq!(heard.take(), ["10", "0", "0, further down", "-5"]);
}

#[receiver(filtered, when = |event| event.0 % 2 == 0)]
fn even(event: &Filtered, heard: &Heard) {
    heard.note(format!("even {}", event.0));
}

fn is_large(event: &Filtered) -> bool {
    event.0 > 10
}

#[receiver(filtered, when = is_large)]
async fn large(event: &Filtered, heard: &Heard) {
    heard.note(format!("large {}", event.0));
}

#[tokio::test]
async fn filter_skips_the_receiver() {
    let (signals, heard) = dispatcher();
    for number in [1, 2, 11, 12] {
        signals.send(&Filtered(number)).await.unwrap();
    }
    assert_eq!(heard.take(), ["even 2", "large 11", "even 12", "large 12"]);
    let report = signals.send_robust(&Filtered(1)).await;
    let outcomes: Vec<_> = report
        .receivers()
        .map(|receiver| receiver.outcome().name())
        .collect();
    assert_eq!(outcomes, ["skipped", "skipped"]);
    assert!(report.is_ok());
}

#[receiver(quick, priority = 1, when = |event| event.0 > 1)]
fn quick_filtered(event: &Quick, heard: &Heard) {
    heard.note(format!("above one: {}", event.0));
}

#[receiver(quick)]
fn quick_plain(event: &Quick, heard: &Heard) {
    heard.note(format!("{}", event.0));
}

#[test]
fn sync_signal_needs_no_runtime() {
    let (signals, heard) = dispatcher();
    signals.send_sync(&Quick(1)).unwrap();
    signals.send_sync(&Quick(2)).unwrap();
    assert_eq!(heard.take(), ["1", "above one: 2", "2"]);
    let report = signals.send_robust_sync(&Quick(1));
    let outcomes: Vec<_> = report
        .receivers()
        .map(|receiver| receiver.outcome().name())
        .collect();
    assert_eq!(outcomes, ["skipped", "done"]);
}

#[tokio::test]
async fn sync_signal_can_be_awaited() {
    let (signals, heard) = dispatcher();
    signals.send(&Quick(3)).await.unwrap();
    assert_eq!(heard.take(), ["above one: 3", "3"]);
}

#[receiver(verify_email, reset_password_email, id = "by-email")]
async fn by_email(message: &dyn EmailMessage, heard: &Heard) {
    tokio::task::yield_now().await;
    heard.note(format!(
        "{:?} {}",
        message.message_signal().purpose(),
        message.email()
    ));
}

#[receiver(verify_phone, reset_password_phone)]
fn by_phone(message: &dyn PhoneMessage, heard: &Heard) {
    heard.note(format!(
        "{:?} {}",
        message.message_signal().purpose(),
        message.phone()
    ));
}

#[receiver(verify_email, verify_phone, reset_password_email, reset_password_phone, priority = -1,
    when = |message| message.user().id == 1)]
fn all_four(message: &dyn Message, heard: &Heard) {
    heard.note(format!(
        "{:?} to {:?} from {}",
        message.message_signal().purpose(),
        message.destination(),
        message.sender()
    ));
}

#[receiver(verify_email, verify_phone, priority = -2)]
async fn by_any_view(message: &impl Message, heard: &Heard) {
    heard.note(message.url().as_str());
}

fn user(id: i64) -> User {
    User::new(id, "anna", "", "")
}

fn url() -> RelativeUrl {
    RelativeUrl::new("/accounts/x/").unwrap()
}

#[tokio::test]
async fn one_function_receives_several_signals() {
    let (signals, heard) = dispatcher();
    let sender = Sender::new("test");
    signals
        .send(&VerifyEmail::new(
            sender,
            user(1),
            url(),
            "a@example.org".into(),
        ))
        .await
        .unwrap();
    let expected = [
        "Verify a@example.org",
        "Verify to Email(\"a@example.org\") from test",
        "/accounts/x/",
    ];
    assert_eq!(heard.take(), expected);
    signals
        .send(&VerifyPhone::new(
            sender,
            user(2),
            url(),
            "+15550100".into(),
        ))
        .await
        .unwrap();
    assert_eq!(heard.take(), ["Verify +15550100", "/accounts/x/"]);
    signals
        .send(&ResetPasswordEmail::new(
            sender,
            user(2),
            url(),
            "a@example.org".into(),
        ))
        .await
        .unwrap();
    assert_eq!(heard.take(), ["ResetPassword a@example.org"]);
    signals
        .send(&ResetPasswordPhone::new(
            sender,
            user(1),
            url(),
            "+15550100".into(),
        ))
        .await
        .unwrap();
    assert_eq!(
        heard.take(),
        [
            "ResetPassword +15550100",
            "ResetPassword to Phone(\"+15550100\") from test"
        ]
    );
}

#[test]
fn messages_share_one_view() {
    let event = VerifyPhone::new(Sender::new("sign_up"), user(1), url(), "+15550100".into());
    let message: &dyn Message = &event;
    assert_eq!(message.message_signal().purpose(), Purpose::Verify);
    assert_eq!(message.destination(), Destination::Phone("+15550100"));
    assert_eq!(message.destination().as_str(), "+15550100");
}

#[test]
fn debug_shows_no_link() {
    let url = RelativeUrl::new("/accounts/password_reset_confirm/MQ/secret-token/").unwrap();
    let event = ResetPasswordEmail::new(Sender::new("x"), user(1), url, "a@example.org".into());
    let text = format!("{event:?}");
    assert!(
        text.contains("a@example.org") && !text.contains("secret"),
        "{text}"
    );
}

#[test]
fn event_serialises_its_payload() {
    let event = VerifyEmail::new(
        Sender::new("sign_up"),
        user(1),
        url(),
        "a@example.org".into(),
    );
    let json = serde_json::to_string(&event).unwrap();
    let user = r#"{"id":1,"username":"anna","first_name":"","last_name":""}"#;
    assert_eq!(
        json,
        format!(
            r#"{{"sender":"sign_up","user":{user},"url":"/accounts/x/","email":"a@example.org"}}"#
        )
    );
}

#[test]
fn signal_inside_a_function_works() {
    signal! {
        /// Declared where it is used.
        sync local: Local;
    }
    struct Local;
    #[receiver(local)]
    fn hears(_event: &Local, heard: &Heard) {
        heard.note("local");
    }
    let (signals, heard) = dispatcher();
    signals.send_sync(&Local).unwrap();
    assert_eq!(heard.take(), ["local"]);
    assert_eq!(local::SIGNAL.info().doc, "Declared where it is used.");
}
