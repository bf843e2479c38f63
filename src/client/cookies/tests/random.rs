//! Random fields and URLs: nothing panics, and no cookie goes where it must not.

use std::collections::HashMap;

use super::*;
use crate::client::cookie_store::CookieStore;
use crate::client::cookies::{CookieJar, suffix};

/// A generator of numbers (xorshift64*), so that a failure repeats.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const HOSTS: &[&str] = &[
    "site.example",
    "a.site.example",
    "b.a.site.example",
    "xsite.example",
    "site.example.",
    "co.uk",
    "a.co.uk",
    "com",
    "127.0.0.1",
    "1.127.0.0.1.example",
    "[::1]",
    "localhost",
    "a.localhost",
];
const PATHS: &[&str] = &["/", "/x", "/x/", "/x/y", "/xy", "//", "/x%20y", "/x?q=/z"];
const PIECES: &[&str] = &[
    "a",
    "b",
    "=",
    "=",
    ";",
    "; ",
    "Domain=",
    "domain=.",
    "Path=",
    "/x",
    "/",
    "Secure",
    "HttpOnly",
    "Max-Age=",
    "0",
    "60",
    "-1",
    "Expires=",
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "SameSite=Lax",
    " ",
    "\t",
    "__Host-",
    "__Secure-",
    "site.example",
    "a.site.example",
    "com",
    "co.uk",
    "127.0.0.1",
    "é",
    "\u{7f}",
];

#[test]
fn c11_no_cookie_leaks_to_another_host() {
    let mut random = Random(0x5eed);
    for _ in 0..200 {
        let mut state = State::default();
        // Each cookie's name says where it came from.
        let mut set_by: HashMap<String, (String, bool)> = HashMap::new();
        for number in 0..30 {
            let (scheme, host) = (random.of(&["http", "https"]), random.of(HOSTS));
            let url = format!("{scheme}://{host}{}", random.of(PATHS));
            let mut field = format!("n{number}=v");
            for _ in 0..random.below(8) {
                field += random.of(PIECES);
            }
            set_by.insert(format!("n{number}"), (host.into(), field.contains("omain=")));
            let _ = set(&mut state, &url, &field);
        }
        for _ in 0..30 {
            let (scheme, host) = (random.of(&["http", "https"]), random.of(HOSTS));
            let url = format!("{scheme}://{host}{}", random.of(PATHS));
            let origin = url.parse().unwrap();
            let origin = Origin::of(&origin);
            for cookie in state.matching(origin, at(1)) {
                let (setter, _) = &set_by[&*cookie.name()];
                let setter = setter.trim_matches(['[', ']']);
                let shared = cookie.domain();
                let is_own = origin.host == setter;
                let below = |host: &str| host == shared || host.ends_with(&format!(".{shared}"));
                assert!(
                    is_own || (below(origin.host) && below(setter) && !suffix::is_public(shared)),
                    "{cookie:?} of {setter} went to {url}"
                );
                assert!(!cookie.is_secure() || origin.is_secure, "{cookie:?} went to {url}");
                let path = cookie.path().into_owned();
                assert!(origin.path.starts_with(&path), "{cookie:?} went to {url}");
            }
        }
    }
}

#[test]
fn c11_no_bytes_make_a_jar_panic() {
    let mut random = Random(0xfeed);
    let jar = CookieJar::new();
    for round in 0..4000 {
        let mut field: Vec<u8> = Vec::new();
        for _ in 0..random.below(12) {
            match random.below(4) {
                0 => field.push(random.next() as u8),
                _ => field.extend_from_slice(random.of(PIECES).as_bytes()),
            }
        }
        let url = format!("http://{}{}", random.of(HOSTS), random.of(PATHS));
        let _ = jar.set(&*url, &field);
        let _ = jar.load_netscape(&field[..]);
        let lines = random.of(PIECES).replace(' ', "\t").into_bytes();
        let _ = jar.load_netscape(&[&field[..], b"\tTRUE\t/\tFALSE\t9\t", &lines].concat()[..]);
        if round % 100 == 0 {
            let _ = jar.cookies(&url.parse().unwrap());
            let mut file = Vec::new();
            jar.save_netscape(&mut file).unwrap();
            let again = CookieJar::new();
            assert_eq!(again.load_netscape(&file[..]).unwrap().skipped, 0);
        }
    }
}
