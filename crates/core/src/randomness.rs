//! The port for random bytes, with the system's source and one that repeats itself for tests.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

/// Gives random bytes that nobody can foresee: session keys, salts and made-up usernames come from it.
pub trait Randomness: Send + Sync {
    /// Fills the buffer.
    ///
    /// # Errors
    /// [`RandomnessError`] when the source has failed. Anyone who asked must fail too.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomnessError>;
}

/// The operating system's source.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomnessError> {
        getrandom::fill(buffer).map_err(RandomnessError::with_source)
    }
}

/// Bytes that look random and are the same each time, for tests.
///
/// # Security
/// Everybody can foresee them. Never use it outside tests.
///
/// # Examples
/// ```
/// use phone_auth_core::randomness::{Randomness, RepeatableRandomness};
///
/// let (mut one, mut other) = ([0; 8], [0; 8]);
/// RepeatableRandomness::danger_from_seed(7).fill(&mut one)?;
/// RepeatableRandomness::danger_from_seed(7).fill(&mut other)?;
/// assert_eq!(one, other);
/// # Ok::<(), phone_auth_core::randomness::RandomnessError>(())
/// ```
#[derive(Debug)]
pub struct RepeatableRandomness {
    seed: u64,
    drawn: AtomicU64,
}

impl RepeatableRandomness {
    /// A source that always gives the same bytes for the same seed.
    pub const fn danger_from_seed(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }
}

impl Randomness for RepeatableRandomness {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomnessError> {
        for chunk in buffer.chunks_mut(32) {
            let block = self.drawn.fetch_add(1, Ordering::Relaxed);
            let digest = Sha256::new()
                .chain_update(self.seed.to_be_bytes())
                .chain_update(block.to_be_bytes())
                .finalize();
            for (byte, random) in chunk.iter_mut().zip(digest) {
                *byte = random;
            }
        }
        Ok(())
    }
}

/// The source of randomness has failed.
pub struct RandomnessError {
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl RandomnessError {
    /// A failure without a cause of its own.
    pub const fn new() -> Self {
        Self { source: None }
    }

    /// A failure with what the source said.
    pub fn with_source(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: Some(source.into()),
        }
    }
}

impl Default for RandomnessError {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RandomnessError {
    /// The sentence and its causes: a `main` that returns the error prints them in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl fmt::Display for RandomnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no random bytes are to be had")
    }
}

impl Error for RandomnessError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
