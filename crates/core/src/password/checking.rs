//! Checking a password against a stored hash, with the same work for all whom it does not match.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::argon2_encoding::{Argon2Encoding, OUR_OUTPUT, OUR_SALT};
use super::effort::Effort;
use super::hash_pool::HashMemory;
use super::legacy::{LegacyHash, LegacyHashes};
use super::{EncodedPassword, Password, Verdict};

/// A stored hash that can be checked against.
pub(super) enum Stored {
    Argon2(Argon2Encoding),
    Legacy(Box<dyn LegacyHash>),
}

impl Stored {
    /// Reads a hash; `None` when no password can match it.
    pub(super) fn parse(encoded: &EncodedPassword, legacy: &dyn LegacyHashes) -> Option<Self> {
        let argon2 = Argon2Encoding::parse(encoded.reveal()).map(Self::Argon2);
        argon2.or_else(|| legacy.read(encoded).map(Self::Legacy))
    }

    /// A hash of ours that no password has: no one has an output of zeros.
    pub(super) fn nobody() -> Self {
        Self::Argon2(Argon2Encoding::ours([0; OUR_SALT], [0; OUR_OUTPUT]))
    }

    fn is_ours(&self) -> bool {
        matches!(self, Self::Argon2(encoding) if encoding.is_ours())
    }
}

/// One check: where it works, and what it has cost.
pub(super) struct Check<'a> {
    bench: &'a mut HashMemory,
    legacy: &'a dyn LegacyHashes,
    effort: Effort,
}

impl<'a> Check<'a> {
    /// One that refuses nobody before the work that is [due](LegacyHashes::due) for each text that was tried, besides
    /// a hash of ours.
    pub(super) fn new(bench: &'a mut HashMemory, legacy: &'a dyn LegacyHashes) -> Self {
        Self {
            bench,
            legacy,
            effort: Effort::default(),
        }
    }

    /// Hashes what was typed, composed and if need be as it stands, then without the white space around it, and
    /// compares. A password that is too long is no match, after the same work on what may be looked at of it.
    pub(super) fn run(&mut self, stored: &Stored, password: &Password) -> Verdict {
        let is_bounded = password.is_bounded();
        let normalised = password.normalised();
        let typed = normalised.as_str();
        // Hashes of before passwords were normalised, and of programs that do not normalise, are of what was typed.
        let verbatim = Some(password.reveal()).filter(|text| is_bounded && *text != typed);
        let whole = [Some(typed), verbatim];
        // Too long is no text at all once it is normalised, so nothing is stripped of it.
        let stripped = whole.map(|text| text.and_then(Password::stripped));
        let texts = || whole.into_iter().chain(stripped).flatten();
        // Every text counts for everybody, also those that are tried against the hashes of others only.
        let tried = u32::try_from(texts().count()).unwrap_or(u32::MAX);
        if self.legacy.due() > 0 && matches!(stored, Stored::Legacy(..)) {
            // First, as for everybody else: the same work in another order differs by a hundredth or two.
            self.hash_for_nobody(typed, tried);
        }
        let is_ours = stored.is_ours();
        if self.is_of(stored, typed) && is_bounded {
            return if is_ours {
                Verdict::Match
            } else {
                Verdict::MatchOutdated
            };
        }
        if verbatim.is_some_and(|text| self.is_of(stored, text)) {
            return Verdict::MatchOutdated;
        }
        let mut stripped = stripped.into_iter().flatten().filter(|_| !is_ours);
        if stripped.any(|text| self.is_of(stored, text)) {
            // Whether the white space belongs to the password cannot be told, so the hash stays: a new one
            // would lock out anyone who types it the other way next time.
            return Verdict::Match;
        }
        self.level(typed, tried);
        Verdict::NoMatch
    }

    /// Does what is still lacking, so that no refusal comes sooner than another.
    fn level(&mut self, typed: &str, tried: u32) {
        self.hash_for_nobody(typed, tried);
        let due = self.legacy.due().saturating_mul(u64::from(tried));
        let lacking = due.saturating_sub(self.effort.legacy);
        if lacking > 0 {
            let spent = &mut self.effort.legacy;
            self.legacy.work_for_nobody(typed, lacking, spent);
        }
    }

    /// Makes hashes as ours are, up to so many in all.
    fn hash_for_nobody(&mut self, typed: &str, tried: u32) {
        for _ in self.effort.hashes..tried {
            let _ = self.is_of(&Stored::nobody(), typed);
        }
    }

    fn is_of(&mut self, stored: &Stored, text: &str) -> bool {
        match stored {
            Stored::Argon2(encoding) => {
                let made = make(self.bench, encoding, text);
                if encoding.costs_as_ours() {
                    self.effort.hashes += 1;
                }
                made.is_some_and(|output| output.as_slice().ct_eq(&encoding.output).into())
            }
            Stored::Legacy(hash) => hash.is_of(text, &mut self.effort.legacy),
        }
    }
}

/// Makes the hash of a text with the salt and the costs of an encoding; `None` when Argon2 refuses.
pub(super) fn make(
    bench: &mut HashMemory,
    encoding: &Argon2Encoding,
    text: &str,
) -> Option<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(vec![0; encoding.output.len()]);
    bench
        .fill(encoding, encoding.params()?, text.as_bytes(), &mut output)
        .ok()?;
    Some(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "S3cret-pass!9";
    /// A thousand pieces of work that counts.
    const COUNTED: &str = "counted$1000$S3cret-pass!9";
    /// Work that does not.
    const UNCOUNTED: &str = "uncounted$S3cret-pass!9";
    const SAME_ARGON2: &str = "argon2$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$X8Bt7kothtMC1iGQcJE830rekyLLva2apkp2adF+MMI";
    const OTHER_ARGON2: &str = "argon2$argon2i$v=19$m=512,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$WQisPTmd9Wk/naxWEMPUY172lvTVsxXBY1D9RGEQyc4";

    /// Hashes of two kinds, which are the passwords themselves.
    struct Legacy {
        due: u64,
    }

    struct Hash {
        password: String,
        work: u64,
    }

    impl LegacyHashes for Legacy {
        fn read(&self, stored: &EncodedPassword) -> Option<Box<dyn LegacyHash>> {
            let (work, password) = match stored.reveal().split_once('$')? {
                ("counted", rest) => {
                    let (work, password) = rest.split_once('$')?;
                    (work.parse().ok()?, password)
                }
                ("uncounted", password) => (0, password),
                _ => return None,
            };
            let password = password.to_owned();
            Some(Box::new(Hash { password, work }))
        }

        fn due(&self) -> u64 {
            self.due
        }

        fn work_for_nobody(&self, _password: &str, work: u64, spent: &mut u64) {
            *spent += work;
        }
    }

    impl LegacyHash for Hash {
        fn is_of(&self, password: &str, spent: &mut u64) -> bool {
            *spent += self.work;
            self.password == password
        }
    }

    /// The hash of the password as we make it.
    fn ours() -> String {
        let mut encoding = Argon2Encoding::ours([7; OUR_SALT], [0; OUR_OUTPUT]);
        if let Some(output) = make(&mut HashMemory::default(), &encoding, SECRET) {
            encoding.output = output;
        }
        encoding.write()
    }

    /// What becomes of a password, and what that costs.
    fn check(due: u64, encoded: &str, password: &str) -> (Verdict, Effort) {
        let legacy = Legacy { due };
        let stored = Stored::parse(&EncodedPassword::new(encoded), &legacy);
        let stored = stored.unwrap_or_else(Stored::nobody);
        let mut bench = HashMemory::default();
        let mut check = Check::new(&mut bench, &legacy);
        let verdict = check.run(&stored, &Password::new(password));
        (verdict, check.effort)
    }

    fn effort(hashes: u32, legacy: u64) -> Effort {
        Effort { hashes, legacy }
    }

    #[test]
    fn every_refusal_costs_the_same() {
        let ours = ours();
        let too_long = "a".repeat(Password::MAX_BYTES + 1);
        for each in [0, 1000, 5000] {
            for (password, tried) in [
                ("wrong", 1_u32),
                (" ", 1),
                ("wrong\n", 2),
                ("cafe\u{301}", 2),
                ("cafe\u{301}\n", 4),
                (too_long.as_str(), 1),
            ] {
                let due = effort(tried, each * u64::from(tried));
                for encoded in [
                    &ours,
                    "!",
                    "",
                    "unknown$hash",
                    UNCOUNTED,
                    SAME_ARGON2,
                    OTHER_ARGON2,
                ] {
                    let (verdict, effort) = check(each, encoded, password);
                    assert_eq!(verdict, Verdict::NoMatch);
                    assert_eq!(effort, due, "{each} {encoded} {password:.10?}");
                }
                // A thousand of its own, which count.
                let (verdict, effort) = check(each, COUNTED, password);
                assert_eq!(verdict, Verdict::NoMatch);
                let most = due.legacy.max(1000 * u64::from(tried));
                assert_eq!((effort.hashes, effort.legacy), (due.hashes, most));
            }
        }
    }

    /// A keyboard that composes and one that does not, against hashes that were made of either, ours and others'.
    #[test]
    fn either_spelling_matches_a_hash_of_either() {
        let (composed, decomposed) = ("caf\u{e9} au lait", "cafe\u{301} au lait");
        for (hashed, typed, is) in [
            (composed, composed, Verdict::MatchOutdated),
            (composed, decomposed, Verdict::MatchOutdated),
            (decomposed, decomposed, Verdict::MatchOutdated),
            // How it would be decomposed cannot be known: compatibility, order of accents, part of the text.
            (decomposed, composed, Verdict::NoMatch),
            (composed, " cafe\u{301} au lait\n", Verdict::Match),
            (decomposed, " cafe\u{301} au lait\n", Verdict::Match),
            (composed, " caf\u{e9} au lait", Verdict::Match),
            (composed, "cafe au lait", Verdict::NoMatch),
        ] {
            for encoded in ["counted$1000$", "uncounted$"].map(|head| format!("{head}{hashed}")) {
                let (verdict, _) = check(5000, &encoded, typed);
                assert_eq!(verdict, is, "{encoded:?} {typed:?}");
            }
        }
    }

    #[test]
    fn a_match_costs_its_hash_and_no_padding() {
        let ours = ours();
        for (encoded, password, verdict, cost) in [
            (ours.as_str(), SECRET, Verdict::Match, effort(1, 0)),
            // Of those that others made, what a refusal begins with comes first.
            (COUNTED, SECRET, Verdict::MatchOutdated, effort(1, 1000)),
            (COUNTED, " S3cret-pass!9", Verdict::Match, effort(2, 2000)),
            (SAME_ARGON2, SECRET, Verdict::MatchOutdated, effort(1, 0)),
            (OTHER_ARGON2, SECRET, Verdict::MatchOutdated, effort(0, 0)),
        ] {
            assert_eq!(check(5000, encoded, password), (verdict, cost), "{encoded}");
        }
    }

    #[test]
    fn white_space_is_no_part_of_ours() {
        let (verdict, _) = check(0, &ours(), " S3cret-pass!9");
        assert_eq!(verdict, Verdict::NoMatch);
    }
}
