//! `phone-auth key`: makes a secret key, or says which one the database belongs to.

use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;

use crate::arguments::KeyCommand;
use crate::database;
use crate::exit::Failure;
use crate::secrets::key_file;
use crate::secrets::keys::Keys;
use crate::site;
use crate::start::setup::Setup;
use crate::terminal::visible::{Visible, VisiblePath};
use crate::terminal::{console, visible};

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database is not there, the key will not do, or the file of a new one is there already.
pub(crate) fn run(setup: &Setup, command: &KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Replace => replace(setup),
        KeyCommand::Generate { file, json } => generate(file, *json),
    }
}

/// Where a new key is, as JSON. Never the key.
#[derive(Serialize)]
struct Generated<'a> {
    file: Cow<'a, str>,
}

/// It asks for no database: a key is there before its site.
fn generate(file: &Path, json: bool) -> Result<(), Failure> {
    key_file::generate(file).map_err(Failure::failed)?;
    if json {
        let made = Generated {
            file: file.to_string_lossy(),
        };
        let text = visible::to_json(&made).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    console::print(format_args!(
        "a new secret key is in {}; name the file in secret_key_file, and keep a copy apart from the database",
        VisiblePath(file)
    ))
    .map_err(Failure::failed)
}

fn replace(setup: &Setup) -> Result<(), Failure> {
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
