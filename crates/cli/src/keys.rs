//! The secret keys of the site, and whether its database knows them.

use std::path::PathBuf;

use phone_auth::SecretKey;
use phone_auth::core::site_key::{self, KeyClaim, SiteKeyError, SiteKeyErrorKind};
use phone_auth::tokens::Keyring;

use crate::configuration::Configuration;
use crate::database::OpenStore;
use crate::exit::Failure;
use crate::key_file;
use crate::secret_file::{self, SecretFileError};
use crate::visible::{Visible, VisiblePath};

/// What a setting that names a key must be.
const RIGHT: &str = "a file that only its owner can write, with a random key in it";

/// What can be done when a key is lost.
const LOST: &str = "if it is lost, `phone-auth key replace` gives the database another one, and links that were \
                    sent before no longer work";

/// The key and its fallbacks, and where the key is.
pub(crate) struct Keys {
    /// The key first, then the fallbacks.
    pub(crate) all: Vec<SecretKey>,
    pub(crate) path: PathBuf,
    /// Whether the file was made just now.
    pub(crate) made: bool,
}

impl Keys {
    fn ring(&self) -> Result<Keyring, Failure> {
        ring(&self.all)
    }
}

/// Reads the keys and asks the database whether they are its own; makes a key if none was named, none is there
/// and the database has none.
///
/// # Errors
/// When a key will not do, or is not the database's.
pub(crate) async fn claim(
    configuration: &Configuration,
    store: &OpenStore,
) -> Result<(Keys, KeyClaim), Failure> {
    may_be_made(configuration, store).await?;
    let keys = read_or_make(configuration)?;
    let claim = site_key::claim(store.store().as_ref(), &keys.ring()?).await;
    let claim = claim.map_err(|error| of_claim(configuration, store, error))?;
    Ok((keys, claim))
}

/// What [`claim`] would say of these keys, the current one first. It changes nothing.
///
/// # Errors
/// As for [`claim`].
pub(crate) async fn look(
    configuration: &Configuration,
    store: &OpenStore,
    keys: &[SecretKey],
) -> Result<(), Failure> {
    if !is_there(configuration) {
        return may_be_made(configuration, store).await;
    }
    site_key::look(store.store().as_ref(), &ring(keys)?)
        .await
        .map(drop)
        .map_err(|error| of_claim(configuration, store, error))
}

/// Refuses to go on where a key would have to be made for a database that has one, unless that is among the fallbacks:
/// then it is to be replaced.
async fn may_be_made(configuration: &Configuration, store: &OpenStore) -> Result<(), Failure> {
    if is_there(configuration) {
        return Ok(());
    }
    let record = store.store().key_record().await.map_err(Failure::failed)?;
    if record.is_none() {
        return Ok(());
    }
    let fallbacks = fallbacks(configuration)?;
    if fallbacks.is_empty() {
        return Err(missing(configuration, store));
    }
    let claim = site_key::look(store.store().as_ref(), &ring(&fallbacks)?).await;
    match claim.map_err(|error| of_claim(configuration, store, error))? {
        KeyClaim::Older => Err(missing(configuration, store)),
        _ => Ok(()),
    }
}

/// Makes the keys those of the database, whichever it had before.
///
/// # Errors
/// When a key will not do, or none can be made.
pub(crate) async fn replace(
    configuration: &Configuration,
    store: &OpenStore,
) -> Result<Keys, Failure> {
    let keys = read_or_make(configuration)?;
    let replaced = site_key::replace(store.store().as_ref(), &keys.ring()?).await;
    replaced.map_err(Failure::failed)?;
    Ok(keys)
}

/// The keys as far as they are there: where none was named, the site makes one when it starts.
///
/// # Errors
/// When one that is there, or that was named, will not do.
pub(crate) fn existing(configuration: &Configuration) -> Result<Vec<SecretKey>, Failure> {
    let mut keys = Vec::new();
    if is_there(configuration) {
        let file = key_file::read(&path(configuration));
        keys.push(file.map_err(|error| of_file(configuration, error))?.key);
    }
    keys.extend(fallbacks(configuration)?);
    Ok(keys)
}

/// For a process that makes links for a site which runs elsewhere: links signed with a key that it made itself would be
/// refused there.
///
/// # Errors
/// When there is no key yet.
pub(crate) fn must_exist(configuration: &Configuration) -> Result<(), Failure> {
    if is_there(configuration) {
        return Ok(());
    }
    Err(Failure::because(format!(
        "there is no secret key at {}; a worker needs the key of its site: name the file with secret_key_file, or \
         start the site once",
        shown(configuration)
    )))
}

/// Where the key is.
fn path(configuration: &Configuration) -> PathBuf {
    let beside = || key_file::beside(&configuration.database.stem());
    configuration.secret_key_file.clone().unwrap_or_else(beside)
}

fn shown(configuration: &Configuration) -> String {
    let path = path(configuration);
    let path = std::path::absolute(&path).unwrap_or(path);
    VisiblePath(&path).to_string()
}

/// Whether a key was named, or is where one is made.
fn is_there(configuration: &Configuration) -> bool {
    let path = path(configuration);
    configuration.secret_key_file.is_some() || path.exists() || path.is_symlink()
}

/// The key that was named, or the one beside the database, made if it is not there; and the fallbacks.
fn read_or_make(configuration: &Configuration) -> Result<Keys, Failure> {
    let fallbacks = fallbacks(configuration)?;
    let file = match &configuration.secret_key_file {
        Some(path) => key_file::read(path),
        None => key_file::read_or_make(&path(configuration)),
    };
    let file = file.map_err(|error| of_file(configuration, error))?;
    if let Some(mode) = file.readable_by_others {
        secret_file::warn_of_readers(key_file::KEY_FILE, &file.path, mode);
    }
    Ok(Keys {
        all: std::iter::once(file.key).chain(fallbacks).collect(),
        path: std::path::absolute(&file.path).unwrap_or(file.path),
        made: file.made,
    })
}

fn fallbacks(configuration: &Configuration) -> Result<Vec<SecretKey>, Failure> {
    let paths = configuration.secret_key_fallback_files.iter();
    paths
        .map(|path| key_file::read(path).map(|file| file.key))
        .collect::<Result<_, _>>()
        .map_err(|error| {
            let setting = "secret_key_fallback_files";
            Failure::wrong_at(setting, configuration.source_of(setting), RIGHT, error)
        })
}

/// The ring of these keys, the current one first.
fn ring(keys: &[SecretKey]) -> Result<Keyring, Failure> {
    let copy = |key: &SecretKey| SecretKey::new(key.reveal()).map_err(Failure::failed);
    let Some((current, fallbacks)) = keys.split_first() else {
        return Err(Failure::because("there is no secret key"));
    };
    let ring = Keyring::new(copy(current)?);
    fallbacks
        .iter()
        .try_fold(ring, |ring, key| Ok(ring.with_fallback(copy(key)?)))
}

/// The key will not do: says which setting names it.
fn of_file(configuration: &Configuration, error: SecretFileError) -> Failure {
    let setting = "secret_key_file";
    Failure::wrong_at(setting, configuration.source_of(setting), RIGHT, error)
}

/// The database has a key, and there is none.
fn missing(configuration: &Configuration, store: &OpenStore) -> Failure {
    Failure::because(format!(
        "there is no secret key at {}, and the database {} belongs to one: put the key file of its site there, or \
         name it with secret_key_file; {LOST}",
        shown(configuration),
        Visible(&store.place()),
    ))
}

/// The key is not the database's, or the database does not say.
fn of_claim(configuration: &Configuration, store: &OpenStore, error: SiteKeyError) -> Failure {
    if error.kind() != SiteKeyErrorKind::Foreign {
        return Failure::failed(error);
    }
    let at = configuration.source_of("secret_key_file");
    Failure::wrong_for_all([format!(
        "secret_key_file ({at}): the key in {} is not the one that the database {} belongs to; all servers and \
         workers of a site need the same key file. To change keys, name the file of the old key in \
         secret_key_fallback_files; {LOST}",
        shown(configuration),
        Visible(&store.place()),
    )])
}
