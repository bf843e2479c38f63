//! Holds the sources to the rules that a compiler does not know: which file may import from which, how
//! long a file and a function may be, and which words the documentation avoids.
//!
//! Each failure names the file, the line and the rule, and how to mend it. `allowed.rs` lists the places
//! that may break a rule, with the reason.

mod allowed;
mod circles;
mod conformance;
mod floors;
mod modules;
mod pages;
mod paths;
mod prose;
mod sizes;
mod sources;

use std::fmt;

use allowed::{ALLOWED, Allowed, Rule};
use sources::sources;

/// A place that breaks a rule.
struct Finding {
    rule: Rule,
    /// The file, from the root of the repository, or the import `file -> file`.
    place: String,
    line: usize,
    /// The violation, and how to mend it.
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.place.split(" -> ").next().unwrap_or_default();
        write!(f, "{file}:{}: {:?}: {}", self.line, self.rule, self.text)
    }
}

/// Fails with a list of the findings that are not allowed, and prints the others. Fails as well if an
/// exemption is no longer needed.
#[allow(clippy::print_stdout)] // `cargo test --test tidy -- --nocapture` shows it.
fn check(rule: Rule, findings: &[Finding]) {
    let entries: Vec<&Allowed> = ALLOWED.iter().filter(|entry| entry.rule == rule).collect();
    for entry in &entries {
        let covered: Vec<_> = findings.iter().filter(|finding| entry.covers(finding)).collect();
        let place = entry.place;
        assert!(!covered.is_empty(), "tests/tidy/allowed.rs: {rule:?} {place} is no longer needed");
        for finding in covered {
            println!("allowed, {}: {finding}", entry.reason);
        }
    }
    let is_new = |finding: &&Finding| !entries.iter().any(|entry| entry.covers(finding));
    let new: Vec<String> = findings.iter().filter(is_new).map(Finding::to_string).collect();
    assert!(new.is_empty(), "{} places break a rule:\n{}", new.len(), new.join("\n"));
}

#[test]
fn a_file_imports_only_from_the_floors_below() {
    check(Rule::Floors, &floors::findings(&sources()));
}

#[test]
fn no_files_import_from_each_other() {
    check(Rule::Circles, &circles::findings(&sources()));
}

#[test]
fn a_file_has_at_most_500_lines_before_its_tests() {
    check(Rule::FileLength, &sizes::files(&sources()));
}

#[test]
fn a_function_has_at_most_60_lines() {
    check(Rule::FunctionLength, &sizes::functions(&sources()));
}

#[test]
fn the_documentation_is_in_plain_words() {
    check(Rule::Prose, &prose::findings(&sources()));
}
