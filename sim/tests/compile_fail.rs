//! What must not compile does not, and the message says why: the first of the checks that keep a state complete.
//!
//! The messages are those of the compiler that `rust-version` names. `TRYBUILD=overwrite` writes them anew; read the
//! difference before committing it.

#[test]
fn refused_types_are_named_by_the_compiler() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/accepted.rs");
    cases.compile_fail("tests/ui/component_*.rs");
    cases.compile_fail("tests/ui/state_*.rs");
    cases.compile_fail("tests/ui/column_*.rs");
}
