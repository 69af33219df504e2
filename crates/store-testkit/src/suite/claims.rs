//! Claims: an address that someone else holds without proof keeps nobody from it, and belongs to who proves it first.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, Losses,
    ProofByHand, RemovalOutcome, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::challenge::{ChallengeId, ChallengeSubject, NewChallenge};
use phone_auth_core::link::{LinkRequest, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::{Closed, EndOfUser, Store, StoreError, StoreErrorKind, UniqueName};
use phone_auth_core::user::{AccountName, User, UserId};

use super::Subject;
use super::sample::{
    AMPLE, address_of, assert_taken, at, email, email_address, phone, replacement, stored,
    user_now, whole, without_address,
};
use crate::external_writer::ExternalChange;

/// An address of each kind, as [`whole`] gives them to Ann.
pub(super) fn anns() -> [Address; 2] {
    [email_address("ann@example.org"), Address::Phone(phone(1))]
}

pub(super) async fn add(store: &dyn Store, user: UserId, address: &Address) -> AddressRecord {
    added(store, user, address).await.unwrap()
}

pub(super) async fn added(
    store: &dyn Store,
    user: UserId,
    address: &Address,
) -> Result<AddressRecord, StoreError> {
    let nothing = Notices::default();
    store.add_address(user, address, AMPLE, &nothing).await
}

/// What the newest link to a claim says, asked for at a time.
pub(super) async fn link(
    store: &dyn Store,
    claim: &AddressRecord,
    seconds: i64,
) -> VerificationClaim {
    let request = LinkRequest {
        purpose: Purpose::Verify,
        kind: claim.kind,
        address: Some(claim.id),
        at: at(seconds),
        half_life: None,
        code_half_life: None,
    };
    let newest = store.request_link(&request).await.unwrap();
    let target = store.link_target(Purpose::Verify, claim.kind, claim.id);
    let target = target.await.unwrap().unwrap();
    assert_eq!((&target.address, target.newest), (claim, Some(newest)));
    VerificationClaim {
        kind: claim.kind,
        id: claim.id,
        user: claim.user,
        value: claim.value.clone(),
        newest: Some(newest),
        issued_at: at(seconds),
        at: at(seconds),
        in_session: true,
        notices: Notices::default(),
        losses: Losses::default(),
        account: None,
    }
}

pub(super) async fn opened(store: &dyn Store, link: &VerificationClaim) -> VerificationOutcome {
    store.verify_address(link).await.unwrap()
}

pub(super) fn by_hand(address: &AddressRecord, is_verified: bool) -> ProofByHand {
    ProofByHand {
        kind: address.kind,
        id: address.id,
        user: address.user,
        is_verified,
        at: at(5),
        notices: Notices::default(),
        losses: Losses::default(),
    }
}

/// Who is meant by an address.
pub(super) async fn named(store: &dyn Store, address: &Address) -> Option<UserId> {
    let name = match address {
        Address::Email(email) => AccountName {
            email: Some(email.into()),
            ..AccountName::default()
        },
        Address::Phone(phone) => AccountName {
            phone: Some(phone.into()),
            ..AccountName::default()
        },
    };
    let found = store.find_user(&name).await.unwrap();
    found.map(|found| found.user.id)
}

/// The values of a user's addresses, claims among them.
pub(super) async fn values(store: &dyn Store, user: UserId) -> Vec<String> {
    let addresses = store.addresses_of(user, 100).await.unwrap();
    addresses.into_iter().map(|it| it.value).collect()
}

pub(super) async fn claim_stands_beside_what_it_claims(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    let carl = stored(store, &without_address("carl")).await;
    let held = store.addresses_of(ann.id, 100).await.unwrap();
    for address in anns() {
        let mut claims = Vec::new();
        for user in [bob.id, carl.id] {
            let claim = add(store, user, &address).await;
            let expected = AddressRecord {
                id: claim.id,
                kind: address.kind(),
                value: address.as_str().to_owned(),
                user,
                is_verified: false,
            };
            assert_eq!(claim, expected);
            assert!(claim.id.is_claim());
            let (read, owner) = store.address(claim.kind, claim.id).await.unwrap().unwrap();
            assert_eq!((&read, owner.id), (&claim, user));
            assert!(values(store, user).await.contains(&claim.value));
            let again = added(store, user, &address);
            let name = match address {
                Address::Email(_) => UniqueName::Email,
                Address::Phone(_) => UniqueName::Phone,
            };
            assert_taken(again.await, name);
            claims.push(claim.id);
        }
        assert!(claims.is_sorted() && claims.first() != claims.last());
        assert_eq!(named(store, &address).await, Some(ann.id));
    }
    assert_eq!(store.addresses_of(ann.id, 100).await.unwrap(), held);
    // Claims count, and come in part as other addresses do; no reset goes to them.
    assert_eq!(store.addresses_of(carl.id, 1).await.unwrap().len(), 2);
    assert_eq!(store.addresses_of(bob.id, 1).await.unwrap().len(), 2);
    let resets = store.link_requests_of(Purpose::ResetPassword, bob.id, 100);
    assert_eq!(resets.await.unwrap().len(), 2);
    let caps = AddressCaps {
        all: 100,
        unverified: 2,
        replaces: None,
    };
    let (more, nothing) = (email_address("carl@example.org"), Notices::default());
    let more = store.add_address(carl.id, &more, caps, &nothing);
    let kind = more.await.unwrap_err().kind();
    assert_eq!(kind, StoreErrorKind::TooManyUnverified);
    let other_kind = store.address(AddressKind::Email, AddressId::new(i64::MAX));
    assert_eq!(other_kind.await.unwrap(), None);
}

pub(super) async fn proven_claim_becomes_an_address(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &without_address("bob")).await;
    let carl = stored(store, &without_address("carl")).await;
    for address in anns() {
        let claim = add(store, bob.id, &address).await;
        let other = add(store, carl.id, &address).await;
        let others_link = link(store, &other, 1).await;
        let old = link(store, &claim, 1).await;
        let newest = link(store, &claim, 2).await;
        let strangers = VerificationClaim {
            user: carl.id,
            ..newest.clone()
        };
        for over in [&old, &strangers] {
            assert_eq!(opened(store, over).await, VerificationOutcome::Gone);
        }
        assert_eq!(opened(store, &newest).await, VerificationOutcome::Verified);
        let row = address_of(store, bob.id, address.kind()).await;
        assert!(row.is_verified && !row.id.is_claim(), "{row:?}");
        assert_eq!(named(store, &address).await, Some(bob.id));
        for user in [ann.id, carl.id] {
            let has = values(store, user).await;
            assert!(!has.contains(&row.value), "{has:?}");
        }
        // The same link once more, as by a second click; the others lead nowhere.
        let again = opened(store, &newest).await;
        assert_eq!(again, VerificationOutcome::AlreadyVerified);
        let (read, _) = store.address(claim.kind, claim.id).await.unwrap().unwrap();
        assert!(read.is_verified);
        assert_eq!(opened(store, &others_link).await, VerificationOutcome::Gone);
        // What was proven can be removed, and claimed again once another holds it.
        let removal = removal_of(&row, &bob);
        let removed = store.remove_address(&removal).await.unwrap();
        assert_eq!(removed, RemovalOutcome::Removed);
        let gone = store.address(claim.kind, claim.id).await.unwrap();
        assert_eq!(gone, None);
        assert!(!add(store, carl.id, &address).await.id.is_claim());
        assert!(add(store, bob.id, &address).await.id.is_claim());
    }
    // The copy in the own row of who held it goes, and comes to who has none.
    assert_eq!(user_now(store, ann.id).await.email, "");
    let claim = add(store, ann.id, &email_address("ann@example.org")).await;
    assert!(store.set_verified(&by_hand(&claim, true)).await.unwrap());
    assert_eq!(user_now(store, ann.id).await.email, "ann@example.org");
    assert_eq!(values(store, carl.id).await, [phone(1).as_str()]);
    assert!(!store.set_verified(&by_hand(&claim, true)).await.unwrap());
}

/// Has an address stored in another spelling, as Django does: that in the own row of the user is none of it.
pub(super) async fn edit(
    subject: &Subject,
    user: UserId,
    kind: AddressKind,
    id: AddressId,
    text: &str,
) {
    let own = ExternalChange::SetOwnEmail(user, String::new());
    subject.outside(own).await;
    let edit = ExternalChange::EditAddress(kind, id, text.to_owned());
    subject.outside(edit).await;
}

/// In whatever spelling it is stored.
pub(super) async fn proof_of_the_holder_ends_claims(subject: &Subject) {
    let store = subject.store();
    for (number, (way, kind, text)) in (1..).zip([
        ("link", AddressKind::Email, None),
        ("hand", AddressKind::Email, None),
        ("reset", AddressKind::Email, None),
        ("link", AddressKind::Email, Some("Ann4@Example.org")),
        ("hand", AddressKind::Email, Some(" ann5@example.org")),
        ("reset", AddressKind::Email, Some("ANN6@EXAMPLE.ORG ")),
        ("link", AddressKind::Phone, None),
        ("hand", AddressKind::Phone, None),
        ("reset", AddressKind::Phone, None),
        ("link", AddressKind::Phone, Some("+91 98765 00010")),
        ("hand", AddressKind::Phone, Some("0091 98765 00011")),
        ("reset", AddressKind::Phone, Some("919876500012")),
    ]) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let bob = stored(store, &without_address(&format!("bob{number}"))).await;
        let (address, name) = match kind {
            AddressKind::Email => {
                let address = email_address(&format!("ann{number}@example.org"));
                (address, UniqueName::Email)
            }
            AddressKind::Phone => (Address::Phone(phone(number)), UniqueName::Phone),
        };
        if let Some(text) = text {
            let own = address_of(store, ann.id, kind).await.id;
            edit(subject, ann.id, kind, own, text).await;
        }
        let own = address_of(store, ann.id, kind).await;
        let claim = add(store, bob.id, &address).await;
        let claims = link(store, &claim, 1).await;
        match way {
            "link" => {
                let own = link(store, &own, 2).await;
                assert_eq!(opened(store, &own).await, VerificationOutcome::Verified);
            }
            "hand" => assert!(store.set_verified(&by_hand(&own, true)).await.unwrap()),
            _ => reset(store, &own).await,
        }
        assert_eq!(values(store, bob.id).await, [""; 0], "{way} {text:?}");
        assert_eq!(opened(store, &claims).await, VerificationOutcome::Gone);
        assert_eq!(named(store, &address).await, Some(ann.id));
        assert_taken(added(store, bob.id, &address).await, name);
    }
}

/// Resets the password of a user by a link to an address.
async fn reset(store: &dyn Store, address: &AddressRecord) {
    let change = reset_by(store, address).await;
    assert!(store.replace_password(&change).await.unwrap());
}

/// What the newest link to an address makes of the password.
pub(super) async fn reset_by(store: &dyn Store, address: &AddressRecord) -> PasswordReplacement {
    let purpose = Purpose::ResetPassword;
    let request = LinkRequest {
        purpose,
        kind: address.kind,
        address: Some(address.id),
        at: at(3),
        half_life: None,
        code_half_life: None,
    };
    store.request_link(&request).await.unwrap();
    let target = store.link_target(purpose, address.kind, address.id).await;
    PasswordReplacement {
        link: Some(OpenedLink::of(&target.unwrap().unwrap(), at(3))),
        ..replacement(address.user, "new")
    }
}

pub(super) async fn reset_ends_own_claims(subject: &Subject) {
    let store = subject.store();
    // Anyone who had the password before the owner's reset may have claimed an address of theirs.
    stored(store, &whole("ann", 1)).await;
    for (number, address) in (2..).zip(anns()) {
        let bob = stored(store, &whole(&format!("bob{number}"), number)).await;
        let claim = add(store, bob.id, &address).await;
        let link = link(store, &claim, 1).await;
        reset(store, &address_of(store, bob.id, AddressKind::Email).await).await;
        assert!(!values(store, bob.id).await.contains(&claim.value));
        assert_eq!(opened(store, &link).await, VerificationOutcome::Gone);
        // A password that is replaced without a link ends none.
        let carl = stored(store, &without_address(&format!("carl{number}"))).await;
        let claim = add(store, carl.id, &address).await;
        let change = replacement(carl.id, "new");
        assert!(store.replace_password(&change).await.unwrap());
        assert_eq!(values(store, carl.id).await, [claim.value]);
    }
}

pub(super) async fn kept_address_is_not_claimed(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &without_address("bob")).await;
    for (address, name) in anns()
        .into_iter()
        .zip([UniqueName::Email, UniqueName::Phone])
    {
        let own = address_of(store, ann.id, address.kind()).await;
        let claim = add(store, bob.id, &address).await;
        let link = link(store, &claim, 1).await;
        // Verified meanwhile, by another program: the claim is worth nothing.
        let verified = |is| ExternalChange::SetVerified(own.kind, own.id, is);
        subject.outside(verified(true)).await;
        assert_eq!(opened(store, &link).await, VerificationOutcome::Gone);
        assert!(!store.set_verified(&by_hand(&claim, true)).await.unwrap());
        let removal = removal_of(&claim, &bob);
        let removed = store.remove_address(&removal).await.unwrap();
        assert_eq!(removed, RemovalOutcome::Removed);
        let removed = store.remove_address(&removal).await.unwrap();
        assert_eq!(removed, RemovalOutcome::Gone);
        let again = added(store, bob.id, &address);
        assert_taken(again.await, name);
        subject.outside(verified(false)).await;
        // Someone's username.
        let username = address.as_str().to_owned();
        subject
            .outside(ExternalChange::RenameUser(ann.id, username))
            .await;
        let again = added(store, bob.id, &address);
        assert_taken(again.await, name);
        subject
            .outside(ExternalChange::RenameUser(ann.id, "ann".to_owned()))
            .await;
        assert!(add(store, bob.id, &address).await.id.is_claim());
    }
    // In the own row of someone who has it nowhere else.
    let boss = stored(store, &without_address("boss")).await;
    let own = ExternalChange::SetOwnEmail(boss.id, email("ann@example.org").as_str().to_owned());
    subject.outside(own).await;
    let carl = stored(store, &without_address("carl")).await;
    let kept = email_address("ann@example.org");
    let kept = added(store, carl.id, &kept);
    assert_taken(kept.await, UniqueName::Email);
}

/// Someone who claims an address has it in the list of theirs once, also when the one who held it removes it meanwhile.
pub(super) async fn claimed_address_is_not_added_again(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &without_address("bob")).await;
    for (address, name) in anns()
        .into_iter()
        .zip([UniqueName::Email, UniqueName::Phone])
    {
        let own = address_of(store, ann.id, address.kind()).await;
        let claim = add(store, bob.id, &address).await;
        let link = link(store, &claim, 1).await;
        let removal = removal_of(&own, &ann);
        let removed = store.remove_address(&removal).await.unwrap();
        assert_eq!(removed, RemovalOutcome::Removed);
        let again = added(store, bob.id, &address);
        assert_taken(again.await, name);
        assert_eq!(opened(store, &link).await, VerificationOutcome::Verified);
        let has = values(store, bob.id).await;
        let times = has.iter().filter(|it| *it == address.as_str()).count();
        assert_eq!(times, 1, "{has:?}");
    }
}

pub(super) async fn equal_claims_have_one_winner(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let mut users = Vec::new();
    for number in 0..10 {
        let new = without_address(&format!("bob{number}"));
        users.push(stored(store, &new).await.id);
    }
    for address in anns() {
        let mut links = Vec::new();
        for user in &users {
            let claim = add(store, *user, &address).await;
            links.push(link(store, &claim, 1).await);
        }
        let outcomes = subject
            .at_once(10, |store, number| {
                let link = links.get(number as usize).cloned().unwrap();
                async move { store.verify_address(&link).await.unwrap() }
            })
            .await;
        let won = |it: &&VerificationOutcome| **it == VerificationOutcome::Verified;
        assert_eq!(outcomes.iter().filter(won).count(), 1, "{outcomes:?}");
        let mut owners = Vec::new();
        for user in &users {
            if values(store, *user)
                .await
                .contains(&address.as_str().to_owned())
            {
                owners.push(*user);
            }
        }
        assert_eq!(owners, named(store, &address).await.as_slice());
    }
}

pub(super) async fn deleted_user_claims_nothing(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    for is_closed in [false, true] {
        let bob = stored(store, &without_address("bob")).await;
        let mut claims = Vec::new();
        for address in anns() {
            let claim = add(store, bob.id, &address).await;
            link(store, &claim, 1).await;
            store.begin_challenge(&challenge(&claim)).await.unwrap();
            claims.push(claim);
        }
        let rows = store.rows_of(bob.id).await.unwrap();
        for table in ["phone_auth_claim", "phone_auth_challenge"] {
            let of_table = rows.iter().filter(|row| row.table == table);
            assert_eq!(of_table.count(), 2, "{table}");
        }
        if is_closed {
            let closed = store
                .close_user(&EndOfUser::now(bob.id, "closed"))
                .await
                .unwrap();
            assert_eq!(closed, Closed::Removed);
        } else {
            subject.outside(ExternalChange::DeleteUser(bob.id)).await;
        }
        for claim in claims {
            assert_eq!(store.address(claim.kind, claim.id).await.unwrap(), None);
            let id = challenge(&claim).id;
            let attempt = store.attempt_challenge(&id, Purpose::Verify, at(1)).await;
            // Another program leaves it to end by itself.
            assert!(attempt.unwrap().is_none() || !is_closed);
        }
    }
}

/// To remove an address from a user, whatever else they have.
pub(super) fn removal_of(address: &AddressRecord, user: &User) -> AddressRemoval {
    AddressRemoval {
        kind: address.kind,
        id: address.id,
        user: user.id,
        needs: None,
        replaced_by: None,
        notices: Notices::default(),
    }
}

/// What waits for a code that was sent to a claim.
pub(super) fn challenge(claim: &AddressRecord) -> NewChallenge {
    // Not zeros, which would be a place of nobody's.
    let mut id = [7; 32];
    let number = claim.id.get().to_be_bytes();
    for (place, byte) in id.iter_mut().zip(number) {
        *place = byte;
    }
    NewChallenge {
        id: ChallengeId::from_bytes(id),
        previous: None,
        purpose: Purpose::Verify,
        subject: ChallengeSubject::from_bytes(number),
        email: (claim.kind == AddressKind::Email).then_some(claim.id),
        phone: (claim.kind == AddressKind::Phone).then_some(claim.id),
        attempts: 5,
        created_at: at(0),
        expires_at: at(600),
        sends: 1,
        resend_at: at(30),
    }
}
