//! A site for one test.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use phone_auth::urls::AccountPage;
use phone_auth::{BuildError, Database, PhoneAuth, PhoneAuthBuilder, SecretKey, SiteOrigin, web};
use phone_auth_store_testkit::MemoryStore;
use tokio::time::timeout;

use crate::browser::TestBrowser;
use crate::hasher::CheapHasher;
use crate::mail::{Mail, MailStore};
use crate::page::TestPage;
use crate::user::{PASSWORD, TestUser};

/// Where test sites are, unless the application's own function says otherwise.
const ORIGIN: &str = "https://example.org";

/// How long a message is waited for: none takes so long, and a test that waits in vain ends with a sentence.
const PATIENCE: Duration = Duration::from_secs(20);

/// The application of a test, at `https://example.org`. See the [crate](crate) for an example. Clones are the same site.
#[derive(Clone, Debug)]
pub struct TestSite {
    auth: PhoneAuth,
    router: Router,
    mail: MailStore,
    users: Arc<AtomicU32>,
}

impl TestSite {
    /// A site of nothing but the account pages and the small site around them, in memory.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn new() -> Self {
        let started = Self::start(MemoryStore::new(), async |builder: PhoneAuthBuilder| {
            let auth = builder.build().await?;
            let router = auth.router().merge(web::site::router(auth.web()));
            Ok::<_, BuildError>((auth, router))
        });
        match started.await {
            Ok(site) => site,
            Err(error) => panic!("the site cannot be built: {error:?}"),
        }
    }

    /// Starts the application over a store: a [`MemoryStore`], or a [`Database`] that has its own tables too.
    ///
    /// The function is the application's own, and gets a builder that is as in production but for three things: the
    /// secret key is made up, hashes are [cheap](CheapHasher), and every message is kept to be
    /// [looked at](Self::mail_to). What the function says in addition counts.
    ///
    /// # Errors
    /// Those of the function.
    ///
    /// # Panics
    /// When there are no random bytes for a key.
    pub async fn start<E>(
        database: impl Into<Database>,
        application: impl AsyncFnOnce(PhoneAuthBuilder) -> Result<(PhoneAuth, Router), E>,
    ) -> Result<Self, E> {
        let (Ok(site), Ok(key)) = (SiteOrigin::parse(ORIGIN), SecretKey::generate()) else {
            panic!("there are no random bytes");
        };
        let mail = MailStore::default();
        let kept = mail.clone();
        let builder = PhoneAuth::builder(site, key, database)
            .accounts(|accounts| accounts.hasher(CheapHasher::danger_for_tests()))
            .receivers(|receivers| receivers.provide(kept));
        let (auth, router) = application(builder).await?;
        Ok(Self {
            auth,
            router,
            mail,
            users: Arc::default(),
        })
    }

    /// The accounts of the site, for what a test says to its flows.
    pub fn auth(&self) -> &PhoneAuth {
        &self.auth
    }

    /// A browser that has not been here before.
    pub fn browser(&self) -> TestBrowser {
        TestBrowser::new(self.router.clone(), self.auth.site())
    }

    /// Begins to create a user.
    pub fn user(&self, username: &str) -> TestUser<'_> {
        TestUser::new(self, username)
    }

    /// Logs a user of [`user`](Self::user) in with a browser, at the log-in page. One of the application's own takes the fields
    /// `login` and `password`, as ours does.
    pub async fn sign_in(&self, browser: &mut TestBrowser, login: &str) -> TestPage {
        let path = self.auth.web().log_in_path();
        let form = [("login", login), ("password", PASSWORD)];
        browser.post(path, &form).await
    }

    /// Logs a user in with a browser by the code that is sent to this address, where the site lets users.
    ///
    /// # Panics
    /// When no code comes: the address is not verified, or the setting `login_by_code` is off.
    ///
    /// # Examples
    /// ```
    /// use phone_auth::{BuildError, PhoneAuthBuilder, Settings};
    /// use phone_auth_testkit::{MemoryStore, TestSite};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let site = TestSite::start(MemoryStore::new(), async |builder: PhoneAuthBuilder| {
    ///     let mut settings = Settings::default();
    ///     settings.login_by_code = true;
    ///     let auth = builder.accounts(|accounts| accounts.settings(settings)).build().await?;
    ///     let router = auth.router();
    ///     Ok::<_, BuildError>((auth, router))
    /// })
    /// .await?;
    /// site.user("ann").verified().create().await;
    /// let mut browser = site.browser();
    /// site.sign_in_by_code(&mut browser, "ann@example.org").await;
    /// assert!(browser.get("/accounts/user_verification/").await.body.contains("ann@example.org"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn sign_in_by_code(&self, browser: &mut TestBrowser, address: &str) -> TestPage {
        let routes = self.auth.accounts().routes();
        let ask = routes.page(AccountPage::LoginCode);
        browser.post(ask, &[("login", address)]).await;
        let mail = self.mail_to(address).await;
        let Some(code) = mail.code else {
            panic!("the message {} to {address} has no code", mail.signal);
        };
        let done = routes.page(AccountPage::LoginCodeDone);
        browser.post(done, &[("code", &code)]).await
    }

    /// Takes the oldest message to an address or a number that was not taken yet, and waits until there is one. Security
    /// notices are not among them: see [`notice_to`](Self::notice_to).
    ///
    /// # Panics
    /// When none comes; the sentence says to whom there are some.
    pub async fn mail_to(&self, to: &str) -> Mail {
        let Ok(mail) = timeout(PATIENCE, self.mail.take(to)).await else {
            panic!("no message to {to} has come; there are {:?}", self.mail());
        };
        mail
    }

    /// Takes the oldest security notice to an address or a number that was not taken yet and tells of such a
    /// [change](phone_auth::signals::AccountChange::name), and waits until there is one.
    ///
    /// # Panics
    /// When none comes; the sentence says which there are.
    ///
    /// # Examples
    /// ```
    /// use phone_auth::core::password::Password;
    /// use phone_auth_testkit::TestSite;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let site = TestSite::new().await;
    /// site.user("ann").verified().create().await;
    /// let new = Password::new("battery staple fence");
    /// site.auth().accounts().set_password("ann", &new).await?;
    /// let notice = site.notice_to("ann@example.org", "password_changed").await;
    /// assert_eq!(notice.signal, "security_notice_email");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn notice_to(&self, to: &str, change: &str) -> Mail {
        let Ok(notice) = timeout(PATIENCE, self.mail.take_notice(to, change)).await else {
            panic!(
                "no notice of {change} to {to} has come; there are {:?}",
                self.notices()
            );
        };
        notice
    }

    /// The messages that were sent and not taken, the oldest first, without security notices. One that is still
    /// [pending](phone_auth::core::outbox::Outbox) is not among them.
    pub fn mail(&self) -> Vec<Mail> {
        self.mail.all(false)
    }

    /// The security notices that were sent and not taken, the oldest first. Those of a user who was made
    /// [verified](crate::TestUser::verified) are among them.
    pub fn notices(&self) -> Vec<Mail> {
        self.mail.all(true)
    }

    /// A number that nobody has: those that Ofcom keeps free for stories.
    pub(crate) fn next_phone(&self) -> String {
        let number = self.users.fetch_add(1, Ordering::Relaxed) % 1_000;
        format!("+44207946{number:04}")
    }
}
