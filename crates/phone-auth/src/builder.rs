//! Puts accounts together.

use std::fmt;
use std::sync::Arc;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::time::Duration;

use crate::core::accounts::{
    self, Accounts, AccountsBuilder, Dispatch, DjangoSessions, WorkerOptions,
};
use crate::core::password::PasswordHasher;
use crate::core::settings::Settings;
use crate::core::site_key::{self, SiteKeyErrorKind};
use crate::core::store::{OutboxStore, Store};
use crate::database::{Database, OutboxChoice, StoreChoice};
#[cfg(feature = "web")]
use crate::pages::Pages;
use crate::signals::{Event, Signals, SignalsBuilder, SiteOrigin};
use crate::tokens::django::DjangoTokens;
use crate::tokens::{Keyring, SecretKey};
use crate::worker::RunningWorker;
use crate::{BuildError, BuildErrorKind, PhoneAuth};

/// Puts a [`PhoneAuth`] together; [`PhoneAuth::builder`] begins.
///
/// Needed are a [site](Self::site), a [secret key](Self::secret_key) and a
/// [database](Self::database) or [store](Self::store). Everything else is as in the model.
///
/// # Examples
/// ```standalone_crate
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use phone_auth::{BuildErrorKind, PhoneAuth, SecretKey};
///
/// let folder = tempfile::tempdir()?;
/// let database = format!("sqlite:{}", folder.path().join("app.sqlite3").display());
/// let builder = PhoneAuth::builder()
///     .database(database)
///     .site("https://example.org")
///     .secret_key(SecretKey::generate()?);
///
/// // Nothing is linked here that would send the links people ask for.
/// let error = builder.build().await.unwrap_err();
/// assert_eq!(error.kind(), BuildErrorKind::NoReceiver);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing happens until `build` is called"]
pub struct PhoneAuthBuilder {
    site: Option<String>,
    key: Option<SecretKey>,
    fallbacks: Vec<SecretKey>,
    key_claim: KeyClaiming,
    pub(crate) settings: Settings,
    database: Database,
    hub: HubChoice,
    /// The signals that nobody receives on purpose.
    pub(crate) unreceived: Vec<&'static str>,
    /// The receivers that were told to leave a signal alone, and which.
    pub(crate) left_alone: Vec<(&'static str, &'static str)>,
    dispatch: Dispatch,
    worker: Option<WorkerOptions>,
    hasher: Option<GiveHasher>,
    django_tokens: Option<DjangoTokens>,
    django_sessions: Option<DjangoSessions>,
    #[cfg(feature = "web")]
    pub(crate) pages: Pages,
    #[cfg(feature = "development")]
    is_development: bool,
    /// The ids of ready receivers that have their state.
    #[cfg(feature = "delivery")]
    pub(crate) ready: Vec<&'static str>,
}

/// Gives the flows a hasher, whatever its type is.
type GiveHasher = Box<dyn FnOnce(AccountsBuilder) -> AccountsBuilder + Send>;

/// Whether the database is asked if the key is its own.
#[derive(Clone, Copy)]
enum KeyClaiming {
    Claimed,
    Replaced,
    Skipped,
}

/// What the flows tell.
enum HubChoice {
    ToBuild(SignalsBuilder),
    Ready(Signals),
}

impl PhoneAuthBuilder {
    pub(crate) fn new() -> Self {
        Self {
            site: None,
            key: None,
            fallbacks: Vec::new(),
            key_claim: KeyClaiming::Claimed,
            settings: Settings::default(),
            database: Database::default(),
            hub: HubChoice::ToBuild(Signals::builder()),
            unreceived: Vec::new(),
            left_alone: Vec::new(),
            dispatch: Dispatch::Background,
            worker: Some(WorkerOptions::default()),
            hasher: None,
            django_tokens: None,
            django_sessions: None,
            #[cfg(feature = "web")]
            pages: Pages::default(),
            #[cfg(feature = "development")]
            is_development: false,
            #[cfg(feature = "delivery")]
            ready: Vec::new(),
        }
    }

    /// The origin of the site, which every link that is sent begins with: `https://example.org`.
    ///
    /// Receivers may take it as state: an argument `&SiteOrigin`.
    pub fn site(mut self, origin: impl Into<String>) -> Self {
        self.site = Some(origin.into());
        self
    }

    /// The secret that links are signed with. Keep it: with another one, links sent before are void.
    ///
    /// The database keeps a fingerprint of it, so that a process with another one is refused: its links would
    /// not work anywhere else. To change keys, give the new one here and the old one as a
    /// [fallback](Self::fallback_key), at one process after the other, and leave the old one out when the links
    /// made with it have run out.
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.key = Some(key);
        self
    }

    /// An older secret that is still accepted, while it is being replaced.
    pub fn fallback_key(mut self, key: SecretKey) -> Self {
        self.fallbacks.push(key);
        self
    }

    /// Makes this secret key the database's, whichever it had before, without a declared change: for one start,
    /// after a key was lost. Links that were sent before are void; sessions, passwords and pending messages are not.
    ///
    /// # Security
    /// Left in, it lets processes with different keys run on one database, each refusing the links of the others.
    pub fn danger_replace_key(mut self) -> Self {
        self.key_claim = KeyClaiming::Replaced;
        self
    }

    /// Does not ask the database whether the secret key is its own, and does not have it keep the fingerprint: for
    /// who has asked by [`site_key`](crate::core::site_key), or builds only to see whether it can be done.
    ///
    /// # Security
    /// A process with another key sends links that nobody accepts. A worker goes on asking, unless
    /// [`WorkerOptions::checks_key`](crate::core::accounts::WorkerOptions::checks_key) is turned off too.
    pub fn danger_skip_key_check(mut self) -> Self {
        self.key_claim = KeyClaiming::Skipped;
        self
    }

    /// The settings; else those of the model.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The database, brought to the newest schema when it is opened: `sqlite:app.sqlite3`, a file that is
    /// made if it is not there, or `postgres://user@host/database` with the feature `postgres`.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database.store = StoreChoice::Named(name.into());
        self
    }

    /// How long a request waits for a locked database, or for a connection or an answer of a server, before
    /// it fails; else 5 seconds.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.database.busy_timeout = Some(timeout);
        self
    }

    /// A store that is open already, in place of a database. Messages are owed in it only if it is given as the
    /// [`outbox`](Self::outbox) too.
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.database.store = StoreChoice::Ready(store);
        self
    }

    /// Provides state: every receiver with an argument `&T` gets this value.
    ///
    /// It is for the hub made here; one that is [given](Self::signals) has its own.
    pub fn provide<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.provide_arc(Arc::new(value))
    }

    /// Provides state that others share, or that receivers know by a trait:
    /// `provide_arc::<dyn Mailer>(mailer)`.
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(self, value: Arc<T>) -> Self {
        self.with_hub(|hub| hub.provide_arc(value))
    }

    /// Leaves out the linked receivers with this id.
    pub fn switch_off(self, id: impl Into<String>) -> Self {
        self.with_hub(|hub| hub.switch_off(id))
    }

    /// The hub to tell, in place of one that is made here.
    pub fn signals(mut self, hub: Signals) -> Self {
        self.hub = HubChoice::Ready(hub);
        self
    }

    /// Accepts that nobody receives this signal. A flow that would send its message refuses, and says so: nobody is
    /// told that something is on its way which never comes.
    ///
    /// Without this, a flow that is switched on must have somebody who sends its messages.
    pub fn unreceived<E: Event>(mut self) -> Self {
        self.unreceived.push(E::signal().info().name);
        self
    }

    /// Where messages are owed until they are delivered; else in the database.
    pub fn outbox(mut self, outbox: Arc<dyn OutboxStore>) -> Self {
        self.database.outbox = OutboxChoice::Ready(outbox);
        self
    }

    /// Owes nothing: receivers of messages are called once, when [`dispatch`](Self::dispatch) says. A message that fails,
    /// or is under way when the process ends, is lost.
    pub fn without_outbox(mut self) -> Self {
        self.database.outbox = OutboxChoice::Without;
        self
    }

    /// How the worker works that delivers what is owed.
    pub fn worker(mut self, options: WorkerOptions) -> Self {
        self.worker = Some(options);
        self
    }

    /// Starts no worker: another process delivers what is owed, such as `phone-auth worker`.
    pub fn worker_elsewhere(mut self) -> Self {
        self.worker = None;
        self
    }

    /// When receivers run that are told of what happened, and of messages [without an outbox](Self::without_outbox); else
    /// [in the background](Dispatch::Background), so that no answer tells by its time whether a message was sent.
    pub fn dispatch(mut self, dispatch: Dispatch) -> Self {
        self.dispatch = dispatch;
        self
    }

    /// The hasher of passwords; else Argon2id with its usual limits.
    ///
    /// A site that took over from Django gives one
    /// [with legacy hashes](crate::core::password::Argon2Hasher::with_legacy_hashes).
    pub fn hasher(mut self, hasher: impl PasswordHasher + 'static) -> Self {
        self.hasher = Some(Box::new(|accounts| accounts.hasher(hasher)));
        self
    }

    /// Accepts the links that a site of django-phone-auth has sent, until the window of the tokens closes;
    /// else none.
    pub fn django_tokens(mut self, tokens: DjangoTokens) -> Self {
        self.django_tokens = Some(tokens);
        self
    }

    /// Shares sessions with a Django site on the same database; else they are our own.
    pub fn django_sessions(mut self, sessions: DjangoSessions) -> Self {
        self.django_sessions = Some(sessions);
        self
    }

    /// Prints messages as lines and keeps them in a mailbox, for a site on one's own machine.
    ///
    /// # Security
    /// Whoever sees a line or the mailbox can reset the password of the person it is for. So the builder refuses it
    /// for a [site](Self::site) that is not on a loopback address; but a proxy makes a site public whatever it is called:
    /// let whoever starts the application ask for this mode, and nothing else. A page that shows the mailbox needs a
    /// secret of its own, as that of `phone-auth` has: no `Host`, header or peer address tells who asks.
    #[cfg(feature = "development")]
    pub fn development(
        mut self,
        mailbox: crate::delivery::development::Mailbox,
        lines: crate::delivery::development::LinePrinter,
    ) -> Self {
        self.is_development = true;
        self.provide(mailbox).provide(lines)
    }

    /// Opens the database, puts everything together, and starts the worker on the Tokio runtime of the caller. The worker
    /// lives as long as the runtime, or until [`PhoneAuth::shut_down`].
    ///
    /// It waits for a database that is reached over a network; for a file it blocks a moment.
    ///
    /// # Errors
    /// [`BuildError`], with the cause as its source:
    /// - [`Site`](BuildErrorKind::Site): there is none, or it is not an origin.
    /// - [`SecretKey`](BuildErrorKind::SecretKey): there is none.
    /// - [`Database`](BuildErrorKind::Database): there is none, or its name is not `sqlite:PATH` or, with the feature
    ///   `postgres`, a URL that names a user.
    /// - [`Store`](BuildErrorKind::Store): the database cannot be opened or migrated, or does not answer.
    /// - [`ForeignKey`](BuildErrorKind::ForeignKey): the database belongs to another secret key.
    /// - [`Settings`](BuildErrorKind::Settings): a setting cannot be used.
    /// - [`Signals`](BuildErrorKind::Signals): a receiver takes state that nobody provided, two have
    ///   the same id, or the linker dropped some.
    /// - [`NoReceiver`](BuildErrorKind::NoReceiver): nobody receives a signal that a flow needs.
    /// - [`Development`](BuildErrorKind::Development): messages would be shown on a site that others see.
    /// - [`Web`](BuildErrorKind::Web): a template has a mistake.
    ///
    /// # Cancel safety
    /// A dropped call may leave a new database behind; the next call goes on from there.
    pub async fn build(mut self) -> Result<PhoneAuth, BuildError> {
        let site = match self.site.take() {
            None => return Err(BuildError::new(BuildErrorKind::Site)),
            Some(site) => SiteOrigin::parse(&site)
                .map_err(|error| BuildError::with_source(BuildErrorKind::Site, error))?,
        };
        #[cfg(feature = "development")]
        if self.is_development && !site.is_loopback() {
            return Err(BuildError::new(BuildErrorKind::Development));
        }
        let key = self
            .key
            .take()
            .ok_or(BuildError::new(BuildErrorKind::SecretKey))?;
        let keyring = self
            .fallbacks
            .drain(..)
            .fold(Keyring::new(key), Keyring::with_fallback);
        self.settings
            .validate()
            .map_err(|error| BuildError::with_source(BuildErrorKind::Settings, error))?;
        let hub = self.take_hub(&site)?;
        let unreceived = self.missing_receivers(&hub);
        if !unreceived.is_empty() {
            return Err(BuildError::no_receiver(unreceived));
        }
        let unsent = self.unsent(&hub);
        let (store, outbox) = std::mem::take(&mut self.database).open().await?;
        claim_key(self.key_claim, &*store, &keyring).await?;
        let mut accounts = Accounts::builder(store, keyring)
            .settings(self.settings)
            .signals(hub)
            .unreceived(unsent)
            .dispatch(self.dispatch);
        if let Some(outbox) = outbox {
            accounts = accounts.outbox(outbox);
        }
        if let Some(give) = self.hasher {
            accounts = give(accounts);
        }
        if let Some(tokens) = self.django_tokens {
            accounts = accounts.django_tokens(tokens);
        }
        if let Some(sessions) = self.django_sessions {
            accounts = accounts.django_sessions(sessions);
        }
        let accounts = accounts.build().map_err(of_accounts)?;
        #[cfg(feature = "web")]
        let web = self.pages.build(accounts.clone(), site.clone())?;
        // Last: a worker of flows that were never handed over would go on sending.
        let worker = self
            .worker
            .and_then(|options| accounts.outbox_worker(options))
            .map(|worker| Arc::new(RunningWorker::start(worker)));
        Ok(PhoneAuth {
            #[cfg(feature = "web")]
            web,
            accounts,
            site,
            worker,
        })
    }

    fn take_hub(&mut self, site: &SiteOrigin) -> Result<Signals, BuildError> {
        let hub = match std::mem::replace(&mut self.hub, HubChoice::ToBuild(Signals::builder())) {
            HubChoice::Ready(hub) => return Ok(hub),
            HubChoice::ToBuild(hub) => hub.provide(site.clone()),
        };
        #[cfg(feature = "development")]
        let hub = if self.is_development {
            hub
        } else {
            crate::delivery::development::RECEIVERS
                .iter()
                .fold(hub, |hub, id| hub.switch_off(*id))
        };
        #[cfg(feature = "delivery")]
        let hub = crate::ready::without_others(hub, &self.ready);
        hub.build()
            .map_err(|error| BuildError::with_source(BuildErrorKind::Signals, error))
    }

    fn with_hub(mut self, change: impl FnOnce(SignalsBuilder) -> SignalsBuilder) -> Self {
        if let HubChoice::ToBuild(hub) = self.hub {
            self.hub = HubChoice::ToBuild(change(hub));
        }
        self
    }
}

/// The kind of error that the flows have in mind. Everything they could object to was looked at
/// before, but they have the last word.
fn of_accounts(error: accounts::BuildError) -> BuildError {
    let kind = match error.kind() {
        accounts::BuildErrorKind::Signals => BuildErrorKind::Signals,
        _ => BuildErrorKind::Settings,
    };
    BuildError::with_source(kind, error)
}

/// Asks the database whether it belongs to this key.
async fn claim_key(
    claiming: KeyClaiming,
    store: &dyn Store,
    keyring: &Keyring,
) -> Result<(), BuildError> {
    let claimed = match claiming {
        KeyClaiming::Skipped => return Ok(()),
        KeyClaiming::Replaced => site_key::replace(store, keyring).await,
        KeyClaiming::Claimed => site_key::claim(store, keyring).await.map(drop),
    };
    claimed.map_err(|error| match error.kind() {
        SiteKeyErrorKind::Foreign => BuildError::new(BuildErrorKind::ForeignKey),
        _ => BuildError::with_source(BuildErrorKind::Store, error),
    })
}

impl fmt::Debug for PhoneAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneAuthBuilder")
            .field("site", &self.site)
            .field("settings", &self.settings)
            .field("dispatch", &self.dispatch)
            .finish_non_exhaustive()
    }
}
