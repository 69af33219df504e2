//! Passwords that are stored as they are, where what a hash costs is no matter.

use async_trait::async_trait;
use phone_auth_core::password::{
    EncodedPassword, HashError, Password, PasswordHasher, Requester, Verdict,
};

/// A hasher that costs nothing.
pub(crate) struct Plain;

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
