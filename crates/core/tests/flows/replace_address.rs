//! Changing an address in one step.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::sync::{Arc, Mutex};

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, failure, refusal};
use phone_auth_core::accounts::{
    AddAddressRefusal, CurrentUser, FailureKind, ReplaceAddressRefusal, Verification,
};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::password::Password;
use phone_auth_events::SecurityNoticeEmail;

const CASES: [(AddressKind, &str, &str); 2] = [
    (AddressKind::Email, ANNS_EMAIL, "ann@work.example"),
    (AddressKind::Phone, ANNS_PHONE, "+442079460018"),
];

/// Ann with both of her addresses verified.
async fn verified(kit: &Kit) -> CurrentUser {
    let user = kit.sign_up_ann().await;
    for address in kit.accounts.addresses_of(user.id).await.unwrap() {
        let verified = kit.accounts.set_verified(&user, &address, true);
        assert!(verified.await.unwrap().is_changed());
    }
    kit.current_user("ann", HORSE).await
}

/// Her addresses of a kind, and whether each is verified.
async fn now(kit: &Kit, ann: &CurrentUser, kind: AddressKind) -> Vec<(String, bool)> {
    let all = kit.accounts.addresses(ann).await.unwrap();
    let of_kind = all.into_iter().filter(|it| it.kind == kind);
    of_kind.map(|it| (it.value, it.is_verified)).collect()
}

async fn replaced(kit: &Kit, ann: &CurrentUser, kind: AddressKind, new: &str) -> AddressRecord {
    let old = kit.address(ann, kind).await;
    let new = kit.accounts.replace_address(ann, kind, old.id, new);
    new.await.unwrap()
}

async fn prove(kit: &Kit, ann: &CurrentUser, address: &AddressRecord) {
    let (id, token) = kit.verification_link(ann, address).await;
    let verified = kit.accounts.verify_address(&id, &token).await.unwrap();
    assert!(matches!(verified, Verification::Verified(..)));
}

#[tokio::test]
async fn new_address_takes_the_place_once_proven() {
    for (conceal, (kind, old, new)) in [false, true]
        .into_iter()
        .flat_map(|conceal| CASES.map(|case| (conceal, case)))
    {
        let kit = Kit::with_settings(|settings| {
            settings.conceal_accounts = conceal;
            settings.verify_at_sign_up = conceal;
        });
        let ann = verified(&kit).await;
        let added = replaced(&kit, &ann, kind, new).await;
        let both = [(old.to_owned(), true), (new.to_owned(), false)];
        assert_eq!(now(&kit, &ann, kind).await, both, "nobody is locked out");
        kit.log_in(old, HORSE).await;
        prove(&kit, &ann, &added).await;
        assert_eq!(now(&kit, &ann, kind).await, [(new.to_owned(), true)]);
        let user = kit.stored(ann.user()).await;
        let is_primary = user.email == new;
        assert_eq!(is_primary, kind == AddressKind::Email, "{}", user.email);
        kit.log_in(new, HORSE).await;
        let gone = kit.accounts.log_in(old, &Password::new(HORSE), None).await;
        refusal(gone);
    }
}

/// One that is never proven changes nothing, also where it is removed and added again by itself.
#[tokio::test]
async fn unproven_address_takes_no_place() {
    for (kind, old, new) in CASES {
        let kit = Kit::new();
        let ann = verified(&kit).await;
        let added = replaced(&kit, &ann, kind, new).await;
        let removed = kit.accounts.remove_address(&ann, kind, added.id).await;
        let _ = removed.unwrap();
        let again = kit.accounts.add_address(&ann, kind, new).await.unwrap();
        prove(&kit, &ann, &again).await;
        let both = [(old.to_owned(), true), (new.to_owned(), true)];
        assert_eq!(now(&kit, &ann, kind).await, both);
    }
}

/// Anyone who had the password before may have asked for the change, and wait with the link.
#[tokio::test]
async fn another_password_ends_the_change() {
    let new_password = Password::new("battery staple");
    for (kind, old, new) in CASES {
        for by_operator in [false, true] {
            let kit = Kit::new();
            let ann = verified(&kit).await;
            let added = replaced(&kit, &ann, kind, new).await;
            let (id, token) = kit.verification_link(&ann, &added).await;
            if by_operator {
                let set = kit.accounts.set_password("ann", &new_password).await;
                assert_eq!(set.unwrap().id, ann.user().id);
            } else {
                let (old, new) = (Password::new(HORSE), &new_password);
                let changed = kit.accounts.change_password(&ann, &old, new, new);
                drop(changed.await.unwrap());
            }
            refusal(kit.accounts.verify_address(&id, &token).await);
            let both = [(old.to_owned(), true), (new.to_owned(), false)];
            assert_eq!(now(&kit, &ann, kind).await, both, "{by_operator}");
            // Asked for again by the one who has the new one, it is one beside the other.
            let ann = kit.current_user("ann", "battery staple").await;
            prove(&kit, &ann, &added).await;
            let both = [(old.to_owned(), true), (new.to_owned(), true)];
            assert_eq!(now(&kit, &ann, kind).await, both, "{by_operator}");
        }
    }
}

#[tokio::test]
async fn newest_change_counts() {
    let kit = Kit::new();
    let ann = verified(&kit).await;
    let kind = AddressKind::Email;
    let first = replaced(&kit, &ann, kind, "ann@work.example").await;
    let second = replaced(&kit, &ann, kind, "ann@home.example").await;
    prove(&kit, &ann, &first).await;
    assert_eq!(
        now(&kit, &ann, kind).await.len(),
        3,
        "it stands beside the others"
    );
    prove(&kit, &ann, &second).await;
    let left = now(&kit, &ann, kind).await;
    let values: Vec<_> = left.iter().map(|(value, _)| value.as_str()).collect();
    assert_eq!(values, ["ann@work.example", "ann@home.example"]);
}

#[tokio::test]
async fn change_is_refused_as_adding_is() {
    let kit = Kit::limited();
    let ann = verified(&kit).await;
    let bob = kit.sign_up_bob().await;
    let of_bob = kit.accounts.addresses_of(bob.id).await.unwrap();
    for address in &of_bob {
        assert!(
            kit.accounts
                .set_verified(&bob, address, true)
                .await
                .unwrap()
                .is_changed()
        );
    }
    let email = AddressKind::Email;
    let old = kit.address(&ann, email).await;
    let change = async |id, text: String| {
        let changed = kit.accounts.replace_address(&ann, email, id, &text);
        changed.await
    };
    for id in [of_bob[0].id, AddressId::new(99)] {
        let refused = refusal(change(id, "ann@work.example".to_owned()).await);
        assert_eq!(refused, ReplaceAddressRefusal::NoSuchAddress);
    }
    for (text, problem) in [
        ("bob@example.net", Problem::Taken),
        ("no address", Problem::InvalidEmail),
        ("", Problem::Required),
    ] {
        let problem = FieldProblem::new(Field::Email, problem);
        let expected = AddAddressRefusal::Invalid(vec![problem]);
        let refused = refusal(change(old.id, text.to_owned()).await);
        assert_eq!(refused, ReplaceAddressRefusal::New(expected));
    }
    let same = change(old.id, ANNS_EMAIL.to_owned()).await.unwrap();
    assert_eq!((same.id, now(&kit, &ann, email).await.len()), (old.id, 1));
    let mut limited = None;
    for number in 0..11 {
        let text = format!("ann{number}@work.example");
        if let Err(error) = change(old.id, text).await {
            limited = Some(error);
            break;
        }
    }
    drop(limited.unwrap());
    assert_eq!(
        now(&kit, &ann, email).await[0],
        (ANNS_EMAIL.to_owned(), true)
    );
}

/// Anyone who has as many addresses as they may can change one, and has no more than one beyond them for it.
#[tokio::test]
async fn full_account_can_change_an_address() {
    for (kind, old, new) in CASES {
        let kit = Kit::with_settings(|settings| settings.max_addresses = 2);
        let ann = verified(&kit).await;
        let added = replaced(&kit, &ann, kind, new).await;
        let id = kit.address(&ann, kind).await.id;
        let third = ["ann@third.example", "+442079460019"][usize::from(kind == AddressKind::Phone)];
        let refused = kit.accounts.replace_address(&ann, kind, id, third).await;
        let problem = Problem::TooManyAddresses { max: 2 };
        let refused = format!("{:?}", refusal(refused));
        assert!(
            refused.contains(&format!("{problem:?}")),
            "{old}: {refused}"
        );
        prove(&kit, &ann, &added).await;
        assert_eq!(now(&kit, &ann, kind).await, [(new.to_owned(), true)]);
    }
}

/// A reset link proves an address as one that verifies it does.
#[tokio::test]
async fn address_proven_by_a_reset_takes_the_place() {
    for (kind, old, new) in CASES {
        let kit = Kit::new();
        let user = kit.sign_up_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        replaced(&kit, &ann, kind, new).await;
        let (id, token) = kit.reset_link(new).await;
        let password = Password::new("battery staple");
        let reset = kit
            .accounts
            .reset_password(&id, &token, &password, &password);
        reset.await.unwrap();
        let left = kit.accounts.addresses_of(user.id).await.unwrap();
        let of_kind: Vec<_> = left.iter().filter(|it| it.kind == kind).collect();
        assert_eq!(of_kind.len(), 1, "{old}: {of_kind:?}");
        assert!(
            of_kind[0].is_verified && of_kind[0].value == new,
            "{of_kind:?}"
        );
    }
}

/// One of her own that is verified takes the place at once.
#[tokio::test]
async fn own_verified_address_takes_the_place_at_once() {
    let kit = Kit::new();
    let ann = verified(&kit).await;
    let kind = AddressKind::Email;
    let other = kit
        .accounts
        .add_address(&ann, kind, "ann@work.example")
        .await;
    prove(&kit, &ann, &other.unwrap()).await;
    replaced(&kit, &ann, kind, "ann@work.example").await;
    let left = [("ann@work.example".to_owned(), true)];
    assert_eq!(now(&kit, &ann, kind).await, left);
    assert_eq!(kit.stored(ann.user()).await.email, "ann@work.example");
}

#[tokio::test]
async fn old_address_is_told() {
    let kit = Kit::new();
    let ann = verified(&kit).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let notices = Arc::clone(&told);
    let tell = move |event: &SecurityNoticeEmail| {
        let told = (event.email.clone(), event.change.name());
        notices.lock().unwrap().push(told);
    };
    kit.signals.connect(tell).forever();
    let added = replaced(&kit, &ann, AddressKind::Email, "ann@work.example").await;
    prove(&kit, &ann, &added).await;
    let told = told.lock().unwrap();
    let of_old: Vec<_> = told.iter().filter(|(to, _)| to == ANNS_EMAIL).collect();
    let changes: Vec<_> = of_old.iter().map(|(_, change)| *change).collect();
    let expected = [
        "address_added",
        "address_verified",
        "primary_changed",
        "address_removed",
    ];
    assert_eq!(changes, expected);
}

#[tokio::test]
async fn gone_user_is_signed_out() {
    let kit = Kit::new();
    let ann = verified(&kit).await;
    let old = kit.address(&ann, AddressKind::Email).await;
    kit.accounts.close(ann.user().id).await.unwrap();
    let changed = kit
        .accounts
        .replace_address(&ann, old.kind, old.id, "a@b.example");
    let refused = refusal(changed.await);
    assert_eq!(refused, ReplaceAddressRefusal::NoSuchAddress);
    let added = kit
        .accounts
        .add_address(&ann, old.kind, "a@b.example")
        .await;
    assert_eq!(failure(added).kind(), FailureKind::NoSuchUser);
}
