//! Requests for links: the newest is known, and what was asked for before it cannot be used.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use phone_auth_core::address::{
    AddressId, AddressKind, AddressRecord, Losses, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::link::{LinkRequest, LinkTarget, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::user::UserId;

use super::Subject;
use super::sample::{at, replacement, stored, user_now, whole, without_address};
use crate::external_writer::ExternalChange;

const PURPOSES: [Purpose; 4] = [
    Purpose::ResetPassword,
    Purpose::Verify,
    Purpose::LogIn,
    Purpose::Confirm,
];

fn request(purpose: Purpose, address: &AddressRecord, time: DateTime<Utc>) -> LinkRequest {
    LinkRequest {
        purpose,
        kind: address.kind,
        address: Some(address.id),
        at: time,
        half_life: None,
        code_half_life: None,
    }
}

pub(super) async fn asked(
    subject: &Subject,
    purpose: Purpose,
    address: &AddressRecord,
    time: DateTime<Utc>,
) -> DateTime<Utc> {
    let request = request(purpose, address, time);
    subject.store().request_link(&request).await.unwrap()
}

/// An address as a link to it is checked.
pub(super) async fn target(
    subject: &Subject,
    purpose: Purpose,
    address: &AddressRecord,
) -> Option<LinkTarget> {
    let store = subject.store();
    let target = store.link_target(purpose, address.kind, address.id).await;
    target.unwrap()
}

async fn newest(
    subject: &Subject,
    purpose: Purpose,
    address: &AddressRecord,
) -> Option<DateTime<Utc>> {
    target(subject, purpose, address).await.unwrap().newest
}

/// The addresses of a new user, one of each kind.
pub(super) async fn addresses(
    subject: &Subject,
    username: &str,
    number: u32,
) -> Vec<AddressRecord> {
    let user = stored(subject.store(), &whole(username, number)).await;
    let store = subject.store();
    store.addresses_of(user.id, 100).await.unwrap()
}

pub(super) async fn newest_request_is_told(subject: &Subject) {
    let anns = addresses(subject, "ann", 1).await;
    let bobs = addresses(subject, "bob", 2).await;
    let mut time = 0;
    // Each purpose, kind and row is apart from all others, also from one with the same number.
    for purpose in PURPOSES {
        for address in anns.iter().chain(&bobs) {
            assert_eq!(newest(subject, purpose, address).await, None);
            time += 1;
            assert_eq!(asked(subject, purpose, address, at(time)).await, at(time));
            assert_eq!(newest(subject, purpose, address).await, Some(at(time)));
        }
    }
    for purpose in PURPOSES {
        for address in &anns {
            let target = target(subject, purpose, address).await.unwrap();
            let (record, user) = subject
                .store()
                .address(address.kind, address.id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!((&target.address, &target.user), (&record, &user));
            let all = subject
                .store()
                .link_requests_of(purpose, user.id, 100)
                .await
                .unwrap();
            assert!(all.contains(&(record, target.newest)), "{all:?}");
            assert_eq!(all.len(), 2);
        }
    }
}

pub(super) async fn newer_request_is_always_newer(subject: &Subject) {
    // Whatever the clock of the machine says that asks.
    let micro = Duration::microseconds(1);
    for purpose in PURPOSES {
        for address in addresses(subject, purpose.as_str(), purpose as u32).await {
            for (asked_at, known_as) in [
                (at(100), at(100)),
                (at(100), at(100) + micro),
                (at(-300), at(100) + micro * 2),
                (at(100) + micro, at(100) + micro * 3),
                (at(101), at(101)),
                (at(86_400), at(86_400)),
                (at(102), at(86_400) + micro),
            ] {
                assert_eq!(asked(subject, purpose, &address, asked_at).await, known_as);
                assert_eq!(newest(subject, purpose, &address).await, Some(known_as));
            }
        }
    }
}

pub(super) async fn young_link_is_asked_for_again(subject: &Subject) {
    let store = subject.store();
    let half_life = Some(Duration::seconds(300));
    let micro = Duration::microseconds(1);
    for purpose in PURPOSES {
        let name = format!("young {purpose:?}").replace(' ', "");
        for address in addresses(subject, &name, 10 + purpose as u32).await {
            let ask = async |time| {
                let request = LinkRequest {
                    half_life,
                    code_half_life: None,
                    ..request(purpose, &address, time)
                };
                store.request_link(&request).await.unwrap()
            };
            // Strangers ask all the time, and not for longer by that; nor by a clock that is a little behind.
            for (asked_at, known_as) in [
                (at(1_000), at(1_000)),
                (at(1_000), at(1_000)),
                (at(1_001), at(1_000)),
                (at(700), at(1_000)),
                (at(1_300), at(1_000)),
                (at(1_300) + micro, at(1_300) + micro),
                (at(1_600), at(1_300) + micro),
                // Made before a clock was set back by more than servers differ: such a link works nowhere.
                (at(1_000), at(1_300) + micro * 2),
                (at(1_301), at(1_300) + micro * 2),
            ] {
                assert_eq!(ask(asked_at).await, known_as, "{purpose:?} {asked_at}");
                assert_eq!(newest(subject, purpose, &address).await, Some(known_as));
            }
            let newer = asked(subject, purpose, &address, at(1_302)).await;
            assert_eq!(newer, at(1_302), "who wants a newer one has it");
        }
    }
}

/// The same code is sent again while it is young; a newer link always has a newer code.
pub(super) async fn code_lives_beside_its_link(subject: &Subject) {
    let store = subject.store();
    let micro = Duration::microseconds(1);
    for purpose in PURPOSES {
        let name = format!("code {purpose:?}").replace(' ', "");
        for address in addresses(subject, &name, 30 + purpose as u32).await {
            let ask = async |time, code_half_life: Option<i64>| {
                let request = LinkRequest {
                    half_life: Some(Duration::seconds(3_000)),
                    code_half_life: code_half_life.map(Duration::seconds),
                    ..request(purpose, &address, time)
                };
                store.request_link(&request).await.unwrap()
            };
            for (asked_at, code, known_as, code_at) in [
                // A link alone has no code until one is asked for.
                (at(1_000), None, at(1_000), None),
                (at(1_010), Some(300), at(1_000), Some(at(1_010))),
                (at(1_020), Some(300), at(1_000), Some(at(1_010))),
                (at(1_310), Some(300), at(1_000), Some(at(1_010))),
                // By a clock that is a little behind.
                (at(900), Some(300), at(1_000), Some(at(1_010))),
                (
                    at(1_310) + micro,
                    Some(300),
                    at(1_000),
                    Some(at(1_310) + micro),
                ),
                // A link alone leaves it.
                (at(1_400), None, at(1_000), Some(at(1_310) + micro)),
                (at(3_000), Some(300), at(1_000), Some(at(3_000))),
                // A newer link: the code of the older one is over, however young.
                (at(4_001), Some(3_000), at(4_001), Some(at(4_001))),
                (at(7_002), None, at(7_002), None),
                (at(7_003), Some(300), at(7_002), Some(at(7_003))),
            ] {
                let label = format!("{purpose:?} {asked_at}");
                assert_eq!(ask(asked_at, code).await, known_as, "{label}");
                let target = target(subject, purpose, &address).await.unwrap();
                assert_eq!(
                    (target.newest, target.code_at),
                    (Some(known_as), code_at),
                    "{label}"
                );
            }
        }
    }
}

pub(super) async fn used_link_is_not_asked_for_again(subject: &Subject) {
    let store = subject.store();
    for (number, after) in [(20, 0), (21, 5), (22, 200)] {
        for address in addresses(subject, &format!("used{number}"), number).await {
            let ask = async |time| {
                let request = LinkRequest {
                    half_life: Some(Duration::seconds(300)),
                    code_half_life: None,
                    ..request(Purpose::Verify, &address, time)
                };
                store.request_link(&request).await.unwrap()
            };
            let asked_at = at(1_000) + Duration::milliseconds(700);
            let first = ask(asked_at).await;
            let claim = VerificationClaim {
                kind: address.kind,
                id: address.id,
                user: address.user,
                value: address.value.clone(),
                newest: Some(first),
                issued_at: at(1_000),
                at: asked_at + Duration::seconds(after),
                in_session: true,
                notices: Notices::default(),
                losses: Losses::default(),
                account: None,
            };
            let outcome = store.verify_address(&claim).await.unwrap();
            assert_eq!(outcome, VerificationOutcome::Verified);
            let later = asked_at + Duration::seconds(after + 2);
            assert_eq!(ask(later).await, later, "a newer one");
            assert_eq!(ask(later + Duration::seconds(1)).await, later);
        }
    }
}

pub(super) async fn requests_at_once_are_told_apart(subject: &Subject) {
    for address in addresses(subject, "ann", 1).await {
        let request = request(Purpose::ResetPassword, &address, at(0));
        let answers = subject
            .at_once(20, |store, _| async move {
                store.request_link(&request).await.unwrap()
            })
            .await;
        let times: BTreeSet<_> = answers.into_iter().collect();
        assert_eq!(times.len(), 20);
        let last = times.last().copied();
        let newest = newest(subject, Purpose::ResetPassword, &address).await;
        assert_eq!(newest, last);
    }
}

pub(super) async fn request_for_nobody_touches_nobody(subject: &Subject) {
    let anns = addresses(subject, "ann", 1).await;
    for address in &anns {
        for purpose in PURPOSES {
            asked(subject, purpose, address, at(0)).await;
        }
        let missing = AddressId::new(address.id.get() + 1_000);
        for (number, id) in (1..).zip([None, Some(missing), None, Some(missing)]) {
            for purpose in PURPOSES {
                let request = LinkRequest {
                    purpose,
                    kind: address.kind,
                    address: id,
                    at: at(number),
                    half_life: None,
                    code_half_life: None,
                };
                let time = subject.store().request_link(&request).await.unwrap();
                assert!(time >= at(number));
            }
        }
    }
    for address in &anns {
        for purpose in PURPOSES {
            assert_eq!(newest(subject, purpose, address).await, Some(at(0)));
        }
    }
}

pub(super) async fn deleted_address_is_no_target(subject: &Subject) {
    for address in addresses(subject, "ann", 1).await {
        let (kind, id) = (address.kind, address.id);
        asked(subject, Purpose::Verify, &address, at(0)).await;
        subject
            .outside(ExternalChange::DeleteAddress(kind, id))
            .await;
        assert_eq!(target(subject, Purpose::Verify, &address).await, None);
        asked(subject, Purpose::Verify, &address, at(1)).await;
    }
}

pub(super) async fn older_link_verifies_nothing(subject: &Subject) {
    let store = subject.store();
    for address in addresses(subject, "ann", 1).await {
        let claim = |newest| VerificationClaim {
            kind: address.kind,
            id: address.id,
            user: address.user,
            value: address.value.clone(),
            newest,
            issued_at: at(0),
            at: at(1),
            in_session: true,
            notices: Notices::default(),
            losses: Losses::default(),
            account: None,
        };
        let first = asked(subject, Purpose::Verify, &address, at(0)).await;
        let second = asked(subject, Purpose::Verify, &address, at(0)).await;
        // A request for another purpose ends nothing.
        asked(subject, Purpose::ResetPassword, &address, at(5)).await;
        for older in [None, Some(first)] {
            let outcome = store.verify_address(&claim(older)).await.unwrap();
            assert_eq!(outcome, VerificationOutcome::Gone);
        }
        let outcome = store.verify_address(&claim(Some(second))).await.unwrap();
        assert_eq!(outcome, VerificationOutcome::Verified);
    }
}

pub(super) async fn older_link_replaces_no_password(subject: &Subject) {
    let store = subject.store();
    let other = stored(store, &without_address("other")).await;
    for (number, kind) in (1..).zip([AddressKind::Email, AddressKind::Phone]) {
        let all = addresses(subject, &format!("ann{number}"), number).await;
        let address = all.into_iter().find(|it| it.kind == kind).unwrap();
        let user = address.user;
        let first = asked(subject, Purpose::ResetPassword, &address, at(0)).await;
        let now = target(subject, Purpose::ResetPassword, &address).await;
        let opened = OpenedLink::of(&now.unwrap(), at(6));
        assert_eq!(opened.newest, Some(first));
        let second = asked(subject, Purpose::ResetPassword, &address, at(0)).await;
        asked(subject, Purpose::Verify, &address, at(5)).await;
        let right = OpenedLink {
            newest: Some(second),
            ..opened.clone()
        };
        let wrong = [
            opened.clone(),
            OpenedLink {
                newest: None,
                ..opened.clone()
            },
            OpenedLink {
                value: address.value.to_uppercase() + " ",
                ..right.clone()
            },
            OpenedLink {
                value: "\0".to_owned(),
                ..right.clone()
            },
            OpenedLink {
                address: AddressId::new(address.id.get() + 1_000),
                ..right.clone()
            },
            OpenedLink {
                address: AddressId::new(address.id.get() + 1_000),
                newest: None,
                ..right.clone()
            },
        ];
        for link in wrong {
            assert!(!replaced(subject, user, &link).await, "{link:?}");
        }
        assert!(
            !replaced(subject, other.id, &right).await,
            "another's address"
        );
        let before = user_now(store, user).await.password;
        let moves = ExternalChange::MoveAddress(kind, address.id, other.id);
        subject.outside(moves).await;
        assert!(!replaced(subject, user, &right).await, "it was given away");
        assert_eq!(user_now(store, user).await.password, before);
        let back = ExternalChange::MoveAddress(kind, address.id, user);
        subject.outside(back).await;
        assert!(replaced(subject, user, &right).await);
    }
}

/// Whether a password is replaced by a link.
async fn replaced(subject: &Subject, user: UserId, link: &OpenedLink) -> bool {
    let change = PasswordReplacement {
        link: Some(link.clone()),
        ..replacement(user, "new")
    };
    let store = subject.store();
    store.replace_password(&change).await.unwrap()
}

pub(super) async fn link_of_nobody_asked_for_is_usable(subject: &Subject) {
    // Sent by a version that kept no requests: it is over once one is made.
    let store = subject.store();
    for address in addresses(subject, "ann", 1).await {
        let claim = VerificationClaim {
            kind: address.kind,
            id: address.id,
            user: address.user,
            value: address.value.clone(),
            newest: None,
            issued_at: at(0),
            at: at(1),
            in_session: true,
            notices: Notices::default(),
            losses: Losses::default(),
            account: None,
        };
        let outcome = store.verify_address(&claim).await.unwrap();
        assert_eq!(outcome, VerificationOutcome::Verified);
    }
    let user = stored(store, &whole("bob", 2)).await;
    let address = store.addresses_of(user.id, 100).await.unwrap().remove(0);
    let now = target(subject, Purpose::ResetPassword, &address).await;
    let link = OpenedLink::of(&now.unwrap(), at(6));
    asked(subject, Purpose::ResetPassword, &address, at(0)).await;
    assert!(!replaced(subject, user.id, &link).await);
}
