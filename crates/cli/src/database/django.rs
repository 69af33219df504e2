//! What the settings say of the Django site that is left behind.

use std::sync::Arc;

use phone_auth::core::store::DjangoSessionStore;
use phone_auth::django::{DjangoHashes, DjangoKeys, DjangoSessions, DjangoTokens, TimeZone};

use crate::configuration::{DjangoSettings, Sources};
use crate::exit::Failure;
use crate::secrets::secret_file;

/// What a setting that names a key of Django's must be.
const KEY_FILE: &str = "a file that only its owner can write, with the key in it";

/// What of Django's is accepted.
pub(crate) struct Django {
    /// Its links, when a window for them was set.
    pub(crate) tokens: Option<DjangoTokens>,
    /// Its keys, when sessions are shared.
    pub(crate) session_keys: Option<DjangoKeys>,
}

/// The hashes of Django's that are checked.
pub(crate) fn hashes(settings: &DjangoSettings) -> DjangoHashes {
    let mut hashes = DjangoHashes::new();
    if settings.accept_md5_passwords {
        hashes = hashes.danger_accept_md5();
    }
    match settings.hash_iterations {
        Some(iterations) => hashes.with_iterations(iterations),
        None => hashes,
    }
}

/// Reads the keys, if anything is set that needs them.
///
/// # Errors
/// When a key is needed and none is named, or one that is named will not do.
pub(crate) fn read(settings: &DjangoSettings, sources: &Sources) -> Result<Django, Failure> {
    // Whatever else is set: a SQLite file is read by this clock.
    let table_zone = table_zone(settings, sources)?;
    let keys = keys(settings, sources)?;
    let session_keys = match (settings.sessions, &keys) {
        (false, _) => None,
        (true, Some(keys)) => Some(keys.clone()),
        (true, None) => return Err(no_key(sources, "django_sessions")),
    };
    let tokens = match (settings.accept_tokens_until, keys) {
        (None, _) => None,
        (Some(until), Some(keys)) => {
            let tokens = DjangoTokens::new(keys, settings.time_zone, until)
                .with_last_login_zone(table_zone)
                .with_lifetime(settings.password_reset_timeout);
            Some(tokens)
        }
        (Some(_), None) => return Err(no_key(sources, "accept_django_tokens_until")),
    };
    Ok(Django {
        tokens,
        session_keys,
    })
}

/// The zone in which Django reads and writes the times of its tables: that of the last log-in in its links,
/// and on SQLite, which keeps texts, that of the texts.
///
/// # Errors
/// When the settings are such as Django refuses.
pub(crate) fn table_zone(
    settings: &DjangoSettings,
    sources: &Sources,
) -> Result<TimeZone, Failure> {
    let of_database = settings.database_time_zone;
    if settings.use_tz {
        return Ok(of_database.unwrap_or(TimeZone::UTC));
    }
    if of_database.is_some() {
        let why = "Django allows it only where USE_TZ is true; leave it out, or django_use_tz";
        return Err(sources.refuse("django_database_time_zone", why).into());
    }
    Ok(settings.time_zone)
}

/// The sessions of Django's, if they are shared.
///
/// # Errors
/// When the database has no table for them.
pub(crate) async fn sessions(
    settings: &DjangoSettings,
    sources: &Sources,
    keys: Option<DjangoKeys>,
    store: Arc<dyn DjangoSessionStore>,
) -> Result<Option<DjangoSessions>, Failure> {
    let Some(keys) = keys else {
        return Ok(None);
    };
    if !store.has_django_sessions().await.map_err(Failure::failed)? {
        return Err(no_sessions(sources));
    }
    let backend = settings.auth_backend.as_str();
    let mut sessions = DjangoSessions::new(store, keys).with_backend(backend);
    if let Some(backends) = &settings.auth_backends {
        sessions = sessions.accepting_backends(backends.iter().map(String::as_str));
    }
    Ok(Some(sessions))
}

/// The failure of a database in which Django keeps no sessions.
pub(crate) fn no_sessions(sources: &Sources) -> Failure {
    let why = "the database has no table django_session; Django makes it by its own migrate";
    sources.refuse("django_sessions", why).into()
}

/// The failure of a setting that needs the key of Django's.
fn no_key(sources: &Sources, setting: &'static str) -> Failure {
    let why = "it needs the SECRET_KEY of the Django site; name the file that holds it in \
        django_secret_key_file";
    sources.refuse(setting, why).into()
}

fn keys(settings: &DjangoSettings, sources: &Sources) -> Result<Option<DjangoKeys>, Failure> {
    let Some(path) = &settings.secret_key_file else {
        return Ok(None);
    };
    let read = |setting: &'static str, path| {
        secret_file::read(path)
            .map_err(|error| Failure::wrong_at(setting, sources.of(setting), KEY_FILE, error))
    };
    let mut keys = DjangoKeys::new(read("django_secret_key_file", path)?);
    for path in &settings.secret_key_fallback_files {
        keys = keys.with_fallback(read("django_secret_key_fallback_files", path)?);
    }
    Ok(Some(keys))
}
