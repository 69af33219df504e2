//! A right code that comes twice: answered as the first while what that has done holds, and never more.

#![expect(
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, Kit, STAPLE, refusal};
use phone_auth_core::accounts::{Accounts, CodeRefusal, Failure, FailureKind, SignUpForm};
use phone_auth_core::address::AddressKind;
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::clock::Clock;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::link::RightCode;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::password::Password;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_core::store::{AddressStore, ChallengeStore};
use phone_auth_events::{LoginEmail, LoginPhone, Message, OneTimeCode, ResetPasswordEmail};

const MINUTE: Duration = Duration::from_mins(1);

/// A code that a browser waits for, with its key.
struct Asked {
    kit: Kit,
    key: ChallengeKey,
    code: String,
}

impl Asked {
    /// To sign in as someone who has a password, or who signs up without one.
    async fn to_log_in(has_password: bool, change: impl FnOnce(&mut Settings)) -> Self {
        if has_password {
            Self::with_password(change).await
        } else {
            Self::without_password(change).await
        }
    }

    async fn with_password(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.login_by_code = true;
            change(settings);
        });
        let ann = kit.sign_up_ann().await;
        let addresses = kit.store.addresses_of(ann.id, 10).await.unwrap();
        let email = addresses
            .iter()
            .find(|it| it.kind == AddressKind::Email)
            .unwrap();
        kit.prove(email).await;
        let mut sent = kit.signals.capture::<LoginEmail>();
        let key = kit.accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
        let code = code_of(&sent.take().pop().unwrap());
        Self { kit, key, code }
    }

    async fn without_password(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.authentication_methods = Methods {
                phone: true,
                email: false,
                username: false,
            };
            settings.login_by_code = true;
            settings.sign_up_by_code = true;
            change(settings);
        });
        let mut sent = kit.signals.capture::<LoginPhone>();
        let form = SignUpForm {
            first_name: "Ann",
            last_name: "Smith",
            username: "",
            email: "",
            phone: ANNS_PHONE,
            password: Password::new(""),
            confirm_password: None,
        };
        let key = kit.accounts.begin_sign_up(form, None).await.unwrap();
        let code = code_of(&sent.take().pop().unwrap());
        Self { kit, key, code }
    }

    async fn to_reset(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(change);
        kit.sign_up_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        let key = kit.accounts.begin_reset(ANNS_EMAIL, None).await.unwrap();
        let code = code_of(&sent.take().pop().unwrap());
        Self { kit, key, code }
    }

    /// Another code than the right one.
    fn wrong(&self, by: u32) -> String {
        let number: u32 = self.code.parse().unwrap();
        format!("{:06}", (number + by) % 1_000_000)
    }

    fn accounts(&self) -> &Accounts {
        &self.kit.accounts
    }

    /// The text of the key that a second click gets.
    async fn again(&self, typed: &str) -> Result<Option<String>, Failure> {
        let again = self.accounts().repeated_log_in(&self.key, typed).await?;
        Ok(again.map(|it| it.key.reveal().to_owned()))
    }
}

fn code_of(message: &dyn Message) -> String {
    message.code().map(OneTimeCode::as_str).unwrap().to_owned()
}

/// The time stands still for what waits, so nothing waits long.
#[tokio::test(start_paused = true)]
async fn second_click_has_the_session_of_the_first() {
    for has_password in [true, false] {
        let asked = Asked::to_log_in(has_password, |_| {}).await;
        let code = &asked.code;
        assert_eq!(asked.again(code).await.unwrap(), None, "there was no first");
        let accounts = asked.accounts();
        let flow = accounts.log_in_by_code(&asked.key, code, None);
        let first = flow.await.unwrap();
        let strict = accounts.log_in_by_code(&asked.key, code, None).await;
        assert_eq!(refusal(strict), CodeRefusal::Over);

        asked.kit.clock.advance(Duration::from_secs(59));
        let spaced = format!(" {code} ");
        for typed in [code, &spaced] {
            let second = accounts.repeated_log_in(&asked.key, typed).await;
            let second = second.unwrap().unwrap();
            assert_eq!(second.key.reveal(), first.key.reveal(), "{has_password}");
            assert_eq!(second.expires_at, first.expires_at);
            assert_eq!(second.ends_with_browser, first.ends_with_browser);
            assert_eq!(second.user.id, first.user.id);
        }
        assert_eq!(asked.kit.store.session_count(), 1, "no other has begun");
        let current = accounts.current_user(&first.key).await.unwrap().unwrap();
        assert!(accounts.require_recent_proof(&current).is_err());

        for typed in [asked.wrong(1).as_str(), "12345", "", "\0"] {
            assert_eq!(asked.again(typed).await.unwrap(), None, "{typed:?}");
        }
        let elsewhere = accounts.begin_log_in(ANNS_PHONE, None).await.unwrap();
        let another = accounts.repeated_log_in(&elsewhere, code).await.unwrap();
        assert!(another.is_none(), "in another browser");
        asked.kit.clock.advance(Duration::from_secs(1));
        assert_eq!(asked.again(code).await.unwrap(), None, "a minute later");
    }
}

#[tokio::test(start_paused = true)]
async fn log_out_ends_what_a_second_click_gets() {
    for has_password in [true, false] {
        let asked = Asked::to_log_in(has_password, |_| {}).await;
        let flow = asked
            .accounts()
            .log_in_by_code(&asked.key, &asked.code, None);
        let first = flow.await.unwrap();
        asked.accounts().log_out(&first.key).await.unwrap();
        assert_eq!(asked.again(&asked.code).await.unwrap(), None);
        assert_eq!(asked.kit.store.session_count(), 0);
    }
}

/// As many at once as there are attempts, by one browser: one logs in, and all have its session.
#[tokio::test]
async fn clicks_at_once_have_one_session() {
    for has_password in [true, false] {
        let asked = Asked::to_log_in(has_password, |_| {}).await;
        let clicks: Vec<_> = (0..5)
            .map(|_| {
                let (accounts, key) = (asked.accounts().clone(), asked.key.clone());
                let code = asked.code.clone();
                tokio::spawn(async move {
                    match accounts.log_in_by_code(&key, &code, None).await {
                        Ok(first) => Some((true, first.key)),
                        Err(_) => accounts
                            .repeated_log_in(&key, &code)
                            .await
                            .unwrap()
                            .map(|again| (false, again.key)),
                    }
                })
            })
            .collect();
        let mut keys = Vec::new();
        let mut firsts = 0;
        for click in clicks {
            let (is_first, key) = click.await.unwrap().unwrap();
            firsts += u32::from(is_first);
            keys.push(key.reveal().to_owned());
        }
        keys.dedup();
        assert_eq!((firsts, keys.len()), (1, 1), "{has_password}");
        assert_eq!(asked.kit.store.session_count(), 1);
    }
}

/// A challenge that has ended is no place to guess: each try counts among the wrong codes of the address.
#[tokio::test(start_paused = true)]
async fn guesses_at_an_ended_challenge_are_counted() {
    let limited = |settings: &mut Settings| settings.limits = LimitSettings::default();
    let log_in = Asked::to_log_in(true, limited).await;
    let flow = log_in
        .accounts()
        .log_in_by_code(&log_in.key, &log_in.code, None);
    flow.await.unwrap();
    let reset = Asked::to_reset(limited).await;
    let proven = reset.accounts().prove_reset(&reset.key, &reset.code).await;
    proven.unwrap();
    for asked in [&log_in, &reset] {
        let mut tried = 0;
        let met = loop {
            let (typed, accounts) = (asked.wrong(tried + 1), asked.accounts());
            let met = match (
                accounts.repeated_log_in(&asked.key, &typed).await,
                accounts.repeated_code(&asked.key, &typed).await,
            ) {
                (Err(met), _) | (_, Err(met)) => met,
                (Ok(again), Ok(proven)) => {
                    assert!(again.is_none() && proven.is_none());
                    tried += 1;
                    assert!(tried < 50, "nothing counts");
                    continue;
                }
            };
            break met;
        };
        assert!(matches!(met.kind(), FailureKind::Limited { .. }));
        assert_eq!(tried, 10);
    }
}

/// A second click on the code of a reset is as good as the first until the password is set.
#[tokio::test]
async fn repeated_reset_code_sets_one_password() {
    let asked = Asked::to_reset(|_| {}).await;
    let (accounts, key, code) = (asked.accounts(), &asked.key, asked.code.as_str());
    let early = accounts.repeated_code(key, code).await.unwrap();
    assert!(early.is_none(), "there was no first");
    accounts.prove_reset(key, code).await.unwrap();
    asked.kit.clock.advance(Duration::from_secs(59));
    let wrong = accounts.repeated_code(key, &asked.wrong(1)).await.unwrap();
    assert!(wrong.is_none());
    let again = accounts.repeated_code(key, code).await.unwrap().unwrap();
    let new = Password::new(STAPLE);
    let token = again.token.reveal();
    let flow = accounts.reset_password(&again.id, token, &new, &new);
    flow.await.unwrap();
    let late = accounts.repeated_code(key, code).await.unwrap();
    assert!(late.is_none(), "the code went with the password");

    let asked = Asked::to_reset(|_| {}).await;
    let (accounts, key, code) = (asked.accounts(), &asked.key, asked.code.as_str());
    accounts.prove_reset(key, code).await.unwrap();
    asked.kit.clock.advance(MINUTE);
    let late = accounts.repeated_code(key, code).await.unwrap();
    assert!(late.is_none(), "it is a third click");
}

/// The last attempt with the right code, sent twice: the second comes while the first has taken the attempt and is not at its
/// end.
#[tokio::test(start_paused = true)]
async fn second_click_on_the_last_attempt_has_the_answer_of_the_first() {
    for (has_password, is_reset) in [(true, false), (false, false), (true, true)] {
        let asked = if is_reset {
            Asked::to_reset(|_| {}).await
        } else {
            Asked::to_log_in(has_password, |_| {}).await
        };
        let (accounts, key, code) = (asked.accounts(), &asked.key, asked.code.as_str());
        for by in 1..=4 {
            let wrong = asked.wrong(by);
            if is_reset {
                refusal(accounts.prove_reset(key, &wrong).await);
            } else {
                refusal(accounts.log_in_by_code(key, &wrong, None).await);
            }
        }
        let purpose = if is_reset {
            Purpose::ResetPassword
        } else {
            Purpose::LogIn
        };
        // As far as the first click has come.
        let store = &asked.kit.store;
        let now = Clock::now(&asked.kit.clock);
        let taken = store
            .attempt_challenge(&key.id(), purpose, now)
            .await
            .unwrap();
        let taken = taken.unwrap();
        assert_eq!(taken.attempts_left, 0);
        let id = taken.email.or(taken.phone).unwrap();
        let kind = if taken.email.is_some() {
            AddressKind::Email
        } else {
            AddressKind::Phone
        };
        let target = store.link_target(purpose, kind, id).await.unwrap();
        let right = RightCode::of(purpose, &target.unwrap()).unwrap();
        let first = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let ended = store.end_challenge(&key.id(), &right, now).await;
            assert!(ended.unwrap());
        };
        if is_reset {
            let (second, ()) = tokio::join!(accounts.repeated_code(key, code), first);
            assert!(second.unwrap().is_some(), "it goes on as the first");
        } else {
            // The session of the first never comes here; that it was waited for is what counts.
            let began = tokio::time::Instant::now();
            let (second, ()) = tokio::join!(asked.again(code), first);
            assert_eq!(second.unwrap(), None);
            assert!(began.elapsed() > Duration::from_secs(1), "{has_password}");
        }
    }
}

/// Of a challenge whose attempts were wrong nobody waits for long, and for nobody's as long.
#[tokio::test(start_paused = true)]
async fn used_up_challenge_is_not_waited_for() {
    for login in [ANNS_EMAIL, "nobody@example.org"] {
        let asked = Asked::to_log_in(true, |_| {}).await;
        let accounts = asked.accounts();
        let key = accounts.begin_log_in(login, None).await.unwrap();
        for by in 1..=5 {
            let wrong = asked.wrong(by);
            refusal(accounts.log_in_by_code(&key, &wrong, None).await);
        }
        for typed in [asked.code.as_str(), "000000"] {
            let began = tokio::time::Instant::now();
            let again = accounts.repeated_log_in(&key, typed).await.unwrap();
            assert!(again.is_none());
            assert_eq!(began.elapsed(), Duration::from_millis(500), "{login}");
        }
        let began = tokio::time::Instant::now();
        assert!(
            accounts
                .repeated_log_in(&key, "12345")
                .await
                .unwrap()
                .is_none()
        );
        assert_eq!(began.elapsed(), Duration::ZERO, "it is no code");
    }
}
