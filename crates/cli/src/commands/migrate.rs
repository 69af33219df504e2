//! `phone-auth migrate`: the newest schema.

use crate::database;
use crate::exit::Failure;
use crate::site;
use crate::start::setup::Setup;
use crate::terminal::console;
use crate::terminal::visible::Visible;

/// Makes the database if it is not there, and applies what it lacks.
///
/// # Errors
/// When it cannot be opened, or holds what is not ours.
pub(crate) fn run(setup: &Setup) -> Result<(), Failure> {
    let opened = site::runtime()?.block_on(database::open(&setup.configuration))?;
    for name in &opened.applied {
        let line = format_args!("applied {name}");
        console::print(line).map_err(Failure::failed)?;
    }
    let line = format_args!("{} has the newest schema", Visible(&opened.store.place()));
    console::print(line).map_err(Failure::failed)
}
