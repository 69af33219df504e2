//! Who has an address without proof, and loses it to the one who has shown that it is theirs: they are told.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common;
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::password::Password;
use phone_auth_core::settings::{NoticesBy, Settings};
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::{AccountChange, Capture, SecurityNoticeEmail};

const BOBS_EMAIL: &str = "bob@example.net";

/// What ends that someone has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    HolderByLink,
    ClaimantByLink,
    HolderByOperator,
    ClaimantByOperator,
    HolderByReset,
    OwnerByFreeing,
}

/// Ann has a number, and Bob claims it. Each has another address, which is proven where it must be.
struct Case {
    kit: Kit,
    notices: Capture<SecurityNoticeEmail>,
}

impl Case {
    async fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.notices = NoticesBy::All;
            change(settings);
        });
        kit.sign_up_ann().await;
        kit.sign_up_bob().await;
        let bob = kit.current_user("bob", HORSE).await;
        let claim = kit
            .accounts
            .add_address(&bob, AddressKind::Phone, ANNS_PHONE);
        assert!(claim.await.unwrap().id.is_claim());
        let notices = kit.signals.capture();
        Self { kit, notices }
    }

    async fn verify(&self, value: &str, username: &str) {
        let address = self.address(value, username).await;
        let user = self.kit.accounts.find(username).await.unwrap().unwrap();
        let verified = self.kit.accounts.set_verified(&user, &address, true);
        assert!(verified.await.unwrap().is_changed());
    }

    async fn address(&self, value: &str, username: &str) -> AddressRecord {
        let found = self.kit.accounts.find_addresses(value).await.unwrap();
        let mut own = found.into_iter().filter(|(_, it)| it.username == username);
        own.next().unwrap().0
    }

    /// Proves the number by a link, as this user.
    async fn prove_by_link(&self, username: &str) {
        let user = self.kit.current_user(username, HORSE).await;
        let address = self.address(ANNS_PHONE, username).await;
        let (id, token) = self.kit.verification_link(&user, &address).await;
        self.kit.record.forget();
        let verified = self.kit.accounts.verify_address(&id, &token).await;
        let _ = verified.unwrap();
    }

    async fn prove(&mut self, proof: Proof) {
        self.verify(BOBS_EMAIL, "bob").await;
        if proof != Proof::HolderByReset {
            self.verify(ANNS_EMAIL, "ann").await;
        }
        self.kit.record.forget();
        self.notices.take();
        match proof {
            Proof::HolderByLink => self.prove_by_link("ann").await,
            Proof::ClaimantByLink => self.prove_by_link("bob").await,
            Proof::HolderByOperator => self.verify(ANNS_PHONE, "ann").await,
            Proof::ClaimantByOperator => self.verify(ANNS_PHONE, "bob").await,
            Proof::HolderByReset => {
                let (id, token) = self.kit.reset_link(ANNS_PHONE).await;
                self.kit.record.forget();
                let new = Password::new(STAPLE);
                let reset = self.kit.accounts.reset_password(&id, &token, &new, &new);
                reset.await.unwrap();
            }
            Proof::OwnerByFreeing => {
                let (id, token) = self.kit.reset_link(ANNS_PHONE).await;
                self.kit.record.forget();
                let freed = self.kit.accounts.free_address(&id, &token).await;
                assert_eq!(freed.unwrap(), ANNS_PHONE);
            }
        }
    }

    /// Who was told that the number is theirs no more: by notices, and by the signal, with the flow that sent it.
    fn told(&mut self) -> (Vec<String>, Vec<String>) {
        let lost = AccountChange::AddressLost(ANNS_PHONE.to_owned());
        let notices = self.notices.take().into_iter();
        let notices = notices.filter(|notice| notice.change == lost);
        let mut lines = self.kit.record.take();
        lines.retain(|line| line.starts_with("phone_lost"));
        (notices.map(|notice| notice.email.clone()).collect(), lines)
    }
}

#[tokio::test]
async fn lost_address_is_told() {
    for (proof, flow, loser, to) in [
        (Proof::HolderByLink, "verify_address", "bob", BOBS_EMAIL),
        (Proof::ClaimantByLink, "verify_address", "ann", ANNS_EMAIL),
        (Proof::HolderByOperator, "set_verified", "bob", BOBS_EMAIL),
        (Proof::ClaimantByOperator, "set_verified", "ann", ANNS_EMAIL),
        (Proof::HolderByReset, "reset_password", "bob", BOBS_EMAIL),
        (Proof::OwnerByFreeing, "free_address", "ann", ANNS_EMAIL),
    ] {
        let mut case = Case::new(|_| {}).await;
        case.prove(proof).await;
        let line = format!("phone_lost {flow} {loser} {ANNS_PHONE}");
        let expected = (vec![to.to_owned()], vec![line]);
        assert_eq!(case.told(), expected, "{proof:?}");
    }
}

/// What is refused ends nothing, and what was proven before is lost by nobody.
#[tokio::test]
async fn nobody_loses_by_what_changes_nothing() {
    let mut case = Case::new(|_| {}).await;
    case.prove(Proof::HolderByLink).await;
    case.told();
    let ann = case.kit.accounts.find("ann").await.unwrap().unwrap();
    let address = case.address(ANNS_PHONE, "ann").await;
    let again = case.kit.accounts.set_verified(&ann, &address, true).await;
    assert!(!again.unwrap().is_changed());
    let refused = case
        .kit
        .accounts
        .verify_address("ZW1haWwx", "made-up")
        .await;
    assert!(refused.is_err());
    assert_eq!(case.told(), (vec![], vec![]));
}

/// With an outbox the notice is pending by then.
#[tokio::test]
async fn notice_of_a_loss_is_enqueued() {
    let mut case = Case::new(|_| {}).await;
    case.verify(BOBS_EMAIL, "bob").await;
    let accounts = case.kit.with_outbox(&case.kit.signals);
    let ann = accounts.find("ann").await.unwrap().unwrap();
    let address = case.address(ANNS_PHONE, "ann").await;
    assert!(
        accounts
            .set_verified(&ann, &address, true)
            .await
            .unwrap()
            .is_changed()
    );
    let pending = common::mailing::messages(&accounts).await;
    assert_eq!(pending.len(), 1);
    case.notices.take();
    let worker = accounts.outbox().unwrap();
    let worker = worker.worker(common::mailing::options());
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    assert_eq!(case.told().0, [BOBS_EMAIL]);
}

/// Nobody is left untold by a process that dies: the notice is committed with the proof.
#[tokio::test]
async fn proof_and_notice_fail_together() {
    let (mut proven, mut refused) = (0, 0);
    for calls in 0..40 {
        let case = Case::new(|_| {}).await;
        case.verify(BOBS_EMAIL, "bob").await;
        let accounts = case.kit.with_outbox(&case.kit.signals);
        let ann = accounts.find("ann").await.unwrap().unwrap();
        let address = case.address(ANNS_PHONE, "ann").await;
        case.kit
            .store
            .fail_after(calls, StoreErrorKind::Unavailable);
        let verified = accounts.set_verified(&ann, &address, true).await;
        case.kit.store.recover();
        let is_proven = case.address(ANNS_PHONE, "ann").await.is_verified;
        let pending = common::mailing::messages(&accounts).await;
        assert_eq!(pending.len(), usize::from(is_proven), "after {calls} calls");
        proven += u32::from(is_proven);
        refused += u32::from(verified.is_err());
    }
    assert!(proven > 1 && refused > 1, "{proven} {refused}");
}

/// Anyone may claim anything where accounts are concealed: that a claim ends would say that someone has an account now.
#[tokio::test]
async fn concealed_claim_stays_what_it_was() {
    for proof in [Proof::HolderByLink, Proof::HolderByOperator] {
        let mut case = Case::new(|settings| {
            settings.verify_at_sign_up = true;
            settings.conceal_accounts = true;
        })
        .await;
        let bob = case.kit.current_user("bob", HORSE).await;
        let claim = case.address(ANNS_PHONE, "bob").await;
        let (id, token) = case.kit.verification_link(&bob, &claim).await;
        let listed = async |case: &Case| {
            let all = case.kit.accounts.addresses(&bob).await.unwrap();
            all.into_iter().find(|it| it.value == ANNS_PHONE)
        };
        case.prove(proof).await;
        assert_eq!(listed(&case).await, Some(claim.clone()), "{proof:?}");
        let told: (Vec<String>, Vec<String>) = case.told();
        assert_eq!(told, (vec![], vec![]), "{proof:?}");
        // What was sent for it answers as what is over.
        let opened = case.kit.accounts.open_verification_link(&id, &token).await;
        assert!(opened.is_err(), "{proof:?}");
        let verified = case.kit.accounts.verify_address(&id, &token).await;
        assert!(verified.is_err(), "{proof:?}");
        let again = (AddressKind::Phone, ANNS_PHONE);
        let again = case.kit.accounts.add_address(&bob, again.0, again.1).await;
        assert_eq!(again.unwrap().id, claim.id, "{proof:?}");
        let asked = case
            .kit
            .accounts
            .request_verification(&bob, claim.kind, claim.id);
        assert!(asked.await.is_ok(), "{proof:?}");
    }
}
