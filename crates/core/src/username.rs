//! Usernames.

use std::fmt;

use crate::randomness::{Randomness, RandomnessError};

/// A username that a user may choose: 1 to 150 of `a`–`z`, `A`–`Z`, `0`–`9`, `_`, `.` and `-`, not
/// dots alone.
///
/// Users whom another program has stored may have usernames of other forms; they log in by them all
/// the same. This type is for names that are to be stored.
///
/// # Examples
/// ```
/// use phone_auth_core::username::Username;
///
/// assert_eq!(Username::parse("Ann.Smith-7")?.as_str(), "Ann.Smith-7");
/// assert!(Username::parse("..").is_err());
/// assert!(Username::parse("ann smith").is_err());
/// # Ok::<(), phone_auth_core::username::UsernameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(String);

impl Username {
    /// The most characters of a username.
    pub const MAX_CHARS: usize = 150;

    /// Reads a username, exactly as it is to be stored.
    ///
    /// # Errors
    /// [`UsernameError`] when it is empty, too long, has another character, or is dots alone (which
    /// a path of a URL would take for a folder).
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if text.is_empty()
            || text.len() > Self::MAX_CHARS
            || !text.chars().all(allowed)
            || text.chars().all(|c| c == '.')
        {
            return Err(UsernameError);
        }
        Ok(Self(text.to_owned()))
    }

    /// Makes up a username: a random UUID in 32 hexadecimal digits.
    ///
    /// # Errors
    /// [`RandomnessError`] when the source has failed.
    pub fn made_up(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut bytes = [0; 16];
        randomness.fill(&mut bytes)?;
        Ok(Self::made_of(bytes))
    }

    /// A username of the same form, of bytes that are as good as random.
    pub(crate) fn made_of(bytes: [u8; 16]) -> Self {
        let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
        Self(uuid.simple().to_string())
    }

    /// Whether this is a name as [`made_up`](Self::made_up) makes them, which tells its user nothing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::username::Username;
    ///
    /// assert!(Username::is_made_up("0f8fad5bd9cb469fa16570867728950e"));
    /// assert!(!Username::is_made_up("ann"));
    /// ```
    pub fn is_made_up(name: &str) -> bool {
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        name.len() == 32 && name.bytes().all(is_hex)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a username that a user may choose.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a username")]
#[non_exhaustive]
pub struct UsernameError;

impl fmt::Debug for UsernameError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::string_slice,
        clippy::unwrap_used,
        reason = "what is not as it should be is a failed test"
    )]

    use proptest::prelude::*;

    use super::*;
    use crate::randomness::RepeatableRandomness;

    #[test]
    fn plain_names_are_taken() {
        let longest = "a".repeat(150);
        for name in ["a", "Ann", "ann.smith", "-", "_", ".a", "ann-7", &longest] {
            assert_eq!(Username::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn odd_names_are_refused() {
        let too_long = "a".repeat(151);
        for name in [
            "",
            ".",
            "..",
            "...",
            " ann",
            "ann smith",
            "ann@example.org",
            "+919876543210",
            "\u{212a}ate",
            "m\u{131}ke",
            "an\0n",
            "ann\r\n",
            "a/b",
            "an\u{202e}n",
            &too_long,
        ] {
            assert!(Username::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn made_up_names_parse() {
        let randomness = RepeatableRandomness::danger_from_seed(1);
        let one = Username::made_up(&randomness).unwrap();
        let other = Username::made_up(&randomness).unwrap();
        assert_eq!(one.as_str().len(), 32);
        assert_ne!(one, other);
        assert_eq!(Username::parse(one.as_str()), Ok(one));
    }

    #[test]
    fn names_of_users_are_not_made_up() {
        let made_up = "0123456789abcdef0123456789abcdef";
        for (name, is) in [
            (made_up, true),
            (&made_up[1..], false),
            (&format!("{made_up}0"), false),
            (&made_up.replace('f', "g"), false),
            (&made_up.to_uppercase(), false),
            ("", false),
        ] {
            assert_eq!(Username::is_made_up(name), is, "{name}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,200}") {
            if let Ok(name) = Username::parse(&text) {
                prop_assert_eq!(name.as_str(), text);
            }
        }
    }
}
