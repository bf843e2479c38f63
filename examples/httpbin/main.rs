//! The public httpbin API: endpoints that show requests and send the responses that a client asks for.
//!
//! ```text
//! cargo run --release --example httpbin
//! curl -d name=value http://127.0.0.1:8080/post
//! ```
//!
//! `/` lists all endpoints. [`service`] is the handler. It serves HTTP, FastCGI and CGI alike.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `routes.rs` | the table of routes |
//! | `answer.rs` | the forms of responses and errors |
//! | `inspect.rs` | endpoints that send the request back; `fields.rs` converts it to JSON |
//! | `statuses.rs` | statuses and redirects; `weights.rs` chooses among several |
//! | `cookies.rs` `auth.rs` `digest.rs` `caching.rs` | cookies, credentials, caches |
//! | `streams.rs` | bytes, whole or over time; `byte_range.rs` and `random.rs` choose them |
//! | `documents.rs` | fixed responses in many formats; `picture.rs` draws one, `pages/` has the texts |

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod answer;
mod auth;
mod byte_range;
mod caching;
mod cookies;
mod digest;
mod documents;
mod fields;
mod inspect;
mod picture;
mod random;
mod routes;
mod statuses;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod weights;

use std::process::ExitCode;

use hangup::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ORIGIN,
};
use hangup::http::{HeaderValue, Method, StatusCode};
use hangup::{Handler, HandlerExt, Request, ResponseWriter, Result, Server, cgi, fcgi};

use support::{Args, Serving, Usage};

const USAGE: &str = "usage: httpbin [OPTIONS] [--fcgi | --cgi]

Endpoints that show requests and send the responses that a client asks for. `/` lists them.

  --fcgi                       serve FastCGI. Without --addr, --unix and --listen-fd, listen on the socket
                               on standard input
  --cgi                        handle one CGI request from the environment and standard input
";

fn main() -> ExitCode {
    support::run("httpbin", &[USAGE, support::SERVING_HELP].concat(), httpbin)
}

/// The way in which requests arrive.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Http,
    FastCgi,
    Cgi,
}

fn httpbin(mut args: Args) -> Result<ExitCode, Usage> {
    let mut serving = Serving::default();
    let mut way = Way::Http;
    while let Some(arg) = args.next()? {
        match arg.option()?.as_str() {
            option @ ("--fcgi" | "--cgi") => {
                if way != Way::Http {
                    return Err(args.bad("--fcgi and --cgi exclude each other"));
                }
                way = if option == "--cgi" { Way::Cgi } else { Way::FastCgi };
            }
            option if serving.take(option, &mut args)? => {}
            _ => return Err(args.unknown()),
        }
    }
    match way {
        Way::Http => serving.serve(Server::with_handler(service())),
        Way::FastCgi => serving.serve_fcgi(fcgi::Server::with_handler(service())),
        Way::Cgi => Ok(match cgi::serve_handler(service()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                support::complain!("httpbin: {error}");
                ExitCode::FAILURE
            }
        }),
    }
}

/// Returns the handler of every request, over HTTP, FastCGI and CGI.
fn service() -> impl Handler {
    routes::router().layer_fn(share)
}

/// Lets scripts of any origin read the response. No endpoint holds a secret.
fn share(w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
    let origin = r.headers().get(ORIGIN).cloned().unwrap_or(HeaderValue::from_static("*"));
    let granted = [
        (ACCESS_CONTROL_ALLOW_ORIGIN, origin),
        (ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
    ];
    w.headers_mut().extend(granted.clone());
    if *r.method() == Method::OPTIONS {
        w.set_header(ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE, PATCH, OPTIONS")?;
        w.set_header(ACCESS_CONTROL_MAX_AGE, 3600)?;
        if let Some(names) = r.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
            w.headers_mut().insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
    }
    let outcome = next.handle(w, r);
    if *r.method() == Method::OPTIONS && outcome.is_ok() {
        w.set_status(StatusCode::OK); // as the public httpbin responds
    }
    outcome.map_err(|error| {
        granted.into_iter().fold(error, |error, (name, value)| error.with_header(name, value))
    })
}
