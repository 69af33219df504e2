//! `phone-auth key`: which secret key the database belongs to.

use crate::arguments::KeyCommand;
use crate::database;
use crate::exit::Failure;
use crate::secrets::keys::Keys;
use crate::site;
use crate::start::setup::Setup;
use crate::terminal::console;
use crate::terminal::visible::{Visible, VisiblePath};

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database is not there, or the key will not do.
pub(crate) fn run(setup: &Setup, command: &KeyCommand) -> Result<(), Failure> {
    let KeyCommand::Replace = command;
    let configuration = &setup.configuration;
    site::runtime()?.block_on(async {
        let store = database::open_current(configuration).await?;
        let keys = Keys::read(configuration)?.replace(&store).await?;
        let made = if keys.made() { ", which was made just now" } else { "" };
        console::print(format_args!(
            "the database {} belongs to the key in {}{made}; links that were sent before with another key no longer \
             work, unless that is among secret_key_fallback_files. Restart all servers and workers with this key",
            Visible(&store.place()),
            VisiblePath(&keys.path()),
        ))
        .map_err(Failure::failed)
    })
}
