//! The files of a crate import each other in no circle of more than two.
//!
//! A file that is part of a circle cannot be read, moved or tested without the others. An import counts from the file that
//! names something to the file that defines it, whatever re-exports it on the way. Between a module and one inside it none
//! counts: the outer one declares the inner one, and lends it what is private. Two that know each other may be one noun in
//! two files; from three on, what they share belongs into a file that imports none of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::finding::Finding;
use crate::tidy::tree::{SourceFile, Tree};
use crate::tidy::uses::{Names, Uses};

/// So many files may import each other.
const MOST_FILES: usize = 2;

/// So many re-exports of one name are followed.
const MOST_STEPS: u8 = 8;

/// Finds circles of more files.
pub(crate) fn no_files_go_round(tree: &Tree) -> Vec<Finding> {
    let sources = tree.rust().filter_map(source_folder);
    let sources: BTreeSet<&str> = sources.collect();
    sources
        .into_iter()
        .flat_map(|folder| Modules::of(tree, folder).circles())
        .collect()
}

/// The folder of the sources of the crate that a file is part of.
fn source_folder(file: &SourceFile) -> Option<&str> {
    let (before, _) = file.path().split_once("/src/")?;
    (!file.is_test()).then(|| file.path().get(..before.len() + "/src/".len()))?
}

/// The modules of a crate that are files, by their paths.
struct Modules<'t>(BTreeMap<Names, Module<'t>>);

struct Module<'t> {
    path: &'t str,
    uses: Uses,
}

impl<'t> Modules<'t> {
    fn of(tree: &'t Tree, folder: &str) -> Self {
        let files = tree.rust().filter(|file| !file.is_test());
        let modules = files.filter_map(|file| {
            let name = file.path().strip_prefix(folder)?.strip_suffix(".rs")?;
            let mut names: Names = name.split('/').map(str::to_owned).collect();
            let last = names.last().map(String::as_str);
            if last == Some("mod") || name == "lib" {
                names.pop();
            }
            let uses = Uses::of(file.text());
            let path = file.path();
            Some((names, Module { path, uses }))
        });
        Self(modules.collect())
    }

    /// The circles that are too large.
    fn circles(&self) -> Vec<Finding> {
        let imports: BTreeMap<&Names, BTreeSet<&Names>> = self
            .0
            .iter()
            .map(|(name, module)| (name, self.imported(name, module)))
            .collect();
        let reached: BTreeMap<&Names, BTreeSet<&Names>> = imports
            .keys()
            .map(|name| (*name, reached(&imports, name)))
            .collect();
        let leads = |from: &Names, to: &Names| reached.get(from).is_some_and(|it| it.contains(to));
        let mut findings = Vec::new();
        let mut seen: BTreeSet<&Names> = BTreeSet::new();
        for name in self.0.keys().filter(|name| leads(name, name)) {
            let round = reached.get(name).into_iter().flatten();
            let round: Vec<&Names> = round.copied().filter(|other| leads(other, name)).collect();
            if seen.contains(name) || round.len() <= MOST_FILES {
                continue;
            }
            seen.extend(&round);
            let paths = round.iter().filter_map(|name| self.0.get(*name));
            let paths: Vec<&str> = paths.map(|module| module.path).collect();
            let advice = format!(
                "{} files import each other in a circle: {}; put what they share into a file that imports none of them",
                paths.len(),
                paths.join(", ")
            );
            let first = paths.first().copied().unwrap_or_default();
            findings.push(Finding::in_file(first, advice));
        }
        findings
    }

    /// The files that a module imports something of, but those it is inside of and those inside it.
    fn imported(&self, name: &Names, module: &Module<'_>) -> BTreeSet<&Names> {
        let imports = module.uses.imports().map(|(_, path)| path);
        let named = imports
            .chain(module.uses.globs())
            .chain(module.uses.paths());
        let files = named.filter_map(|path| self.file_of(&self.absolute(name, path)?, MOST_STEPS));
        let is_apart = |other: &&Names| !other.starts_with(name) && !name.starts_with(other);
        files.filter(is_apart).collect()
    }

    /// A path from the root of the crate; none if it leads out of it.
    fn absolute(&self, module: &Names, path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        let mut names = module.clone();
        match first.as_str() {
            "crate" => names.clear(),
            "self" => {}
            "super" => {
                names.pop();
                let ups = rest.iter().take_while(|name| *name == "super").count();
                names.truncate(names.len().saturating_sub(ups));
                names.extend(rest.iter().skip(ups).cloned());
                return Some(names);
            }
            _ => {
                names.push(first.clone());
                if !self.0.contains_key(&names) {
                    names = self.imported_as(module, first)?;
                }
            }
        }
        names.extend(rest.iter().cloned());
        Some(names)
    }

    /// From where a module imports a name.
    fn imported_as(&self, module: &Names, name: &str) -> Option<Names> {
        let mut imports = self.0.get(module)?.uses.imports();
        let (_, path) = imports.find(|(imported, path)| {
            *imported == name && path.first().is_some_and(|first| first != name)
        })?;
        self.absolute(module, path)
    }

    /// The file that defines what is at a path.
    fn file_of(&self, path: &Names, steps: u8) -> Option<&Names> {
        let lengths = (0..=path.len()).rev();
        let mut parts = lengths.map(|length| path.split_at(length));
        let (module, rest) = parts.find(|(module, _)| self.0.contains_key(*module))?;
        let (module, _) = self.0.get_key_value(module)?;
        let elsewhere = rest.split_first().and_then(|(first, rest)| {
            let mut names = self
                .imported_as(module, first)
                .or_else(|| self.in_a_glob(module, first))?;
            names.extend(rest.iter().cloned());
            self.file_of(&names, steps.checked_sub(1)?)
        });
        Some(elsewhere.unwrap_or(module))
    }

    /// Where a name is that a module imports together with all others of a file.
    fn in_a_glob(&self, module: &Names, name: &str) -> Option<Names> {
        let uses = &self.0.get(module)?.uses;
        if uses.defines(name) {
            return None;
        }
        let globs = uses.globs().filter_map(|path| self.absolute(module, path));
        let mut files = globs.filter_map(|path| Some((self.0.get(&path)?, path)));
        let (_, mut path) = files.find(|(file, _)| file.uses.defines(name))?;
        path.push(name.to_owned());
        Some(path)
    }
}

/// All that is imported from a module on.
fn reached<'m>(
    imports: &BTreeMap<&'m Names, BTreeSet<&'m Names>>,
    from: &Names,
) -> BTreeSet<&'m Names> {
    let direct = |name: &Names| imports.get(name).into_iter().flatten().copied();
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&Names> = direct(from).collect();
    while let Some(next) = waiting.pop() {
        if reached.insert(next) {
            waiting.extend(direct(next));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[track_caller]
    fn check(files: &[(&str, &str)], wanted: &[&str]) {
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| (format!("c/src/{name}.rs"), *text))
            .collect();
        let files: Vec<_> = files
            .iter()
            .map(|(name, text)| (name.as_str(), *text))
            .collect();
        let found = no_files_go_round(&Tree::of(&files));
        assert_eq!(places(&found), wanted, "{files:?}");
    }

    const LIB: (&str, &str) = ("lib", "mod a; mod b; mod c; pub use a::A;");

    #[test]
    fn circle_of_three_is_found() {
        let c = ("c", "use crate::a::A;");
        check(
            &[LIB, ("a", "use crate::b;"), ("b", "use super::c::C;"), c],
            &["c/src/a.rs:1"],
        );
        check(
            &[
                LIB,
                ("a", "use crate::b;"),
                ("b", "fn f() { crate::c::g() }"),
                c,
            ],
            &["c/src/a.rs:1"],
        );
        check(
            &[
                LIB,
                ("a", "use crate::b;"),
                ("b", "use crate::{c as d}; fn f() { d::g() }"),
                c,
            ],
            &["c/src/a.rs:1"],
        );
    }

    #[test]
    fn line_and_pair_are_fine() {
        check(
            &[
                LIB,
                ("a", "use crate::b;"),
                ("b", "use crate::c;"),
                ("c", ""),
            ],
            &[],
        );
        check(
            &[
                LIB,
                ("a", "use crate::b;"),
                ("b", "use crate::a;"),
                ("c", "use crate::a;"),
            ],
            &[],
        );
    }

    #[test]
    fn reexport_leads_to_the_file() {
        let b = ("b", "use crate::c;");
        check(
            &[LIB, ("a", "use crate::b;"), b, ("c", "use crate::A;")],
            &["c/src/a.rs:1"],
        );
        check(
            &[LIB, ("a", "use crate::b;"), b, ("c", "use crate::Other;")],
            &[],
        );
    }

    #[test]
    fn all_of_a_file_is_followed_to_it() {
        let files = |used| {
            [
                ("lib", "mod a; mod b; mod c; pub use a::*; pub use c::*;"),
                ("a", "use crate::b; pub struct A;"),
                ("b", "use crate::c;"),
                ("c", used),
            ]
        };
        check(&files("use crate::A; pub struct C;"), &["c/src/a.rs:1"]);
        check(&files("use crate::a::*;"), &["c/src/a.rs:1"]);
        check(
            &files("mod inside { use super::super::A; }"),
            &["c/src/a.rs:1"],
        );
        check(
            &files("#[cfg_attr(test, derive(Debug))] struct B; use crate::A;"),
            &["c/src/a.rs:1"],
        );
        check(&files("use crate::C; pub struct C;"), &[]);
    }

    #[test]
    fn name_of_a_module_leads_to_what_it_reexports() {
        let files = [
            ("lib", "mod a; mod b;"),
            ("a/mod", "mod x; pub use x::f;"),
            ("a/x", "use crate::b;"),
            ("b", "use crate::c;"),
            ("c", "use crate::a; fn g() { a::f() }"),
        ];
        check(&files, &["c/src/a/x.rs:1"]);
    }

    #[test]
    fn module_and_those_inside_are_no_circle() {
        let inside = ("a/x", "use super::A; use super::y;");
        check(
            &[
                ("lib", "mod a;"),
                ("a", "mod x; mod y; use x::X;"),
                inside,
                ("a/y", "use crate::a;"),
            ],
            &[],
        );
    }

    #[test]
    fn tests_and_documentation_make_no_circle() {
        let c = (
            "c",
            "#[cfg(doc)]\nuse crate::a::A;\n#[cfg(test)]\nmod tests { use crate::a; }\n",
        );
        check(
            &[LIB, ("a", "use crate::b;"), ("b", "use crate::c;"), c],
            &[],
        );
        check(
            &[
                LIB,
                ("a", "use crate::b;"),
                ("b", "use crate::c;"),
                ("c", ""),
                ("c/tests", "use crate::a;"),
            ],
            &[],
        );
    }

    #[test]
    fn crates_are_apart() {
        let tree = Tree::of(&[
            ("c/src/a.rs", "use crate::b;"),
            ("d/src/b.rs", "use crate::c;"),
            ("c/src/c.rs", "use crate::a;"),
        ]);
        assert_eq!(no_files_go_round(&tree), []);
    }
}
