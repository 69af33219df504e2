//! A form that sets a password and comes twice: what its token proves, and what it does not.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use common::{HORSE, Kit, STAPLE};
use phone_auth_core::password::Password;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

/// Anyone who has seen the page has its token. The password that is stored by now is what proves who asks.
#[tokio::test]
async fn form_token_alone_proves_nothing() {
    let kit = Kit::new();
    let user = kit.sign_up_ann().await;
    let token = kit.accounts.password_form_token(user.id);
    kit.record.forget();
    for (new1, new2, is_done, told) in [
        (HORSE, HORSE, true, 0),
        (STAPLE, STAPLE, false, 1),
        (HORSE, STAPLE, false, 0),
        ("", "", false, 0),
    ] {
        let (new1, new2) = (Password::new(new1), Password::new(new2));
        let done = kit.accounts.repeated_reset(&token, &new1, &new2).await;
        assert_eq!(done.unwrap().is_some(), is_done);
        // A wrong password is told as one of a log-in is: a form is no way to guess unseen.
        assert_eq!(kit.record.take().len(), told);
    }
}

#[tokio::test]
async fn disabled_user_repeats_no_form() {
    let kit = Kit::new();
    let user = kit.sign_up_ann().await;
    let token = kit.accounts.password_form_token(user.id);
    let horse = Password::new(HORSE);
    kit.record.forget();
    let again = kit.accounts.repeated_change(&token, &horse, &horse).await;
    assert!(again.unwrap().is_some());
    // The session that it begins is told as any other.
    assert_eq!(kit.record.take().len(), 1);
    let off = ExternalChange::SetActive(user.id, false);
    kit.store.make(off).await;
    let again = kit.accounts.repeated_reset(&token, &horse, &horse).await;
    assert!(again.unwrap().is_none());
}
