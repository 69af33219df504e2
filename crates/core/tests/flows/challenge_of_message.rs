//! A message with a code and the challenge that it is for begin together: a request that is given up, at any step of it, leaves
//! no code that no browser can use.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common::mailing::options;
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit};
use crate::given_up_anywhere::{LONG, MANY, by_code, give_up_after};
use phone_auth_core::accounts::{Accounts, CurrentUser, SignUpForm};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::password::Password;
use phone_auth_core::store::{AddressStore as _, ChallengeStore as _};
use phone_auth_events::{
    Capture, LoginEmail, LoginPhone, ResetPasswordEmail, VerifyEmail, VerifyPhone,
};
use phone_auth_store_testkit::MemoryStore;

/// What a code is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Reset,
    LogIn,
    SignUp,
    Verification(AddressKind),
}

struct Site {
    store: MemoryStore,
    accounts: Accounts,
    verifies: Option<(CurrentUser, AddressRecord)>,
    _receivers: Receivers,
}

type Receivers = (
    Capture<ResetPasswordEmail>,
    Capture<LoginEmail>,
    Capture<LoginPhone>,
    Capture<VerifyEmail>,
    Capture<VerifyPhone>,
);

impl Site {
    async fn of(asks: Asks) -> Self {
        let kit = Kit::with_settings(|it| by_code(it, asks == Asks::SignUp));
        let mut verifies = None;
        if asks != Asks::SignUp {
            let ann = kit.sign_up_ann().await;
            let addresses = kit.store.addresses_of(ann.id, 10).await.unwrap();
            for address in addresses {
                match asks {
                    Asks::Verification(kind) if kind == address.kind => {
                        verifies = Some((kit.current_user("ann", HORSE).await, address));
                    }
                    Asks::Verification(_) => {}
                    _ => kit.prove(&address).await,
                }
            }
        }
        let accounts = kit.with_outbox(&kit.signals).for_browser(Some("a browser"));
        let signals = &kit.signals;
        let receivers = (
            signals.capture(),
            signals.capture(),
            signals.capture(),
            signals.capture(),
            signals.capture(),
        );
        Self {
            store: kit.store,
            accounts,
            verifies,
            _receivers: receivers,
        }
    }

    async fn click(&self, asks: Asks) -> ChallengeKey {
        let accounts = &self.accounts;
        match (asks, &self.verifies) {
            (Asks::Verification(_), Some((user, address))) => {
                let begun = accounts.begin_verification(user, address.kind, address.id);
                begun.await.unwrap().unwrap()
            }
            (Asks::LogIn, _) => accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap(),
            (Asks::SignUp, _) => {
                let form = SignUpForm {
                    first_name: "Ann",
                    last_name: "Smith",
                    username: "",
                    email: "",
                    phone: ANNS_PHONE,
                    password: Password::new(""),
                    confirm_password: None,
                };
                accounts.begin_sign_up(form, None).await.unwrap()
            }
            _ => accounts.begin_reset(ANNS_EMAIL, None).await.unwrap(),
        }
    }
}

#[tokio::test]
async fn message_that_is_enqueued_has_its_challenge() {
    let mut wrong = Vec::new();
    for (asks, purpose) in [
        (Asks::Reset, Purpose::ResetPassword),
        (Asks::LogIn, Purpose::LogIn),
        (Asks::SignUp, Purpose::LogIn),
        (Asks::Verification(AddressKind::Email), Purpose::Verify),
        (Asks::Verification(AddressKind::Phone), Purpose::Verify),
    ] {
        let mut is_through = false;
        for steps in 0..MANY {
            let site = Site::of(asks).await;
            let worker = site.accounts.outbox().unwrap().worker(options());
            is_through = give_up_after(steps, site.click(asks)).await.is_some();
            assert!(site.accounts.drain(LONG).await, "{asks:?} {steps}");
            let mut sent = worker.deliver_due().await.unwrap();
            if let Some((user, address)) = &site.verifies {
                let key = site
                    .accounts
                    .key_for_address(user, address.kind, address.id);
                let pending = site.accounts.pending_code(&key, purpose).await.unwrap();
                if pending.is_some() != (sent == 1) {
                    wrong.push((asks, steps, "its challenge is not there"));
                }
            }
            let key = site.click(asks).await;
            let pending = site.accounts.pending_code(&key, purpose).await.unwrap();
            sent += worker.deliver_due().await.unwrap();
            if pending.is_none() || sent != 1 {
                wrong.push((asks, steps, "it was sent twice, or never"));
            }
            let names = site.store.typed_names(&key.id()).await.unwrap();
            if names.is_some() != (asks == Asks::SignUp) {
                wrong.push((asks, steps, "the names are not kept"));
            }
            if is_through {
                break;
            }
        }
        assert!(is_through, "{asks:?}");
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
