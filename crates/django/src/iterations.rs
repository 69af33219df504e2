//! How much PBKDF2 a refused check costs while hashes of Django's are left.

use std::num::NonZeroU32;

use phone_auth_core::store::PasswordKind;

/// A number of iterations of PBKDF2-SHA256, from 1 to [`MAX`](Self::MAX).
///
/// It is for [`DjangoHashes::with_iterations`](crate::DjangoHashes::with_iterations), and should be the
/// greatest number that a stored hash has: see [`needed_for`](Self::needed_for).
///
/// # Examples
/// ```
/// use phone_auth_django::DjangoIterations;
///
/// let iterations = DjangoIterations::new(1_000_000).expect("fewer than the most");
/// assert_eq!(iterations.get(), 1_000_000);
///
/// // No stored hash may ask for so many.
/// assert_eq!(DjangoIterations::new(3_000_001), None);
/// assert_eq!(DjangoIterations::new(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DjangoIterations(NonZeroU32);

impl DjangoIterations {
    /// The most iterations a stored hash may ask for: three times as many as Django 5.2 makes.
    pub const MAX: u32 = 3_000_000;

    /// So many iterations; `None` for none, and for more than [`MAX`](Self::MAX).
    pub const fn new(iterations: u32) -> Option<Self> {
        match NonZeroU32::new(iterations) {
            Some(iterations) if iterations.get() <= Self::MAX => Some(Self(iterations)),
            _ => None,
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The least number that covers all passwords of these kinds; `None` when there is no hash of PBKDF2-SHA256
    /// among them that could match.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_django::DjangoIterations;
    /// use phone_auth_core::store::PasswordKind;
    ///
    /// let kind = |algorithm: &str, cost: &str| PasswordKind {
    ///     algorithm: algorithm.to_owned(),
    ///     cost: cost.to_owned(),
    ///     users: 1,
    /// };
    /// let kinds = [kind("pbkdf2_sha256", "870000"), kind("pbkdf2_sha256", "1000000")];
    /// assert_eq!(DjangoIterations::needed_for(&kinds), DjangoIterations::new(1_000_000));
    /// assert_eq!(DjangoIterations::needed_for(&[kind("argon2", "argon2id")]), None);
    /// ```
    pub fn needed_for(kinds: &[PasswordKind]) -> Option<Self> {
        let levelled = kinds
            .iter()
            .filter(|kind| kind.algorithm == "pbkdf2_sha256");
        levelled
            .filter_map(|kind| kind.cost.parse().ok().and_then(Self::new))
            .max()
    }
}
