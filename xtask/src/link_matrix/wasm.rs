//! The application on WASI, where the toolchain and a runner are at hand.

use std::path::Path;

use crate::link_matrix::artefact::Artefact;
use crate::link_matrix::fixture::{self, Fixture};
use crate::link_matrix::outcome::Outcome;
use crate::link_matrix::profile::Profile;
use crate::link_matrix::row::Row;
use crate::process::Process;
use crate::search_path::SearchPath;

const TARGET: &str = "wasm32-wasip1";

/// What the table cannot say in a cell.
pub(crate) const NOTES: &[&str] = &[
    "wasm32-wasip1 has one registry only, and without LTO its linker drops what nobody refers to; \
     the table needs `rustup target add wasm32-wasip1` and wasmtime or Node.js",
];

/// How Node.js runs a module of WASI.
const NODE: &str = "\
    const { readFileSync } = require('node:fs'); const { WASI } = require('node:wasi'); \
    const wasi = new WASI({ version: 'preview1' }); \
    WebAssembly.instantiate(readFileSync(process.argv[1]), wasi.getImportObject()) \
    .then(({ instance }) => wasi.start(instance));";

/// The row of WASI under one profile.
pub(crate) fn row(fixture: &Fixture, profile: Profile) -> Row {
    let none = |artefact| (artefact, Outcome::Untried("–"));
    Row {
        profile,
        linker: TARGET.to_owned(),
        cells: vec![
            (Artefact::Wasm, cell(fixture, profile)),
            none(Artefact::Test),
            none(Artefact::CDylib),
            none(Artefact::Dylib),
        ],
    }
}

fn cell(fixture: &Fixture, profile: Profile) -> Outcome {
    if !is_installed() {
        return Outcome::Untried("no target");
    }
    let path = SearchPath::of_environment();
    let what = ["--package", "app", "--bins"];
    match fixture.build("wasm", profile, TARGET, &what) {
        Ok(built) => match fixture::executable(&built, "app") {
            Some(module) => run(&path, &module),
            None => fixture::outcome(None),
        },
        Err(broken) => broken,
    }
}

fn run(path: &SearchPath, module: &Path) -> Outcome {
    if let Some(wasmtime) = path.find(&["wasmtime"]) {
        return fixture::outcome(Some(Process::new(wasmtime).arg(module)));
    }
    match path.find(&["node", "nodejs"]) {
        Some(node) => {
            let node = Process::new(node)
                .args(["--no-warnings", "--eval", NODE])
                .arg(module);
            fixture::outcome(Some(node))
        }
        None => Outcome::Untried("no runner"),
    }
}

/// Whether the standard library of the target is there.
fn is_installed() -> bool {
    let folder = ["--print", "target-libdir", "--target", TARGET];
    let folder = Process::new("rustc").args(folder).capture();
    folder.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}
