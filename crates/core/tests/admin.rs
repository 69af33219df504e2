//! What an operator does.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::{ANNS_EMAIL, HORSE, Kit, STAPLE, ann};
use phone_auth_core::accounts::{AdminErrorKind, SignUpErrorKind, SignUpForm};
use phone_auth_core::address::AddressKind;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::password::Password;

#[tokio::test]
async fn username_and_password_suffice() {
    let kit = Kit::new();
    let form = SignUpForm {
        first_name: "",
        last_name: "",
        username: "root",
        email: "",
        phone: "",
        password: Password::new(HORSE),
        confirm_password: None,
    };
    let person = kit.accounts.create_person(form.clone()).await.unwrap();
    assert_eq!(kit.record.take(), ["user_signed_up create_person root"]);
    assert_eq!(kit.store.address_count(AddressKind::Email), 0);
    kit.log_in("root", HORSE).await;

    let error = kit.accounts.create_person(form).await.unwrap_err();
    assert_eq!(error.kind(), SignUpErrorKind::Invalid);
    let taken = FieldProblem::new(Field::Username, Problem::Taken);
    assert_eq!(error.problems(), [taken]);
    assert_eq!(kit.stored(&person).await.username, "root");
}

#[tokio::test]
async fn created_people_obey_the_rules() {
    let kit = Kit::new();
    let form = SignUpForm {
        username: "",
        email: "nonsense",
        phone: "12",
        password: Password::new("short"),
        ..ann()
    };
    let error = kit.accounts.create_person(form).await.unwrap_err();
    let fields: Vec<Field> = error
        .problems()
        .iter()
        .map(|problem| problem.field)
        .collect();
    assert_eq!(
        fields,
        [Field::Username, Field::Email, Field::Phone, Field::Password]
    );
}

#[tokio::test]
async fn people_come_in_pages() {
    let kit = Kit::with_ann().await;
    let bob = kit.sign_up_bob().await;
    let page = kit.accounts.people_after(None, 1).await.unwrap();
    assert_eq!(page.len(), 1);
    let rest = kit
        .accounts
        .people_after(page.first().map(|person| person.id), 10)
        .await
        .unwrap();
    assert_eq!(
        rest.iter().map(|person| person.id).collect::<Vec<_>>(),
        [bob.id]
    );
}

#[tokio::test]
async fn disabling_ends_everything() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let link = kit.reset_link(ANNS_EMAIL).await;
    let person = kit.accounts.set_active("Ann", false).await.unwrap();
    assert!(!person.is_active);
    assert!(kit.accounts.visitor(&key).await.unwrap().is_none());
    assert!(
        kit.accounts
            .log_in("ann", &Password::new(HORSE), None)
            .await
            .is_err()
    );
    assert!(
        kit.accounts
            .recheck_reset_link(&link.0, &link.1)
            .await
            .is_err()
    );

    assert!(
        kit.accounts
            .set_active("ann", true)
            .await
            .unwrap()
            .is_active
    );
    assert!(
        kit.accounts.visitor(&key).await.unwrap().is_none(),
        "the session stays ended"
    );
    kit.log_in("ann", HORSE).await;
}

#[tokio::test]
async fn set_password_ends_sessions() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    kit.record.forget();
    kit.accounts
        .set_password("ann", &Password::new(STAPLE))
        .await
        .unwrap();
    assert_eq!(kit.record.take(), ["password_changed set_password ann"]);
    assert!(kit.accounts.visitor(&key).await.unwrap().is_none());
    kit.log_in("ann", STAPLE).await;
}

#[tokio::test]
async fn unusable_person_gets_a_password() {
    let kit = Kit::new();
    kit.store_person("olga", "!").await;
    kit.accounts
        .set_password("olga", &Password::new(STAPLE))
        .await
        .unwrap();
    kit.log_in("olga", STAPLE).await;
}

#[tokio::test]
async fn operators_mistakes_are_named() {
    let kit = Kit::with_ann().await;
    let password = Password::new(STAPLE);
    let error = kit.accounts.set_active("nobody", false).await.unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::NoSuchPerson);
    let error = kit
        .accounts
        .set_password("nobody", &password)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::NoSuchPerson);
    // Not by an address: an operator means a username.
    let error = kit
        .accounts
        .set_password(ANNS_EMAIL, &password)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::NoSuchPerson);

    let error = kit
        .accounts
        .set_password("ann", &Password::new("1"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::Invalid);
    assert!(
        error
            .problems()
            .iter()
            .all(|problem| problem.field == Field::Password)
    );

    kit.accounts.set_active("ann", false).await.unwrap();
    let error = kit
        .accounts
        .set_password("ann", &password)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), AdminErrorKind::NotActive);
    assert_eq!(kit.record.take(), [""; 0]);
}
