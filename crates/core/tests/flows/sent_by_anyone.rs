//! Messages that strangers have sent to someone again and again: they stop, and nobody is kept from what they need.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, Kit, SECRET, STAPLE, ann, keyring};
use phone_auth_core::accounts::{Accounts, CurrentUser, FailureKind, FlowError, SignUpForm};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::client::Client;
use phone_auth_core::limits::{LimitSettings, MemoryLimits, TextGuard};
use phone_auth_core::password::Password;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::{LoginEmail, ResetPasswordEmail, VerifyEmail, VerifyPhone};

const SECOND: Duration = Duration::from_secs(1);

/// Four networks that ask without a pause, and the owner's, which has asked for nothing yet.
const STRANGERS: [u8; 4] = [1, 2, 3, 4];
const OWNERS: u8 = 99;

fn from(kit: &Kit, network: u8) -> Accounts {
    let address = Ipv4Addr::new(203, network, 1, 7);
    kit.accounts.for_client(Client::new().at(address.into()))
}

/// Whether it went on, or for how long to wait.
fn outcome<T, R: std::fmt::Debug>(ended: Result<T, FlowError<R>>) -> Option<u64> {
    match ended {
        Ok(_) => None,
        Err(FlowError::Failed(failure)) => match failure.kind() {
            FailureKind::Limited { wait, .. } => Some(wait.as_secs()),
            kind => unreachable!("{kind:?}"),
        },
        Err(FlowError::Refused(refusal)) => unreachable!("{refusal:?}"),
    }
}

/// What each request of four networks came to, in so many seconds of asking without a pause.
async fn ask_on(kit: &Kit, login: &str, seconds: u32) -> Vec<Option<u64>> {
    let mut outcomes = Vec::new();
    for _ in 0..seconds {
        for network in STRANGERS {
            let asked = from(kit, network).begin_reset(login, None).await;
            outcomes.push(outcome(asked));
        }
        kit.clock.advance(SECOND);
    }
    outcomes
}

/// The owner, whose browser is not known, is answered as ever and sent nothing: the code and the link of the last message are
/// good for them too.
#[tokio::test]
async fn owner_gets_in_by_what_strangers_had_sent() {
    for by_code in [true, false] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let mut sent = kit.signals.capture::<ResetPasswordEmail>();
        ask_on(&kit, ANNS_EMAIL, 305).await;
        let mut all = sent.take();
        // Nobody is sent more than before: five, and one in 12 seconds.
        assert_eq!(all.len(), 30);
        let owner = from(&kit, OWNERS);
        let key = owner.begin_reset(ANNS_EMAIL, None).await.unwrap();
        assert!(sent.take().is_empty(), "enough was sent");
        let last = all.pop().unwrap();
        let (id, token) = if by_code {
            let code = last.envelope.code.clone().unwrap();
            let proven = owner.prove_reset(&key, code.as_str()).await.unwrap();
            (proven.id.clone(), proven.token.reveal().to_owned())
        } else {
            (last.link().id.to_owned(), last.link().token.to_owned())
        };
        let new = Password::new(STAPLE);
        owner.reset_password(&id, &token, &new, &new).await.unwrap();
    }
}

/// A log-in by code is another message, which resets do not use up.
#[tokio::test]
async fn resets_use_up_no_log_in_by_code() {
    let kit = Kit::with_settings(|settings| {
        settings.limits = LimitSettings::default();
        settings.login_by_code = true;
    });
    let ann = kit.sign_up_ann().await;
    for address in kit.accounts.addresses_of(ann.id).await.unwrap() {
        let verified = kit.accounts.set_verified(&ann, &address, true);
        assert!(verified.await.unwrap().is_changed());
    }
    let mut resets = kit.signals.capture::<ResetPasswordEmail>();
    let mut log_ins = kit.signals.capture::<LoginEmail>();
    ask_on(&kit, ANNS_EMAIL, 61).await;
    // Three, and one in 20 seconds.
    assert_eq!(resets.take().len(), 6);
    let owner = from(&kit, OWNERS);
    let key = owner.begin_log_in(ANNS_EMAIL, None).await.unwrap();
    let code = log_ins.take().pop().unwrap().envelope.code.clone();
    let code = code.unwrap();
    assert!(
        owner
            .log_in_by_code(&key, code.as_str(), None)
            .await
            .is_ok()
    );
    for network in [5, 6, 7] {
        let asked = from(&kit, network).begin_log_in(ANNS_EMAIL, None).await;
        assert_eq!(outcome(asked), None);
    }
    assert_eq!(log_ins.take().len(), 2);
}

#[tokio::test]
async fn names_of_nobody_are_answered_alike() {
    let mut all = Vec::new();
    for login in [
        "ann",
        ANNS_EMAIL,
        ANNS_PHONE,
        "nobody",
        "nobody@example.org",
        "+919876500000",
    ] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let mut outcomes = ask_on(&kit, login, 61).await;
        let asked = from(&kit, OWNERS).begin_reset(login, None).await;
        outcomes.push(outcome(asked));
        assert!(outcomes.iter().any(Option::is_some), "{login}");
        assert_eq!(outcomes.last(), Some(&None), "{login}");
        all.push(outcomes);
    }
    let first = all.first().unwrap().clone();
    assert!(all.iter().all(|outcomes| *outcomes == first));
}

/// A name that means several is nobody in particular, and asking for it costs as much as for any other.
#[tokio::test]
async fn ambiguous_names_are_counted() {
    for login in [ANNS_EMAIL, "ann"] {
        let kit = Kit::limited();
        let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
            .limits(Arc::new(MemoryLimits::new()))
            .signals(kit.signals.clone())
            .build()
            .unwrap();
        let client = Client::new().at(Ipv4Addr::new(203, 0, 113, 7).into());
        let stranger = accounts.for_client(client);
        kit.store.fail_with(StoreErrorKind::Ambiguous);
        let mut refused = 0;
        for _ in 0..30 {
            let asked = stranger.request_password_reset(login).await;
            refused += usize::from(matches!(asked, Err(FlowError::Refused(_))));
        }
        assert_eq!(refused, 2, "{login}");
    }
}

/// A user who has added an address that nobody has proven, and asks from a network.
type Claimant = (Accounts, CurrentUser, AddressRecord);

async fn claimant(kit: &Kit, name: &str, network: u8) -> Claimant {
    let user = kit.store_user(name, "cheap$1$00").await;
    let begun = kit.accounts.begin_session(user.id, None).await.unwrap();
    let user = kit.accounts.current_user(&begun.key).await.unwrap();
    let (user, kind) = (user.unwrap(), AddressKind::Email);
    let added = kit.accounts.add_address(&user, kind, "wanted@example.org");
    let added = added.await.unwrap();
    (from(kit, network), user, added)
}

async fn claimants(kit: &Kit, count: usize, networks: u8) -> Vec<Claimant> {
    let mut all = Vec::new();
    for (number, network) in (0..count).zip((0..networks).cycle()) {
        all.push(claimant(kit, &format!("claimant{number}"), network).await);
    }
    all
}

async fn ask_for_link((accounts, user, address): &Claimant) -> bool {
    let asked = accounts.request_verification(user, address.kind, address.id);
    asked.await.is_ok()
}

/// However many have added an address, it is sent few links, whether or not accounts are concealed.
#[tokio::test]
async fn claimants_share_what_an_address_is_sent() {
    for conceals in [false, true] {
        let kit = Kit::with_settings(|settings| {
            settings.limits = LimitSettings::default();
            settings.conceal_accounts = conceals;
            settings.verify_at_sign_up = conceals;
            settings.register_username_required = !conceals;
        });
        let all = claimants(&kit, 40, 4).await;
        let mut sent = kit.signals.capture::<VerifyEmail>();
        for claimant in &all {
            ask_for_link(claimant).await;
        }
        let sent = sent.take().len();
        assert!((5..=12).contains(&sent), "{sent} of 40, {conceals}");
    }
}

/// One of them who asks from a network that has asked for none gets theirs while others ask without a pause.
#[tokio::test]
async fn claimant_gets_a_link_among_many() {
    let kit = Kit::with_settings(|settings| settings.limits = LimitSettings::default());
    let all = claimants(&kit, 30, 10).await;
    let newcomer = claimant(&kit, "newcomer", 200).await;
    let mut refused = 0;
    for claimant in all.iter().cycle().take(150) {
        kit.clock.advance(SECOND * 6);
        refused += u32::from(!ask_for_link(claimant).await);
        if refused >= 20 {
            break;
        }
    }
    assert!(refused >= 20, "they ask too little");
    let mut sent = kit.signals.capture::<VerifyEmail>();
    assert!(ask_for_link(&newcomer).await);
    assert_eq!(sent.take().len(), 1);
}

/// Texts that a sign-up sends have an end for the hour also where the guard of texts refuses nothing.
#[tokio::test]
async fn texts_of_sign_ups_have_an_hour() {
    for guard in [TextGuard::Off, TextGuard::Record] {
        let kit = Kit::with_settings(|settings| {
            settings.limits = LimitSettings::default();
            settings.limits.text_guard = guard;
            settings.verify_at_sign_up = true;
            settings.register_username_required = false;
            settings.register_email_required = false;
        });
        let mut sent = kit.signals.capture::<VerifyPhone>();
        for number in 0..100_u8 {
            let first_name = format!("Eve {number}");
            let form = SignUpForm {
                first_name: &first_name,
                username: "",
                email: "",
                phone: "+442079460018",
                ..ann()
            };
            from(&kit, number % 30).sign_up(form).await.unwrap();
            kit.clock.advance(SECOND * 12);
        }
        let sent = sent.take().len();
        // The ten of an hour, and what comes back in twenty minutes.
        assert!((10..=14).contains(&sent), "{sent} of 100, {guard:?}");
    }
}
