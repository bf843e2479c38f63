//! A reverse proxy.
//!
//! ```text
//! cargo run --release --example lifecycle &
//! cargo run --release --example proxy -- --addr 127.0.0.1:8081 http://127.0.0.1:8080
//! curl -i http://127.0.0.1:8081/early-hints
//! ```
//!
//! With several URLs the upstreams take turns, and one that cannot be reached is left out. End
//! `curl http://127.0.0.1:8081/wait` with Ctrl-C: `/events` of the upstream shows that its call ended at once.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use hangup::{ReverseProxy, Server};

use support::{Arg, Args, Serving, Usage};

const USAGE: &str = "usage: proxy [OPTIONS] UPSTREAM_URL...

A reverse proxy for the servers at these URLs.

  --upstream-timeout-ms N      how long an upstream may be silent before its response and within it (60000)
";

/// The default limit of an upstream's silence.
const SILENCE: Duration = Duration::from_secs(60);

/// The longest limit of connecting to an upstream.
const CONNECT: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    support::run("proxy", &[USAGE, support::SERVING_HELP].concat(), proxy)
}

fn proxy(mut args: Args) -> Result<ExitCode, Usage> {
    let mut serving = Serving::default();
    let (mut urls, mut silence) = (Vec::new(), Some(SILENCE));
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Value(url) => urls.push(url.to_string_lossy().into_owned()),
            Arg::Option(option) if option == "--upstream-timeout-ms" => silence = args.millis()?,
            Arg::Option(option) if serving.take(&option, &mut args)? => {}
            Arg::Option(_) => return Err(args.unknown()),
        }
    }
    let (first, others) = urls.split_first().ok_or_else(|| Usage::wrong("no upstream URL"))?;
    let proxy = others
        .iter()
        .try_fold(ReverseProxy::try_new(first).map_err(Usage::wrong)?, ReverseProxy::try_upstream)
        .map_err(Usage::wrong)?
        .connect_timeout(silence.map_or(CONNECT, |silence| silence.min(CONNECT)))
        .head_timeout(silence)
        .idle_timeout(silence);
    serving.serve(Server::with_handler(proxy))
}
