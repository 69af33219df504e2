//! Hashes that Django stores and we no longer make: PBKDF2, scrypt, bcrypt and, if asked for, MD5.
//!
//! Each is made again from the password and compared as a whole text, so that one spelling matches and
//! no other. Costs are capped: a tampered row must not become a bomb. Nothing here writes to a store.

mod bcrypt;
mod md5;
mod pbkdf2;
mod scrypt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use self::bcrypt::BcryptEncoding;
use self::md5::Md5Encoding;
use self::pbkdf2::Pbkdf2Encoding;
use self::scrypt::ScryptEncoding;
use super::effort::Effort;

pub(super) use self::pbkdf2::work_for_nobody;

/// The longest text that is looked at. Django's column has room for 128 characters.
const MAX_TEXT: usize = 512;

/// How a legacy hash was made.
#[derive(Clone)]
pub(super) enum LegacyEncoding {
    Pbkdf2(Pbkdf2Encoding),
    Scrypt(ScryptEncoding),
    Bcrypt(BcryptEncoding),
    Md5(Md5Encoding),
}

impl LegacyEncoding {
    /// Reads what Django wrote; `None` for anything else, and for what asks for more work than a
    /// stored hash may.
    pub(super) fn parse(text: &str, with_md5: bool) -> Option<Self> {
        if text.len() > MAX_TEXT {
            return None;
        }
        let (algorithm, rest) = text.split_once('$')?;
        match algorithm {
            "pbkdf2_sha256" | "pbkdf2_sha1" => {
                Pbkdf2Encoding::parse(algorithm, rest).map(Self::Pbkdf2)
            }
            "scrypt" => ScryptEncoding::parse(rest).map(Self::Scrypt),
            "bcrypt_sha256" | "bcrypt" => BcryptEncoding::parse(algorithm, rest).map(Self::Bcrypt),
            "md5" if with_md5 => Md5Encoding::parse(rest).map(Self::Md5),
            _ => None,
        }
    }

    /// Whether this password gives this text, found out in a time that does not depend on where they
    /// differ. What it costs is counted as far as it is of a kind that can be made up for.
    pub(super) fn is_of(&self, password: &str, text: &str, effort: &mut Effort) -> bool {
        self.encode(password, effort)
            .is_some_and(|made| made.as_bytes().ct_eq(text.as_bytes()).into())
    }

    /// Makes the text that Django would store for a password, with the same salt and costs.
    fn encode(&self, password: &str, effort: &mut Effort) -> Option<Zeroizing<String>> {
        match self {
            Self::Pbkdf2(encoding) => Some(encoding.encode(password, effort)),
            Self::Scrypt(encoding) => encoding.encode(password),
            Self::Bcrypt(encoding) => encoding.encode(password),
            Self::Md5(encoding) => Some(encoding.encode(password)),
        }
    }
}

/// A salt of Django's: any text but none, without the separator.
fn salt(text: &str) -> Option<String> {
    (!text.is_empty() && !text.contains('$')).then(|| text.to_owned())
}

/// A number in canonical decimals: Python reads others, but the re-encoded text would differ.
fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bombs_and_nonsense_are_refused() {
        for text in [
            "",
            "!",
            "pbkdf2_sha256",
            "pbkdf2_sha256$",
            "pbkdf2_sha256$1000$salt",
            "pbkdf2_sha256$1000$$aGFzaA==",
            "pbkdf2_sha256$0$salt$aGFzaA==",
            "pbkdf2_sha256$01000$salt$aGFzaA==",
            "pbkdf2_sha256$+1000$salt$aGFzaA==",
            "pbkdf2_sha256$1_000$salt$aGFzaA==",
            "pbkdf2_sha256$-1$salt$aGFzaA==",
            "pbkdf2_sha256$3000001$salt$aGFzaA==",
            "pbkdf2_sha1$3000001$salt$aGFzaA==",
            "pbkdf2_sha256$99999999999999999999$salt$aGFzaA==",
            "pbkdf2_sha512$1000$salt$aGFzaA==",
            "scrypt$16384$salt$8$5",
            "scrypt$16385$salt$8$5$aGFzaA==",
            "scrypt$1$salt$8$5$aGFzaA==",
            "scrypt$0$salt$8$5$aGFzaA==",
            "scrypt$16384$salt$0$5$aGFzaA==",
            "scrypt$16384$salt$8$0$aGFzaA==",
            "scrypt$262144$salt$8$1$aGFzaA==",
            "scrypt$131072$salt$8$3$aGFzaA==",
            "scrypt$2$salt$4294967295$1$aGFzaA==",
            "scrypt$2$salt$1$4294967295$aGFzaA==",
            "bcrypt$",
            "bcrypt$$2b$04$short",
            "bcrypt$2b$04$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
            "bcrypt$$2x$04$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
            "bcrypt$$2b$03$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
            "bcrypt$$2b$4$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
            "bcrypt$$2b$15$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
            "bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
            "bcrypt$$2b$04$abcdefghijklmnopqrstu\u{e9}o.7Y74aQl2AohZjPlJxT.1i/0bf1a5",
            "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99",
            "sha1$salt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8",
        ] {
            assert!(LegacyEncoding::parse(text, false).is_none(), "{text}");
        }
        let long = format!("pbkdf2_sha256$1$salt${}", "a".repeat(MAX_TEXT));
        assert!(LegacyEncoding::parse(&long, false).is_none());
    }

    #[test]
    fn md5_is_read_when_asked_for() {
        let text = "md5$salt$67a1e09bb1f83f5007dc119c14d663aa";
        let encoding = LegacyEncoding::parse(text, true);
        assert!(encoding.is_some_and(|encoding| encoding.is_of(
            "password",
            text,
            &mut Effort::default()
        )));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(
            text in "(pbkdf2_sha256|pbkdf2_sha1|scrypt|bcrypt|bcrypt_sha256|md5)\\$\\PC{0,70}",
        ) {
            let _ = LegacyEncoding::parse(&text, true);
        }
    }
}
