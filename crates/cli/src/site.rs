//! The parts of the site, put together as the settings say.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use phone_auth::core::accounts::WorkerOptions;
use phone_auth::core::password::Argon2Hasher;
use phone_auth::delivery::development::{self, LinePrinter, Mailbox};
use phone_auth::signals::{SetupError, SetupErrorKind};
use phone_auth::tokens::{Keyring, SecretKey};
use phone_auth::{
    Accounts, BuildError, BuildErrorKind, PhoneAuth, PhoneAuthBuilder, Signals, SiteOrigin,
};
use tokio::runtime::{Builder, Runtime};

use crate::configuration::Configuration;
use crate::database::{self, OpenStore};
use crate::delivery::{self, Delivery, Target};
use crate::django;
use crate::exit::Failure;
use crate::key_file::{self, KeyFileError};
use crate::mailbox_page;
use crate::mode::{self, Mode};
use crate::receivers;
use crate::setup::Setup;
use crate::visible::Visible;

/// How many messages the mailbox keeps.
const MAILBOX_ROOM: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// What a setting that names a key must be.
const KEY_FILE: &str = "a file that only its owner can write, with a random key in it";

/// A site that is ready to be served.
pub(crate) struct Site {
    pub(crate) auth: PhoneAuth,
    pub(crate) mailbox: Option<Mailbox>,
    /// The ready receivers that are on.
    pub(crate) targets: Vec<Target>,
    pub(crate) database: String,
    pub(crate) database_made: bool,
    /// How many migrations were applied just now.
    pub(crate) migrated: usize,
    pub(crate) key_path: PathBuf,
    pub(crate) key_made: bool,
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
/// When messages would be lost or shown to others.
pub(crate) fn mode(configuration: &Configuration) -> Result<Mode, Failure> {
    let unreceived = receivers::unreceived(configuration);
    mode::decide(configuration, &unreceived).map_err(Failure::wrong)
}

/// Puts the site together: key, database, receivers, flows and pages.
///
/// # Errors
/// When one of them cannot be used.
pub(crate) async fn open(
    mut setup: Setup,
    origin: SiteOrigin,
    mode: Mode,
    worker: Option<WorkerOptions>,
) -> Result<Site, Failure> {
    let mailbox = (mode == Mode::Development).then(|| Mailbox::new(origin.clone(), MAILBOX_ROOM));
    let signals = hub(&mut setup, &origin, mailbox.as_ref())?;
    // A key that will not do is refused before a database is made, and a key is made only for a
    // database that opens: a start that fails leaves nothing behind.
    drop(existing_keys(&setup.configuration)?);
    drop(django::read(&setup.configuration)?);
    let opened = database::open(&setup.configuration).await?;
    let key = keys(&setup.configuration)?;
    let database = opened.store.place();
    let parts = Parts {
        signals,
        origin,
        keys: key.all,
        store: opened.store,
        worker,
    };
    Ok(Site {
        auth: assemble(&setup.configuration, parts).await?,
        mailbox,
        targets: delivery::targets(&setup.configuration),
        database,
        database_made: opened.made,
        migrated: opened.applied.len(),
        key_path: std::path::absolute(&key.path).unwrap_or(key.path),
        key_made: key.made,
    })
}

/// What the settings do not hold.
pub(crate) struct Parts {
    pub(crate) signals: Signals,
    pub(crate) origin: SiteOrigin,
    /// The key and its fallbacks.
    pub(crate) keys: Vec<SecretKey>,
    pub(crate) store: OpenStore,
    /// How what is owed is delivered, if this process does that.
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
    let mut hasher = Argon2Hasher::with_limits(cores, configuration.hashing_queue);
    if configuration.danger_accept_md5_passwords {
        hasher = hasher.danger_accept_md5();
    }
    if let Some(iterations) = configuration.django_hash_iterations {
        hasher = hasher.with_django_iterations(iterations);
    }
    let (name, source) = mailbox_page::TEMPLATE;
    let mut auth = PhoneAuth::builder()
        .site(parts.origin.as_str())
        .settings(configuration.accounts.clone())
        .store(parts.store.store())
        .outbox(parts.store.outbox())
        .signals(parts.signals)
        .hasher(hasher)
        .template(name, source);
    auth = auth.session_cookie_name(configuration.session_cookie_name.as_str());
    if let Some(on) = configuration.host_cookies {
        auth = auth.host_cookies(on);
    }
    for origin in &configuration.trusted_origins {
        auth = auth.trusted_origin(origin.clone());
    }
    let beside = django::read(configuration)?;
    if let Some(tokens) = beside.tokens {
        auth = auth.django_tokens(tokens);
    }
    let sessions = django::sessions(
        configuration,
        beside.session_keys,
        parts.store.django_sessions(),
    )
    .await?;
    if let Some(sessions) = sessions {
        auth = auth
            .django_sessions(sessions)
            .django_session_cookie(configuration.django_session_cookie_name.as_str());
        if let Some(domain) = &configuration.django_session_cookie_domain {
            auth = auth.django_session_cookie_domain(domain.as_str());
        }
    }
    auth = match parts.worker {
        Some(options) => auth.worker(options),
        None => auth.worker_elsewhere(),
    };
    let mut keys = parts.keys.into_iter();
    if let Some(key) = keys.next() {
        auth = auth.secret_key(key);
    }
    auth = keys.fold(auth, PhoneAuthBuilder::fallback_key);
    if let Some(folder) = &configuration.templates {
        auth = auth.templates_from(folder);
    }
    if let Some(name) = &configuration.site_name {
        auth = auth.site_name(name);
    }
    auth.build().await.map_err(of_build)
}

/// The origin of links where nothing is listened on: that of the settings, else any.
///
/// # Errors
/// None that can be met with.
pub(crate) fn links_begin_with(configuration: &Configuration) -> Result<SiteOrigin, Failure> {
    match &configuration.site_url {
        Some(origin) => Ok(origin.clone()),
        None => SiteOrigin::parse("http://127.0.0.1").map_err(Failure::failed),
    }
}

/// The hub with everything provided; the development receivers are on if there is a mailbox.
///
/// # Errors
/// When a receiver cannot be used as it is.
pub(crate) fn hub(
    setup: &mut Setup,
    origin: &SiteOrigin,
    mailbox: Option<&Mailbox>,
) -> Result<Signals, Failure> {
    let delivery = Delivery::build(&setup.configuration, origin)?;
    let mut hub = setup.provide(Signals::builder().timeout(setup.configuration.receiver_timeout));
    hub = delivery.provide(hub);
    hub = match mailbox {
        Some(mailbox) => hub
            .provide(mailbox.clone())
            .provide(LinePrinter::new(std::io::stdout())),
        None => development::RECEIVERS
            .iter()
            .fold(hub, |hub, id| hub.switch_off(*id)),
    };
    for id in &setup.configuration.switched_off_receivers {
        hub = hub.switch_off(id.as_str());
    }
    hub.build().map_err(|error| of_setup(&error))
}

/// The flows alone, for an operator at the command line: no pages, and no secret, for no link is made.
///
/// # Errors
/// When the database or a receiver cannot be used.
pub(crate) async fn accounts_for_operator(
    mut setup: Setup,
    may_make: bool,
) -> Result<Accounts, Failure> {
    if !may_make {
        database::must_exist(&setup.configuration)?;
    }
    let origin = links_begin_with(&setup.configuration)?;
    let signals = hub(&mut setup, &origin, None)?;
    operators(setup.configuration, signals).await
}

/// The flows for what an operator does with the outbox, which tells no receiver: what they need is not asked for.
///
/// # Errors
/// When the database is not there or cannot be used.
pub(crate) async fn outbox_for_operator(setup: Setup) -> Result<Accounts, Failure> {
    database::must_exist(&setup.configuration)?;
    operators(setup.configuration, Signals::isolated()).await
}

async fn operators(configuration: Configuration, signals: Signals) -> Result<Accounts, Failure> {
    let opened = database::open(&configuration).await?;
    let keyring = Keyring::new(SecretKey::generate().map_err(Failure::failed)?);
    Accounts::builder(opened.store.store(), keyring)
        .outbox(opened.store.outbox())
        .settings(configuration.accounts)
        .signals(signals)
        .build()
        .map_err(Failure::failed)
}

/// For a process that makes links for a site which runs elsewhere: links signed with a key that it made itself would be
/// refused there.
///
/// # Errors
/// When there is no key yet.
pub(crate) fn key_must_exist(configuration: &Configuration) -> Result<(), Failure> {
    let beside = key_file::beside(&configuration.database.stem());
    if configuration.secret_key_file.is_some() || beside.exists() || beside.is_symlink() {
        return Ok(());
    }
    Err(Failure::because(format!(
        "there is no secret key at {}; a worker needs the key of its site: name the file with secret_key_file, or \
         start the site once",
        Visible(&beside.display().to_string())
    )))
}

/// The key and its fallbacks, and where the key is.
struct Keys {
    all: Vec<SecretKey>,
    path: PathBuf,
    made: bool,
}

/// The key that was named, or the one beside the database, made if it is not there; and the fallbacks.
fn keys(configuration: &Configuration) -> Result<Keys, Failure> {
    let file = match &configuration.secret_key_file {
        Some(path) => key_file::read(path),
        None => key_file::read_or_make(&key_file::beside(&configuration.database.stem())),
    };
    let file = file.map_err(|error| of_key(configuration, error))?;
    if let Some(mode) = file.readable_by_others {
        key_file::warn_of_readers(key_file::KEY_FILE, &file.path, mode);
    }
    let mut keys = vec![file.key];
    keys.extend(fallback_keys(configuration)?);
    Ok(Keys {
        all: keys,
        path: file.path,
        made: file.made,
    })
}

/// The keys as far as they are there: where none was named, the site makes one when it starts.
///
/// # Errors
/// When one that is there, or that was named, will not do.
pub(crate) fn existing_keys(configuration: &Configuration) -> Result<Vec<SecretKey>, Failure> {
    let beside = key_file::beside(&configuration.database.stem());
    let key = match &configuration.secret_key_file {
        Some(path) => Some(path),
        None if beside.exists() || beside.is_symlink() => Some(&beside),
        None => None,
    };
    let mut keys = Vec::new();
    if let Some(path) = key {
        let file = key_file::read(path).map_err(|error| of_key(configuration, error))?;
        keys.push(file.key);
    }
    keys.extend(fallback_keys(configuration)?);
    Ok(keys)
}

fn fallback_keys(configuration: &Configuration) -> Result<Vec<SecretKey>, Failure> {
    let paths = configuration.secret_key_fallback_files.iter();
    paths
        .map(|path| key_file::read(path).map(|file| file.key))
        .collect::<Result<_, _>>()
        .map_err(|error| {
            let setting = "secret_key_fallback_files";
            Failure::wrong_at(setting, configuration.source_of(setting), KEY_FILE, error)
        })
}

/// The key will not do: says which setting names it.
fn of_key(configuration: &Configuration, error: KeyFileError) -> Failure {
    let setting = "secret_key_file";
    Failure::wrong_at(setting, configuration.source_of(setting), KEY_FILE, error)
}

/// A sentence for each problem of the receivers.
fn of_setup(error: &SetupError) -> Failure {
    let is_a_setting = error
        .problems()
        .all(|(kind, _)| kind == SetupErrorKind::UnknownId);
    let sentences = error.problems().map(|(_, sentence)| sentence);
    if is_a_setting {
        Failure::wrong_for_all(sentences.map(|why| format!("switched_off_receivers: {why}")))
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
