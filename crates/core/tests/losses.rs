//! Who is told when an address goes: an owner whose account a thief makes theirs, and who loses one to another's proof.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::time::Duration;

use common::mailing::{messages, options};
use common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::{Accounts, CurrentUser, Removal};
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::Password;
use phone_auth_core::settings::NoticesBy;
use phone_auth_events::{AccountChange, Capture, SecurityNoticeEmail, SecurityNoticePhone};

const THIEFS: &str = "thief@example.net";

/// What was told, to whom, in order.
struct Told {
    emails: Capture<SecurityNoticeEmail>,
    phones: Capture<SecurityNoticePhone>,
}

impl Told {
    fn of(kit: &Kit) -> Self {
        Self {
            emails: kit.signals.capture(),
            phones: kit.signals.capture(),
        }
    }

    fn take(&mut self) -> Vec<(String, AccountChange)> {
        let emails = self.emails.take().into_iter();
        let emails = emails.map(|event| (event.email, event.change));
        let phones = self.phones.take().into_iter();
        let mut told: Vec<_> = emails
            .chain(phones.map(|event| (event.phone, event.change)))
            .collect();
        told.sort_by(|one, other| one.0.cmp(&other.0));
        told
    }

    fn take_addresses(&mut self) -> Vec<String> {
        self.take().into_iter().map(|(to, _)| to).collect()
    }
}

/// Verifies an address of a user, a second after whatever was before.
async fn verify(kit: &Kit, user: &CurrentUser, value: &str) {
    let addresses = kit.accounts.addresses(user).await.unwrap();
    let address = addresses.iter().find(|it| it.value == value).unwrap();
    kit.clock.advance(Duration::from_secs(1));
    let (id, token) = kit.verification_link(user, address).await;
    let _ = kit.accounts.verify_address(&id, &token).await.unwrap();
}

async fn remove(kit: &Kit, user: &CurrentUser, value: &str) {
    let addresses = kit.accounts.addresses(user).await.unwrap();
    let address = addresses.iter().find(|it| it.value == value).unwrap();
    let removed = kit.accounts.remove_address(user, address.kind, address.id);
    assert!(matches!(removed.await.unwrap(), Removal::Removed(_)));
}

async fn change_password(kit: &Kit, user: &CurrentUser, old: &str, new: &str) {
    let (old, new) = (Password::new(old), Password::new(new));
    let changed = kit.accounts.change_password(user, &old, &new, &new);
    changed.await.unwrap();
}

#[tokio::test]
async fn owner_is_told_of_each_step_of_a_take_over() {
    let kit = Kit::new();
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    remove(&kit, &ann, ANNS_EMAIL).await;
    verify(&kit, &ann, ANNS_PHONE).await;
    let mut told = Told::of(&kit);
    let phone = [ANNS_PHONE.to_owned()];
    let both = [ANNS_PHONE.to_owned(), THIEFS.to_owned()];

    let added = kit.accounts.add_address(&ann, AddressKind::Email, THIEFS);
    added.await.unwrap();
    assert_eq!(told.take_addresses(), phone, "added");
    verify(&kit, &ann, THIEFS).await;
    assert_eq!(told.take_addresses(), phone, "verified");
    change_password(&kit, &ann, HORSE, STAPLE).await;
    assert_eq!(told.take_addresses(), both, "the password");
    let ann = kit.current_user("ann", STAPLE).await;
    remove(&kit, &ann, ANNS_PHONE).await;
    let change = AccountChange::AddressRemoved(ANNS_PHONE.to_owned());
    assert_eq!(told.take(), both.map(|to| (to, change.clone())), "removed");
}

#[tokio::test]
async fn address_of_the_thief_stands_for_no_older_one() {
    // In which order they are proven, which goes, and who is told of that; `None` for a new password.
    let (email, phone) = (ANNS_EMAIL, ANNS_PHONE);
    for (proven, goes, expected) in [
        (&[email, phone][..], None, &[email][..]),
        (&[phone, email], None, &[phone, email]),
        (&[email, phone], Some(phone), &[phone, email]),
        (&[phone, email], Some(phone), &[phone, email]),
        (&[email, phone], Some(email), &[phone, email]),
        (&[phone, email], Some(email), &[phone, email]),
        (&[phone], Some(email), &[phone]),
        (&[email], Some(phone), &[email]),
    ] {
        let kit = Kit::with_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        for value in proven {
            verify(&kit, &ann, value).await;
        }
        let mut told = Told::of(&kit);
        match goes {
            Some(value) => remove(&kit, &ann, value).await,
            None => change_password(&kit, &ann, HORSE, STAPLE).await,
        }
        assert_eq!(told.take_addresses(), expected, "{proven:?} {goes:?}");
    }
}

#[tokio::test]
async fn many_new_addresses_crowd_out_no_old_one() {
    let kit = Kit::with_settings(|settings| {
        settings.notices = NoticesBy::All;
        settings.max_addresses = 20;
    });
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    verify(&kit, &ann, ANNS_PHONE).await;
    for number in 0..9 {
        let value = format!("thief{number}@example.net");
        let added = kit.accounts.add_address(&ann, AddressKind::Email, &value);
        added.await.unwrap();
        verify(&kit, &ann, &value).await;
    }
    verify(&kit, &ann, ANNS_EMAIL).await;
    let mut told = Told::of(&kit);
    change_password(&kit, &ann, HORSE, STAPLE).await;
    let told = told.take_addresses();
    assert_eq!(told.len(), 10);
    assert!(told.contains(&ANNS_PHONE.to_owned()), "{told:?}");
}

/// A way by which Bob's address of a kind, which he has not proven, becomes Ann's, or nobody's.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Proof,
    ByHand,
    Freed,
}

/// Bob's address of a kind goes that way, by these flows. Bob has proven the other.
async fn take(kit: &Kit, accounts: &Accounts, way: Way, kind: AddressKind) -> String {
    let bob = kit.current_user("bob", HORSE).await;
    let address = kit.address(&bob, kind).await;
    let value = address.value.clone();
    if way == Way::Freed {
        let (id, token) = kit.reset_link(&value).await;
        let freed = accounts.free_address(&id, &token).await;
        assert_eq!(freed.unwrap(), value);
        return value;
    }
    let ann = kit.current_user("ann", HORSE).await;
    let claim = kit.accounts.add_address(&ann, kind, &value).await.unwrap();
    let link = kit.verification_link(&ann, &claim).await;
    kit.record.forget();
    if way == Way::Proof {
        let _ = accounts.verify_address(&link.0, &link.1).await.unwrap();
    } else {
        let set = accounts.set_verified(ann.user(), &claim, true).await;
        assert!(set.unwrap());
    }
    value
}

async fn ann_and_bob(proven: AddressKind) -> (Kit, String) {
    let kit = Kit::new();
    kit.sign_up_bob().await;
    kit.sign_up_ann().await;
    let bob = kit.current_user("bob", HORSE).await;
    let proof = kit.address(&bob, proven).await;
    verify(&kit, &bob, &proof.value).await;
    kit.record.forget();
    (kit, proof.value)
}

#[tokio::test]
async fn lost_address_is_told_to_who_loses_it() {
    for way in [Way::Proof, Way::ByHand, Way::Freed] {
        for (kind, proven) in [
            (AddressKind::Email, AddressKind::Phone),
            (AddressKind::Phone, AddressKind::Email),
        ] {
            let (kit, proof) = ann_and_bob(proven).await;
            let mut told = Told::of(&kit);
            let lost = take(&kit, &kit.accounts, way, kind).await;
            let change = AccountChange::AddressRemoved(lost.clone());
            let told = told.take();
            assert!(told.contains(&(proof, change)), "{way:?} {kind} {told:?}");
            let removed = format!("{kind}_removed");
            let flows = kit.record.take_flows();
            let is_told = |it: &&String| it.starts_with(&removed) && it.ends_with(&lost);
            let flows: Vec<_> = flows.iter().filter(is_told).collect();
            assert_eq!(flows.len(), 1, "{way:?} {kind} {flows:?}");
            assert!(
                flows.iter().all(|it| it.contains(" bob ")),
                "{way:?} {flows:?}"
            );
        }
    }
}

#[tokio::test]
async fn notice_of_a_loss_is_committed_with_it() {
    for way in [Way::Proof, Way::ByHand, Way::Freed] {
        let (kit, proof) = ann_and_bob(AddressKind::Email).await;
        let mut told = Told::of(&kit);
        let accounts = kit.with_outbox(&kit.signals);
        let lost = take(&kit, &accounts, way, AddressKind::Phone).await;
        drop(told.take());
        let bob = kit.accounts.find("bob").await.unwrap().unwrap();
        let pending = messages(&accounts).await;
        let whom = pending.iter().filter_map(|row| row.message.told());
        assert!(whom.into_iter().any(|(user, _)| user == bob.id), "{way:?}");
        let worker = accounts.outbox().unwrap().worker(options());
        worker.deliver_due().await.unwrap();
        let change = AccountChange::AddressRemoved(lost);
        assert!(told.take().contains(&(proof, change)), "{way:?}");
    }
}

#[tokio::test]
async fn claims_that_a_proof_ends_are_told() {
    let (kit, proof) = ann_and_bob(AddressKind::Email).await;
    let bob = kit.current_user("bob", HORSE).await;
    let ann = kit.current_user("ann", HORSE).await;
    let claimed = kit
        .accounts
        .add_address(&bob, AddressKind::Phone, ANNS_PHONE);
    assert!(claimed.await.unwrap().id.is_claim());
    kit.record.forget();
    let mut told = Told::of(&kit);
    verify(&kit, &ann, ANNS_PHONE).await;
    let change = AccountChange::AddressRemoved(ANNS_PHONE.to_owned());
    assert_eq!(told.take(), [(proof, change)]);
    let removed = format!("phone_removed verify_address bob {ANNS_PHONE}");
    assert!(kit.record.take_flows().contains(&removed));

    // A reset ends what the account itself claims: who knew the password may have made that.
    let bobs = kit.address(&bob, AddressKind::Phone).await.value;
    let claimed = kit.accounts.add_address(&ann, AddressKind::Phone, &bobs);
    assert!(claimed.await.unwrap().id.is_claim());
    let (id, token) = kit.reset_link(ANNS_PHONE).await;
    kit.record.forget();
    let new = Password::new(STAPLE);
    let reset = kit.accounts.reset_password(&id, &token, &new, &new);
    reset.await.unwrap();
    let removed = format!("phone_removed reset_password ann {bobs}");
    assert!(kit.record.take_flows().contains(&removed));
}
