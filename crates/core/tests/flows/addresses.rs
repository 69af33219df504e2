//! Adding addresses.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, failure, refusal};
use phone_auth_core::accounts::{AddAddressRefusal, FailureKind, InvalidLink};
use phone_auth_core::address::AddressKind;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::store::StoreErrorKind;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

#[tokio::test]
async fn addresses_are_added_canonically() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for (kind, typed, value) in [
        (AddressKind::Email, " Ann@WORK.example ", "ann@work.example"),
        (AddressKind::Phone, "+44 20 7946 0018", "+442079460018"),
    ] {
        let added = kit
            .accounts
            .add_address(&current_user, kind, typed)
            .await
            .unwrap();
        assert_eq!((added.kind, added.value.as_str()), (kind, value));
        assert!(!added.is_verified);
        assert_eq!(
            kit.record.take(),
            [format!("{kind}_added add_address ann {value}")]
        );
        kit.log_in(value, HORSE).await;
        kit.record.forget();
    }
    let values: Vec<String> = kit
        .accounts
        .addresses(&current_user)
        .await
        .unwrap()
        .into_iter()
        .map(|a| a.value)
        .collect();
    assert_eq!(
        values,
        [ANNS_EMAIL, "ann@work.example", ANNS_PHONE, "+442079460018"]
    );
}

#[tokio::test]
async fn bad_addresses_are_form_problems() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    // What he has not proven would keep nobody from it.
    for value in ["bob@example.net", "+442079460018"] {
        let (address, bob) = kit.accounts.find_address(value).await.unwrap().unwrap();
        let verified = kit.accounts.set_verified(&bob, &address, true).await;
        assert!(verified.unwrap().is_changed());
    }
    let boss = kit.store_user("boss", "!").await;
    kit.store
        .make(ExternalChange::SetOwnEmail(
            boss.id,
            "Boss@home.example".to_owned(),
        ))
        .await;
    let current_user = kit.current_user("ann", HORSE).await;
    let before = kit.accounts.addresses(&current_user).await.unwrap();
    let (email, phone) = (AddressKind::Email, AddressKind::Phone);
    for (kind, typed, problem) in [
        (email, "", Problem::Required),
        (phone, "  ", Problem::Required),
        (email, "nonsense", Problem::InvalidEmail),
        (email, ANNS_PHONE, Problem::InvalidEmail),
        (phone, "98765", Problem::InvalidPhone),
        (phone, "+91 98765 43210;ext=777", Problem::InvalidPhone),
        (phone, ANNS_EMAIL, Problem::InvalidPhone),
        (email, "ann\0@work.example", Problem::InvalidCharacters),
        (
            email,
            "ann@work.example\r\nBcc: x@y.example",
            Problem::InvalidCharacters,
        ),
        (phone, "+4420\u{2028}79460018", Problem::InvalidCharacters),
        (email, &"a".repeat(255), Problem::TooLong { max: 254 }),
        (phone, &"+".repeat(41), Problem::InvalidPhone),
        (phone, "+1 900 234 5678", Problem::RefusedNumber),
        (phone, "+870 301 234 567", Problem::RefusedNumber),
        (email, "Bob@Example.NET", Problem::Taken),
        (email, "boss@home.example", Problem::Taken),
        (phone, "+442079460018", Problem::Taken),
    ] {
        let field = if kind == email {
            Field::Email
        } else {
            Field::Phone
        };
        let refused = kit.accounts.add_address(&current_user, kind, typed).await;
        let problem = FieldProblem::new(field, problem);
        let invalid = AddAddressRefusal::Invalid(vec![problem]);
        assert_eq!(refusal(refused), invalid, "{typed}");
    }
    assert_eq!(kit.accounts.addresses(&current_user).await.unwrap(), before);
    assert_eq!(kit.record.take(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn address_is_of_who_proves_it_first() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let users = [
        kit.current_user("ann", HORSE).await,
        kit.current_user("bob", HORSE).await,
    ];
    let tasks = users.map(|current_user| {
        let accounts = kit.accounts.clone();
        tokio::spawn(async move {
            accounts
                .add_address(&current_user, AddressKind::Email, "us@home.example")
                .await
        })
    });
    let mut added = Vec::new();
    for task in tasks {
        added.push(task.await.unwrap().unwrap());
    }
    added.sort_by_key(|record| record.id);
    let claims: Vec<_> = added.iter().map(|it| it.id.is_claim()).collect();
    assert_eq!(claims, [false, true]);
    assert_eq!(kit.record.take().len(), 2);
    // Of the two the claim is proven first.
    let [ann, bob] = [
        kit.current_user("ann", HORSE).await,
        kit.current_user("bob", HORSE).await,
    ];
    let (claimant, holder) = if added[1].user == ann.user().id {
        (ann, bob)
    } else {
        (bob, ann)
    };
    let links = [
        kit.verification_link(&holder, &added[0]).await,
        kit.verification_link(&claimant, &added[1]).await,
    ];
    for ((id, _), asks) in links.iter().zip([false, true]) {
        assert_eq!(kit.accounts.asks_for_click(id), asks);
    }
    let [(holders, holders_token), (claims, claims_token)] = &links;
    for expected in ["Verified", "AlreadyVerified"] {
        let outcome = kit.accounts.verify_address(claims, claims_token);
        let outcome = format!("{:?}", outcome.await.unwrap());
        assert!(outcome.starts_with(&format!("{expected}(")), "{outcome}");
    }
    let refused = kit.accounts.verify_address(holders, holders_token);
    assert_eq!(refusal(refused.await), InvalidLink);
    let (address, owner) = kit
        .accounts
        .find_address("us@home.example")
        .await
        .unwrap()
        .unwrap();
    assert!(address.is_verified && !address.id.is_claim());
    assert_eq!(owner.id, claimant.user().id);
    let added = kit
        .accounts
        .add_address(&holder, AddressKind::Email, "us@home.example");
    let taken = FieldProblem::new(Field::Email, Problem::Taken);
    assert_eq!(
        refusal(added.await),
        AddAddressRefusal::Invalid(vec![taken])
    );
}

#[tokio::test]
async fn failing_store_adds_nothing() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    kit.store.fail_with(StoreErrorKind::Unavailable);
    let added = kit
        .accounts
        .add_address(&current_user, AddressKind::Email, "ann@work.example")
        .await;
    kit.store.recover();
    assert_eq!(failure(added).kind(), FailureKind::Unavailable);
    assert_eq!(kit.store.address_count(AddressKind::Email), 1);
    assert_eq!(kit.record.take(), [""; 0]);
}

/// A double click sends a form twice; the address is there once, and that is no mistake.
#[tokio::test]
async fn own_address_is_added_once() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    kit.record.forget();
    let before = kit.accounts.addresses(&current_user).await.unwrap();
    for (kind, typed) in [
        (AddressKind::Email, "ANN@example.org"),
        (AddressKind::Phone, "+91 98765 43210"),
        (
            AddressKind::Phone,
            "\u{202a}+91\u{a0}98765\u{2011}43210\u{202c}",
        ),
    ] {
        let added = kit.accounts.add_address(&current_user, kind, typed).await;
        assert!(before.contains(&added.unwrap()), "{typed}");
    }
    assert_eq!(kit.accounts.addresses(&current_user).await.unwrap(), before);
    assert_eq!(kit.record.take(), [""; 0]);
}
