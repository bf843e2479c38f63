//! curl's options over this crate's client.
//!
//! ```text
//! cargo run --release --example fetch -- -i http://example.com/
//! cargo run --release --example fetch -- -L -o page.html -w '%{http_code} %{time_total}\n' http://example.com/
//! tar c src | cargo run --release --example fetch -- -T - http://127.0.0.1:8080/upload/
//! cargo run --release --example fetch -- -v --cacert cert.pem https://localhost:8080/
//! ```
//!
//! | place | contents |
//! | --- | --- |
//! | `options/` | the command line |
//! | `request/` | the request and its body |
//! | `client.rs`, `resolve.rs`, `proxy.rs` | the client, host names with given addresses, proxies |
//! | `cookies.rs` | the files of cookies |
//! | `tls.rs` | trusted roots and the client certificate; `no_tls.rs` without TLS |
//! | `transfer/` | one URL with its redirects and further attempts, and several of them |
//! | `output/` | the destination of the body, and the progress bar |
//! | `report/` | the output of `-w` |
//! | `trace/` | the output of `-v` and `--trace-ascii` |
//! | `failure.rs` | errors as exit codes of curl |

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod client;
mod cookies;
mod failure;
mod options;
mod output;
mod proxy;
mod report;
mod request;
mod resolve;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod trace;
mod transfer;

use std::io;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use hangup::{Context, signals};

use options::{Command, HELP};
use support::{Args, Usage};

/// The exit code that a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    // curl's rules for options differ from those of the other programs.
    support::run("fetch", HELP, |_: Args| {
        let command = Command::read(std::env::args_os().skip(1))?;
        Ok(ExitCode::from(fetch(&command)?))
    })
}

fn fetch(command: &Command) -> Result<u8, Usage> {
    if command.general.version {
        support::say!(concat!("hangup-fetch ", env!("CARGO_PKG_VERSION")));
        return Ok(0);
    }
    let context = signals::termination().map_err(Usage::wrong)?;
    give_up_after(context.clone()).map_err(Usage::wrong)?;
    let code = transfer::several::run(command, &context).unwrap_or_else(|failure| {
        failure.tell(&command.general);
        failure.code
    });
    Ok(if context.is_done() { INTERRUPTED } else { code })
}

/// Ends the process shortly after Ctrl-C has cancelled every transfer. A context cannot end a blocked
/// write to a pipe.
fn give_up_after(context: Context) -> io::Result<()> {
    const GRACE: Duration = Duration::from_millis(100);
    thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        context.wait();
        thread::park_timeout(GRACE);
        std::process::exit(INTERRUPTED.into());
    })?;
    Ok(())
}
