//! What an address may do that nobody has proven, and what its proof ends.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, refusal};
use phone_auth_core::accounts::{InvalidLink, LogInRefusal, ResetRefusal};
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;

/// Verifies Ann's address of a kind, a second after whatever was before.
async fn verify(kit: &Kit, kind: AddressKind, password: &str) {
    let current_user = kit.current_user("ann", password).await;
    let address = kit.address(&current_user, kind).await;
    let (id, token) = kit.verification_link(&current_user, &address).await;
    kit.clock.advance(Duration::from_secs(1));
    let _ = kit.accounts.verify_address(&id, &token).await.unwrap();
    kit.record.forget();
}

/// Whether a reset link is sent to what is typed.
async fn is_sent(kit: &Kit, login: &str) -> bool {
    kit.accounts.request_password_reset(login).await.unwrap();
    let sent = !kit.record.messages().is_empty();
    kit.record.forget();
    sent
}

#[tokio::test]
async fn link_to_an_unproven_address_of_a_proven_account_only_frees() {
    for (proven, other) in [
        (AddressKind::Email, ANNS_PHONE),
        (AddressKind::Phone, ANNS_EMAIL),
    ] {
        let kit = Kit::with_ann().await;
        let (id, token) = kit.reset_link(other).await;
        let link = kit.accounts.check_reset_link(&id, &token).await.unwrap();
        assert!(!link.only_frees, "while nothing is proven");
        let unused = kit.accounts.free_address(&id, &token).await;
        assert_eq!(refusal(unused), InvalidLink);
        verify(&kit, proven, HORSE).await;
        let (id, token) = kit.reset_link(other).await;
        let link = kit.accounts.check_reset_link(&id, &token).await.unwrap();
        assert!(link.only_frees, "{other}");
        let new = Password::new(STAPLE);
        let reset = kit.accounts.reset_password(&id, &token, &new, &new).await;
        assert_eq!(refusal(reset), ResetRefusal::Link(InvalidLink));
        let freed = kit.accounts.free_address(&id, &token).await.unwrap();
        assert_eq!(freed, other);
        let again = kit.accounts.free_address(&id, &token).await;
        assert_eq!(refusal(again), InvalidLink);
        let ann = kit.current_user("ann", HORSE).await;
        assert_eq!(kit.accounts.addresses(&ann).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn unverified_address_gets_no_reset_by_the_setting() {
    let kit = Kit::with_settings(|settings: &mut Settings| settings.unverified_reset = false);
    kit.sign_up_ann().await;
    assert!(!is_sent(&kit, ANNS_EMAIL).await);
    verify(&kit, AddressKind::Email, HORSE).await;
    assert!(is_sent(&kit, ANNS_EMAIL).await);
}

#[tokio::test]
async fn unverified_address_names_nobody_by_the_setting() {
    let kit = Kit::with_settings(|settings: &mut Settings| settings.unverified_sign_in = false);
    kit.sign_up_ann().await;
    let log_in = async |login: &str| {
        let password = Password::new(HORSE);
        kit.accounts.log_in(login, &password, None).await
    };
    for login in [ANNS_EMAIL, ANNS_PHONE] {
        kit.hasher.forget();
        let refused = refusal(log_in(login).await);
        assert_eq!(refused, LogInRefusal::InvalidCredentials);
        assert_eq!(kit.hasher.checked(), 1, "the work of any check");
        let told = "user_login_failed log_in ann UnverifiedAddress";
        assert_eq!(kit.record.take(), [told]);
    }
    verify(&kit, AddressKind::Email, HORSE).await;
    log_in(ANNS_EMAIL).await.unwrap();
    refusal(log_in(ANNS_PHONE).await);
}

#[tokio::test]
async fn older_proof_outlasts_a_younger_one() {
    // Someone who had the password has proven a number of theirs; the owner resets by the address that was there before.
    let kit = Kit::with_ann().await;
    verify(&kit, AddressKind::Email, HORSE).await;
    verify(&kit, AddressKind::Phone, HORSE).await;
    let (id, token) = kit.reset_link(ANNS_PHONE).await;
    let thiefs = Password::new("thief's own pass");
    kit.accounts
        .reset_password(&id, &token, &thiefs, &thiefs)
        .await
        .unwrap();
    let (id, token) = kit.reset_link(ANNS_EMAIL).await;
    let staple = Password::new(STAPLE);
    kit.accounts
        .reset_password(&id, &token, &staple, &staple)
        .await
        .unwrap();
    kit.record.forget();
    for (login, only_frees) in [(ANNS_PHONE, true), (ANNS_EMAIL, false)] {
        let (id, token) = kit.reset_link(login).await;
        let link = kit.accounts.check_reset_link(&id, &token).await.unwrap();
        assert_eq!(link.only_frees, only_frees, "{login}");
    }
    let ann = kit.current_user("ann", STAPLE).await;
    assert!(ann.has_verified_email() && !ann.has_verified_phone());
}

/// Anyone can claim an address that is a user's without proof: that must not take the reset from the user, whose only way in it
/// may be. Who has the address gets the account by it, and nobody else stays: it is proven then, so that the claim ends.
#[tokio::test]
async fn claim_of_another_takes_no_reset_away() {
    for (kind, value) in [
        (AddressKind::Email, ANNS_EMAIL),
        (AddressKind::Phone, ANNS_PHONE),
    ] {
        let kit = Kit::with_ann().await;
        kit.sign_up_bob().await;
        let bob = kit.current_user("bob", HORSE).await;
        let claim = kit.accounts.add_address(&bob, kind, value).await.unwrap();
        assert!(claim.id.is_claim());
        let before = kit.log_in("ann", HORSE).await.key;
        let (id, token) = kit.reset_link(value).await;
        let link = kit.accounts.check_reset_link(&id, &token).await.unwrap();
        assert!(!link.only_frees);
        let staple = Password::new(STAPLE);
        let reset = kit.accounts.reset_password(&id, &token, &staple, &staple);
        assert_eq!(reset.await.unwrap().username, "ann");
        assert!(kit.accounts.current_user(&before).await.unwrap().is_none());
        kit.log_in(value, STAPLE).await;
        let of_bob = kit.accounts.addresses(&bob).await.unwrap();
        assert!(of_bob.iter().all(|it| it.value != value), "{of_bob:?}");
    }
}

/// The other way round: the claim is proven while the link waits. It leads nowhere then.
#[tokio::test]
async fn proven_claim_ends_the_reset_of_the_squatter() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let bob = kit.current_user("bob", HORSE).await;
    let (id, token) = kit.reset_link(ANNS_EMAIL).await;
    let claim = kit
        .accounts
        .add_address(&bob, AddressKind::Email, ANNS_EMAIL);
    kit.prove(&claim.await.unwrap()).await;
    let staple = Password::new(STAPLE);
    let reset = kit.accounts.reset_password(&id, &token, &staple, &staple);
    assert_eq!(refusal(reset.await), ResetRefusal::Link(InvalidLink));
    let has_it = kit.log_in(ANNS_EMAIL, HORSE).await.user;
    assert_eq!(has_it.username, "bob");
    kit.record.forget();
    assert!(is_sent(&kit, ANNS_EMAIL).await, "to the one who has it now");
}
