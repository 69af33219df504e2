//! The codes that a browser has asked for, as its cookies say.
//!
//! There is a cookie for each purpose, so that what was asked for in one tab is neither ended nor tried by what another tab is
//! about; and in it as many codes as tabs may wait for.

use base64ct::{Base64UrlUnpadded, Encoding};
use phone_auth_core::challenge::ChallengeKey;

/// A code that a browser has asked for, as its cookie says: one value, so that nothing of it is believed of another code.
#[derive(Clone)]
pub(crate) struct AskedCode {
    pub(crate) key: ChallengeKey,
    /// What was typed to ask for it, which asks for it again. Nothing believes it more than if it were typed once more.
    pub(crate) login: Option<String>,
    /// Whether its user asked to stay signed in by it.
    pub(crate) keeps_signed_in: bool,
    /// In which of the cookies of the name it stood; none where it has just been asked for.
    pub(crate) cookie: Option<usize>,
}

/// The last part of the value, of who asked to stay signed in.
const KEPT: &str = "kept";

/// What stands between the codes of one cookie.
const BETWEEN: char = '~';

/// The most bytes of a name that is kept: 254 characters of four bytes, as long as an address is.
const MOST_OF_NAME: usize = 254 * 4;

/// The most bytes of a cookie: browsers drop one of more than 4096 with its name and attributes (RFC 6265, section 6.1), and with it
/// the key of the code that was just asked for. And proxies take a line of all cookies that has 8 KiB, in which there are those of two
/// purposes, and others: so one that has room for the longest name.
const MOST_OF_COOKIE: usize = 2_000;

impl AskedCode {
    /// One of which nothing else is known.
    pub(crate) const fn new(key: ChallengeKey) -> Self {
        Self {
            key,
            login: None,
            keeps_signed_in: false,
            cookie: None,
        }
    }

    /// One that was asked for by this name, which is kept unless it is longer than any that an account has: then another code is
    /// asked for by typing it again.
    pub(crate) fn by(key: ChallengeKey, login: &str, keeps_signed_in: bool) -> Self {
        let login = login.trim();
        Self {
            login: (login.len() <= MOST_OF_NAME).then(|| login.to_owned()),
            keeps_signed_in,
            ..Self::new(key)
        }
    }

    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('.');
        let key = ChallengeKey::parse(parts.next()?)?;
        let login = parts.next().filter(|login| !login.is_empty());
        let login = login.and_then(|login| Base64UrlUnpadded::decode_vec(login).ok());
        let login = login.and_then(|login| String::from_utf8(login).ok());
        let keeps_signed_in = parts.next() == Some(KEPT);
        Some(Self {
            key,
            login,
            keeps_signed_in,
            cookie: None,
        })
    }

    fn value(&self) -> String {
        let mut value = self.key.reveal().to_owned();
        if self.login.is_some() || self.keeps_signed_in {
            value.push('.');
            let login = self.login.as_deref().unwrap_or_default();
            value.push_str(&Base64UrlUnpadded::encode_string(login.as_bytes()));
        }
        if self.keeps_signed_in {
            value.push('.');
            value.push_str(KEPT);
        }
        value
    }

    /// What a page calls it, which is no secret: it opens nothing.
    pub(crate) fn name(&self) -> String {
        let id = self.key.id();
        let half: Vec<u8> = id.as_bytes().iter().copied().take(16).collect();
        Base64UrlUnpadded::encode_string(&half)
    }

    fn is_at(&self, key: &ChallengeKey) -> bool {
        self.key.id() == key.id()
    }
}

/// The codes of one purpose that a browser waits for, as it says: no more than are tried.
#[derive(Clone, Default)]
pub(crate) struct AskedCodes {
    /// Of each cookie the newest first.
    codes: Vec<AskedCode>,
}

impl AskedCodes {
    /// For how many codes a browser waits at most with one purpose. Who asks for more has forgotten the oldest.
    const MOST: usize = 4;

    /// Whether a cookie has the form of one with codes.
    pub(crate) fn is_form(value: &str) -> bool {
        value
            .split(BETWEEN)
            .any(|it| AskedCode::parse(it).is_some())
    }

    /// What these cookies of one name say, each key once and this many at most: of each cookie the newest first, so that no
    /// cookie hides the newest of another.
    pub(crate) fn parse(cookies: &[String], most: usize) -> Self {
        let split = |(cookie, value): (usize, &String)| -> Vec<AskedCode> {
            let codes = value.split(BETWEEN).filter_map(AskedCode::parse);
            let codes = codes.map(|it| AskedCode {
                cookie: Some(cookie),
                ..it
            });
            codes.take(Self::MOST).collect()
        };
        let cookies: Vec<_> = cookies.iter().enumerate().map(split).collect();
        let mut codes: Vec<AskedCode> = Vec::new();
        for place in 0..Self::MOST {
            for asked in cookies.iter().filter_map(|cookie| cookie.get(place)) {
                if codes.len() < most && !codes.iter().any(|it| it.is_at(&asked.key)) {
                    codes.push(asked.clone());
                }
            }
        }
        Self { codes }
    }

    /// What a cookie of these says.
    pub(crate) fn value(&self) -> String {
        let values: Vec<_> = self.codes.iter().map(AskedCode::value).collect();
        values.join(&BETWEEN.to_string())
    }

    pub(crate) fn as_slice(&self) -> &[AskedCode] {
        &self.codes
    }

    /// These and one more, which is the newest. It takes the place of what was asked for with the same key or for the same
    /// name. As many of the others are kept as fit into a cookie.
    pub(crate) fn with(&self, asked: &AskedCode) -> Self {
        let is_other = |it: &&AskedCode| it.login.is_none() || it.login != asked.login;
        let others = self.beside(&asked.key, asked.cookie);
        let others = others.filter(is_other);
        let codes = std::iter::once(asked).chain(others);
        let mut kept = Self {
            codes: codes.take(Self::MOST).cloned().collect(),
        };
        while kept.codes.len() > 1 && kept.value().len() > MOST_OF_COOKIE {
            kept.codes.pop();
        }
        kept
    }

    /// These without that of a key.
    pub(crate) fn without(&self, key: &ChallengeKey) -> Self {
        Self {
            codes: self.beside(key, None).cloned().collect(),
        }
    }

    /// The others of the cookie that has this key, or that had the one before it. Where a browser has sent several cookies, another
    /// host of the domain may have set one, whose keys are not made ours; so of those none is kept beside a key that none of them
    /// has.
    fn beside(
        &self,
        key: &ChallengeKey,
        before: Option<usize>,
    ) -> impl Iterator<Item = &AskedCode> {
        let cookie_of = |it: &AskedCode| it.cookie;
        let same = self.codes.iter().find(|it| it.is_at(key)).map(cookie_of);
        let only = || self.codes.first().filter(|_| self.are_of_one_cookie());
        let own = same
            .or_else(|| before.map(Some))
            .or_else(|| only().map(cookie_of));
        let is_own = move |it: &&AskedCode| !it.is_at(key) && Some(it.cookie) == own;
        self.codes.iter().filter(is_own)
    }

    fn are_of_one_cookie(&self) -> bool {
        let mut cookies = self.codes.iter().map(|it| it.cookie);
        let first = cookies.next();
        cookies.all(|it| Some(it) == first)
    }

    /// Those that a page is about: the one that it names, or whichever it may be where it names none.
    pub(crate) fn about(&self, name: Option<&str>) -> Vec<AskedCode> {
        let is_meant = |it: &&AskedCode| name.is_none_or(|name| it.name() == name);
        self.codes.iter().filter(is_meant).cloned().collect()
    }

    /// The key that a browser has for what was typed: the only one, or of several the only one with which the same was typed.
    /// Whether it is for that is known where it is kept.
    pub(crate) fn previous_for(&self, login: &str) -> Option<&AskedCode> {
        let login = login.trim();
        if let [only] = self.codes.as_slice() {
            return Some(only);
        }
        let is_same = |it: &&AskedCode| it.login.as_deref() == Some(login);
        let mut same = self.codes.iter().filter(is_same);
        let first = same.next()?;
        same.next().is_none().then_some(first)
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        reason = "what is not as it should be is a failed test"
    )]

    use super::*;

    fn key(number: u8) -> ChallengeKey {
        let bytes = [number; ChallengeKey::BYTES];
        ChallengeKey::parse(&Base64UrlUnpadded::encode_string(&bytes)).unwrap()
    }

    fn asked(number: u8, login: &str) -> AskedCode {
        AskedCode {
            login: Some(login.to_owned()).filter(|it| !it.is_empty()),
            ..AskedCode::new(key(number))
        }
    }

    fn keys(codes: &[AskedCode]) -> Vec<&str> {
        codes.iter().map(|it| it.key.reveal()).collect()
    }

    fn of(numbers: &[u8]) -> Vec<String> {
        let keys = numbers.iter().map(|number| key(*number));
        keys.map(|it| it.reveal().to_owned()).collect()
    }

    #[test]
    fn newest_codes_are_kept() {
        let mut codes = AskedCodes::default();
        for number in 1..=6 {
            codes = codes.with(&asked(number, &format!("user {number}")));
        }
        assert_eq!(keys(codes.as_slice()), of(&[6, 5, 4, 3]));
        let read = AskedCodes::parse(&[codes.value()], 8);
        assert_eq!(keys(read.as_slice()), of(&[6, 5, 4, 3]));
        assert_eq!(read.as_slice()[1].login.as_deref(), Some("user 5"));
        // Asked for again: by its key, and by its name with another key.
        let again = read.with(&asked(4, "user 4"));
        assert_eq!(keys(again.as_slice()), of(&[4, 6, 5, 3]));
        let again = read.with(&asked(7, "user 4"));
        assert_eq!(keys(again.as_slice()), of(&[7, 6, 5, 3]));
        assert_eq!(keys(read.without(&key(5)).as_slice()), of(&[6, 4, 3]));
        // Those without a name are each of another address.
        let unnamed = AskedCodes::default()
            .with(&asked(1, ""))
            .with(&asked(2, ""));
        assert_eq!(keys(unnamed.as_slice()), of(&[2, 1]));
    }

    #[test]
    fn no_cookie_hides_the_newest_of_another() {
        let theirs = |from: u8| {
            let values = (from..from + 9).map(|number| key(number).reveal().to_owned());
            values.collect::<Vec<_>>().join("~")
        };
        let own = AskedCodes::default().with(&asked(1, "ann"));
        for cookies in [
            [own.value(), theirs(20), theirs(40)],
            [theirs(20), theirs(40), own.value()],
        ] {
            let read = AskedCodes::parse(&cookies, 8);
            assert_eq!(read.as_slice().len(), 8);
            let mut newest = keys(&read.as_slice()[..3]);
            newest.sort_unstable();
            assert_eq!(newest, of(&[1, 20, 40]));
        }
    }

    /// Of two codes of one name nothing says which the browser means.
    #[test]
    fn one_code_of_a_name_is_asked_for_again() {
        let read = |values: &[&str]| {
            let cookies: Vec<_> = (1..)
                .zip(values)
                .map(|(number, name)| asked(number, name).value())
                .collect();
            AskedCodes::parse(&cookies, 8)
        };
        for (names, found) in [
            (&["ann", "bob"][..], Some(1)),
            (&["ann", "ann"], None),
            (&["bob", "ann", "cho"], Some(2)),
            (&["bob", "cho"], None),
            (&["bob"], Some(1)),
        ] {
            let codes = read(names);
            let previous = codes.previous_for(" ann ").map(|it| it.key.reveal());
            let expected = found.map(key);
            assert_eq!(
                previous,
                expected.as_ref().map(ChallengeKey::reveal),
                "{names:?}"
            );
        }
    }

    #[test]
    fn page_is_about_the_code_that_it_names() {
        let codes = AskedCodes::default()
            .with(&asked(1, "ann"))
            .with(&asked(2, "bob"));
        for code in codes.as_slice() {
            let about = codes.about(Some(&code.name()));
            assert_eq!(keys(&about), [code.key.reveal()]);
        }
        assert!(codes.about(Some("bm9uZQ")).is_empty());
        assert_eq!(keys(&codes.about(None)), of(&[2, 1]));
        let tossed = AskedCodes::parse(&[codes.value(), asked(3, "eve").value()], 8);
        assert_eq!(keys(&tossed.about(None)), of(&[2, 3, 1]));
    }

    /// Another host of the domain has set a cookie of four keys: they are tried, and none of them is written into ours, in
    /// whatever order the browser sends the two.
    #[test]
    fn tossed_keys_are_not_made_ours() {
        let own = |numbers: &[u8]| {
            let codes = numbers
                .iter()
                .rev()
                .fold(AskedCodes::default(), |codes, number| {
                    codes.with(&asked(*number, &format!("user {number}")))
                });
            codes.value()
        };
        let (ours, theirs) = (own(&[1, 2, 3, 4]), own(&[11, 12, 13, 14]));
        for cookies in [
            [ours.clone(), theirs.clone()],
            [theirs.clone(), ours.clone()],
        ] {
            let read = AskedCodes::parse(&cookies, 8);
            assert_eq!(read.as_slice().len(), 8);
            // The page was about one of ours: it was asked for again, or its code was right, or is over.
            assert_eq!(
                keys(read.with(&asked(3, "user 3")).as_slice()),
                of(&[3, 1, 2, 4])
            );
            assert_eq!(keys(read.without(&key(3)).as_slice()), of(&[1, 2, 4]));
            // Asked for again with another key, on the page of one of ours.
            let page = read.about(Some(&asked(3, "").name())).remove(0);
            let again = AskedCode {
                key: key(6),
                ..page
            };
            assert_eq!(keys(read.with(&again).as_slice()), of(&[6, 1, 2, 4]));
            // Nothing says whose the others are.
            assert_eq!(keys(read.with(&asked(5, "user 5")).as_slice()), of(&[5]));
            assert!(read.without(&key(5)).as_slice().is_empty());
        }
        let read = AskedCodes::parse(&[ours], 8);
        let five = read.with(&asked(5, "user 5"));
        assert_eq!(keys(five.as_slice()), of(&[5, 1, 2, 3]));
    }

    /// The longest names that an account can have, in scripts of one to four bytes a letter.
    #[test]
    fn cookie_is_never_longer_than_browsers_keep() {
        for letter in ['a', 'ä', 'अ', '漢', '𐍈'] {
            let name = |number: u8| {
                let name: String = std::iter::repeat_n(letter, 253).collect();
                format!("{name}{}", number % 10)
            };
            let mut codes = AskedCodes::default();
            for number in 1..=9 {
                let newest = AskedCode::by(key(number), &format!("  {} ", name(number)), true);
                assert_eq!(newest.login.as_deref(), Some(&*name(number)), "{letter}");
                codes = codes.with(&newest);
                assert!(codes.value().len() <= 2_000, "{letter} {number}");
                let read = AskedCodes::parse(&[codes.value()], 8);
                let newest = &read.as_slice()[0];
                assert_eq!(newest.key.reveal(), key(number).reveal(), "{letter}");
                assert_eq!(newest.login.as_deref(), Some(&*name(number)), "{letter}");
            }
            // As many as fit.
            let (most, length) = (codes.as_slice().len(), codes.as_slice()[0].value().len());
            assert_eq!(most, (2_001 / (length + 1)).min(4), "{letter}");
        }
        // What is no name at all is not kept.
        let long = AskedCode::by(key(1), &"+1 ".repeat(10_000), true);
        assert_eq!(long.login, None);
        let codes = AskedCodes::default().with(&long);
        assert_eq!(keys(codes.as_slice()), of(&[1]));
        assert!(codes.value().len() < 100);
    }

    #[test]
    fn key_of_the_same_name_is_found() {
        let one = AskedCodes::default().with(&asked(1, "ann"));
        let two = one.with(&asked(2, "bob"));
        for (codes, login, number) in [
            (&one, "ann", Some(1)),
            (&one, "Ann", Some(1)),
            (&two, "ann", Some(1)),
            (&two, "bob", Some(2)),
            (&two, "eve", None),
        ] {
            let found = codes
                .previous_for(login)
                .map(|it| it.key.reveal().to_owned());
            let expected = number.map(|number| key(number).reveal().to_owned());
            assert_eq!(found, expected, "{login}");
        }
    }
}
