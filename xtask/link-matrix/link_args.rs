//! The build script of every crate that is linked: hands on the linker's arguments of this cell of the matrix.
//!
//! By a build script and not by `RUSTFLAGS`, so that a change of linker links again without compiling again.

fn main() {
    println!("cargo::rerun-if-env-changed=LINK_MATRIX_ARGS");
    for argument in std::env::var("LINK_MATRIX_ARGS")
        .unwrap_or_default()
        .split_whitespace()
    {
        println!("cargo::rustc-link-arg={argument}");
    }
}
