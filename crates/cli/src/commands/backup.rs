//! `phone-auth backup`: a copy of the database while the site runs.

use std::path::Path;

use crate::database::{self, OpenStore};
use crate::exit::Failure;
use crate::site;
use crate::start::setup::Setup;
use crate::terminal::console;
use crate::terminal::visible;

/// Writes a copy to a file that is not there yet.
///
/// # Errors
/// When there is no database, it is on a server, or the file cannot be written.
pub(crate) fn run(setup: &Setup, to: &Path) -> Result<(), Failure> {
    let configuration = &setup.configuration;
    database::must_exist(configuration)?;
    let store = site::runtime()?.block_on(database::open_as_it_is(configuration))?;
    let OpenStore::Sqlite(store) = store else {
        let why = "the database is on a server of PostgreSQL, whose own pg_dump makes copies of it";
        return Err(Failure::because(why));
    };
    store.back_up(to).map_err(Failure::failed)?;
    let line = format_args!(
        "copied {} to {}; the secret key is not in it",
        visible::bytes(store.path().as_os_str()),
        visible::bytes(to.as_os_str())
    );
    console::print(line).map_err(Failure::failed)
}
