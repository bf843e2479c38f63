//! The number of rounds of the tests that try many inputs of one kind.

/// Returns 1 with `HANGUP_FULL_TESTS` in the environment, and `few` without it.
///
/// A test that would try every input of a kind tries one in so many by default, and all of them in CI.
pub(crate) fn one_in(few: usize) -> usize {
    if std::env::var_os("HANGUP_FULL_TESTS").is_some() { 1 } else { few }
}
