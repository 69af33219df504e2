//! Whether a process has the secret key of its database.
//!
//! Links that one process signs are opened at another. With a key of its own it would send links that nobody
//! accepts, and refuse those of all others. So the database keeps a fingerprint of the key, and a process asks
//! before it begins: [`claim`].
//!
//! A key is replaced by a declared rotation: the new key, with the old one among its fallbacks. Processes
//! change over one by one; until the first that has the new key and not the old one, both are known. What
//! this does not do: keep the key itself, or anything it could be found from.

use std::error::Error;
use std::fmt;

use phone_auth_tokens::Keyring;

use crate::store::{KeyFingerprint, KeyRecord, SiteKeyStore, StoreError};

/// What the fingerprint's key is derived under.
const LABEL: &str = "fingerprint of the secret key";

/// How often the record is looked at again when another process has changed it meanwhile.
const ATTEMPTS: usize = 10;

/// What became of the key of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyClaim {
    /// It is the one that the database knows.
    Known,
    /// The database had none. From now on this is its key.
    First,
    /// The database had one of which it kept no fingerprint: an earlier version served it. From now on this is
    /// its key, whether it was that one or not.
    FirstSinceUpgrade,
    /// It takes over from the key that the database knew, which is among the fallbacks.
    Rotated,
    /// It is one that another has taken over from, and that is accepted still. Links of the processes
    /// with the new key are not accepted by this one.
    Older,
}

impl KeyClaim {
    /// Tells the operator what they may not expect.
    fn log(self) {
        match self {
            Self::Known | Self::First => {}
            Self::FirstSinceUpgrade => tracing::warn!(
                "an earlier version kept no fingerprint of the secret key of this database; from now on its key is \
                 the one that is given now"
            ),
            Self::Rotated => tracing::info!("the database has changed over to the new secret key"),
            Self::Older => tracing::warn!(
                "the secret key is one that another has replaced; links of processes with the new key do not \
                 work here"
            ),
        }
    }
}

/// Asks whether these are the keys of the database, and has it keep the fingerprint of the current one if it had
/// none, or if it takes over from a key among the fallbacks. Keys before it that are no fallbacks of this
/// process are forgotten.
///
/// # Errors
/// - [`Foreign`](SiteKeyErrorKind::Foreign): the database knows another key, which is no fallback.
/// - [`Unavailable`](SiteKeyErrorKind::Unavailable), [`Broken`](SiteKeyErrorKind::Broken): the store.
///
/// # Cancel safety
/// A dropped call has changed the record or not.
///
/// # Examples
/// ```
/// use phone_auth_core::site_key::{self, KeyClaim, SiteKeyErrorKind};
/// use phone_auth_store_testkit::MemoryStore;
/// use phone_auth_tokens::{Keyring, SecretKey};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = MemoryStore::new();
/// let old = SecretKey::generate()?;
/// let before = Keyring::new(SecretKey::new(old.reveal())?);
/// assert_eq!(site_key::claim(&store, &before).await?, KeyClaim::First);
///
/// let new = SecretKey::generate()?;
/// let undeclared = Keyring::new(SecretKey::new(new.reveal())?);
/// let undeclared = site_key::claim(&store, &undeclared).await.unwrap_err();
/// assert_eq!(undeclared.kind(), SiteKeyErrorKind::Foreign);
///
/// let rotation = Keyring::new(new).with_fallback(old);
/// assert_eq!(site_key::claim(&store, &rotation).await?, KeyClaim::Rotated);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub async fn claim(store: &dyn SiteKeyStore, keyring: &Keyring) -> Result<KeyClaim, SiteKeyError> {
    let keys = fingerprints(keyring);
    for _ in 0..ATTEMPTS {
        let known = store.key_record().await?;
        let (claim, record) = judge(known.as_ref(), &keys)?;
        let is_kept = known.as_ref() == Some(&record);
        if is_kept || store.replace_key_record(known.as_ref(), &record).await? {
            claim.log();
            return Ok(claim);
        }
    }
    Err(SiteKeyError::new(SiteKeyErrorKind::Unavailable))
}

/// What [`claim`] would answer, without changing anything.
///
/// # Errors
/// As for [`claim`].
///
/// # Cancel safety
/// It only reads.
pub async fn look(store: &dyn SiteKeyStore, keyring: &Keyring) -> Result<KeyClaim, SiteKeyError> {
    let known = store.key_record().await?;
    let (claim, _) = judge(known.as_ref(), &fingerprints(keyring))?;
    Ok(claim)
}

/// Makes these the keys of the database, whatever it knew before: for a key that is lost. Processes with the key of
/// before are refused when they start; a worker that runs sends nothing more, within a minute.
///
/// # Security
/// Anyone who may call this decides who signs the links. Links that were sent with the key of before are void,
/// unless it is a fallback; sessions and passwords do not depend on it, and pending messages get
/// links of the new key.
///
/// # Errors
/// As for [`claim`], but never [`Foreign`](SiteKeyErrorKind::Foreign).
///
/// # Cancel safety
/// A dropped call has changed the record or not.
pub async fn replace(store: &dyn SiteKeyStore, keyring: &Keyring) -> Result<(), SiteKeyError> {
    let record = KeyRecord::new(fingerprints(keyring));
    for _ in 0..ATTEMPTS {
        let known = store.key_record().await?;
        let is_kept = known.as_ref() == Some(&record);
        if is_kept || store.replace_key_record(known.as_ref(), &record).await? {
            return Ok(());
        }
    }
    Err(SiteKeyError::new(SiteKeyErrorKind::Unavailable))
}

/// The fingerprints of all keys that are accepted, the current one first.
fn fingerprints(keyring: &Keyring) -> Vec<KeyFingerprint> {
    let keys = keyring.derive_all(LABEL);
    keys.iter().map(KeyFingerprint::of).collect()
}

/// What a process with these keys is to a database with this record, and the record from then on.
fn judge(
    known: Option<&KeyRecord>,
    keys: &[KeyFingerprint],
) -> Result<(KeyClaim, KeyRecord), SiteKeyError> {
    let foreign = || SiteKeyError::new(SiteKeyErrorKind::Foreign);
    let Some((own, fallbacks)) = keys.split_first() else {
        return Err(foreign());
    };
    let Some(known) = known else {
        return Ok((KeyClaim::First, KeyRecord::new([*own])));
    };
    let Some(current) = known.current() else {
        return Ok((KeyClaim::FirstSinceUpgrade, KeyRecord::new([*own])));
    };
    // Keys that this process does not accept are none any more once it signs with the current one.
    let accepted = known.keys().iter().copied();
    let accepted = accepted.filter(|key| key != own && fallbacks.contains(key));
    let with_own_first = || KeyRecord::new(std::iter::once(*own).chain(accepted));
    if *own == current {
        Ok((KeyClaim::Known, with_own_first()))
    } else if fallbacks.contains(&current) {
        Ok((KeyClaim::Rotated, with_own_first()))
    } else if known.keys().contains(own) {
        Ok((KeyClaim::Older, known.clone()))
    } else {
        Err(foreign())
    }
}

/// Why a process cannot begin with its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SiteKeyErrorKind {
    /// The database belongs to another key.
    Foreign,
    /// The store is not available; trying again later may work.
    Unavailable,
    /// The store answered what it should not.
    Broken,
}

/// A process cannot begin with its key.
pub struct SiteKeyError {
    kind: SiteKeyErrorKind,
    source: Option<StoreError>,
}

impl SiteKeyError {
    const fn new(kind: SiteKeyErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// Why.
    pub const fn kind(&self) -> SiteKeyErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == SiteKeyErrorKind::Unavailable
    }
}

impl From<StoreError> for SiteKeyError {
    fn from(error: StoreError) -> Self {
        let kind = if error.is_retryable() {
            SiteKeyErrorKind::Unavailable
        } else {
            SiteKeyErrorKind::Broken
        };
        Self {
            kind,
            source: Some(error),
        }
    }
}

impl fmt::Display for SiteKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            SiteKeyErrorKind::Foreign => {
                "the database belongs to another secret key, which is none of the fallbacks"
            }
            SiteKeyErrorKind::Unavailable => "the store is not available",
            SiteKeyErrorKind::Broken => "the store does not tell which key it belongs to",
        })
    }
}

impl fmt::Debug for SiteKeyError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl Error for SiteKeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(number: u8) -> KeyFingerprint {
        KeyFingerprint::from_bytes([number; KeyFingerprint::BYTES])
    }

    /// What a process with these keys, the current one first, is to a database that knows these, and what the
    /// database knows then.
    #[track_caller]
    fn check(known: Option<&[u8]>, keys: &[u8], expected: Option<(KeyClaim, &[u8])>) {
        let record = |keys: &[u8]| KeyRecord::new(keys.iter().map(|number| key(*number)));
        let keys: Vec<_> = keys.iter().map(|number| key(*number)).collect();
        let judged = judge(known.map(record).as_ref(), &keys);
        let judged = judged.map_err(|error| error.kind());
        let expected = expected.map(|(claim, keys)| (claim, record(keys)));
        assert_eq!(judged, expected.ok_or(SiteKeyErrorKind::Foreign));
    }

    #[test]
    fn only_declared_rotation_changes_key() {
        use KeyClaim::{First, FirstSinceUpgrade, Known, Older, Rotated};

        check(None, &[1], Some((First, &[1])));
        check(None, &[2, 1], Some((First, &[2])));
        check(Some(&[]), &[1], Some((FirstSinceUpgrade, &[1])));
        check(Some(&[1]), &[1], Some((Known, &[1])));
        check(Some(&[1]), &[2], None);
        check(Some(&[1]), &[2, 3], None);
        // The new key is known everywhere before anyone signs with it.
        check(Some(&[1]), &[1, 2], Some((Known, &[1])));
        // One node changes over, is started again, and others go on with the old key.
        check(Some(&[1]), &[2, 1], Some((Rotated, &[2, 1])));
        check(Some(&[2, 1]), &[2, 1], Some((Known, &[2, 1])));
        check(Some(&[2, 1]), &[1], Some((Older, &[2, 1])));
        check(Some(&[2, 1]), &[1, 2], Some((Rotated, &[1, 2])));
        check(Some(&[1, 2]), &[2, 1], Some((Rotated, &[2, 1])));
        // It is over: the old key is foreign.
        check(Some(&[2, 1]), &[2], Some((Known, &[2])));
        check(Some(&[2]), &[1], None);
        check(Some(&[2]), &[1, 3], None);
        // Back to the old key, declared as any other rotation.
        check(Some(&[2]), &[1, 2], Some((Rotated, &[1, 2])));
        // Again before the last one is over.
        check(Some(&[2, 1]), &[3, 2, 1], Some((Rotated, &[3, 2, 1])));
        check(Some(&[2, 1]), &[3, 2], Some((Rotated, &[3, 2])));
        // Two who change to different keys would not accept each other's links.
        check(Some(&[2, 1]), &[3, 1], None);
    }

    #[test]
    fn fingerprint_is_of_the_key_alone() {
        let secret = |text: &str| phone_auth_tokens::SecretKey::new(text);
        let (Ok(one), Ok(same), Ok(other)) = (
            secret("9f1c4be7203d58a6e5b07c92d1f48a36"),
            secret("9f1c4be7203d58a6e5b07c92d1f48a36"),
            secret("v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa"),
        ) else {
            unreachable!("the keys are long and random")
        };
        let one = fingerprints(&Keyring::new(one));
        assert_eq!(fingerprints(&Keyring::new(same)), one);
        assert_ne!(fingerprints(&Keyring::new(other)), one);
        // What is in databases by now.
        let kept = "5ba2b3f4b5d855b17fe1738e7eb6f490";
        assert_eq!(KeyRecord::new(one).to_text(), kept);
    }
}
