//! A program that a web server runs: the same handler over FastCGI and CGI.
//!
//! ```text
//! gateway --fcgi --unix /run/app/app.sock    a separate process
//! gateway --fcgi                             started with a listening socket on standard input
//! gateway --cgi                              started for each request
//! ```
//!
//! Build it with `cargo build --release --example gateway`. `docs/deploy/` has configurations of several
//! web servers. [`answer::route`] has all endpoints.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod answer;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use hangup::{cgi, fcgi};

use support::{Args, Serving, Usage};

const USAGE: &str = "usage: gateway --fcgi [OPTIONS] | --cgi

A program that a web server runs. With --fcgi and without --addr, --unix and --listen-fd, it listens on
the socket on standard input.
";

fn main() -> ExitCode {
    support::run("gateway", &[USAGE, support::SERVING_HELP].concat(), gateway)
}

fn gateway(mut args: Args) -> Result<ExitCode, Usage> {
    let (mut serving, mut is_fcgi, mut is_cgi) = (Serving::default(), false, false);
    while let Some(arg) = args.next()? {
        match arg.option()?.as_str() {
            "--fcgi" => is_fcgi = true,
            "--cgi" => is_cgi = true,
            option if serving.take(option, &mut args)? => {}
            _ => return Err(args.unknown()),
        }
    }
    match (is_fcgi, is_cgi) {
        (true, false) => serving.serve_fcgi(fcgi::Server::new(answer::route)),
        (false, true) => {
            cgi::serve(answer::route).map(|()| ExitCode::SUCCESS).map_err(Usage::wrong)
        }
        _ => Err(Usage::wrong("exactly one of --fcgi and --cgi is required")),
    }
}
