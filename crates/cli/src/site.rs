//! The parts of the site, put together as the settings say.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use phone_auth::core::password::Argon2Hasher;
use phone_auth::delivery::development::{self, LinePrinter, Mailbox};
use phone_auth::signals::{SetupError, SetupErrorKind};
use phone_auth::tokens::{Keyring, SecretKey};
use phone_auth::{Accounts, BuildError, BuildErrorKind, PhoneAuth, Signals, SiteOrigin};
use tokio::runtime::{Builder, Runtime};

use crate::configuration::Configuration;
use crate::database;
use crate::exit::Failure;
use crate::key_file::{self, KeyFile};
use crate::mailbox_page;
use crate::mode::{self, Mode};
use crate::program::Setup;
use crate::receivers;

/// How many messages the mailbox keeps.
const MAILBOX_ROOM: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// A site that is ready to be served.
pub(crate) struct Site {
    pub(crate) auth: PhoneAuth,
    pub(crate) mailbox: Option<Mailbox>,
    pub(crate) database: PathBuf,
    pub(crate) database_made: bool,
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
    let unreceived = receivers::unreceived(&configuration.switched_off_receivers)?;
    mode::decide(configuration, &unreceived).map_err(Failure::wrong)
}

/// Puts the site together: key, database, receivers, flows and pages.
///
/// # Errors
/// When one of them cannot be used.
pub(crate) async fn open(mut setup: Setup, origin: SiteOrigin, mode: Mode) -> Result<Site, Failure> {
    let mailbox = (mode == Mode::Development).then(|| Mailbox::new(origin.clone(), MAILBOX_ROOM));
    let signals = hub(&mut setup, mailbox.as_ref())?;
    let configuration = setup.configuration;
    let key = key(&configuration)?;
    let opened = database::open(&configuration)?;
    let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let mut auth = PhoneAuth::builder()
        .site(origin.as_str())
        .secret_key(key.key)
        .settings(configuration.accounts)
        .store(Arc::new(opened.store))
        .signals(signals)
        .hasher(Argon2Hasher::with_limits(cores, configuration.hashing_queue));
    for path in &configuration.secret_key_fallback_files {
        let fallback = key_file::read(path).map_err(Failure::wrong)?;
        auth = auth.fallback_key(fallback.key);
    }
    if let Some(folder) = configuration.templates {
        auth = auth.templates_from(folder);
    }
    if mailbox.is_some() {
        let (name, source) = mailbox_page::TEMPLATE;
        auth = auth.template(name, source);
    }
    Ok(Site {
        auth: auth.build().await.map_err(of_build)?,
        mailbox,
        database: configuration.database,
        database_made: opened.made,
        key_path: key.path,
        key_made: key.made,
    })
}

/// The hub with everything provided; the development receivers are on if there is a mailbox.
///
/// # Errors
/// When a receiver cannot be used as it is.
pub(crate) fn hub(setup: &mut Setup, mailbox: Option<&Mailbox>) -> Result<Signals, Failure> {
    let mut hub = setup.provide(Signals::builder().timeout(setup.configuration.receiver_timeout));
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
pub(crate) fn accounts_for_operator(mut setup: Setup, may_make: bool) -> Result<Accounts, Failure> {
    if !may_make {
        database::must_exist(&setup.configuration)?;
    }
    let signals = hub(&mut setup, None)?;
    let opened = database::open(&setup.configuration)?;
    let keyring = Keyring::new(SecretKey::generate().map_err(Failure::failed)?);
    Accounts::builder(Arc::new(opened.store), keyring)
        .settings(setup.configuration.accounts)
        .signals(signals)
        .build()
        .map_err(Failure::failed)
}

/// The key that was named, or the one beside the database, made if it is not there.
fn key(configuration: &Configuration) -> Result<KeyFile, Failure> {
    match &configuration.secret_key_file {
        Some(path) => key_file::read(path).map_err(Failure::wrong),
        None => {
            key_file::read_or_make(&key_file::beside(&configuration.database)).map_err(Failure::wrong)
        }
    }
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
