//! A JSON service: a list of items that is kept in memory.
//!
//! ```text
//! cargo run --release --example api
//! curl http://127.0.0.1:8080/items?tag=tools
//! curl -u demo:demo --json '{"name": "hammer", "price": 1250}' http://127.0.0.1:8080/items
//! curl -u demo:demo -X PATCH -H 'If-Match: "1"' -d '{"price": 990}' \
//!     -H 'Content-Type: application/merge-patch+json' http://127.0.0.1:8080/items/1
//! ```
//!
//! | request | response |
//! | --- | --- |
//! | `GET /items?tag=T&q=TEXT&max_price=N&sort=name&limit=N&offset=N` | a page of the items, and how many there are |
//! | `POST /items` | 201 with the item and its `Location` |
//! | `GET /items/{id}` | the item, with an `ETag` |
//! | `PUT /items/{id}` | the item, created or replaced |
//! | `PATCH /items/{id}` | the item, changed by a merge patch (RFC 7396) |
//! | `DELETE /items/{id}` | 204 |
//!
//! Writing needs the user's password or the token. Changes obey `If-Match` and `If-None-Match`. Every error
//! is a problem document (RFC 9457).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `main.rs` | the command line, and the layers around the routes |
//! | `items.rs` | the routes |
//! | `store.rs` | the items |
//! | `problem.rs` | errors as problem documents |

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.
#![allow(clippy::disallowed_types)] // The standard library's Mutex: a user has no need of another.

mod items;
mod problem;
mod store;
#[path = "../support/mod.rs"]
mod support;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hangup::http::Method;
use hangup::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, LOCATION};
use hangup::layers::{
    AccessLog, BasicAuth, BearerAuth, BodyLimit, Compress, Cors, ETag, RequestId, SecurityHeaders,
    User,
};
use hangup::{Handler, HandlerExt, Layer, Request, ResponseWriter, Result, Server};

use store::Store;
use support::{Args, Serving, Usage};

const USAGE: &str = "usage: api [OPTIONS]

A JSON service on /items, kept in memory. Reading is open to everyone.

  --user NAME:PASSWORD         who may write, by Basic authentication (demo:demo)
  --token TOKEN                the bearer token that allows writing (demo)
";

/// The largest request body, in bytes.
const MAX_BODY: u64 = 64 * 1024;

fn main() -> ExitCode {
    support::run("api", &[USAGE, support::SERVING_HELP].concat(), api)
}

fn api(mut args: Args) -> Result<ExitCode, Usage> {
    let mut serving = Serving::default();
    let (mut user, mut token) = ("demo:demo".to_owned(), "demo".to_owned());
    while let Some(arg) = args.next()? {
        match arg.option()?.as_str() {
            "--user" => user = args.value()?,
            "--token" => token = args.value()?,
            option if serving.take(option, &mut args)? => {}
            _ => return Err(args.unknown()),
        }
    }
    let (name, password) = user.split_once(':').ok_or_else(|| Usage::wrong("--user: no colon"))?;
    let writers =
        Writers { basic: BasicAuth::new("items").user(name, password), bearer: bearer(token) };
    serving.serve(Server::with_handler(service(writers)).on_error(problem::of_error))
}

/// Puts the layers around the routes. The last one is the outermost.
fn service(writers: Writers) -> impl Handler {
    items::routes(Arc::new(Store::default()))
        .layer(BodyLimit::new(MAX_BODY))
        .layer(writers)
        .layer(ETag::new())
        .layer(Compress::new())
        .layer(cors())
        .layer(SecurityHeaders::new())
        .layer(AccessLog::common().to(io::stderr()))
        .layer(RequestId::new())
}

/// Lets scripts of every origin read and write. They need the password or the token as well.
fn cors() -> Cors {
    Cors::new()
        .any_origin()
        .methods([Method::PUT, Method::PATCH, Method::DELETE])
        .headers([AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH])
        .expose([ETAG, LOCATION])
        .max_age(Duration::from_secs(3600))
}

/// Lets requests that change nothing pass, and asks all others for the password or the token.
struct Writers {
    basic: BasicAuth,
    bearer: BearerAuth,
}

fn bearer(token: String) -> BearerAuth {
    BearerAuth::new("items", move |given| {
        let same = constant_time_eq(given.as_bytes(), token.as_bytes());
        same.then(|| User::new("token"))
    })
}

/// Compares in a time that depends on the lengths only.
fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    let differences = one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other));
    one.len() == other.len() && differences == 0
}

impl Layer for Writers {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        if r.method().is_safe() {
            return next.handle(w, r);
        }
        let given = r.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
        match given.and_then(|value| value.get(..7)) {
            Some(scheme) if scheme.eq_ignore_ascii_case(b"Bearer ") => {
                self.bearer.handle(w, r, next)
            }
            _ => self.basic.handle(w, r, next),
        }
    }
}
