//! What the macros accept, and what they refuse in which words: one mistake in each file, which is named after it.
//!
//! `TRYBUILD=overwrite cargo test -p serverwamp-tests --test compile` writes the words anew.

#[test]
fn accepted() {
    trybuild::TestCases::new().pass("compile/pass/*.rs");
}

#[test]
fn refused() {
    trybuild::TestCases::new().compile_fail("compile/fail/*.rs");
}
