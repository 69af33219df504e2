//! Puts accounts together. It hands out the builders of the other crates and has no settings of its own but those of
//! what it starts itself: the check of the key, and the worker.

use std::fmt;
use std::sync::Arc;

use crate::core::accounts::{self, Accounts, AccountsBuilder, AccountsHandle, Dispatch};
use crate::core::outbox::WorkerOptions;
use crate::core::site_key::{self, SiteKeyErrorKind};
use crate::core::store::{PublicSite, Store};
use crate::receivers::{LeftAlone, Receivers, Reception};
use crate::signals::{Event, Message, Signals, SignalsBuilder, SiteOrigin};
use crate::tokens::Keyring;
use crate::urls::{AccountRoutes, RouteError};
use crate::worker::{RunningWorker, WorkerChoice};
use crate::{BuildError, BuildErrorKind, Database, PhoneAuth};

/// Puts a [`PhoneAuth`] together; [`PhoneAuth::builder`] begins.
///
/// Whatever the crates behind it can do is done with their own builders, which [`accounts`](Self::accounts),
/// [`receivers`](Self::receivers) and [`web`](Self::web) hand out. What is not said is as in django-phone-auth.
///
/// # Examples
/// ```standalone_crate
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use phone_auth::signals::{VerifyEmail, VerifyPhone};
/// use phone_auth::{BuildErrorKind, Database, PhoneAuth, SecretKey, SiteOrigin};
///
/// # let folder = tempfile::tempdir()?;
/// # let name = format!("sqlite:{}", folder.path().join("app.sqlite3").display());
/// let site = SiteOrigin::parse("https://example.org")?;
/// let builder = PhoneAuth::builder(site, SecretKey::generate()?, Database::open(&name).await?)
///     .allow_unreceived::<VerifyEmail>()
///     .allow_unreceived::<VerifyPhone>();
///
/// // Nothing is linked here that would send the other links that users ask for.
/// let error = builder.build().await.unwrap_err();
/// assert_eq!(error.kind(), BuildErrorKind::NoReceiver);
/// assert_eq!(error.without_receiver(), ["reset_password_email", "reset_password_phone"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing happens until `build` is called"]
pub struct PhoneAuthBuilder {
    site: SiteOrigin,
    store: Arc<dyn Store>,
    accounts: AccountsBuilder,
    receivers: Receivers,
    /// Why the pages cannot be where they were put.
    mount: Result<(), RouteError>,
    /// The messages that nobody needs to receive.
    allow_unreceived: Vec<&'static str>,
    key_check: KeyCheck,
    worker: WorkerChoice,
    #[cfg(feature = "web")]
    web: Vec<ChangeWeb>,
}

/// What is said of the pages, which are begun when the flows are there.
#[cfg(feature = "web")]
type ChangeWeb = Box<dyn FnOnce(crate::web::WebBuilder) -> crate::web::WebBuilder + Send>;

/// Whether the database is asked if the key is its own.
#[derive(Clone, Copy)]
enum KeyCheck {
    Claim,
    Replace,
    Skip,
}

impl PhoneAuthBuilder {
    pub(crate) fn new(site: SiteOrigin, keyring: Keyring, database: Database) -> Self {
        let mut accounts = Accounts::builder(Arc::clone(&database.store), keyring)
            // So that no answer tells by its time whether a message was sent.
            .dispatch(Dispatch::Background);
        if let Some(outbox) = database.outbox {
            accounts = accounts.outbox(outbox);
        }
        if let Some(limits) = database.limits {
            accounts = accounts.limits(limits);
        }
        Self {
            site,
            store: database.store,
            accounts,
            receivers: Receivers::default(),
            mount: Ok(()),
            allow_unreceived: Vec::new(),
            key_check: KeyCheck::Claim,
            worker: WorkerChoice::default(),
            #[cfg(feature = "web")]
            web: Vec::new(),
        }
    }

    /// Where the account pages are: a path with a slash at both ends; else `/accounts/`. Links in messages, redirects and
    /// guards follow it.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// use phone_auth::{BuildErrorKind, PhoneAuth};
    ///
    /// let builder = PhoneAuth::builder(site, key, store).mount("konto");
    ///
    /// // What is no mount is told when all is put together.
    /// let refused = builder.build().await.unwrap_err();
    /// assert_eq!(refused.kind(), BuildErrorKind::Settings);
    /// # });
    /// # Ok(())
    /// # }
    /// ```
    pub fn mount(mut self, mount: &str) -> Self {
        self.mount = match AccountRoutes::new(mount) {
            Ok(routes) => {
                self.accounts = self.accounts.routes(routes);
                Ok(())
            }
            Err(error) => Err(error),
        };
        self
    }

    /// What the flows are like: settings, hasher, clock, and whatever else
    /// [`AccountsBuilder`] can do. Of it differ two defaults: receivers that are told of what has happened run
    /// [in the background](Dispatch::Background), and messages wait in the [`Database`].
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use phone_auth::core::password::Argon2Hasher;
    /// use phone_auth::{PhoneAuth, Settings};
    ///
    /// let mut settings = Settings::default();
    /// settings.login_redirect_url = "/club/".to_owned();
    /// let builder = PhoneAuth::builder(site, key, store)
    ///     .accounts(|accounts| accounts.settings(settings).hasher(Argon2Hasher::new()));
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accounts(mut self, change: impl FnOnce(AccountsBuilder) -> AccountsBuilder) -> Self {
        self.accounts = change(self.accounts);
        self
    }

    /// What the pages are like: templates, cookies, trusted origins, and whatever else
    /// [`WebBuilder`](crate::web::WebBuilder) can do.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// let builder = phone_auth::PhoneAuth::builder(site, key, store)
    ///     .web(|web| web.site_name("Tea house").session_cookie_name("tea_house_session"))
    ///     .web(|web| web.templates_from("templates"));
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "web")]
    pub fn web(
        mut self,
        change: impl FnOnce(crate::web::WebBuilder) -> crate::web::WebBuilder + Send + 'static,
    ) -> Self {
        self.web.push(Box::new(change));
        self
    }

    /// What the linked receivers take and which of them are left out: whatever [`SignalsBuilder`] can do. The origin of
    /// the site, the flows and the dispatcher are provided already, so a receiver may take `&SiteOrigin`, `&Accounts` and
    /// `&Signals`; and the ready receivers of
    /// `phone_auth::delivery` whose state is not provided are left out.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use std::time::Duration;
    ///
    /// use phone_auth::PhoneAuth;
    ///
    /// /// What a function with `#[receiver(…)]` takes as an argument `&Mailer`.
    /// struct Mailer;
    ///
    /// let builder = PhoneAuth::builder(site, key, store)
    ///     .receivers(|signals| signals.provide(Mailer).timeout(Duration::from_secs(30)));
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn receivers(mut self, change: impl FnOnce(SignalsBuilder) -> SignalsBuilder) -> Self {
        self.receivers.describe(change);
        self
    }

    /// The dispatcher to tell, in place of one that is made here. It has its own receivers and their state (`&Accounts` by
    /// an [`AccountsHandle`]), so
    /// [`receivers`](Self::receivers) and the methods for ready receivers beside it are refused.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use phone_auth::{BuildErrorKind, PhoneAuth, Signals};
    ///
    /// let builder = PhoneAuth::builder(site, key, store).signals(Signals::isolated());
    ///
    /// let refused = builder.receivers(|signals| signals.provide(7_u8)).build().await.unwrap_err();
    /// assert_eq!(refused.kind(), BuildErrorKind::TwoDispatchers);
    /// # });
    /// # Ok(())
    /// # }
    /// ```
    pub fn signals(self, dispatcher: Signals) -> Self {
        self.accounts(|accounts| accounts.signals(dispatcher))
    }

    /// Accepts that nobody receives this message. A flow that would send it refuses, and says so: no user is told that
    /// something is on its way which never comes.
    ///
    /// Without this, a flow that is switched on must have someone who sends its messages.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use phone_auth::PhoneAuth;
    /// use phone_auth::signals::{ResetPasswordPhone, VerifyPhone};
    ///
    /// // A site that sends no text messages.
    /// let builder = PhoneAuth::builder(site, key, store)
    ///     .allow_unreceived::<VerifyPhone>()
    ///     .allow_unreceived::<ResetPasswordPhone>();
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn allow_unreceived<E: Event + Message>(mut self) -> Self {
        self.allow_unreceived.push(E::signal().info().name);
        self
    }

    /// How the worker works that delivers pending messages. It is refused where there is no worker or no outbox.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use std::time::Duration;
    ///
    /// let builder = phone_auth::PhoneAuth::builder(site, key, store).worker(|mut options| {
    ///     options.concurrency = 4;
    ///     options.receiver_timeout = Duration::from_secs(10);
    ///     options
    /// });
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn worker(mut self, change: impl FnOnce(WorkerOptions) -> WorkerOptions) -> Self {
        self.worker.describe(change);
        self
    }

    /// Starts no worker: another process delivers pending messages and deletes accounts whose `closing_grace` is over, such as
    /// `phone-auth worker`. It asks the receivers of `account_closing` that are linked into it, of which the stock one has none.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// let builder = phone_auth::PhoneAuth::builder(site, key, store).without_worker();
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn without_worker(mut self) -> Self {
        self.worker.is_elsewhere = true;
        self
    }

    /// Makes this secret key the database's, whichever it had before, without a declared change: for one start,
    /// after a key was lost. Links that were sent before are void; sessions, passwords and pending messages are not.
    ///
    /// # Security
    /// Left in, it lets processes with different keys run on one database, each refusing the links of the others.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// # let is_asked_for = true;
    /// let mut builder = phone_auth::PhoneAuth::builder(site, key, store);
    /// if is_asked_for {
    ///     builder = builder.danger_replace_key();
    /// }
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn danger_replace_key(mut self) -> Self {
        self.key_check = KeyCheck::Replace;
        self
    }

    /// Does not ask the database whether the secret key is its own, and does not have it keep the fingerprint: for
    /// programs that have asked by [`site_key`](crate::core::site_key), or build only to see whether it can be done.
    ///
    /// # Security
    /// A process with another key sends links that nobody accepts. A worker goes on asking, unless
    /// [`WorkerOptions::checks_key`](crate::core::outbox::WorkerOptions::checks_key) is turned off too.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// let builder = phone_auth::PhoneAuth::builder(site, key, store).danger_skip_key_check();
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn danger_skip_key_check(mut self) -> Self {
        self.key_check = KeyCheck::Skip;
        self
    }

    /// Puts everything together, and starts the worker on the Tokio runtime of the caller. The worker lives as long as
    /// the runtime, or until [`PhoneAuth::shut_down`]. A build that fails changes nothing in the database.
    ///
    /// # Errors
    /// [`BuildError`], with the cause as its source:
    /// - [`TwoDispatchers`](BuildErrorKind::TwoDispatchers): a dispatcher was given, and receivers were described for another.
    /// - [`Worker`](BuildErrorKind::Worker): a worker was described where there is none.
    /// - [`Settings`](BuildErrorKind::Settings): a setting, or the [mount](Self::mount), cannot be used.
    /// - [`Signals`](BuildErrorKind::Signals): a receiver takes state that nobody provided, two have
    ///   the same id, or the linker dropped some.
    /// - [`NoReceiver`](BuildErrorKind::NoReceiver): nobody receives a signal that a flow needs.
    /// - [`Development`](BuildErrorKind::Development): messages would be shown on a site that others see.
    /// - [`Web`](BuildErrorKind::Web): the pages cannot be made, such as when a template has a mistake.
    /// - [`ForeignKey`](BuildErrorKind::ForeignKey): the database belongs to another secret key.
    /// - [`Store`](BuildErrorKind::Store): the database does not answer.
    ///
    /// # Cancel safety
    /// A dropped call has recorded the key in the database or not.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// use phone_auth::signals::{ResetPasswordEmail, Signals, VerifyEmail, VerifyPhone};
    /// use phone_auth::{PhoneAuth, Settings};
    ///
    /// let dispatcher = Signals::isolated();
    /// let mut settings = Settings::default();
    /// settings.authentication_methods.phone = false;
    /// let auth = PhoneAuth::builder(site, key, store)
    ///     .accounts(|accounts| accounts.settings(settings))
    ///     .signals(dispatcher)
    ///     .allow_unreceived::<ResetPasswordEmail>()
    ///     .allow_unreceived::<VerifyEmail>()
    ///     .allow_unreceived::<VerifyPhone>()
    ///     .build()
    ///     .await?;
    /// assert_eq!(auth.site().as_str(), "https://example.org");
    /// # Ok::<(), phone_auth::BuildError>(())
    /// # })?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn build(self) -> Result<PhoneAuth, BuildError> {
        #[cfg(feature = "development")]
        if self.receivers.show_messages() && !self.site.is_loopback() {
            return Err(BuildError::new(BuildErrorKind::Development));
        }
        self.mount
            .map_err(|error| BuildError::with_source(BuildErrorKind::Settings, error))?;
        let accounts = self.receivers.say_to(self.accounts);
        let handle = AccountsHandle::new();
        let (dispatcher, left_alone) = match accounts.given_signals() {
            Some(_) if self.receivers.is_described => {
                return Err(BuildError::new(BuildErrorKind::TwoDispatchers));
            }
            Some(given) => (given.clone(), LeftAlone::default()),
            None => self
                .receivers
                .build(&self.site, &handle)
                .map_err(|error| BuildError::with_source(BuildErrorKind::Signals, error))?,
        };
        let reception = Reception {
            dispatcher: &dispatcher,
            left_alone: &left_alone,
            allowed: &self.allow_unreceived,
        };
        let accounts = accounts
            .handle(&handle)
            .signals(dispatcher.clone())
            .allow_unreceived(reception.unsent())
            .build()
            .map_err(of_accounts)?;
        let missing = reception.missing(accounts.settings());
        if !missing.is_empty() {
            return Err(BuildError::no_receiver(missing));
        }
        if let Some(unsent) = reception.unsent_channel(accounts.settings()) {
            return Err(BuildError::no_channel(unsent));
        }
        reception.tell_what_is_lacking(&accounts);
        #[cfg(feature = "web")]
        let web = build_web(self.web, &accounts, &self.site)?;
        let worker = self.worker.build(&accounts)?;
        let site = PublicSite::new(self.site.clone(), accounts.routes().mount());
        claim_key(self.key_check, &*self.store, accounts.keyring(), &site).await?;
        Ok(PhoneAuth {
            #[cfg(feature = "web")]
            web,
            site: self.site,
            // Last: a worker of flows that were never handed over would go on sending.
            worker: worker.map(|worker| Arc::new(RunningWorker::start(worker, accounts.clone()))),
            accounts,
        })
    }
}

/// The pages, as was said.
#[cfg(feature = "web")]
fn build_web(
    changes: Vec<ChangeWeb>,
    accounts: &Accounts,
    site: &SiteOrigin,
) -> Result<crate::web::Web, BuildError> {
    let web = crate::web::Web::builder(accounts.clone(), site.clone());
    let web = changes.into_iter().fold(web, |web, change| change(web));
    web.build()
        .map_err(|error| BuildError::with_source(BuildErrorKind::Web, error))
}

/// The kind of error that the flows have in mind.
fn of_accounts(error: accounts::BuildError) -> BuildError {
    let kind = match error.kind() {
        accounts::BuildErrorKind::Signals => BuildErrorKind::Signals,
        _ => BuildErrorKind::Settings,
    };
    BuildError::with_source(kind, error)
}

/// Asks the database whether it belongs to this key, and has it keep which site serves others from it: a program that is
/// started there without settings must not show that site's messages.
async fn claim_key(
    check: KeyCheck,
    store: &dyn Store,
    keyring: &Keyring,
    site: &PublicSite,
) -> Result<(), BuildError> {
    let claimed = match check {
        KeyCheck::Skip => return Ok(()),
        KeyCheck::Replace => site_key::replace(store, keyring).await,
        KeyCheck::Claim => site_key::claim(store, keyring).await.map(drop),
    };
    claimed.map_err(|error| match error.kind() {
        SiteKeyErrorKind::Foreign => BuildError::new(BuildErrorKind::ForeignKey),
        _ => BuildError::with_source(BuildErrorKind::Store, error),
    })?;
    if site.origin().is_loopback() {
        return Ok(());
    }
    let noted = store.note_public_site(site).await;
    noted.map_err(|error| BuildError::with_source(BuildErrorKind::Store, error))
}

impl fmt::Debug for PhoneAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneAuthBuilder")
            .field("site", &self.site)
            .field("accounts", &self.accounts)
            .finish_non_exhaustive()
    }
}
