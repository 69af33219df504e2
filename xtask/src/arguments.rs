//! The verbs of `cargo xtask` as clap reads them.

use clap::{Parser, Subcommand, ValueEnum};

use crate::link_matrix::{LinkerName, Profile};

/// The chores of phone-auth.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) chore: Chore,
}

/// One verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Chore {
    /// Run every test of the workspace, doctests included, and bring what they need
    Test {
        /// What to hand on to `cargo test` after `--`, such as a part of a test's name
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        filter: Vec<String>,
    },
    /// Check formatting, clippy, documentation and the house rules
    Check,
    /// Hold the house rules: imports, heads of files, sizes, exceptions, words
    Tidy,
    /// Run the benchmarks of one crate, or of all that have some
    HashMemory {
        /// Which crate
        subject: Option<Subject>,
    },
    /// Measure whether a stranger with a clock can tell who has an account; fails when so
    Timing,
    /// Write the settings into the README of the program, build the documentation and say where it is
    Docs,
    /// Build an application in every way there is and count the receivers that are found
    LinkMatrix {
        /// Only with this profile; may be given several times
        #[arg(long = "profile")]
        profiles: Vec<Profile>,
        /// Only with this linker; may be given several times
        #[arg(long = "linker")]
        linkers: Vec<LinkerName>,
    },
}

/// A crate that measures itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Subject {
    /// The dispatcher
    Signals,
    /// One-time tokens
    Tokens,
    /// Named routes
    Urls,
    /// The outbox and its worker
    Delivery,
    /// The store on SQLite
    Sqlite,
    /// The store on PostgreSQL
    Postgres,
}

impl Subject {
    /// All of them, in the order in which they are run.
    pub(crate) const ALL: [Self; 6] = [
        Self::Signals,
        Self::Tokens,
        Self::Urls,
        Self::Delivery,
        Self::Sqlite,
        Self::Postgres,
    ];

    /// The package whose benches they are.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Signals => "phone-auth-signals",
            Self::Tokens => "phone-auth-tokens",
            Self::Urls => "phone-auth-urls",
            Self::Delivery => "phone-auth-tests",
            Self::Sqlite => "phone-auth-store-sqlite",
            Self::Postgres => "phone-auth-store-postgres",
        }
    }

    /// Which of its benches. A pattern, because a package without benches is then an error and not a silence.
    pub(crate) fn bench(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            _ => "*",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn verbs_are_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn test_hands_on_a_filter() {
        let read = Arguments::try_parse_from(["xtask", "test", "expired", "--nocapture"]);
        let filter = match read.map(|arguments| arguments.chore) {
            Ok(Chore::Test { filter }) => Some(filter),
            _ => None,
        };
        assert_eq!(
            filter.as_deref(),
            Some(&["expired".to_owned(), "--nocapture".to_owned()][..])
        );
    }
}
