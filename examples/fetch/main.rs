//! curl's options over this crate's client.
//!
//! ```text
//! cargo run --release --example fetch -- -i http://example.com/
//! cargo run --release --example fetch -- -L -o page.html -w '%{http_code} %{time_total}\n' http://example.com/
//! tar c src | cargo run --release --example fetch -- -T - http://127.0.0.1:8080/upload/
//! cargo run --release --example fetch -- -v --cacert cert.pem https://localhost:8080/
//! ```
//!
//! | file | contents |
//! | --- | --- |
//! | `main.rs` | all transfers, in turn or in parallel, and Ctrl-C |
//! | `command.rs` | the command line |
//! | `request.rs`, `payload.rs` | the request and its body |
//! | `tls.rs` | trusted roots and the client certificate; `no_tls.rs` without TLS |
//! | `address.rs`, `resolve.rs` | URLs, and host names with given addresses |
//! | `transfer.rs`, `redirect.rs`, `retry.rs` | one URL: its requests, redirects and further attempts |
//! | `heads.rs` | the heads of responses |
//! | `range.rs` | ranges of files |
//! | `body.rs`, `output.rs`, `progress.rs` | the body, its destination, and the progress bar |
//! | `report.rs`, `verbose.rs` | the output of `-w` and `-v` |
//! | `failure.rs` | errors as exit codes of curl |

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod address;
mod body;
mod command;
mod failure;
mod heads;
mod output;
mod payload;
mod progress;
mod range;
mod redirect;
mod report;
mod request;
mod resolve;
mod retry;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod transfer;
mod verbose;

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hangup::client::RedirectPolicy;
use hangup::{Client, Context};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use command::{Command, HELP};
use failure::Failure;
use request::Template;
use support::{Args, Usage};
use transfer::Transfer;

/// The exit code that a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    support::run("fetch", HELP, |args: Args| {
        let command = Command::read(args)?;
        Ok(ExitCode::from(fetch(&command)?))
    })
}

fn fetch(command: &Command) -> Result<u8, Usage> {
    let read = Template::new(command).and_then(|template| Ok((template, client(command)?)));
    let (template, client) = match read {
        Ok(read) => read,
        Err(failure) => {
            failure.tell(command);
            return Ok(failure.code);
        }
    };
    let context = Context::new();
    give_up_on_signal(context.clone()).map_err(Usage::wrong)?;
    let transfer = |index: usize| {
        Transfer { command, template: &template, client: &client, context: &context }
            .run(&command.jobs[index])
    };
    let code = match command.parallel {
        None => in_turn(command.jobs.len(), transfer),
        Some(most) => in_parallel(command.jobs.len(), most, transfer),
    };
    Ok(if context.is_done() { INTERRUPTED } else { code })
}

/// Returns the exit code of the last transfer.
fn in_turn(jobs: usize, transfer: impl Fn(usize) -> u8) -> u8 {
    (0..jobs).fold(0, |_, job| transfer(job))
}

/// Returns the exit code of the last transfer that failed.
fn in_parallel(jobs: usize, most: usize, transfer: impl Fn(usize) -> u8 + Sync) -> u8 {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = 0;
        loop {
            match next.fetch_add(1, Ordering::Relaxed) {
                job if job < jobs => match transfer(job) {
                    0 => {}
                    code => failed = code,
                },
                _ => return failed,
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..most.min(jobs)).map(|_| scope.spawn(work)).collect();
        let codes = threads.into_iter().map(|thread| thread.join().unwrap_or(1));
        codes.filter(|code| *code != 0).last().unwrap_or_default()
    })
}

/// Creates the client of all transfers, so that they share connections.
fn client(command: &Command) -> Result<Client, Failure> {
    let mut client = Client::builder()
        .no_default_headers()
        // curl's redirect rules differ from the crate's. `redirect.rs` implements them.
        .redirects(RedirectPolicy::none())
        .expect_continue_timeout(command.expect_timeout);
    if command.connect_timeout.is_some() {
        client = client
            .connect_timeout(command.connect_timeout)
            .tls_handshake_timeout(command.connect_timeout);
    }
    if let Some(path) = &command.unix_socket {
        client = client.unix_socket(path);
    }
    if !command.resolve.is_empty() {
        client = client.resolver(resolve::resolver(command.resolve.clone()));
    }
    Ok(command.tls.apply(client)?.build())
}

/// Cancels every transfer on Ctrl-C. A context cannot end a blocked write to a pipe. The process then
/// ends after a short time.
fn give_up_on_signal(context: Context) -> io::Result<()> {
    const MOMENT: Duration = Duration::from_millis(100);
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        signals.forever().next();
        context.cancel_with("interrupted");
        thread::park_timeout(MOMENT);
        std::process::exit(INTERRUPTED.into());
    })?;
    Ok(())
}

impl Failure {
    /// Prints one line on stderr, unless the user wants none.
    fn tell(&self, command: &Command) {
        if !command.silent || command.show_error {
            eprintln!("fetch: ({}) {}", self.code, self.message);
        }
    }
}
