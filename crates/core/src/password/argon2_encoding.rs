//! Django's text form of an Argon2 hash: `argon2$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
//!
//! Salt and hash are base64 in the standard alphabet (`+` and `/` occur) without padding.

use ::argon2::{Algorithm, Params, Version};
use base64ct::{Base64Unpadded, Encoding};
use zeroize::Zeroizing;

/// The memory of a hash of ours, in KiB: 19 MiB (OWASP Password Storage cheat sheet).
pub(super) const OUR_MEMORY: u32 = 19 * 1024;
/// The passes of a hash of ours.
pub(super) const OUR_PASSES: u32 = 2;
/// The lanes of a hash of ours.
pub(super) const OUR_LANES: u32 = 1;
/// The bytes of a salt of ours. Django replaces hashes whose salt is shorter than 22.
pub(super) const OUR_SALT: usize = 24;
/// The bytes of a hash of ours.
pub(super) const OUR_OUTPUT: usize = 32;

/// The most memory a stored hash may ask for, in KiB. Django's default is 100 MiB.
const MAX_MEMORY: u32 = 128 * 1024;
/// The most passes a stored hash may ask for.
const MAX_PASSES: u32 = 10;
/// The most lanes a stored hash may ask for.
const MAX_LANES: u32 = 16;
/// The longest salt and output, in bytes.
const MAX_BYTES: usize = 64;

/// A hash with all that is needed to make it again.
#[derive(Clone)]
pub(super) struct Argon2Encoding {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) memory: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
    pub(super) salt: Vec<u8>,
    pub(super) output: Zeroizing<Vec<u8>>,
}

impl Argon2Encoding {
    /// A hash of ours.
    pub(super) fn ours(salt: [u8; OUR_SALT], output: [u8; OUR_OUTPUT]) -> Self {
        Self {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            memory: OUR_MEMORY,
            passes: OUR_PASSES,
            lanes: OUR_LANES,
            salt: salt.to_vec(),
            output: Zeroizing::new(output.to_vec()),
        }
    }

    /// Reads what Django wrote; `None` for anything else, and for what asks for more work than a
    /// stored hash may (a tampered row must not become a bomb).
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        if parts.next()? != "argon2" {
            return None;
        }
        let algorithm = match parts.next()? {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return None,
        };
        // Argon2 1.0 wrote no version.
        let (version, costs) = match parts.next()? {
            "v=19" => (Version::V0x13, parts.next()?),
            "v=16" => (Version::V0x10, parts.next()?),
            costs => (Version::V0x10, costs),
        };
        let (memory, passes, lanes) = costs_of(costs)?;
        let salt = Base64Unpadded::decode_vec(parts.next()?).ok()?;
        let output = Zeroizing::new(Base64Unpadded::decode_vec(parts.next()?).ok()?);
        let bounded = memory <= MAX_MEMORY
            && passes <= MAX_PASSES
            && lanes <= MAX_LANES
            && (8..=MAX_BYTES).contains(&salt.len())
            && (12..=MAX_BYTES).contains(&output.len());
        if parts.next().is_some() || !bounded {
            return None;
        }
        let encoding = Self {
            algorithm,
            version,
            memory,
            passes,
            lanes,
            salt,
            output,
        };
        encoding.params().is_some().then_some(encoding)
    }

    /// The text for the store.
    pub(super) fn write(&self) -> String {
        format!(
            "argon2${}$v={}$m={},t={},p={}${}${}",
            self.algorithm.as_str(),
            u32::from(self.version),
            self.memory,
            self.passes,
            self.lanes,
            Base64Unpadded::encode_string(&self.salt),
            Base64Unpadded::encode_string(&self.output),
        )
    }

    /// Whether it was made here, as hashes are made today. Django may have the same costs, but its salts
    /// are letters and digits; one of 24 random bytes is that less than once in 10¹⁴ times, and then only hashed
    /// again at the next log-in.
    pub(super) fn is_ours(&self) -> bool {
        self.costs_as_ours()
            && self.version == Version::V0x13
            && self.salt.len() == OUR_SALT
            && !self.salt.iter().all(u8::is_ascii_alphanumeric)
            && self.output.len() == OUR_OUTPUT
    }

    /// Whether making it takes as long as making one of ours.
    pub(super) fn costs_as_ours(&self) -> bool {
        self.algorithm == Algorithm::Argon2id
            && (self.memory, self.passes, self.lanes) == (OUR_MEMORY, OUR_PASSES, OUR_LANES)
    }

    /// The costs as the library takes them; `None` when it refuses them.
    pub(super) fn params(&self) -> Option<Params> {
        Params::new(
            self.memory,
            self.passes,
            self.lanes,
            Some(self.output.len()),
        )
        .ok()
    }
}

/// Reads `m=19456,t=2,p=1`, in this order and in canonical decimals, as the reference implementation
/// writes it.
fn costs_of(text: &str) -> Option<(u32, u32, u32)> {
    let mut costs = text.split(',');
    let memory = number(costs.next()?.strip_prefix("m=")?)?;
    let passes = number(costs.next()?.strip_prefix("t=")?)?;
    let lanes = number(costs.next()?.strip_prefix("p=")?)?;
    costs.next().is_none().then_some((memory, passes, lanes))
}

fn number(text: &str) -> Option<u32> {
    let number: u32 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    const SALT: &str = "c29tZXNhbHQ";
    const HASH: &str = "9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";

    #[test]
    fn every_argon2_is_read() {
        for head in [
            "argon2id$v=19$m=102400,t=2,p=8",
            "argon2id$v=19$m=19456,t=2,p=1",
            "argon2i$v=19$m=512,t=2,p=2",
            "argon2i$m=512,t=2,p=2",
            "argon2d$v=16$m=131072,t=10,p=16",
        ] {
            let text = format!("argon2${head}${SALT}${HASH}");
            let encoding = Argon2Encoding::parse(&text).unwrap();
            assert_eq!(encoding.salt, b"somesalt");
            assert_eq!(encoding.output.len(), 32);
        }
    }

    #[test]
    fn bombs_and_nonsense_are_refused() {
        for text in [
            "",
            "!",
            "argon2",
            "argon2$",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2x$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=18$m=19456,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=131073,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=99999999999,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=19456,t=11,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=19456,t=2,p=17$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=0,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=019456,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$t=2,m=19456,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=19456,t=2,p=1,x=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$",
            "argon2$argon2id$v=19$m=19456,t=2,p=1$$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$9sTb_lTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
            "argon2$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ$",
        ] {
            assert!(Argon2Encoding::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_ours_is_ours() {
        assert!(Argon2Encoding::ours([7; OUR_SALT], [9; OUR_OUTPUT]).is_ours());
        for change in [
            |encoding: &mut Argon2Encoding| encoding.memory += 1,
            |encoding: &mut Argon2Encoding| encoding.passes += 1,
            |encoding: &mut Argon2Encoding| encoding.lanes += 1,
            |encoding: &mut Argon2Encoding| encoding.algorithm = Algorithm::Argon2i,
            |encoding: &mut Argon2Encoding| encoding.version = Version::V0x10,
            |encoding: &mut Argon2Encoding| encoding.salt.truncate(16),
            |encoding: &mut Argon2Encoding| encoding.salt.fill(b'a'),
            |encoding: &mut Argon2Encoding| encoding.output.truncate(16),
        ] {
            let mut encoding = Argon2Encoding::ours([7; OUR_SALT], [9; OUR_OUTPUT]);
            change(&mut encoding);
            assert!(!encoding.is_ours());
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(argon2\\$)?(argon2id\\$)?(v=19\\$)?(m=[0-9]{1,12},t=[0-9]{1,4},p=[0-9]{1,4}\\$)?\\PC{0,60}") {
            let _ = Argon2Encoding::parse(&text);
        }

        #[test]
        fn writing_is_read_back(salt: [u8; OUR_SALT], output: [u8; OUR_OUTPUT]) {
            let text = Argon2Encoding::ours(salt, output).write();
            // The column of django-phone-auth has room for 128 characters.
            prop_assert!(text.len() <= 128);
            let read = Argon2Encoding::parse(&text);
            prop_assert_eq!(read.map(|read| read.write()), Some(text));
        }
    }
}
