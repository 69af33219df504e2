//! Which links and codes end when something of a user changes: of every purpose, at every address that has to do with it, and the
//! same in every store.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and each list has what was put there"
)]

use phone_auth_core::address::{
    AccountProof, Address, AddressKind, AddressRecord, Losses, PhoneNumber, VerificationClaim,
};
use phone_auth_core::link::{LinkRequest, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::{EndOfUser, Store, StoreError};
use phone_auth_core::user::User;

use super::Subject;
use super::claims::{add, by_hand, removal_of};
use super::sample::{
    address_of, at, email_address, hash, log_in, phone, replacement, stored, whole,
};

/// What changes.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// An address is proven by its link.
    Verify(Holder),
    /// An operator says that it is.
    ByHand(Holder),
    /// An operator says that it is not.
    Unverify(Holder),
    Remove(Holder),
    /// Another password, without a link.
    Password,
    /// Another password, by a link to an address.
    Reset(Holder),
    /// A link to an unverified address takes it out of the account.
    Free(Holder),
    /// A link that logs in is used.
    LogInLink(Holder),
    LogIn,
    Disable,
    Enable,
    Close,
    MakePrimary,
    Rename,
    AddAddress,
    EndSessions,
    /// The one claim of an account is proven, and makes the account.
    ProveAccount,
}

/// Whose links are looked at: Ann's, whom the change is about, and those of Bob. They have an address each that the other claims.
#[derive(Clone, Copy, Debug)]
enum Holder {
    /// Verified for the longest.
    Oldest,
    /// Verified later.
    Younger,
    /// Not verified; Bob claims it.
    Unproven,
    /// Ann's claim on what Bob has.
    Claim,
    BobsRow,
    BobsClaim,
}

const HOLDERS: [Holder; 6] = [
    Holder::Oldest,
    Holder::Younger,
    Holder::Unproven,
    Holder::Claim,
    Holder::BobsRow,
    Holder::BobsClaim,
];

const PURPOSES: [(Purpose, char); 3] = [
    (Purpose::Verify, 'v'),
    (Purpose::ResetPassword, 'r'),
    (Purpose::LogIn, 'l'),
];

/// What is left at each of [`HOLDERS`]: the letters of [`PURPOSES`], or that the address is gone. By default the claims of others
/// end with a proof; where accounts are concealed they stay, and what was sent to them ends.
const ENDED: &[(Change, [&str; 6], [&str; 6])] = &[
    (
        Change::Verify(Holder::Unproven),
        ["vrl", "vrl", "vrl", "vrl", "vrl", "gone"],
        ["vrl", "vrl", "vrl", "vrl", "vrl", "---"],
    ),
    (
        Change::Verify(Holder::Claim),
        ["vrl", "vrl", "vrl", "vrl", "gone", "vrl"],
        ["vrl", "vrl", "vrl", "vrl", "gone", "vrl"],
    ),
    (Change::Verify(Holder::Oldest), ["vrl"; 6], ["vrl"; 6]),
    (
        Change::ByHand(Holder::Unproven),
        ["vrl", "vrl", "vrl", "vrl", "vrl", "gone"],
        ["vrl", "vrl", "vrl", "vrl", "vrl", "---"],
    ),
    (
        Change::ByHand(Holder::Claim),
        ["vrl", "vrl", "vrl", "vrl", "gone", "vrl"],
        ["vrl", "vrl", "vrl", "vrl", "gone", "vrl"],
    ),
    (Change::Unverify(Holder::Oldest), ["vrl"; 6], ["vrl"; 6]),
    (Change::Unverify(Holder::Younger), ["vrl"; 6], ["vrl"; 6]),
    (
        Change::Remove(Holder::Oldest),
        ["gone", "vrl", "vrl", "vrl", "vrl", "vrl"],
        ["gone", "vrl", "vrl", "vrl", "vrl", "vrl"],
    ),
    (
        Change::Remove(Holder::Unproven),
        ["vrl", "vrl", "gone", "vrl", "vrl", "vrl"],
        ["vrl", "vrl", "gone", "vrl", "vrl", "vrl"],
    ),
    (
        Change::Remove(Holder::Claim),
        ["vrl", "vrl", "vrl", "gone", "vrl", "vrl"],
        ["vrl", "vrl", "vrl", "gone", "vrl", "vrl"],
    ),
    (
        Change::Password,
        ["-rl", "-rl", "-rl", "---", "vrl", "vrl"],
        ["-rl", "-rl", "-rl", "---", "vrl", "vrl"],
    ),
    (
        Change::Reset(Holder::Oldest),
        ["vrl", "-rl", "-rl", "gone", "vrl", "vrl"],
        ["vrl", "-rl", "-rl", "gone", "vrl", "vrl"],
    ),
    (
        Change::Reset(Holder::Younger),
        ["-rl", "vrl", "-rl", "gone", "vrl", "vrl"],
        ["-rl", "vrl", "-rl", "gone", "vrl", "vrl"],
    ),
    (
        Change::Free(Holder::Unproven),
        ["vrl", "vrl", "gone", "vrl", "vrl", "vrl"],
        ["vrl", "vrl", "gone", "vrl", "vrl", "vrl"],
    ),
    (
        Change::LogInLink(Holder::Oldest),
        ["vr-", "vr-", "vr-", "vr-", "vrl", "vrl"],
        ["vr-", "vr-", "vr-", "vr-", "vrl", "vrl"],
    ),
    (Change::LogIn, ["vrl"; 6], ["vrl"; 6]),
    (Change::Disable, ["vrl"; 6], ["vrl"; 6]),
    (Change::Enable, ["vrl"; 6], ["vrl"; 6]),
    (
        Change::Close,
        ["gone", "gone", "gone", "gone", "vrl", "vrl"],
        ["gone", "gone", "gone", "gone", "vrl", "vrl"],
    ),
    (Change::MakePrimary, ["vrl"; 6], ["vrl"; 6]),
    (Change::Rename, ["vrl"; 6], ["vrl"; 6]),
    (Change::AddAddress, ["vrl"; 6], ["vrl"; 6]),
    (Change::EndSessions, ["vrl"; 6], ["vrl"; 6]),
    (
        Change::ProveAccount,
        ["-rl", "-rl", "-rl", "vrl", "gone", "vrl"],
        ["-rl", "-rl", "-rl", "vrl", "gone", "vrl"],
    ),
];

/// Ann and Bob, and the addresses in the order of [`HOLDERS`].
struct Two {
    ann: User,
    addresses: [AddressRecord; 6],
}

async fn ask(store: &dyn Store, purpose: Purpose, address: &AddressRecord) {
    let request = LinkRequest {
        purpose,
        kind: address.kind,
        address: Some(address.id),
        at: at(20),
        half_life: None,
        code_half_life: None,
    };
    store.request_link(&request).await.unwrap();
}

fn proof(address: &AddressRecord, newest: i64, seconds: i64, losses: Losses) -> VerificationClaim {
    VerificationClaim {
        kind: address.kind,
        id: address.id,
        user: address.user,
        value: address.value.clone(),
        newest: (newest > 0).then(|| at(newest)),
        issued_at: at(seconds),
        at: at(seconds),
        in_session: true,
        notices: Notices::default(),
        losses,
        account: None,
    }
}

impl Two {
    async fn new(store: &dyn Store, number: u32, kind: AddressKind) -> Self {
        let ann = stored(store, &whole(&format!("ann{number}"), 4 * number)).await;
        let bob = stored(store, &whole(&format!("bob{number}"), 4 * number + 1)).await;
        let other = match kind {
            AddressKind::Email => AddressKind::Phone,
            AddressKind::Phone => AddressKind::Email,
        };
        let oldest = address_of(store, ann.id, kind).await;
        let unproven = address_of(store, ann.id, other).await;
        let bobs = address_of(store, bob.id, kind).await;
        let younger = match kind {
            AddressKind::Email => email_address(&format!("ann{number}@work.example")),
            AddressKind::Phone => phone_address(4 * number + 2),
        };
        let younger = add(store, ann.id, &younger).await;
        let claim = add(store, ann.id, &same(&bobs)).await;
        let bobs_claim = add(store, bob.id, &same(&unproven)).await;
        for (seconds, address) in [(1, &oldest), (3, &younger)] {
            let proof = proof(address, 0, seconds, Losses::default());
            store.verify_address(&proof).await.unwrap();
        }
        let addresses = [oldest, younger, unproven, claim, bobs, bobs_claim];
        for address in &addresses {
            for (purpose, _) in PURPOSES {
                ask(store, purpose, address).await;
            }
        }
        Self { ann, addresses }
    }

    fn of(&self, holder: Holder) -> &AddressRecord {
        &self.addresses[holder as usize]
    }

    fn link(&self, holder: Holder) -> OpenedLink {
        let address = self.of(holder);
        OpenedLink {
            kind: address.kind,
            address: address.id,
            value: address.value.clone(),
            newest: Some(at(20)),
            at: at(21),
        }
    }

    /// What is left at an address.
    async fn left(&self, store: &dyn Store, holder: Holder) -> String {
        let (kind, id) = (self.of(holder).kind, self.of(holder).id);
        let mut left = String::new();
        for (purpose, letter) in PURPOSES {
            let target = store.link_target(purpose, kind, id).await.unwrap();
            match target.map(|it| it.newest) {
                None => return "gone".to_owned(),
                Some(None) => left.push('-'),
                Some(newest) if newest == Some(at(20)) => left.push(letter),
                Some(_) => left.push('?'),
            }
        }
        left
    }

    async fn change(&self, store: &dyn Store, change: Change, keeps_claims: bool) {
        let (ann, losses) = (
            self.ann.id,
            Losses {
                keeps_claims,
                told: Vec::new(),
            },
        );
        let nothing = Notices::default();
        match change {
            Change::Verify(holder) => {
                let proof = proof(self.of(holder), 20, 21, losses);
                store.verify_address(&proof).await.map(drop)
            }
            Change::ByHand(holder) | Change::Unverify(holder) => {
                let mut proof = by_hand(self.of(holder), matches!(change, Change::ByHand(_)));
                (proof.at, proof.losses) = (at(21), losses);
                store.set_verified(&proof).await.map(drop)
            }
            Change::Remove(holder) => {
                let removal = removal_of(self.of(holder), &self.ann);
                store.remove_address(&removal).await.map(drop)
            }
            Change::Password => {
                let change = replacement(ann, "new");
                store.replace_password(&change).await.map(drop)
            }
            Change::Reset(holder) => {
                let change = PasswordReplacement {
                    link: Some(self.link(holder)),
                    losses,
                    ..replacement(ann, "new")
                };
                store.replace_password(&change).await.map(drop)
            }
            Change::Free(holder) => {
                let link = self.link(holder);
                store.free_address(ann, &link, &nothing).await.map(drop)
            }
            Change::LogInLink(holder) => {
                let link = self.link(holder);
                store.end_link(Purpose::LogIn, ann, &link).await.map(drop)
            }
            Change::LogIn => {
                let number = u8::try_from(ann.get()).unwrap();
                store.log_in(&log_in(ann, number, at(21))).await.map(drop)
            }
            Change::Disable => store.set_active(ann, false).await.map(drop),
            Change::Enable => store.set_active(ann, true).await.map(drop),
            Change::Close => {
                let end = EndOfUser::now(ann, format!("closed-{}", ann.get()));
                store.close_user(&end).await.map(drop)
            }
            Change::MakePrimary => {
                let emails = &self.addresses;
                let is_email = |it: &&AddressRecord| it.kind == AddressKind::Email;
                let email = emails.iter().find(is_email).unwrap();
                store.make_primary(ann, email.id, &nothing).await.map(drop)
            }
            Change::Rename => {
                let name = format!("anna{}", ann.get());
                store.rename_user(ann, &name).await.map(drop)
            }
            Change::AddAddress => {
                let added = email_address(&format!("new{}@example.org", ann.get()));
                add(store, ann, &added).await;
                Ok(())
            }
            Change::EndSessions => store.end_sessions_of(ann, None).await.map(drop),
            Change::ProveAccount => self.prove_account(store, losses).await,
        }
        .unwrap();
    }

    async fn prove_account(&self, store: &dyn Store, losses: Losses) -> Result<(), StoreError> {
        for holder in [Holder::Oldest, Holder::Younger] {
            let unproven = by_hand(self.of(holder), false);
            assert!(store.set_verified(&unproven).await.unwrap());
        }
        let mut proof = proof(self.of(Holder::Claim), 20, 21, losses);
        proof.account = Some(AccountProof {
            old: self.ann.password.clone(),
            new: hash("new"),
            names: None,
        });
        store.verify_address(&proof).await.map(drop)
    }
}

fn phone_address(number: u32) -> Address {
    Address::Phone(phone(number))
}

/// The address of a row.
fn same(row: &AddressRecord) -> Address {
    match row.kind {
        AddressKind::Email => email_address(&row.value),
        AddressKind::Phone => {
            let number = PhoneNumber::parse(&row.value);
            Address::Phone(number.unwrap())
        }
    }
}

pub(super) async fn change_ends_the_same_links_everywhere(subject: &Subject) {
    let store = subject.store();
    let mut number = 0;
    let mut wrong = Vec::new();
    for (change, expected, concealed) in ENDED {
        for kind in [AddressKind::Email, AddressKind::Phone] {
            for (keeps_claims, expected) in [(false, expected), (true, concealed)] {
                number += 1;
                let two = Two::new(store, number, kind).await;
                two.change(store, *change, keeps_claims).await;
                let mut left = Vec::new();
                for holder in HOLDERS {
                    left.push(two.left(store, holder).await);
                }
                if left != expected {
                    wrong.push(format!("{change:?} {kind} {keeps_claims}: {left:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
