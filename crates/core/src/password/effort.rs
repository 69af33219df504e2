//! How much was done of the work that a clock could tell users apart by.

/// What a check of a password has cost so far, counted where it is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effort {
    /// Hashes of Argon2id with our costs.
    pub(super) hashes: u32,
    /// Work of [`LegacyHashes`](super::LegacyHashes), in the units that they count.
    pub(super) legacy: u64,
}
