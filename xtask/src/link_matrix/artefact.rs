//! What the application is built as, and who is expected to hear in it.

use crate::link_matrix::profile::Profile;

/// What the application is built as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Artefact {
    /// An executable.
    Program,
    /// An integration test.
    Test,
    /// A library for C, opened at run time.
    CDylib,
    /// A Rust library, linked dynamically by a program.
    Dylib,
    /// An executable for WASI.
    Wasm,
}

impl Artefact {
    /// Who hears, once each, sorted. `last` is the receiver in the artefact's own crate.
    pub(crate) const EXPECTED: [&'static str; 11] = [
        "app.awaited",
        "app.guest",
        "called.at-once",
        "called.awaited",
        "deep.at-once",
        "deep.awaited",
        "last",
        "named.alone",
        "named.at-once",
        "named.awaited",
        "own-signal.own",
    ];

    /// What the table cannot say in a cell.
    pub(crate) const NOTES: &'static [&'static str] = &[
        "`refused`: the dispatcher was not built, because the two registries disagree; a program says so at its start",
        "Rust dylib: linkme's sections are empty in it, so it is not supported; with LTO, rustc builds none",
    ];

    /// Its name in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Test => "test",
            Self::CDylib => "cdylib",
            Self::Dylib => "Rust dylib",
            Self::Wasm => "wasm32-wasip1",
        }
    }

    /// Whether rustc can build it with this profile at all.
    pub(crate) fn exists_with(self, profile: Profile) -> bool {
        self != Self::Dylib || !profile.has_lto()
    }

    /// Whether every receiver must be found.
    pub(crate) fn is_supported_with(self, profile: Profile) -> bool {
        match self {
            Self::Program | Self::Test | Self::CDylib => true,
            Self::Dylib => false,
            Self::Wasm => profile.has_lto(),
        }
    }

    /// Whether receivers may be lost without a word, which is then known and written in the guide.
    pub(crate) fn may_lose_silently_with(self, profile: Profile) -> bool {
        self == Self::Wasm && !profile.has_lto()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectation_is_sorted() {
        assert!(Artefact::EXPECTED.is_sorted());
    }

    #[test]
    fn unnamed_plugin_is_not_expected() {
        assert!(
            !Artefact::EXPECTED
                .iter()
                .any(|name| name.starts_with("unnamed"))
        );
    }
}
