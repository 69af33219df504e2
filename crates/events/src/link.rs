//! The link in a message, taken apart.

use std::fmt;

use crate::RelativeUrl;

/// The link of a message: the URL, and what it ends with, `…/{id}/{token}/`. Nobody needs to take the URL apart who hands
/// both to a flow, or to a page of their own.
///
/// # Security
/// Anyone who has the token may do what the link is for. `Debug` shows none of it.
///
/// # Examples
/// ```
/// use phone_auth_events::{RelativeUrl, Sender, User, VerifyEmail};
///
/// let url = RelativeUrl::new("/accounts/user_verification_confirm/ZW1haWwx/toxjx0-7821/")?;
/// let user = User::new(1, "anna", "", "");
/// let event = VerifyEmail::new(Sender::new("docs"), user, url, "a@example.org".into());
///
/// let link = event.link();
/// assert_eq!((link.id, link.token), ("ZW1haWwx", "toxjx0-7821"));
/// assert!(link.url.as_str().ends_with("/ZW1haWwx/toxjx0-7821/"));
/// # Ok::<(), phone_auth_events::UrlError>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Link<'a> {
    /// The id of the user or the address, as links have it: `uidb64` or `idb64`. It is no secret.
    pub id: &'a str,
    /// The token. It is one.
    pub token: &'a str,
    /// The whole, to be made absolute with the origin of the site.
    pub url: &'a RelativeUrl,
}

impl<'a> Link<'a> {
    /// A URL without a token.
    pub(crate) const fn without_token(url: &'a RelativeUrl) -> Self {
        let (id, token) = ("", "");
        Self { id, token, url }
    }

    /// Takes a URL apart. Of one that ends otherwise, id and token are empty, which no flow takes.
    pub(crate) fn of(url: &'a RelativeUrl) -> Self {
        let path = url.as_str().split(['?', '#']).next().unwrap_or_default();
        let mut parts = path.strip_suffix('/').unwrap_or(path).rsplit('/');
        let (token, id) = (parts.next(), parts.next());
        let (Some(token), Some(id), Some(_page)) = (token, id, parts.next()) else {
            let (id, token) = ("", "");
            return Self { id, token, url };
        };
        Self { id, token, url }
    }
}

impl fmt::Debug for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link(…)")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn links_are_taken_apart() {
        for (url, id, token) in [
            (
                "/accounts/password_reset_confirm/MQ/toxjx0-78-p7/",
                "MQ",
                "toxjx0-78-p7",
            ),
            ("/konto/reset/MQ/a-b", "MQ", "a-b"),
            ("/MQ/a-b/", "MQ", "a-b"),
            ("/x/MQ/a-b/?next=/c/d/", "MQ", "a-b"),
            ("/x/MQ/a-b/#c/d", "MQ", "a-b"),
            ("/a-b/", "", ""),
            ("/", "", ""),
            ("/x//a-b/", "", "a-b"),
        ] {
            let url = RelativeUrl::new(url).unwrap();
            let link = Link::of(&url);
            assert_eq!((link.id, link.token), (id, token), "{}", url.as_str());
        }
    }

    #[test]
    fn links_are_not_debugged() {
        let url = RelativeUrl::new("/x/MQ/5ec7e7/").unwrap();
        assert_eq!(format!("{:?}", Link::of(&url)), "Link(…)");
    }
}
