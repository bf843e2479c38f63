//! Patterns and a request: no panic, the same response whatever the order in which the patterns were
//! registered, and the same as that of the matching patterns alone.
//!
//! The first line is the request, `METHOD HOST/PATH`. Each other line is a pattern.

#![no_main]

use hangup::{Request, RequestExt, Router, testing};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.lines();
    let Some((method, target)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    let slash = target.find('/').unwrap_or(0);
    let request = || {
        let request = Request::builder().method(method).uri(&target[slash..]);
        let request = if slash > 0 { request.header("host", &target[..slash]) } else { request };
        request.body("")
    };
    if request().is_err() {
        return;
    }
    // Those that are refused leave no trace.
    let mut router = Router::new();
    let mut patterns = Vec::new();
    for pattern in lines.take(50) {
        match add(&mut router, pattern) {
            Ok(()) => patterns.push(pattern),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let mut reversed = Router::new();
    for pattern in patterns.iter().rev() {
        add(&mut reversed, pattern).expect("no conflict in another order");
    }
    let ask = |router: &Router| {
        let mut response = testing::call(router, request().unwrap()).expect("a response");
        let text = response.body_mut().read_text(1 << 20).expect("text");
        (response.status(), response.headers().get("location").cloned(), text)
    };
    let found = ask(&router);
    assert_eq!(found, ask(&reversed));
    if found.0 == 200 && method != "HEAD" {
        // The pattern that has won matches alone as well.
        let mut alone = Router::new();
        add(&mut alone, found.2.split('\n').next().unwrap()).unwrap();
        assert_eq!(found, ask(&alone));
    }
});

fn add(router: &mut Router, pattern: &str) -> Result<(), hangup::router::PatternError> {
    let shown = format!("{pattern}\n");
    router
        .try_respond(pattern, move |r| {
            assert!(r.matched_pattern().is_some());
            Ok(shown.clone())
        })
        .map(drop)
}
