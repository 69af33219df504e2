//! Proving once more who one is without a password: by a code to a verified address, for the session that asked.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::time::Duration;

use crate::common::mailing::{messages, options};
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, failure, refusal};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, CurrentUser, FailureKind, FlowError, ReauthenticationRequestRefusal,
};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::limits::{LimitSettings, RateLimit};
use phone_auth_core::outbox::{DeadLetterRefusal, Obsolete, Purpose};
use phone_auth_core::session::SessionKey;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::User;
use phone_auth_events::{
    Capture, Connection, LoginEmail, LoginPhone, Message, OneTimeCode, Retry, Signals, Undelivered,
};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

const MINUTE: Duration = Duration::from_mins(1);

/// Ann, who has no password, and whose addresses are verified.
struct Ann {
    kit: Kit,
    user: User,
    email: AddressRecord,
    phone: AddressRecord,
    /// Who sends these messages: a site without anyone offers none.
    _senders: (Connection, Connection),
}

impl Ann {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(change);
        kit.sign_up_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        for kind in [AddressKind::Email, AddressKind::Phone] {
            kit.prove(&kit.address(&ann, kind).await).await;
        }
        let email = kit.address(&ann, AddressKind::Email).await;
        let phone = kit.address(&ann, AddressKind::Phone).await;
        let user = ann.user().clone();
        let unusable = ExternalChange::SetPassword(user.id, "!".to_owned());
        kit.store.make(unusable).await;
        let _senders = (
            kit.signals.connect::<LoginEmail>(|_| {}),
            kit.signals.connect::<LoginPhone>(|_| {}),
        );
        Self {
            kit,
            user,
            email,
            phone,
            _senders,
        }
    }

    /// Somewhere, as a single sign-on has it.
    async fn session(&self) -> SessionKey {
        self.kit.clock.advance(Duration::from_secs(1));
        let begun = self.kit.accounts.begin_session(self.user.id, None);
        begun.await.unwrap().key
    }

    async fn current(&self, key: &SessionKey) -> CurrentUser {
        self.kit.accounts.current_user(key).await.unwrap().unwrap()
    }

    async fn signed_in(&self) -> CurrentUser {
        self.current(&self.session().await).await
    }

    /// Has a code sent by email, in this session.
    async fn asked(&self, user: &CurrentUser) -> String {
        let mut sent = self.kit.signals.capture::<LoginEmail>();
        let (kind, id) = (self.email.kind, self.email.id);
        let begun = self.kit.accounts.begin_reauthentication(user, kind, id);
        begun.await.unwrap();
        code_of(&mut sent)
    }

    async fn typed(
        &self,
        user: &CurrentUser,
        code: &str,
    ) -> Result<SessionKey, FlowError<CodeRefusal>> {
        typed(&self.kit.accounts, user, &self.email, code).await
    }

    async fn is_proven(&self, key: &SessionKey) -> bool {
        let user = self.current(key).await;
        self.kit.accounts.require_recent_proof(&user).is_ok()
    }
}

async fn typed(
    accounts: &Accounts,
    user: &CurrentUser,
    to: &AddressRecord,
    code: &str,
) -> Result<SessionKey, FlowError<CodeRefusal>> {
    accounts
        .reauthenticate_by_code(user, to.kind, to.id, code)
        .await
}

async fn asking(
    accounts: &Accounts,
    user: &CurrentUser,
    to: &AddressRecord,
) -> Result<(), FlowError<ReauthenticationRequestRefusal>> {
    accounts.begin_reauthentication(user, to.kind, to.id).await
}

/// The code of the newest message.
fn code_of(sent: &mut Capture<LoginEmail>) -> String {
    let event = sent.take().pop().unwrap();
    event.code().map(OneTimeCode::as_str).unwrap().to_owned()
}

/// Another code than this.
fn other(code: &str, by: u32) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + by) % 1_000_000)
}

#[tokio::test]
async fn code_confirms_the_session_that_asked() {
    let ann = Ann::new().await;
    let (here, thief) = (ann.session().await, ann.session().await);
    assert!(!ann.is_proven(&here).await, "to have signed in is no proof");
    let user = ann.current(&here).await;
    let own = ann.kit.accounts.addresses_to_confirm(&user).await.unwrap();
    assert_eq!(own, [ann.email.clone(), ann.phone.clone()]);
    ann.kit.record.forget();
    let code = ann.asked(&user).await;

    // The thief has a session, and asks for a code as well: what is sent is the same, and each session has its own challenge.
    let elsewhere = ann.current(&thief).await;
    let refused = ann.typed(&elsewhere, &code).await;
    assert_eq!(refusal(refused), CodeRefusal::Over, "it has not asked");
    let key = ann.typed(&user, &code).await.unwrap();
    assert!(ann.is_proven(&key).await);
    assert!(!ann.is_proven(&thief).await);
    let old = ann.kit.accounts.current_user(&here).await.unwrap();
    assert!(old.is_none(), "anyone who has the key from before is out");
    let told = ann.kit.record.take();
    assert!(
        !told.iter().any(|it| it.contains("user_logged_in")),
        "{told:?}"
    );
}

/// It is used once, also where another session waits for the same code (O2).
#[tokio::test]
async fn code_is_used_in_one_session() {
    let ann = Ann::new().await;
    let (here, elsewhere) = (ann.signed_in().await, ann.signed_in().await);
    let code = ann.asked(&here).await;
    assert_eq!(ann.asked(&elsewhere).await, code);
    let key = ann.typed(&here, &code).await.unwrap();
    let late = ann.typed(&elsewhere, &code).await;
    assert_eq!(refusal(late), CodeRefusal::Wrong { left: 4 });
    // The second of two clicks, in the session as it was before and as it is.
    let again = ann.typed(&here, &code).await.unwrap();
    assert_eq!(again.reveal(), key.reveal());
    let (kind, id) = (ann.email.kind, ann.email.id);
    let accounts = &ann.kit.accounts;
    let repeated = |code| accounts.repeated_reauthentication(here.key(), kind, id, code);
    assert!(repeated(&code).await.unwrap().is_some());
    let wrong = other(&code, 1);
    assert!(repeated(&wrong).await.unwrap().is_none());
    let now = ann.current(&key).await;
    assert_eq!(refusal(ann.typed(&now, &code).await), CodeRefusal::Over);
    ann.kit.clock.advance(MINUTE);
    assert!(repeated(&code).await.unwrap().is_none());
}

/// O10, both ways: and what is sent has no link that logs anybody in.
#[tokio::test]
async fn code_is_of_its_purpose() {
    let ann = Ann::with(|settings| settings.login_by_code = true).await;
    let accounts = &ann.kit.accounts;
    let user = ann.signed_in().await;
    let mut sent = ann.kit.signals.capture::<LoginEmail>();
    let key = accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
    let log_in = sent.take().remove(0);
    assert_eq!(log_in.purpose(), Purpose::LogIn);
    asking(accounts, &user, &ann.email).await.unwrap();
    let confirm = sent.take().remove(0);
    assert_eq!(confirm.purpose(), Purpose::Confirm);
    assert_eq!(confirm.sender, "begin_reauthentication");
    assert_eq!(confirm.url.as_str(), "/accounts/confirm_identity/");
    assert_eq!(confirm.link().token, "");

    let code = |event: &LoginEmail| event.code().unwrap().as_str().to_owned();
    let (log_in, confirm) = (code(&log_in), code(&confirm));
    assert_ne!(log_in, confirm);
    let wrong = CodeRefusal::Wrong { left: 4 };
    assert_eq!(refusal(ann.typed(&user, &log_in).await), wrong);
    let logged_in = accounts.log_in_by_code(&key, &confirm, None).await;
    assert_eq!(refusal(logged_in), wrong);
    // Neither has ended the other.
    ann.typed(&user, &confirm).await.unwrap();
    accounts.log_in_by_code(&key, &log_in, None).await.unwrap();
}

/// Where there is a password, a code is not enough: also one that was sent before.
#[tokio::test]
async fn password_is_not_passed_by() {
    let ann = Ann::new().await;
    let accounts = &ann.kit.accounts;
    let before = ann.signed_in().await;
    let code = ann.asked(&before).await;
    let encoded = ann.kit.encoded(STAPLE).await;
    let set = ExternalChange::SetPassword(ann.user.id, encoded.reveal().to_owned());
    ann.kit.store.make(set).await;
    // It is derived from what the password was.
    let wrong = CodeRefusal::Wrong { left: 4 };
    assert_eq!(refusal(ann.typed(&before, &code).await), wrong);

    let key = ann.kit.log_in("ann", STAPLE).await.key;
    let user = ann.current(&key).await;
    let refused = asking(accounts, &user, &ann.email).await;
    assert_eq!(
        refusal(refused),
        ReauthenticationRequestRefusal::HasPassword
    );
    assert_eq!(refusal(ann.typed(&user, &code).await), CodeRefusal::Over);
    assert!(
        accounts
            .addresses_to_confirm(&user)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Only an address that is theirs, and verified: still when the code is typed.
#[tokio::test]
async fn code_goes_to_verified_addresses() {
    let ann = Ann::new().await;
    let accounts = &ann.kit.accounts;
    ann.kit.sign_up_bob().await;
    let bob = ann.kit.current_user("bob", HORSE).await;
    let bobs = ann.kit.address(&bob, AddressKind::Email).await;
    ann.kit.prove(&bobs).await;
    let user = ann.signed_in().await;
    let none = ReauthenticationRequestRefusal::NoSuchAddress;
    assert_eq!(refusal(asking(accounts, &user, &bobs).await), none);

    let code = ann.asked(&user).await;
    let set =
        |is_verified| ExternalChange::SetVerified(AddressKind::Email, ann.email.id, is_verified);
    ann.kit.store.make(set(false)).await;
    let refused = ann.typed(&user, &code).await;
    assert_eq!(refusal(refused), CodeRefusal::Wrong { left: 4 });
    assert_eq!(refusal(asking(accounts, &user, &ann.email).await), none);
    let left = accounts.addresses_to_confirm(&user).await.unwrap();
    assert_eq!(left, [ann.phone.clone()]);
    ann.kit.store.make(set(true)).await;
    ann.typed(&user, &code).await.unwrap();
}

/// O1, O4: and an attempt is told of, as one with a password is.
#[tokio::test]
async fn attempts_run_out() {
    let ann = Ann::new().await;
    let user = ann.signed_in().await;
    let code = ann.asked(&user).await;
    ann.kit.record.forget();
    for typed in ["", "12345", "1234567", "abcdef"] {
        let told = refusal(ann.typed(&user, typed).await);
        assert_eq!(told, CodeRefusal::Unreadable);
    }
    assert!(ann.kit.record.take().is_empty());
    for left in [4, 3, 2, 1] {
        let told = refusal(ann.typed(&user, &other(&code, left)).await);
        assert_eq!(told, CodeRefusal::Wrong { left });
    }
    let told = ann.kit.record.take();
    assert_eq!(told.len(), 4);
    assert!(
        told.iter()
            .all(|it| it == "user_login_failed reauthenticate_by_code ann WrongCode"),
        "{told:?}"
    );
    let over = CodeRefusal::Over;
    assert_eq!(refusal(ann.typed(&user, &other(&code, 9)).await), over);
    assert_eq!(refusal(ann.typed(&user, &code).await), over);
    assert!(!ann.is_proven(user.key()).await);
}

/// O3: of many at once each is answered as the first, and there is one session.
#[tokio::test]
async fn right_codes_at_once_are_one() {
    let ann = Ann::new().await;
    let user = ann.signed_in().await;
    let code = ann.asked(&user).await;
    let sessions = ann.kit.store.session_count();
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (accounts, user) = (ann.kit.accounts.clone(), user.clone());
            let (email, code) = (ann.email.clone(), code.clone());
            tokio::spawn(async move {
                let key = typed(&accounts, &user, &email, &code).await;
                key.map(|key| key.reveal().to_owned())
            })
        })
        .collect();
    let mut keys = Vec::new();
    for one in tries {
        keys.push(one.await.unwrap().unwrap());
    }
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(ann.kit.store.session_count(), sessions);
}

/// O7, O8: within half of its life the same code comes again, and no attempts with it.
#[tokio::test]
async fn code_comes_again_without_attempts() {
    let ann = Ann::with(|settings| {
        settings.limits = LimitSettings::default();
        // They have a longer pause, of the address and not of the session.
        settings.limits.email_verifications = RateLimit::Off;
    })
    .await;
    let accounts = &ann.kit.accounts;
    let user = ann.signed_in().await;
    let code = ann.asked(&user).await;
    let wrong = refusal(ann.typed(&user, &other(&code, 1)).await);
    assert_eq!(wrong, CodeRefusal::Wrong { left: 4 });
    // A second click sends nothing, and who asks a little later waits.
    let mut sent = ann.kit.signals.capture::<LoginEmail>();
    asking(accounts, &user, &ann.email).await.unwrap();
    assert!(sent.take().is_empty());
    ann.kit.clock.advance(Duration::from_secs(15));
    match refusal(asking(accounts, &user, &ann.email).await) {
        ReauthenticationRequestRefusal::TooSoon { wait } => {
            assert!(wait <= Duration::from_secs(15), "{wait:?}");
        }
        other => panic!("{other:?}"),
    }
    // By another address there is no wait.
    let mut texts = ann.kit.signals.capture::<LoginPhone>();
    asking(accounts, &user, &ann.phone).await.unwrap();
    assert_eq!(texts.take().len(), 1);
    ann.kit.clock.advance(Duration::from_secs(15));
    assert_eq!(ann.asked(&user).await, code);
    let wrong = refusal(ann.typed(&user, &other(&code, 1)).await);
    assert_eq!(wrong, CodeRefusal::Wrong { left: 3 });
    let (kind, id) = (ann.email.kind, ann.email.id);
    let pending = accounts.pending_reauthentication(&user, kind, id).await;
    assert_eq!(pending.unwrap().unwrap().attempts_left, 3);

    ann.kit.clock.advance(10 * MINUTE);
    assert_eq!(refusal(ann.typed(&user, &code).await), CodeRefusal::Over);
    assert_ne!(ann.asked(&user).await, code);
}

/// What a site may send to one address is bounded, for someone who is signed in as for others.
#[tokio::test]
async fn messages_are_limited() {
    let ann = Ann::with(|settings| settings.limits = LimitSettings::default()).await;
    let accounts = &ann.kit.accounts;
    let mut texts = ann.kit.signals.capture::<LoginPhone>();
    let mut stopped = None;
    for _ in 0..30 {
        // Each time in another session, which has asked for nothing yet.
        let user = ann.signed_in().await;
        match asking(accounts, &user, &ann.phone).await {
            Ok(()) => {}
            Err(FlowError::Failed(failure)) => stopped = Some(failure),
            Err(FlowError::Refused(refusal)) => panic!("{refusal:?}"),
        }
        ann.kit.clock.advance(2 * MINUTE);
    }
    let limited = stopped.unwrap();
    assert!(matches!(limited.kind(), FailureKind::Limited { .. }));
    let sent = texts.take().len();
    assert!((1..30).contains(&sent), "{sent}");
}

/// A thief guesses in a session of Ann's, until no code is taken from there; in her own one is.
#[tokio::test]
async fn guesses_in_one_session_are_of_no_other() {
    let ann = Ann::with(|settings| {
        settings.limits = LimitSettings::default();
        settings.limits.email_verifications = RateLimit::Off;
    })
    .await;
    let thief = ann.signed_in().await;
    let mut is_stopped = false;
    'guesses: for _ in 0..30 {
        let code = ann.asked(&thief).await;
        for by in 1..=5 {
            match ann.typed(&thief, &other(&code, by)).await {
                Err(FlowError::Failed(_)) => {
                    is_stopped = true;
                    break 'guesses;
                }
                refused => drop(refusal(refused)),
            }
        }
        // By and by, so that what all sessions together may is not used up.
        ann.kit.clock.advance(Duration::from_hours(2));
    }
    assert!(is_stopped);
    // Sessions share 64 places, so one of hers may be in that of the thief; five in a row are not.
    let mut is_in = false;
    for _ in 0..5 {
        let owner = ann.signed_in().await;
        if asking(&ann.kit.accounts, &owner, &ann.email).await.is_ok() {
            ann.kit.clock.advance(MINUTE);
            let code = ann.asked(&owner).await;
            is_in = is_in || ann.typed(&owner, &code).await.is_ok();
        }
    }
    assert!(is_in);
}

/// A session in which none is taken any more is sent none (O9); all that is full about the user is listed under their name, however
/// many sessions it was, and an operator who clears it lets them in.
#[tokio::test]
async fn useless_code_is_not_sent_until_limits_are_cleared() {
    let ann = Ann::with(|settings| {
        settings.limits = LimitSettings::default();
        settings.limits.email_verifications = RateLimit::Off;
        settings.limits.wrong_codes_in_a_row = 3;
    })
    .await;
    let accounts = &ann.kit.accounts;
    let mut last = None;
    for _ in 0..4 {
        let user = ann.signed_in().await;
        // One of them may have come to the place of another.
        if asking(accounts, &user, &ann.email).await.is_err() {
            continue;
        }
        ann.kit.clock.advance(MINUTE);
        let code = ann.asked(&user).await;
        for by in 1..=3 {
            drop(ann.typed(&user, &other(&code, by)).await);
        }
        let stopped = failure(ann.typed(&user, &code).await);
        assert!(stopped.limited_for().unwrap() > 29 * 24 * 60 * MINUTE);
        last = Some(user);
        ann.kit.clock.advance(2 * MINUTE);
    }
    let user = last.unwrap();
    let mut sent = ann.kit.signals.capture::<LoginEmail>();
    let refused = failure(asking(accounts, &user, &ann.email).await);
    assert!(refused.limited_for().unwrap() > 29 * 24 * 60 * MINUTE);
    assert!(sent.take().is_empty());

    let full = accounts.full_limits_after(None, 100).await.unwrap();
    let about = accounts.limits_about_login("ann").await.unwrap();
    assert!(!full.is_empty() && full.iter().all(|row| about.has(row)));
    assert!(accounts.clear_limits_of_login("ann").await.unwrap() > 0);
    // What this process remembers of full counters.
    ann.kit.clock.advance(MINUTE);
    let code = ann.asked(&user).await;
    ann.typed(&user, &code).await.unwrap();
}

/// A message says the code alone: without one that works it is not sent, neither late nor once more.
#[tokio::test]
async fn message_without_a_living_code_is_not_sent() {
    let ann = Ann::new().await;
    let signals = Signals::isolated();
    let _refuses = signals.connect(|it: &LoginEmail| {
        assert!(it.code().is_some());
        Err::<(), _>(Undelivered::new(Retry::Never, "no mailbox"))
    });
    let accounts = ann.kit.with_outbox(&signals);
    let outbox = accounts.outbox().unwrap();
    let worker = outbox.worker(options());
    let user = ann.signed_in().await;
    asking(&accounts, &user, &ann.email).await.unwrap();
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    let dead = messages(&accounts).await.remove(0);
    assert!(dead.dead.is_some());
    let retried = refusal(outbox.requeue(dead.id).await);
    assert_eq!(retried, DeadLetterRefusal::Obsolete(Obsolete::Over));

    // The same code comes again, and is over before the message is.
    let half = ann.kit.accounts.settings().code_lifetime / 2;
    ann.kit.clock.advance(half - MINUTE);
    asking(&accounts, &user, &ann.email).await.unwrap();
    ann.kit.clock.advance(half + 2 * MINUTE);
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    let waits = messages(&accounts).await;
    assert!(waits.iter().all(|it| it.dead.is_some()), "{waits:?}");
}

/// A site whose receivers know no such message goes without, as does one that is told to.
#[tokio::test]
async fn code_that_nobody_sends_is_not_offered() {
    let ann = Ann::new().await;
    let user = ann.signed_in().await;
    let nobody = ReauthenticationRequestRefusal::NoSender;
    let without = ann.kit.with_outbox(&Signals::isolated());
    let signals = Signals::isolated();
    let _by_phone = signals.connect::<LoginPhone>(|_| {});
    let by_phone = ann.kit.with_outbox(&signals);
    let told = ann.kit.lacking(&["login_email"]);
    for (accounts, offered) in [
        (&without, vec![]),
        (&by_phone, vec![ann.phone.clone()]),
        (&told, vec![ann.phone.clone()]),
    ] {
        let own = accounts.addresses_to_confirm(&user).await.unwrap();
        assert_eq!(own, offered);
        let refused = asking(accounts, &user, &ann.email).await;
        assert_eq!(refusal(refused), nobody);
    }
    asking(&by_phone, &user, &ann.phone).await.unwrap();
}

/// No text message goes where none may, and that is said before a code is waited for.
#[tokio::test]
async fn number_that_is_sent_nothing_is_not_offered() {
    let countries = phone_auth_core::limits::TextCountries::named(["+1"]).unwrap();
    let ann = Ann::with(|settings| settings.limits.text_countries = countries).await;
    let accounts = &ann.kit.accounts;
    let user = ann.signed_in().await;
    let own = accounts.addresses_to_confirm(&user).await.unwrap();
    assert_eq!(own, [ann.email.clone()]);
    assert_eq!(ann.phone.value, ANNS_PHONE);
    let refused = refusal(asking(accounts, &user, &ann.phone).await);
    assert_eq!(refused, ReauthenticationRequestRefusal::RefusedNumber);
}

/// A store that fails at any step uses up no code for nothing.
#[tokio::test(start_paused = true)]
async fn code_is_given_back_where_the_store_fails() {
    let mut is_through = false;
    for calls in 0..50 {
        let ann = Ann::new().await;
        let user = ann.signed_in().await;
        let code = ann.asked(&user).await;
        let store = &ann.kit.store;
        store.fail_after(calls, StoreErrorKind::Unavailable);
        let first = ann.typed(&user, &code).await;
        store.recover();
        if first.is_ok() {
            is_through = true;
            break;
        }
        assert_eq!(failure(first).kind(), FailureKind::Unavailable, "{calls}");
        tokio::time::sleep(Duration::from_secs(5)).await;
        let drained = ann.kit.accounts.drain(Duration::from_mins(5)).await;
        assert!(drained, "{calls}");
        let key = ann.typed(&user, &code).await;
        let key = key.unwrap_or_else(|error| panic!("{calls}: {error}"));
        assert!(ann.is_proven(&key).await, "{calls}");
    }
    assert!(is_through);
}
