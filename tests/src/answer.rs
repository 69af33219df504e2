//! An answer of the site, with what tests ask of it.

use reqwest::header::HeaderMap;

use crate::cookies::Cookie;
use crate::html::Page;

/// An answer of the site.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// What was asked, for messages: `GET /accounts/login/`.
    pub asked: String,
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Fails unless the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert!(
            self.status == status,
            "{} answers {} instead of {status}; location {:?}\n{}",
            self.asked,
            self.status,
            self.header("location"),
            Page::parse(self.text()).words()
        );
        self
    }

    /// Fails unless this is a redirect to `location`.
    #[track_caller]
    pub fn redirects_to(self, location: &str) -> Self {
        let answer = self.expect(302);
        assert_eq!(
            answer.header("location"),
            Some(location),
            "{}",
            answer.asked
        );
        answer
    }

    /// Fails unless this is a redirect to the list of addresses, which says that one was added.
    #[track_caller]
    pub fn leads_to_added(self) -> Self {
        let answer = self.expect(302);
        let location = answer.header("location").unwrap_or_default();
        let notice = location.strip_prefix("/accounts/user_verification/?notice=");
        let is_added = notice.is_some_and(|it| ["email-added", "phone-added"].contains(&it));
        assert!(is_added, "{}: {location}", answer.asked);
        answer
    }

    /// Fails unless this is a redirect to the page at this path where a code is typed, which is told what it calls the code.
    #[track_caller]
    pub fn leads_to_code(self, path: &str) -> Self {
        let answer = self.expect(302);
        let (at, named) = answer.location().split_once("?asked=").unwrap_or_default();
        assert_eq!(
            (at, named.len()),
            (path, 22),
            "{}: {:?}",
            answer.asked,
            answer.header("location")
        );
        answer
    }

    /// Fails unless it leads to the addresses of the user, who has none that is verified, and back to a page of members.
    #[track_caller]
    pub fn leads_to_verification(self, members: &str) -> Self {
        let kind = members.trim_matches('/').trim_start_matches("members/");
        let to = format!("/accounts/user_verification/?notice=verify-{kind}&next={members}");
        self.redirects_to(&to)
    }

    /// Fails unless the words of the page hold these.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let said = self.page().words();
        assert!(
            holds(&said, words),
            "{} does not say {words:?} but {said:?}",
            self.asked
        );
        self
    }

    /// Fails if the words of the page hold these.
    #[track_caller]
    pub fn does_not_say(self, words: &str) -> Self {
        let said = self.page().words();
        assert!(
            !holds(&said, words),
            "{} says {words:?}: {said:?}",
            self.asked
        );
        self
    }

    /// A header, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the answer sends one.
    #[track_caller]
    pub fn location(&self) -> &str {
        self.header("location")
            .unwrap_or_else(|| panic!("{} ({}) leads nowhere", self.asked, self.status))
    }

    /// The body as text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("pages are UTF-8")
    }

    /// The body as a page.
    #[track_caller]
    pub fn page(&self) -> Page {
        Page::parse(self.text())
    }

    /// The cookies it sets.
    pub fn cookies(&self) -> Vec<Cookie> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .filter_map(|value| Cookie::parse(value.to_str().ok()?))
            .collect()
    }
}

/// Whether a page says these words. A phone number is found however its digits are grouped.
pub(crate) fn holds(said: &str, words: &str) -> bool {
    let is_number = words
        .strip_prefix('+')
        .is_some_and(|digits| digits.bytes().all(|it| it.is_ascii_digit()));
    if is_number {
        said.replace([' ', '-', '(', ')', '.'], "").contains(words)
    } else {
        said.contains(words)
    }
}
