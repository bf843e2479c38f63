//! C21: streams of server-sent events, and reading them again after they end.

use std::io::Write;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use flate2::Compression;
use flate2::write::GzEncoder;
use hangup::client::{EventSource, EventStream, Proxy, ServerEvent};
use hangup::testing::{Peer, Script};
use hangup::{Client, Context, Error, ErrorKind, ResponseExt, TimeLimit};

use crate::support::scripted_server::in_background;
use crate::support::{Over, PATIENCE, alone, over_each};

over_each![
    c21_events_are_returned_as_they_come,
    c21_events_of_a_compressed_stream_are_returned_as_they_come,
    c21_cancel_ends_the_wait_for_the_next_event,
    c21_a_stream_that_breaks_off_is_an_error,
    c21_a_source_reconnects_with_the_last_event_id,
    c21_cancel_ends_a_source_at_each_stage,
];

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";

/// The time that "within milliseconds" may take on a busy machine.
const PROMPT: Duration = Duration::from_secs(2);

fn told(event: Result<ServerEvent, Error>) -> String {
    let event = event.expect("an event");
    format!("{}:{}:{}", event.name, event.data, event.id)
}

fn open(client: &Client, script: &Script) -> Result<EventStream, Error> {
    client.get(script.url("/")).send()?.events()
}

/// Returns a source that reconnects after 1 ms.
fn source(
    client: &Client,
    script: &Script,
) -> EventSource<impl FnMut() -> hangup::client::RequestBuilder + use<>> {
    let (client, url) = (client.clone(), script.url("/"));
    EventSource::new(move || client.get(&url)).retry_delay(Duration::from_millis(1))
}

fn c21_events_are_returned_as_they_come(over: Over) {
    alone!();
    let (go_on, gone_on) = unbounded::<()>();
    let script = over.script().connection(move |peer| {
        let chunk = |peer: &mut Peer, text: &str| {
            peer.drip(format!("{:x}\r\n{text}\r\n", text.len()), Duration::ZERO);
        };
        peer.expect("GET /").send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n");
        peer.send("content-type: Text/Event-Stream ; charset=utf-8\r\n\r\n");
        chunk(peer, "\u{feff}: hello\r\ndata: 1\r\n\r\n");
        gone_on.recv_timeout(PATIENCE).unwrap();
        chunk(peer, "event: b\rid: 7\rdata: 2\rdata: 3\r\r");
        gone_on.recv_timeout(PATIENCE).unwrap();
        chunk(peer, "retry: 20\ndata: 4\n\n");
        peer.send("0\r\n\r\n").expect("GET /next").respond(200, "reused")
    });
    let client = over.client();
    let mut events = open(&client, &script).unwrap();
    assert_eq!(told(events.next().unwrap()), "message:1:");
    assert_eq!((events.last_event_id(), events.retry()), ("", None));
    go_on.send(()).unwrap();
    assert_eq!(told(events.next().unwrap()), "b:2\n3:7");
    go_on.send(()).unwrap();
    assert_eq!(told(events.next().unwrap()), "message:4:7");
    assert!(events.next().is_none() && events.next().is_none());
    assert_eq!((events.last_event_id(), events.retry()), ("7", Some(Duration::from_millis(20))));
    // A stream that was read to its end gives its connection back.
    assert_eq!(client.get(script.url("/next")).send().unwrap().text().unwrap(), "reused");
    script.finish();
}

fn c21_cancel_ends_the_wait_for_the_next_event(over: Over) {
    alone!();
    let script = over.script().connection(|peer| {
        peer.expect("GET /").send(HEAD).send("data: 1\n\ndata: 2").stay_silent()
    });
    let context = Context::new();
    let request = over.client().get(script.url("/")).context(&context);
    let (sender, first) = unbounded();
    let reading = in_background(move || {
        let mut events = request.send().unwrap().events().unwrap();
        sender.send(told(events.next().unwrap())).unwrap();
        let error = events.next().unwrap().unwrap_err();
        assert!(events.next().is_none());
        (error, Instant::now())
    });
    assert_eq!(first.recv_timeout(PATIENCE).unwrap(), "message:1:");
    assert!(reading.is_running());
    let cancelled = Instant::now();
    context.cancel_with("enough");
    let (error, ended) = reading.finish();
    assert!(ended - cancelled < PROMPT, "{:?}", ended - cancelled);
    assert!(error.is_cancelled() && error.to_string().contains("enough"), "{error}");
    script.finish();
}

fn c21_a_stream_that_breaks_off_is_an_error(over: Over) {
    alone!();
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n";
    let script = over
        .script()
        .connection(move |peer| {
            peer.expect("GET /").send(chunked).send("9\r\ndata: 1\n\n\r\n9\r\nda").close()
        })
        .connection(|peer| peer.expect("GET /").send(HEAD).send("data: 1\n\n:").stay_silent())
        .connection(|peer| {
            let long = format!("data: 1\n\ndata: {}\n\n", "x".repeat(100));
            peer.expect("GET /").send(HEAD).send(long).stay_silent()
        });
    let client = over.client_builder().idle_read_timeout(Duration::from_millis(50)).build();
    let fails = |mut events: EventStream| {
        assert_eq!(told(events.next().unwrap()), "message:1:");
        let error = events.next().unwrap().unwrap_err();
        assert!(events.next().is_none());
        error
    };
    let error = fails(open(&client, &script).unwrap());
    assert_eq!(error.kind(), ErrorKind::IncompleteBody);
    let error = fails(open(&client, &script).unwrap());
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::IdleRead));
    let error = fails(open(&client, &script).unwrap().max_line(50));
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert_eq!(error.to_string(), "too large: line of an event stream: more than 50 bytes");
    script.finish();
}

/// A compressed stream is decoded as far as it has come: each event is flushed by the server.
fn c21_events_of_a_compressed_stream_are_returned_as_they_come(over: Over) {
    alone!();
    let (go_on, gone_on) = unbounded::<()>();
    let script = over.script().connection(move |peer| {
        peer.expect("GET /").send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
        peer.send("Content-Encoding: gzip\r\n\r\n");
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        for event in ["data: 1\n\n", "data: 2\n\ndata: 3\n\n", "data: 4\n\n"] {
            gzip.write_all(event.as_bytes()).unwrap();
            gzip.flush().unwrap();
            peer.send(std::mem::take(gzip.get_mut()));
            gone_on.recv_timeout(PATIENCE).unwrap();
        }
        gzip.try_finish().unwrap();
        peer.send(gzip.get_ref()).close()
    });
    let mut events = open(&over.client(), &script).unwrap();
    assert_eq!(told(events.next().unwrap()), "message:1:");
    go_on.send(()).unwrap();
    assert_eq!(told(events.next().unwrap()), "message:2:");
    assert_eq!(told(events.next().unwrap()), "message:3:");
    go_on.send(()).unwrap();
    assert_eq!(told(events.next().unwrap()), "message:4:");
    go_on.send(()).unwrap();
    assert!(events.next().is_none());
    script.finish();
}

#[test]
fn c21_only_an_event_stream_is_read_as_one() {
    alone!();
    let head = |status: &str, kind: &str| {
        format!("HTTP/1.1 {status}\r\n{kind}Content-Length: 4\r\nConnection: close\r\n\r\nbody")
    };
    let refused = |head: String| {
        let script = Script::new().connection(move |peer| peer.expect("GET /").send(head).close());
        let error = open(&Client::new(), &script).unwrap_err();
        let text = error.to_string().replace(&script.url("/"), "URL");
        assert_eq!(error.take_response().unwrap().text().unwrap(), "body");
        (error.kind(), text)
    };
    for (kind, found) in [
        (
            "Content-Type: text/html; charset=utf-8\r\n",
            r#"content-type "text/html; charset=utf-8""#,
        ),
        ("Content-Type: text/event-streams\r\n", r#"content-type "text/event-streams""#),
        ("", "no content-type"),
    ] {
        let (error, text) = refused(head("200 OK", kind));
        assert_eq!(error, ErrorKind::Decode);
        let expected =
            format!("cannot decode the body: {found} instead of text/event-stream: GET URL");
        assert_eq!(text, expected);
    }
    let kind = "Content-Type: text/event-stream\r\n";
    for status in ["503 Service Unavailable", "404 Not Found", "201 Created"] {
        let (error, text) = refused(head(status, kind));
        assert_eq!((error, text), (ErrorKind::Status, format!("{status}: GET URL")));
    }
}

fn c21_a_source_reconnects_with_the_last_event_id(over: Over) {
    alone!(waits);
    let script = over
        .script()
        .connection(|peer| {
            peer.expect("GET /").without_header("last-event-id");
            peer.with_header("accept", "text/event-stream")
                .with_header("cache-control", "no-cache");
            peer.send(HEAD).send("retry: 2\nid: a\ndata: 1\n\nid: b\ndata: lost").close()
        })
        .connection(|peer| {
            peer.expect("GET /").with_header("last-event-id", "a");
            peer.send(HEAD).send("id: c é\ndata: 2\n\n").half_close().expect_closed();
            peer
        })
        .connection(|peer| {
            peer.expect("GET /").with_header("last-event-id", "c é");
            peer.respond(503, "later").close()
        })
        .connection(|peer| peer.expect("GET /").reset())
        .connection(|peer| peer.expect("GET /").send(HEAD).send("data: 3\n\n").close())
        .connection(|peer| peer.expect("GET /").respond(204, ""));
    let client = over.client();
    let mut events = source(&client, &script);
    assert_eq!(events.last_event_id(), "");
    assert_eq!(told(events.next().unwrap()), "message:1:a");
    assert_eq!(told(events.next().unwrap()), "message:2:c é");
    assert_eq!(events.last_event_id(), "c é");
    assert_eq!(told(events.next().unwrap()), "message:3:c é");
    assert!(events.next().is_none() && events.next().is_none());
    assert_eq!(events.last_event_id(), "c é");
    client.close_idle_connections();
    script.finish();
}

#[test]
fn c21_a_source_ends_with_an_error_that_will_not_pass() {
    alone!();
    for (head, expected) in [
        ("HTTP/1.1 404 Not Found\r\n", ErrorKind::Status),
        ("HTTP/1.1 401 Unauthorized\r\n", ErrorKind::Status),
        ("HTTP/1.1 501 Not Implemented\r\n", ErrorKind::Status),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", ErrorKind::Decode),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nno field\r\n", ErrorKind::MalformedMessage),
    ] {
        let message = format!("{head}Content-Length: 0\r\nConnection: close\r\n\r\n");
        let script = Script::new()
            .connection(|peer| peer.expect("GET /").send(HEAD).send("data: 1\n\n").close())
            .connection(move |peer| peer.expect("GET /").send(message).close());
        let mut events = source(&Client::new(), &script);
        assert_eq!(told(events.next().unwrap()), "message:1:");
        assert_eq!(events.next().unwrap().unwrap_err().kind(), expected);
        assert!(events.next().is_none());
        script.finish();
    }
    let mut events = EventSource::new(|| Client::new().get("nowhere"));
    assert_eq!(events.next().unwrap().unwrap_err().kind(), ErrorKind::InvalidUrl);
    assert!(events.next().is_none());
}

#[test]
fn c21_the_policy_of_a_source_decides_which_errors_pass() {
    alone!();
    let script = Script::new()
        .connection(|peer| peer.expect("GET /").respond(404, "").close())
        .connection(|peer| peer.expect("GET /").send(HEAD).send("data: 1\n\n").close())
        .connection(|peer| peer.expect("GET /").respond(503, "").close());
    let mut events = source(&Client::new(), &script)
        .with_last_event_id("9")
        .reconnect_if(|error| error.status_code().is_some_and(|status| status == 404));
    assert_eq!(told(events.next().unwrap()), "message:1:9");
    assert_eq!(events.next().unwrap().unwrap_err().to_string()[..3], *"503");
    assert!(events.next().is_none());
    let requests = script.finish();
    assert!(requests.iter().all(|request| request.header("last-event-id") == Some("9")));
}

#[test]
fn c21_a_source_gives_up_after_its_failures() {
    alone!();
    // A refused connection counts as one that brings no event.
    let script = Script::new();
    let url = script.url("/");
    script.refuse_connections();
    let mut tried = 0;
    let mut events = EventSource::new(|| {
        tried += 1;
        Client::new().get(&url)
    })
    .retry_delay(Duration::ZERO)
    .max_delay(Duration::from_millis(1))
    .max_failures(3);
    assert_eq!(events.next().unwrap().unwrap_err().kind(), ErrorKind::Connect);
    assert!(events.next().is_none());
    drop(events);
    assert_eq!(tried, 4);
    // A stream that is empty each time, and one that begins anew after each event.
    let script = Script::new()
        .connection(|peer| peer.expect("GET /").send(HEAD).close())
        .connection(|peer| peer.expect("GET /").send(HEAD).send("data: 1\n\n").close())
        .connection(|peer| peer.expect("GET /").send(HEAD).send(": none\n\n").close())
        .connection(|peer| peer.expect("GET /").send(HEAD).close());
    let mut events =
        source(&Client::new(), &script).max_delay(Duration::from_millis(1)).max_failures(1);
    assert_eq!(told(events.next().unwrap()), "message:1:");
    assert!(events.next().is_none());
    script.finish();
}

#[test]
fn c21_a_server_cannot_make_a_source_reconnect_without_a_pause() {
    alone!();
    let script = Script::new()
        .connections(|peer| peer.expect("GET /").send(HEAD).send("retry: 0\ndata: 1\n\n").close());
    let mut events = source(&Client::new(), &script);
    let begun = Instant::now();
    for _ in 0..4 {
        assert_eq!(told(events.next().unwrap()), "message:1:");
    }
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    drop(events);
    script.finish();
}

#[test]
fn c21_a_refusal_by_the_proxy_ends_a_source() {
    alone!();
    let proxy = Script::new()
        .connection(|peer| peer.expect("CONNECT ").respond(503, "").close())
        .connection(|peer| peer.expect("CONNECT ").respond(407, "").close());
    let client = Client::builder()
        .proxy(Proxy::new(proxy.url("")).unwrap().tunnel_all(true).basic_auth("user", "wrong"))
        .build();
    let mut events = EventSource::new(|| client.get("http://origin.test/"))
        .retry_delay(Duration::from_millis(1))
        .max_failures(5);
    let error = events.next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.status_code().unwrap().as_u16()), (ErrorKind::Proxy, 407));
    assert!(events.next().is_none());
    drop(events);
    proxy.finish();
}

#[test]
fn c21_an_id_that_is_too_long_is_not_sent_back() {
    alone!();
    let script = Script::new()
        .connection(|peer| {
            let long = format!("id: 1\ndata: 1\n\nid: {}\ndata: 2\n\n", "x".repeat(5000));
            peer.expect("GET /").send(HEAD).send(long).close()
        })
        .connection(|peer| {
            peer.expect("GET /").with_header("last-event-id", "1").respond(204, "").close()
        });
    let mut events = source(&Client::new(), &script);
    assert_eq!(told(events.next().unwrap()), "message:1:1");
    assert_eq!(told(events.next().unwrap()), "message:2:1");
    assert!(events.next().is_none());
    script.finish();
}

#[test]
fn c21_a_source_follows_redirects() {
    alone!();
    let script = Script::new().connection(|peer| {
        peer.expect("GET /")
            .send("HTTP/1.1 307 Moved\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n");
        peer.expect("GET /b").with_header("accept", "text/event-stream").send(HEAD);
        peer.send("data: 1\n\n").stay_silent()
    });
    let mut events = source(&Client::new(), &script);
    assert_eq!(told(events.next().unwrap()), "message:1:");
    drop(events);
    script.finish();
}

fn c21_cancel_ends_a_source_at_each_stage(over: Over) {
    alone!();
    let cancelled = |script: Script, is_there: &dyn Fn(&Script)| {
        let context = Context::new();
        let (client, url) = (over.client(), script.url("/"));
        let reading = in_background({
            let context = context.clone();
            move || {
                let make = || client.get(&url).context(&context);
                let mut events =
                    EventSource::new(make).retry_delay(10 * PATIENCE).max_delay(10 * PATIENCE);
                let error = events.find_map(Result::err).expect("an error");
                assert!(events.next().is_none());
                (error, Instant::now())
            }
        });
        is_there(&script);
        assert!(reading.is_running());
        let cancelled = Instant::now();
        context.cancel_with("enough");
        let (error, ended) = reading.finish();
        assert!(ended - cancelled < PROMPT, "{:?}", ended - cancelled);
        assert!(error.is_cancelled() && error.to_string().contains("enough"), "{error}");
        drop(script);
    };
    let (sender, ended) = unbounded();
    let tell = move |sender: &crossbeam_channel::Sender<()>| sender.send(()).unwrap();
    let wait = |ended: &crossbeam_channel::Receiver<()>| ended.recv_timeout(PATIENCE).unwrap();
    // While the head is awaited.
    let signal = sender.clone();
    let script = over.script().connection(move |peer| {
        peer.expect("GET /");
        tell(&signal);
        peer.stay_silent()
    });
    cancelled(script, &|_| wait(&ended));
    // While an event is awaited.
    let signal = sender.clone();
    let script = over.script().connection(move |peer| {
        peer.expect("GET /").send(HEAD).send("data: 1\n\n");
        tell(&signal);
        peer.stay_silent()
    });
    cancelled(script, &|_| wait(&ended));
    // Between two connections.
    let signal = sender.clone();
    let script = over.script().connection(move |peer| {
        peer.expect("GET /").send(HEAD).send("data: 1\n\n").half_close().expect_closed();
        tell(&signal);
        peer
    });
    cancelled(script, &|_| wait(&ended));
}

#[test]
fn c21_the_deadline_of_a_context_ends_a_source() {
    alone!();
    // The deadline may pass before a connection's request is sent. The client then keeps the connection.
    let script = Script::new().connections(|peer| match peer.next_request() {
        Some(_) => peer.respond(503, "").close(),
        None => peer,
    });
    let context = Context::with_timeout(Duration::from_millis(100));
    let client = Client::new();
    let mut events = EventSource::new(|| client.get(script.url("/")).context(&context))
        .retry_delay(Duration::from_millis(1));
    let error = events.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeLimit::Call));
    assert!(events.next().is_none());
    drop(events);
    drop(client);
    script.finish();
}
