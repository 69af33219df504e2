//! Of the links that were asked for, the newest works; and what an older version sent still does.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, SECRET, STAPLE, keyring};
use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::accounts::{Accounts, CurrentUser, FlowError, InvalidLink};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::clock::{Clock, ManualClock};
use phone_auth_core::outbox::WorkerOptions;
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::{AddressStore, OutboxStore};
use phone_auth_core::user::User;
use phone_auth_events::{ResetPasswordEmail, Signals};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};
use phone_auth_tokens::{OneTimeTokens, Purpose};

type Link = (String, String);

const KINDS: [(AddressKind, &str); 2] = [
    (AddressKind::Email, ANNS_EMAIL),
    (AddressKind::Phone, ANNS_PHONE),
];

async fn resets(accounts: &Accounts, (id, token): &Link) -> bool {
    accounts.check_reset_link(id, token).await.is_ok()
}

async fn verifies(accounts: &Accounts, (id, token): &Link) -> bool {
    let checked = accounts.check_verification_link(id, token).await;
    checked.is_ok_and(|state| !state.address.is_verified)
}

async fn set_verified(kit: &Kit, address: &AddressRecord, verified: bool) {
    let change = ExternalChange::SetVerified(address.kind, address.id, verified);
    kit.store.make(change).await;
}

#[tokio::test]
async fn newer_request_ends_the_older_link() {
    // From half of its life on.
    for extra in [Duration::from_micros(1), Duration::from_secs(2)] {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        for (kind, login) in KINDS {
            let wait = half_life(kind) + extra;
            let address = kit.address(&current_user, kind).await;
            let mut reset = kit.reset_link(login).await;
            let mut verification = kit.verification_link(&current_user, &address).await;
            for _ in 0..3 {
                kit.clock.advance(wait);
                let newer = kit.reset_link(login).await;
                assert!(!resets(&kit.accounts, &reset).await, "{kind} {wait:?}");
                assert!(resets(&kit.accounts, &newer).await, "{kind} {wait:?}");
                // Nor does it end what is for something else.
                assert!(verifies(&kit.accounts, &verification).await, "{kind}");
                let again = kit.verification_link(&current_user, &address).await;
                assert!(!verifies(&kit.accounts, &verification).await, "{kind}");
                assert!(verifies(&kit.accounts, &again).await, "{kind}");
                assert!(resets(&kit.accounts, &newer).await, "{kind} {wait:?}");
                (reset, verification) = (newer, again);
            }
        }
        // Each kind has its own newest: that of the phone did not end that of the email address.
        let by_email = kit.reset_link(ANNS_EMAIL).await;
        let by_phone = kit.reset_link(ANNS_PHONE).await;
        assert!(resets(&kit.accounts, &by_email).await);
        assert!(resets(&kit.accounts, &by_phone).await);
    }
}

#[tokio::test]
async fn strangers_who_ask_end_no_link() {
    // With the outbox and without one: the same link is sent again, lives no longer by that, and is used meanwhile.
    for with_outbox in [false, true] {
        for (kind, login) in KINDS {
            let kit = Kit::with_ann().await;
            let with_box = kit.with_outbox(&kit.signals);
            let accounts = if with_outbox {
                &with_box
            } else {
                &kit.accounts
            };
            let worker = with_box.outbox().unwrap().worker(WorkerOptions::default());
            let link = async || {
                accounts.request_password_reset(login).await.unwrap();
                worker.deliver_due().await.unwrap();
                let parts = kit.record.take_message().parts();
                kit.record.forget();
                parts
            };
            let owners = link().await;
            let step = half_life(kind) / 20;
            for number in 0..20 {
                kit.clock.advance(step);
                assert_eq!(link().await, owners, "{kind} {with_outbox} {number}");
                assert!(resets(accounts, &owners).await, "{kind} {with_outbox}");
            }
            let (id, token) = &owners;
            let new = Password::new(STAPLE);
            let reset = accounts.reset_password(id, token, &new, &new).await;
            reset.unwrap();
            // It was used, so that one is not sent again.
            let next = link().await;
            assert_ne!(next, owners, "{kind} {with_outbox}");
            assert!(!resets(accounts, &owners).await, "{kind} {with_outbox}");
            assert!(resets(accounts, &next).await, "{kind} {with_outbox}");
        }
    }
}

/// Such a link is known under a time to come, so that it is the newest: it was made now all the same, and works now.
#[tokio::test]
async fn link_works_after_a_clock_was_set_back() {
    for with_outbox in [false, true] {
        for ((kind, login), back) in KINDS
            .into_iter()
            .flat_map(|it| [TimeDelta::minutes(6), TimeDelta::days(2)].map(|back| (it, back)))
        {
            let kit = Kit::with_ann().await;
            let with_box = kit.with_outbox(&kit.signals);
            let accounts = if with_outbox {
                &with_box
            } else {
                &kit.accounts
            };
            let worker = with_box.outbox().unwrap().worker(WorkerOptions::default());
            let link = async || {
                accounts.request_password_reset(login).await.unwrap();
                worker.deliver_due().await.unwrap();
                let parts = kit.record.take_message().parts();
                kit.record.forget();
                parts
            };
            let before = link().await;
            kit.clock.set(kit.clock.now() - back);
            let after = link().await;
            let case = format!("{kind} {with_outbox} {back}");
            assert_ne!(after, before, "{case}");
            assert!(resets(accounts, &after).await, "{case}");
            assert!(!resets(accounts, &before).await, "{case}");
        }
    }
}

/// For how long a link is the one that is sent: half as long as it works.
fn half_life(kind: AddressKind) -> Duration {
    let settings = Settings::default();
    match kind {
        AddressKind::Email => settings.reset_email_lifetime / 2,
        AddressKind::Phone => settings.reset_phone_lifetime / 2,
    }
}

#[tokio::test]
async fn slower_clock_makes_the_newest_link() {
    // The nodes' clocks are minutes apart; anyone who was asked last has sent the link that works.
    let kit = Kit::with_ann().await;
    let slow = ManualClock::starting_now();
    slow.set(kit.clock.now() - TimeDelta::minutes(4));
    let other = kit.at_another_clock(&slow);
    for _ in 0..2 {
        let first = kit.reset_link(ANNS_EMAIL).await;
        // Half a life by either clock.
        kit.clock
            .advance(half_life(AddressKind::Email) + Duration::from_mins(5));
        slow.set(kit.clock.now() - TimeDelta::minutes(4));
        other.request_password_reset(ANNS_EMAIL).await.unwrap();
        let second = kit.record.take_message().parts();
        for accounts in [&kit.accounts, &other] {
            assert!(!resets(accounts, &first).await);
            assert!(resets(accounts, &second).await);
        }
        kit.clock
            .advance(half_life(AddressKind::Email) + Duration::from_mins(5));
    }
}

#[tokio::test]
async fn link_is_newest_until_it_is_used() {
    // Another is asked for between the click and the new password.
    let kit = Kit::with_ann().await;
    let link = kit.reset_link(ANNS_EMAIL).await;
    let (id, token) = &link;
    assert!(resets(&kit.accounts, &link).await);
    kit.clock
        .advance(half_life(AddressKind::Email) + Duration::from_secs(1));
    kit.accounts
        .request_password_reset(ANNS_EMAIL)
        .await
        .unwrap();
    let new = Password::new(STAPLE);
    let late = kit.accounts.reset_password(id, token, &new, &new).await;
    assert!(late.is_err());
    let newest = kit.record.take_message().parts();
    let (id, token) = &newest;
    kit.accounts
        .reset_password(id, token, &new, &new)
        .await
        .unwrap();
    assert!(!resets(&kit.accounts, &newest).await);
}

#[tokio::test]
async fn log_in_spares_links_to_verified_addresses() {
    for (kind, login) in KINDS {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let address = kit.address(&current_user, kind).await;
        set_verified(&kit, &address, true).await;
        let link = kit.reset_link(login).await;
        // A thief who has the password must not keep the owner from a new one.
        for _ in 0..3 {
            kit.log_in("ann", HORSE).await;
            assert!(resets(&kit.accounts, &link).await, "{kind}");
        }
        // It was sent to a proven address. If that is not one any more, nothing is left to trust.
        set_verified(&kit, &address, false).await;
        assert!(!resets(&kit.accounts, &link).await, "{kind}");
        set_verified(&kit, &address, true).await;
        let (id, token) = &link;
        let new = Password::new(STAPLE);
        kit.accounts
            .reset_password(id, token, &new, &new)
            .await
            .unwrap();

        // Sent before the address was verified, a log-in ends it; verifying does not.
        set_verified(&kit, &address, false).await;
        let link = kit.reset_link(login).await;
        set_verified(&kit, &address, true).await;
        assert!(resets(&kit.accounts, &link).await, "{kind}");
        kit.log_in("ann", STAPLE).await;
        assert!(!resets(&kit.accounts, &link).await, "{kind}");
    }
}

#[tokio::test]
async fn requests_are_kept_with_the_outbox() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let address = kit.address(&current_user, AddressKind::Email).await;
    set_verified(&kit, &address, true).await;
    let accounts = kit.with_outbox(&kit.signals);
    let worker = accounts.outbox().unwrap().worker(WorkerOptions::default());
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let mut link = async || {
        accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
        assert_eq!(worker.deliver_due().await.unwrap(), 1);
        let url = sent.take().remove(0).url;
        let parts: Vec<&str> = url.as_str().split('/').collect();
        let part = |place: usize| parts.get(place).map(|it| (*it).to_owned()).unwrap();
        (part(3), part(4))
    };
    let first = link().await;
    assert!(resets(&accounts, &first).await);
    let later = || {
        kit.clock
            .advance(half_life(AddressKind::Email) + Duration::from_secs(1));
    };
    later();
    let second = link().await;
    assert!(!resets(&accounts, &first).await);
    assert!(resets(&accounts, &second).await);
    later();
    // By whichever way another is asked for.
    kit.record.forget();
    let third = kit.reset_link(ANNS_EMAIL).await;
    assert!(!resets(&accounts, &second).await);
    assert!(resets(&accounts, &third).await);
    // From the moment it is asked for, and not when it is delivered.
    later();
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    assert!(!resets(&accounts, &third).await);
}

#[tokio::test]
async fn requests_for_nobody_end_nothing() {
    let kit = Kit::with_ann().await;
    for (_, login) in KINDS {
        let link = kit.reset_link(login).await;
        for nobody in ["nobody@example.org", "+919876599999", "nobody", "ann"] {
            kit.accounts.request_password_reset(nobody).await.unwrap();
        }
        assert!(resets(&kit.accounts, &link).await, "{login}");
    }
}

#[tokio::test]
async fn reset_link_says_its_address() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for (kind, login) in KINDS {
        let (id, token) = kit.reset_link(login).await;
        let letter = kind.as_str().chars().next().unwrap();
        let number = kit.address(&current_user, kind).await.id.get();
        let (head, tail) = token.rsplit_once('-').unwrap();
        assert_eq!(tail, format!("{letter}{number}"));
        // Neither another address, nor another spelling of it, nor none.
        for other in [
            format!("{head}-{letter}{}", number + 1),
            format!("{head}-{letter}0{number}"),
            format!("{head}-{letter}+{number}"),
            format!("{head}-{letter}-{number}"),
            format!("{head}-{letter}{number}-{letter}{number}"),
            format!("{head}-{}{number}", if letter == 'e' { 'p' } else { 'e' }),
            format!("{head}-{}", letter.to_uppercase()),
            format!("{head}-{letter}"),
            format!("{head}-{letter}99999999999999999999"),
            format!("{head}-"),
            format!("-{letter}{number}"),
            format!("{letter}{number}"),
            head.to_owned(),
        ] {
            assert!(
                !resets(&kit.accounts, &(id.clone(), other.clone())).await,
                "{other}"
            );
        }
        assert!(resets(&kit.accounts, &(id, token)).await);
    }
}

#[tokio::test]
async fn link_costs_the_same_with_many_addresses() {
    // One call of the store for a link, right or wrong, however many addresses the user has: only that one is read.
    let kit = Kit::with_settings(|settings| {
        settings.max_addresses = 100;
        settings.max_unverified_addresses = 100;
    });
    kit.sign_up_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for number in 0..90 {
        let text = format!("ann{number}@example.org");
        let kind = AddressKind::Email;
        kit.accounts
            .add_address(&current_user, kind, &text)
            .await
            .unwrap();
    }
    kit.record.forget();
    for login in [ANNS_EMAIL, "ann89@example.org"] {
        let (id, token) = kit.reset_link(login).await;
        let wrong = token.replacen(|c: char| c.is_ascii_hexdigit(), "g", 1);
        for (token, works) in [(&token, true), (&wrong, false)] {
            kit.store
                .fail_after(2, phone_auth_core::store::StoreErrorKind::Unavailable);
            let checked = kit.accounts.check_reset_link(&id, token).await;
            assert_eq!(checked.is_ok(), works);
            assert!(checked.is_ok() || matches!(checked, Err(FlowError::Refused(InvalidLink))));
            kit.store.recover();
        }
    }
}

/// A link as the version before made it, asked for at this time.
struct Older<'a> {
    user: &'a User,
    address: &'a AddressRecord,
    at: DateTime<Utc>,
}

impl Older<'_> {
    fn token(&self, purpose: &'static str, state: &[&[u8]]) -> String {
        let tokens = OneTimeTokens::new(keyring(SECRET));
        let token = tokens.issue(&Purpose::new(purpose), self.at, state);
        token.as_str().to_owned()
    }

    fn reset(&self) -> Link {
        let (user, address) = (self.user, self.address);
        let last_login = user
            .last_login
            .map(|at| at.timestamp_micros().to_be_bytes());
        let purpose = match address.kind {
            AddressKind::Email => "reset-email",
            AddressKind::Phone => "reset-phone",
        };
        let state: [&[u8]; 6] = [
            &user.id.get().to_be_bytes(),
            user.password.reveal().as_bytes(),
            last_login.as_ref().map_or(&[], |bytes| bytes.as_slice()),
            user.email.as_bytes(),
            &address.id.get().to_be_bytes(),
            address.value.as_bytes(),
        ];
        let id = phone_auth_urls::id::encode_user(user.id.get());
        (id, self.token(purpose, &state))
    }

    fn verification(&self) -> Link {
        let address = self.address;
        let purpose = match address.kind {
            AddressKind::Email => "verify-email",
            AddressKind::Phone => "verify-phone",
        };
        let state: [&[u8]; 4] = [
            &address.user.get().to_be_bytes(),
            address.kind.as_str().as_bytes(),
            &address.id.get().to_be_bytes(),
            address.value.as_bytes(),
        ];
        let id = phone_auth_urls::id::encode_address(address.kind, address.id.get());
        (id, self.token(purpose, &state))
    }
}

/// The user as stored, and the one address of a kind.
async fn ann_and(
    kit: &Kit,
    current_user: &CurrentUser,
    kind: AddressKind,
) -> (User, AddressRecord) {
    let user = kit.stored(current_user.user()).await;
    (user, kit.address(current_user, kind).await)
}

#[tokio::test]
async fn older_links_open_until_a_newer_is_asked_for() {
    for (kind, login) in KINDS {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let (user, address) = ann_and(&kit, &current_user, kind).await;
        let older = |at| Older {
            user: &user,
            address: &address,
            at,
        };
        let asked_at = kit.clock.now();
        kit.clock.advance(Duration::from_mins(1));
        let (reset, verification) = (older(asked_at).reset(), older(asked_at).verification());
        assert!(resets(&kit.accounts, &reset).await, "{kind}");
        assert!(verifies(&kit.accounts, &verification).await, "{kind}");

        let newer = kit.reset_link(login).await;
        assert!(!resets(&kit.accounts, &reset).await, "{kind}");
        assert!(verifies(&kit.accounts, &verification).await, "{kind}");
        kit.verification_link(&current_user, &address).await;
        assert!(!verifies(&kit.accounts, &verification).await, "{kind}");

        // While servers are replaced, the old version may be asked after the new one.
        let again = older(kit.clock.now() + TimeDelta::seconds(1));
        assert!(resets(&kit.accounts, &again.reset()).await, "{kind}");
        assert!(
            verifies(&kit.accounts, &again.verification()).await,
            "{kind}"
        );
        assert!(resets(&kit.accounts, &newer).await, "{kind}");

        // A log-in ends it, as before.
        kit.log_in("ann", HORSE).await;
        assert!(!resets(&kit.accounts, &again.reset()).await, "{kind}");
    }
}

#[tokio::test]
async fn older_link_is_used_once() {
    for (kind, login) in KINDS {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let (user, address) = ann_and(&kit, &current_user, kind).await;
        let older = Older {
            user: &user,
            address: &address,
            at: kit.clock.now(),
        };
        let link = older.reset();
        // Its form is for what was sent, and makes no new link good: that is bound to more.
        let (id, token) = kit.reset_link(login).await;
        let (head, _) = token.rsplit_once('-').unwrap();
        assert!(!resets(&kit.accounts, &(id, head.to_owned())).await);
        let (id, token) = &link;
        let new = Password::new(STAPLE);
        let accounts = &kit.accounts;
        accounts
            .reset_password(id, token, &new, &new)
            .await
            .unwrap();
        assert!(
            accounts
                .reset_password(id, token, &new, &new)
                .await
                .is_err()
        );
    }
}

#[tokio::test]
async fn requeued_letter_is_the_newest() {
    let kit = Kit::with_ann().await;
    let signals = Signals::isolated();
    let accounts = kit.with_outbox(&signals);
    let worker = accounts.outbox().unwrap().worker(WorkerOptions::default());
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    // Nobody receives it, until its link would not work any more.
    kit.clock.advance(Duration::from_hours(25));
    worker.deliver_due().await.unwrap();
    let letter = kit.store.outbox_after(None, 10).await.unwrap().remove(0);
    let letter = letter.into_message().unwrap();
    assert!(letter.dead.is_some());
    accounts.outbox().unwrap().requeue(letter.id).await.unwrap();
    let (purpose, address) = (
        letter.message.purpose,
        letter.message.recipient.unwrap().address,
    );
    let target = kit
        .store
        .link_target(purpose, AddressKind::Email, address)
        .await;
    let requeued = kit.store.outbox_message(letter.id).await.unwrap().unwrap();
    let requeued = requeued.into_message().unwrap();
    assert_eq!(target.unwrap().unwrap().newest, requeued.requested_at);
    assert_ne!(requeued.requested_at, letter.requested_at);
}
