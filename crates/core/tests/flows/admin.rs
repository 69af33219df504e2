//! What an operator does.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common::{ANNS_EMAIL, HORSE, Kit, STAPLE, ann, refusal};
use phone_auth_core::accounts::{
    AmbiguousName, SetPasswordRefusal, SignUpForm, SignUpRefusal, UsernameRefusal,
};
use phone_auth_core::address::AddressKind;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::password::Password;
use phone_auth_core::store::StoreErrorKind;

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
    let user = kit.accounts.create_user(form.clone()).await.unwrap();
    assert_eq!(kit.record.take(), ["user_signed_up create_user root"]);
    assert_eq!(kit.store.address_count(AddressKind::Email), 0);
    kit.log_in("root", HORSE).await;

    let refused = kit.accounts.create_user(form).await;
    let taken = FieldProblem::new(Field::Username, Problem::Taken);
    assert_eq!(refusal(refused), SignUpRefusal::Invalid(vec![taken]));
    assert_eq!(kit.stored(&user).await.username, "root");
}

#[tokio::test]
async fn created_users_obey_the_rules() {
    let kit = Kit::new();
    let form = SignUpForm {
        username: "",
        email: "nonsense",
        phone: "12",
        password: Password::new("short"),
        ..ann()
    };
    let SignUpRefusal::Invalid(problems) = refusal(kit.accounts.create_user(form).await);
    let fields: Vec<Field> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(
        fields,
        [Field::Username, Field::Email, Field::Phone, Field::Password]
    );
}

#[tokio::test]
async fn users_come_in_pages() {
    let kit = Kit::with_ann().await;
    let bob = kit.sign_up_bob().await;
    let page = kit.accounts.users_after(None, 1).await.unwrap();
    assert_eq!(page.len(), 1);
    let rest = kit
        .accounts
        .users_after(page.first().map(|user| user.id), 10)
        .await
        .unwrap();
    assert_eq!(
        rest.iter().map(|user| user.id).collect::<Vec<_>>(),
        [bob.id]
    );
}

#[tokio::test]
async fn every_name_finds_its_user() {
    for may_log_in in [true, false] {
        // A user who cannot log in by a name any more still says it on the telephone.
        let kit = Kit::with_settings(|settings| {
            settings.authentication_methods.phone = may_log_in;
            settings.authentication_methods.username = may_log_in;
        });
        kit.store_user("bob", HORSE).await;
        for (typed, found) in [
            ("bob", Some("bob")),
            (" BOB ", Some("bob")),
            ("P0@Example.com", Some("bob")),
            ("+442079460000", Some("bob")),
            ("+44 20 7946 0000", Some("bob")),
            ("bo", None),
            ("p1@example.com", None),
            ("", None),
        ] {
            let user = kit.accounts.find(typed).await.unwrap();
            let username = user.map(|user| user.username);
            assert_eq!(username.as_deref(), found, "{typed:?} {may_log_in}");
        }
    }
}

#[tokio::test]
async fn ambiguous_name_finds_nobody() {
    let kit = Kit::with_ann().await;
    kit.store.fail_with(StoreErrorKind::Ambiguous);
    assert_eq!(refusal(kit.accounts.find("ann").await), AmbiguousName);
    // Nor are the counters of one of them cleared.
    let cleared = kit.accounts.clear_limits_of_login("ann").await;
    assert_eq!(refusal(cleared), UsernameRefusal::Ambiguous);
}

#[tokio::test]
async fn disabling_ends_everything() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let link = kit.reset_link(ANNS_EMAIL).await;
    let user = kit.accounts.set_active("Ann", false).await.unwrap();
    assert!(!user.is_active);
    assert!(kit.accounts.current_user(&key).await.unwrap().is_none());
    assert!(
        kit.accounts
            .log_in("ann", &Password::new(HORSE), None)
            .await
            .is_err()
    );
    assert!(
        kit.accounts
            .check_reset_link(&link.0, &link.1)
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
        kit.accounts.current_user(&key).await.unwrap().is_none(),
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
    assert!(kit.accounts.current_user(&key).await.unwrap().is_none());
    kit.log_in("ann", STAPLE).await;
}

#[tokio::test]
async fn unusable_user_gets_a_password() {
    let kit = Kit::new();
    kit.store_user("olga", "!").await;
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
    let refused = kit.accounts.set_active("nobody", false).await;
    assert_eq!(refusal(refused), UsernameRefusal::NoSuchUser);
    let nobody = SetPasswordRefusal::Username(UsernameRefusal::NoSuchUser);
    // Not by an address: an operator means a username.
    for name in ["nobody", ANNS_EMAIL] {
        let refused = kit.accounts.set_password(name, &password).await;
        assert_eq!(refusal(refused), nobody);
    }

    let short = Password::new("1");
    let invalid = refusal(kit.accounts.set_password("ann", &short).await);
    let at_password = |problems: &[FieldProblem]| {
        !problems.is_empty() && problems.iter().all(|it| it.field == Field::Password)
    };
    assert!(matches!(invalid, SetPasswordRefusal::Invalid(problems) if at_password(&problems)));

    kit.accounts.set_active("ann", false).await.unwrap();
    let refused = kit.accounts.set_password("ann", &password).await;
    assert_eq!(refusal(refused), SetPasswordRefusal::Disabled);
    assert_eq!(kit.record.take(), [""; 0]);
}
