//! What compiles, and the one error that each mistake is: in plain words, at the place where it was made.
//!
//! `TRYBUILD=overwrite cargo test -p phone-auth-signals --test ui` writes the errors anew; read the difference.

#[test]
fn mistakes_are_one_plain_error() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}

/// The table of fragments has each option, also one that is new.
#[test]
fn each_option_is_given_by_fragments() {
    let options = include_str!("../../signals-macros/src/options.rs");
    let table = include_str!("ui/pass/fragments.rs");
    let arms = options.lines().filter_map(|line| {
        let (name, _) = line.trim().strip_prefix('"')?.split_once("\" => ")?;
        Some(name)
    });
    let names: Vec<_> = arms.collect();
    assert!(names.contains(&"priority"), "{names:?}");
    for name in names {
        assert!(table.contains(&format!(", {name} = $x)")), "{name}");
    }
}
