//! `cargo xtask tidy`: the house rules as tests.
//!
//! Each rule is one function from the tree to its findings, with tests that show it a bad tree.
//! What a compiler lint can say is not said again here.

mod attack_tests;
mod builders;
mod circles;
mod errors;
mod finding;
mod functions;
mod heads;
mod import_rule;
mod imports;
mod lengths;
mod lint_exceptions;
mod manifests;
mod readmes;
pub(crate) mod settings_table;
mod tokens;
mod tree;
mod unfinished;
mod uses;
mod weights;
mod white_space;
mod words;

use crate::console::Console;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::repository::Repository;
use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

/// The rules that need only the files.
const RULES: [fn(&Tree) -> Vec<Finding>; 16] = [
    attack_tests::every_attack_has_its_test,
    builders::every_method_has_an_example,
    circles::no_files_go_round,
    errors::no_error_shows_its_fields,
    functions::no_function_is_too_long,
    heads::every_file_says_its_purpose,
    lengths::no_file_is_too_long,
    lint_exceptions::every_exception_has_a_reason,
    manifests::every_manifest_inherits,
    readmes::every_crate_has_one,
    settings_table::readme_lists_the_settings,
    settings_table::guide_names_the_defaults,
    unfinished::nothing_is_left_for_later,
    white_space::no_line_ends_in_it,
    words::none_is_forbidden,
    words::page_lists_what_is_held,
];

/// Reads the tree, holds it to every rule, prints what breaks one.
///
/// # Errors
/// `Untidy` with the number of findings; `File` and `OddOutput` when the tree cannot be read; those of cargo.
pub(crate) fn run(repository: &Repository, console: &Console) -> Result<(), ChoreError> {
    let tree = Tree::read(repository.root())?;
    let metadata = repository.metadata()?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.extend(imports::only_what_the_rule_allows(&imports::Edges::of(
        &metadata,
    )));
    findings.extend(weights::no_small_crate_grows(repository)?);
    findings.sort();
    for finding in &findings {
        console.line(finding);
    }
    if findings.is_empty() {
        console.line(format_args!(
            "tidy: {} files keep the house rules",
            tree.files().len()
        ));
        return Ok(());
    }
    Err(ChoreError::new(ChoreErrorKind::Untidy {
        findings: findings.len(),
    }))
}
