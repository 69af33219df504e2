//! `phone-auth settings`: what can be set.

use crate::configuration::SETTINGS;
use crate::exit::Failure;
use crate::terminal::console;
use crate::terminal::table::Table;

/// Lists every setting with its default.
///
/// # Errors
/// When the output cannot be written.
pub(crate) fn run() -> Result<(), Failure> {
    let mut table = Table::new(["setting", "default", "what it does"]);
    for setting in SETTINGS {
        table.row([setting.name, setting.default, setting.does]);
    }
    console::print(table).map_err(Failure::failed)?;
    let ends = "\nIn a file as `name = value`, what stands before a dot as a section: [smtp]; in the environment in \
                capitals after PHONE_AUTH_, with _ for the dot.";
    console::print(ends).map_err(Failure::failed)
}
