//! The C compiler that the bundled `SQLite` is built with.

use std::env;

use crate::console::Console;
use crate::debian::Tools;
use crate::error::ChoreError;
use crate::search_path::SearchPath;

const TOOLS: Tools = Tools {
    what: "a C compiler, which the bundled SQLite is built with,",
    packages: &["gcc", "libc6-dev"],
};

/// Sees to it that there is a C compiler: the one in `CC`, else on `PATH`, else from Debian.
///
/// # Errors
/// `ToolsMissing` or those of apt-get when there is none and none can be installed.
pub(crate) fn bring(console: &Console) -> Result<(), ChoreError> {
    let path = SearchPath::of_environment();
    if env::var_os("CC").is_some() || path.find(&["cc", "gcc", "clang"]).is_some() {
        return Ok(());
    }
    TOOLS.install(console, &path)
}
