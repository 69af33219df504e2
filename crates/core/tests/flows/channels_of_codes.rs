//! A code that is asked for by another channel: another request, with a clock of its own, and no attempts come back.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what is not as it should be is a failed test"
)]

use std::time::Duration;

use crate::common::{ANNS_PHONE, HORSE, Kit, refusal};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, CurrentUser, FlowError, ResetRequestRefusal, VerificationRequestRefusal,
};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::settings::Settings;
use phone_auth_events::{Channel, LoginPhone, OneTimeCode, ResetPasswordPhone, VerifyPhone};

const NOBODYS: &str = "+442079460099";

/// What a request comes to: sent, or for how many seconds it is too soon.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Done,
    TooSoon(u64),
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
enum Flow {
    Reset,
    LogIn,
    Verify,
}

/// Who asks, from one browser.
struct Asker {
    kit: Kit,
    flow: Flow,
    login: &'static str,
    user: CurrentUser,
    phone: AddressRecord,
    key: Option<ChallengeKey>,
}

fn with_channels(settings: &mut Settings) {
    settings.limits = LimitSettings::default();
    settings.login_by_code = true;
    settings.phone_channels = vec![Channel::Sms, Channel::Voice, Channel::Whatsapp];
}

impl Asker {
    async fn new(flow: Flow, login: &'static str) -> Self {
        let kit = Kit::with_settings(with_channels);
        kit.sign_up_ann().await;
        let user = kit.current_user("ann", HORSE).await;
        let phone = kit.address(&user, AddressKind::Phone).await;
        if matches!(flow, Flow::LogIn) {
            let owner = user.user();
            kit.accounts
                .set_verified(owner, &phone, true)
                .await
                .unwrap();
        }
        Self {
            kit,
            flow,
            login,
            user,
            phone,
            key: None,
        }
    }

    fn by(&self, channel: Channel) -> Accounts {
        self.kit.accounts.with_channel(Some(channel))
    }

    async fn ask(&mut self, channel: Channel) -> Told {
        let (accounts, previous) = (self.by(channel), self.key.clone());
        let begun = match self.flow {
            Flow::Reset => accounts.begin_reset(self.login, previous.as_ref()).await,
            Flow::LogIn => accounts.begin_log_in(self.login, previous.as_ref()).await,
            Flow::Verify => {
                let asked = accounts.begin_verification(&self.user, self.phone.kind, self.phone.id);
                match asked.await {
                    Ok(key) => Ok(key.unwrap()),
                    Err(FlowError::Refused(VerificationRequestRefusal::TooSoon { wait })) => {
                        Err(FlowError::Refused(ResetRequestRefusal::TooSoon { wait }))
                    }
                    Err(other) => panic!("{other:?}"),
                }
            }
        };
        match begun {
            Ok(key) => {
                if let Some(previous) = previous {
                    assert_eq!(key.reveal(), previous.reveal(), "the browser keeps its key");
                }
                self.key = Some(key);
                Told::Done
            }
            Err(FlowError::Refused(ResetRequestRefusal::TooSoon { wait })) => {
                Told::TooSoon(wait.as_secs())
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn refused(&self, typed: &str) -> CodeRefusal {
        let (accounts, key) = (&self.kit.accounts, self.key.as_ref().unwrap());
        match self.flow {
            Flow::Reset => refusal(accounts.prove_reset(key, typed).await),
            Flow::LogIn => refusal(accounts.log_in_by_code(key, typed, None).await),
            Flow::Verify => refusal(accounts.verify_by_code(&self.user, key, typed).await),
        }
    }
}

/// "Call me", right after the text message that does not come: it is done, once, and waits for its own time from then on.
#[tokio::test]
async fn other_channel_is_another_request() {
    for (flow, login) in [
        (Flow::Reset, ANNS_PHONE),
        (Flow::Reset, NOBODYS),
        (Flow::LogIn, ANNS_PHONE),
        (Flow::LogIn, NOBODYS),
        (Flow::Verify, ANNS_PHONE),
    ] {
        let mut asker = Asker::new(flow, login).await;
        let mut resets = asker.kit.signals.capture::<ResetPasswordPhone>();
        let mut log_ins = asker.kit.signals.capture::<LoginPhone>();
        let mut verifications = asker.kit.signals.capture::<VerifyPhone>();
        let clock = asker.kit.clock.clone();
        for (after, channel, told) in [
            (0, Channel::Sms, Told::Done),
            // A second click, and then "Call me".
            (2, Channel::Sms, Told::Done),
            (3, Channel::Voice, Told::Done),
            (1, Channel::Voice, Told::Done),
            (1, Channel::Whatsapp, Told::Done),
            // Each was asked for by now, so it is no second click, and has to wait.
            (1, Channel::Sms, Told::TooSoon(119)),
            (1, Channel::Voice, Told::TooSoon(118)),
            (118, Channel::Voice, Told::Done),
        ] {
            clock.advance(Duration::from_secs(after));
            let met = asker.ask(channel).await;
            assert_eq!(met, told, "{flow:?} {login} {channel}");
        }
        let sent: Vec<(Channel, String)> = match flow {
            Flow::Reset => (resets
                .take()
                .iter()
                .map(|it| (it.channel(), code(it.envelope.code.as_ref()))))
            .collect(),
            Flow::LogIn => (log_ins
                .take()
                .iter()
                .map(|it| (it.channel(), code(it.envelope.code.as_ref()))))
            .collect(),
            Flow::Verify => (verifications
                .take()
                .iter()
                .map(|it| (it.channel(), code(it.envelope.code.as_ref()))))
            .collect(),
        };
        let channels: Vec<Channel> = sent.iter().map(|(channel, _)| *channel).collect();
        let expected = [
            Channel::Sms,
            Channel::Voice,
            Channel::Whatsapp,
            Channel::Voice,
        ];
        let expected: &[Channel] = if login == NOBODYS { &[] } else { &expected };
        assert_eq!(channels, expected, "{flow:?}");
        let mut codes: Vec<&String> = sent.iter().map(|(_, code)| code).collect();
        codes.dedup();
        assert!(codes.len() <= 1, "it is one code");
    }
}

/// Anyone who asks by each channel there is has five attempts in all.
#[tokio::test]
async fn other_channel_gives_no_attempts_back() {
    for (flow, login) in [
        (Flow::Reset, ANNS_PHONE),
        (Flow::Reset, NOBODYS),
        (Flow::LogIn, ANNS_PHONE),
        (Flow::Verify, ANNS_PHONE),
    ] {
        let mut asker = Asker::new(flow, login).await;
        let mut left = 5;
        for channel in [Channel::Sms, Channel::Voice, Channel::Whatsapp] {
            assert_eq!(asker.ask(channel).await, Told::Done, "{flow:?}");
            left -= 1;
            // One of two is wrong, whichever the code is.
            let told = asker.refused("000000").await;
            assert_eq!(told, CodeRefusal::Wrong { left }, "{flow:?} {channel}");
        }
        for typed in ["000000", "000000"] {
            let _ = asker.refused(typed).await;
        }
        // With none left another channel is no way to more.
        asker.kit.clock.advance(Duration::from_mins(5));
        assert!(matches!(asker.ask(Channel::Voice).await, Told::TooSoon(_)));
        assert_eq!(asker.refused("000000").await, CodeRefusal::Over);
    }
}

fn code(code: Option<&OneTimeCode>) -> String {
    code.map(OneTimeCode::as_str).unwrap().to_owned()
}
