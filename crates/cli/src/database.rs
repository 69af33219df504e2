//! The database that the settings name.

use phone_auth::sqlite::{OpenErrorKind, SqliteOptions, SqliteStore};

use crate::configuration::Configuration;
use crate::exit::Failure;
use crate::visible::Visible;

/// An open database with the newest schema.
pub(crate) struct Opened {
    pub(crate) store: SqliteStore,
    /// Whether the file was made just now.
    pub(crate) made: bool,
    /// The names of the migrations that were applied just now.
    pub(crate) applied: Vec<&'static str>,
}

/// Opens the database and brings it to the newest schema; makes it if it is not there.
///
/// # Errors
/// When it cannot be opened, or holds what is not ours.
pub(crate) fn open(configuration: &Configuration) -> Result<Opened, Failure> {
    let made = !configuration.database.exists();
    let store = open_as_it_is(configuration)?;
    let applied = store.migrate().map_err(Failure::failed)?;
    Ok(Opened {
        store,
        made,
        applied,
    })
}

/// Opens the database and leaves its schema alone.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn open_as_it_is(configuration: &Configuration) -> Result<SqliteStore, Failure> {
    let options = SqliteOptions::default().with_busy_timeout(configuration.database_busy_timeout);
    SqliteStore::open(&configuration.database, options).map_err(|error| match error.kind() {
        OpenErrorKind::Unreachable | OpenErrorKind::NotADatabase | OpenErrorKind::ReadOnly => {
            let setting = "database";
            let right =
                "a SQLite file that can be written, or a name in a folder where one can be made";
            Failure::wrong_at(setting, configuration.source_of(setting), right, error)
        }
        _ => Failure::failed(error),
    })
}

/// Refuses to go on without a database, rather than making an empty one under a mistyped name.
///
/// # Errors
/// When there is no such file.
pub(crate) fn must_exist(configuration: &Configuration) -> Result<(), Failure> {
    if configuration.database.exists() {
        return Ok(());
    }
    let at = configuration.source_of("database");
    Err(Failure::because(format!(
        "there is no database {} (database, {at}); `phone-auth migrate` makes it",
        Visible(&configuration.database.to_string_lossy())
    )))
}
