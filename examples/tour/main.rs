//! The main features of this crate in one process, in about a second:
//!
//! ```text
//! cargo run --release --example tour
//! ```
//!
//! It starts a server on a free port, sends it requests with the client, and prints each step. Each step
//! checks its result. The exit code is 0 only if all checks hold.
//!
//! `steps.rs` has the client's side and `server.rs` the server's, with a function for each step.
//! `tls.rs` has both sides of the step about TLS. A build without TLS omits it.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod server;
mod steps;
mod story;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use hangup::server::ServerHandle;
use hangup::{Client, Server};

use server::{Backstage, Site};
use story::Chapter;

/// The state that the steps share.
struct Tour {
    /// `http://127.0.0.1:PORT`
    url: String,
    client: Client,
    server: ServerHandle,
    /// The channels from the server's handlers.
    backstage: Backstage,
}

const HELP: &str = "\
usage: tour

Starts a server, sends it requests, and prints each step.";

fn main() -> ExitCode {
    support::run("tour", HELP, |mut args| match args.next()? {
        None => Ok(tour()),
        Some(arg) => arg.option().and(Err(args.unknown())),
    })
}

fn tour() -> ExitCode {
    let (site, backstage) = Site::new();
    let listening = match Server::with_handler(site).listen("127.0.0.1:0") {
        Ok(listening) => listening,
        Err(error) => {
            support::say!("cannot listen on a free port: {error}");
            return ExitCode::FAILURE;
        }
    };
    let tour = Tour {
        url: format!("http://{}", listening.local_addr()),
        // No step takes long. If one does, the tour fails instead of hanging.
        client: Client::builder().timeout(Duration::from_secs(5)).build(),
        server: listening.handle(),
        backstage,
    };
    support::say!("The server listens on {}.", tour.url);

    let begun = Instant::now();
    let failed = thread::scope(|scope| {
        // `serve` returns when the last step shuts the server down.
        scope.spawn(|| listening.serve());
        let failed = steps::ALL.iter().enumerate().filter(|(index, (title, step))| {
            let chapter = Chapter::begin(index + 1, title);
            let outcome = step(&tour, &chapter);
            chapter.end(outcome).is_err()
        });
        let failed = failed.count();
        tour.server.close();
        failed
    });

    support::say!();
    if failed > 0 {
        support::say!("{failed} of {} steps failed.", steps::ALL.len());
        return ExitCode::FAILURE;
    }
    support::say!("All {} steps, in {} ms.", steps::ALL.len(), begun.elapsed().as_millis());
    support::say!(
        "Next: run `cargo run --release --example lifecycle` and send it requests with curl."
    );
    ExitCode::SUCCESS
}
