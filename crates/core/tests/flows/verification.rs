//! Verifying addresses by links.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, refusal};
use phone_auth_core::accounts::{
    FailureKind, FlowError, InvalidLink, Verification, VerificationRequest,
    VerificationRequestRefusal,
};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::password::Password;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

const KINDS: [AddressKind; 2] = [AddressKind::Email, AddressKind::Phone];

/// Verifies and says what came of it.
async fn verify(kit: &Kit, (id, token): &(String, String)) -> Result<&'static str, FailureKind> {
    match kit.accounts.verify_address(id, token).await {
        Ok(Verification::Verified(address, _)) => {
            assert!(address.is_verified);
            Ok("verified")
        }
        Ok(Verification::AlreadyVerified(address, _)) => {
            assert!(address.is_verified);
            Ok("already verified")
        }
        Err(FlowError::Refused(InvalidLink)) => Ok("refused"),
        Err(FlowError::Failed(failure)) => Err(failure.kind()),
    }
}

#[tokio::test]
async fn request_sends_the_stored_address() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for (kind, to, id) in [
        (AddressKind::Email, ANNS_EMAIL, "ZW1haWwx"),
        (AddressKind::Phone, ANNS_PHONE, "cGhvbmUx"),
    ] {
        let row = kit.address(&current_user, kind).await;
        let request = kit
            .accounts
            .request_verification(&current_user, kind, row.id)
            .await;
        assert_eq!(request.unwrap(), VerificationRequest::Sent);
        let message = kit.record.messages().remove(0);
        assert_eq!(message.to, to);
        assert!(
            message
                .url
                .starts_with(&format!("/accounts/user_verification_confirm/{id}/"))
        );
        let issued = format!("token_issued tokens - verify-{kind}");
        let sent = format!("verify_{kind} request_verification ann {to}");
        assert_eq!(kit.record.take(), [issued, sent]);
    }
}

#[tokio::test]
async fn link_verifies_once() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for kind in KINDS {
        let row = kit.address(&current_user, kind).await;
        let link = kit.verification_link(&current_user, &row).await;
        let followed = "link_followed urls - phone_email_verification_confirm";
        assert_eq!(verify(&kit, &link).await, Ok("verified"));
        let told = format!("{kind}_verified verify_address ann {}", row.value);
        assert_eq!(kit.record.take(), [followed, &told]);

        assert_eq!(verify(&kit, &link).await, Ok("already verified"));
        assert_eq!(kit.record.take(), [followed]);
        assert!(kit.address(&current_user, kind).await.is_verified);

        let request = kit
            .accounts
            .request_verification(&current_user, kind, row.id)
            .await;
        assert_eq!(request.unwrap(), VerificationRequest::AlreadyVerified);
        assert_eq!(kit.record.take(), [""; 0]);
    }
    let key = kit.log_in("ann", HORSE).await.key;
    let current_user = kit.accounts.current_user(&key).await.unwrap().unwrap();
    assert!(current_user.has_verified_email() && current_user.has_verified_phone());
}

#[tokio::test]
async fn used_link_stays_used() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for kind in KINDS {
        let row = kit.address(&current_user, kind).await;
        let link = kit.verification_link(&current_user, &row).await;
        assert_eq!(verify(&kit, &link).await, Ok("verified"));
        // As django-phone-auth's admin pages do; its own link worked again then.
        let unverified = ExternalChange::SetVerified(kind, row.id, false);
        kit.store.make(unverified).await;
        // In the same instant, and later.
        for later in [0, 1, 60] {
            kit.clock.advance(Duration::from_secs(later));
            assert_eq!(verify(&kit, &link).await, Ok("refused"), "{later}");
            assert!(!kit.address(&current_user, kind).await.is_verified);
        }
        let newer = kit.verification_link(&current_user, &row).await;
        assert_eq!(verify(&kit, &newer).await, Ok("verified"));
    }
}

/// What was done with it stays done: who opens it again is told that, and not that something is wrong with it.
#[tokio::test]
async fn used_link_says_so_after_another_password() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let mut links = Vec::new();
    for kind in KINDS {
        let row = kit.address(&current_user, kind).await;
        let link = kit.verification_link(&current_user, &row).await;
        assert_eq!(verify(&kit, &link).await, Ok("verified"));
        links.push(link);
    }
    for password in ["battery staple", "correct battery"] {
        kit.clock.advance(Duration::from_mins(1));
        let password = Password::new(password);
        let set = kit.accounts.set_password("ann", &password);
        set.await.unwrap();
        for link in &links {
            assert_eq!(verify(&kit, link).await, Ok("already verified"));
        }
    }
}

#[tokio::test]
async fn looking_changes_nothing() {
    let kit = Kit::with_settings(|settings| settings.verify_by_click = true);
    kit.sign_up_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Email).await;
    let (id, token) = kit.verification_link(&current_user, &row).await;
    for _ in 0..10 {
        let state = kit
            .accounts
            .open_verification_link(&id, &token)
            .await
            .unwrap();
        assert!(!state.address.is_verified);
        assert_eq!(state.user.username, "ann");
        let followed = "link_followed urls - phone_email_verification_confirm";
        assert_eq!(kit.record.take(), [followed]);
        let again = kit.accounts.check_verification_link(&id, &token).await;
        assert!(!again.unwrap().address.is_verified);
        assert!(kit.record.take().is_empty(), "nobody opened it");
    }
    assert!(
        !kit.address(&current_user, AddressKind::Email)
            .await
            .is_verified
    );
    // The click is no second opening.
    assert_eq!(
        verify(&kit, &(id.clone(), token.clone())).await,
        Ok("verified")
    );
    assert_eq!(
        kit.record.take(),
        ["email_verified verify_address ann ann@example.org"]
    );
    let state = kit
        .accounts
        .open_verification_link(&id, &token)
        .await
        .unwrap();
    assert!(state.address.is_verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_openings_tell_once() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Phone).await;
    let (id, token) = kit.verification_link(&current_user, &row).await;
    let mut tasks = Vec::new();
    for _ in 0..20 {
        let (accounts, id, token) = (kit.accounts.clone(), id.clone(), token.clone());
        tasks.push(tokio::spawn(async move {
            let outcome = accounts.verify_address(&id, &token).await.unwrap();
            matches!(outcome, Verification::Verified(..))
        }));
    }
    let mut first = 0;
    for task in tasks {
        first += usize::from(task.await.unwrap());
    }
    assert_eq!(first, 1);
    assert_eq!(
        kit.record.take_flows(),
        ["phone_verified verify_address ann +919876543210"]
    );
}

#[tokio::test]
async fn changes_end_the_link() {
    for change in ["text", "gone", "moved", "inactive", "user gone"] {
        let kit = Kit::with_ann().await;
        let bob = kit.sign_up_bob().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let row = kit.address(&current_user, AddressKind::Email).await;
        let link = kit.verification_link(&current_user, &row).await;
        let outside = match change {
            "text" => ExternalChange::EditAddress(row.kind, row.id, "ann@new.example".to_owned()),
            "gone" => ExternalChange::DeleteAddress(row.kind, row.id),
            "moved" => ExternalChange::MoveAddress(row.kind, row.id, bob.id),
            "inactive" => ExternalChange::SetActive(row.user, false),
            _ => ExternalChange::DeleteUser(row.user),
        };
        kit.store.make(outside).await;
        assert_eq!(verify(&kit, &link).await, Ok("refused"), "{change}");
        assert_eq!(
            kit.record.take(),
            [
                "link_followed urls - phone_email_verification_confirm",
                "token_refused tokens - verify-email Forged"
            ]
        );
    }
}

#[tokio::test]
async fn lifetime_follows_the_channel() {
    let (day, ten_minutes) = (Duration::from_hours(24), Duration::from_mins(10));
    for (kind, lifetime) in [(AddressKind::Email, day), (AddressKind::Phone, ten_minutes)] {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let row = kit.address(&current_user, kind).await;
        let link = kit.verification_link(&current_user, &row).await;
        kit.clock.advance(lifetime + Duration::from_secs(1));
        assert_eq!(verify(&kit, &link).await, Ok("refused"));
        let refused = format!("token_refused tokens - verify-{kind} Expired");
        assert_eq!(kit.record.take().pop(), Some(refused));
        assert!(!kit.address(&current_user, kind).await.is_verified);

        let link = kit.verification_link(&current_user, &row).await;
        kit.clock.advance(lifetime);
        assert_eq!(verify(&kit, &link).await, Ok("verified"));
    }
}

#[tokio::test]
async fn tokens_do_not_cross() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let email = kit.address(&current_user, AddressKind::Email).await;
    let phone = kit.address(&current_user, AddressKind::Phone).await;
    let other = kit
        .accounts
        .add_address(&current_user, AddressKind::Email, "ann@work.example");
    let other = other.await.unwrap();
    let (email_id, email_token) = kit.verification_link(&current_user, &email).await;
    let (phone_id, phone_token) = kit.verification_link(&current_user, &phone).await;
    let (other_id, _) = kit.verification_link(&current_user, &other).await;
    let (user_id, reset_token) = kit.reset_link(ANNS_EMAIL).await;
    for (id, token) in [
        (&email_id, &phone_token),
        (&phone_id, &email_token),
        (&other_id, &email_token),
        (&email_id, &reset_token),
        (&user_id, &reset_token),
        (&user_id, &email_token),
    ] {
        assert_eq!(
            verify(&kit, &(id.clone(), token.clone())).await,
            Ok("refused")
        );
    }
}

#[tokio::test]
async fn joined_values_do_not_forge() {
    // User 1 with 8john@… and user 18 with john@…: django-phone-auth's token is the same for both.
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let one = kit
        .accounts
        .add_address(&current_user, AddressKind::Email, "1john@example.org");
    let two = kit
        .accounts
        .add_address(&current_user, AddressKind::Email, "john@example.org");
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    let (_, token) = kit.verification_link(&current_user, &one).await;
    let (id, _) = kit.verification_link(&current_user, &two).await;
    assert_eq!(verify(&kit, &(id, token)).await, Ok("refused"));
}

#[tokio::test]
async fn aliased_ids_are_refused() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Email).await;
    let (_, token) = kit.verification_link(&current_user, &row).await;
    // email+1, email01, email1_0, email１, Email1, padding, a user's id, nonsense.
    for id in [
        "ZW1haWwrMQ",
        "ZW1haWwwMQ",
        "ZW1haWwxXzA",
        "ZW1haWzvvJE",
        "RW1haWwx",
        "ZW1haWwx=",
        "MQ",
        "",
        "\0",
        "....",
        &"Z".repeat(5000),
    ] {
        kit.record.forget();
        let link = (id.to_owned(), token.clone());
        assert_eq!(verify(&kit, &link).await, Ok("refused"), "{id}");
        assert_eq!(kit.record.take().len(), 2, "{id}");
    }
}

#[tokio::test]
async fn others_addresses_do_not_exist() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let (ann, bob) = (
        kit.current_user("ann", HORSE).await,
        kit.current_user("bob", HORSE).await,
    );
    let bobs = kit.address(&bob, AddressKind::Email).await;
    for id in [
        bobs.id,
        AddressId::new(99),
        AddressId::new(0),
        AddressId::new(-1),
    ] {
        let asked = kit
            .accounts
            .request_verification(&ann, AddressKind::Email, id)
            .await;
        assert_eq!(refusal(asked), VerificationRequestRefusal::NoSuchAddress);
    }
    assert_eq!(kit.record.take(), [""; 0]);
}

#[tokio::test]
async fn failing_store_verifies_nothing() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Email).await;
    let link = kit.verification_link(&current_user, &row).await;
    for calls in 0..2 {
        kit.store.fail_after(calls, StoreErrorKind::Unavailable);
        assert_eq!(verify(&kit, &link).await, Err(FailureKind::Unavailable));
        kit.store.recover();
    }
    assert_eq!(kit.record.take_flows(), [""; 0]);
    assert!(
        !kit.address(&current_user, AddressKind::Email)
            .await
            .is_verified
    );
}

#[tokio::test]
async fn verification_without_receiver_is_refused() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for (lacking, refused) in [
        ("verify_email", AddressKind::Email),
        ("verify_phone", AddressKind::Phone),
    ] {
        let accounts = kit.lacking(&[lacking]);
        for kind in KINDS {
            let row = kit.address(&current_user, kind).await;
            let enqueued = accounts
                .outbox()
                .unwrap()
                .rows_after(None, 9)
                .await
                .unwrap()
                .len();
            let asked = accounts
                .request_verification(&current_user, kind, row.id)
                .await;
            let now_pending = accounts
                .outbox()
                .unwrap()
                .rows_after(None, 9)
                .await
                .unwrap()
                .len();
            if kind == refused {
                assert_eq!(refusal(asked), VerificationRequestRefusal::NoSender);
                assert_eq!(now_pending, enqueued);
            } else {
                assert_eq!(asked.unwrap(), VerificationRequest::Sent);
                assert_eq!(now_pending, enqueued + 1);
            }
        }
    }
}
