//! The documented configurations, with what is particular to a test in place of what is to an example.

use std::fs;
use std::path::PathBuf;

/// A file of `docs/deploy/`, in which each pair's first is replaced by its second. What the file does not
/// have cannot be replaced: then the test and the documentation have come apart.
pub(crate) fn filled(name: &str, pairs: &[(&str, &str)]) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/deploy").join(name);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    pairs.iter().fold(text, |text, (documented, here)| {
        assert!(text.contains(documented), "{name} has no {documented:?}");
        text.replace(documented, here)
    })
}

/// The program that web servers start, which cargo has built beside this test.
pub(crate) fn gateway() -> String {
    crate::example::path("gateway").to_str().expect("UTF-8").to_owned()
}
