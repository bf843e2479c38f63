//! Everything this crate is about, in one process and about a second:
//!
//! ```text
//! cargo run --release --example tour
//! ```
//!
//! It starts a server on a free port, drives it with the client, and tells what happens. Each step
//! checks what it says; the exit code is 0 only if all of them hold.
//!
//! To read along: `steps.rs` is the client's side, `server.rs` the server's, a function a step each;
//! `tls.rs` has both sides of the step about TLS, which is left out in a build without it.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A tour is told.

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

/// What the steps have in hand.
struct Tour {
    /// `http://127.0.0.1:PORT`
    url: String,
    client: Client,
    server: ServerHandle,
    /// What the handlers do beside answering.
    backstage: Backstage,
}

const HELP: &str = "\
usage: tour

Starts a server, drives it with the client, and tells what happens.";

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
            println!("There is no port to listen on: {error}");
            return ExitCode::FAILURE;
        }
    };
    let tour = Tour {
        url: format!("http://{}", listening.local_addr()),
        // Nothing here takes long; if it does, the tour says so instead of hanging.
        client: Client::builder().timeout(Duration::from_secs(5)).build(),
        server: listening.handle(),
        backstage,
    };
    println!("A server listens on {}. So let us talk to it.", tour.url);

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

    println!();
    if failed > 0 {
        println!("{failed} of {} steps did not do what they say.", steps::ALL.len());
        return ExitCode::FAILURE;
    }
    println!("All {} steps, in {} ms.", steps::ALL.len(), begun.elapsed().as_millis());
    println!("Next: `cargo run --example lifecycle`, and a curl of your own.");
    ExitCode::SUCCESS
}
