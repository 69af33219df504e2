//! Links that log in: ended by their use, once.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there is a failed test"
)]

use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::link::{LinkTarget, OpenedLink};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::user::UserId;

use super::Subject;
use super::links::{addresses, asked, target};
use super::sample::{at, stored, without_address};
use crate::external_writer::ExternalChange;

const LOG_IN: Purpose = Purpose::LogIn;

/// The verified addresses of a new user.
async fn verified(subject: &Subject, username: &str, number: u32) -> Vec<AddressRecord> {
    let all = addresses(subject, username, number).await;
    for address in &all {
        let verify = ExternalChange::SetVerified(address.kind, address.id, true);
        subject.outside(verify).await;
    }
    all
}

/// The newest link to an address, as someone opens it.
async fn opened(subject: &Subject, purpose: Purpose, address: &AddressRecord) -> OpenedLink {
    let target = target(subject, purpose, address).await.unwrap();
    OpenedLink::of(&target, at(6))
}

async fn ended(subject: &Subject, user: UserId, link: &OpenedLink) -> bool {
    subject.store().end_link(LOG_IN, user, link).await.unwrap()
}

pub(super) async fn opened_link_ends_once(subject: &Subject) {
    for address in verified(subject, "ann", 1).await {
        for seconds in [0, 100] {
            let requested_at = asked(subject, LOG_IN, &address, at(seconds)).await;
            let link = opened(subject, LOG_IN, &address).await;
            assert_eq!(link.newest, Some(requested_at));
            let (user, tried) = (address.user, link.clone());
            let answers = subject.at_once(20, move |store, _| {
                let link = tried.clone();
                async move { store.end_link(LOG_IN, user, &link).await.unwrap() }
            });
            let won = answers.await.into_iter().filter(|won| *won).count();
            assert_eq!(won, 1);
            assert_eq!(opened(subject, LOG_IN, &address).await.newest, None);
            assert!(!ended(subject, user, &link).await);
        }
    }
}

pub(super) async fn other_link_is_not_ended(subject: &Subject) {
    let other = stored(subject.store(), &without_address("other")).await;
    for address in verified(subject, "ann", 1).await {
        let (kind, id, user) = (address.kind, address.id, address.user);
        // None was asked for, and one for something else.
        let link = opened(subject, LOG_IN, &address).await;
        assert!(!ended(subject, user, &link).await);
        asked(subject, Purpose::ResetPassword, &address, at(0)).await;
        let reset = opened(subject, Purpose::ResetPassword, &address).await;
        assert!(!ended(subject, user, &reset).await);

        asked(subject, LOG_IN, &address, at(1)).await;
        let older = opened(subject, LOG_IN, &address).await;
        asked(subject, LOG_IN, &address, at(1)).await;
        let right = opened(subject, LOG_IN, &address).await;
        let wrong = [
            older,
            OpenedLink {
                newest: None,
                ..right.clone()
            },
            OpenedLink {
                value: "\0".to_owned(),
                ..right.clone()
            },
            OpenedLink {
                value: format!("{}0", right.value),
                ..right.clone()
            },
            OpenedLink {
                address: AddressId::new(id.get() + 1_000),
                ..right.clone()
            },
            OpenedLink {
                kind: match kind {
                    AddressKind::Email => AddressKind::Phone,
                    AddressKind::Phone => AddressKind::Email,
                },
                ..right.clone()
            },
        ];
        for link in wrong {
            assert!(!ended(subject, user, &link).await, "{link:?}");
        }
        assert!(!ended(subject, other.id, &right).await, "another's");
        for (change, back) in [
            (
                ExternalChange::SetVerified(kind, id, false),
                ExternalChange::SetVerified(kind, id, true),
            ),
            (
                ExternalChange::MoveAddress(kind, id, other.id),
                ExternalChange::MoveAddress(kind, id, user),
            ),
        ] {
            subject.outside(change.clone()).await;
            assert!(!ended(subject, user, &right).await, "{change:?}");
            subject.outside(back).await;
        }
        assert!(ended(subject, user, &right).await);
    }
}

/// A message to the email address and one to the number sign in once between them: who has used the one has ended the other,
/// and nothing that was sent for something else or to someone else.
pub(super) async fn used_link_ends_the_others(subject: &Subject) {
    let addresses = verified(subject, "ann", 1).await;
    let bobs = verified(subject, "bob", 2).await;
    let user = addresses[0].user;
    let mut seconds = 0;
    let mut ask_all = async || {
        seconds += 100;
        for address in addresses.iter().chain(&bobs) {
            for purpose in [LOG_IN, Purpose::ResetPassword] {
                asked(subject, purpose, address, at(seconds)).await;
            }
        }
    };
    for used in 0..addresses.len() {
        ask_all().await;
        let link = opened(subject, LOG_IN, &addresses[used]).await;
        assert!(ended(subject, user, &link).await);
        for address in &addresses {
            let log_in = opened(subject, LOG_IN, address).await;
            assert_eq!(log_in.newest, None, "{used} {:?}", address.kind);
            let reset = opened(subject, Purpose::ResetPassword, address).await;
            assert!(reset.newest.is_some(), "{used} {:?}", address.kind);
        }
        for address in &bobs {
            let log_in = opened(subject, LOG_IN, address).await;
            assert!(log_in.newest.is_some(), "{used} {:?}", address.kind);
        }
    }
    // One that is not ended ends none.
    ask_all().await;
    let link = opened(subject, LOG_IN, &addresses[0]).await;
    let older = OpenedLink {
        newest: Some(at(1)),
        ..link
    };
    assert!(!ended(subject, user, &older).await);
    for address in &addresses {
        let log_in = opened(subject, LOG_IN, address).await;
        assert!(log_in.newest.is_some(), "{:?}", address.kind);
    }
    // All of them at once.
    for _ in 0..10 {
        ask_all().await;
        let mut links = Vec::new();
        for address in &addresses {
            links.push(opened(subject, LOG_IN, address).await);
        }
        let answers = subject.at_once(10, move |store, number| {
            let link = links[usize::from(number % 2 == 0)].clone();
            async move { store.end_link(LOG_IN, user, &link).await.unwrap() }
        });
        let won = answers.await.into_iter().filter(|won| *won).count();
        assert_eq!(won, 1);
    }
}

/// A link that was ended for nothing is as it was before, with its code; but not beside a newer one.
pub(super) async fn restored_link_is_there_again(subject: &Subject) {
    let store = subject.store();
    for address in verified(subject, "ann", 1).await {
        asked(subject, LOG_IN, &address, at(0)).await;
        let before = target(subject, LOG_IN, &address).await.unwrap();
        let link = OpenedLink::of(&before, at(6));
        store.restore_link(LOG_IN, &before).await.unwrap();
        assert_eq!(target(subject, LOG_IN, &address).await.unwrap(), before);
        assert!(ended(subject, address.user, &link).await);
        store.restore_link(LOG_IN, &before).await.unwrap();
        assert_eq!(target(subject, LOG_IN, &address).await.unwrap(), before);
        assert!(ended(subject, address.user, &link).await);

        let newest = asked(subject, LOG_IN, &address, at(100)).await;
        store.restore_link(LOG_IN, &before).await.unwrap();
        let now = target(subject, LOG_IN, &address).await.unwrap();
        assert_eq!(now.newest, Some(newest));
        let gone = LinkTarget {
            address: AddressRecord {
                id: AddressId::new(1_000_000),
                ..address.clone()
            },
            ..before
        };
        store.restore_link(LOG_IN, &gone).await.unwrap();
    }
}
