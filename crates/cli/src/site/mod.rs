//! The parts of the site, put together as the settings say.

pub(crate) mod mailbox_page;
pub(crate) mod pages;
pub(crate) mod receivers;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use phone_auth::core::accounts::{AccountsBuilder, AccountsHandle};
use phone_auth::core::outbox::WorkerOptions;
use phone_auth::core::password::{Argon2Hasher, PasswordStrength};
use phone_auth::core::site_key::KeyClaim;
use phone_auth::core::store::PublicSite;
use phone_auth::delivery::development::{self, LinePrinter, Mailbox};
use phone_auth::signals::{SetupError, SetupErrorKind, SignalsBuilder};
use phone_auth::{
    Accounts, BuildError, BuildErrorKind, Database, Keyring, PhoneAuth, SecretKey, Signals,
    SiteOrigin,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use self::mailbox_page::MailboxPage;
use self::receivers::Destination;
use crate::configuration::Configuration;
use crate::database::django::{self, Django};
use crate::database::{self, OpenStore, Opened};
use crate::delivery::Delivery;
use crate::exit::Failure;
use crate::secrets::keys::Keys;
use crate::start::mode::{self, Found, Mode, Process};
use crate::start::setup::Setup;
use crate::start::{self, Prepared};

/// How many messages the mailbox keeps.
pub(crate) const MAILBOX_ROOM: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// Up to how many pending messages are counted.
const MOST_COUNTED: u32 = 1_000_000;

/// How long closing the database may take.
const CLOSING: Duration = Duration::from_secs(1);

/// A site that is ready to be served.
pub(crate) struct Site {
    pub(crate) auth: PhoneAuth,
    /// The page that shows the messages, in development mode.
    pub(crate) mailbox: Option<MailboxPage>,
    /// Where the messages of each signal go.
    pub(crate) destinations: Vec<Destination>,
    pub(crate) database: String,
    pub(crate) database_made: bool,
    /// How many migrations were applied just now.
    pub(crate) migrated: usize,
    pub(crate) key_path: PathBuf,
    pub(crate) key_made: bool,
    pub(crate) key_claim: KeyClaim,
    /// What an operator should know although the site can start.
    pub(crate) notes: Vec<String>,
}

impl Site {
    /// Lets go of everything. Closing a database waits for what is being written, which may wait for the one who has
    /// locked it: longer than a moment, the program ends without it. What nobody was told of may be undone.
    pub(crate) async fn close(self) {
        let closing = tokio::task::spawn_blocking(move || drop(self));
        // Whether it was closed in time makes no difference any more.
        drop(timeout(CLOSING, closing).await);
    }
}

/// A runtime for one command.
///
/// # Errors
/// When the system gives no threads.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)
}

/// The mode that the settings and the linked receivers make.
///
/// # Errors
/// When messages would be lost or shown to others, or by a channel that is offered nobody sends.
pub(crate) fn mode(configuration: &Configuration, process: Process) -> Result<Mode, Failure> {
    let reception = receivers::reception(configuration);
    let mode = mode::decide(configuration, &reception, process).map_err(Failure::wrong)?;
    if mode == Mode::Delivery
        && let Some(channel) = receivers::unsent_channel(configuration)
    {
        let why = format!(
            "nobody would send by {channel}: the SMS gateway sends text messages; set webhook.url or nats.url to have a \
             service send it, link a receiver that does, or leave {channel} out"
        );
        let refused = configuration.sources.refuse("phone_channels", why);
        return Err(Failure::wrong(refused));
    }
    Ok(mode)
}

/// Refuses to show the messages of a site that sends them.
///
/// # Errors
/// As [`mode::assume_beside`], and when the database cannot be asked.
pub(crate) async fn keep_messages(
    configuration: &Configuration,
    mode: Mode,
    store: &OpenStore,
) -> Result<(), Failure> {
    let pending = store.outbox().pending_messages(MOST_COUNTED).await;
    let public = store.store().public_site().await.map_err(Failure::failed)?;
    let found = Found {
        database: &store.place(),
        pending: pending.map_err(Failure::failed)?,
        public: public.as_ref().map(PublicSite::origin),
    };
    mode::assume_beside(configuration, mode, found).map_err(Failure::wrong)
}

/// Has the database keep that others are served from it, if they are: no development mode is assumed there any more.
async fn note_public(
    configuration: &Configuration,
    mode: Mode,
    origin: &SiteOrigin,
    store: &OpenStore,
) -> Result<(), Failure> {
    let reception = receivers::reception(configuration);
    if mode == Mode::Delivery && mode::serves_others(configuration, &reception) {
        let site = PublicSite::new(origin.clone(), &configuration.site.mount);
        let noted = store.store().note_public_site(&site).await;
        noted.map_err(Failure::failed)?;
    }
    Ok(())
}

/// Refuses a worker whose links would lead to another site than the one that the messages are of.
async fn belongs_to(
    configuration: &Configuration,
    origin: &SiteOrigin,
    store: &OpenStore,
) -> Result<(), Failure> {
    let site = store.store().public_site().await.map_err(Failure::failed)?;
    let Some(site) = site else {
        return Ok(());
    };
    let refuse = |setting, why| Err(Failure::wrong(configuration.sources.refuse(setting, why)));
    if site.origin() != origin {
        let site = site.origin();
        let why = format!(
            "the site of this database is {site}, and its links would lead to {origin}; write site_url = \"{site}\", or \
             start the site with its new address first"
        );
        return refuse("site_url", why);
    }
    let own = &configuration.site.mount;
    match site.mount().filter(|mount| mount != own) {
        Some(mount) => {
            let why = format!(
                "the site of this database has its pages under {mount}, and links would lead to {own}; write mount = \
                 \"{mount}\", or start the site with its new mount first"
            );
            refuse("mount", why)
        }
        None => Ok(()),
    }
}

/// What becomes of a database that lacks a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// It is brought to the newest schema, and made if it is not there.
    Newest,
    /// It is refused.
    AsItIs,
}

/// Puts the site together: database, key, receivers, flows and pages.
///
/// # Errors
/// When one of them cannot be used.
pub(crate) async fn open(
    configuration: &Configuration,
    mut prepared: Prepared,
    origin: SiteOrigin,
    worker: Option<WorkerOptions>,
    schema: Schema,
) -> Result<Site, Failure> {
    let mut opened = match schema {
        Schema::Newest => database::open_unchanged(configuration).await?,
        Schema::AsItIs => Opened::as_it_was(database::open_current(configuration).await?),
    };
    opened.store.warn_of_readers();
    let (keys, django) = (Some(&mut prepared.keys), Some(&prepared.django));
    start::before_migrations(configuration, keys, django, &opened.store).await?;
    if schema == Schema::Newest {
        opened.migrate().await?;
    }
    let (keys, mode) = (Some(&mut prepared.keys), Some(prepared.mode));
    start::suits(configuration, keys, mode, &opened.store).await?;
    let Prepared {
        mode,
        mailbox,
        signals,
        accounts,
        keys,
        django,
        notes,
    } = prepared;
    let (keys, key_claim) = keys.claim(&opened.store).await?;
    match schema {
        Schema::Newest => note_public(configuration, mode, &origin, &opened.store).await?,
        // Nothing is sent, and the links that are shown lead here: it may be a copy of the database of a site.
        Schema::AsItIs if mode == Mode::Development => {}
        Schema::AsItIs => belongs_to(configuration, &origin, &opened.store).await?,
    }
    let database = opened.store.place();
    let (key_path, key_made) = (keys.path(), keys.made());
    let parts = Parts {
        signals,
        accounts,
        origin,
        keyring: keys.ring()?,
        django,
        store: opened.store,
        worker,
    };
    Ok(Site {
        auth: assemble(configuration, parts).await?,
        mailbox,
        destinations: receivers::destinations(configuration),
        database,
        database_made: opened.made,
        migrated: opened.applied.len(),
        key_path,
        key_made,
        key_claim,
        notes,
    })
}

/// What the settings do not hold.
pub(crate) struct Parts {
    pub(crate) signals: Signals,
    /// By which its receivers find the flows.
    pub(crate) accounts: AccountsHandle,
    pub(crate) origin: SiteOrigin,
    /// The key and its fallbacks.
    pub(crate) keyring: Keyring,
    /// What of Django's is accepted.
    pub(crate) django: Django,
    pub(crate) store: OpenStore,
    /// How messages are delivered, if this process does that.
    pub(crate) worker: Option<WorkerOptions>,
}

/// Puts flows and pages together.
///
/// # Errors
/// When a template has a mistake.
pub(crate) async fn assemble(
    configuration: &Configuration,
    parts: Parts,
) -> Result<PhoneAuth, Failure> {
    let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let hasher = Argon2Hasher::with_limits(cores, configuration.server.hashing_queue)
        .with_legacy_hashes(django::hashes(&configuration.django));
    let sessions = django::sessions(
        &configuration.django,
        &configuration.sources,
        parts.django.session_keys,
        parts.store.django_sessions(),
    )
    .await?;
    let database = Database::from_parts(parts.store.store(), Some(parts.store.outbox()))
        .with_limits(parts.store.limits());
    let settings = configuration.account_settings();
    let strength = PasswordStrength::at_least(configuration.passwords.min_score);
    let mut auth = PhoneAuth::builder(parts.origin, parts.keyring, database)
        .mount(&configuration.site.mount)
        .accounts(|accounts| {
            accounts
                .handle(&parts.accounts)
                .settings(settings)
                .hasher(hasher)
                .password_check(strength)
        })
        .signals(parts.signals)
        .web(pages::described(configuration))
        // The database was asked before, where its answer can be told with the names of files.
        .danger_skip_key_check();
    if let Some(tokens) = parts.django.tokens {
        auth = auth.accounts(|accounts| accounts.foreign_tokens(tokens));
    }
    if let Some(sessions) = sessions {
        auth = auth.accounts(|accounts| accounts.sessions(sessions));
    }
    if configuration.site.users_from_elsewhere {
        auth = auth.accounts(AccountsBuilder::users_from_elsewhere);
    }
    let allowed = configuration.messages.allow_unreceived.iter().copied();
    auth = allowed.fold(auth, receivers::without);
    auth = match parts.worker {
        Some(options) => auth.worker(|_| options),
        None => auth.without_worker(),
    };
    auth.build().await.map_err(of_build)
}

/// The origin of links where nothing is listened on: as set, or the address that a site would listen on.
///
/// # Errors
/// None that can be met with.
pub(crate) fn links_begin_with(configuration: &Configuration) -> Result<SiteOrigin, Failure> {
    match &configuration.site.url {
        Some(origin) => Ok(origin.clone()),
        None => SiteOrigin::parse(&format!("http://{}", configuration.server.addr))
            .map_err(Failure::failed),
    }
}

/// The dispatcher with everything provided; the development receivers are on if there is a mailbox.
///
/// # Errors
/// When a receiver cannot be used as it is.
pub(crate) fn dispatcher(
    setup: &mut Setup,
    origin: &SiteOrigin,
    mailbox: Option<&Mailbox>,
) -> Result<Signals, Failure> {
    let delivery = Delivery::build(&setup.configuration, origin)?;
    let dispatcher = delivery.provide(provided(setup, origin));
    let dispatcher = match mailbox {
        Some(mailbox) => dispatcher
            .provide(mailbox.clone())
            .provide(LinePrinter::new(std::io::stdout())),
        None => without_development(dispatcher),
    };
    built(setup, dispatcher)
}

/// A dispatcher with the state that was given to the program, and the origin of the site.
fn provided(setup: &mut Setup, origin: &SiteOrigin) -> SignalsBuilder {
    let timeout = setup.configuration.messages.receiver_timeout;
    let dispatcher = setup.provide(Signals::builder().timeout(timeout));
    match dispatcher.provided::<SiteOrigin>() {
        Some(_) => dispatcher,
        None => dispatcher.provide(origin.clone()),
    }
}

fn without_development(dispatcher: SignalsBuilder) -> SignalsBuilder {
    let receivers = development::RECEIVERS.iter();
    receivers.fold(dispatcher, |dispatcher, id| {
        dispatcher.disable_receiver(*id)
    })
}

/// Disables what the settings name.
fn built(setup: &Setup, mut dispatcher: SignalsBuilder) -> Result<Signals, Failure> {
    for id in &setup.configuration.messages.disabled_receivers {
        dispatcher = dispatcher.disable_receiver(id.as_str());
    }
    dispatcher.build().map_err(|error| of_setup(&error))
}

/// Who sends the messages of what an operator does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SentBy {
    /// The worker of the site: the messages are enqueued, and what sends them is not set up here.
    Worker,
    /// This process, at once: of a user who is gone nothing waits.
    Here,
}

/// The flows alone, for an operator at the command line: no pages, and no key, for no link with a token is made. The
/// receivers of the program's own signals are told.
///
/// # Errors
/// When the database or a receiver cannot be used.
pub(crate) async fn accounts_for_operator(
    mut setup: Setup,
    schema: Schema,
    sent_by: SentBy,
) -> Result<Accounts, Failure> {
    let origin = links_begin_with(&setup.configuration)?;
    let mut dispatcher = without_development(provided(&mut setup, &origin));
    if sent_by == SentBy::Here {
        dispatcher = Delivery::build(&setup.configuration, &origin)?.provide(dispatcher);
    }
    let signals = built(&setup, dispatcher)?;
    let keyring = random_keyring()?;
    operators(
        setup.configuration,
        &setup.accounts,
        signals,
        schema,
        keyring,
    )
    .await
}

/// The flows for what an operator does that tells no receiver: what those need is not asked for.
///
/// # Errors
/// When the database is not there or cannot be used.
pub(crate) async fn without_receivers(setup: Setup) -> Result<Accounts, Failure> {
    let (handle, signals) = (AccountsHandle::new(), Signals::isolated());
    let (configuration, keyring) = (setup.configuration, random_keyring()?);
    operators(configuration, &handle, signals, Schema::AsItIs, keyring).await
}

/// The same with the key of the site, which alone finds the counters of limits: they are under keyed digests.
///
/// # Errors
/// As for [`without_receivers`], and when the key is not there or not that of the database.
pub(crate) async fn with_key(setup: Setup) -> Result<Accounts, Failure> {
    let configuration = setup.configuration;
    let mut keys = Keys::read(&configuration)?;
    keys.look(&database::open_current(&configuration).await?)
        .await?;
    let (handle, signals, keyring) = (AccountsHandle::new(), Signals::isolated(), keys.ring()?);
    operators(configuration, &handle, signals, Schema::AsItIs, keyring).await
}

/// A key for flows that make no links and look up no counters.
fn random_keyring() -> Result<Keyring, Failure> {
    let key = SecretKey::generate().map_err(Failure::failed)?;
    Ok(Keyring::new(key))
}

async fn operators(
    configuration: Configuration,
    handle: &AccountsHandle,
    signals: Signals,
    schema: Schema,
    keyring: Keyring,
) -> Result<Accounts, Failure> {
    let store = match schema {
        Schema::Newest => {
            let opened = database::open(&configuration).await?;
            opened.note_applied();
            opened.store
        }
        Schema::AsItIs => database::open_current(&configuration).await?,
    };
    let mut accounts = Accounts::builder(store.store(), keyring);
    if configuration.site.users_from_elsewhere {
        accounts = accounts.users_from_elsewhere();
    }
    accounts
        .handle(handle)
        .notices_received_elsewhere(receivers::kinds_of_notices(&configuration))
        .outbox(store.outbox())
        .limits(store.limits())
        .settings(configuration.account_settings())
        .password_check(PasswordStrength::at_least(
            configuration.passwords.min_score,
        ))
        .signals(signals)
        .build()
        .map_err(Failure::failed)
}

/// A sentence for each problem of the receivers.
fn of_setup(error: &SetupError) -> Failure {
    let is_a_setting = error
        .problems()
        .all(|(kind, _)| kind == SetupErrorKind::UnknownId);
    let sentences = error.problems().map(|(_, sentence)| sentence);
    if is_a_setting {
        Failure::wrong_for_all(sentences.map(|why| format!("disabled_receivers: {why}")))
    } else {
        Failure::because_of_all(sentences)
    }
}

/// What the facade could not put together: a wrong template is a wrong setting.
fn of_build(error: BuildError) -> Failure {
    match error.kind() {
        BuildErrorKind::Web | BuildErrorKind::Settings => Failure::wrong(error),
        _ => Failure::failed(error),
    }
}
