//! The linkers of the matrix.

use std::fmt::{self, Display};

use clap::ValueEnum;

use crate::console::Console;
use crate::debian::Tools;
use crate::search_path::SearchPath;

const TOOLS: Tools = Tools {
    what: "some of the linkers",
    packages: &["binutils", "lld", "mold"],
};

/// A linker, by the name one asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinkerName {
    /// The LLD that comes with Rust, the default on x86-64 Linux
    Rust,
    /// LLD of the system
    Lld,
    /// GNU ld
    Bfd,
    /// GNU gold
    Gold,
    /// mold
    Mold,
}

impl LinkerName {
    const ALL: [Self; 5] = [Self::Rust, Self::Lld, Self::Bfd, Self::Gold, Self::Mold];

    /// The program that must be there, if it does not come with Rust.
    fn program(self) -> Option<&'static str> {
        match self {
            Self::Rust => None,
            Self::Lld => Some("ld.lld"),
            Self::Bfd => Some("ld.bfd"),
            Self::Gold => Some("ld.gold"),
            Self::Mold => Some("mold"),
        }
    }

    /// Whether it knows `-z start-stop-gc`: to collect a section that only its own bounds refer to.
    fn knows_start_stop_gc(self) -> bool {
        matches!(self, Self::Rust | Self::Lld | Self::Bfd)
    }
}

/// A linker and how it is told to collect what nobody refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Linker {
    name: LinkerName,
    start_stop_gc: bool,
}

impl Linker {
    /// What the table cannot say in a cell.
    pub(crate) const NOTES: &'static [&'static str] = &[
        "`gc` is `-z start-stop-gc`; gold refuses the option and mold ignores it, so they have no such row",
        "a linker that is not installed has no row",
    ];

    /// The linkers of this machine, after installing what is missing where that is allowed.
    pub(crate) fn bring(console: &Console, path: &SearchPath, asked: &[LinkerName]) -> Vec<Self> {
        let wanted = super::selected(&LinkerName::ALL, asked);
        let is_here =
            |name: &LinkerName| name.program().is_none_or(|it| path.find(&[it]).is_some());
        if !wanted.iter().all(is_here) {
            // A machine that lacks a linker still shows what the others do.
            if let Err(error) = TOOLS.install(console, path) {
                console.failure(&error);
            }
        }
        wanted
            .into_iter()
            .filter(is_here)
            .flat_map(Self::rows)
            .collect()
    }

    fn rows(name: LinkerName) -> impl Iterator<Item = Self> {
        let with_gc = name.knows_start_stop_gc().then_some(true);
        [Some(false), with_gc]
            .into_iter()
            .flatten()
            .map(move |start_stop_gc| Self {
                name,
                start_stop_gc,
            })
    }

    /// The arguments that make the C compiler link with it. `rust_lld` is the folder of Rust's own.
    pub(crate) fn arguments(self, rust_lld: &str) -> String {
        let choice = match self.name {
            LinkerName::Rust => format!("-B{rust_lld} -fuse-ld=lld"),
            LinkerName::Lld => "-fuse-ld=lld".to_owned(),
            LinkerName::Bfd => "-fuse-ld=bfd".to_owned(),
            LinkerName::Gold => "-fuse-ld=gold".to_owned(),
            LinkerName::Mold => "-fuse-ld=mold".to_owned(),
        };
        if self.start_stop_gc {
            format!("{choice} -Wl,-z,start-stop-gc")
        } else {
            choice
        }
    }
}

impl Display for Linker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.name {
            LinkerName::Rust => "Rust's LLD",
            LinkerName::Lld => "LLD",
            LinkerName::Bfd => "GNU ld",
            LinkerName::Gold => "gold",
            LinkerName::Mold => "mold",
        })?;
        f.write_str(if self.start_stop_gc { ", gc" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collecting_linkers_have_two_rows() {
        let counts = LinkerName::ALL.map(|name| Linker::rows(name).count());
        assert_eq!(counts, [2, 2, 2, 1, 1]);
    }

    #[test]
    fn option_is_handed_on() {
        let linker = Linker {
            name: LinkerName::Lld,
            start_stop_gc: true,
        };
        assert_eq!(linker.arguments(""), "-fuse-ld=lld -Wl,-z,start-stop-gc");
        assert_eq!(linker.to_string(), "LLD, gc");
    }
}
