//! Which directory below `src` may import from which: the floors of ARCHITECTURE.md.

use super::Finding;
use super::allowed::Rule;
use super::modules::Modules;
use super::sources::Source;

/// The floors, from the top down. A file imports only from its own directory and from the floors below.
/// Directories on one floor do not import from each other.
const FLOORS: &[&[&str]] = &[
    &["lib", "signals", "testing", "tls"],
    &["handlers"],
    &["client", "server", "fcgi", "cgi"],
    &["gateway"],
    &["serving"],
    &["handler"],
    &["extract"],
    &["message"],
    &["body"],
    &["net"],
    &["context", "sniff"],
    &["h1"],
    &["error", "sync"],
    &["unwind"],
    &["logging"],
    &["text", "random", "rounds"],
];

/// The directory that uses the crate as a stranger would: to show that others can write the same.
const STRANGER: &str = "handlers";

/// Tools that it may use all the same. Every crate has some like them, and none is a part of a service.
const TOOLS: &[&str] = &["logging", "random", "sync", "text", "unwind"];

pub(crate) fn findings(sources: &[Source]) -> Vec<Finding> {
    let modules = Modules::new(sources);
    let mut found = Vec::new();
    for source in sources {
        for mention in source.mentions() {
            let Some(target) = modules.target(source, &mention.segments) else { continue };
            let path = mention.segments.join("::");
            let private = source.room() == STRANGER
                && target.room() != STRANGER
                && !TOOLS.contains(&target.room())
                && !modules.is_public(source, &mention.segments);
            if let Some(text) = violation(source.room(), target.room(), &path, private) {
                let place = format!("{} -> {}", source.file, target.file);
                found.push(Finding { rule: Rule::Floors, place, line: mention.line, text });
            }
        }
    }
    found
}

fn violation(from: &str, to: &str, path: &str, private: bool) -> Option<String> {
    let (Some(upper), Some(lower)) = (floor(from), floor(to)) else {
        let unknown = if floor(from).is_none() { from } else { to };
        return Some(format!("`{unknown}` is on no floor; add it to tests/tidy/floors.rs"));
    };
    if from == to || (upper < lower && !private) {
        None
    } else if private {
        Some(format!("`{from}` uses `{path}`, which is not public; make it public or do without"))
    } else {
        Some(format!("`{from}` uses `{path}` of `{to}`, which is not below it; move the item down"))
    }
}

/// Counted from the top.
fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn handlers_use_public_doors_only() {
    let source = |file: &str, text: &str| Source::new(file, text);
    let sources = [
        source("src/lib.rs", "mod body;\npub mod client;\nmod error;\npub use error::Error;"),
        source("src/body.rs", "pub struct Body;"),
        source("src/client/mod.rs", "mod pool;\npub struct Client;\npub(crate) struct Inner;"),
        source("src/client/pool.rs", "pub struct Pool;"),
        source("src/error.rs", "pub struct Error;"),
        source(
            "src/handlers/mod.rs",
            "mod files;\nuse crate::{Error, client::Client};\nuse super::body::Body;",
        ),
        source(
            "src/handlers/files.rs",
            "use crate::client::pool::Pool;\nfn f() -> crate::client::Inner {}",
        ),
    ];
    let places: Vec<_> =
        findings(&sources).into_iter().map(|finding| (finding.place, finding.line)).collect();
    let expected = [
        ("src/handlers/mod.rs -> src/body.rs", 3),
        ("src/handlers/files.rs -> src/client/pool.rs", 1),
        ("src/handlers/files.rs -> src/client/mod.rs", 2),
    ];
    assert_eq!(places, expected.map(|(place, line)| (place.to_owned(), line)));
}

#[test]
fn no_door_leads_up_or_to_a_neighbour() {
    let allowed = |from, to| violation(from, to, "", false).is_none();
    assert!(allowed("client", "net") && allowed("serving", "handler") && allowed("net", "net"));
    assert!(
        !allowed("net", "client") && !allowed("client", "server") && !allowed("client", "attic")
    );
}
