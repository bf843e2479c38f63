//! A reverse proxy.
//!
//! ```text
//! cargo run --release --example lifecycle &
//! cargo run --release --example proxy -- --addr 127.0.0.1:8081 http://127.0.0.1:8080
//! curl -i http://127.0.0.1:8081/early-hints
//! ```
//!
//! The upstreams may also be FastCGI applications, at `fcgi://HOST:PORT` or `fcgi-unix:PATH`:
//!
//! ```text
//! cargo run --release --example proxy -- --root /srv/www --index index.php --split .php fcgi-unix:/run/php/php-fpm.sock
//! ```
//!
//! With several URLs the upstreams take turns, and one that cannot be reached is left out. End
//! `curl http://127.0.0.1:8081/wait` with Ctrl-C: `/events` of the upstream shows that its call ended at once.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

#[path = "../support/mod.rs"]
mod support;
mod upstreams;

use std::process::ExitCode;
use std::time::Duration;

use hangup::Server;

use support::{Arg, Args, Serving, Usage};
use upstreams::Scripts;

const USAGE: &str = "usage: proxy [OPTIONS] UPSTREAM_URL...

A reverse proxy for the servers at these URLs. FastCGI applications have fcgi://HOST:PORT or fcgi-unix:PATH.

  --upstream-timeout-ms N      how long an upstream may be silent before its response and within it (60000)
  --root DIR                   the directory of FastCGI scripts
  --index FILE                 the script of a path that ends in a slash, such as index.php
  --split SUFFIX               the end of a script's name, such as .php: the rest of the path is PATH_INFO
  --no-check-scripts           run scripts whose files this program does not see
";

/// The default limit of an upstream's silence.
const SILENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    support::run("proxy", &[USAGE, support::SERVING_HELP].concat(), proxy)
}

fn proxy(mut args: Args) -> Result<ExitCode, Usage> {
    let mut serving = Serving::default();
    let (mut urls, mut silence, mut scripts) = (Vec::new(), Some(SILENCE), Scripts::default());
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Value(url) => urls.push(url.to_string_lossy().into_owned()),
            Arg::Option(option) if option == "--upstream-timeout-ms" => silence = args.millis()?,
            Arg::Option(option) if scripts.take(&option, &mut args)? => {}
            Arg::Option(option) if serving.take(&option, &mut args)? => {}
            Arg::Option(_) => return Err(args.unknown()),
        }
    }
    let proxy = upstreams::proxy(&urls, &scripts, silence)?;
    serving.serve(Server::with_handler(proxy))
}
