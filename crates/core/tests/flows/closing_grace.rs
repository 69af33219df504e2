//! An account that is closed later, and had back before.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{ANNS_EMAIL, HORSE, Kit, SECRET, STAPLE, keyring, refusal};
use chrono::DateTime;
use chrono::Utc;
use phone_auth_core::accounts::{Accounts, CloseRefusal, Closing, FailureKind, SignUpForm};
use phone_auth_core::address::AddressKind;
use phone_auth_core::clock::Clock;
use phone_auth_core::password::Password;
use phone_auth_core::randomness::{Randomness, RandomnessError};
use phone_auth_core::store::{Closed, StoreErrorKind};
use phone_auth_core::user::User;
use phone_auth_events::{
    AccountClosing, AccountClosingScheduled, LoginEmail, MayNotClose, SecurityNoticeEmail,
};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

const DAY: Duration = Duration::from_hours(24);
const GRACE: Duration = Duration::from_hours(30 * 24);

fn kit() -> Kit {
    Kit::with_settings(|settings| {
        settings.closing_grace = Some(GRACE);
        settings.login_by_code = true;
    })
}

/// Ann, who has closed her account, and when it is due.
async fn closed(kit: &Kit) -> (User, DateTime<Utc>) {
    let user = kit.sign_up_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let closing = kit.accounts.request_closing(user.id).await.unwrap();
    let Closing::Scheduled(due_at) = closing else {
        unreachable!("{closing:?}");
    };
    let session = kit.accounts.current_user(current_user.key()).await;
    assert!(session.unwrap().is_none(), "their sessions are over");
    (kit.stored(&user).await, due_at)
}

#[tokio::test]
async fn account_is_closed_after_its_grace() {
    let kit = kit();
    let mut scheduled = kit.signals.capture::<AccountClosingScheduled>();
    let (ann, due_at) = closed(&kit).await;
    let event = scheduled.take().remove(0);
    assert_eq!(DateTime::<Utc>::from(event.due_at), due_at);
    assert_eq!(due_at, ann.last_login.unwrap() + GRACE);
    let told = [
        "account_closing request_closing ann",
        "account_closing_scheduled request_closing ann",
    ];
    assert_eq!(kit.record.take(), told);
    assert_eq!(kit.accounts.closing_of(&ann).await.unwrap(), Some(due_at));

    // A second click is answered as the first.
    let again = kit.accounts.request_closing(ann.id).await.unwrap();
    assert_eq!(again, Closing::Scheduled(due_at));
    assert_eq!(kit.record.take(), told[..1], "told once");
    let form = kit.accounts.password_form_token(&ann);
    assert!(kit.accounts.repeated_close(&form).await.unwrap());

    // Until then all names stay taken.
    for form in [
        SignUpForm {
            username: "anna",
            phone: "+442079460018",
            ..common::ann()
        },
        SignUpForm {
            email: "anna@example.org",
            phone: "+442079460018",
            ..common::ann()
        },
    ] {
        refusal(kit.accounts.sign_up(form).await);
    }
    kit.clock
        .advance(GRACE.saturating_sub(Duration::from_secs(1)));
    assert_eq!(kit.accounts.close_due().await.unwrap(), 0);
    assert_eq!(kit.stored(&ann).await, ann);
    kit.record.forget();

    kit.clock.advance(Duration::from_secs(1));
    assert_eq!(kit.accounts.close_due().await.unwrap(), 1);
    let told = [
        "account_closing close_due ann",
        "account_closed close_due ann",
    ];
    assert_eq!(kit.record.take(), told);
    assert_eq!(kit.accounts.find("ann").await.unwrap(), None);
    assert_eq!(kit.accounts.close_due().await.unwrap(), 0);
    kit.accounts.sign_up(common::ann()).await.unwrap();
}

/// By the password, by a code, by an application of its own, and by an operator.
#[tokio::test]
async fn who_comes_back_keeps_the_account() {
    for way in [
        "password",
        "code",
        "session",
        "operator",
        "django",
        "django at once",
    ] {
        let kit = kit();
        let mut codes = kit.signals.capture::<LoginEmail>();
        let (ann, due_at) = closed(&kit).await;
        for address in kit.accounts.addresses_of(ann.id).await.unwrap() {
            let verified = kit.accounts.set_verified(&ann, &address, true);
            assert!(verified.await.unwrap().is_changed());
        }
        // Who only tries is no one who comes back.
        let wrong = Password::new(STAPLE);
        refusal(kit.accounts.log_in("ann", &wrong, None).await);
        assert_eq!(kit.accounts.closing_of(&ann).await.unwrap(), Some(due_at));
        kit.clock.advance(GRACE.saturating_sub(DAY));
        kit.record.forget();
        match way {
            "password" => drop(kit.log_in("ann", HORSE).await),
            "code" => {
                let key = kit.accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
                let code = codes.take().remove(0).envelope.code.unwrap();
                let logged_in = kit.accounts.log_in_by_code(&key, code.as_str(), None);
                drop(logged_in.await.unwrap());
            }
            "session" => drop(kit.accounts.begin_session(ann.id, None).await.unwrap()),
            "operator" => drop(kit.accounts.set_active("ann", true).await.unwrap()),
            _ => {
                let now = kit.clock.now();
                let change = ExternalChange::SetLastLogin(ann.id, Some(now));
                kit.store.make(change).await;
            }
        }
        let told = kit.record.take();
        let is_told = |line: &&String| *line == "account_closing_cancelled cancel_closing ann";
        let times = usize::from(!way.starts_with("django"));
        assert_eq!(
            told.iter().filter(is_told).count(),
            times,
            "{way}: {told:?}"
        );
        let user = kit.stored(&ann).await;
        assert_eq!(kit.accounts.closing_of(&user).await.unwrap(), None, "{way}");
        if way != "django at once" {
            kit.clock.advance(2 * GRACE);
            assert_eq!(kit.accounts.close_due().await.unwrap(), 0, "{way}");
            assert_eq!(kit.stored(&ann).await, user, "{way}");
        }
        // They may change their mind once more.
        let closing = kit.accounts.request_closing(ann.id).await.unwrap();
        assert!(
            matches!(closing, Closing::Scheduled(at) if at > due_at),
            "{way}"
        );
        kit.clock.advance(GRACE);
        assert_eq!(kit.accounts.close_due().await.unwrap(), 1, "{way}");
    }
}

#[tokio::test]
async fn operator_closes_at_once() {
    let kit = kit();
    let (ann, _) = closed(&kit).await;
    assert_eq!(kit.accounts.close(ann.id).await.unwrap(), Closed::Removed);
    kit.clock.advance(GRACE);
    assert_eq!(kit.accounts.close_due().await.unwrap(), 0);
}

/// Where the account goes within two days, a day alone would not say when.
#[tokio::test]
async fn owner_is_told_of_both() {
    for (grace, format) in [
        (Duration::from_hours(1), "%Y-%m-%d %H:%M"),
        (Duration::from_hours(47), "%Y-%m-%d %H:%M"),
        (2 * DAY, "%Y-%m-%d"),
        (GRACE, "%Y-%m-%d"),
    ] {
        told_of_both(grace, format).await;
    }
}

async fn told_of_both(grace: Duration, format: &str) {
    let kit = Kit::with_settings(|settings| settings.closing_grace = Some(grace));
    let told = Arc::new(Mutex::new(Vec::new()));
    let notices = Arc::clone(&told);
    let tell = move |event: &SecurityNoticeEmail| {
        let day = event.change.day().map(str::to_owned);
        notices.lock().unwrap().push((event.change.name(), day));
    };
    kit.signals.connect(tell).forever();
    let user = kit.sign_up_ann().await;
    let address = kit.accounts.addresses_of(user.id).await.unwrap().remove(0);
    assert_eq!(address.kind, AddressKind::Email);
    let verified = kit.accounts.set_verified(&user, &address, true);
    assert!(verified.await.unwrap().is_changed());
    told.lock().unwrap().clear();
    let closing = kit.accounts.request_closing(user.id).await.unwrap();
    let Closing::Scheduled(due_at) = closing else {
        unreachable!("{closing:?}");
    };
    let day = due_at.format(format).to_string();
    kit.log_in("ann", HORSE).await;
    let expected = [
        ("closing_scheduled", Some(day)),
        ("closing_cancelled", None),
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}

#[tokio::test]
async fn refused_closing_is_put_off() {
    let kit = kit();
    let may_not = Arc::new(Mutex::new(false));
    let asked = Arc::clone(&may_not);
    let veto = move |_: &AccountClosing| {
        if *asked.lock().unwrap() {
            return Err(MayNotClose::new("An order is on its way."));
        }
        Ok(())
    };
    kit.signals.connect(veto).forever();
    let (ann, _) = closed(&kit).await;
    *may_not.lock().unwrap() = true;
    let refused = refusal(kit.accounts.request_closing(ann.id).await);
    assert!(matches!(refused, CloseRefusal::MayNot(Some(_))));
    kit.clock.advance(GRACE);
    for _day in 0..3 {
        assert_eq!(kit.accounts.close_due().await.unwrap(), 0);
        assert_eq!(kit.stored(&ann).await, ann);
        kit.clock.advance(DAY);
    }
    *may_not.lock().unwrap() = false;
    assert_eq!(kit.accounts.close_due().await.unwrap(), 1);
}

/// A source of randomness that fails so often.
struct Failing(Arc<AtomicU32>);

impl Randomness for Failing {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomnessError> {
        let left = self.0.load(Ordering::SeqCst);
        if left > 0 {
            self.0.store(left - 1, Ordering::SeqCst);
            return Err(RandomnessError::default());
        }
        buffer.fill(7);
        Ok(())
    }
}

/// The others are closed in time, and the one that failed is tried again later.
#[tokio::test]
async fn closing_that_fails_delays_no_other() {
    let kit = kit();
    let (ann, _) = closed(&kit).await;
    let bob = kit.sign_up_bob().await;
    kit.clock.advance(Duration::from_secs(1));
    let _ = kit.accounts.request_closing(bob.id).await.unwrap();
    let failing = Arc::new(AtomicU32::new(1));
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .signals(kit.signals.clone())
        .settings(kit.accounts.settings().clone())
        .clock(kit.clock.clone())
        .randomness(Failing(Arc::clone(&failing)))
        .hasher(kit.hasher.clone())
        .build()
        .unwrap();
    kit.clock.advance(GRACE);
    assert_eq!(
        accounts.close_due().await.unwrap_err().kind(),
        FailureKind::Broken
    );
    assert_eq!(failing.load(Ordering::SeqCst), 0);
    assert!(accounts.user(ann.id).await.unwrap().is_some());
    assert!(accounts.user(bob.id).await.unwrap().is_none());
    assert_eq!(accounts.close_due().await.unwrap(), 0);
    kit.clock.advance(Duration::from_hours(1));
    assert_eq!(accounts.close_due().await.unwrap(), 1);
    assert!(accounts.user(ann.id).await.unwrap().is_none());
}

#[tokio::test]
async fn failed_store_schedules_nothing() {
    let kit = kit();
    let user = kit.sign_up_ann().await;
    for calls in 0..2 {
        kit.store.fail_after(calls, StoreErrorKind::Unavailable);
        kit.accounts.request_closing(user.id).await.unwrap_err();
        kit.store.recover();
        let user = kit.stored(&user).await;
        assert_eq!(kit.accounts.closing_of(&user).await.unwrap(), None);
    }
    let told = kit.record.take();
    let is_scheduled = |line: &String| line.starts_with("account_closing_scheduled");
    assert!(!told.iter().any(is_scheduled));
}

/// Of a log-in and of a closing at the same time, whichever is first: they are in and the account stays, or they are out and
/// it is to be closed.
#[tokio::test]
async fn log_in_beside_a_closing_keeps_or_is_over() {
    let mut kept = 0;
    for turns in 0..60 {
        let kit = kit();
        let ann = kit.sign_up_ann().await;
        let session = async {
            for _ in 0..turns % 20 {
                tokio::task::yield_now().await;
            }
            kit.accounts.begin_session(ann.id, None).await.unwrap().key
        };
        let closing = async {
            for _ in 0..turns / 5 {
                tokio::task::yield_now().await;
            }
            kit.accounts.request_closing(ann.id).await.unwrap()
        };
        let (key, closing) = tokio::join!(session, closing);
        assert!(matches!(closing, Closing::Scheduled(_)));
        let is_in = kit.accounts.current_user(&key).await.unwrap().is_some();
        let user = kit.stored(&ann).await;
        let is_closing = kit.accounts.closing_of(&user).await.unwrap().is_some();
        assert_eq!(is_in, !is_closing, "after {turns} turns");
        kept += u32::from(is_in);
    }
    assert!((1..60).contains(&kept), "one is always first: {kept}");
}

/// What waits for a user whom another program has deleted past the foreign keys is swept.
#[tokio::test]
async fn closing_of_nobody_is_swept() {
    let kit = kit();
    let (ann, _) = closed(&kit).await;
    let bob = kit.sign_up_bob().await;
    let _ = kit.accounts.request_closing(bob.id).await.unwrap();
    let delete = ExternalChange::DeleteUser(ann.id);
    kit.store.make(delete).await;
    kit.clock.advance(GRACE);
    assert_eq!(kit.accounts.close_due().await.unwrap(), 1, "only Bob's");
    assert_eq!(kit.accounts.close_due().await.unwrap(), 0);
}
