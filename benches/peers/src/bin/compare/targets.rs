//! The targets. A row is `group/case/peer`. A target for a ratio applies to the median of the ratios
//! within each round.

use Bound::{AtLeast, AtMost};

pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) of: &'static str,
    /// `None` if the bound applies to the figure itself.
    pub(crate) to: Option<&'static str>,
    pub(crate) bound: Bound,
}

#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

const fn ratio(what: &'static str, of: &'static str, to: &'static str, least: f64) -> Target {
    Target { what, of, to: Some(to), bound: AtLeast(least) }
}

const fn at_most(what: &'static str, of: &'static str, most: f64) -> Target {
    Target { what, of, to: None, bound: AtMost(most) }
}

#[rustfmt::skip]
pub(crate) const TARGETS: &[Target] = &[
    ratio("server, 1 connection, of the floor", "keep-alive/1 connection/hangup", "keep-alive/1 connection/floor", 0.90),
    ratio("server, 32 connections, of the floor", "keep-alive/32 connections/hangup", "keep-alive/32 connections/floor", 0.90),
    ratio("server, 256 connections, of the floor", "keep-alive/256 connections/hangup", "keep-alive/256 connections/floor", 0.90),
    ratio("server, 1 connection, of Go", "keep-alive/1 connection/hangup", "keep-alive/1 connection/go", 1.4),
    ratio("server, 32 connections, of Go", "keep-alive/32 connections/hangup", "keep-alive/32 connections/go", 1.5),
    ratio("server, 256 connections, of Go", "keep-alive/256 connections/hangup", "keep-alive/256 connections/go", 1.3),
    ratio("server, 1 connection, of hyper", "keep-alive/1 connection/hangup", "keep-alive/1 connection/hyper", 1.0),
    ratio("server, 32 connections, of hyper", "keep-alive/32 connections/hangup", "keep-alive/32 connections/hyper", 0.85),
    ratio("server, 1 connection, of khttp", "keep-alive/1 connection/hangup", "keep-alive/1 connection/khttp", 1.0),

    ratio("pipelined, of its own unpipelined", "pipelined/16 deep/hangup", "pipelined/one at a time/hangup", 4.0),
    ratio("context asked, of Go", "context/32 connections/hangup, context asked", "context/32 connections/go", 1.0),
    ratio("new connection each, of Go", "new-connection/32 at a time/hangup", "new-connection/32 at a time/go", 1.0),
    ratio("new connection each, of hyper", "new-connection/32 at a time/hangup", "new-connection/32 at a time/hyper", 0.8),
    at_most("KiB of an idle connection", "idle/after 2 s/hangup", 12.0),
    ratio("1 000 active, of 256", "many/1000 connections/hangup", "many/256 connections/hangup", 0.8),
    ratio("4 000 active, of 256", "many/4000 connections/hangup", "many/256 connections/hangup", 0.8),

    ratio("client, 1 thread, of the floor", "get/1 thread/hangup", "get/1 thread/floor", 0.85),
    ratio("client, 1 thread, of ureq", "get/1 thread/hangup", "get/1 thread/ureq", 1.0),
    ratio("client, 1 thread, of reqwest", "get/1 thread/hangup", "get/1 thread/reqwest", 1.0),
    ratio("client, 1 thread, of Go", "get/1 thread/hangup", "get/1 thread/go", 1.0),
    ratio("client, 8 threads, of the floor", "get/8 threads/hangup", "get/8 threads/floor", 0.80),
    ratio("client, 8 threads, of ureq", "get/8 threads/hangup", "get/8 threads/ureq", 1.5),
    ratio("client, 8 threads, of Go", "get/8 threads/hangup", "get/8 threads/go", 2.5),
    ratio("POST of 1 KiB, of ureq", "post/1 KiB/hangup", "post/1 KiB/ureq", 1.0),
    ratio("POST of 1 KiB, of reqwest", "post/1 KiB/hangup", "post/1 KiB/reqwest", 1.0),
    ratio("POST of 1 MiB, of ureq", "post/1 MiB/hangup", "post/1 MiB/ureq", 1.0),
    ratio("POST of 1 MiB, of reqwest", "post/1 MiB/hangup", "post/1 MiB/reqwest", 1.0),

    ratio("client, bulk down, length, of the floor", "bulk-client/down, length/hangup", "bulk-client/down, length/floor", 0.9),
    ratio("client, bulk down, chunked, of the floor", "bulk-client/down, chunked/hangup", "bulk-client/down, chunked/floor", 0.9),
    ratio("client, bulk up, length, of the floor", "bulk-client/up, length/hangup", "bulk-client/up, length/floor", 0.9),
    ratio("client, bulk up, chunked, of the floor", "bulk-client/up, chunked/hangup", "bulk-client/up, chunked/floor", 0.9),
    ratio("server, bulk down, length, of the floor", "bulk-server/down, length/hangup", "bulk-server/down, length/floor", 0.9),
    ratio("server, bulk down, chunked, of the floor", "bulk-server/down, chunked/hangup", "bulk-server/down, chunked/floor", 0.9),
    ratio("server, bulk up, length, of the floor", "bulk-server/up, length/hangup", "bulk-server/up, length/floor", 0.9),
    ratio("server, bulk up, chunked, of the floor", "bulk-server/up, chunked/hangup", "bulk-server/up, chunked/floor", 0.9),

    ratio("FastCGI, of Go", "fastcgi/32 connections/hangup", "fastcgi/32 connections/go", 1.5),

    ratio("file of 100 MiB, of nginx", "files/100 MiB/hangup", "files/100 MiB/nginx", 0.9),
];

impl Bound {
    /// Returns the distance of a figure from the bound, as a fraction of it. It is negative if the
    /// target is missed.
    pub(crate) fn margin(self, figure: f64) -> f64 {
        match self {
            AtLeast(least) => figure / least - 1.0,
            AtMost(most) => 1.0 - figure / most,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AtLeast(least) => write!(f, "≥ {least:.2}"),
            AtMost(most) => write!(f, "≤ {most:.0}"),
        }
    }
}

/// A row's group, case and peer.
pub(crate) fn row(path: &str) -> (&str, &str, &str) {
    let (group, rest) = path.split_once('/').expect("group/case/peer");
    let (case, peer) = rest.split_once('/').expect("group/case/peer");
    (group, case, peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups;

    #[test]
    fn every_target_is_of_something_that_is_measured() {
        let groups = groups::all();
        for path in TARGETS.iter().flat_map(|target| [Some(target.of), target.to]).flatten() {
            let (group, case, peer) = row(path);
            let group = groups.iter().find(|g| g.name == group).expect(path);
            let case = group.cases.iter().find(|c| c.name == case).expect(path);
            assert!(case.peers.iter().any(|p| p.name == peer), "{path}");
        }
    }

    #[test]
    fn every_target_stands_in_the_document() {
        let document = include_str!("../../../../../BENCHMARKING.md");
        for target in TARGETS {
            let row = format!("| {} | {} |", target.what, target.bound);
            assert!(document.contains(&row), "BENCHMARKING.md does not have: {row}");
        }
    }

    #[test]
    fn margins_are_parts_of_the_bound() {
        assert!((AtLeast(0.8).margin(0.72) + 0.1).abs() < 1e-9);
        assert!((AtMost(12.0).margin(9.0) - 0.25).abs() < 1e-9);
    }
}
