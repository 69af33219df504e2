//! Hashes that Django stores and we no longer make: PBKDF2, scrypt, bcrypt and, if asked for, MD5.
//!
//! Each is made again from the password and compared as a whole text, so that one spelling matches and
//! no other. Costs are capped: a tampered row must not become a bomb. Nothing here writes to a store.

mod bcrypt;
mod md5;
mod pbkdf2;
mod scrypt;

use phone_auth_core::password::{EncodedPassword, LegacyHash, LegacyHashes};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use self::bcrypt::BcryptEncoding;
use self::md5::Md5Encoding;
use self::pbkdf2::{Pbkdf2Encoding, work_for_nobody};
use self::scrypt::ScryptEncoding;
use crate::DjangoIterations;

/// The longest text that is looked at. Django's column has room for 128 characters.
const MAX_TEXT: usize = 512;

/// The hashes that Django stores, for
/// [`Argon2Hasher::with_legacy_hashes`](phone_auth_core::password::Argon2Hasher::with_legacy_hashes).
///
/// # Security
/// - `pbkdf2_sha256` and `pbkdf2_sha1` are checked up to 3,000,000 iterations, `scrypt` up to 128 MiB and about three
///   times the work of Django's default, `bcrypt_sha256` and `bcrypt` up to cost 14. `md5` matches nothing unless
///   [asked for](Self::danger_accept_md5).
/// - A hash takes the time of its own costs, PBKDF2 about ten times that of ours, and a failed check of it one hash of
///   ours besides. So it is never quicker than an unknown name, but is slower: anyone who measures can learn that an
///   account exists which has not logged in since the change-over. [`with_iterations`](Self::with_iterations) ends that
///   for PBKDF2-SHA256, which is what Django makes by default.
///
/// # Examples
/// ```
/// use phone_auth_core::password::{Argon2Hasher, EncodedPassword};
/// use phone_auth_django::DjangoHashes;
///
/// let hasher = Argon2Hasher::new().with_legacy_hashes(DjangoHashes::new());
/// let stored = EncodedPassword::new("pbkdf2_sha256$1000000$salt$aGFzaA==");
/// assert!(hasher.can_match(&stored));
/// // Weak, so it has to be asked for.
/// let stored = EncodedPassword::new("md5$salt$67a1e09bb1f83f5007dc119c14d663aa");
/// assert!(!hasher.can_match(&stored));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DjangoHashes {
    accepts_md5: bool,
    /// The iterations of PBKDF2 that a failed check comes to.
    iterations: Option<DjangoIterations>,
}

impl DjangoHashes {
    /// Those that are not known to be weak, without levelling.
    pub const fn new() -> Self {
        Self {
            accepts_md5: false,
            iterations: None,
        }
    }

    /// The same, where every failed check comes to so many iterations of PBKDF2-SHA256 besides the hash of ours: of an
    /// unknown name, of a hash of any kind, of none. For as long as hashes of Django's are left;
    /// [`DjangoIterations::needed_for`] finds the number.
    ///
    /// # Security
    /// - The iterations of a `pbkdf2_sha256` hash count, so one with as many or fewer is told by no clock from an
    ///   unknown name. One with more still takes longer.
    /// - `pbkdf2_sha1`, `scrypt`, `bcrypt` and Argon2 of other costs than ours spend time of another kind, which no
    ///   number of iterations equals on every machine. They take their own time besides, so are never quicker than an
    ///   unknown name, but are slower.
    /// - Each refusal, of a made-up name too, then takes a core for the time of a log-in at Django, about ten
    ///   times that of ours. The limits of the hasher hold as before, so fewer are answered in a second.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::password::{Argon2Hasher, Password, PasswordHasher, Requester};
    /// use phone_auth_django::{DjangoHashes, DjangoIterations};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let greatest = DjangoIterations::new(1_000_000).expect("it is in bounds");
    /// let hashes = DjangoHashes::new().with_iterations(greatest);
    /// let hasher = Argon2Hasher::new().with_legacy_hashes(hashes);
    /// // As long as a wrong password of someone with such a hash takes.
    /// hasher.verify_nothing(&Password::new("correct horse"), &Requester::operator()).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn with_iterations(mut self, iterations: DjangoIterations) -> Self {
        self.iterations = Some(iterations);
        self
    }

    /// The same, with hashes of the form `md5$salt$hash`.
    ///
    /// # Security
    /// Anyone who has a copy of the database finds most passwords behind such hashes within hours. Log-in
    /// replaces them one by one; better is to have everybody who still has one choose a new
    /// password.
    #[must_use]
    pub const fn danger_accept_md5(mut self) -> Self {
        self.accepts_md5 = true;
        self
    }
}

impl LegacyHashes for DjangoHashes {
    fn read(&self, stored: &EncodedPassword) -> Option<Box<dyn LegacyHash>> {
        let encoding = LegacyEncoding::parse(stored.reveal(), self.accepts_md5)?;
        let stored = stored.clone();
        Some(Box::new(DjangoHash { encoding, stored }))
    }

    fn due(&self) -> u64 {
        self.iterations
            .map_or(0, |iterations| u64::from(iterations.get()))
    }

    fn work_for_nobody(&self, password: &str, work: u64, spent: &mut u64) {
        // Two texts at most are tried, of three million iterations each.
        work_for_nobody(password, u32::try_from(work).unwrap_or(u32::MAX), spent);
    }
}

/// A hash that Django made, with what is needed to make it again.
struct DjangoHash {
    encoding: LegacyEncoding,
    stored: EncodedPassword,
}

impl LegacyHash for DjangoHash {
    fn is_of(&self, password: &str, spent: &mut u64) -> bool {
        self.encoding.is_of(password, self.stored.reveal(), spent)
    }
}

/// How a legacy hash was made.
#[derive(Clone)]
enum LegacyEncoding {
    Pbkdf2(Pbkdf2Encoding),
    Scrypt(ScryptEncoding),
    Bcrypt(BcryptEncoding),
    Md5(Md5Encoding),
}

impl LegacyEncoding {
    /// Reads what Django wrote; `None` for anything else, and for what asks for more work than a
    /// stored hash may.
    fn parse(text: &str, with_md5: bool) -> Option<Self> {
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
    fn is_of(&self, password: &str, text: &str, spent: &mut u64) -> bool {
        self.encode(password, spent)
            .is_some_and(|made| made.as_bytes().ct_eq(text.as_bytes()).into())
    }

    /// Makes the text that Django would store for a password, with the same salt and costs.
    fn encode(&self, password: &str, spent: &mut u64) -> Option<Zeroizing<String>> {
        match self {
            Self::Pbkdf2(encoding) => Some(encoding.encode(password, spent)),
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
        assert!(encoding.is_some_and(|encoding| encoding.is_of("password", text, &mut 0)));
    }

    #[test]
    fn only_pbkdf2_with_sha256_counts() {
        for (text, work) in [
            ("pbkdf2_sha256$1000$salt$aGFzaA==", 1000),
            ("pbkdf2_sha256$7$salt$aGFzaA==", 7),
            ("pbkdf2_sha1$1000$salt$aGFzaA==", 0),
            ("scrypt$16$salt$8$1$aGFzaA==", 0),
            (
                "bcrypt$$2b$04$abcdefghijklmnopqrstuuo.7Y74aQl2AohZjPlJxT.1i/0bf1a52",
                0,
            ),
            ("md5$salt$67a1e09bb1f83f5007dc119c14d663aa", 0),
        ] {
            let hashes = DjangoHashes::new().danger_accept_md5();
            let hash = hashes.read(&EncodedPassword::new(text));
            let mut spent = 3;
            assert!(hash.is_some_and(|hash| !hash.is_of("wrong", &mut spent)));
            assert_eq!(spent, 3 + work, "{text}");
        }
    }

    #[test]
    fn work_that_is_lacking_is_done() {
        let mut spent = 3;
        DjangoHashes::new().work_for_nobody("wrong", 1500, &mut spent);
        assert_eq!(spent, 1503);
        for iterations in [0, 1, DjangoIterations::MAX] {
            let hashes = DjangoIterations::new(iterations).map_or(DjangoHashes::new(), |it| {
                DjangoHashes::new().with_iterations(it)
            });
            assert_eq!(hashes.due(), u64::from(iterations));
        }
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
