//! Two versions in one program would not hear each other. Cargo refuses them before anything is built.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{env, fs, path::Path, process::Command};

/// What Cargo says to a program that depends on these crates by path.
fn resolve(folder: &Path, crates: &[(&str, &Path)]) -> (bool, String) {
    let line = |(name, path): &(&str, &Path)| {
        let (package, path) = (env!("CARGO_PKG_NAME"), path.display());
        format!("{name} = {{ package = '{package}', path = '{path}' }}")
    };
    let dependencies = crates.iter().map(line).collect::<Vec<_>>().join("\n");
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{dependencies}"
    );
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), "fn main() {}\n").unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["generate-lockfile", "--offline", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// A crate of the name and the `links` of this one, in another version, that needs nothing.
fn version(folder: &Path, version: &str) {
    let ours =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let links = ours
        .lines()
        .find(|line| line.starts_with("links"))
        .unwrap_or_default();
    let manifest = format!(
        "[package]\nname = \"{}\"\nversion = \"{version}\"\nedition = \"2024\"\nbuild = \"build.rs\"\n{links}\n",
        env!("CARGO_PKG_NAME")
    );
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("build.rs"), "fn main() {}\n").unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
}

#[test]
fn two_versions_are_refused() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("versions");
    let (old, new) = (folder.join("old"), folder.join("new"));
    version(&old, "0.1.0");
    version(&new, "0.2.0");
    let (is_fine, words) = resolve(&folder.join("one"), &[("signals", &old)]);
    assert!(is_fine, "{words}");
    let (is_fine, words) = resolve(&folder.join("two"), &[("signals", &old), ("others", &new)]);
    assert!(!is_fine);
    assert!(
        words.contains("links to the native library `phone_auth_signals`"),
        "{words}"
    );
}
