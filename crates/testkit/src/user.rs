//! Users who are there before the test begins.

use phone_auth::core::accounts::{CurrentUser, LoggedIn, SignUpForm};
use phone_auth::core::address::AddressKind;
use phone_auth::core::client::Client;
use phone_auth::core::outbox::Purpose;
use phone_auth::core::password::Password;
use phone_auth::core::user::User;

use crate::browser::TestBrowser;
use crate::site::TestSite;

/// The password of every user that a test site makes.
pub const PASSWORD: &str = "plum-Orchard-7";

/// A user of a test site: [`TestSite::user`] begins. The account has the email address `USERNAME@example.org`, a phone
/// number of its own, and the password [`PASSWORD`], as far as the site has such addresses.
///
/// # Examples
/// ```
/// use phone_auth_testkit::{PASSWORD, TestSite};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let site = TestSite::new().await;
/// let ann = site.user("ann").create().await;
/// let page = site.browser().get("/accounts/login/").await;
/// let inside = site.browser().press(&page, "Sign in", &[("login", &ann.email), ("password", PASSWORD)]).await;
/// assert_eq!(inside.path, "/accounts/profile/");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "the user is made by `create` or `signed_in`"]
pub struct TestUser<'a> {
    site: &'a TestSite,
    username: String,
    is_verified: bool,
}

impl<'a> TestUser<'a> {
    pub(crate) fn new(site: &'a TestSite, username: &str) -> Self {
        Self {
            site,
            username: username.to_owned(),
            is_verified: false,
        }
    }

    /// With addresses that are verified, each by its link, as far as the site sends links to such addresses.
    pub fn verified(mut self) -> Self {
        self.is_verified = true;
        self
    }

    /// Makes the user.
    ///
    /// # Panics
    /// When the site refuses them, such as for a name that is taken.
    pub async fn create(self) -> User {
        self.made().await.0
    }

    /// The user, and a name that they can log in by at this site.
    async fn made(self) -> (User, String) {
        let accounts = self.site.auth().accounts();
        let has = |kind| accounts.settings().has_addresses(kind);
        let email = format!("{}@example.org", self.username);
        let phone = self.site.next_phone();
        let form = SignUpForm {
            first_name: &self.username,
            last_name: "",
            username: &self.username,
            email: if has(AddressKind::Email) { &email } else { "" },
            phone: if has(AddressKind::Phone) { &phone } else { "" },
            password: Password::new(PASSWORD),
            confirm_password: None,
        };
        let user = match accounts.create_user(form).await {
            Ok(user) => user,
            Err(error) => panic!("the user {:?} is not to be: {error:?}", self.username),
        };
        if self.is_verified {
            self.verify(&user).await;
        }
        let methods = accounts.settings().authentication_methods;
        let login = match (methods.username, methods.email) {
            (true, _) => self.username,
            (false, true) => email,
            (false, false) => phone,
        };
        (user, login)
    }

    /// Makes the user, and gives a browser in which they are logged in.
    ///
    /// # Panics
    /// As [`create`](Self::create).
    pub async fn signed_in(self) -> TestBrowser {
        let site = self.site;
        let (_, login) = self.made().await;
        let mut browser = site.browser();
        let page = site.sign_in(&mut browser, &login).await;
        assert!(page.status != 400, "{login:?} cannot log in: {}", page.body);
        browser
    }

    async fn verify(&self, user: &User) {
        let accounts = self.site.auth().accounts();
        let Ok(LoggedIn { key, .. }) = accounts.begin_session(user.id, None).await else {
            panic!("{:?} cannot be logged in", user.username);
        };
        let current = accounts.current_user(&key).await;
        let Ok(Some(current)) = current else {
            panic!("{:?} is not logged in: {current:?}", user.username);
        };
        self.verify_each(&current).await;
        if let Err(failure) = accounts.log_out(&key).await {
            panic!("{:?} cannot be logged out: {failure:?}", user.username);
        }
    }

    async fn verify_each(&self, current: &CurrentUser) {
        let client = Client::new().signed_in(current);
        let accounts = self.site.auth().accounts().for_client(client);
        let addresses = match accounts.addresses(current).await {
            Ok(addresses) => addresses,
            Err(failure) => panic!("the addresses cannot be read: {failure:?}"),
        };
        for address in addresses {
            if !accounts.offers(Purpose::Verify, address.kind) {
                continue;
            }
            let asked = accounts.request_verification(current, address.kind, address.id);
            if let Err(error) = asked.await {
                panic!("{} cannot be verified: {error:?}", address.value);
            }
            let mail = self.site.mail_to(&address.value).await;
            let mut parts = mail.link.trim_end_matches('/').rsplit('/');
            let (Some(token), Some(id)) = (parts.next(), parts.next()) else {
                panic!("{} is no link", mail.link);
            };
            if let Err(error) = accounts.verify_address(id, token).await {
                panic!("{} cannot be verified: {error:?}", address.value);
            }
        }
    }
}
