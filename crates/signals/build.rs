//! Cargo asks for a build script where `links` is said; it has nothing to do.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
