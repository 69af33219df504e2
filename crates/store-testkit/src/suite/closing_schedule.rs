//! Accounts that are to be closed later: they are until someone comes back.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::sync::Arc;

use phone_auth_core::address::{AddressKind, Claiming, Losses, ProofByHand};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::NewLogIn;
use phone_auth_core::store::{AsSeen, Closed, EndOfUser, ScheduledClosing, Store};
use phone_auth_core::user::{NewUser, User, UserId};

use super::Subject;
use super::message_sample::{all, notice};
use super::sample::{address_of, at, is_alive, log_in, logged_in, stored, whole};
use crate::external_writer::{ExternalChange, OddCell, OddValue};

fn closing(user: UserId, due: i64) -> ScheduledClosing {
    ScheduledClosing {
        user,
        begun_at: at(0),
        due_at: at(due),
        is_of_nobody: false,
    }
}

async fn schedule(store: &dyn Store, user: UserId, due: i64) {
    let (new, nothing) = (closing(user, due), Notices::default());
    let scheduled = store.schedule_closing(&new, &nothing).await;
    assert_eq!(scheduled.unwrap(), Some((new, true)));
}

/// The end of a user whose time has come by then.
fn end(user: UserId, by: i64) -> EndOfUser {
    EndOfUser {
        due_by: Some(at(by)),
        ..EndOfUser::now(user, "closed-0123")
    }
}

pub(super) async fn closing_is_scheduled_once(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await.id;
    let bob = stored(store, &whole("bob", 2)).await.id;
    logged_in(store, ann, 1).await;
    logged_in(store, bob, 2).await;
    assert_eq!(store.scheduled_closing(ann).await.unwrap(), None);
    schedule(store, ann, 60).await;
    assert!(!is_alive(store, 1).await && is_alive(store, 2).await);
    let (first, second, nothing) = (closing(ann, 60), closing(ann, 90), Notices::default());
    let again = store.schedule_closing(&second, &nothing);
    assert_eq!(again.await.unwrap(), Some((first, false)));
    assert_eq!(store.scheduled_closing(ann).await.unwrap(), Some(first));
    assert_eq!(store.scheduled_closing(bob).await.unwrap(), None);
    let missing = closing(UserId::new(99), 60);
    let missing = store.schedule_closing(&missing, &nothing);
    assert_eq!(missing.await.unwrap(), None);
    // The user is there as before.
    assert!(store.user(ann).await.unwrap().unwrap().is_active);
    assert_eq!(store.addresses_of(ann, 9).await.unwrap().len(), 2);
    let rows = store.rows_of(ann).await.unwrap();
    assert!(rows.iter().any(|row| row.table == "phone_auth_closing"));
}

/// A new user may have one from the start, by whatever way their addresses are stored; one that is not stored has none.
pub(super) async fn new_user_may_have_a_closing(subject: &Subject) {
    let store = subject.store();
    let cases = [Claiming::Never, Claiming::Unproven, Claiming::Always];
    for (number, claiming) in (1..).zip(cases) {
        let new = NewUser {
            closes_at: Some(at(60)),
            ..whole(&format!("ann{number}"), number)
        };
        let ann = store.create_user_claiming(&new, claiming).await.unwrap();
        let expected = ScheduledClosing {
            user: ann.id,
            begun_at: ann.date_joined,
            due_at: at(60),
            is_of_nobody: true,
        };
        let kept = store.scheduled_closing(ann.id).await.unwrap();
        assert_eq!(kept, Some(expected), "{claiming:?}");
        let again = store.create_user_claiming(&new, claiming).await;
        assert!(again.is_err(), "{claiming:?}");
        let stays = stored(store, &whole(&format!("bob{number}"), number + 10)).await;
        assert_eq!(store.scheduled_closing(stays.id).await.unwrap(), None);
    }
    let due = store.due_closings(at(60), 9).await.unwrap();
    assert_eq!(due.len(), 3);
    assert_eq!(store.due_closings(at(59), 9).await.unwrap(), []);
}

/// A user whom nobody has shown to be theirs, with a password or without.
async fn nobodys(store: &dyn Store, number: u32, password: &str) -> User {
    let new = NewUser {
        closes_at: Some(at(60)),
        password: EncodedPassword::new(password),
        ..whole(&format!("carl{number}"), number + 20)
    };
    let made = store.create_user_claiming(&new, Claiming::Never).await;
    made.unwrap()
}

/// The end of an account that nobody had shown to be theirs, as it was seen.
fn nobodys_end(user: &User) -> EndOfUser {
    EndOfUser {
        as_seen: Some(AsSeen {
            password: user.password.clone(),
            last_login: user.last_login,
            unless_referenced: true,
        }),
        ..end(user.id, 60)
    }
}

/// What is of nobody closes no account of which an address is verified, that is disabled or an operator's, or that is not as it was
/// seen: with another password or log-in. One whose user has logged in before it was seen it closes.
pub(super) async fn nobodys_account_is_closed_as_it_was_seen(subject: &Subject) {
    let store = subject.store();
    for (number, change) in (1..).zip([
        "nothing",
        "no password",
        "seen log-in",
        "email",
        "phone",
        "password",
        "log-in",
        "another log-in",
        "unseen",
        "too early",
        "disabled",
        "staff",
        "superuser",
    ]) {
        let password = if change == "no password" {
            "!none"
        } else {
            "argon2$1"
        };
        let mut carl = nobodys(store, number, password).await;
        if change == "seen log-in" || change == "another log-in" {
            let seen = ExternalChange::SetLastLogin(carl.id, Some(at(1)));
            subject.outside(seen).await;
            carl = store.user(carl.id).await.unwrap().unwrap();
        }
        let mut end = nobodys_end(&carl);
        match change {
            "email" => prove(store, carl.id, AddressKind::Email).await,
            "phone" => prove(store, carl.id, AddressKind::Phone).await,
            "password" => {
                let other = ExternalChange::SetPassword(carl.id, "argon2$2".to_owned());
                subject.outside(other).await;
            }
            "log-in" => {
                let digest = u8::try_from(number).unwrap();
                let log_in = NewLogIn {
                    checked_password: carl.password.clone(),
                    // It is in nobody's way.
                    unless_closing: true,
                    ..log_in(carl.id, digest, at(2))
                };
                assert!(store.log_in(&log_in).await.unwrap());
            }
            "another log-in" => {
                let other = ExternalChange::SetLastLogin(carl.id, Some(at(2)));
                subject.outside(other).await;
            }
            "disabled" => {
                let disabled = ExternalChange::SetActive(carl.id, false);
                subject.outside(disabled).await;
            }
            "staff" => privilege(subject, carl.id, "is_staff").await,
            "superuser" => privilege(subject, carl.id, "is_superuser").await,
            "unseen" => end.as_seen = None,
            "too early" => end.due_by = Some(at(59)),
            _ => {}
        }
        let is_closed = ["nothing", "no password", "seen log-in"].contains(&change);
        let expected = if is_closed {
            Closed::Removed
        } else {
            Closed::NoSuchUser
        };
        let closed = store.close_user(&end).await.unwrap();
        assert_eq!(closed, expected, "{change}");
        let is_there = store.user(carl.id).await.unwrap().is_some();
        assert_eq!(is_there, !is_closed, "{change}");
        let addresses = store.addresses_of(carl.id, 9).await.unwrap().len();
        assert_eq!(addresses, if is_there { 2 } else { 0 }, "{change}");
    }
}

/// As an operator gives it in Django's admin pages.
async fn privilege(subject: &Subject, user: UserId, column: &'static str) {
    let cell = OddCell::User(user, column);
    let given = ExternalChange::SetOdd(cell, OddValue::Number(1));
    subject.outside(given).await;
}

async fn prove(store: &dyn Store, user: UserId, kind: AddressKind) {
    let address = address_of(store, user, kind).await;
    let proof = ProofByHand {
        kind,
        id: address.id,
        user,
        is_verified: true,
        at: at(1),
        notices: Notices::default(),
        losses: Losses::default(),
    };
    assert!(store.set_verified(&proof).await.unwrap());
}

/// Of the end of an account that nobody has shown to be theirs and of a log-in one comes first: the other is refused.
pub(super) async fn nobodys_end_and_log_in_have_one_winner(subject: &Subject) {
    for round in 0..10_u8 {
        let carl = nobodys(subject.store(), u32::from(round), "argon2$1").await;
        let (id, end) = (carl.id, nobodys_end(&carl));
        let act = move |store: Arc<dyn Store>, number: u32| {
            let (carl, end) = (carl.clone(), end.clone());
            async move {
                if number.is_multiple_of(2) {
                    return store.close_user(&end).await.unwrap() == Closed::Removed;
                }
                let digest = round * 8 + u8::try_from(number).unwrap();
                let log_in = NewLogIn {
                    checked_password: carl.password.clone(),
                    ..log_in(carl.id, digest, at(2))
                };
                store.log_in(&log_in).await.unwrap()
            }
        };
        let done = subject.at_once(8, act).await;
        let closed = done.iter().step_by(2).filter(|done| **done).count();
        let logged_in = done.iter().skip(1).step_by(2).filter(|done| **done).count();
        assert!(
            (closed, logged_in) == (1, 0) || (closed, logged_in) == (0, 4),
            "{done:?}"
        );
        let is_there = subject.store().user(id).await.unwrap().is_some();
        assert_eq!(is_there, closed == 0);
    }
}

pub(super) async fn closing_is_cancelled_once(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await.id;
    let nothing = Notices::default();
    assert!(!store.cancel_closing(ann, &nothing).await.unwrap());
    schedule(store, ann, 60).await;
    assert!(store.cancel_closing(ann, &nothing).await.unwrap());
    assert!(!store.cancel_closing(ann, &nothing).await.unwrap());
    assert_eq!(store.scheduled_closing(ann).await.unwrap(), None);
    let closed = store.close_user(&end(ann, 99)).await.unwrap();
    assert_eq!(closed, Closed::NoSuchUser, "they have come back");
    assert_eq!(store.addresses_of(ann, 9).await.unwrap().len(), 2);
    schedule(store, ann, 90).await;
}

pub(super) async fn due_closings_come_in_order(subject: &Subject) {
    let store = subject.store();
    let mut users = Vec::new();
    for (name, number, due) in [
        ("ann", 1, 30),
        ("bob", 2, 10),
        ("carl", 3, 20),
        ("dora", 4, 60),
    ] {
        let user = stored(store, &whole(name, number)).await.id;
        schedule(store, user, due).await;
        users.push(user);
    }
    let due = async |now, limit| {
        let due = store.due_closings(at(now), limit).await.unwrap();
        due.into_iter().map(|it| it.user).collect::<Vec<_>>()
    };
    assert_eq!(due(9, 9).await, []);
    assert_eq!(due(30, 9).await, [users[1], users[2], users[0]]);
    assert_eq!(due(30, 2).await, [users[1], users[2]]);
    assert!(store.put_off_closing(users[1], at(50)).await.unwrap());
    assert!(!store.put_off_closing(users[1], at(50)).await.unwrap());
    assert!(!store.put_off_closing(users[3], at(50)).await.unwrap());
    let missing = store.put_off_closing(UserId::new(99), at(50));
    assert!(!missing.await.unwrap());
    assert_eq!(due(30, 9).await, [users[2], users[0]]);

    // An account that is closed at once waits no more, and one whose time has not come stays.
    let at_once = EndOfUser::now(users[2], "closed-1");
    let closed = store.close_user(&at_once);
    assert_eq!(closed.await.unwrap(), Closed::Removed);
    assert_eq!(due(99, 9).await, [users[0], users[1], users[3]]);
    for (user, by, expected) in [
        (users[3], 59, Closed::NoSuchUser),
        (users[3], 60, Closed::Removed),
        (users[3], 60, Closed::NoSuchUser),
        (users[2], 60, Closed::NoSuchUser),
    ] {
        let closed = store.close_user(&end(user, by)).await.unwrap();
        assert_eq!(closed, expected, "{user:?} by {by}");
    }
    assert_eq!(due(99, 9).await, [users[0], users[1]]);
}

pub(super) async fn return_and_end_have_one_winner(subject: &Subject) {
    let ann = stored(subject.store(), &whole("ann", 1)).await.id;
    schedule(subject.store(), ann, 60).await;
    let act = |store: Arc<dyn Store>, number: u32| async move {
        if number.is_multiple_of(2) {
            let closed = store.close_user(&end(ann, 60)).await.unwrap();
            closed == Closed::Removed
        } else {
            let nothing = Notices::default();
            store.cancel_closing(ann, &nothing).await.unwrap()
        }
    };
    let mut done = subject.at_once(8, act).await;
    done.retain(|done| *done);
    assert_eq!(done.len(), 1);
    let store = subject.store();
    let is_there = store.user(ann).await.unwrap().is_some();
    let addresses = store.addresses_of(ann, 9).await.unwrap().len();
    assert_eq!(
        addresses,
        if is_there { 2 } else { 0 },
        "whole or not at all"
    );
    assert_eq!(store.scheduled_closing(ann).await.unwrap(), None);
}

pub(super) async fn notices_of_closings_are_enqueued_once(subject: &Subject) {
    let (store, outbox) = (subject.store(), subject.outbox());
    let ann = stored(store, &whole("ann", 1)).await.id;
    let keys = async || {
        let all = all(outbox).await;
        let keys = all.into_iter().map(|row| row.message.key);
        keys.collect::<Vec<_>>()
    };
    for _click in 0..2 {
        let told = Notices::new(vec![notice("scheduled", ann)]);
        let new = closing(ann, 60);
        let scheduled = store.schedule_closing(&new, &told);
        assert!(scheduled.await.unwrap().is_some());
        assert_eq!(keys().await, ["scheduled"]);
    }
    for _time in 0..2 {
        let told = Notices::new(vec![notice("cancelled", ann)]);
        store.cancel_closing(ann, &told).await.unwrap();
        assert_eq!(keys().await, ["scheduled", "cancelled"]);
    }
}

/// Of a log-in and of what schedules the closing one comes first: the log-in is refused, and looks again, or its session ends.
pub(super) async fn closing_and_log_in_have_one_order(subject: &Subject) {
    let nothing = Notices::default();
    for round in 0..20_u8 {
        let name = format!("ann{round}");
        let ann = stored(subject.store(), &whole(&name, u32::from(round) + 1))
            .await
            .id;
        let act = move |store: Arc<dyn Store>, number: u32| async move {
            if number == 3 {
                let (new, nothing) = (closing(ann, 60), Notices::default());
                let scheduled = store.schedule_closing(&new, &nothing);
                scheduled.await.unwrap().is_some()
            } else {
                let digest = round * 8 + u8::try_from(number).unwrap();
                let log_in = NewLogIn {
                    unless_closing: true,
                    ..log_in(ann, digest, at(0))
                };
                store.log_in(&log_in).await.unwrap()
            }
        };
        let done = subject.at_once(8, act).await;
        assert!(done[3], "it is scheduled");
        let store = subject.store();
        for number in 0..8 {
            assert!(
                !is_alive(store, round * 8 + number).await,
                "{round} {number}"
            );
        }
        // Until it is cancelled; and nobody is refused who does not ask for it.
        let digest = 200 + round;
        let waits = NewLogIn {
            unless_closing: true,
            ..log_in(ann, digest, at(0))
        };
        assert!(!store.log_in(&waits).await.unwrap());
        if round % 2 == 0 {
            assert!(store.cancel_closing(ann, &nothing).await.unwrap());
            assert!(store.log_in(&waits).await.unwrap());
        } else {
            logged_in(store, ann, digest).await;
        }
        assert!(is_alive(store, digest).await);
    }
}

/// It came a moment before, by another server whose clock is ahead: its session is over, so nobody has come back.
pub(super) async fn log_in_before_a_closing_is_no_return(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await.id;
    assert!(store.log_in(&log_in(ann, 1, at(50))).await.unwrap());
    let nothing = Notices::default();
    let scheduled = store.schedule_closing(&closing(ann, 60), &nothing).await;
    let (kept, is_new) = scheduled.unwrap().unwrap();
    assert!(is_new && !is_alive(store, 1).await);
    let user = store.user(ann).await.unwrap().unwrap();
    assert!(kept.stands(user.last_login), "{kept:?}");
    assert_eq!(store.scheduled_closing(ann).await.unwrap(), Some(kept));
}

/// What is left of a closing whose user another program has deleted is in nobody's way.
pub(super) async fn closing_goes_with_its_user(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await.id;
    let bob = stored(store, &whole("bob", 2)).await.id;
    schedule(store, ann, 60).await;
    schedule(store, bob, 70).await;
    subject.outside(ExternalChange::DeleteUser(ann)).await;
    assert_eq!(store.scheduled_closing(ann).await.unwrap(), None);
    let due = store.due_closings(at(99), 9).await.unwrap();
    assert_eq!(due, [closing(bob, 70)]);
    let closed = store.close_user(&end(ann, 99)).await.unwrap();
    assert_eq!(closed, Closed::NoSuchUser);
    let nothing = Notices::default();
    assert!(!store.cancel_closing(ann, &nothing).await.unwrap());
    // Anyone who has that name next is not closed for it.
    let next = stored(store, &whole("ann", 1)).await.id;
    assert_eq!(store.scheduled_closing(next).await.unwrap(), None);
}
