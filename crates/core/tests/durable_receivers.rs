//! Durable receivers: the event is committed with the change, and told until they have it. The receivers are linked, so the
//! dispatchers of these tests have them all.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is an event that is not there"
)]

#[path = "flows/common/mod.rs"]
mod common;

use std::io;
use std::sync::{Arc, Mutex};

use common::mailing::{messages, options};
use common::{HORSE, Kit, SECRET, STAPLE, ann, keyring, unlimited};
use phone_auth_core::accounts::{Accounts, BuildErrorKind, LinkForm, SignUpForm};
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::{OutboxMessage, OutboxWorker, PendingEvent, Purpose};
use phone_auth_core::password::Password;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_core::store::UserStore;
use phone_auth_events::{
    AccountClosed, EmailAdded, EmailRemoved, EmailVerified, LoginPhone, PasswordChanged,
    PasswordWasReset, PhoneAdded, PhoneRemoved, PhoneVerified, Signals, UserSignedUp,
    account_closed, email_added, email_removed, email_verified, password_changed,
    password_was_reset, phone_added, phone_removed, phone_verified, receiver, user_signed_up,
};

/// What the receivers heard, and how many calls are to fail first.
#[derive(Default)]
struct Heard {
    durable: Mutex<Vec<String>>,
    keys: Mutex<Vec<String>>,
    plain: Mutex<Vec<String>>,
    fails: Mutex<u32>,
}

impl Heard {
    fn hear(&self, told: String, key: Option<&String>) -> Result<(), io::Error> {
        self.keys.lock().unwrap().extend(key.cloned());
        let mut fails = self.fails.lock().unwrap();
        if *fails > 0 {
            *fails -= 1;
            return Err(io::Error::other("it is down"));
        }
        self.durable.lock().unwrap().push(told);
        Ok(())
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.durable.lock().unwrap())
    }

    fn keys(&self) -> Vec<String> {
        std::mem::take(&mut self.keys.lock().unwrap())
    }
}

macro_rules! hears {
    ($($signal:ident: $event:ident, $id:literal, |$it:ident| $about:expr;)+) => { $(
        #[receiver($signal, durable, id = $id)]
        async fn $signal($it: &$event, heard: &Heard) -> Result<(), io::Error> {
            assert_eq!($it.client, None, "an address does not wait in the database");
            let told = format!("{} {} {} {:?}", stringify!($signal), $it.sender, $it.user.username, $about);
            heard.hear(told, $it.key.as_ref())
        }
    )+ };
}

hears! {
    user_signed_up: UserSignedUp, "signed-up", |it| (&it.email, &it.phone);
    password_changed: PasswordChanged, "changed", |_it| ();
    password_was_reset: PasswordWasReset, "reset", |_it| ();
    email_added: EmailAdded, "email-added", |it| &it.email;
    phone_added: PhoneAdded, "phone-added", |it| &it.phone;
    email_removed: EmailRemoved, "email-removed", |it| &it.email;
    phone_removed: PhoneRemoved, "phone-removed", |it| &it.phone;
    email_verified: EmailVerified, "email-verified", |it| &it.email;
    phone_verified: PhoneVerified, "phone-verified", |it| &it.phone;
    account_closed: AccountClosed, "closed", |it| (it.user.id, &it.user.first_name);
}

/// One that is told once, as ever.
#[receiver(user_signed_up, id = "plain")]
fn plain(event: &UserSignedUp, heard: &Heard) {
    assert_eq!(event.key, None);
    heard
        .plain
        .lock()
        .unwrap()
        .push(event.user.username.clone());
}

/// Accounts over the store of a kit, whose dispatcher has the receivers above and is told messages by the kit's as well.
struct Site {
    kit: Kit,
    accounts: Accounts,
    worker: OutboxWorker,
    heard: Arc<Heard>,
}

fn site_with(max_pending_messages: u32) -> Site {
    site_of(|settings| settings.max_pending_messages = max_pending_messages)
}

fn site_of(change: impl FnOnce(&mut Settings)) -> Site {
    let (kit, heard) = (Kit::new(), Arc::new(Heard::default()));
    let signals = Signals::builder().provide_arc(Arc::clone(&heard));
    let mut settings = unlimited();
    change(&mut settings);
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .outbox(Arc::new(kit.store.clone()))
        .signals(signals.build().unwrap())
        .settings(settings)
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .build()
        .unwrap();
    let worker = accounts.outbox().unwrap().worker(options());
    Site {
        kit,
        accounts,
        worker,
        heard,
    }
}

impl Site {
    async fn events(&self) -> Vec<OutboxMessage> {
        let mut all = messages(&self.accounts).await;
        all.retain(|row| row.message.purpose == Purpose::Event);
        all
    }

    /// What durable receivers are told now.
    async fn told(&self) -> Vec<String> {
        // A store in memory keeps events as they are; the others keep a text, which must say all.
        for row in self.events().await {
            let event = row.message.event.unwrap();
            let read = PendingEvent::from_text(event.user, &event.to_text());
            assert_eq!(read, Some(event));
        }
        self.worker.deliver_due().await.unwrap();
        self.heard.take()
    }
}

#[tokio::test]
async fn flows_commit_their_events() {
    let site = site_with(1000);
    let Site { accounts, kit, .. } = &site;

    accounts.sign_up(ann()).await.unwrap();
    let wait = site.events().await;
    assert_eq!(wait.len(), 1, "of two receivers the durable one alone");
    assert_eq!(*site.heard.plain.lock().unwrap(), ["ann"]);
    assert!(
        site.heard.take().is_empty(),
        "nobody calls it but the worker"
    );
    let addresses = r#"(Some("ann@example.org"), Some("+919876543210"))"#;
    let signed_up = format!("user_signed_up sign_up ann {addresses}");
    assert_eq!(site.told().await, [signed_up]);
    assert_eq!(site.heard.keys(), [wait[0].message.key.clone()]);
    assert!(
        site.events().await.is_empty(),
        "it goes when it is delivered"
    );
    accounts.sign_up(ann()).await.unwrap();
    assert!(site.told().await.is_empty(), "a double click is no event");

    let user = || kit.current_user("ann", HORSE);
    let ann = user().await;
    for (kind, word, address) in [
        (AddressKind::Email, "email", "ann@work.example"),
        (AddressKind::Phone, "phone", "+442079460018"),
    ] {
        let added = accounts.add_address(&ann, kind, address).await.unwrap();
        let told = format!("{word}_added add_address ann {address:?}");
        assert_eq!(site.told().await, [told]);
        for _ in 0..2 {
            let removal = accounts.remove_address(&ann, kind, added.id).await;
            let _ = removal.unwrap();
        }
        let told = format!("{word}_removed remove_address ann {address:?}");
        assert_eq!(site.told().await, [told], "once");
        let by_hand = accounts.add_address_for(ann.user(), address).await;
        let by_hand = by_hand.unwrap();
        let told = format!("{word}_added add_address_for ann {address:?}");
        assert_eq!(site.told().await, [told]);
        let removal = accounts.remove_address_of(ann.user(), &by_hand).await;
        let _ = removal.unwrap();
        let told = format!("{word}_removed remove_address_of ann {address:?}");
        assert_eq!(site.told().await, [told]);
    }

    for (kind, told) in [
        (
            AddressKind::Email,
            r#"email_verified verify_address ann "ann@example.org""#,
        ),
        (
            AddressKind::Phone,
            r#"phone_verified verify_address ann "+919876543210""#,
        ),
    ] {
        let address = kit.address(&ann, kind).await;
        let (id, token) = kit.verification_link(&ann, &address).await;
        let _ = accounts.verify_address(&id, &token).await.unwrap();
        let _ = accounts.verify_address(&id, &token).await.unwrap();
        assert_eq!(site.told().await, [told]);
    }

    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    let changed = accounts.change_password(&ann, &horse, &staple, &staple);
    changed.await.unwrap();
    assert_eq!(
        site.told().await,
        ["password_changed change_password ann ()"]
    );
    accounts.set_password("ann", &horse).await.unwrap();
    assert_eq!(site.told().await, ["password_changed set_password ann ()"]);
    let (id, token) = kit.reset_link("ann@example.org").await;
    let reset = accounts.reset_password(&id, &token, &staple, &staple);
    reset.await.unwrap();
    assert_eq!(
        site.told().await,
        ["password_was_reset reset_password ann ()"]
    );
    assert!(
        accounts
            .reset_password(&id, &token, &staple, &staple)
            .await
            .is_err()
    );
    assert!(site.told().await.is_empty(), "what was refused is no event");
}

/// Where one signs up and in by code, by either way in.
#[tokio::test]
async fn flows_by_code_commit_their_events() {
    for by_link in [false, true] {
        let site = site_of(|settings| {
            settings.authentication_methods = Methods {
                phone: true,
                email: false,
                username: false,
            };
            settings.login_by_code = true;
            settings.sign_up_by_code = true;
        });
        let form = SignUpForm {
            username: "",
            email: "",
            password: Password::new(""),
            confirm_password: None,
            ..ann()
        };
        let mut sent = site.accounts.signals().capture::<LoginPhone>();
        let key = site.accounts.begin_sign_up(form, None).await.unwrap();
        let told = site.told().await;
        let made = site.kit.store.users_after(None, 1).await.unwrap().remove(0);
        let name = &made.username;
        let signed_up =
            format!("user_signed_up begin_sign_up {name} (None, Some(\"+919876543210\"))");
        assert_eq!(told, [signed_up]);
        let text = sent.take().remove(0);
        let how = if by_link {
            let link = text.link();
            let form = LinkForm {
                asked: &[key],
                ..LinkForm::default()
            };
            let flow = site
                .accounts
                .log_in_by_link(link.id, link.token, &form, None);
            flow.await.unwrap();
            "log_in_by_link"
        } else {
            let code = text.envelope.code.as_ref().unwrap();
            let flow = site.accounts.log_in_by_code(&key, code.as_str(), None);
            flow.await.unwrap();
            "log_in_by_code"
        };
        let verified = format!("phone_verified {how} {name} \"+919876543210\"");
        assert_eq!(site.told().await, [verified]);
    }
}

#[tokio::test]
async fn failed_receiver_is_told_again_with_the_same_key() {
    let site = site_with(1000);
    *site.heard.fails.lock().unwrap() = 2;
    site.accounts.sign_up(ann()).await.unwrap();
    for _ in 0..2 {
        assert!(site.told().await.is_empty());
        assert!(
            site.told().await.is_empty(),
            "not before the back-off is over"
        );
        site.kit.clock.advance(std::time::Duration::from_hours(1));
    }
    assert_eq!(site.told().await.len(), 1);
    let keys = site.heard.keys();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!(
        site.heard.plain.lock().unwrap().len(),
        1,
        "the others are told once"
    );
}

#[tokio::test]
async fn event_that_nobody_takes_is_a_dead_letter() {
    let site = site_with(1000);
    *site.heard.fails.lock().unwrap() = u32::MAX;
    site.accounts.sign_up(ann()).await.unwrap();
    for _ in 0..16 {
        assert!(site.told().await.is_empty());
        site.kit.clock.advance(std::time::Duration::from_hours(24));
    }
    let letters = site.events().await;
    let reason = &letters[0].dead.as_ref().unwrap().reason;
    assert!(reason.contains("signed-up: it is down"), "{reason}");
    let key = letters[0].message.key.clone();
    let outbox = site.accounts.outbox().unwrap();
    outbox.requeue(letters[0].id).await.unwrap();
    *site.heard.fails.lock().unwrap() = 0;
    site.heard.keys();
    assert_eq!(site.told().await.len(), 1);
    assert_eq!(site.heard.keys(), [key], "it is the same event");
}

#[tokio::test]
async fn full_outbox_loses_no_event() {
    let site = site_with(1);
    for number in 0..3 {
        let (name, email) = (format!("user{number}"), format!("u{number}@example.org"));
        let form = SignUpForm {
            username: &name,
            email: &email,
            phone: &format!("+4420794600{number:02}"),
            ..ann()
        };
        site.accounts.sign_up(form).await.unwrap();
    }
    // Nor do events keep a message from being taken: anyone can sign up while a receiver is down.
    let reset = site.accounts.request_password_reset("u0@example.org").await;
    reset.unwrap();
    let again = site.accounts.request_password_reset("u1@example.org").await;
    assert!(again.is_err(), "the bound holds for messages");
    assert_eq!(site.told().await.len(), 3);
}

#[tokio::test]
async fn event_tells_of_the_user_as_they_are() {
    let site = site_with(1000);
    let user = site.accounts.sign_up(ann()).await.unwrap();
    site.kit.store.set_active(user.id, false).await.unwrap();
    assert_eq!(site.told().await.len(), 1, "of a disabled one too");
}

/// What tells of the end outlives the user, and nothing of them does once it is delivered.
#[tokio::test]
async fn end_of_an_account_is_told_until_it_is_heard() {
    let site = site_with(1000);
    let user = site.accounts.sign_up(ann()).await.unwrap();
    assert_eq!(site.told().await.len(), 1);
    *site.heard.fails.lock().unwrap() = 1;
    site.accounts.close(user.id).await.unwrap();
    let waits = site.events().await;
    assert_eq!(waits.len(), 1, "the others went with the user");
    assert!(site.told().await.is_empty());
    site.kit.clock.advance(std::time::Duration::from_hours(1));
    let told = format!("account_closed close ann ({}, \"Ann\")", user.id.get());
    assert_eq!(site.told().await, [told]);
    assert!(site.events().await.is_empty());

    // One that nobody takes can be sent again by an operator.
    let user = site.accounts.sign_up(ann()).await.unwrap();
    assert_eq!(site.told().await.len(), 1);
    *site.heard.fails.lock().unwrap() = u32::MAX;
    site.accounts.close(user.id).await.unwrap();
    for _ in 0..16 {
        assert!(site.told().await.is_empty());
        site.kit.clock.advance(std::time::Duration::from_hours(24));
    }
    let letter = site.events().await.remove(0);
    assert!(letter.dead.is_some());
    *site.heard.fails.lock().unwrap() = 0;
    let outbox = site.accounts.outbox().unwrap();
    outbox.requeue(letter.id).await.unwrap();
    assert_eq!(site.told().await.len(), 1);
}

#[test]
fn durable_receiver_needs_an_outbox() {
    let signals = Signals::builder()
        .provide(Heard::default())
        .build()
        .unwrap();
    let entry = signals.manifest();
    let mut entries = entry.receivers.iter();
    assert!(entries.any(|it| it.id == "signed-up" && it.durable));
    assert!(entry.to_string().contains("signed-up (durable)"));
    let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    let refused = Accounts::builder(store, keyring(SECRET))
        .signals(signals)
        .build();
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), BuildErrorKind::Signals);
    let text = format!("{refused:?}");
    assert!(
        text.contains("signed-up (") && text.contains("durable_receivers.rs:"),
        "{text}"
    );
}
