//! The profiles of the matrix, as `xtask/link-matrix/Cargo.toml` describes them.

use clap::ValueEnum;

/// How the compiler optimises and divides its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Not optimised, 256 incremental codegen units
    Dev,
    /// Optimised, 16 codegen units
    Release,
    /// Optimised, one codegen unit
    OneUnit,
    /// Optimised, 256 codegen units
    ManyUnits,
    /// Optimised across crates, thin
    ThinLto,
    /// Optimised across crates, as one
    FatLto,
    /// Optimised for size across crates, stripped, panics abort
    Small,
}

impl Profile {
    /// All of them, in the order of the table.
    pub(crate) const ALL: [Self; 7] = [
        Self::Dev,
        Self::Release,
        Self::OneUnit,
        Self::ManyUnits,
        Self::ThinLto,
        Self::FatLto,
        Self::Small,
    ];

    /// What cargo calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::OneUnit => "one-unit",
            Self::ManyUnits => "many-units",
            Self::ThinLto => "thin-lto",
            Self::FatLto => "fat-lto",
            Self::Small => "small",
        }
    }

    /// Whether the crates are optimised together when they are linked.
    pub(crate) fn has_lto(self) -> bool {
        matches!(self, Self::ThinLto | Self::FatLto | Self::Small)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_described() {
        let manifest = include_str!("../../link-matrix/Cargo.toml");
        for profile in Profile::ALL {
            let is_cargos_own = profile == Profile::Release;
            let table = format!("[profile.{}]", profile.name());
            assert!(is_cargos_own || manifest.contains(&table), "{table}");
        }
    }
}
