//! The `phone-auth` program, without receivers of its own.

use std::process::ExitCode;

fn main() -> ExitCode {
    phone_auth_cli::run()
}
