//! The secret keys of the site, and whether its database knows them.

use std::path::PathBuf;

use phone_auth::SecretKey;
use phone_auth::core::site_key::{self, KeyClaim, SiteKeyError, SiteKeyErrorKind};
use phone_auth::tokens::Keyring;

use crate::configuration::{Configuration, Source};
use crate::database::OpenStore;
use crate::exit::Failure;
use crate::secrets::key_file::{self, KeyFile};
use crate::secrets::secret_file::{self, SecretFileError, SecretFileErrorKind};
use crate::start::folder;
use crate::terminal::visible::{Visible, VisiblePath};

/// What a setting that names a key must be.
const RIGHT: &str = "a file that only its owner can write, with a random key in it";

/// What it must be, and how it comes to be there.
const MISSING: &str = "a file with the key of the site in it; copy that of a site that is there, for a new one write the \
                       output of `openssl rand -hex 32` to a file of mode 600, or leave the setting out to have one made";

/// What can be done when a key is lost.
const LOST: &str = "if it is lost, `phone-auth key replace` gives the database another one, and links that were \
                    sent before no longer work";

/// The key and its fallbacks, as far as they are there: where none was named, the site makes one when it starts.
pub(crate) struct Keys {
    place: Place,
    file: Option<KeyFile>,
    fallbacks: Vec<SecretKey>,
}

impl Keys {
    /// Reads the keys.
    ///
    /// # Errors
    /// When one that is there, or that was named, will not do.
    pub(crate) fn read(configuration: &Configuration) -> Result<Self, Failure> {
        let place = Place::of(configuration);
        let file = place.is_there().then(|| key_file::read(&place.path));
        let mut file = file.transpose().map_err(|error| place.wrong(error))?;
        // Of a database that is yet to be made, no earlier version has taken this for a key.
        let is_new = !configuration.database.name.may_exist();
        if let Some(file) = file.as_mut().filter(|_| is_new) {
            place.is_fit(file)?;
        }
        let fallbacks = configuration.keys.fallback_files.iter();
        // Whatever an earlier version took for a key, a rotation leads away from it.
        let fallbacks = fallbacks.map(|path| {
            let mut file = key_file::read(path)?;
            match file.refused.take().filter(|_| is_new) {
                Some(why) => Err(SecretFileError::new(key_file::KEY_FILE, path, why)),
                None => Ok(file),
            }
        });
        let fallbacks = fallbacks.collect::<Result<Vec<_>, _>>().map_err(|error| {
            let setting = "secret_key_fallback_files";
            let right = match error.kind {
                SecretFileErrorKind::Missing => {
                    "files that are there; if a key of before is gone, leave it out of the list"
                }
                _ => RIGHT,
            };
            Failure::wrong_at(setting, configuration.sources.of(setting), right, error)
        })?;
        let fallbacks = fallbacks.into_iter();
        let fallbacks = fallbacks.flat_map(|file| [Some(file.key), file.before]);
        Ok(Self {
            place,
            file,
            fallbacks: fallbacks.flatten().collect(),
        })
    }

    /// Looks whether a key can be made, if none is there.
    ///
    /// # Errors
    /// When its folder is missing or open to others, or nothing can be made there.
    pub(crate) fn can_be_made(&self) -> Result<(), Failure> {
        if self.file.is_some() {
            return Ok(());
        }
        folder::takes(&self.place.path).map_err(|error| {
            let right = "the file of a key that is there, or left out where one can be made";
            Failure::wrong_at("secret_key_file", &self.place.at, right, error)
        })?;
        key_file::can_be_made(&self.place.path).map_err(|error| self.place.wrong(error))
    }

    /// Asks the database whether the keys are its own; makes a key if none was named, none is there and the database
    /// has none.
    ///
    /// # Errors
    /// When none can be made, or they are not the database's.
    pub(crate) async fn claim(mut self, store: &OpenStore) -> Result<(Self, KeyClaim), Failure> {
        self.may_be_made(store).await?;
        self.make_if_missing()?;
        self.read_as_before(store).await?;
        let claim = site_key::claim(store.store().as_ref(), &self.ring()?).await;
        let claim = claim.map_err(|error| self.of_claim(store, error))?;
        Ok((self, claim))
    }

    /// What [`claim`](Self::claim) would say. It changes nothing.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn look(&mut self, store: &OpenStore) -> Result<KeyClaim, Failure> {
        self.may_be_made(store).await?;
        if self.file.is_none() {
            return Ok(KeyClaim::First);
        }
        self.read_as_before(store).await?;
        let claim = site_key::look(store.store().as_ref(), &self.ring()?).await;
        claim.map_err(|error| self.of_claim(store, error))
    }

    /// Refuses a key that only a database of an earlier version may have.
    ///
    /// # Errors
    /// When its file holds what is no key.
    pub(crate) fn are_fit(&mut self) -> Result<(), Failure> {
        self.file
            .as_mut()
            .map_or(Ok(()), |file| self.place.is_fit(file))
    }

    /// Makes the keys those of the database, whichever it had before.
    ///
    /// # Errors
    /// When none can be made, or the database cannot be used.
    pub(crate) async fn replace(mut self, store: &OpenStore) -> Result<Self, Failure> {
        self.make_if_missing()?;
        self.are_fit()?;
        let replaced = site_key::replace(store.store().as_ref(), &self.ring()?).await;
        replaced.map_err(Failure::failed)?;
        Ok(self)
    }

    /// Where the key is.
    pub(crate) fn path(&self) -> PathBuf {
        self.place.absolute()
    }

    /// Whether its file was made just now.
    pub(crate) fn made(&self) -> bool {
        self.file.as_ref().is_some_and(|file| file.made)
    }

    /// The key first, then the fallbacks.
    pub(crate) fn into_all(self) -> impl Iterator<Item = SecretKey> {
        let current = self.file.map(|file| file.key);
        current.into_iter().chain(self.fallbacks)
    }

    /// Refuses to go on where a key would have to be made for a database that has one, unless that is among the
    /// fallbacks: then it is to be replaced.
    async fn may_be_made(&self, store: &OpenStore) -> Result<(), Failure> {
        if self.file.is_some() {
            return Ok(());
        }
        let record = store.store().key_record().await.map_err(Failure::failed)?;
        // Another start may have made it since the keys were read; it is made before the database knows it.
        if record.is_none() || self.place.is_there() {
            return Ok(());
        }
        if self.fallbacks.is_empty() {
            return Err(self.missing(store));
        }
        let claim = site_key::look(store.store().as_ref(), &self.ring()?).await;
        match claim.map_err(|error| self.of_claim(store, error))? {
            KeyClaim::Older => Err(self.missing(store)),
            _ => Ok(()),
        }
    }

    /// Takes what earlier versions took for a key: the same file gives the key that the database knows, whatever a new
    /// database would be refused.
    ///
    /// # Errors
    /// When the file holds what is no key, and the database is not of it.
    async fn read_as_before(&mut self, store: &OpenStore) -> Result<(), Failure> {
        if let Some(before) = self.file.as_mut().and_then(|file| file.before.take()) {
            let claim = site_key::look(store.store().as_ref(), &self.ring()?).await;
            let is_foreign = claim.is_err_and(|error| error.kind() == SiteKeyErrorKind::Foreign);
            if let Some(file) = self.file.as_mut().filter(|_| is_foreign) {
                file.key = before;
            }
        }
        let Some(why) = self.file.as_mut().and_then(|file| file.refused.take()) else {
            return Ok(());
        };
        let claim = site_key::look(store.store().as_ref(), &self.ring()?).await;
        match claim {
            Err(error) if error.kind() != SiteKeyErrorKind::Foreign => Err(Failure::failed(error)),
            Err(_) | Ok(KeyClaim::First) => Err(self.place.refuse(why)),
            Ok(_) => {
                tracing::warn!(
                    "the {} {} {why}; an earlier version took all of it for the key of this database, and so it is taken \
                     now: change to a new key, with this file in secret_key_fallback_files",
                    key_file::KEY_FILE,
                    VisiblePath(&self.place.path)
                );
                Ok(())
            }
        }
    }

    /// Makes the key beside the database, if it is not there.
    fn make_if_missing(&mut self) -> Result<(), Failure> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                key_file::read_or_make(&self.place.path).map_err(|error| self.place.wrong(error))?
            }
        };
        if let Some(mode) = file.readable_by_others {
            secret_file::warn_of_readers(key_file::KEY_FILE, &self.place.path, mode);
        }
        self.file = Some(file);
        Ok(())
    }

    /// The ring of these keys, the current one first.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn ring(&self) -> Result<Keyring, Failure> {
        let copy = |key: &SecretKey| SecretKey::new(key.reveal()).map_err(Failure::failed);
        let current = self.file.iter().map(|file| &file.key);
        let mut keys = current.chain(&self.fallbacks);
        let Some(current) = keys.next() else {
            return Err(Failure::because(format!(
                "there is no secret key at {}; name the file of the site's key with secret_key_file",
                VisiblePath(&self.path())
            )));
        };
        let ring = Keyring::new(copy(current)?);
        keys.try_fold(ring, |ring, key| Ok(ring.with_fallback(copy(key)?)))
    }

    /// The database has a key, and there is none.
    fn missing(&self, store: &OpenStore) -> Failure {
        Failure::because(format!(
            "there is no secret key at {}, and the database {} belongs to one: put the key file of its site there, or \
             name it with secret_key_file; {LOST}",
            VisiblePath(&self.path()),
            Visible(&store.place()),
        ))
    }

    /// The key is not the database's, or the database does not say.
    fn of_claim(&self, store: &OpenStore, error: SiteKeyError) -> Failure {
        if error.kind() != SiteKeyErrorKind::Foreign {
            return Failure::failed(error);
        }
        Failure::wrong_for_all([format!(
            "secret_key_file ({}): the key in {} is not the one that the database {} belongs to; all servers and \
             workers of a site need the same key file. To change keys, name the file of the old key in \
             secret_key_fallback_files; {LOST}",
            self.place.at,
            VisiblePath(&self.path()),
            Visible(&store.place()),
        )])
    }
}

/// For a process that makes links for a site which runs elsewhere: links signed with a key that it made itself would be
/// refused there.
///
/// # Errors
/// When there is no key yet.
pub(crate) fn must_exist(configuration: &Configuration) -> Result<(), Failure> {
    let place = Place::of(configuration);
    if place.is_there() {
        return Ok(());
    }
    Err(Failure::because(format!(
        "there is no secret key at {}; a worker needs the key of its site: name the file with secret_key_file, or \
         start the site once",
        VisiblePath(&place.absolute())
    )))
}

/// Where the key is, or is made.
struct Place {
    path: PathBuf,
    is_named: bool,
    /// Where it was named.
    at: Source,
}

impl Place {
    fn of(configuration: &Configuration) -> Self {
        let named = configuration.keys.file.clone();
        let is_named = named.is_some();
        let beside = || key_file::beside(&configuration.database.name.stem());
        Self {
            path: named.unwrap_or_else(beside),
            is_named,
            at: configuration.sources.of("secret_key_file"),
        }
    }

    /// Whether a key was named, or is where one is made.
    fn is_there(&self) -> bool {
        self.is_named || self.path.exists() || self.path.is_symlink()
    }

    fn absolute(&self) -> PathBuf {
        std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Refuses what a file holds, if it is to be refused.
    fn is_fit(&self, file: &mut KeyFile) -> Result<(), Failure> {
        file.refused
            .take()
            .map_or(Ok(()), |why| Err(self.refuse(why)))
    }

    /// What the file holds will not do.
    fn refuse(&self, why: SecretFileErrorKind) -> Failure {
        self.wrong(SecretFileError::new(key_file::KEY_FILE, &self.path, why))
    }

    /// The key will not do: says which setting names it.
    fn wrong(&self, error: SecretFileError) -> Failure {
        let right = match error.kind {
            SecretFileErrorKind::Missing => MISSING,
            _ => RIGHT,
        };
        Failure::wrong_at("secret_key_file", &self.at, right, error)
    }
}
