//! The pages of accounts under one mount, typed.

use core::fmt;

use phone_auth_events::{AddressKind, LinkFollowed, RelativeUrl, Sender, Signals};

use crate::id;
use crate::pattern;
use crate::percent;
use crate::{AccountPage, ReverseError, ReverseErrorKind, RouteError, Routes};

/// What stands in the place of the token once a reset link has been opened: the token then waits in
/// the session, so that the address bar, the history and `Referer` headers do not hold it.
pub const SET_PASSWORD: &str = "set-password";

/// The pages of accounts under one mount.
///
/// # Examples
///
/// ```
/// use phone_auth_urls::{AccountPage, AccountRoutes, AddressKind, SiteOrigin};
///
/// let routes = AccountRoutes::new("/accounts/")?;
/// assert_eq!(routes.page(AccountPage::Login), "/accounts/login/");
///
/// let url = routes.email_verification_confirm(AddressKind::Email, 1, "toxhc0-9a4f")?;
/// assert_eq!(
///     url.as_str(),
///     "/accounts/user_verification_confirm/ZW1haWwx/toxhc0-9a4f/"
/// );
///
/// // Only a configured site makes a link of it.
/// let site = SiteOrigin::parse("https://example.org")?;
/// assert!(url.absolute(&site).starts_with("https://example.org/accounts/"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct AccountRoutes {
    mount: String,
    routes: Routes,
    /// In the order of [`AccountPage::ALL`].
    pages: [String; AccountPage::ALL.len()],
    reset_prefix: String,
    verification_prefix: String,
    log_in_prefix: String,
}

impl AccountRoutes {
    /// The pages under a mount such as `/accounts/`.
    ///
    /// # Errors
    ///
    /// [`RouteErrorKind::BadMount`](crate::RouteErrorKind::BadMount): the mount does not begin and end
    /// with `/`, or has an empty, `.` or `..` segment, or characters that need encoding.
    pub fn new(mount: &str) -> Result<Self, RouteError> {
        let prefix = |page: AccountPage| {
            let literal = page.pattern().split('{').next().unwrap_or_default();
            format!("{mount}{literal}")
        };
        Ok(Self {
            mount: mount.to_owned(),
            routes: Routes::accounts(mount)?,
            pages: AccountPage::ALL.map(|page| format!("{mount}{}", page.pattern())),
            reset_prefix: prefix(AccountPage::PasswordResetConfirm),
            verification_prefix: prefix(AccountPage::EmailVerificationConfirm),
            log_in_prefix: prefix(AccountPage::LoginConfirm),
        })
    }

    /// The mount, with a slash at both ends.
    pub fn mount(&self) -> &str {
        &self.mount
    }

    /// The same pages by name, for templates and for resolving paths.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// The path of a page.
    ///
    /// For the three pages where links lead, this is the pattern with its parameters in braces, as a
    /// router wants it; their links come from [`password_reset_confirm`](Self::password_reset_confirm),
    /// [`email_verification_confirm`](Self::email_verification_confirm) and [`login_confirm`](Self::login_confirm).
    pub fn page(&self, page: AccountPage) -> &str {
        self.pages
            .get(page as usize)
            .map(String::as_str)
            .unwrap_or_default()
    }

    /// Whether a path, which may have a query and a fragment and no final slash, is that of a page
    /// [on the way](AccountPage::is_on_the_way).
    ///
    /// # Examples
    ///
    /// ```
    /// use phone_auth_urls::AccountRoutes;
    ///
    /// let routes = AccountRoutes::new("/accounts/")?;
    /// assert!(routes.is_on_the_way("/accounts/login_code?next=/a/"));
    /// assert!(routes.is_on_the_way("/accounts/login_confirm/ZW1haWwx/a-b/"));
    /// assert!(!routes.is_on_the_way("/accounts/sessions/"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_on_the_way(&self, path: &str) -> bool {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let path = path.trim_end_matches('/');
        let links = [&self.reset_prefix, &self.log_in_prefix];
        let is_page = |page: AccountPage| {
            page.is_on_the_way() && path == self.page(page).trim_end_matches('/')
        };
        links.iter().any(|link| path.starts_with(link.as_str()))
            || AccountPage::ALL.into_iter().any(is_page)
    }

    /// Where a reset link of this user leads.
    ///
    /// # Errors
    ///
    /// [`ReverseErrorKind::UnsafeValue`]: the token is empty, `.` or `..`.
    pub fn password_reset_confirm(
        &self,
        user: i64,
        token: &str,
    ) -> Result<RelativeUrl, ReverseError> {
        link(&self.reset_prefix, &id::encode_user(user), token)
    }

    /// Where the form for a new password is, once a reset link of this user was opened: where the link leads, with
    /// [`SET_PASSWORD`] in the place of its token.
    ///
    /// # Examples
    ///
    /// ```
    /// use phone_auth_urls::AccountRoutes;
    ///
    /// let routes = AccountRoutes::new("/accounts/")?;
    /// let form = "/accounts/password_reset_confirm/NTg/set-password/";
    /// assert_eq!(routes.password_reset_form(58), form);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn password_reset_form(&self, user: i64) -> String {
        let id = id::encode_user(user);
        format!("{}{id}/{SET_PASSWORD}/", self.reset_prefix)
    }

    /// Where a verification link of this address leads.
    ///
    /// # Errors
    ///
    /// [`ReverseErrorKind::UnsafeValue`]: the token is empty, `.` or `..`.
    pub fn email_verification_confirm(
        &self,
        method: AddressKind,
        address: i64,
        token: &str,
    ) -> Result<RelativeUrl, ReverseError> {
        link(
            &self.verification_prefix,
            &id::encode_address(method, address),
            token,
        )
    }

    /// Where a link leads that was sent to this address, to log in.
    ///
    /// # Errors
    ///
    /// [`ReverseErrorKind::UnsafeValue`]: the token is empty, `.` or `..`.
    pub fn login_confirm(
        &self,
        method: AddressKind,
        address: i64,
        token: &str,
    ) -> Result<RelativeUrl, ReverseError> {
        link(
            &self.log_in_prefix,
            &id::encode_address(method, address),
            token,
        )
    }

    /// Tells those who listen that someone followed a link to this page: fires `link_followed` once.
    ///
    /// Receivers that fail or panic change nothing here.
    pub fn followed(&self, signals: &Signals, page: AccountPage) {
        if signals.has_receiver::<LinkFollowed>() {
            let event = LinkFollowed::new(Sender::new("urls"), page.name().to_owned());
            // What receivers did is in the log of the dispatch; it changes nothing for the sender.
            let _report = signals.send_robust_sync(&event);
        }
    }
}

/// Tells the mount.
impl fmt::Debug for AccountRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountRoutes")
            .field("mount", &self.mount)
            .finish_non_exhaustive()
    }
}

fn link(prefix: &str, id: &str, token: &str) -> Result<RelativeUrl, ReverseError> {
    if !pattern::is_safe(token) {
        return Err(ReverseError::new(ReverseErrorKind::UnsafeValue));
    }
    let mut path = String::with_capacity(prefix.len() + id.len() + token.len() + 2);
    path.push_str(prefix);
    path.push_str(id);
    path.push('/');
    percent::push_segment(token, &mut path);
    path.push('/');
    RelativeUrl::new(path).map_err(|_not_relative| ReverseError::new(ReverseErrorKind::UnsafeValue))
}
