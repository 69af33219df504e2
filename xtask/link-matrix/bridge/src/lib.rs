//! Names a plugin, so that anyone who names this crate has that one too.

use plugin_deep as _;

/// What the application names.
pub const NAME: &str = "bridge";
