//! The site that serves others from a database: where links in messages have to lead.

use super::SiteOrigin;

/// A site that others use, as a database keeps it: the origin that they see, and the mount of its pages. Links in
/// messages begin with both, so that a worker with another of either would send links that nobody answers.
///
/// # Examples
/// ```
/// use phone_auth_core::store::{PublicSite, SiteOrigin};
///
/// let site = PublicSite::new(SiteOrigin::parse("https://example.org")?, "/accounts/");
/// assert_eq!(site.origin().as_str(), "https://example.org");
/// assert_eq!(site.mount(), Some("/accounts/"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicSite {
    origin: SiteOrigin,
    mount: Option<String>,
}

impl PublicSite {
    /// A site at this origin with its pages under this mount, such as `/accounts/`.
    pub fn new(origin: SiteOrigin, mount: &str) -> Self {
        Self {
            origin,
            mount: Some(mount.to_owned()),
        }
    }

    /// A site as a store has kept it: without a mount if a version noted it that did not note mounts.
    pub const fn from_stored(origin: SiteOrigin, mount: Option<String>) -> Self {
        Self { origin, mount }
    }

    /// The origin that others see.
    pub const fn origin(&self) -> &SiteOrigin {
        &self.origin
    }

    /// The mount of its pages, with a slash at both ends; none if it is not known.
    pub fn mount(&self) -> Option<&str> {
        self.mount.as_deref()
    }
}
