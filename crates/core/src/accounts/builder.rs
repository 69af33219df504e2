//! Puts the flows together.

mod elsewhere;
mod messages;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use phone_auth_events::Signals;
use phone_auth_tokens::Keyring;
use phone_auth_urls::AccountRoutes;

use super::build_error::{BuildError, BuildErrorKind};
use super::devices::DeviceKeys;
use super::own_sessions::OwnSessions;
use super::{Accounts, AccountsHandle, Dispatch, Inner};
use crate::address::AddressKind;
use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::foreign_tokens::ForeignTokens;
use crate::gate::Gate;
use crate::limits::{Limiter, MemoryLimits};
use crate::link::Links;
use crate::outbox::{Outbox, OutboxParts};
use crate::password::{Argon2Hasher, PasswordCheck, PasswordHasher, PasswordPolicy};
use crate::randomness::{Randomness, SystemRandomness};
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::store::{LimitStore, OutboxStore, Store};

/// Where the pages are unless something else is said, as in django-phone-auth.
const DEFAULT_MOUNT: &str = "/accounts/";

/// How long receivers may take inside a flow unless something else is said.
const DEFAULT_DISPATCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Puts [`Accounts`] together; [`Accounts::builder`] begins. What is not said is as in django-phone-auth.
#[must_use = "nothing happens until `build` is called"]
pub struct AccountsBuilder {
    store: Arc<dyn Store>,
    keyring: Keyring,
    settings: Settings,
    routes: Option<AccountRoutes>,
    signals: Option<Signals>,
    handles: Vec<AccountsHandle>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    hasher: Option<Arc<dyn PasswordHasher>>,
    dispatch: Dispatch,
    dispatch_timeout: Duration,
    outbox: Option<Arc<dyn OutboxStore>>,
    limits: Option<Arc<dyn LimitStore>>,
    gate: Option<Arc<dyn Gate>>,
    allow_unreceived: Vec<&'static str>,
    users_are_from_elsewhere: bool,
    pub(super) notices_elsewhere: Vec<AddressKind>,
    foreign_tokens: Option<Box<dyn ForeignTokens>>,
    sessions: Option<Arc<dyn Sessions>>,
    policy: PasswordPolicy,
}

impl AccountsBuilder {
    pub(super) fn new(store: Arc<dyn Store>, keyring: Keyring) -> Self {
        Self {
            store,
            keyring,
            settings: Settings::default(),
            routes: None,
            signals: None,
            handles: Vec::new(),
            clock: Arc::new(SystemClock),
            randomness: Arc::new(SystemRandomness),
            hasher: None,
            dispatch: Dispatch::default(),
            dispatch_timeout: DEFAULT_DISPATCH_TIMEOUT,
            outbox: None,
            limits: None,
            gate: None,
            allow_unreceived: Vec::new(),
            users_are_from_elsewhere: false,
            notices_elsewhere: Vec::new(),
            foreign_tokens: None,
            sessions: None,
            policy: PasswordPolicy::default(),
        }
    }

    /// One more check of passwords that users want to have, beside those of [`PasswordPolicy`].
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::form::Field;
    /// use phone_auth_core::password::{Password, PasswordCheck, PasswordProblem};
    ///
    /// struct NoSpaces;
    ///
    /// impl PasswordCheck for NoSpaces {
    ///     fn check(&self, password: &Password, _known: &[(Field, &str)]) -> Option<PasswordProblem> {
    ///         let has_one = password.reveal().contains(' ');
    ///         has_one.then_some(PasswordProblem::Refused { words: "The old till cannot take spaces." })
    ///     }
    /// }
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.password_check(NoSpaces).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn password_check(mut self, check: impl PasswordCheck + 'static) -> Self {
        self.policy = self.policy.with_check(check);
        self
    }

    /// The settings; else those of django-phone-auth.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::settings::Settings;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let mut settings = Settings::default();
    /// settings.register_phone_required = false;
    /// let accounts = builder.settings(settings).build()?;
    /// assert!(!accounts.settings().register_phone_required);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The dispatcher that is told what happens; else one with the linked receivers and no state.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::signals::Signals;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.signals(Signals::isolated()).build()?; // no linked receiver is called by it
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signals(mut self, signals: Signals) -> Self {
        self.signals = Some(signals);
        self
    }

    /// The dispatcher that was given, if one was: for the one who would give another.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::signals::Signals;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// assert!(builder.given_signals().is_none());
    /// assert!(builder.signals(Signals::isolated()).given_signals().is_some());
    /// # Ok::<(), phone_auth_tokens::SecretKeyError>(())
    /// ```
    pub fn given_signals(&self) -> Option<&Signals> {
        self.signals.as_ref()
    }

    /// The handle by which receivers find these flows: see [`AccountsHandle`]. Of a handle that is given twice, the flows
    /// that are built first have it.
    ///
    /// # Examples
    /// See [`AccountsHandle`].
    pub fn handle(mut self, handle: &AccountsHandle) -> Self {
        self.handles.push(handle.clone());
        self
    }

    /// The clock; else the machine's.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use phone_auth_core::clock::ManualClock;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let clock = ManualClock::starting_now();
    /// let accounts = builder.clock(clock.clone()).build()?;
    /// // A week later, without waiting for it.
    /// clock.advance(Duration::from_secs(7 * 24 * 60 * 60));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The source of session keys, salts and made-up usernames; else the operating system's.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::randomness::RepeatableRandomness;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// // In a test: the same keys each time.
    /// let accounts = builder.randomness(RepeatableRandomness::danger_from_seed(7)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn randomness(mut self, randomness: impl Randomness + 'static) -> Self {
        self.randomness = Arc::new(randomness);
        self
    }

    /// The hasher; else [`Argon2Hasher`] with its usual limits. One hasher should serve the whole
    /// process, for its limits are what bounds the memory.
    ///
    /// # Examples
    /// ```
    /// use std::num::NonZeroUsize;
    ///
    /// use phone_auth_core::password::Argon2Hasher;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// // One password at once, 19 MiB, and at most 16 requests that wait for it.
    /// let hasher = Argon2Hasher::with_limits(NonZeroUsize::MIN, 16);
    /// let accounts = builder.hasher(hasher).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hasher(mut self, hasher: impl PasswordHasher + 'static) -> Self {
        self.hasher = Some(Arc::new(hasher));
        self
    }

    /// When receivers run; else [`Dispatch::InRequest`].
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::Dispatch;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.dispatch(Dispatch::Background).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dispatch(mut self, dispatch: Dispatch) -> Self {
        self.dispatch = dispatch;
        self
    }

    /// How long the receivers of one event may take together under [`Dispatch::InRequest`]; else 10
    /// seconds. A dispatcher can also bound each receiver on its own.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.dispatch_timeout(Duration::from_secs(2)).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dispatch_timeout(mut self, timeout: Duration) -> Self {
        self.dispatch_timeout = timeout;
        self
    }

    /// Where messages wait until they are delivered: mostly the store once more. Without it the flows tell the
    /// receivers of messages themselves, once, when [`dispatch`](Self::dispatch) says, after the store has committed; a
    /// message that fails, or is under way when the process ends, is lost.
    ///
    /// Anyone who sets it has an [`OutboxWorker`](crate::outbox::OutboxWorker) run, in this process or in another.
    ///
    /// # Examples
    /// ```
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.outbox(store).build()?;
    /// assert!(accounts.outbox().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn outbox(mut self, outbox: Arc<dyn OutboxStore>) -> Self {
        self.outbox = Some(outbox);
        self
    }

    /// Where counters of [limits](crate::settings::Settings::limits) are kept: mostly the store once more. Without it they
    /// are in the memory of this process, so that others do not know them and a restart forgets them.
    ///
    /// # Examples
    /// ```
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.limits(Arc::new(MemoryStore::new())).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn limits(mut self, limits: Arc<dyn LimitStore>) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Who decides whether a flow begins; else every one does. See [`Gate`].
    ///
    /// # Examples
    /// See [`Gate`].
    pub fn gate(mut self, gate: impl Gate + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// The signals whose messages nobody sends: flows that would ask for one refuse, so that nobody is told that a
    /// message is on its way which never comes.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::signals::{Event, ResetPasswordPhone, VerifyPhone};
    ///
    #[doc = include_str!("example_builder.txt")]
    /// // A site that sends no text messages.
    /// let accounts = builder
    ///     .allow_unreceived([VerifyPhone::signal().info().name, ResetPasswordPhone::signal().info().name])
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allow_unreceived(mut self, signals: impl IntoIterator<Item = &'static str>) -> Self {
        self.allow_unreceived.extend(signals);
        self
    }

    /// Accepts the links that another site has sent, such as `DjangoTokens` of `phone-auth-django`; else none. None of
    /// that form is ever made.
    ///
    /// # Examples
    /// ```
    /// use chrono::{DateTime, Utc};
    /// use phone_auth_core::address::AddressRecord;
    /// use phone_auth_core::foreign_tokens::ForeignTokens;
    /// use phone_auth_core::user::User;
    ///
    /// /// A site that was closed: its links do nothing.
    /// struct Closed;
    ///
    /// impl ForeignTokens for Closed {
    ///     fn resets(&self, _user: &User, _token: &str, _now: DateTime<Utc>) -> bool {
    ///         false
    ///     }
    ///
    ///     fn verifies(&self, _address: &AddressRecord, _token: &str, _now: DateTime<Utc>) -> bool {
    ///         false
    ///     }
    ///
    ///     fn is_older(&self, _token: &str, _time: DateTime<Utc>) -> bool {
    ///         true
    ///     }
    /// }
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.foreign_tokens(Closed).build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn foreign_tokens(mut self, tokens: impl ForeignTokens + 'static) -> Self {
        self.foreign_tokens = Some(Box::new(tokens));
        self
    }

    /// Where sessions are kept, such as `DjangoSessions` of `phone-auth-django`, which shares them with a Django site on
    /// the same database; else they are our own, in the store. Sessions of another kind are then nobody's.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{Accounts, AccountsBuilder, BuildError};
    /// use phone_auth_core::sessions::Sessions;
    ///
    /// /// With the sessions of another program on the same database.
    /// fn accounts(builder: AccountsBuilder, sessions: impl Sessions + 'static) -> Result<Accounts, BuildError> {
    ///     builder.sessions(sessions).build()
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sessions(mut self, sessions: impl Sessions + 'static) -> Self {
        self.sessions = Some(Arc::new(sessions));
        self
    }

    /// The flows.
    ///
    /// # Errors
    /// - [`BuildErrorKind::Settings`]: a setting cannot be used; the source names it.
    /// - [`BuildErrorKind::Signals`]: no dispatcher was given and the linked receivers cannot be used as they
    ///   are, such as when one needs state; or some are durable and there is no outbox. The source names them.
    /// - [`BuildErrorKind::Routes`]: the default routes cannot be made.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::BuildErrorKind;
    /// use phone_auth_core::settings::Settings;
    ///
    #[doc = include_str!("example_builder.txt")]
    /// let mut settings = Settings::default();
    /// settings.login_redirect_url = "https://elsewhere.example/".to_owned();
    /// let error = builder.settings(settings).build().unwrap_err();
    /// assert_eq!(error.kind(), BuildErrorKind::Settings);
    /// assert_eq!(error.setting().map(|it| it.setting()), Some("login_redirect_url"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<Accounts, BuildError> {
        let wrong = |error| BuildError::new(BuildErrorKind::Settings, error);
        self.validate_settings().map_err(wrong)?;
        let signals = self.signals.map_or_else(linked_signals, Ok)?;
        let routes = self.routes.map_or_else(default_routes, Ok)?;
        self.settings.validate_routes(&routes).map_err(wrong)?;
        let hasher = self.hasher.unwrap_or_else(|| {
            Arc::new(Argon2Hasher::new().with_randomness(Arc::clone(&self.randomness)))
        });
        let device_keys = DeviceKeys::new(&self.keyring);
        let limits = self.limits.unwrap_or_else(|| Arc::new(MemoryLimits::new()));
        let limiter = Arc::new(Limiter::new(limits, &self.keyring));
        let links = Arc::new(Links::new(
            self.keyring,
            routes.clone(),
            self.foreign_tokens,
            signals.clone(),
            (&self.settings, &self.allow_unreceived),
        ));
        if self.outbox.is_none() {
            super::durable::refuse_receivers(&signals)?;
        }
        let outbox = self.outbox.map(|store| {
            Outbox::new(OutboxParts {
                store,
                users: Arc::clone(&self.store),
                limiter: Arc::clone(&limiter),
                counts_texts: self.settings.limits.count_texts(),
                links: Arc::clone(&links),
                signals: signals.clone(),
                clock: Arc::clone(&self.clock),
                randomness: Arc::clone(&self.randomness),
                limit: self.settings.max_pending_messages,
            })
        });
        let sessions = self
            .sessions
            .unwrap_or_else(|| Arc::new(OwnSessions(Arc::clone(&self.store))));
        if sessions.are_shared() {
            self.settings.validate_shared_sessions().map_err(wrong)?;
        }
        let min_chars = usize::try_from(self.settings.password_min_length).unwrap_or(usize::MAX);
        let inner = Arc::new(Inner {
            sessions,
            store: self.store,
            device_keys,
            limiter,
            turns: super::turns::Turns::default(),
            going_on: super::to_the_end::GoingOn::default(),
            allowed_answers: super::gate::AllowedAnswers::default(),
            asked_lately: super::lately::Lately::default(),
            begun_lately: super::lately::Lately::default(),
            links,
            settings: self.settings,
            routes,
            signals,
            clock: self.clock,
            randomness: self.randomness,
            hasher,
            policy: self.policy.with_min_chars(min_chars),
            dispatch: self.dispatch,
            dispatch_timeout: self.dispatch_timeout,
            outbox,
            gate: self.gate,
            allow_unreceived: self.allow_unreceived,
            notices_elsewhere: self.notices_elsewhere,
        });
        for handle in &self.handles {
            handle.set(&inner);
        }
        Ok(Accounts {
            inner,
            language: None,
            channel: None,
            client: Client::new(),
            keeps_signed_in: false,
            gate_answer: None,
            browser: None,
        })
    }
}

/// The receivers that the linker found.
fn linked_signals() -> Result<Signals, BuildError> {
    Signals::linked().map_err(|error| BuildError::new(BuildErrorKind::Signals, error))
}

/// The routes of a site that names none.
fn default_routes() -> Result<AccountRoutes, BuildError> {
    AccountRoutes::new(DEFAULT_MOUNT)
        .map_err(|error| BuildError::new(BuildErrorKind::Routes, error))
}

impl fmt::Debug for AccountsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountsBuilder")
            .field("settings", &self.settings)
            .field("routes", &self.routes)
            .field("dispatch", &self.dispatch)
            .finish_non_exhaustive()
    }
}
