//! The same command lines for `fetch` and for curl, side by side, against the same servers: `httpbin` and
//! `lifecycle` of this crate, nginx with TLS, tinyproxy, a SOCKS proxy, and scripted peers.
//!
//! Each invocation runs in a fresh folder. Standard output, exit code, all files that are left in the
//! folder, and the requests that a scripted peer has seen must be equal. `User-Agent` is the same for both.
//!
//! | file | contents |
//! | --- | --- |
//! | `case.rs` | a command line, and the words in it that stand for servers |
//! | `cases/` | the command lines, by subject |
//! | `differences.rs` | the command lines that differ, with the reasons |
//! | `servers.rs`, `socks.rs` | the servers |
//! | `outcome.rs` | runs of a program, and their compared results |

mod case;
mod cases;
mod differences;
mod outcome;
mod servers;
mod socks;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use parking_lot::Mutex;

use case::Case;
use outcome::{Program, run};
use servers::Servers;

/// The command lines that run at the same time.
const THREADS: usize = 8;

#[test]
#[ignore = "needs curl, nginx and tinyproxy"]
fn fetch_does_what_curl_does() {
    let (servers, _guard) = Servers::start();
    let cases = cases::all();
    assert!(cases.len() >= 120, "only {} command lines", cases.len());
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(failure) = compare(case, &servers) {
                        failures.lock().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

/// Returns a description of an unexpected difference, or of a difference that is no more.
fn compare(case: &Case, servers: &Servers) -> Option<String> {
    let (theirs, ours) = (run(Program::Curl, case, servers), run(Program::Fetch, case, servers));
    match (theirs == ours, differences::reason(case.line)) {
        (true, None) | (false, Some(_)) => None,
        (true, Some(reason)) => Some(format!("{}: no difference, but: {reason}", case.line)),
        (false, None) => Some(format!(
            "=== {}\n curl:\n{} fetch: {}\n{}",
            case.line,
            theirs.unlike(&ours),
            ours.stderr.trim_end(),
            ours.unlike(&theirs),
        )),
    }
}
