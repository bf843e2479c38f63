//! A server of static files.
//!
//! ```text
//! cargo run --release --example serve -- public
//! curl -i http://127.0.0.1:8080/
//! curl -r 100-199 http://127.0.0.1:8080/file.bin
//! ```
//!
//! It writes one line to standard error for each request, in the combined log format.

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use hangup::http::HeaderValue;
use hangup::layers::AccessLog;
use hangup::{Files, HandlerExt, Server};

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
    if quiet {
        return serving.serve(Server::with_handler(files));
    }
    let log = AccessLog::combined().to(io::stderr());
    let refusals = log.refusals();
    serving.serve(Server::with_handler(files.layer(log)).on_refused(refusals))
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
