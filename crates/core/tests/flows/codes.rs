//! Codes: for the browser that asked, few attempts, a short life, and once.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, refusal};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, FlowError, ResetRequestRefusal, Verification, VerificationRequestRefusal,
};
use phone_auth_core::address::AddressKind;
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::Client;
use phone_auth_core::clock::ManualClock;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::outbox::{Purpose, WorkerOptions};
use phone_auth_core::password::Password;
use phone_auth_core::store::AddressStore as _;
use phone_auth_events::{
    Capture, OneTimeCode, ResetPasswordEmail, ResetPasswordPhone, VerifyPhone,
};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

const SECOND: Duration = Duration::from_secs(1);
const NOBODY: &str = "nobody@example.org";
const MINUTE: Duration = Duration::from_mins(1);

/// A second less than so many minutes.
const fn just_under(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes - 1)
}

/// The code of the newest message.
fn code_of(sent: &mut Capture<ResetPasswordEmail>) -> String {
    let event = sent.take().pop().unwrap();
    event
        .envelope
        .code
        .as_ref()
        .map(OneTimeCode::as_str)
        .unwrap()
        .to_owned()
}

/// Another code than this.
fn other(code: &str, by: u32) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + by) % 1_000_000)
}

async fn begin(accounts: &Accounts) -> ChallengeKey {
    accounts.begin_reset(ANNS_EMAIL, None).await.unwrap()
}

async fn refused(accounts: &Accounts, key: &ChallengeKey, typed: &str) -> CodeRefusal {
    refusal(accounts.prove_reset(key, typed).await)
}

#[tokio::test]
async fn code_resets_the_password() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let key = begin(&kit.accounts).await;
    let event = sent.take().remove(0);
    let code = event.envelope.code.clone().unwrap();
    // The link in the same message works as well, and anywhere.
    let link = event.link();
    assert!(
        kit.accounts
            .check_reset_link(link.id, link.token)
            .await
            .is_ok()
    );

    let proven = kit.accounts.prove_reset(&key, code.as_str()).await.unwrap();
    let staple = Password::new(STAPLE);
    let token = proven.token.reveal();
    kit.accounts
        .reset_password(&proven.id, token, &staple, &staple)
        .await
        .unwrap();
    kit.log_in("ann", STAPLE).await;

    // Success of either ends both.
    assert_eq!(
        refused(&kit.accounts, &key, code.as_str()).await,
        CodeRefusal::Over
    );
    assert!(
        kit.accounts
            .check_reset_link(link.id, link.token)
            .await
            .is_err()
    );
}

/// As the link beside it: a log-in ends what was sent to an address that nobody has proven, and nothing else.
#[tokio::test]
async fn log_in_ends_codes_to_unproven_addresses() {
    for is_verified in [false, true] {
        let kit = Kit::with_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        let address = kit.address(&ann, AddressKind::Email).await;
        let change = ExternalChange::SetVerified(AddressKind::Email, address.id, is_verified);
        kit.store.make(change).await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = begin(&kit.accounts).await;
        let code = code_of(&mut sent);
        kit.log_in("ann", HORSE).await;
        let proven = kit.accounts.prove_reset(&key, &code).await;
        assert_eq!(proven.is_ok(), is_verified, "{is_verified}");
    }
}

#[tokio::test]
async fn link_ends_the_code() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let key = begin(&kit.accounts).await;
    let event = sent.take().remove(0);
    let link = event.link();
    let staple = Password::new(STAPLE);
    kit.accounts
        .reset_password(link.id, link.token, &staple, &staple)
        .await
        .unwrap();
    let code = event.envelope.code.unwrap();
    assert_eq!(
        refused(&kit.accounts, &key, code.as_str()).await,
        CodeRefusal::Wrong { left: 4 }
    );
}

/// Who else has the code has nothing: it is good with the key of the one who asked.
#[tokio::test]
async fn code_is_for_the_browser_that_asked() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    // Before: the address is unverified, so a log-in would end the code as it does the link.
    let user = kit.current_user("ann", HORSE).await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let key = begin(&kit.accounts).await;
    let code = code_of(&mut sent);
    let bobs = kit
        .accounts
        .begin_reset("bob@example.net", None)
        .await
        .unwrap();
    assert_eq!(
        refused(&kit.accounts, &bobs, &code).await,
        CodeRefusal::Wrong { left: 4 }
    );
    let nobodys = kit
        .accounts
        .begin_reset("nobody@example.net", None)
        .await
        .unwrap();
    assert_eq!(
        refused(&kit.accounts, &nobodys, &code).await,
        CodeRefusal::Wrong { left: 4 }
    );
    let made_up = ChallengeKey::parse("q0tmUhrN9xkYI3AlW5m1v2cQ7dSgZ4bE6fHjK8oPRsU").unwrap();
    assert_eq!(
        refused(&kit.accounts, &made_up, &code).await,
        CodeRefusal::Over
    );
    // Of another purpose.
    let verified = kit.accounts.verify_by_code(&user, &key, &code).await;
    assert_eq!(refusal(verified), CodeRefusal::Over);
    assert!(kit.accounts.prove_reset(&key, &code).await.is_ok());
}

#[tokio::test]
async fn attempts_run_out() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let key = kit.accounts.begin_reset(name, None).await.unwrap();
        let code = sent.take().pop().and_then(|event| event.envelope.code);
        let code = code.as_ref().map_or("123456", OneTimeCode::as_str);
        // What is no code is no attempt.
        for typed in ["", "12345", "1234567", "abcdef"] {
            let told = refused(&kit.accounts, &key, typed).await;
            assert_eq!(told, CodeRefusal::Unreadable);
        }
        for left in [4, 3, 2, 1] {
            let told = refused(&kit.accounts, &key, &other(code, left)).await;
            assert_eq!(told, CodeRefusal::Wrong { left }, "{name}");
        }
        assert_eq!(
            refused(&kit.accounts, &key, &other(code, 9)).await,
            CodeRefusal::Over
        );
        assert_eq!(
            refused(&kit.accounts, &key, code).await,
            CodeRefusal::Over,
            "{name}"
        );
    }
}

#[tokio::test]
async fn right_codes_at_once_have_one_winner() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let key = begin(&kit.accounts).await;
    let code = code_of(&mut sent);
    let tries: Vec<_> = (0..20)
        .map(|_| {
            let (accounts, key, code) = (kit.accounts.clone(), key.clone(), code.clone());
            tokio::spawn(async move { accounts.prove_reset(&key, &code).await.is_ok() })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        won += u32::from(one.await.unwrap());
    }
    assert_eq!(won, 1);
}

/// Each browser that asks has the same code, which is used in one of them. In the others it is wrong, also for a stranger who has
/// seen it; what the next message says they take.
#[tokio::test]
async fn code_is_used_in_one_browser() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let first = begin(&kit.accounts).await;
    let code = code_of(&mut sent);
    let second = begin(&kit.accounts).await;
    assert_eq!(code_of(&mut sent), code);
    let proven = kit.accounts.prove_reset(&first, &code).await.unwrap();

    let wrong = refused(&kit.accounts, &second, &code).await;
    assert_eq!(wrong, CodeRefusal::Wrong { left: 4 });
    let again = kit.accounts.repeated_code(&second, &code).await.unwrap();
    assert!(again.is_none(), "it is no second click");
    let again = kit.accounts.repeated_code(&first, &code).await.unwrap();
    assert_eq!(again.unwrap().id, proven.id);

    let third = begin(&kit.accounts).await;
    let next = code_of(&mut sent);
    assert_ne!(next, code);
    let again = kit.accounts.repeated_code(&first, &next).await.unwrap();
    assert!(again.is_none(), "it has not used this one");
    kit.accounts.prove_reset(&second, &next).await.unwrap();
    let late = refused(&kit.accounts, &third, &next).await;
    assert_eq!(late, CodeRefusal::Wrong { left: 4 });
    // What was proven by the first is proven still.
    let new = Password::new(STAPLE);
    let token = proven.token.reveal();
    let reset = kit.accounts.reset_password(&proven.id, token, &new, &new);
    reset.await.unwrap();
}

#[tokio::test]
async fn code_lives_for_ten_minutes() {
    for (age, works) in [(just_under(10), true), (10 * MINUTE, false)] {
        let kit = Kit::with_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = begin(&kit.accounts).await;
        let code = code_of(&mut sent);
        kit.clock.advance(age);
        let proven = kit.accounts.prove_reset(&key, &code).await;
        assert_eq!(proven.is_ok(), works, "{age:?}");
    }
}

/// A code that is typed at the last moment leaves as much time for the new password as a link that was just sent.
#[tokio::test]
async fn right_code_begins_the_time_of_a_reset_anew() {
    for (age, works) in [(just_under(10), true), (10 * MINUTE + SECOND, false)] {
        let kit = Kit::with_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordPhone>();
        let key = kit.accounts.begin_reset(ANNS_PHONE, None).await.unwrap();
        let event = sent.take().remove(0);
        let code = event.envelope.code.clone().unwrap();
        kit.clock.advance(just_under(10));
        let proven = kit.accounts.prove_reset(&key, code.as_str()).await.unwrap();
        kit.clock.advance(age);
        let link = event.link();
        let looked = kit.accounts.check_reset_link(link.id, link.token).await;
        assert!(looked.is_err(), "the link of the message is over");
        let staple = Password::new(STAPLE);
        let token = proven.token.reveal();
        let flow = kit
            .accounts
            .reset_password(&proven.id, token, &staple, &staple);
        assert_eq!(flow.await.is_ok(), works, "{age:?}");
    }
}

/// The servers that send and check have clocks which are five minutes apart.
#[tokio::test]
async fn clocks_may_be_apart() {
    let five = chrono::TimeDelta::minutes(5);
    for (apart, age, works) in [
        (five, Duration::ZERO, true),
        (five, just_under(5), true),
        (five, 5 * MINUTE, false),
        (-five, Duration::ZERO, true),
        (-five, 10 * MINUTE, true),
        // One that is to come by more is none of any server's.
        (
            -five - chrono::TimeDelta::microseconds(1),
            Duration::ZERO,
            false,
        ),
    ] {
        let kit = Kit::with_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = begin(&kit.accounts).await;
        let code = code_of(&mut sent);
        let clock = ManualClock::at(phone_auth_core::clock::Clock::now(&kit.clock) + apart);
        clock.advance(age);
        let elsewhere = kit.at_another_clock(&clock);
        let proven = elsewhere.prove_reset(&key, &code).await;
        assert_eq!(proven.is_ok(), works, "{apart} {age:?}");
    }
}

/// Asked for again in the first half of its life it is the same code, and no attempts come back.
#[tokio::test]
async fn resend_has_the_same_code() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let first = begin(&kit.accounts).await;
    let code = code_of(&mut sent);
    for _ in 0..3 {
        let wrong = refused(&kit.accounts, &first, &other(&code, 1)).await;
        assert!(matches!(wrong, CodeRefusal::Wrong { .. }));
    }
    kit.clock.advance(5 * MINUTE);
    let second = kit
        .accounts
        .begin_reset(ANNS_EMAIL, Some(&first))
        .await
        .unwrap();
    assert_eq!(code_of(&mut sent), code);
    assert_eq!(second.reveal(), first.reveal());
    let wrong = refused(&kit.accounts, &second, &other(&code, 1)).await;
    assert_eq!(wrong, CodeRefusal::Wrong { left: 1 });

    kit.clock.advance(Duration::from_secs(1));
    let third = kit.accounts.begin_reset(ANNS_EMAIL, None).await.unwrap();
    let newer = code_of(&mut sent);
    assert_ne!(newer, code);
    assert_eq!(
        refused(&kit.accounts, &third, &code).await,
        CodeRefusal::Wrong { left: 4 }
    );
    assert!(kit.accounts.prove_reset(&third, &newer).await.is_ok());
}

/// The same code that is sent again is over when it was to be.
#[tokio::test]
async fn resend_makes_no_code_live_longer() {
    for (age, works) in [(just_under(6), true), (6 * MINUTE, false)] {
        let kit = Kit::with_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = begin(&kit.accounts).await;
        let code = code_of(&mut sent);
        kit.clock.advance(4 * MINUTE);
        let again = kit.accounts.begin_reset(ANNS_EMAIL, Some(&key)).await;
        assert_eq!(again.unwrap().reveal(), key.reveal());
        assert_eq!(code_of(&mut sent), code);
        kit.clock.advance(age);
        let proven = kit.accounts.prove_reset(&key, &code).await;
        assert_eq!(proven.is_ok(), works, "{age:?}");
    }
}

/// What each of the next requests of a browser comes to, asked for at the moment at which it can be.
async fn walk(kit: &Kit, name: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let key = kit.accounts.begin_reset(name, None).await.unwrap();
    // The second of two clicks.
    kit.clock.advance(Duration::from_secs(9));
    let again = kit.accounts.begin_reset(name, Some(&key)).await.unwrap();
    seen.push(format!("{}", again.reveal() == key.reveal()));
    for _ in 0..9 {
        kit.clock.advance(Duration::from_secs(1));
        let refused = kit.accounts.begin_reset(name, Some(&key)).await;
        let ResetRequestRefusal::TooSoon { wait } = refusal(refused) else {
            panic!("it is too soon");
        };
        let pending = kit
            .accounts
            .pending_code(&key, Purpose::ResetPassword)
            .await;
        assert_eq!(pending.unwrap().unwrap().resend_in, wait);
        kit.clock
            .advance(wait.saturating_sub(Duration::from_micros(1)));
        let early = kit.accounts.begin_reset(name, Some(&key)).await;
        assert!(matches!(
            refusal(early),
            ResetRequestRefusal::TooSoon { .. }
        ));
        kit.clock.advance(Duration::from_micros(1));
        let sent = kit.accounts.begin_reset(name, Some(&key)).await.unwrap();
        seen.push(format!(
            "{} {}",
            wait.as_secs(),
            sent.reveal() == key.reveal()
        ));
        kit.clock.advance(Duration::from_secs(9));
    }
    seen
}

/// After 30 s, then 1, 2, 4 and so on to 32 minutes; a name that nobody has waits as long.
#[tokio::test]
async fn next_code_is_waited_for() {
    let mut walks = Vec::new();
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        walks.push(walk(&kit, name).await);
        let messages = if name == ANNS_EMAIL { 10 } else { 0 };
        assert_eq!(sent.take().len(), messages, "{name}");
    }
    let waits = [20, 50, 110, 230, 470, 950, 1_910, 1_910, 1_910];
    let expected = waits.map(|wait| format!("{wait} true"));
    assert_eq!(walks[0][0], "true");
    assert_eq!(walks[0][1..], expected);
    assert_eq!(walks[0], walks[1]);
}

/// With all attempts used up another code would have none: it can be had when this one is over, and has its own then.
#[tokio::test]
async fn used_up_code_is_waited_out() {
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = kit.accounts.begin_reset(name, None).await.unwrap();
        let code = sent.take().pop().and_then(|event| event.envelope.code);
        let code = code.as_ref().map_or("123456", OneTimeCode::as_str);
        for by in 1..=5 {
            refused(&kit.accounts, &key, &other(code, by)).await;
        }
        kit.clock.advance(just_under(10));
        let early = refusal(kit.accounts.begin_reset(name, Some(&key)).await);
        let wait = Duration::from_secs(1);
        assert_eq!(early, ResetRequestRefusal::TooSoon { wait }, "{name}");
        kit.clock.advance(wait);
        let again = kit.accounts.begin_reset(name, Some(&key)).await.unwrap();
        let told = refused(&kit.accounts, &again, &other(code, 7)).await;
        assert_eq!(told, CodeRefusal::Wrong { left: 4 }, "{name}");
    }
}

/// Attempts that are left are the same for a name that nobody has, after a code was asked for again.
#[tokio::test]
async fn resend_tells_nobody_apart() {
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = kit.accounts.begin_reset(name, None).await.unwrap();
        let code = sent.take().pop().and_then(|event| event.envelope.code);
        let code = code.as_ref().map_or("123456", OneTimeCode::as_str);
        for by in 1..=3 {
            refused(&kit.accounts, &key, &other(code, by)).await;
        }
        kit.clock.advance(Duration::from_secs(30));
        let again = kit.accounts.begin_reset(name, Some(&key)).await.unwrap();
        let told = refused(&kit.accounts, &again, &other(code, 7)).await;
        assert_eq!(told, CodeRefusal::Wrong { left: 1 }, "{name}");
        // Another name is no resend, whether anyone has it or not.
        for other in ["eve@example.org", "bob@example.net"] {
            let begun = kit.accounts.begin_reset(other, Some(&again)).await.unwrap();
            assert_ne!(begun.reveal(), again.reveal());
        }
    }
}

/// Of nobody's challenge whose place another has taken meanwhile another code is asked for as of someone's that is over: it goes on
/// under its key, with the same wait and attempts, whichever name it was.
#[tokio::test]
async fn resend_at_a_place_that_is_taken_tells_nobody_apart() {
    for purpose in [Purpose::ResetPassword, Purpose::LogIn] {
        let mut answers = Vec::new();
        for (name, is_taken) in [(ANNS_EMAIL, false), (NOBODY, false), (NOBODY, true)] {
            let kit = Kit::with_settings(|settings| {
                settings.limits = LimitSettings::default();
                settings.login_by_code = true;
            });
            let ann = kit.sign_up_ann().await;
            for address in kit.store.addresses_of(ann.id, 10).await.unwrap() {
                kit.prove(&address).await;
            }
            let ask = async |previous: Option<&ChallengeKey>| match purpose {
                Purpose::LogIn => kit.accounts.begin_log_in(name, previous).await,
                _ => kit.accounts.begin_reset(name, previous).await,
            };
            let key = ask(None).await.unwrap();
            kit.clock.advance(10 * MINUTE);
            if is_taken {
                kit.store.lose_challenges();
                let pending = kit.accounts.pending_code(&key, purpose).await.unwrap();
                assert_eq!(pending, None);
            }
            let again = ask(Some(&key)).await.unwrap();
            let pending = kit.accounts.pending_code(&again, purpose).await.unwrap();
            // The second of two clicks, and one that comes too soon.
            let second = ask(Some(&again))
                .await
                .map(|it| it.reveal() == key.reveal());
            kit.clock.advance(15 * SECOND);
            let soon = ask(Some(&again)).await.map(drop);
            let is_same = again.reveal() == key.reveal();
            answers.push(format!("{is_same} {pending:?} {second:?} {soon:?}"));
        }
        assert_eq!(answers[0], answers[1], "{purpose:?}");
        assert_eq!(answers[1], answers[2], "{purpose:?}");
        assert!(answers[0].starts_with("true Some"), "{}", answers[0]);
    }
}

/// Of nobody's challenge that is gone the key is kept for as long as someone's would be there, and no longer: nobody can keep the
/// keys of many names until those of one group of places are enough to put another out.
#[tokio::test]
async fn key_from_before_the_last_period_is_not_kept() {
    for (later, is_kept) in [(10, true), (49, true), (101, false), (10_000, false)] {
        let kit = Kit::limited();
        let key = kit.accounts.begin_reset(NOBODY, None).await.unwrap();
        kit.store.lose_challenges();
        kit.clock.advance(later * MINUTE);
        let again = kit.accounts.begin_reset(NOBODY, Some(&key)).await.unwrap();
        assert_eq!(again.reveal() == key.reveal(), is_kept, "{later}");
    }
}

/// A key is kept for what it was made for alone, and only if it was made here: another browser may have planted it.
#[tokio::test]
async fn planted_key_is_not_kept() {
    let kit = Kit::limited();
    let of_other = kit.accounts.begin_reset(NOBODY, None).await.unwrap();
    kit.store.lose_challenges();
    let made_up = ChallengeKey::parse("q0tmUhrN9xkYI3AlW5m1v2cQ7dSgZ4bE6fHjK8oPRsU").unwrap();
    for planted in [of_other, made_up] {
        let key = kit.accounts.begin_reset("bob@example.net", Some(&planted));
        assert_ne!(key.await.unwrap().reveal(), planted.reveal());
    }
}

/// A code that was asked for is not ended by one that the same browser asks for with another name, or for something else.
#[tokio::test]
async fn code_of_another_name_ends_none() {
    for next in [ANNS_PHONE, "bob@example.net", "nobody@example.org"] {
        for purpose in [Purpose::ResetPassword, Purpose::LogIn] {
            let kit = Kit::with_settings(|settings| settings.login_by_code = true);
            kit.sign_up_ann().await;
            kit.sign_up_bob().await;
            let mut sent = kit.signals.capture::<ResetPasswordEmail>();
            let key = begin(&kit.accounts).await;
            let code = code_of(&mut sent);
            let other = match purpose {
                Purpose::LogIn => kit.accounts.begin_log_in(next, Some(&key)).await,
                _ => kit.accounts.begin_reset(next, Some(&key)).await,
            };
            assert_ne!(other.unwrap().reveal(), key.reveal());
            let proven = kit.accounts.prove_reset(&key, &code).await;
            assert!(proven.is_ok(), "{purpose:?} {next}: {proven:?}");
        }
    }
}

/// A message that could not be sent is no reason to wait, nor to take the next request for a second click.
#[tokio::test]
async fn unsent_code_is_not_waited_for() {
    let kit = Kit::with_settings(|settings| {
        settings.limits = LimitSettings::default();
        settings.limits.resets_of_address = "1/min".parse().unwrap();
    });
    kit.sign_up_ann().await;
    let client = Client::new().at(std::net::Ipv4Addr::new(203, 0, 113, 7).into());
    let accounts = kit.accounts.for_client(client);
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let key = begin(&accounts).await;
    kit.clock.advance(Duration::from_secs(30));
    let limited = accounts.begin_reset(ANNS_EMAIL, Some(&key)).await;
    assert!(matches!(limited, Err(FlowError::Failed(_))));
    kit.clock.advance(Duration::from_secs(1));
    let limited = accounts.begin_reset(ANNS_EMAIL, Some(&key)).await;
    assert!(matches!(limited, Err(FlowError::Failed(_))));
    kit.clock.advance(Duration::from_secs(29));
    assert!(accounts.begin_reset(ANNS_EMAIL, Some(&key)).await.is_ok());
    assert_eq!(sent.take().len(), 2);
    // Two were sent, so the third waits a minute.
    let pending = accounts.pending_code(&key, Purpose::ResetPassword).await;
    assert_eq!(pending.unwrap().unwrap().resend_in, MINUTE);
}

/// A clock that was set back keeps nobody waiting for days.
#[tokio::test]
async fn clock_set_back_keeps_nobody_waiting() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let key = begin(&kit.accounts).await;
    let day = chrono::TimeDelta::days(1);
    let clock = ManualClock::at(phone_auth_core::clock::Clock::now(&kit.clock) - day);
    let elsewhere = kit.at_another_clock(&clock);
    assert!(elsewhere.begin_reset(ANNS_EMAIL, Some(&key)).await.is_ok());
}

/// Of an address a user verifies: no sooner than the limits let it, 3 minutes for mail.
#[tokio::test]
async fn next_verification_is_waited_for() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    for (kind, wait) in [(AddressKind::Email, 170), (AddressKind::Phone, 20)] {
        let address = kit.address(&user, kind).await;
        let begin = async || {
            let begun = kit.accounts.begin_verification(&user, kind, address.id);
            begun.await
        };
        let key = begin().await.unwrap().unwrap();
        kit.clock.advance(Duration::from_secs(10));
        let wait = Duration::from_secs(wait);
        let told = refusal(begin().await);
        assert_eq!(told, VerificationRequestRefusal::TooSoon { wait });
        kit.clock.advance(wait);
        let again = begin().await.unwrap().unwrap();
        assert_eq!(again.reveal(), key.reveal());
    }
}

/// A stranger who asks for codes of someone else's address takes none away.
#[tokio::test]
async fn strangers_who_ask_end_no_code() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let owner = begin(&kit.accounts).await;
    let code = code_of(&mut sent);
    for _ in 0..4 {
        kit.clock.advance(MINUTE);
        let stranger = begin(&kit.accounts).await;
        for by in 1..=5 {
            drop(kit.accounts.prove_reset(&stranger, &other(&code, by)).await);
        }
    }
    assert!(kit.accounts.prove_reset(&owner, &code).await.is_ok());
}

#[tokio::test]
async fn codes_are_typed_in_many_ways() {
    let wide = |code: &str| -> String {
        code.chars()
            .map(|c| char::from_u32(u32::from(c) - 48 + 0xff10).unwrap())
            .collect()
    };
    let arabic = |code: &str| -> String {
        code.chars()
            .map(|c| char::from_u32(u32::from(c) - 48 + 0x660).unwrap())
            .collect()
    };
    for spell in [&wide as &dyn Fn(&str) -> String, &arabic, &|code: &str| {
        let (first, last) = code.split_at(3);
        format!(" {first}-{last} ")
    }] {
        let kit = Kit::with_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = begin(&kit.accounts).await;
        let code = code_of(&mut sent);
        assert!(kit.accounts.prove_reset(&key, &spell(&code)).await.is_ok());
        // And not once more in another spelling.
        assert_eq!(refused(&kit.accounts, &key, &code).await, CodeRefusal::Over);
    }
}

#[tokio::test]
async fn username_sends_a_code_to_each_address() {
    let kit = Kit::with_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let address = kit.address(&user, kind).await;
        let (id, token) = kit.verification_link(&user, &address).await;
        let _ = kit.accounts.verify_address(&id, &token).await.unwrap();
    }
    let mut by_email = kit.signals.capture::<ResetPasswordEmail>();
    let mut by_phone = kit.signals.capture::<ResetPasswordPhone>();
    let mut codes = Vec::new();
    let first = kit.accounts.begin_reset("ann", None).await.unwrap();
    codes.push((first, code_of(&mut by_email)));
    by_phone.take();
    kit.clock.advance(6 * MINUTE);
    let second = kit.accounts.begin_reset("ann", None).await.unwrap();
    let code = by_phone.take().pop().unwrap().envelope.code.unwrap();
    codes.push((second, code.as_str().to_owned()));
    // The first one was replaced by a newer code.
    let (key, code) = codes.pop().unwrap();
    assert!(kit.accounts.prove_reset(&key, &code).await.is_ok());
}

#[tokio::test]
async fn code_verifies_an_address() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let user = kit.current_user("ann", HORSE).await;
    let bob = kit.current_user("bob", HORSE).await;
    let phone = kit.address(&user, AddressKind::Phone).await;
    let mut sent = kit.signals.capture::<VerifyPhone>();
    let key = kit
        .accounts
        .begin_verification(&user, phone.kind, phone.id)
        .await;
    let key = key.unwrap().unwrap();
    let event = sent.take().remove(0);
    assert_eq!(event.phone, ANNS_PHONE);
    let code = event.envelope.code.unwrap();
    let bobs = kit.accounts.verify_by_code(&bob, &key, code.as_str()).await;
    assert_eq!(refusal(bobs), CodeRefusal::Over);
    let verified = kit
        .accounts
        .verify_by_code(&user, &key, code.as_str())
        .await
        .unwrap();
    assert!(matches!(verified, Verification::Verified(address, _) if address.id == phone.id));
    assert!(kit.address(&user, AddressKind::Phone).await.is_verified);
    let again = kit
        .accounts
        .begin_verification(&user, phone.kind, phone.id)
        .await;
    assert!(again.unwrap().is_none());
}

/// What asks for a link alone gets no code, so that no message has one that can be typed nowhere.
#[tokio::test]
async fn link_alone_has_no_code() {
    let kit = Kit::with_ann().await;
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    kit.accounts
        .request_password_reset(ANNS_EMAIL)
        .await
        .unwrap();
    assert_eq!(sent.take().remove(0).envelope.code, None);
}

/// The worker derives the code that is checked.
#[tokio::test]
async fn worker_sends_the_code() {
    let kit = Kit::with_ann().await;
    let accounts = kit.with_outbox(&kit.signals);
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let key = begin(&accounts).await;
    let worker = accounts.outbox().unwrap().worker(WorkerOptions::default());
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    let code = code_of(&mut sent);
    assert!(accounts.prove_reset(&key, &code).await.is_ok());

    // One that comes too late for its code carries the link alone.
    drop(begin(&accounts).await);
    kit.clock.advance(10 * MINUTE);
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    assert_eq!(sent.take().remove(0).envelope.code, None);
}
