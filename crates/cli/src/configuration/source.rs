//! Where a setting was given.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::terminal::visible::{Visible, VisiblePath};

/// What stands before the name of a setting in the environment.
pub(crate) const PREFIX: &str = "PHONE_AUTH_";

/// Where the value of a setting comes from, named so that one finds the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody set it.
    Default,
    /// A line of the file named by `--config`.
    File { path: Arc<Path>, line: usize },
    /// An environment variable.
    Environment { variable: String },
    /// An argument.
    Argument { name: &'static str },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => {
                write!(f, "file {}, line {line}", VisiblePath(path))
            }
            Self::Environment { variable } => write!(f, "environment {}", Visible(variable)),
            Self::Argument { name } => write!(f, "argument --{}", name.replace('_', "-")),
        }
    }
}
