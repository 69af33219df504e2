//! `phone-auth sessions`: sessions, as an operator sees them.

use serde::Serialize;

use crate::arguments::SessionsCommand;
use crate::exit::Failure;
use crate::site;
use crate::start::setup::Setup;
use crate::terminal::{console, visible};

/// What was removed, as JSON.
#[derive(Serialize)]
struct Pruned {
    removed: u64,
}

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database is not there or cannot be used.
pub(crate) fn run(setup: Setup, command: &SessionsCommand) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    runtime.block_on(async {
        let accounts = Box::pin(site::without_receivers(setup)).await?;
        match command {
            SessionsCommand::Prune { json } => {
                let removed = accounts
                    .remove_expired_sessions()
                    .await
                    .map_err(Failure::failed)?;
                if *json {
                    let text = visible::to_json(&Pruned { removed }).map_err(Failure::failed)?;
                    return console::print(text).map_err(Failure::failed);
                }
                console::print(format_args!("expired sessions removed: {removed}"))
                    .map_err(Failure::failed)
            }
        }
    })
}
