//! Passwords that are stored as they are, where what a hash costs is no matter.

use async_trait::async_trait;
use phone_auth_core::password::{
    EncodedPassword, HashError, Password, PasswordHasher, Requester, Verdict,
};

/// A hasher that costs nothing: it stores passwords as they are.
///
/// # Security
/// For tests alone.
///
/// # Examples
/// ```
/// use phone_auth_core::password::{Password, PasswordHasher, Requester, Verdict};
/// use phone_auth_store_testkit::Plain;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (password, who) = (Password::new("correct horse"), Requester::operator());
/// let encoded = Plain.hash(&password, &who).await?;
/// assert_eq!(Plain.verify(&password, &encoded, &who).await?, Verdict::Match);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "there is nothing to it, and it is written as a value"
)]
pub struct Plain;

#[async_trait]
impl PasswordHasher for Plain {
    async fn hash(
        &self,
        password: &Password,
        _requester: &Requester,
    ) -> Result<EncodedPassword, HashError> {
        Ok(EncodedPassword::new(format!("plain${}", password.reveal())))
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        _requester: &Requester,
    ) -> Result<Verdict, HashError> {
        let is_it = encoded.reveal() == format!("plain${}", password.reveal());
        Ok(if is_it {
            Verdict::Match
        } else {
            Verdict::NoMatch
        })
    }

    async fn verify_nothing(
        &self,
        _password: &Password,
        _requester: &Requester,
    ) -> Result<(), HashError> {
        Ok(())
    }
}
