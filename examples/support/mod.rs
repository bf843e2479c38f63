//! What the example programs share: reading a command line, listening, stopping when told to.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `args.rs` | the command line, an argument at a time |
//! | `serving.rs` | the options of every program that listens, and its life from start to end |
//! | `tls.rs` | its certificate, and clients that trust anybody; `no_tls.rs` in builds without TLS |

#![allow(dead_code, unused_imports)] // Each program uses its part.

mod args;
mod serving;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;

pub(crate) use args::{Arg, Args, Usage};
pub(crate) use serving::{HELP as SERVING_HELP, Serving};
pub(crate) use tls::trust_anybody;

use std::process::ExitCode;

use log::LevelFilter;

/// Starts the log (`RUST_LOG=debug` shows what the crate does) and runs `program`. A command line
/// that it cannot use is one line on stderr and exit code 2.
pub(crate) fn run(
    name: &str,
    help: &str,
    program: impl FnOnce(Args) -> Result<ExitCode, Usage>,
) -> ExitCode {
    start_log();
    match program(Args::from_env()) {
        Ok(code) => code,
        Err(Usage::Help) => {
            println!("{}", help.trim());
            ExitCode::SUCCESS
        }
        Err(Usage::Wrong(message)) => {
            eprintln!("{name}: {}", one_line(&message));
            ExitCode::from(2)
        }
    }
}

/// A message may quote the command line, which may hold anything.
fn one_line(message: &str) -> String {
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.into(),
    };
    message.chars().map(escaped).collect()
}

/// What goes wrong in a transfer is for the program to tell, once: rustls's look at the platform's
/// store would log it beside.
fn start_log() {
    env_logger::Builder::new()
        .filter_level(LevelFilter::Error)
        .filter_module("rustls_platform_verifier", LevelFilter::Off)
        .parse_default_env()
        .init();
}
