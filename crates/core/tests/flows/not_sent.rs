//! What was counted of something that then could not be done: it is given back, and anyone who tries again is answered by what
//! was done, which is nothing.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::sync::Arc;
use std::time::Duration;

use crate::common;
use crate::common::mailing::messages;
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, failure};
use crate::given_up_anywhere::{LONG, MANY, give_up_after};
use phone_auth_core::accounts::{
    Accounts, ChangePasswordRefusal, CurrentUser, Failure, FailureKind, FlowError,
};
use phone_auth_core::address::AddressKind;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;

/// Flows over the same store, with the limits that ship, whose outbox has room for so many.
fn with_room(kit: &Kit, room: u32) -> Accounts {
    let mut settings = Settings::default();
    settings.max_pending_messages = room;
    settings.login_by_code = true;
    Accounts::builder(Arc::new(kit.store.clone()), common::keyring(common::SECRET))
        .outbox(Arc::new(kit.store.clone()))
        .limits(Arc::new(kit.store.clone()))
        .settings(settings)
        .signals(kit.signals.clone())
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .build()
        .unwrap()
}

/// A flow that has a message sent to Ann.
#[derive(Clone, Copy, Debug)]
enum Asks {
    Verification(AddressKind),
    CodeToVerify(AddressKind),
    Reset(&'static str),
    CodeToLogIn(&'static str),
}

impl Asks {
    async fn ask(self, accounts: &Accounts, ann: &CurrentUser) -> Result<(), Failure> {
        fn failed<T, R: std::fmt::Debug>(asked: Result<T, FlowError<R>>) -> Result<(), Failure> {
            match asked {
                Ok(_) => Ok(()),
                Err(FlowError::Failed(failure)) => Err(failure),
                Err(FlowError::Refused(refusal)) => unreachable!("{refusal:?}"),
            }
        }
        let own = accounts.addresses(ann).await.unwrap();
        let of = |kind| own.iter().find(|it| it.kind == kind).unwrap().id;
        match self {
            Self::Verification(kind) => {
                failed(accounts.request_verification(ann, kind, of(kind)).await)
            }
            Self::CodeToVerify(kind) => {
                failed(accounts.begin_verification(ann, kind, of(kind)).await)
            }
            Self::Reset(name) => failed(accounts.request_password_reset(name).await),
            Self::CodeToLogIn(name) => failed(accounts.begin_log_in(name, None).await),
        }
    }
}

/// Anyone who was told that nothing was sent asks again at once, and is sent it. No text that was not sent costs anything.
#[tokio::test]
async fn unsent_message_is_asked_for_again() {
    for asks in [
        Asks::Verification(AddressKind::Email),
        Asks::Verification(AddressKind::Phone),
        Asks::CodeToVerify(AddressKind::Email),
        Asks::CodeToVerify(AddressKind::Phone),
        Asks::Reset(ANNS_EMAIL),
        Asks::Reset(ANNS_PHONE),
        Asks::Reset("ann"),
        Asks::CodeToLogIn("ann"),
    ] {
        let kit = Kit::with_settings(|settings| settings.limits = LimitSettings::default());
        kit.sign_up_ann().await;
        kit.sign_up_bob().await;
        let ann = kit.current_user("ann", HORSE).await;
        if matches!(asks, Asks::Reset("ann") | Asks::CodeToLogIn(_)) {
            for address in kit.accounts.addresses(&ann).await.unwrap() {
                let verified = kit.accounts.set_verified(ann.user(), &address, true);
                assert!(verified.await.unwrap().is_changed());
            }
        }
        let (full, roomy) = (with_room(&kit, 1), with_room(&kit, 100));
        full.request_password_reset("bob@example.net")
            .await
            .unwrap();
        let before = messages(&roomy).await.len();
        for _ in 0..5 {
            let asked = asks.ask(&full, &ann).await;
            let failed = asked.unwrap_err().kind();
            assert_eq!(failed, FailureKind::OutboxFull, "{asks:?}");
        }
        let texts = kit.accounts.text_use().await.unwrap();
        assert!(texts.is_empty(), "{asks:?}: {texts:?}");
        asks.ask(&roomy, &ann).await.unwrap();
        assert!(messages(&roomy).await.len() > before, "{asks:?}");
        assert!(
            !messages(&roomy).await[before..].is_empty(),
            "{asks:?}: it is not the answer of a second click"
        );
    }
}

/// The same of a browser that goes away at any step of asking for another code: the challenge is as it was.
#[tokio::test]
async fn unsent_code_of_a_browser_that_is_gone_is_given_back() {
    let mut wrong = Vec::new();
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let mut is_through = false;
        for steps in 0..MANY {
            let kit = Kit::with_settings(|settings| settings.limits = LimitSettings::default());
            kit.sign_up_ann().await;
            let ann = kit.current_user("ann", HORSE).await;
            let id = kit.address(&ann, kind).await.id;
            let (full, roomy) = (with_room(&kit, 1), with_room(&kit, 100));
            let begun = roomy.begin_verification(&ann, kind, id).await;
            let key = begun.unwrap().unwrap();
            kit.clock.advance(Duration::from_mins(10));
            let before = roomy.pending_code(&key, Purpose::Verify).await.unwrap();
            let again = full.begin_verification(&ann, kind, id);
            if let Some(asked) = give_up_after(steps, again).await {
                assert_eq!(failure(asked).kind(), FailureKind::OutboxFull);
                is_through = true;
            }
            assert!(full.drain(LONG).await, "{kind:?} {steps}");
            let after = roomy.pending_code(&key, Purpose::Verify).await.unwrap();
            if after != before {
                wrong.push((kind, steps, after));
            }
            if is_through {
                break;
            }
        }
        assert!(is_through, "{kind:?}");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A flow that has Ann's password checked.
#[derive(Clone, Copy, Debug)]
enum Checks {
    LogIn,
    Reauthenticate,
    Change,
    Form,
}

impl Checks {
    async fn check(self, kit: &Kit, ann: &CurrentUser, form: &str) -> Result<(), FailureKind> {
        fn kind<T, R>(checked: Result<T, FlowError<R>>) -> Result<(), FailureKind> {
            match checked {
                Err(FlowError::Failed(failure)) => Err(failure.kind()),
                Ok(_) | Err(FlowError::Refused(_)) => Ok(()),
            }
        }
        let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
        let accounts = &kit.accounts;
        match self {
            Self::LogIn => kind(accounts.log_in("ann", &horse, None).await),
            Self::Reauthenticate => kind(accounts.reauthenticate(ann, &horse).await),
            Self::Change => {
                let changed = accounts.change_password(ann, &horse, &staple, &staple);
                kind(changed.await)
            }
            Self::Form => {
                let repeated = accounts.repeated_proof(form, &horse).await;
                repeated.map(drop).map_err(|failure| failure.kind())
            }
        }
    }
}

/// While the site is busy nobody's tries use up what they may fail.
#[tokio::test]
async fn unchecked_password_has_not_failed() {
    for checks in [
        Checks::LogIn,
        Checks::Reauthenticate,
        Checks::Change,
        Checks::Form,
    ] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        let form = kit.accounts.password_form_token(ann.user());
        kit.hasher.set_busy(true);
        // More than may fail in a minute, and than may fail in a row without a wait.
        for _ in 0..12 {
            let busy = checks.check(&kit, &ann, &form).await;
            assert_eq!(busy, Err(FailureKind::Busy), "{checks:?}");
        }
        kit.hasher.set_busy(false);
        let checked = checks.check(&kit, &ann, &form).await;
        assert_eq!(checked, Ok(()), "{checks:?}");
    }
}

/// A field that was left empty is no guess.
#[tokio::test]
async fn empty_old_password_has_not_failed() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let (empty, staple) = (Password::new(""), Password::new(STAPLE));
    for _ in 0..12 {
        let refused = kit.accounts.change_password(&ann, &empty, &staple, &staple);
        let refused = common::refusal(refused.await);
        assert!(matches!(refused, ChangePasswordRefusal::Invalid(_)));
    }
    let horse = Password::new(HORSE);
    let changed = kit.accounts.change_password(&ann, &horse, &staple, &staple);
    changed.await.unwrap();
}

/// Wrong ones count all the same, whatever becomes of the flow after them: here whether the new one is the stored one already is not
/// known, as it may be where the password was changed since.
#[tokio::test]
async fn wrong_password_counts_while_busy() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let elsewhere = kit.current_user("ann", HORSE).await;
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    let changed = kit
        .accounts
        .change_password(&elsewhere, &horse, &staple, &staple);
    drop(changed.await.unwrap());
    let (wrong, other) = (Password::new("a guess"), Password::new("another long one"));
    let change = || kit.accounts.change_password(&ann, &wrong, &other, &other);
    for _ in 0..5 {
        kit.hasher.busy_after(1);
        assert_eq!(failure(change().await).kind(), FailureKind::Busy);
    }
    kit.hasher.busy_after(9);
    let kind = failure(change().await).kind();
    assert!(matches!(kind, FailureKind::Limited { .. }), "{kind:?}");
}

/// A new password that is held against the stored one, where too many old ones were checked, is a guess as they are: it is told of
/// as one.
#[tokio::test]
async fn guess_by_the_new_password_is_told_of() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let elsewhere = kit.current_user("ann", HORSE).await;
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    let (wrong, guess) = (Password::new("a guess"), Password::new("another long one"));
    for _ in 0..5 {
        let tried = kit.accounts.change_password(&ann, &wrong, &guess, &guess);
        assert!(tried.await.is_err());
    }
    let changed = kit
        .accounts
        .change_password(&elsewhere, &horse, &staple, &staple);
    drop(changed.await.unwrap());
    for (new, is_told) in [(&guess, true), (&staple, false)] {
        kit.record.take();
        let tried = kit.accounts.change_password(&ann, &wrong, new, new).await;
        assert_eq!(tried.is_err(), is_told);
        let told = kit.record.take();
        let failures = told
            .iter()
            .filter(|it| it.contains("user_login_failed change_password"));
        assert_eq!(failures.count(), usize::from(is_told), "{told:?}");
    }
}

/// So does a right one after which the new one is not hashed: it has cost a hash. In a row it is none.
#[tokio::test]
async fn right_password_counts_while_busy() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    let change = || kit.accounts.change_password(&ann, &horse, &staple, &staple);
    for _ in 0..5 {
        kit.hasher.busy_after(1);
        assert_eq!(failure(change().await).kind(), FailureKind::Busy);
    }
    kit.hasher.busy_after(9);
    let kind = failure(change().await).kind();
    assert!(matches!(kind, FailureKind::Limited { .. }), "{kind:?}");
    kit.clock.advance(Duration::from_mins(1));
    drop(change().await.unwrap());
}

/// A message by which an unproven number is taken from an account has found someone who waits for it.
#[tokio::test]
async fn text_that_frees_a_number_was_used() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let email = kit.address(&ann, AddressKind::Email).await;
    let verified = kit.accounts.set_verified(ann.user(), &email, true);
    assert!(verified.await.unwrap().is_changed());
    let (id, token) = kit.reset_link(ANNS_PHONE).await;
    let unused = async || {
        let used = kit.accounts.text_use().await.unwrap();
        used.iter().map(|it| it.unused_day).sum::<i64>()
    };
    assert!(unused().await > 0);
    kit.accounts.free_address(&id, &token).await.unwrap();
    assert_eq!(unused().await, 0);
}
