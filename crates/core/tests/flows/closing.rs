//! Closing an account, and a copy of all that is kept of one.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed unwrap is a failed test, and receivers that panic are what is tested"
)]

use std::sync::{Arc, Mutex};

use crate::common::{ANNS_EMAIL, HORSE, Kit, STAPLE, ann, failure, refusal};
use phone_auth_core::accounts::{CloseRefusal, FailureKind, Removal};
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::Password;
use phone_auth_core::store::{AddressStore, Closed, ClosingStore, OutboxStore, UserStore};
use phone_auth_core::user::UserId;
use phone_auth_events::{
    AccountClosing, AccountExporting, MayNotClose, SecurityNoticeEmail, Signals,
};

#[tokio::test]
async fn closed_account_is_gone() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let bob = kit.sign_up_bob().await;
    let user = current_user.user().id;
    assert_eq!(kit.accounts.close(user).await.unwrap(), Closed::Removed);
    let told = ["account_closing close ann", "account_closed close ann"];
    assert_eq!(kit.record.take(), told);

    let session = kit.accounts.current_user(current_user.key()).await;
    assert!(session.unwrap().is_none());
    let by_name = kit.accounts.find(ANNS_EMAIL).await;
    assert_eq!(by_name.unwrap(), None);
    let again = kit.accounts.close(user).await;
    assert_eq!(refusal(again), CloseRefusal::NoSuchUser);
    assert!(kit.record.take().is_empty());

    let anew = kit.accounts.sign_up(ann()).await.unwrap();
    assert_ne!(anew.id, user);
    assert_eq!(kit.stored(&bob).await, bob);
}

/// Receivers that want the account to stay, and the words that the user reads.
#[tokio::test]
async fn receiver_keeps_an_account_open() {
    type Connect = fn(&Signals);
    let cases: [(Connect, Option<&str>); 4] = [
        (
            |signals| {
                let veto =
                    |_: &AccountClosing| Err::<(), _>(MayNotClose::new("An order is on its way."));
                signals.connect(veto).forever();
            },
            Some("An order is on its way."),
        ),
        (
            |signals| {
                signals
                    .connect(|_: &AccountClosing| Err::<(), _>(std::fmt::Error))
                    .forever();
            },
            None,
        ),
        (
            |signals| {
                let panics = |_: &AccountClosing| -> () { std::panic::panic_any("a receiver") };
                signals.connect(panics).forever();
            },
            None,
        ),
        (
            |signals| {
                let hangs = |_: AccountClosing| std::future::pending::<()>();
                signals.connect_async(hangs).forever();
            },
            None,
        ),
    ];
    for (connect, sentence) in cases {
        let kit = Kit::with_ann().await;
        connect(&kit.signals);
        tokio::time::pause();
        let ann = kit.accounts.find("ann").await.unwrap().unwrap();
        let refused = refusal(kit.accounts.close(ann.id).await);
        tokio::time::resume();
        assert_eq!(refused, CloseRefusal::MayNot(sentence.map(str::to_owned)));
        assert_eq!(kit.stored(&ann).await, ann);
        let told = kit.record.take();
        assert!(!told.iter().any(|line| line.starts_with("account_closed")));
    }
}

#[tokio::test]
async fn failed_store_closes_nothing() {
    let kit = Kit::with_ann().await;
    let ann = kit.accounts.find("ann").await.unwrap().unwrap();
    for calls in 0..2 {
        let kind = phone_auth_core::store::StoreErrorKind::Unavailable;
        kit.store.fail_after(calls, kind);
        kit.accounts.close(ann.id).await.unwrap_err();
        kit.store.recover();
        assert_eq!(kit.stored(&ann).await, ann);
    }
    let told = kit.record.take();
    assert!(!told.iter().any(|line| line.starts_with("account_closed")));
}

/// The owner is told, also where messages wait in an outbox, and nothing of them waits there after.
#[tokio::test]
async fn owner_is_told_of_the_end() {
    let kit = Kit::with_ann().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let notices = Arc::clone(&told);
    let tell = move |notice: &SecurityNoticeEmail| {
        let line = (notice.email.clone(), notice.change.name());
        notices.lock().unwrap().push(line);
    };
    kit.signals.connect(tell).forever();
    let accounts = kit.with_outbox(&kit.signals);
    let current_user = kit.current_user("ann", HORSE).await;
    let address = kit.address(&current_user, AddressKind::Email).await;
    let (id, token) = kit.verification_link(&current_user, &address).await;
    let _ = kit.accounts.verify_address(&id, &token).await.unwrap();
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();

    accounts.close(current_user.user().id).await.unwrap();
    let expected = [(ANNS_EMAIL.to_owned(), "account_closed")];
    assert_eq!(*told.lock().unwrap(), expected);
    assert!(kit.store.outbox_after(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn export_has_what_is_kept() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let add = |event: &AccountExporting| event.parts.add("orders", [event.user.id]);
    kit.signals.connect(add).forever();
    let ann = current_user.user().id;
    let export = kit.accounts.export(ann).await.unwrap().unwrap();
    assert!(export.is_complete);
    let json = serde_json::to_value(&export).unwrap();
    assert_eq!(json["account"]["username"], "ann");
    assert_eq!(json["application"]["orders"][0], ann.get());
    let addresses = kit.store.addresses_of(ann, 9).await.unwrap();
    let values: Vec<_> = addresses.iter().map(|it| it.value.as_str()).collect();
    let exported: Vec<_> = export
        .addresses
        .iter()
        .map(|it| it.value.as_str())
        .collect();
    assert_eq!(exported, values);
    let rows = kit.store.rows_of(ann).await.unwrap();
    for row in rows {
        assert!(export.rows.contains_key(&row.table), "{}", row.table);
    }
    let text = json.to_string();
    let user = kit.store.user(ann).await.unwrap().unwrap();
    assert!(!text.contains(user.password.reveal()), "{text}");

    let fails = |_: &AccountExporting| Err::<(), _>(std::fmt::Error);
    kit.signals.connect(fails).forever();
    let export = kit.accounts.export(ann).await.unwrap().unwrap();
    assert!(!export.is_complete);
    assert_eq!(
        kit.accounts
            .export(UserId::new(77))
            .await
            .unwrap()
            .map(drop),
        None
    );
}

/// Flows of someone whose account was closed by another of their windows a moment before: they are told that they are signed
/// out, or what is no longer there, and nothing is our fault.
#[tokio::test]
async fn flows_of_a_closed_account_are_not_our_fault() {
    for conceal in [false, true] {
        let kit = Kit::with_settings(|settings| {
            settings.conceal_accounts = conceal;
            settings.verify_at_sign_up = conceal;
        });
        kit.sign_up_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        let user = ann.user().clone();
        let address = kit.accounts.addresses(&ann).await.unwrap().remove(0);
        kit.accounts.close(user.id).await.unwrap();
        let (accounts, kind, id) = (&kit.accounts, address.kind, address.id);
        let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
        for (kind, text) in [
            (AddressKind::Email, "ann@work.example"),
            (AddressKind::Phone, "+442079460018"),
        ] {
            let added = failure(accounts.add_address(&ann, kind, text).await);
            assert_eq!(added.kind(), FailureKind::NoSuchUser, "{text}");
            let added = failure(accounts.add_address_for(&user, text).await);
            assert_eq!(added.kind(), FailureKind::NoSuchUser, "{text}");
        }
        refusal(accounts.begin_verification(&ann, kind, id).await);
        refusal(accounts.request_verification(&ann, kind, id).await);
        refusal(
            accounts
                .change_password(&ann, &horse, &staple, &staple)
                .await,
        );
        refusal(accounts.reauthenticate(&ann, &horse).await);
        refusal(accounts.make_primary(&ann, id).await);
        refusal(accounts.rename(&user, "anna").await);
        refusal(accounts.end_other_sessions(&ann).await);
        refusal(accounts.begin_session(user.id, None).await);
        let removed = accounts.remove_address(&ann, kind, id).await.unwrap();
        assert!(matches!(removed, Removal::NotThere));
        let verified = accounts.set_verified(&user, &address, true).await;
        assert!(!verified.unwrap().is_changed());
        assert!(accounts.export(user.id).await.unwrap().is_none());
        accounts.sessions(&ann).await.unwrap();
        assert!(accounts.current_user(ann.key()).await.unwrap().is_none());
    }
}
