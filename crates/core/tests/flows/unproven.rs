//! Accounts with a password that nobody has shown to be theirs: they end, and nobody's who is there does.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use phone_auth_core::accounts::Accounts;
use phone_auth_core::clock::Clock;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::{ClosingScheduleStore, UserStore};
use phone_auth_core::user::User;
use phone_auth_events::{AccountClosing, MayNotClose};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

use crate::common::{HORSE, Kit, SECRET, ann, keyring};

const DAY: Duration = Duration::from_hours(24);

/// How long an account stays, and from what on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stays {
    ForEver,
    /// Days, from the sign-up.
    Joined(i64),
    /// Days, from the last log-in.
    LoggedIn(i64),
}

fn plain(_: &mut Settings) {}

fn asks(settings: &mut Settings) {
    settings.verify_at_sign_up = true;
}

fn requires(settings: &mut Settings) {
    settings.require_verified = true;
}

fn off(settings: &mut Settings) {
    settings.require_verified = true;
    settings.unverified_account_lifetime = None;
}

/// The user, if they are there.
async fn named_ann(kit: &Kit) -> Option<User> {
    let users = kit.store.users_after(None, 9).await.unwrap();
    users.into_iter().next()
}

/// What has been done to an account by the time that it would end.
async fn act(kit: &Kit, what: &str) {
    let made = match what {
        "made by an operator" => kit.accounts.create_user(ann()).await,
        _ => kit.accounts.sign_up(ann()).await,
    };
    let user = made.unwrap();
    match what {
        "signed in at once" => drop(kit.accounts.begin_session(user.id, None).await.unwrap()),
        "signed in later" => {
            kit.clock.advance(20 * DAY);
            kit.log_in("ann", HORSE).await;
        }
        "came back" => {
            let begun = kit.accounts.begin_session(user.id, None).await;
            drop(begun.unwrap());
            kit.clock.advance(20 * DAY);
            kit.log_in("ann", HORSE).await;
        }
        // As Django does.
        "signed in elsewhere" => {
            kit.clock.advance(20 * DAY);
            let now = Some(kit.clock.now());
            let change = ExternalChange::SetLastLogin(user.id, now);
            kit.store.make(change).await;
        }
        "disabled" => {
            let change = ExternalChange::SetActive(user.id, false);
            kit.store.make(change).await;
        }
        "verified" => {
            let addresses = kit.accounts.addresses_of(user.id).await.unwrap();
            kit.prove(addresses.first().unwrap()).await;
        }
        _ => {}
    }
}

#[tokio::test]
async fn unverified_account_that_nobody_uses_is_closed() {
    use Stays::{ForEver, Joined, LoggedIn};
    // A session lives for 14 days.
    type Site = (&'static str, fn(&mut Settings));
    let sites: [Site; 4] = [
        ("plain", plain),
        ("asks", asks),
        ("requires", requires),
        ("off", off),
    ];
    for (what, expected) in [
        ("nothing", [Joined(30), Joined(30), Joined(30), ForEver]),
        (
            "signed in at once",
            [ForEver, LoggedIn(44), LoggedIn(44), ForEver],
        ),
        ("signed in later", [ForEver, ForEver, LoggedIn(44), ForEver]),
        ("came back", [ForEver, ForEver, LoggedIn(44), ForEver]),
        (
            "signed in elsewhere",
            [ForEver, ForEver, LoggedIn(44), ForEver],
        ),
        ("verified", [ForEver; 4]),
        ("disabled", [ForEver; 4]),
        ("made by an operator", [ForEver; 4]),
    ] {
        for ((site, change), stays) in sites.into_iter().zip(expected) {
            let kit = Kit::with_settings(change);
            act(&kit, what).await;
            let case = format!("{what} at {site}");
            let user = named_ann(&kit).await.unwrap();
            let due_at = match stays {
                ForEver => None,
                Joined(days) => Some(user.date_joined + TimeDelta::days(days)),
                LoggedIn(days) => user.last_login.map(|at| at + TimeDelta::days(days)),
            };
            let told = kit.accounts.unproven_until(&user).await.unwrap();
            assert_eq!(told, due_at, "{case}");
            let Some(due_at) = due_at else {
                kit.clock.advance(400 * DAY);
                assert_eq!(kit.accounts.close_due().await.unwrap(), 0, "{case}");
                assert_eq!(kit.stored(&user).await, user, "{case}");
                // Nothing is looked at again.
                let kept = kit.store.scheduled_closing(user.id).await;
                assert_eq!(kept.unwrap(), None, "{case}");
                continue;
            };
            let left = (due_at - kit.clock.now()).to_std().unwrap();
            kit.clock
                .advance(left.saturating_sub(Duration::from_secs(1)));
            assert_eq!(kit.accounts.close_due().await.unwrap(), 0, "{case}");
            kit.record.forget();
            kit.clock.advance(Duration::from_secs(1));
            assert_eq!(kit.accounts.close_due().await.unwrap(), 1, "{case}");
            assert_eq!(named_ann(&kit).await, None, "{case}");
            let told = [
                "account_closing close_due ann",
                "account_closed close_due ann",
            ];
            assert_eq!(kit.record.take(), told, "{case}");
            // The names are free.
            kit.accounts.sign_up(ann()).await.unwrap();
        }
    }
}

/// What the application keeps of an account it may want to stay.
#[tokio::test]
async fn application_keeps_an_unverified_account() {
    let kit = Kit::new();
    let user = kit.sign_up_ann().await;
    let refuses = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&refuses);
    let veto = move |_: &AccountClosing| {
        if asked.load(Ordering::SeqCst) {
            return Err(MayNotClose::new("An order is on its way."));
        }
        Ok(())
    };
    kit.signals.connect(veto).forever();
    kit.clock.advance(30 * DAY);
    assert_eq!(kit.accounts.close_due().await.unwrap(), 0);
    assert_eq!(kit.stored(&user).await, user);
    refuses.store(false, Ordering::SeqCst);
    assert_eq!(kit.accounts.close_due().await.unwrap(), 0, "in a day");
    kit.clock.advance(DAY);
    assert_eq!(kit.accounts.close_due().await.unwrap(), 1);
}

/// Someone who proves the address, or signs in, in the moment in which the account is closed, keeps it.
#[tokio::test]
async fn return_at_the_last_moment_keeps_the_account() {
    for what in ["log-in", "password", "proof"] {
        let kit = Kit::new();
        let user = kit.sign_up_ann().await;
        let addresses = kit.accounts.addresses_of(user.id).await.unwrap();
        let (store, address) = (kit.store.clone(), addresses.first().unwrap().clone());
        let change = match what {
            "log-in" => ExternalChange::SetLastLogin(user.id, Some(kit.clock.now())),
            "password" => ExternalChange::SetPassword(user.id, "argon2$other".to_owned()),
            _ => ExternalChange::SetVerified(address.kind, address.id, true),
        };
        // It was decided by then, and is not done.
        let meanwhile = move |_: AccountClosing| {
            let (store, change) = (store.clone(), change.clone());
            async move { store.make(change).await }
        };
        kit.signals.connect_async(meanwhile).forever();
        kit.clock.advance(30 * DAY);
        assert_eq!(kit.accounts.close_due().await.unwrap(), 0, "{what}");
        let kept = kit.accounts.user(user.id).await.unwrap();
        assert!(kept.is_some(), "{what}");
    }
}

/// A session that was begun when sessions lived longer goes on, and so does the account.
#[tokio::test]
async fn living_session_keeps_an_unverified_account() {
    let kit = Kit::with_settings(|settings| {
        requires(settings);
        settings.session_lifetime = 100 * DAY;
    });
    let user = kit.sign_up_ann().await;
    drop(kit.accounts.begin_session(user.id, None).await.unwrap());
    let user = kit.stored(&user).await;
    let mut settings = kit.accounts.settings().clone();
    settings.session_lifetime = 14 * DAY;
    let shorter = Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .settings(settings)
        .signals(kit.signals.clone())
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .build()
        .unwrap();
    kit.clock.advance(99 * DAY);
    assert_eq!(shorter.close_due().await.unwrap(), 0);
    assert_eq!(kit.stored(&user).await, user);
    let until = user.last_login.unwrap() + TimeDelta::days(100);
    assert_eq!(shorter.unproven_until(&user).await.unwrap(), Some(until));
    kit.clock.advance(DAY);
    assert_eq!(shorter.close_due().await.unwrap(), 1);
}

/// A log-in waits for no closing that nobody wanted, also where users may have theirs closed later.
#[tokio::test]
async fn unverified_account_is_logged_in_to_at_once() {
    let kit = Kit::with_settings(|settings| {
        requires(settings);
        settings.closing_grace = Some(DAY);
    });
    let user = kit.sign_up_ann().await;
    kit.clock.advance(29 * DAY);
    kit.log_in("ann", HORSE).await;
    let user = kit.stored(&user).await;
    // Which is no proof.
    let until = user.last_login.unwrap() + TimeDelta::days(44);
    assert_eq!(
        kit.accounts.unproven_until(&user).await.unwrap(),
        Some(until)
    );
    // Nor has the user wanted it.
    let form = kit.accounts.password_form_token(&user);
    assert!(!kit.accounts.repeated_close(&form).await.unwrap());
}
