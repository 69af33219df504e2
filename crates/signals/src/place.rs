//! Where something is declared: crate, module, function, file and line.

use serde::Serialize;

/// Where a signal or a receiver stands in the source. Of a receiver that was connected at run time, the file and the line
/// are those of the call that connected it, and its module and package are not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Place {
    /// The path of the module, beginning with the crate as the code names it.
    pub module: &'static str,
    /// The file as the compiler was given it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The function or the signal.
    pub name: &'static str,
    /// The package, as in its `Cargo.toml`.
    #[serde(rename = "crate")]
    pub package: &'static str,
}

impl Place {
    #[doc(hidden)]
    pub const fn new(
        package: &'static str,
        module: &'static str,
        name: &'static str,
        file: &'static str,
        position: (u32, u32),
    ) -> Self {
        Self {
            module,
            file,
            line: position.0,
            column: position.1,
            name,
            package,
        }
    }
}
