//! Right codes that one browser sends many times at once, to several processes over one store: each is answered as the first, at
//! whichever of them it comes, and also where wrong codes are limited.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use crate::common::{ANNS_EMAIL, HORSE, Kit, SECRET, keyring};
use phone_auth_core::accounts::{Accounts, CurrentUser, FlowError};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::store::AddressStore as _;
use phone_auth_events::{LoginEmail, Message as _, OneTimeCode, ResetPasswordEmail};

/// How many clicks there are at once.
const CLICKS: usize = 20;

#[derive(Clone, Copy, Debug)]
enum Form {
    LogIn,
    Reset,
    Verify,
}

/// A code that a browser waits for.
struct Asked {
    kit: Kit,
    form: Form,
    key: ChallengeKey,
    code: String,
    current_user: CurrentUser,
}

impl Asked {
    async fn new(form: Form) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.limits = LimitSettings::default();
            settings.login_by_code = true;
        });
        let ann = kit.sign_up_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let addresses = kit.store.addresses_of(ann.id, 10).await.unwrap();
        let email = addresses.first().unwrap();
        let (key, code) = match form {
            Form::LogIn => {
                kit.prove(email).await;
                let mut sent = kit.signals.capture::<LoginEmail>();
                let key = kit.accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
                let code = sent
                    .take()
                    .remove(0)
                    .code()
                    .map(OneTimeCode::as_str)
                    .map(str::to_owned);
                (key, code.unwrap())
            }
            Form::Reset => {
                let mut sent = kit.signals.capture::<ResetPasswordEmail>();
                let key = kit.accounts.begin_reset(ANNS_EMAIL, None).await.unwrap();
                let code = sent
                    .take()
                    .remove(0)
                    .code()
                    .map(OneTimeCode::as_str)
                    .map(str::to_owned);
                (key, code.unwrap())
            }
            Form::Verify => kit.verification_code(&current_user, email).await,
        };
        Self {
            kit,
            form,
            key,
            code,
            current_user,
        }
    }

    /// The flows of another process.
    fn process(&self) -> Accounts {
        Accounts::builder(Arc::new(self.kit.store.clone()), keyring(SECRET))
            .limits(Arc::new(self.kit.store.clone()))
            .signals(self.kit.signals.clone())
            .settings(self.kit.accounts.settings().clone())
            .clock(self.kit.clock.clone())
            .hasher(self.kit.hasher.clone())
            .build()
            .unwrap()
    }

    /// What a page makes of the code: none where it is told as wrong.
    async fn click(&self, accounts: &Accounts) -> Result<String, String> {
        let (key, code) = (&self.key, self.code.as_str());
        let said = |error: &dyn std::fmt::Debug| format!("{error:?}");
        match self.form {
            Form::LogIn => match accounts.log_in_by_code(key, code, None).await {
                Ok(first) => Ok(first.key.reveal().to_owned()),
                Err(FlowError::Refused(refusal)) => {
                    let again = accounts.repeated_log_in(key, code).await;
                    let again = again.map_err(|it| said(&it))?;
                    again
                        .map(|it| it.key.reveal().to_owned())
                        .ok_or(said(&refusal))
                }
                Err(error) => Err(said(&error)),
            },
            Form::Reset => match accounts.prove_reset(key, code).await {
                Ok(first) => Ok(first.id),
                Err(FlowError::Refused(refusal)) => {
                    let again = accounts.repeated_code(key, code).await;
                    let again = again.map_err(|it| said(&it))?;
                    again.map(|it| it.id).ok_or(said(&refusal))
                }
                Err(error) => Err(said(&error)),
            },
            Form::Verify => {
                let verified = accounts.verify_by_code(&self.current_user, key, code).await;
                verified.map(|_| String::new()).map_err(|it| said(&it))
            }
        }
    }
}

/// A code has five attempts, and at more processes the sixth would be waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_code_is_right_at_each_process() {
    for form in [Form::LogIn, Form::Reset, Form::Verify] {
        for processes in [1, 2, 3, 4, 5] {
            let asked = Arc::new(Asked::new(form).await);
            let before = asked.kit.store.session_count();
            let servers: Vec<_> = (0..processes).map(|_| asked.process()).collect();
            let clicks = servers.iter().cycle().take(CLICKS).map(|accounts| {
                let (asked, accounts) = (Arc::clone(&asked), accounts.clone());
                tokio::spawn(async move { asked.click(&accounts).await })
            });
            let clicks: Vec<_> = clicks.collect();
            let mut answers = Vec::new();
            for click in clicks {
                answers.push(click.await.unwrap());
            }
            let told = format!("{form:?} at {processes}: {answers:?}");
            assert!(answers.iter().all(Result::is_ok), "{told}");
            answers.dedup();
            assert_eq!(answers.len(), 1, "{told}");
            let begun = usize::from(matches!(form, Form::LogIn));
            assert_eq!(asked.kit.store.session_count(), before + begun, "{told}");
        }
    }
}
