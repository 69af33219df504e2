//! Packages import only what the table in [`import_rule`] allows.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata};

use crate::tidy::finding::Finding;
use crate::tidy::import_rule::{MAY_IMPORT, NEVER_REACHES};
use crate::tidy::tree::is_fixture;

#[cfg(doc)]
use crate::tidy::import_rule;

/// Who imports whom, in what is built rather than tested.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    ours: BTreeMap<String, String>,
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Edges {
    /// The edges of the resolved workspace.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let mut edges = Self::default();
        for package in metadata.workspace_packages() {
            let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root);
            let manifest = manifest.map_or(package.manifest_path.as_str(), |path| path.as_str());
            edges
                .ours
                .insert(package.name.to_string(), manifest.to_owned());
        }
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            let imported = node.deps.iter().filter(|dependency| {
                let mut kinds = dependency.dep_kinds.iter();
                kinds.any(|kind| kind.kind != DependencyKind::Development)
            });
            let names = imported.map(|dependency| metadata[&dependency.pkg].name.to_string());
            edges
                .imports
                .entry(metadata[&node.id].name.to_string())
                .or_default()
                .extend(names);
        }
        // What an optional dependency would bring counts too, though nobody asks for it now.
        for package in metadata.workspace_packages() {
            let declared = package.dependencies.iter();
            let declared = declared.filter(|it| it.kind != DependencyKind::Development);
            let imports = edges.imports.entry(package.name.to_string()).or_default();
            imports.extend(declared.map(|dependency| dependency.name.clone()));
        }
        edges
    }

    fn direct(&self, package: &str) -> impl Iterator<Item = &str> {
        self.imports
            .get(package)
            .into_iter()
            .flatten()
            .map(String::as_str)
    }

    /// All that `package` imports, itself or through others.
    fn reached(&self, package: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&str> = self.direct(package).collect();
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(self.direct(next));
            }
        }
        reached
    }
}

/// Finds imports that the table does not allow, those that it allows and no one has, and packages that are not in it.
///
/// A package that only tests use imports what it likes, and nobody may import it but for tests.
pub(crate) fn only_what_the_rule_allows(edges: &Edges) -> Vec<Finding> {
    check(edges, MAY_IMPORT, NEVER_REACHES)
}

fn check(
    edges: &Edges,
    may_import: &[(&str, &[&str])],
    never_reaches: &[(&str, &[&str])],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, manifest) in edges
        .ours
        .iter()
        .filter(|(_, manifest)| !is_fixture(manifest))
    {
        let Some((_, allowed)) = may_import.iter().find(|(name, _)| name == package) else {
            findings.push(Finding::in_file(
                manifest,
                format!("`{package}` is not in the table of imports: say what it may import"),
            ));
            continue;
        };
        let forbidden = edges
            .direct(package)
            .filter(|name| edges.ours.contains_key(*name) && !allowed.contains(name));
        findings.extend(forbidden.map(|name| {
            Finding::in_file(manifest, format!("`{package}` may not import `{name}`"))
        }));
        let unused = allowed
            .iter()
            .filter(|name| !edges.direct(package).any(|it| it == **name));
        findings.extend(unused.map(|name| {
            let advice = format!("`{package}` does not import `{name}`: take it out of the table");
            Finding::in_file(manifest, advice)
        }));
        let banned = never_reaches.iter().filter(|(name, _)| name == package);
        let banned = banned.flat_map(|(_, names)| names.iter().copied());
        let reached = edges.reached(package);
        findings.extend(banned.filter(|name| reached.contains(name)).map(|name| {
            Finding::in_file(manifest, format!("`{package}` must not reach `{name}`"))
        }));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(ours: &[&str], imports: &[(&str, &[&str])]) -> Edges {
        let manifest = |name: &&str| ((*name).to_owned(), format!("{name}/Cargo.toml"));
        let owned = |(name, list): &(&str, &[&str])| {
            (
                (*name).to_owned(),
                list.iter().map(ToString::to_string).collect(),
            )
        };
        Edges {
            ours: ours.iter().map(manifest).collect(),
            imports: imports.iter().map(owned).collect(),
        }
    }

    #[track_caller]
    fn found(edges: &Edges) -> Vec<String> {
        let rule: &[(&str, &[&str])] = &[("core", &["tokens"]), ("tokens", &[]), ("web", &[])];
        let bans: &[(&str, &[&str])] = &[("core", &["sqlx"])];
        check(edges, rule, bans)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn forbidden_import_is_found() {
        let edges = edges(&["core", "web"], &[("core", &["tokens", "web", "serde"])]);
        assert_eq!(
            found(&edges),
            ["core/Cargo.toml:1: `core` may not import `web`"]
        );
    }

    #[test]
    fn allowed_import_is_fine() {
        let edges = edges(&["core", "tokens"], &[("core", &["tokens", "serde"])]);
        assert_eq!(found(&edges), [""; 0]);
    }

    #[test]
    fn unused_permission_is_found() {
        assert_eq!(
            found(&edges(&["core", "tokens"], &[("core", &["serde"])])),
            ["core/Cargo.toml:1: `core` does not import `tokens`: take it out of the table"]
        );
    }

    #[test]
    fn unknown_package_is_found() {
        let found = found(&edges(&["new"], &[]));
        assert!(
            matches!(&found[..], [one] if one.contains("not in the table")),
            "{found:?}"
        );
    }

    #[test]
    fn fixture_imports_what_it_likes() {
        let mut edges = edges(
            &["core", "extra"],
            &[("core", &["tokens"]), ("extra", &["core"])],
        );
        edges.ours.insert(
            "extra".to_owned(),
            "core/fixtures/extra/Cargo.toml".to_owned(),
        );
        assert_eq!(found(&edges), [""; 0]);

        edges.imports.insert(
            "core".to_owned(),
            BTreeSet::from(["extra".to_owned(), "tokens".to_owned()]),
        );
        assert_eq!(
            found(&edges),
            ["core/Cargo.toml:1: `core` may not import `extra`"]
        );
    }

    #[test]
    fn distant_ban_is_found() {
        let edges = edges(
            &["core", "tokens"],
            &[("core", &["tokens"]), ("tokens", &["sqlx"])],
        );
        assert_eq!(
            found(&edges),
            ["core/Cargo.toml:1: `core` must not reach `sqlx`"]
        );
    }

    #[test]
    fn table_has_no_circles() {
        let table: Vec<_> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
        let edges = edges(&table, MAY_IMPORT);
        for package in table {
            let reaches_itself = edges.reached(package).contains(package);
            assert!(!reaches_itself, "{package}");
        }
    }
}
