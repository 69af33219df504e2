//! Why a dispatcher cannot be built, in sentences that name the receiver and its place.

use crate::{ReceiverInfo, RegistryCheck, SignalInfo};
use std::{error::Error, fmt};

/// Why a dispatcher cannot be built. `Display` gives one sentence for each problem, one on a line.
pub struct SetupError {
    first: Problem,
    others: Vec<Problem>,
}

/// What kind of problem keeps a dispatcher from being built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupErrorKind {
    /// A receiver takes state that was not provided.
    MissingState,
    /// State of one type was provided twice.
    ProvidedTwice,
    /// Two receivers of one signal have the same id.
    DuplicateId,
    /// An id was disabled that no linked receiver has.
    UnknownId,
    /// The linker's section and inventory's list know different receivers.
    RegistriesDisagree,
    /// A crate that declares signals is linked in two versions, so that receivers of the one do not hear the other.
    TwoVersions,
}

#[derive(Debug)]
pub(crate) enum Problem {
    MissingState {
        receiver: &'static ReceiverInfo,
        type_name: &'static str,
    },
    ProvidedTwice {
        type_name: &'static str,
    },
    DuplicateId {
        signal: &'static str,
        first: &'static ReceiverInfo,
        second: &'static ReceiverInfo,
    },
    UnknownId {
        id: String,
    },
    RegistriesDisagree {
        registries: RegistryCheck,
    },
    TwoVersions {
        first: &'static SignalInfo,
        second: &'static SignalInfo,
    },
}

impl SetupError {
    pub(crate) fn from_problems(problems: Vec<Problem>) -> Option<Self> {
        let mut problems = problems.into_iter();
        let first = problems.next()?;
        Some(Self {
            first,
            others: problems.collect(),
        })
    }

    /// The kind of the first problem.
    pub fn kind(&self) -> SetupErrorKind {
        self.first.kind()
    }

    /// The kind of each problem with its sentence.
    pub fn problems(&self) -> impl Iterator<Item = (SetupErrorKind, String)> + '_ {
        std::iter::once(&self.first)
            .chain(&self.others)
            .map(|problem| (problem.kind(), problem.to_string()))
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        for problem in &self.others {
            write!(f, "\n{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SetupError {
    /// The sentences: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for SetupError {}

impl Problem {
    fn kind(&self) -> SetupErrorKind {
        match self {
            Self::MissingState { .. } => SetupErrorKind::MissingState,
            Self::ProvidedTwice { .. } => SetupErrorKind::ProvidedTwice,
            Self::DuplicateId { .. } => SetupErrorKind::DuplicateId,
            Self::UnknownId { .. } => SetupErrorKind::UnknownId,
            Self::RegistriesDisagree { .. } => SetupErrorKind::RegistriesDisagree,
            Self::TwoVersions { .. } => SetupErrorKind::TwoVersions,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingState {
                receiver,
                type_name,
            } => {
                write!(
                    f,
                    "the receiver {receiver} takes `&{type_name}`, which nobody provided: "
                )?;
                let shared = type_name.strip_prefix("alloc::sync::Arc<");
                match shared.and_then(|rest| rest.strip_suffix('>')) {
                    Some(inner) => write!(
                        f,
                        "take what is in it, `&{inner}`, and add `.provide_arc(…)`"
                    ),
                    None => f.write_str("add `.provide(…)`"),
                }
            }
            Self::ProvidedTwice { type_name } => {
                write!(
                    f,
                    "`{type_name}` is provided twice: a receiver could not tell which it gets"
                )
            }
            Self::DuplicateId {
                signal,
                first,
                second,
            } => {
                let way_out = if first.has_own_id() && second.has_own_id() {
                    "rename one"
                } else {
                    "rename one, or give it an id of its own by `id = \"…\"`"
                };
                write!(
                    f,
                    "the signal `{signal}` has two receivers with one id, {first} and {second}: {way_out}"
                )
            }
            Self::UnknownId { id } => {
                write!(f, "`{id}` is disabled, but no linked receiver has that id")
            }
            Self::TwoVersions { first, second } => write!(
                f,
                "the signal `{}` of the package `{}` is there in the versions {} and {}, and receivers of the one hear \
                 nothing of the other: let all crates take one version, as `cargo tree --duplicates` shows",
                first.name, first.place.package, first.version, second.version
            ),
            Self::RegistriesDisagree { registries } => write!(
                f,
                "of the receivers of the signal `{}`, {} in all, the linker's section has {} and inventory's list {}: \
                 the linker dropped some, as it does in a Rust `dylib`; link statically",
                registries.signal, registries.union, registries.in_section, registries.in_inventory
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disagreeing_registries_are_a_sentence() {
        let registries = RegistryCheck {
            signal: "verify_email",
            in_section: 2,
            in_inventory: 7,
            union: 7,
        };
        assert!(!registries.is_whole());
        let expected = "of the receivers of the signal `verify_email`, 7 in all, the linker's section has 2 and \
                        inventory's list 7: the linker dropped some, as it does in a Rust `dylib`; link statically";
        assert_eq!(
            Problem::RegistriesDisagree { registries }.to_string(),
            expected
        );
    }

    #[test]
    fn agreeing_registries_are_whole() {
        let whole = RegistryCheck {
            signal: "verify_email",
            in_section: 7,
            in_inventory: 7,
            union: 7,
        };
        assert!(whole.is_whole());
        assert!(!RegistryCheck { union: 8, ..whole }.is_whole());
    }
}
