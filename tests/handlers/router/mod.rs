//! The router.
//!
//! | file | what it tests |
//! | --- | --- |
//! | `table.rs` | patterns and requests: the winner, its values, redirects, 404 and 405 |
//! | `conflicts.rs` | patterns that a router refuses, and why |
//! | `reference.rs` | random patterns and paths, beside a slow matcher |
//! | `nesting.rs` | routers below a prefix |
//! | `requests.rs` | hosts, methods and what a handler sees |

mod conflicts;
mod nesting;
mod reference;
mod requests;
mod table;

use hangup::http::header::HOST;
use hangup::{Handler, Request, RequestExt, Router, testing};

/// Adds a route that returns its pattern and the values of its wildcards.
fn add(router: &mut Router, pattern: &str) -> Result<(), hangup::router::PatternError> {
    let shown = pattern.to_owned();
    let names: Vec<String> = pattern
        .split('{')
        .skip(1)
        .map(|rest| rest.split(['}', '.']).next().unwrap().to_owned())
        .filter(|name| name != "$")
        .collect();
    let handler = move |r: &mut Request| {
        assert_eq!(r.matched_pattern(), Some(&*shown));
        let mut text = shown.clone();
        for name in &names {
            text += &format!(" {name}={}", r.path_value(name).expect("a value"));
        }
        // The response to HEAD has no text.
        Ok(([("x-pattern", text.clone())], text))
    };
    router.try_respond(pattern, handler).map(drop)
}

fn router(patterns: &[&str]) -> Router {
    let mut router = Router::new();
    for pattern in patterns {
        add(&mut router, pattern).unwrap();
    }
    router
}

/// Sends a request that is written as a pattern is: a method, a host or none, and a target. Returns the text
/// of a 200, as GET would have it, the status and the place of a redirect, or the status and `Allow`.
fn ask(router: &dyn Handler, request: &str) -> String {
    let (method, target) = request.split_once(' ').unwrap();
    let slash = target.find(['/', '*']).unwrap_or(0);
    let mut builder = Request::builder().method(method).uri(&target[slash..]);
    if slash > 0 {
        builder = builder.header(HOST, &target[..slash]);
    }
    let mut response = testing::call(router, builder.body("").unwrap()).unwrap();
    let field =
        |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let detail = field("location").or_else(|| field("allow"));
    match (response.status().as_u16(), detail) {
        (200, None) if method == "HEAD" => field("x-pattern").expect("it was routed"),
        (200, None) => response.body_mut().read_text(1 << 16).unwrap(),
        (status, None) => status.to_string(),
        (status, Some(detail)) => format!("{status} {detail}"),
    }
}
