//! A hasher that costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use base64ct::{Base64UrlUnpadded, Encoding};
use phone_auth::core::password::{
    EncodedPassword, HashError, Password, PasswordHasher, Requester, Verdict,
};
use sha2::{Digest, Sha256};

/// Hashes a password in a microsecond, where a real hash takes tens of milliseconds, and a second in a build without
/// optimisation. Clones share the count that stands for a salt.
///
/// # Security
/// For tests alone: who has such a hash tries millions of passwords a second. A site that was started with it knows no
/// user any more once it has a real hasher.
///
/// # Examples
/// ```
/// use phone_auth::core::password::{Password, PasswordHasher, Requester, Verdict};
/// use phone_auth_testkit::CheapHasher;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (hasher, who) = (CheapHasher::danger_for_tests(), Requester::operator());
/// let encoded = hasher.hash(&Password::new("correct horse"), &who).await?;
/// let right = hasher.verify(&Password::new("correct horse"), &encoded, &who).await?;
/// assert_eq!(right, Verdict::Match);
/// let wrong = hasher.verify(&Password::new("battery staple"), &encoded, &who).await?;
/// assert_eq!(wrong, Verdict::NoMatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct CheapHasher {
    salts: Arc<AtomicU64>,
}

impl CheapHasher {
    /// One that counts its salts from the start.
    pub fn danger_for_tests() -> Self {
        Self {
            salts: Arc::default(),
        }
    }
}

/// What stands before a hash, so that no other hasher takes it for one of its own.
const KIND: &str = "testkit";

fn encode(password: &Password, salt: &str) -> EncodedPassword {
    let digest = Sha256::new()
        .chain_update(salt)
        .chain_update([0])
        .chain_update(password.reveal())
        .finalize();
    let digest = Base64UrlUnpadded::encode_string(&digest);
    EncodedPassword::new(format!("{KIND}${salt}${digest}"))
}

#[async_trait]
impl PasswordHasher for CheapHasher {
    async fn hash(
        &self,
        password: &Password,
        _requester: &Requester,
    ) -> Result<EncodedPassword, HashError> {
        // Two hashes of one password differ, as those of a real hasher do: flows tell a change by it.
        let salt = self.salts.fetch_add(1, Ordering::Relaxed);
        Ok(encode(password, &salt.to_string()))
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        _requester: &Requester,
    ) -> Result<Verdict, HashError> {
        let mut parts = encoded.reveal().split('$');
        let is_same = match (parts.next(), parts.next()) {
            (Some(KIND), Some(salt)) => encode(password, salt) == *encoded,
            _ => false,
        };
        Ok(if is_same {
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
