//! The tree of patterns. A look-up visits one node for each segment of the path, however many patterns
//! there are, unless it has to turn back.
//!
//! ```text
//!    hosts ─▶ node ─ literals ─▶ node        "/items/new"
//!                  ├ wild ─────▶ node        "/items/{id}"
//!                  ├ end ──────▶ methods     "/items": the path ends here
//!                  ├ slash ────▶ methods     "/items/{$}": it ends with a slash
//!                  └ rest ─────▶ methods     "/items/", "/items/{rest...}"
//! ```
//!
//! At each node the more specific branch comes first. If none of its patterns has the method and the rest of
//! the path, the next branch is tried. Patterns that conflict never come so far, so the first match is
//! the most specific of all.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use http::Method;

use super::path::{decoded, split_first};
use super::pattern::{Pattern, Segment};

/// The place of a route in the router's list.
pub(super) type RouteId = usize;

#[derive(Debug, Default)]
pub(super) struct Tree {
    hosts: Map<str, Node>,
    any_host: Node,
}

type Map<K, V> = HashMap<Box<K>, V, BuildHasherDefault<SegmentHasher>>;

#[derive(Debug, Default)]
struct Node {
    literals: Map<[u8], Node>,
    wild: Option<Box<Node>>,
    end: Methods,
    slash: Methods,
    rest: Methods,
}

/// The routes of one path, by method.
#[derive(Debug, Default)]
struct Methods(Vec<(Option<Method>, RouteId)>);

/// The part of a request that a tree looks at.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Empty if no pattern has a host.
    pub(super) host: &'a str,
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    /// The path contains a percent sign.
    pub(super) is_encoded: bool,
    /// Looks for the path with a slash added.
    pub(super) with_slash: bool,
}

/// A pattern that matches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) route: RouteId,
    /// The rest of the pattern stands for nothing, or there is none.
    pub(super) is_exact: bool,
}

impl Tree {
    pub(super) fn has_hosts(&self) -> bool {
        !self.hosts.is_empty()
    }

    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Option<Found> {
        let path = wanted.path.as_bytes();
        let of_host = self.hosts.get(wanted.host).and_then(|node| node.find(path, wanted));
        of_host.or_else(|| self.any_host.find(path, wanted))
    }

    /// Returns the methods of the patterns that match but for the method, as they were registered.
    pub(super) fn methods(&self, wanted: &Wanted<'_>) -> Vec<Method> {
        let mut methods = Vec::new();
        for node in self.hosts.get(wanted.host).into_iter().chain([&self.any_host]) {
            node.add_methods(wanted.path.as_bytes(), wanted, &mut methods);
        }
        methods
    }

    /// Calls `visit` with every route whose path has a request in common with `pattern`'s, and stops at an
    /// error.
    pub(super) fn visit_related<E>(
        &self,
        pattern: &Pattern,
        mut visit: impl FnMut(RouteId) -> Result<(), E>,
    ) -> Result<(), E> {
        match &pattern.host {
            Some(host) => match self.hosts.get(host) {
                Some(node) => node.visit_related(&pattern.segments, &mut visit),
                None => Ok(()),
            },
            None => self.any_host.visit_related(&pattern.segments, &mut visit),
        }
    }

    pub(super) fn insert(&mut self, pattern: &Pattern, route: RouteId) {
        let mut node = match &pattern.host {
            Some(host) => self.hosts.entry(host.clone()).or_default(),
            None => &mut self.any_host,
        };
        let mut methods = None;
        for segment in &pattern.segments {
            match segment {
                Segment::Literal(literal) => {
                    node = node.literals.entry(literal.clone()).or_default();
                }
                Segment::Wild(_) => node = node.wild.get_or_insert_default(),
                Segment::Rest(_) => methods = Some(Last::Rest),
                Segment::End => methods = Some(Last::Slash),
            }
        }
        let methods = match methods {
            None => &mut node.end,
            Some(Last::Slash) => &mut node.slash,
            Some(Last::Rest) => &mut node.rest,
        };
        methods.0.push((pattern.method.clone(), route));
    }
}

/// The last segment of a pattern, if it is no node.
enum Last {
    Slash,
    Rest,
}

impl Node {
    /// `path` is empty or begins with a slash.
    fn find(&self, path: &[u8], wanted: &Wanted<'_>) -> Option<Found> {
        let exact = |route| Found { route, is_exact: true };
        if path.is_empty() && !wanted.with_slash {
            return self.end.get(wanted.method).map(exact);
        }
        if path.len() <= 1 {
            let slash = self.slash.get(wanted.method);
            return slash.or_else(|| self.rest.get(wanted.method)).map(exact);
        }
        let (segment, after) = split_first(path);
        self.literal(segment, wanted)
            .and_then(|node| node.find(after, wanted))
            .or_else(|| self.wild_for(segment)?.find(after, wanted))
            .or_else(|| Some(Found { route: self.rest.get(wanted.method)?, is_exact: false }))
    }

    fn literal(&self, segment: &[u8], wanted: &Wanted<'_>) -> Option<&Self> {
        match wanted.is_encoded {
            true => self.literals.get(&*decoded(segment)),
            false => self.literals.get(segment),
        }
    }

    /// A wildcard is not empty. Only a path of CONNECT may have an empty segment.
    fn wild_for(&self, segment: &[u8]) -> Option<&Self> {
        self.wild.as_deref().filter(|_| !segment.is_empty())
    }

    fn add_methods(&self, path: &[u8], wanted: &Wanted<'_>, methods: &mut Vec<Method>) {
        let mut add = |all: &Methods| methods.extend(all.0.iter().filter_map(|one| one.0.clone()));
        if path.is_empty() && !wanted.with_slash {
            return add(&self.end);
        }
        add(&self.rest);
        if path.len() <= 1 {
            return add(&self.slash);
        }
        let (segment, after) = split_first(path);
        for node in self.literal(segment, wanted).into_iter().chain(self.wild_for(segment)) {
            node.add_methods(after, wanted, methods);
        }
    }

    fn visit_related<E>(
        &self,
        segments: &[Segment],
        visit: &mut impl FnMut(RouteId) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((segment, after)) = segments.split_first() else { return self.end.visit(visit) };
        self.rest.visit(visit)?;
        match segment {
            Segment::End => self.slash.visit(visit),
            Segment::Rest(_) => self.visit_all(true, visit),
            Segment::Literal(literal) => {
                self.literals
                    .get(literal)
                    .map_or(Ok(()), |node| node.visit_related(after, visit))?;
                self.wild.as_ref().map_or(Ok(()), |node| node.visit_related(after, visit))
            }
            Segment::Wild(_) => {
                let mut nodes = self.literals.values().chain(self.wild.as_deref());
                nodes.try_for_each(|node| node.visit_related(after, visit))
            }
        }
    }

    /// Visits all routes below. `is_top`: the path does not end here, and the rest was visited.
    fn visit_all<E>(
        &self,
        is_top: bool,
        visit: &mut impl FnMut(RouteId) -> Result<(), E>,
    ) -> Result<(), E> {
        self.slash.visit(visit)?;
        if !is_top {
            self.end.visit(visit)?;
            self.rest.visit(visit)?;
        }
        let mut nodes = self.literals.values().chain(self.wild.as_deref());
        nodes.try_for_each(|node| node.visit_all(false, visit))
    }
}

impl Methods {
    /// Returns the route for `method`: its own, that of GET for HEAD, or that of all methods.
    fn get(&self, method: &Method) -> Option<RouteId> {
        let of = |wanted: Option<&Method>| {
            let found = self.0.iter().find(|(method, _)| method.as_ref() == wanted);
            found.map(|(_, route)| *route)
        };
        let own = of(Some(method));
        let own = own.or_else(|| of(Some(&Method::GET)).filter(|_| *method == Method::HEAD));
        own.or_else(|| of(None))
    }

    fn visit<E>(&self, visit: &mut impl FnMut(RouteId) -> Result<(), E>) -> Result<(), E> {
        self.0.iter().try_for_each(|(_, route)| visit(*route))
    }
}

/// Hashes literals of patterns. The keys of a map are the program's, so no client can make them collide.
#[derive(Default)]
struct SegmentHasher(u64);

impl SegmentHasher {
    fn add(&mut self, word: u64) {
        // An odd number with as many ones as zeros, without a pattern: the golden ratio.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for SegmentHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut last = bytes;
        while let Some((word, rest)) = last.split_first_chunk() {
            self.add(u64::from_le_bytes(*word));
            last = rest;
        }
        if !last.is_empty() {
            let mut word = [0; 8];
            word[..last.len()].copy_from_slice(last);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }

    fn finish(&self) -> u64 {
        // The product's high bits are the good ones. The map takes its places from the low ones.
        self.0.rotate_left(26)
    }
}
