//! Files import from each other in one direction only.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::allowed::{ALLOWED, Rule};
use super::modules::Modules;
use super::paths::Place;
use super::sources::Source;

/// The files that each file imports from, with the line.
type Imports = BTreeMap<String, BTreeMap<String, usize>>;

/// Returns the imports that lie on a circle. Those that are allowed are left out of the graph before
/// the others are looked for, so that one entry opens a circle.
pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    let mut imports = imports(sources);
    let (allowed, others): (Vec<_>, Vec<_>) =
        on_circles(&imports).into_iter().partition(is_allowed);
    if allowed.is_empty() {
        return others;
    }
    for finding in &allowed {
        let (file, target) = finding.place.split_once(" -> ").expect("an import");
        imports.get_mut(file).expect("a file").remove(target);
    }
    allowed.into_iter().chain(on_circles(&imports)).collect()
}

fn is_allowed(finding: &Finding) -> bool {
    ALLOWED.iter().any(|entry| entry.covers(finding))
}

fn imports(sources: &[Source]) -> Imports {
    let modules = Modules::new(sources);
    let mut imports = Imports::new();
    for source in sources {
        for mention in source.mentions() {
            // A re-export lists what a directory offers; it does not use that.
            if matches!(mention.place, Place::Use | Place::Expression)
                && let Some(target) = modules.target(source, &mention.segments)
                && target.file != source.file
            {
                let targets = imports.entry(source.file.clone()).or_default();
                targets.entry(target.file.clone()).or_insert(mention.line);
            }
        }
    }
    imports
}

fn on_circles(imports: &Imports) -> Vec<Finding> {
    let mut found = Vec::new();
    for (file, targets) in imports {
        for (target, &line) in targets {
            if let Some(way) = way(imports, target, file) {
                let text = format!(
                    "closes a circle: {file} -> {way}; move the shared item to a file below both"
                );
                let place = format!("{file} -> {target}");
                found.push(Finding { rule: Rule::Circles, place, line, text });
            }
        }
    }
    found
}

/// Returns the shortest way from one file to another.
fn way(imports: &Imports, from: &str, to: &str) -> Option<String> {
    let mut ways = vec![vec![from]];
    let mut seen = BTreeSet::from([from]);
    let mut next = 0;
    while next < ways.len() {
        let last = *ways[next].last()?;
        if last == to {
            return Some(ways[next].join(" -> "));
        }
        for target in imports.get(last).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(target) {
                let mut longer = ways[next].clone();
                longer.push(target);
                ways.push(longer);
            }
        }
        next += 1;
    }
    None
}

#[test]
fn a_circle_is_found_through_a_third_file_and_a_reexport() {
    let sources = [
        Source::new("src/net/mod.rs", "mod a;\nmod b;\nmod c;\npub(crate) use c::Third;"),
        Source::new("src/net/a.rs", "use super::b::Second;"),
        Source::new("src/net/b.rs", "fn f(third: super::Third) {}"),
        Source::new("src/net/c.rs", "use crate::net::a::First;"),
    ];
    let places: Vec<_> = on_circles(&imports(&sources)).into_iter().map(|one| one.place).collect();
    let expected = ["a.rs -> src/net/b.rs", "b.rs -> src/net/c.rs", "c.rs -> src/net/a.rs"];
    assert_eq!(places, expected.map(|place| format!("src/net/{place}")));
}
