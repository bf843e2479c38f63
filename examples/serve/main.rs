//! A server of static files.
//!
//! ```text
//! cargo run --release --example serve -- public
//! curl -i http://127.0.0.1:8080/
//! curl -r 100-199 http://127.0.0.1:8080/file.bin
//! ```
//!
//! It writes one line to standard error for each request, in the common log format.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use hangup::http::HeaderValue;
use hangup::http::header::USER_AGENT;
use hangup::{Files, Handler, HandlerExt, Request, RequestExt, ResponseWriter, Result, Server};

use support::{Arg, Args, Serving, Usage};

const USAGE: &str = "usage: serve [OPTIONS] [DIR]

Serves the files of DIR, by default of the current directory.

  --no-listing                 404 for a directory without index.html, instead of its listing
  --hidden                     serve names that begin with a dot as well
  --precompressed              send FILE.br, FILE.zst or FILE.gz in place of FILE to clients that accept it
  --cache-control VALUE        the Cache-Control of files
  --not-found FILE             the page for files that do not exist, relative to DIR
  --quiet                      write no line for each request
";

fn main() -> ExitCode {
    support::run("serve", &[USAGE, support::SERVING_HELP].concat(), serve)
}

/// The command line.
#[derive(Default)]
struct Options {
    directory: Option<PathBuf>,
    no_listing: bool,
    hidden: bool,
    precompressed: bool,
    cache_control: Option<HeaderValue>,
    not_found: Option<PathBuf>,
    quiet: bool,
}

fn serve(mut args: Args) -> Result<ExitCode, Usage> {
    let (mut serving, mut options) = (Serving::default(), Options::default());
    while let Some(arg) = args.next()? {
        let option = match arg {
            Arg::Option(option) => option,
            Arg::Value(value) if options.directory.is_some() => {
                return Err(support::unexpected(&value));
            }
            Arg::Value(value) => {
                options.directory = Some(value.into());
                continue;
            }
        };
        match option.as_str() {
            "--no-listing" => options.no_listing = true,
            "--hidden" => options.hidden = true,
            "--precompressed" => options.precompressed = true,
            "--cache-control" => {
                let value = args.value()?.try_into();
                options.cache_control = Some(value.map_err(|_| args.bad("no header value"))?);
            }
            "--not-found" => options.not_found = Some(args.path()?),
            "--quiet" => options.quiet = true,
            option if serving.take(option, &mut args)? => {}
            _ => return Err(args.unknown()),
        }
    }
    let quiet = options.quiet;
    let files = files(options)?;
    serving.serve(match quiet {
        true => Server::with_handler(files),
        false => Server::with_handler(files.layer_fn(log_request)),
    })
}

fn files(options: Options) -> Result<Files, Usage> {
    let directory = options.directory.unwrap_or_else(|| ".".into());
    if !directory.is_dir() {
        return Err(Usage::wrong(format!("{} is not a directory", directory.display())));
    }
    let mut files = Files::new(directory)
        .listing(!options.no_listing)
        .hidden_files(options.hidden)
        .precompressed(options.precompressed);
    if let Some(value) = options.cache_control {
        files = files.cache_control(value);
    }
    if let Some(page) = options.not_found {
        files = files.not_found_page(page);
    }
    Ok(files)
}

/// Writes a line about the request once its response is complete, in the common log format.
fn log_request(w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
    let outcome = next.handle(w, r);
    let client = r.remote_socket_addr().map_or("-".to_owned(), |addr| addr.ip().to_string());
    let agent = r.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("-");
    let status = match &outcome {
        Ok(()) => w.status().as_u16(),
        Err(error) => error.status_code().map_or(500, |status| status.as_u16()),
    };
    eprintln!(
        "{client} - - [{}] \"{} {} {:?}\" {status} {} {agent:?}",
        httpdate::fmt_http_date(SystemTime::now()),
        r.method(),
        r.uri(),
        r.version(),
        w.bytes_sent(),
    );
    outcome
}
