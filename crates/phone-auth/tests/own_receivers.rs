//! Receivers of an application that take the flows and the dispatcher.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::time::Duration;

use phone_auth::core::accounts::{Accounts, AccountsHandle, SignUpForm};
use phone_auth::core::password::Password;
use phone_auth::core::store::{OutboxStore, Store};
use phone_auth::core::user::UserId;
use phone_auth::signals::{
    Message, Signals, UserSignedUp, receiver, reset_password_email, reset_password_phone, signal,
    user_signed_up, verify_email, verify_phone,
};
use phone_auth::{Database, PhoneAuth, PhoneAuthBuilder, SecretKey, SiteOrigin};
use phone_auth_store_testkit::MemoryStore;

/// What the store says of a user who has signed up.
#[derive(Clone, Debug, PartialEq)]
struct Welcomed {
    told: (Option<String>, Option<String>),
    email: String,
    stored: Vec<String>,
}

/// A message was handed over while the flows were there.
#[derive(Clone)]
struct Handed;

signal! {
    /// A user was welcomed.
    welcomed: Welcomed;
    /// A message was handed over.
    handed: Handed;
}

#[receiver(user_signed_up)]
async fn welcome(
    event: &UserSignedUp,
    accounts: &Accounts,
    signals: &Signals,
) -> Result<(), phone_auth::core::accounts::Failure> {
    let id = UserId::new(event.user.id);
    let user = accounts.user(id).await?;
    let addresses = accounts.addresses_of(id).await?;
    let welcomed = Welcomed {
        told: (event.email.clone(), event.phone.clone()),
        email: user.map(|user| user.email).unwrap_or_default(),
        stored: addresses.into_iter().map(|it| it.value).collect(),
    };
    assert!(signals.send_robust(&welcomed).await.is_ok());
    Ok(())
}

#[receiver(verify_email, verify_phone, reset_password_email, reset_password_phone)]
async fn hand_over(message: &dyn Message, accounts: &Accounts, signals: &Signals) {
    assert!(
        accounts
            .user(UserId::new(message.user().id))
            .await
            .unwrap()
            .is_some()
    );
    assert!(signals.send_robust(&Handed).await.is_ok());
}

fn form<'a>(username: &'a str, email: &'a str, phone: &'a str) -> SignUpForm<'a> {
    SignUpForm {
        first_name: "Ann",
        last_name: "Lee",
        username,
        email,
        phone,
        password: Password::new("plum-Orchard-7"),
        confirm_password: Some(Password::new("plum-Orchard-7")),
    }
}

fn builder(database: impl Into<Database>) -> PhoneAuthBuilder {
    let site = SiteOrigin::parse("https://example.org").unwrap();
    PhoneAuth::builder(site, SecretKey::generate().unwrap(), database)
}

/// Signs users up, in each way, and looks what the receiver was told and has read.
async fn check(auth: &PhoneAuth) {
    let mut heard = auth.signals().capture::<Welcomed>();
    let accounts = auth.accounts();
    let both = form("ann", " Ann@Example.org ", "+41 44 668 18 00");
    accounts.sign_up(both).await.unwrap();
    let (email, phone) = ("ann@example.org".to_owned(), "+41446681800".to_owned());
    let ann = Welcomed {
        told: (Some(email.clone()), Some(phone.clone())),
        email: email.clone(),
        stored: vec![email, phone],
    };
    assert_eq!(heard.next().await, Some(ann));
    for (username, email, phone) in [
        ("bob", "bob@example.org", ""),
        ("cho", "", "+41446681801"),
        ("dee", "", ""),
    ] {
        accounts
            .create_user(form(username, email, phone))
            .await
            .unwrap();
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let expected = Welcomed {
            told: (some(email), some(phone)),
            email: email.to_owned(),
            stored: [some(email), some(phone)].into_iter().flatten().collect(),
        };
        assert_eq!(heard.next().await, Some(expected), "{username}");
    }
}

#[tokio::test]
async fn receivers_have_flows_and_dispatcher() {
    check(&builder(MemoryStore::new()).build().await.unwrap()).await;
    // The same with a dispatcher of the application's own.
    let handle = AccountsHandle::new();
    let later = handle.clone();
    let signals = Signals::builder()
        .provide(SiteOrigin::parse("https://example.org").unwrap())
        .provide_late::<Accounts>(move || later.upgrade().map(Arc::new))
        .build()
        .unwrap();
    let auth = builder(MemoryStore::new())
        .signals(signals)
        .accounts(|accounts| accounts.handle(&handle));
    check(&auth.build().await.unwrap()).await;
}

#[tokio::test]
async fn worker_keeps_the_flows() {
    let auth = builder(MemoryStore::new()).build().await.unwrap();
    let accounts = auth.accounts();
    accounts
        .sign_up(form("ann", "ann@example.org", "+41446681800"))
        .await
        .unwrap();
    let mut heard = auth.signals().capture::<Handed>();
    accounts
        .request_password_reset("ann@example.org")
        .await
        .unwrap();
    drop(auth);
    let handed = tokio::time::timeout(Duration::from_secs(20), heard.next());
    assert!(
        handed.await.is_ok_and(|handed| handed.is_some()),
        "the message is handed over by what is left"
    );
}

#[tokio::test]
async fn receivers_keep_no_store_open() {
    let store = Arc::new(MemoryStore::new());
    let parts = (
        Arc::clone(&store) as Arc<dyn Store>,
        Arc::clone(&store) as Arc<dyn OutboxStore>,
    );
    let database = Database::from_parts(parts.0, Some(parts.1));
    let auth = builder(database).build().await.unwrap();
    auth.accounts()
        .sign_up(form("ann", "ann@example.org", "+41446681800"))
        .await
        .unwrap();
    assert!(auth.shut_down(Duration::from_secs(20)).await);
    let store = {
        let weak = Arc::downgrade(&store);
        drop((store, auth));
        weak
    };
    assert!(store.upgrade().is_none());
}
