//! The places that may break a rule, with the reason.

use super::Finding;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Floors,
    Circles,
    FileLength,
    FunctionLength,
    Prose,
}

/// Exempts a place from a rule.
pub(crate) struct Allowed {
    pub(crate) rule: Rule,
    /// The beginning of a finding's place: a directory, a file, or an import `file -> file`.
    pub(crate) place: &'static str,
    pub(crate) reason: &'static str,
}

impl Allowed {
    pub(crate) fn covers(&self, finding: &Finding) -> bool {
        self.rule == finding.rule && finding.place.starts_with(self.place)
    }
}

pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        rule: Rule::Circles,
        place: "src/net/stream.rs",
        reason: "TLS is a stream over a stream",
    },
    Allowed {
        rule: Rule::Circles,
        place: "src/net/tls/s",
        reason: "TLS is a stream over a stream",
    },
    Allowed {
        rule: Rule::Circles,
        place: "src/net/socket",
        reason: "blocking reads are a part of it",
    },
];
