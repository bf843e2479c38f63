//! Random patterns and requests, beside a matcher that knows nothing of trees.
//!
//! It lists all requests of a small world. A pattern is the set of those that match it. So "more specific"
//! and "conflict" are a subset and an overlap of sets, as the documentation defines them.

use hangup::Router;

use super::{add, ask};

/// `x` is in no pattern, so that a wildcard matches more than the literals.
const SEGMENTS: [&str; 3] = ["a", "b", "x"];
/// One more than a pattern has.
const DEPTH: usize = 4;
const METHODS: [&str; 5] = ["GET", "HEAD", "POST", "FROB", "OPTIONS"];
const HOSTS: [&str; 2] = ["", "h"];

/// A generator of numbers, the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn pattern(&mut self) -> String {
        let mut pattern = self.of(&["", "", "GET ", "HEAD ", "POST ", "FROB "]).to_owned();
        pattern += self.of(&["", "", "", "h"]);
        for depth in 0..self.below(DEPTH) {
            pattern += &["/", self.of(&["a", "b", "{w}", "{w}"])].concat();
            pattern = pattern.replace("{w}", &format!("{{w{depth}}}"));
        }
        pattern += self.of(&["", "/", "/{$}", "/{rest...}"]);
        if !pattern.contains('/') {
            pattern.push('/');
        }
        pattern
    }
}

fn paths() -> Vec<String> {
    let mut paths = vec![String::new()];
    for depth in 0..DEPTH {
        let deeper = |path: &String| SEGMENTS.map(|segment| format!("{path}/{segment}"));
        let longest = paths.iter().filter(|path| path.matches('/').count() == depth);
        let deeper: Vec<String> = longest.flat_map(deeper).collect();
        paths.extend(deeper);
    }
    let slashed: Vec<String> = paths.iter().map(|path| format!("{path}/")).collect();
    paths.extend(slashed);
    paths.retain(|path| !path.is_empty());
    paths
}

/// A pattern in its parts.
struct Slow {
    text: String,
    method: String,
    host: String,
    path: String,
    /// Which requests of the world match, the host aside: a bit for each path and method.
    set: Vec<u64>,
}

impl Slow {
    fn new(text: &str, paths: &[String]) -> Self {
        let (method, rest) = text.split_once(' ').unwrap_or(("", text));
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        let (method, host, path) = (method.to_owned(), host.to_owned(), path.to_owned());
        let mut slow = Self { text: text.to_owned(), method, host, path, set: Vec::new() };
        let methods: u64 = (0..METHODS.len())
            .filter(|index| slow.takes(METHODS[*index]))
            .map(|index| 1 << index)
            .sum();
        slow.set = paths
            .chunks(8)
            .map(|paths| {
                let bits = |(at, path): (usize, &String)| {
                    if slow.leads_to(path) { methods << (8 * at) } else { 0 }
                };
                paths.iter().enumerate().map(bits).sum()
            })
            .collect();
        slow
    }

    fn takes(&self, method: &str) -> bool {
        ["", method].contains(&&*self.method) || (&*self.method, method) == ("GET", "HEAD")
    }

    fn leads_to(&self, path: &str) -> bool {
        let pattern: Vec<&str> = self.path[1..].split('/').collect();
        let path: Vec<&str> = path[1..].split('/').collect();
        leads_to(&pattern, &path)
    }

    /// Returns `true` if the pattern matches, and its rest stands for nothing.
    fn is_exact(&self, path: &str) -> bool {
        let slashes = |path: &str| path.matches('/').count();
        let ends_open = self.path.ends_with('/') || self.path.ends_with("...}");
        !ends_open || (path.ends_with('/') && slashes(path) == slashes(&self.path))
    }

    fn is_below(&self, other: &Self) -> bool {
        self.set.iter().zip(&other.set).all(|(mine, other)| mine & !other == 0)
    }

    fn conflicts(&self, other: &Self) -> bool {
        let meet = self.set.iter().zip(&other.set).any(|(mine, other)| mine & other != 0);
        self.host == other.host && meet && self.is_below(other) == other.is_below(self)
    }
}

fn leads_to(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([""], _) => true,
        ([rest], _) if rest.ends_with("...}") => true,
        (["{$}"], path) => path == [""],
        ([first, pattern @ ..], [segment, path @ ..]) => {
            let wild = first.starts_with('{') && !segment.is_empty();
            (wild || first == segment)
                && match (pattern, path) {
                    ([], []) => true,
                    ([], _) | (_, []) => false,
                    _ => leads_to(pattern, path),
                }
        }
        _ => false,
    }
}

fn winner<'a>(all: &'a [Slow], method: &str, host: &str, path: &str) -> Option<&'a Slow> {
    let matching = |host: &str| -> Vec<&Slow> {
        let fits = |one: &&Slow| one.host == host && one.takes(method) && one.leads_to(path);
        all.iter().filter(fits).collect()
    };
    let mut found = matching(host);
    if found.is_empty() {
        found = matching("");
    }
    let lowest = found.iter().find(|one| found.iter().all(|other| one.is_below(other)));
    assert!(found.is_empty() || lowest.is_some());
    lowest.copied()
}

fn expected(all: &[Slow], method: &str, host: &str, path: &str) -> String {
    let found = winner(all, method, host, path);
    let slashed = format!("{path}/");
    if !path.ends_with('/') && !found.is_some_and(|one| one.is_exact(path)) {
        let other = winner(all, method, host, &slashed);
        if other.is_some_and(|one| one.is_exact(&slashed)) {
            return format!("308 {slashed}");
        }
    }
    if let Some(found) = found {
        return found.text.clone();
    }
    let leads = |one: &&Slow| {
        let slashed = !path.ends_with('/') && one.leads_to(&slashed);
        ["", host].contains(&&*one.host) && (one.leads_to(path) || slashed)
    };
    let mut methods: Vec<&str> = all.iter().filter(leads).map(|one| &*one.method).collect();
    if methods.is_empty() {
        return "404".to_owned();
    }
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    methods.dedup();
    let status = if method == "OPTIONS" { 204 } else { 405 };
    format!("{status} {}", methods.join(", "))
}

/// Checks that the requests in an explanation are what it says of them.
fn check_explanation(text: &str, paths: &[String]) {
    let parts: Vec<&str> = text.split('"').collect();
    let [.., common, _, first, _, of_first, _, second, _, of_second, _] = parts[..] else {
        assert!(text.ends_with("both match the same requests"), "{text}");
        return;
    };
    let [first, second] = [first, second].map(|pattern| Slow::new(pattern, paths));
    for (request, of_first, of_second) in
        [(common, true, true), (of_first, true, false), (of_second, false, true)]
    {
        let (method, path) = request.split_once(' ').unwrap();
        let matches = |one: &Slow| one.takes(method) && one.leads_to(path);
        assert_eq!((matches(&first), matches(&second)), (of_first, of_second), "{text}");
    }
}

fn rounds() -> usize {
    if std::env::var_os("HANGUP_FULL_TESTS").is_some() { 300 } else { 15 }
}

#[test]
fn h06_the_tree_agrees_with_a_slow_matcher() {
    let paths = paths();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let (mut conflicts, mut kinds) = (0, std::collections::BTreeMap::new());
    for _ in 0..rounds() {
        let (mut router, mut all) = (Router::new(), Vec::<Slow>::new());
        for _ in 0..2 + numbers.below(24) {
            let pattern = numbers.pattern();
            let slow = Slow::new(&pattern, &paths);
            let conflicting = all.iter().any(|other| slow.conflicts(other));
            let patterns: Vec<&str> = all.iter().map(|one| &*one.text).collect();
            match add(&mut router, &pattern) {
                Ok(()) => assert!(!conflicting, "{pattern} beside {patterns:?}"),
                Err(error) => {
                    assert!(conflicting, "{pattern} beside {patterns:?}: {error}");
                    check_explanation(&error.to_string(), &paths);
                    conflicts += 1;
                    continue;
                }
            }
            all.push(slow);
        }
        for _ in 0..100 {
            let path = &paths[numbers.below(paths.len())];
            let (method, host) = (numbers.of(&METHODS), numbers.of(&HOSTS));
            let expected = expected(&all, method, host, path);
            let asked = ask(&router, &format!("{method} {host}{path}"));
            let found = match asked.split_once(" w").or(asked.split_once(" rest=")) {
                Some((pattern, _)) => pattern,
                None => &asked,
            };
            let patterns: Vec<&str> = all.iter().map(|one| &*one.text).collect();
            assert_eq!(found, expected, "{method} {host}{path} of {patterns:?}");
            *kinds.entry(expected.get(..4).unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
    }
    assert!(conflicts > 50, "{conflicts}");
    for kind in ["204 ", "308 ", "405 "] {
        assert!(kinds[kind] > 10, "{kinds:?}");
    }
}
