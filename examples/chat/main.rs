//! A chat room: a page, a WebSocket, server-sent events, and JSON, all in one conversation.
//!
//! ```text
//! cargo run --release --example chat              then open http://127.0.0.1:8080/ in two windows
//! fetch -N http://127.0.0.1:8080/events           reads along
//! fetch --json '{"name":"ada","text":"hi"}' http://127.0.0.1:8080/messages
//! ```
//!
//! | request | response |
//! | --- | --- |
//! | `GET /` | the page. `/?via=events` uses server-sent events instead of the WebSocket |
//! | `GET /ws?since=N` | the WebSocket: each message in both directions is JSON |
//! | `GET /events?since=N` | the messages as server-sent events. `Last-Event-ID` resumes them |
//! | `GET /messages?since=N` | the messages behind the one with the id N, as a JSON array |
//! | `POST /messages` | adds `{"name": …, "text": …}`, and returns it with its id |
//! | `GET /metrics` | the numbers of the room and of the server as OpenMetrics text |
//!
//! | file | contents |
//! | --- | --- |
//! | `main.rs` | the options and the routes |
//! | `room.rs` | the messages, the members and their queues |
//! | `socket.rs` | a member with a WebSocket |
//! | `metrics.rs` | the numbers as text |
//! | `page.html` | the page |

#![allow(clippy::print_stdout, clippy::print_stderr)] // A program's output.

mod metrics;
mod room;
mod socket;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hangup::http::StatusCode;
use hangup::server::Stats;
use hangup::{
    Error, Html, IntoResponse, Request, RequestExt, ResponseWriter, Result, Router, Server,
};

use room::{New, Room, Way};
use support::{Args, Serving, Usage};

const USAGE: &str = "usage: chat [OPTIONS]

A chat room: open http://127.0.0.1:8080/ in two windows.

  --history N                  the most messages that are kept (1000)
";

/// The most bytes of a message in JSON.
const MOST_BYTES: usize = 16 << 10;

/// How long the members have to leave when the program stops.
const FAREWELL: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    support::run("chat", &[USAGE, support::SERVING_HELP].concat(), chat)
}

fn chat(mut args: Args) -> Result<ExitCode, Usage> {
    let (mut serving, mut history) = (Serving::default(), 1000);
    while let Some(arg) = args.next()? {
        match arg.option()?.as_str() {
            "--history" => history = args.number()?,
            option if serving.take(option, &mut args)? => {}
            _ => return Err(args.unknown()),
        }
    }
    let room = Arc::new(Room::new(history));
    // The members leave as soon as the program is to stop: the server waits for event streams.
    let closing = Arc::clone(&room);
    serving.at_stop(move || closing.close());
    let stats = Stats::new();
    let code = serving.serve(Server::with_handler(routes(&room, &stats)).stats(&stats))?;
    // The server does not wait for WebSockets.
    room.wait_until_empty(FAREWELL);
    Ok(code)
}

fn routes(room: &Arc<Room>, stats: &Stats) -> Router {
    let of = || Arc::clone(room);
    let (sockets, streams, reads, posts, numbers) = (of(), of(), of(), of(), of());
    let stats = stats.clone();
    Router::new()
        .respond("GET /{$}", |_| Ok(Html(include_str!("page.html"))))
        .route("GET /ws", move |w, r| socket::serve(&sockets, w, r))
        .route("GET /events", move |w, r| events(&streams, w, r))
        .respond("GET /messages", move |r| messages(&reads, r))
        .respond("POST /messages", move |r| post(&posts, r))
        .respond("GET /metrics", move |_| {
            Ok(metrics::render(&numbers.numbers(), &stats.snapshot()))
        })
}

/// Sends the messages as events, until the client leaves or the program stops.
fn events(room: &Room, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let resumed = r.last_event_id().and_then(|id| id.parse().ok());
    let since = resumed.map_or_else(|| since(r), Ok)?;
    let (earlier, member) = room.join(Way::Events, since, None)?;
    let mut events = w.events(r)?;
    for message in earlier {
        events.queue(message)?;
    }
    events.forward(&member.messages)
}

/// Responds with the messages as a JSON array.
fn messages(room: &Room, r: &Request) -> Result<impl IntoResponse + use<>> {
    let messages = room.since(since(r)?);
    let texts: Vec<&str> = messages.iter().map(|message| message.json.as_str()).collect();
    Ok(json(format!("[{}]", texts.join(","))))
}

fn post(room: &Room, r: &mut Request) -> Result<impl IntoResponse + use<>> {
    let new: New = r.json(MOST_BYTES as u64)?;
    let refused = |why| Error::status(StatusCode::UNPROCESSABLE_ENTITY, why);
    let message = room.post(new).map_err(refused)?;
    Ok((StatusCode::CREATED, json(message.json.to_string())))
}

/// Makes a response of JSON that is encoded already.
fn json(text: String) -> impl IntoResponse + use<> {
    ([("content-type", "application/json")], text)
}

/// Returns the id behind which the client wants messages: all by default.
fn since(r: &Request) -> Result<u64> {
    Ok(r.query().parse_optional("since")?.unwrap_or_default())
}
