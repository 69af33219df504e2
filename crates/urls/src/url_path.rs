//! The path of a route, its values filled in.

use core::fmt;

/// The path of a route, its values filled in and percent-encoded: it begins with exactly one `/`.
///
/// # Security
///
/// A value may be a token, so `Debug` does not show it and there is no `Display`; [`as_str`](Self::as_str) is the
/// deliberate way to its text.
///
/// # Examples
///
/// ```
/// let routes = phone_auth_urls::Routes::builder().route("order", "/orders/{id}/").build()?;
/// let path = routes.reverse("order", &[("id", "7")])?;
/// assert_eq!(path.as_str(), "/orders/7/");
/// assert_eq!(format!("{path:?}"), "UrlPath(…)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UrlPath(String);

impl UrlPath {
    pub(crate) fn new(path: String) -> Self {
        Self(path)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path with the origin of a site before it.
    ///
    /// # Examples
    ///
    /// ```
    /// use phone_auth_urls::{Routes, SiteOrigin};
    ///
    /// let routes = Routes::builder().route("order", "/orders/{id}/").build()?;
    /// let site = SiteOrigin::parse("https://example.org")?;
    /// let link = routes.reverse("order", &[("id", "7")])?.absolute(&site);
    /// assert_eq!(link, "https://example.org/orders/7/");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "signals")]
    pub fn absolute(&self, site: &crate::SiteOrigin) -> String {
        format!("{site}{}", self.0)
    }
}

impl fmt::Debug for UrlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlPath(…)")
    }
}
