//! `phone-auth worker`: sends queued messages in a separate process.

use std::time::Duration;

use phone_auth::PhoneAuth;

use crate::database;
use crate::exit::Failure;
use crate::secrets::keys;
use crate::site::{self, Schema};
use crate::start::Prepared;
use crate::start::mode::Process;
use crate::start::setup::Setup;
use crate::stop::Stop;
use crate::terminal::banner::Messages;
use crate::terminal::console;
use crate::terminal::visible::{Visible, VisiblePath};

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

async fn work(mut setup: Setup) -> Result<(), Failure> {
    let origin = site::links_begin_with(&setup.configuration)?;
    let prepared = Prepared::new(&mut setup, Process::Worker, &origin)?;
    let configuration = &setup.configuration;
    // Both belong to the site: a worker that made its own would deliver nothing, or links that nobody takes.
    database::must_exist(configuration)?;
    keys::must_exist(configuration)?;
    let stop = Stop::listen().map_err(Failure::failed)?;
    let grace = configuration.server.shutdown_grace;
    let mut options = configuration.messages.worker();
    options.watches_others = true;
    // A database that does not answer must not keep anyone who starts the worker from stopping it.
    let site = tokio::select! {
        site = site::open(configuration, prepared, origin, Some(options), Schema::AsItIs) => site?,
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
            delivers: true,
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
