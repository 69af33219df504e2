//! Every crate takes versions, lints and edition from the workspace.
//!
//! So there is one place to read which third parties are trusted, and no crate opts out of a lint.

use toml::{Table, Value};

use crate::tidy::finding::Finding;
use crate::tidy::tree::{SourceFile, Tree, is_fixture};

const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
const INHERITED: [&str; 3] = ["edition", "rust-version", "license"];

/// Finds dependencies, lints and keys of a package that do not come from the workspace.
pub(crate) fn every_manifest_inherits(tree: &Tree) -> Vec<Finding> {
    let manifests = tree
        .files()
        .iter()
        .filter(|file| file.path().ends_with("/Cargo.toml"));
    manifests.flat_map(check).collect()
}

fn check(file: &SourceFile) -> Vec<Finding> {
    let manifest: Table = match file.text().parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::in_file(file.path(), error.message())],
    };
    // A manifest that has its own workspace has nobody to inherit from.
    if manifest.contains_key("workspace") {
        return Vec::new();
    }
    let mut advice = Vec::new();
    if !comes_from_workspace(manifest.get("lints")) {
        advice.push("write `[lints] workspace = true`".to_owned());
    }
    let package = manifest.get("package").and_then(Value::as_table);
    for key in INHERITED {
        if !comes_from_workspace(package.and_then(|package| package.get(key))) {
            advice.push(format!("write `{key}.workspace = true`"));
        }
    }
    for table in dependency_tables(&manifest) {
        for (name, value) in table {
            if !comes_from_workspace(Some(value)) && !is_path_of_fixture(file, value) {
                advice.push(format!(
                    "write `{name}.workspace = true`, and its version in the root's manifest"
                ));
            }
        }
    }
    advice
        .into_iter()
        .map(|advice| Finding::in_file(file.path(), advice))
        .collect()
}

/// The dependencies of the package, also those for one target only.
fn dependency_tables(manifest: &Table) -> Vec<&Table> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let for_targets = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    let holders = [manifest].into_iter().chain(for_targets);
    holders
        .flat_map(|holder| {
            DEPENDENCIES
                .into_iter()
                .filter_map(|name| holder.get(name)?.as_table())
        })
        .collect()
}

/// Whether a dependency is a package of ours that only tests use: it has a path and nothing else.
fn is_path_of_fixture(file: &SourceFile, value: &Value) -> bool {
    let table = value.as_table().filter(|table| table.len() == 1);
    let path = table
        .and_then(|table| table.get("path"))
        .and_then(Value::as_str);
    path.is_some_and(|path| is_fixture(path) || is_fixture(file.path()))
}

fn comes_from_workspace(value: Option<&Value>) -> bool {
    let flag = value
        .and_then(Value::as_table)
        .and_then(|table| table.get("workspace"));
    flag.and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"a\"\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\n[lints]\nworkspace = true\n";

    #[track_caller]
    fn check(more: &str, wanted: &[&str]) {
        let text = format!("{GOOD}{more}");
        let tree = Tree::of(&[("crates/a/Cargo.toml", &text)]);
        let found: Vec<_> = every_manifest_inherits(&tree)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.contains(wanted), "{found} says {wanted}");
        }
    }

    #[test]
    fn own_version_is_found() {
        check("[dependencies]\nserde = \"1\"\n", &["`serde.workspace"]);
        check(
            "[dev-dependencies]\nserde = { version = \"1\" }\n",
            &["`serde.workspace"],
        );
        check(
            "[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n",
            &["`libc.workspace"],
        );
    }

    #[test]
    fn inherited_version_is_fine() {
        check(
            "[dependencies]\nserde = { workspace = true, features = [\"derive\"] }\n",
            &[],
        );
    }

    #[test]
    fn path_of_fixture_is_fine() {
        check("[dev-dependencies]\nb = { path = \"fixtures/b\" }\n", &[]);
        check(
            "[dev-dependencies]\nb = { path = \"../b\" }\n",
            &["`b.workspace"],
        );
    }

    #[test]
    fn own_lints_are_found() {
        let tree = Tree::of(&[("crates/a/Cargo.toml", "[package]\nname = \"a\"\n")]);
        assert_eq!(every_manifest_inherits(&tree).len(), 1 + INHERITED.len());
    }

    #[test]
    fn odd_manifest_is_found() {
        let tree = Tree::of(&[("crates/a/Cargo.toml", "[package")]);
        assert_eq!(every_manifest_inherits(&tree).len(), 1);
    }
}
