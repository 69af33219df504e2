//! The names that someone types who signs up by a code.

/// The names that someone has typed who signs up, kept beside the challenge of the code that they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct TypedNames {
    /// The given name, possibly empty.
    pub first_name: String,
    /// The family name, possibly empty.
    pub last_name: String,
}
