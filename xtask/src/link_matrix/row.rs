//! One row of the table: a profile with a linker.

use std::fmt::{self, Display};

use crate::link_matrix::artefact::Artefact;
use crate::link_matrix::outcome::Outcome;
use crate::link_matrix::profile::Profile;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// How it was compiled.
    pub(crate) profile: Profile,
    /// What it was linked with.
    pub(crate) linker: String,
    /// What was built, and what that showed.
    pub(crate) cells: Vec<(Artefact, Outcome)>,
}

impl Row {
    /// The head of the table, in Markdown.
    pub(crate) const HEAD: &'static str =
        "| profile | linker | program | test | cdylib | Rust dylib |\n|---|---|---|---|---|---|";

    /// What is wrong in it.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let complaint = |(artefact, outcome): &(Artefact, Outcome)| {
            let complaint = outcome.complaint(*artefact, self.profile)?;
            let place = (self.profile.name(), &self.linker, artefact.name());
            Some(format!(
                "{}, {}, {}: {complaint}",
                place.0, place.1, place.2
            ))
        };
        self.cells.iter().filter_map(complaint).collect()
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} |", self.profile.name(), self.linker)?;
        for (artefact, outcome) in &self.cells {
            let mark = match outcome.complaint(*artefact, self.profile) {
                Some(_) => "**",
                None => "",
            };
            write!(f, " {mark}{outcome}{mark} |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_cell_stands_out() {
        let row = Row {
            profile: Profile::Dev,
            linker: "mold".to_owned(),
            cells: vec![
                (Artefact::Program, Outcome::Heard(Vec::new())),
                (Artefact::Dylib, Outcome::Refused(String::new())),
            ],
        };
        assert_eq!(row.to_string(), "| dev | mold | **0/11** | refused |");
        assert!(matches!(&row.complaints()[..], [one] if one.starts_with("dev, mold, program: ")));
    }
}
