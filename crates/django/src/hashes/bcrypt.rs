//! Django's text forms of a bcrypt hash: `bcrypt_sha256$$2b$12$salthash` and `bcrypt$$2b$12$salthash`.
//!
//! bcrypt looks at no more than 72 bytes. The first form hashes the password before, so that all of
//! it counts; the second cuts it, as the library under Django did before its version 5.

use base64ct::{Base64Bcrypt, Encoding};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The most bytes of a password that count.
const MAX_PASSWORD: usize = 72;
/// The characters of a salt; those of the hash follow.
const SALT_CHARS: usize = 22;
/// The bytes of a hash that are written: bcrypt drops the last of 24.
const OUTPUT: usize = 23;
/// The least cost that bcrypt knows.
const MIN_COST: u32 = 4;
/// The most a stored hash may ask for: four times the work of Django's default, 12.
const MAX_COST: u32 = 14;

/// How a hash was made.
#[derive(Clone)]
pub(crate) struct BcryptEncoding {
    /// Whether the password is hashed first.
    digested: bool,
    /// `2a`, `2b` or `2y`: the same for passwords of at most 72 bytes.
    version: String,
    cost: u32,
    salt: [u8; 16],
}

impl BcryptEncoding {
    /// Reads what follows the name of the algorithm.
    pub(super) fn parse(algorithm: &str, rest: &str) -> Option<Self> {
        let digested = match algorithm {
            "bcrypt_sha256" => true,
            "bcrypt" => false,
            _ => return None,
        };
        let mut parts = rest.strip_prefix('$')?.splitn(3, '$');
        let version = parts.next()?;
        let written_cost = parts.next()?;
        let cost: u32 = written_cost.parse().ok()?;
        let (written_salt, _hash) = parts.next()?.split_at_checked(SALT_CHARS)?;
        let mut salt = [0; 16];
        Base64Bcrypt::decode(written_salt, &mut salt).ok()?;
        let known = matches!(version, "2a" | "2b" | "2y")
            && (MIN_COST..=MAX_COST).contains(&cost)
            && format!("{cost:02}") == written_cost;
        known.then(|| Self {
            digested,
            version: version.to_owned(),
            cost,
            salt,
        })
    }

    /// The text for a password; `None` for one that has none, being cut short by a zero byte.
    pub(super) fn encode(&self, password: &str) -> Option<Zeroizing<String>> {
        let mut key = Zeroizing::new(Vec::with_capacity(MAX_PASSWORD));
        if self.digested {
            let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(password)));
            key.extend(base16(digest.as_slice()).bytes());
        } else {
            key.extend(password.bytes().take(MAX_PASSWORD));
        }
        // What bcrypt reads is repeated with its zero byte, so `a` and `a\0a` are one key to it.
        let is_cut = key.contains(&0);
        if key.len() < MAX_PASSWORD {
            key.push(0);
        }
        let output = Zeroizing::new(bcrypt::bcrypt(self.cost, self.salt, &key));
        let name = if self.digested {
            "bcrypt_sha256"
        } else {
            "bcrypt"
        };
        let text = Zeroizing::new(format!(
            "{name}$${}${:02}${}{}",
            self.version,
            self.cost,
            Base64Bcrypt::encode_string(&self.salt),
            Base64Bcrypt::encode_string(output.get(..OUTPUT)?),
        ));
        (!is_cut).then_some(text)
    }
}

/// Lower-case hexadecimal.
fn base16(bytes: &[u8]) -> Zeroizing<String> {
    use std::fmt::Write as _;

    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn encoding(version: &str) -> BcryptEncoding {
        BcryptEncoding {
            digested: false,
            version: version.to_owned(),
            cost: 4,
            salt: [7; 16],
        }
    }

    #[test]
    fn versions_differ_in_name_only() {
        let made = encoding("2b").encode("correct horse").unwrap();
        for version in ["2a", "2y"] {
            let other = encoding(version).encode("correct horse").unwrap();
            assert_eq!(other.replace(version, "2b"), *made);
        }
    }

    #[test]
    fn zero_bytes_have_no_hash() {
        assert!(encoding("2b").encode("a\0a").is_none());
        let mut digested = encoding("2b");
        digested.digested = true;
        let made = digested.encode("a\0a").unwrap();
        assert_ne!(made, digested.encode("a").unwrap());
    }
}
