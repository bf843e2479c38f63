//! Shared code of the example programs: reading the command line, listening, stopping on a signal.
//!
//! | file | contents |
//! | --- | --- |
//! | `args.rs` | the command line, one argument at a time |
//! | `print.rs` | lines on stdout and stderr |
//! | `serving.rs` | the options and the life of a program that listens |
//! | `unix.rs`, `windows.rs` | what differs between platforms: sockets that are no TCP, and SIGHUP |
//! | `tls.rs` | the server's certificate, and a client that accepts any; `no_tls.rs` without TLS |

#![allow(dead_code, unused_imports)] // Each program uses a part.

mod args;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod platform;
mod print;
mod serving;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;

pub(crate) use args::{Arg, Args, Usage, unexpected};
pub(crate) use print::{complain, say};
pub(crate) use serving::{HELP as SERVING_HELP, Serving};
pub(crate) use tls::trust_anybody;

use std::io::Write;
use std::process::ExitCode;
use std::time::SystemTime;

use log::LevelFilter;

/// Starts the log (`RUST_LOG=debug` shows the events of the crate) and runs `program`. An invalid
/// command line becomes one line on stderr and exit code 2.
pub(crate) fn run(
    name: &str,
    help: &str,
    program: impl FnOnce(Args) -> Result<ExitCode, Usage>,
) -> ExitCode {
    start_log();
    match program(Args::from_env()) {
        Ok(code) => code,
        Err(Usage::Help) => {
            say!("{}", help.trim());
            ExitCode::SUCCESS
        }
        Err(Usage::Wrong(message)) => {
            complain!("{name}: {}", one_line(&message));
            ExitCode::from(2)
        }
    }
}

/// Escapes control characters. A message may quote the command line.
fn one_line(message: &str) -> String {
    let escaped = |character: char| match character.is_control() {
        true => character.escape_default().to_string(),
        false => character.into(),
    };
    message.chars().map(escaped).collect()
}

/// Starts the log without the messages of `rustls_platform_verifier`. The programs report a failed
/// handshake themselves.
fn start_log() {
    // The format is ours, because that of `env_logger` brings a whole calendar.
    env_logger::Builder::new()
        .format(|out, record| {
            let (level, target) = (record.level(), record.target());
            let date = httpdate::fmt_http_date(SystemTime::now());
            writeln!(out, "[{date} {level:<5} {target}] {}", record.args())
        })
        .filter_level(LevelFilter::Error)
        .filter_module("rustls_platform_verifier", LevelFilter::Off)
        .parse_default_env()
        .init();
}
