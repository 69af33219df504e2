//! What compiles, and the one error that each mistake is: in plain words, at the place where it was made.
//!
//! `TRYBUILD=overwrite cargo test -p phone-auth-signals --test ui` writes the errors anew; read the difference.

#[test]
fn mistakes_are_one_plain_error() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
