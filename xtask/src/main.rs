//! The door of `cargo xtask`; everything is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::run()
}
