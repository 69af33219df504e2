//! Names a plugin, so that whoever names this crate has that one too.

use plugin_deep as _;

/// What the application names.
pub const NAME: &str = "bridge";
