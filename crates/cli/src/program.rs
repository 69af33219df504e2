//! The program as a value: what receivers were given, and then what was asked.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;

use crate::arguments::{self, Arguments, Command};
use crate::commands;
use crate::configuration::Configuration;
use crate::exit::Failure;
use crate::logs;
use crate::start::setup::{Provision, Setup};
use crate::terminal::console;

/// The program, before it runs.
#[must_use = "it does nothing until it runs"]
pub struct Program {
    provisions: Vec<Provision>,
}

impl Program {
    /// The program without state for receivers.
    pub fn new() -> Self {
        Self {
            provisions: Vec::new(),
        }
    }

    /// Provides state: every linked receiver with an argument `&T` gets this value.
    pub fn provide<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.provide_arc(Arc::new(value))
    }

    /// Provides state that others share, or that receivers know by a trait:
    /// `provide_arc::<dyn Mailer>(mailer)`.
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.provisions
            .push(Box::new(move |dispatcher| dispatcher.provide_arc(value)));
        self
    }

    /// Does what the arguments of the process ask for.
    ///
    /// The exit code is 0 when that was done, 1 when it could not be, 2 when a setting or an argument
    /// is wrong.
    pub fn run(self) -> ExitCode {
        let arguments = match Arguments::try_parse() {
            Ok(arguments) => arguments,
            Err(error) => {
                // Help and version are answers, everything else a mistake; both are for the terminal.
                match arguments::without_secrets(&error, std::env::args_os().skip(1)) {
                    Some(text) => console::warn(&text),
                    None => drop(error.print()),
                }
                return ExitCode::from(
                    u8::try_from(error.exit_code()).unwrap_or(crate::exit::WRONG),
                );
            }
        };
        match self.obey(arguments) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        }
    }

    fn obey(self, arguments: Arguments) -> Result<(), Failure> {
        let filter = std::env::var_os("RUST_LOG");
        let _until_the_end = logs::begin(filter.as_deref()).map_err(Failure::wrong)?;
        let command = arguments.command.unwrap_or(Command::Serve);
        if let Command::Settings = command {
            return commands::settings::run();
        }
        let configuration = Configuration::load(&arguments.settings, std::env::vars_os())?;
        let setup = Setup::new(configuration, self.provisions);
        match command {
            Command::Serve => commands::serve::run(setup),
            Command::Backup { file } => commands::backup::run(&setup, &file),
            Command::Migrate => commands::migrate::run(&setup),
            Command::User(command) => commands::user::run(setup, command),
            Command::Worker => commands::worker::run(setup),
            Command::Outbox(command) => commands::outbox::run(setup, command),
            Command::Sessions(command) => commands::sessions::run(setup, &command),
            Command::Limits { command, json } => commands::limits::run(setup, command, json),
            Command::Key(command) => commands::key::run(&setup, &command),
            Command::Signals { json } => commands::signals::run(&setup, json),
            Command::Check => commands::check::run(setup),
            Command::Settings => Ok(()),
        }
    }
}

impl Default for Program {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("provisions", &self.provisions.len())
            .finish()
    }
}
