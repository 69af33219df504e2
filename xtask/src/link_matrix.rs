//! `cargo xtask link-matrix`: whether every receiver is found, however the program is linked.
//!
//! The application in `xtask/link-matrix` is built under every profile with every linker as every
//! kind of artefact, and run; it sends each signal once and says who heard. A receiver that is lost
//! without a word, in any cell that is not known to lose some, fails the chore.

mod artefact;
mod fixture;
mod linker;
mod outcome;
mod profile;
mod row;
mod wasm;

pub(crate) use crate::link_matrix::linker::LinkerName;
pub(crate) use crate::link_matrix::profile::Profile;

use crate::console::Console;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::link_matrix::artefact::Artefact;
use crate::link_matrix::fixture::Fixture;
use crate::link_matrix::linker::Linker;
use crate::link_matrix::row::Row;
use crate::repository::Repository;
use crate::search_path::SearchPath;

/// What to leave out: an empty list leaves out nothing.
#[derive(Debug, Default)]
pub(crate) struct Selection<'a> {
    /// The profiles to build with.
    pub(crate) profiles: &'a [Profile],
    /// The linkers to link with.
    pub(crate) linkers: &'a [LinkerName],
}

/// Builds and runs every cell, and prints the table as Markdown, row by row.
///
/// # Errors
/// `ReceiversLost` with the number of cells that are not as they should be.
pub(crate) fn run(
    repository: &Repository,
    console: &Console,
    selection: &Selection<'_>,
) -> Result<(), ChoreError> {
    let linkers = Linker::bring(console, &SearchPath::of_environment(), selection.linkers);
    let fixture = Fixture::of(repository)?;
    let profiles = selected(&Profile::ALL, selection.profiles);

    console.line(Row::HEAD);
    let mut bad = Vec::new();
    let mut finish = |row: &Row| {
        console.line(row);
        bad.extend(row.complaints());
    };
    for &profile in &profiles {
        for &linker in &linkers {
            finish(&Row {
                profile,
                linker: linker.to_string(),
                cells: fixture.cells(profile, linker),
            });
        }
    }
    if selection.linkers.is_empty() {
        for &profile in &profiles {
            finish(&wasm::row(&fixture, profile));
        }
    }

    console.line("");
    for note in Artefact::NOTES
        .iter()
        .chain(Linker::NOTES)
        .chain(wasm::NOTES)
    {
        console.line(format_args!("- {note}"));
    }
    for complaint in &bad {
        console.line(format_args!("! {complaint}"));
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(ChoreError::new(ChoreErrorKind::ReceiversLost {
        cells: bad.len(),
    }))
}

/// Those of `all` that were asked for; all, if none was.
fn selected<T: Copy + PartialEq>(all: &[T], asked: &[T]) -> Vec<T> {
    all.iter()
        .copied()
        .filter(|one| asked.is_empty() || asked.contains(one))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_is_all() {
        assert_eq!(selected(&[1, 2, 3], &[]), [1, 2, 3]);
        assert_eq!(selected(&[1, 2, 3], &[2]), [2]);
    }
}
