//! `phone-auth worker`: sends queued messages in a separate process.

use std::time::Duration;

use phone_auth::{PhoneAuth, SiteOrigin};

use crate::banner::Messages;
use crate::console;
use crate::database;
use crate::exit::Failure;
use crate::keys;
use crate::mode::{self, Process};
use crate::setup::Setup;
use crate::site::{self, Schema};
use crate::stop::Stop;
use crate::visible::{Visible, VisiblePath};

/// Delivers until asked to stop.
///
/// # Errors
/// When the settings do not go together, or the database cannot be used.
pub(crate) fn run(setup: Setup) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    let done = runtime.block_on(work(setup));
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}

async fn work(setup: Setup) -> Result<(), Failure> {
    let mode = site::mode(&setup.configuration, Process::Worker)?;
    // Both belong to the site: a worker that made its own would deliver nothing, or links that nobody takes.
    database::must_exist(&setup.configuration)?;
    keys::must_exist(&setup.configuration)?;
    let stop = Stop::listen().map_err(Failure::failed)?;
    let origin = match &setup.configuration.site.url {
        Some(origin) => origin.clone(),
        // As the site itself does where it listens on a port that is known.
        None => SiteOrigin::parse(&format!("http://{}", setup.configuration.server.addr))
            .map_err(Failure::failed)?,
    };
    let grace = setup.configuration.server.shutdown_grace;
    let note = mode::note(&setup.configuration, mode, setup.configuration.server.addr);
    let mut options = setup.configuration.messages.worker();
    options.watches_others = true;
    // A database that does not answer must not keep anyone who starts the worker from stopping it.
    let site = tokio::select! {
        site = site::open(setup, origin, mode, Some(options), Schema::AsItIs) => site?,
        () = stop.asked() => return Err(Failure::because("stopped before the worker was ready")),
    };
    console::tell(format_args!(
        "phone-auth {} sends queued messages in {}, with the key in {}\n{}Ctrl-C stops it.",
        env!("CARGO_PKG_VERSION"),
        Visible(&site.database),
        VisiblePath(&site.key_path),
        Messages {
            site: &site,
            place: None,
            note: note.as_deref(),
        }
    ));
    stop.asked().await;
    let finished = finish(&site.auth, &stop, grace).await;
    site.close().await;
    finished
}

/// Lets messages under way finish.
async fn finish(auth: &PhoneAuth, stop: &Stop, grace: Duration) -> Result<(), Failure> {
    console::tell(format_args!(
        "stopping: messages under way may take {grace:?}"
    ));
    tokio::select! {
        done = auth.shut_down(grace) => if !done {
            return Err(Failure::because(
                "stopped although messages were not sent in time; they are sent again later",
            ));
        },
        () = stop.insisted() => return Err(Failure::because("stopped at once, as asked twice")),
    }
    console::tell("stopped");
    Ok(())
}
