//! The development receivers, found by the linker and sent to by a dispatcher.
#![cfg(feature = "development")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use phone_auth_delivery::development::{LinePrinter, Mailbox, RECEIVERS};
use phone_auth_events::{
    AccountChange, RelativeUrl, ResetPasswordEmail, ResetPasswordPhone, SecurityNoticeEmail,
    SecurityNoticePhone, Sender, Signals, SiteOrigin, User, VerifyEmail, VerifyPhone,
};

/// An output that can be read afterwards.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn mailbox() -> Mailbox {
    let site = SiteOrigin::parse("https://example.org").unwrap();
    Mailbox::new(site, NonZeroUsize::new(10).unwrap())
}

fn ann() -> User {
    User::new(1, "ann", "Ann \"A\"\n", "Lee")
}

fn url(path: &str) -> RelativeUrl {
    RelativeUrl::new(path).unwrap()
}

#[tokio::test]
async fn each_message_is_printed_and_kept() {
    let (paper, mailbox) = (Paper::default(), mailbox());
    let dispatcher = Signals::builder()
        .provide(LinePrinter::new(paper.clone()))
        .provide(mailbox.clone())
        .build()
        .unwrap();
    let (email, phone) = ("ann@example.org".to_owned(), "+41446681800".to_owned());
    let reset = Sender::new("request_password_reset");
    let verify = Sender::new("request_verification");
    dispatcher
        .send(&ResetPasswordEmail::new(
            reset,
            ann(),
            url("/a/"),
            email.clone(),
        ))
        .await
        .unwrap();
    dispatcher
        .send(&ResetPasswordPhone::new(
            reset,
            ann(),
            url("/b/"),
            phone.clone(),
        ))
        .await
        .unwrap();
    dispatcher
        .send(&VerifyEmail::new(verify, ann(), url("/c/"), email))
        .await
        .unwrap();
    dispatcher
        .send(&VerifyPhone::new(verify, ann(), url("/d/"), phone.clone()))
        .await
        .unwrap();
    let (notice, change) = (
        Sender::new("security_notice"),
        AccountChange::AddressAdded("new@example.org".to_owned()),
    );
    let email = "ann@example.org".to_owned();
    dispatcher
        .send(&SecurityNoticeEmail::new(
            notice,
            ann(),
            url("/e/"),
            email,
            change,
        ))
        .await
        .unwrap();
    let change = AccountChange::PasswordChanged;
    dispatcher
        .send(&SecurityNoticePhone::new(
            notice,
            ann(),
            url("/f/"),
            phone,
            change,
        ))
        .await
        .unwrap();

    let user = r#"{"user":{"id":1,"username":"ann","first_name":"Ann \"A\"\n","last_name":"Lee"}"#;
    let printed = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let expected = format!(
        r#"reset_password_email {user},"url":"/a/","email":"ann@example.org","sender":"request_password_reset"}}
reset_password_phone {user},"url":"/b/","phone":"+41446681800","sender":"request_password_reset"}}
verify_email {user},"url":"/c/","email":"ann@example.org","sender":"request_verification"}}
verify_phone {user},"url":"/d/","phone":"+41446681800","sender":"request_verification"}}
security_notice_email {user},"url":"/e/","email":"ann@example.org","sender":"security_notice","change":{{"what":"address_added","address":"new@example.org"}}}}
security_notice_phone {user},"url":"/f/","phone":"+41446681800","sender":"security_notice","change":{{"what":"password_changed"}}}}
"#
    );
    assert_eq!(printed, expected);

    let kept = mailbox.messages();
    let kept: Vec<_> = kept
        .iter()
        .map(|message| (message.signal, &*message.link))
        .collect();
    assert_eq!(
        kept,
        [
            ("security_notice_phone", "https://example.org/f/"),
            ("security_notice_email", "https://example.org/e/"),
            ("verify_phone", "https://example.org/d/"),
            ("verify_email", "https://example.org/c/"),
            ("reset_password_phone", "https://example.org/b/"),
            ("reset_password_email", "https://example.org/a/"),
        ]
    );
}

#[tokio::test]
async fn receivers_can_be_disabled() {
    let dispatcher = RECEIVERS
        .iter()
        .fold(Signals::builder(), |dispatcher, id| {
            dispatcher.disable_receiver(*id)
        })
        .build()
        .unwrap();
    assert!(!dispatcher.has_receiver::<VerifyEmail>());
    assert!(!dispatcher.has_receiver::<ResetPasswordPhone>());
}

/// Features are additive: who turns one on for a receiver of her own gets no other, and no refusal.
#[test]
fn receivers_without_state_are_idle() {
    let dispatcher = Signals::linked().unwrap();
    assert!(!dispatcher.has_receiver::<VerifyEmail>());
    let ready: Vec<_> = phone_auth_delivery::RECEIVERS
        .iter()
        .chain(&RECEIVERS)
        .collect();
    let idle = |dispatcher: &Signals| {
        let entries = dispatcher.manifest().receivers.into_iter();
        let mut ids: Vec<_> = entries
            .filter(|entry| entry.idle && !entry.is_called())
            .map(|entry| entry.id)
            .collect();
        ids.dedup();
        ids
    };
    let all = idle(&dispatcher);
    assert!(
        ready.iter().all(|id| all.iter().any(|idle| idle == *id)),
        "{all:?}"
    );
    let listed = dispatcher.manifest().to_string();
    assert!(
        listed.contains("phone_auth.development.line (idle)"),
        "{listed}"
    );
    let dispatcher = Signals::builder().provide(mailbox()).build().unwrap();
    assert!(dispatcher.has_receiver::<VerifyEmail>());
    assert!(!idle(&dispatcher).contains(&"phone_auth.development.mailbox".to_owned()));
}

/// An output that fails in this way.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `serve | head`: who reads the lines has seen enough.
#[tokio::test]
async fn closed_output_is_no_failure() {
    for (kind, is_sent) in [
        (io::ErrorKind::BrokenPipe, true),
        (io::ErrorKind::StorageFull, false),
    ] {
        let dispatcher = Signals::builder()
            .provide(LinePrinter::new(Broken(kind)))
            .build()
            .unwrap();
        let email = "ann@example.org".to_owned();
        let event = VerifyEmail::new(Sender::new("test"), ann(), url("/a/"), email);
        assert_eq!(dispatcher.send(&event).await.is_ok(), is_sent, "{kind}");
    }
}
