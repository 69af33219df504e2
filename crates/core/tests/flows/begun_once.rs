//! Two clicks at a form that gives a browser the key of a session: one session is left, which each of them is given.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{CountingHasher, HORSE, Kit, SECRET, STAPLE, keyring, refusal, unlimited};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::accounts::{Accounts, LogInRefusal, ReauthenticationRefusal};
use phone_auth_core::clock::{Clock, ManualClock};
use phone_auth_core::password::{
    EncodedPassword, HashError, Password, PasswordHasher, Requester, Verdict,
};
use phone_auth_core::session::SessionKey;
use tokio::sync::Notify;

async fn log_in(accounts: &Accounts, previous: Option<&SessionKey>) -> SessionKey {
    let password = Password::new(HORSE);
    accounts
        .log_in("ann", &password, previous)
        .await
        .unwrap()
        .key
}

/// The second click is one of the same browser, within ten seconds, while the session of the first goes on, and where the browser
/// has no other. It is told of once.
#[tokio::test]
async fn second_click_gets_the_session_of_the_first() {
    for (what, is_same, told) in [
        ("at once", true, 0),
        ("nine seconds later", true, 0),
        ("ten seconds later", false, 1),
        ("another browser", false, 1),
        ("no browser", false, 1),
        ("signed out", false, 1),
        ("stays signed in", false, 1),
        ("another session", false, 1),
    ] {
        let kit = Kit::with_settings(|settings| {
            settings.short_session_lifetime = Some(Duration::from_hours(1));
        });
        kit.sign_up_ann().await;
        let browser = kit.accounts.for_browser(Some("a browser"));
        let other = log_in(&kit.accounts, None).await;
        let first = log_in(&browser, None).await;
        let mut clicks = browser.clone();
        let mut previous = None;
        match what {
            "nine seconds later" => kit.clock.advance(Duration::from_secs(9)),
            "ten seconds later" => kit.clock.advance(Duration::from_secs(10)),
            "another browser" => clicks = kit.accounts.for_browser(Some("another browser")),
            "no browser" => clicks = kit.accounts.for_browser(None),
            "signed out" => drop(browser.log_out(&first).await.unwrap()),
            "stays signed in" => clicks = browser.keeping_signed_in(true),
            "another session" => previous = Some(&other),
            _ => {}
        }
        kit.record.forget();
        let second = log_in(&clicks, previous).await;
        assert_eq!(second.reveal() == first.reveal(), is_same, "{what}");
        assert_eq!(kit.record.take().len(), told, "{what}");
        assert!(kit.accounts.current_user(&second).await.unwrap().is_some());
    }
}

/// Another process over the same store, which knows nothing of what this one remembers.
fn elsewhere(kit: &Kit, hasher: impl PasswordHasher + 'static) -> Accounts {
    at_clock(kit, hasher, kit.clock.clone())
}

/// The same with a clock of its own.
fn at_clock(
    kit: &Kit,
    hasher: impl PasswordHasher + 'static,
    clock: impl Clock + 'static,
) -> Accounts {
    Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .signals(kit.signals.clone())
        .settings(unlimited())
        .clock(clock)
        .hasher(hasher)
        .build()
        .unwrap()
}

/// A second click that another process has gets the session of the first, whether it comes after that or at the same moment.
#[tokio::test]
async fn click_elsewhere_gets_the_session_of_the_first() {
    for (what, is_same) in [
        ("after it", true),
        ("at the same moment", true),
        ("nine seconds later", true),
        ("ten seconds later", false),
        ("another browser", false),
        ("signed out", false),
        ("another session", false),
    ] {
        let kit = Kit::with_ann().await;
        let first = kit.accounts.for_browser(Some("a browser"));
        let hasher = Waiting::default();
        let mut second = elsewhere(&kit, hasher.clone()).for_browser(Some("a browser"));
        let other = match what {
            "another session" => Some(log_in(&kit.accounts, None).await),
            _ => None,
        };
        let is_at_once = what == "at the same moment";
        let mut begun = None;
        if is_at_once {
            hasher.next_waits.store(true, Ordering::SeqCst);
            let second = second.clone();
            begun = Some(tokio::spawn(async move { log_in(&second, None).await }));
            hasher.checked.notified().await;
        }
        let key = log_in(&first, None).await;
        match what {
            "nine seconds later" => kit.clock.advance(Duration::from_secs(9)),
            "ten seconds later" => kit.clock.advance(Duration::from_secs(10)),
            "another browser" => second = second.for_browser(Some("another browser")),
            "signed out" => drop(first.log_out(&key).await.unwrap()),
            _ => {}
        }
        hasher.goes_on.notify_one();
        kit.record.forget();
        let again = match begun {
            Some(begun) => begun.await.unwrap(),
            None => log_in(&second, other.as_ref()).await,
        };
        assert_eq!(again.reveal() == key.reveal(), is_same, "{what}");
        assert_eq!(kit.record.take().len(), usize::from(!is_same), "{what}");
        let sessions = 1 + usize::from(!is_same && !matches!(what, "signed out"));
        assert_eq!(kit.store.session_count(), sessions, "{what}");
        assert!(second.current_user(&again).await.unwrap().is_some());
    }
}

/// The same for the forms that give the session another key.
#[tokio::test]
async fn proof_elsewhere_gets_the_key_of_the_first() {
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    for (changes, seconds, is_same) in [
        (false, 0, true),
        (true, 0, true),
        // The clock of the first is ahead.
        (false, -9, true),
        (true, -9, true),
        (false, -20, false),
        (true, -20, false),
        (false, 9, true),
        (true, 9, true),
        (false, 20, false),
        (true, 20, false),
    ] {
        let kit = Kit::with_ann().await;
        let key = log_in(&kit.accounts, None).await;
        let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
        let form = kit.accounts.password_form_token(ann.user());
        let browser = kit.accounts.for_browser(Some("a browser"));
        let second = elsewhere(&kit, CountingHasher::default()).for_browser(Some("a browser"));
        let first = if changes {
            let first = browser.change_password(&ann, &horse, &staple, &staple);
            first.await.unwrap()
        } else {
            browser.reauthenticate(&ann, &horse).await.unwrap()
        };
        kit.clock.set(kit.clock.now() + TimeDelta::seconds(seconds));
        let again = if changes {
            let again = second.repeated_change(&form, &staple, &staple).await;
            again.unwrap().unwrap().key
        } else {
            second.repeated_proof(&form, &horse).await.unwrap().unwrap()
        };
        let case = format!("{changes} {seconds}");
        assert_eq!(first.reveal() == again.reveal(), is_same, "{case}");
        assert_eq!(
            kit.store.session_count(),
            1 + usize::from(!is_same),
            "{case}"
        );
    }
}

/// A form that is sent again on purpose gives the session another key each time, and none that has ended.
#[tokio::test]
async fn proof_renews_the_key_each_time() {
    for changes in [false, true] {
        let kit = Kit::with_ann().await;
        let browser = kit.accounts.for_browser(Some("a browser"));
        let mut keys = vec![log_in(&browser, None).await];
        let mut password = Password::new(HORSE);
        for new in ["copper-Lantern-1", "copper-Lantern-2", "copper-Lantern-3"] {
            let key = keys.last().unwrap();
            let ann = browser.current_user(key).await.unwrap().unwrap();
            let next = if changes {
                let (old, new) = (password.clone(), Password::new(new));
                password = new.clone();
                browser
                    .change_password(&ann, &old, &new, &new)
                    .await
                    .unwrap()
            } else {
                browser.reauthenticate(&ann, &password).await.unwrap()
            };
            for before in &keys {
                assert_ne!(next.reveal(), before.reveal(), "{changes}");
                assert!(browser.current_user(before).await.unwrap().is_none());
            }
            keys.push(next);
        }
    }
}

/// The end of ten seconds of the clock.
fn boundary() -> DateTime<Utc> {
    DateTime::from_timestamp(1_900_000_000, 0).unwrap()
}

/// Two processes at the same moment, each by its clock: one before the end of ten seconds, the other after it.
#[tokio::test]
async fn clicks_around_the_end_of_ten_seconds_have_one_session() {
    for (first_at, second_at) in [(-1, 1), (1, -1), (-600, 300), (-1, 0), (0, -1)] {
        for are_at_once in [false, true] {
            let kit = Kit::with_ann().await;
            let at = |millis| boundary() + TimeDelta::milliseconds(millis);
            kit.clock.set(at(first_at));
            let first = kit.accounts.for_browser(Some("a browser"));
            let (hasher, clock) = (Waiting::default(), ManualClock::at(at(second_at)));
            let second = at_clock(&kit, hasher.clone(), clock);
            let second = second.for_browser(Some("a browser"));
            hasher.next_waits.store(are_at_once, Ordering::SeqCst);
            let (key, again) = if are_at_once {
                let begun = tokio::spawn(async move { log_in(&second, None).await });
                hasher.checked.notified().await;
                let key = log_in(&first, None).await;
                kit.record.forget();
                hasher.goes_on.notify_one();
                (key, begun.await.unwrap())
            } else {
                let key = log_in(&first, None).await;
                kit.record.forget();
                (key, log_in(&second, None).await)
            };
            let case = format!("{first_at} {second_at} {are_at_once}");
            assert_eq!(key.reveal(), again.reveal(), "{case}");
            assert!(kit.record.take().is_empty(), "{case}");
            assert_eq!(kit.store.session_count(), 1, "{case}");
            assert!(first.current_user(&key).await.unwrap().is_some(), "{case}");
        }
    }
}

/// Ten seconds are no longer where ten seconds of the clock end.
#[tokio::test]
async fn click_after_ten_seconds_begins_another() {
    for before in (0..10_000).step_by(250) {
        let kit = Kit::with_ann().await;
        let at = boundary() - TimeDelta::milliseconds(before);
        kit.clock.set(at);
        let first = kit.accounts.for_browser(Some("a browser"));
        let second = elsewhere(&kit, CountingHasher::default());
        let second = second.for_browser(Some("a browser"));
        let mut keys = vec![log_in(&first, None).await];
        for (clicks, seconds) in [(&first, 10), (&second, 20)] {
            kit.clock.set(at + TimeDelta::seconds(seconds));
            let key = log_in(clicks, None).await;
            let is_new = keys.iter().all(|it| it.reveal() != key.reveal());
            assert!(is_new, "{before} {seconds}");
            keys.push(key);
        }
        assert_eq!(kit.store.session_count(), keys.len(), "{before}");
    }
}

/// The same where both begin before either looks for the other: one of the two is left, and both browsers have it.
#[tokio::test]
async fn clicks_that_run_together_leave_one_session() {
    for (first_at, second_at) in [(-1, 1), (1, -1), (0, 0)] {
        let kit = Kit::with_ann().await;
        let at = |millis| boundary() + TimeDelta::milliseconds(millis);
        kit.clock.set(at(first_at));
        let first = kit.accounts.for_browser(Some("a browser"));
        let clock = ManualClock::at(at(second_at));
        let second = at_clock(&kit, CountingHasher::default(), clock);
        let second = second.for_browser(Some("a browser"));
        let (one, other) = tokio::join!(log_in(&first, None), log_in(&second, None));
        assert_eq!(one.reveal(), other.reveal(), "{first_at}");
        assert_eq!(kit.store.session_count(), 1, "{first_at}");
    }
}

/// Goes on by a millisecond whenever it is looked at.
struct Stepping(ManualClock);

impl Clock for Stepping {
    fn now(&self) -> DateTime<Utc> {
        self.0.advance(Duration::from_millis(1));
        self.0.now()
    }
}

/// The ten seconds may end between any two looks at the clock.
#[tokio::test]
async fn click_elsewhere_gets_the_session_whenever_ten_seconds_end() {
    for before in 0..40 {
        let kit = Kit::with_ann().await;
        let clock = ManualClock::at(boundary() - TimeDelta::milliseconds(before));
        let first = at_clock(&kit, CountingHasher::default(), Stepping(clock.clone()));
        let key = log_in(&first.for_browser(Some("a browser")), None).await;
        let second = at_clock(&kit, CountingHasher::default(), clock);
        let again = log_in(&second.for_browser(Some("a browser")), None).await;
        assert_eq!(key.reveal(), again.reveal(), "{before}");
        assert_eq!(kit.store.session_count(), 1, "{before}");
    }
}

/// A wrong password gets nothing of it.
#[tokio::test]
async fn guess_gets_no_session_of_before() {
    let kit = Kit::with_ann().await;
    let browser = kit.accounts.for_browser(Some("a browser"));
    log_in(&browser, None).await;
    let guess = browser.log_in("ann", &Password::new(STAPLE), None).await;
    assert!(guess.is_err());
    assert_eq!(kit.store.session_count(), 1);
}

/// The forms that give the session another key: the second click comes with the old one, at once or when that is over.
#[tokio::test]
async fn second_proof_gets_the_key_of_the_first() {
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    for changes in [false, true] {
        let kit = Kit::with_ann().await;
        let key = log_in(&kit.accounts, None).await;
        let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
        let form = kit.accounts.password_form_token(ann.user());
        let browser = kit.accounts.for_browser(Some("a browser"));
        let (first, second) = if changes {
            let first = browser.change_password(&ann, &horse, &staple, &staple);
            let first = first.await.unwrap();
            let second = browser.repeated_change(&form, &staple, &staple).await;
            (first, second.unwrap().unwrap().key)
        } else {
            let [first, at_once] = tokio::join!(
                browser.reauthenticate(&ann, &horse),
                browser.reauthenticate(&ann, &horse),
            )
            .into();
            let first = first.unwrap();
            assert_eq!(first.reveal(), at_once.unwrap().reveal());
            let second = browser.repeated_proof(&form, &horse).await;
            (first, second.unwrap().unwrap())
        };
        assert_eq!(first.reveal(), second.reveal(), "{changes}");
        assert_eq!(kit.store.session_count(), 1, "{changes}");
    }
}

/// A hasher whose next check is known, and said only when it is let go.
#[derive(Clone, Default)]
struct Waiting {
    inner: CountingHasher,
    next_waits: Arc<AtomicBool>,
    checked: Arc<Notify>,
    goes_on: Arc<Notify>,
}

#[async_trait]
impl PasswordHasher for Waiting {
    async fn hash(&self, new: &Password, by: &Requester) -> Result<EncodedPassword, HashError> {
        self.inner.hash(new, by).await
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        by: &Requester,
    ) -> Result<Verdict, HashError> {
        let verdict = self.inner.verify(password, encoded, by).await;
        if self.next_waits.swap(false, Ordering::SeqCst) {
            self.checked.notify_one();
            self.goes_on.notified().await;
        }
        verdict
    }

    async fn verify_nothing(&self, password: &Password, by: &Requester) -> Result<(), HashError> {
        self.inner.verify_nothing(password, by).await
    }
}

/// A password that was right when it was checked, and is not any more, gets nothing of a click with the new one.
#[tokio::test]
async fn password_of_before_gets_no_session_of_the_new_one() {
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    for proves in [false, true] {
        let kit = Kit::with_ann().await;
        let hasher = Waiting::default();
        let accounts = elsewhere(&kit, hasher.clone());
        let browser = accounts.for_browser(Some("a browser"));
        let key = log_in(&kit.accounts, None).await;
        let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();

        hasher.next_waits.store(true, Ordering::SeqCst);
        let (late, password) = (browser.clone(), horse.clone());
        let late = tokio::spawn(async move {
            if proves {
                let refused = late.reauthenticate(&ann, &password).await;
                assert_eq!(refusal(refused), ReauthenticationRefusal::NotLoggedIn);
            } else {
                let refused = late.log_in("ann", &password, None).await;
                assert_eq!(refusal(refused), LogInRefusal::InvalidCredentials);
            }
        });
        hasher.checked.notified().await;
        kit.accounts.set_password("ann", &staple).await.unwrap();
        let begun = browser.log_in("ann", &staple, None).await.unwrap();
        if proves {
            let found = browser.current_user(&begun.key).await.unwrap().unwrap();
            browser.reauthenticate(&found, &staple).await.unwrap();
        }
        hasher.goes_on.notify_one();
        late.await.unwrap();
    }
}

/// How long the cookie of the second click lasts is said by the session: the form of that click may say nothing of it.
#[tokio::test]
async fn second_click_has_the_lifetime_of_the_session() {
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    for keeps in [false, true] {
        let kit = Kit::with_settings(|settings| {
            settings.short_session_lifetime = Some(Duration::from_hours(1));
        });
        kit.sign_up_ann().await;
        let key = log_in(&kit.accounts.keeping_signed_in(keeps), None).await;
        let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
        let form = kit.accounts.password_form_token(ann.user());
        let browser = kit.accounts.for_browser(Some("a browser"));
        let first = browser.change_password(&ann, &horse, &staple, &staple);
        first.await.unwrap();
        for says in [false, true] {
            let second = browser.keeping_signed_in(says);
            let second = second.repeated_change(&form, &staple, &staple).await;
            let second = second.unwrap().unwrap();
            assert!(second.is_repeated());
            assert_eq!(second.ends_with_browser, !keeps, "{says}");
        }
    }
}
