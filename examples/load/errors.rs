//! Failed requests, counted by kind.

use std::collections::BTreeMap;

use hangup::Error;
use hangup::http::StatusCode;

/// The errors of a run: a count and the first text for each kind.
#[derive(Default)]
pub(crate) struct Errors(BTreeMap<String, (u64, String)>);

impl Errors {
    pub(crate) fn add(&mut self, error: &Error) {
        self.enter(format!("{:?}", error.kind()), 1, || format!("{error:#}"));
    }

    pub(crate) fn add_status(&mut self, status: StatusCode) {
        let reason = status.canonical_reason().unwrap_or("unknown status");
        self.enter(format!("Status({})", status.as_u16()), 1, || reason.to_owned());
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (kind, (count, first)) in other.0 {
            self.enter(kind, count, || first);
        }
    }

    fn enter(&mut self, kind: String, count: u64, first: impl FnOnce() -> String) {
        self.0.entry(kind).or_insert_with(|| (0, first())).0 += count;
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.values().map(|(count, _)| count).sum()
    }

    /// Returns the counts as a JSON object. No kind's name needs escapes.
    pub(crate) fn json(&self) -> String {
        let pairs = self.0.iter().map(|(kind, (count, _))| format!(r#""{kind}":{count}"#));
        format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
    }

    /// Returns a line for each kind, the most frequent first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        kinds.into_iter().map(|(kind, (count, first))| {
            let noun = if *count == 1 { "error" } else { "errors" };
            format!("{count} {noun} {kind}: {}", first.escape_debug())
        })
    }
}
