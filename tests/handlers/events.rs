//! Event streams as a client receives them. `tests/behaviour/server/events.rs` has clients that go away.

use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, never, unbounded};
use hangup::client::{EventSource, ServerEvent};
use hangup::events::Event;
use hangup::http::Method;
use hangup::testing::{self, TestServer};
use hangup::{
    Client, Context, ErrorKind, Filter, FilterOutput, Handler, Head, Request, RequestExt,
    ResponseExt, ResponseWriter, Result,
};

/// Returns the body of the response to a GET.
fn body_of(handler: &dyn Handler) -> String {
    let mut response = testing::call(handler, Request::new(())).expect("a response");
    response.body_mut().read_text(1 << 20).expect("UTF-8")
}

/// Returns what a handler sends that sends `event`.
fn sent(event: &Event) -> String {
    let event = event.clone();
    body_of(&move |w: &mut ResponseWriter, r: &mut Request| w.events(r)?.send(&event))
}

#[test]
fn h13_an_event_is_written_line_by_line() {
    for (event, expected) in [
        (Event::new("a"), "data: a\n\n"),
        (Event::new(""), "data: \n\n"),
        (Event::new(" a"), "data:  a\n\n"),
        (Event::new("a\nb"), "data: a\ndata: b\n\n"),
        (Event::new("a\rb"), "data: a\ndata: b\n\n"),
        (Event::new("a\r\nb"), "data: a\ndata: b\n\n"),
        (Event::new("a\n\rb"), "data: a\ndata: \ndata: b\n\n"),
        (Event::new("a\r\r\nb"), "data: a\ndata: \ndata: b\n\n"),
        (Event::new("\n"), "data: \ndata: \n\n"),
        (Event::new("a\r\n"), "data: a\ndata: \n\n"),
        (Event::new("data: x\n\nid: 1"), "data: data: x\ndata: \ndata: id: 1\n\n"),
        (Event::new("é\0\u{2028}"), "data: é\0\u{2028}\n\n"),
        (Event::new("a").name("n").id("7"), "data: a\nevent: n\nid: 7\n\n"),
        (Event::new("a").name(""), "data: a\nevent: \n\n"),
        (Event::new("a").id(""), "data: a\nid: \n\n"),
        (Event::new("a").name("x:y z\0é"), "data: a\nevent: x:y z\0é\n\n"),
        (Event::default(), "\n"),
        (Event::default().id("8"), "id: 8\n\n"),
        (Event::default().retry(Duration::from_millis(1500)), "retry: 1500\n\n"),
        (Event::default().retry(Duration::from_micros(900)), "retry: 0\n\n"),
        (Event::comment("a"), ": a\n\n"),
        (Event::comment("a\ndata: b\r\rc"), ": a\n: data: b\n: \n: c\n\n"),
        (Event::from("a"), "data: a\n\n"),
        (Event::from("a".to_owned()), "data: a\n\n"),
        (Event::json("a\nb").unwrap(), "data: \"a\\nb\"\n\n"),
    ] {
        assert_eq!(sent(&event), expected, "{event:?}");
        assert_eq!(event.to_string(), expected);
    }
}

#[test]
fn h13_an_invalid_field_never_splits_an_event() {
    for (event, text) in [
        (Event::new("a").id("1\n2"), "event id: contains a line break"),
        (Event::new("a").id("1\r"), "event id: contains a line break"),
        (Event::new("a").id("1\0"), "event id: contains NUL"),
        (Event::new("a").name("b\ndata: c"), "event name: contains a line break"),
        (Event::new("a").name("b\r"), "event name: contains a line break"),
        (Event::new("a").name("\n").id("\0"), "event name: contains a line break"),
    ] {
        let handler = move |w: &mut ResponseWriter, r: &mut Request| {
            let mut events = w.events(r)?;
            let error = events.send(&event).expect_err("an invalid field");
            assert_eq!(error.kind(), ErrorKind::InvalidMessage);
            assert!(error.to_string().contains(text), "{error}");
            events.queue(&event).expect_err("an invalid field");
            events.send("next")
        };
        assert_eq!(body_of(&handler), "data: next\n\n");
    }
    // The valid events before it are sent.
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let (sender, source) = unbounded();
        sender.send(Event::new("a")).unwrap();
        sender.send(Event::new("b").id("\n")).unwrap();
        w.events(r)?.forward(&source).expect_err("an invalid field");
        Ok(())
    };
    assert_eq!(body_of(&handler), "data: a\n\n");
}

#[test]
fn h13_the_head_belongs_to_an_event_stream() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        w.set_header("content-type", "text/plain")?.set_header("content-length", 5)?;
        w.set_header("x-own", "1")?;
        w.events(r)?.send("a")?;
        assert!(w.is_head_sent());
        assert_eq!(w.events(r).unwrap_err().kind(), ErrorKind::Misuse);
        Ok(())
    };
    let response = testing::call(&handler, Request::new(())).unwrap();
    let expected = [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("x-own", "1"),
    ];
    assert_eq!(response.headers().len(), expected.len(), "{:?}", response.headers());
    for (name, value) in expected {
        assert_eq!(response.headers()[name], value);
    }
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        w.set_header("cache-control", "no-cache")?.set_header("x-accel-buffering", "yes")?;
        w.events(r).map(drop)
    };
    let response = testing::call(&handler, Request::new(())).unwrap();
    assert_eq!(response.headers()["cache-control"], "no-cache");
    assert_eq!(response.headers()["x-accel-buffering"], "yes");
}

/// A source that is silent must not keep the handler of a HEAD request.
#[test]
fn h13_a_response_to_head_has_no_events() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let mut events = w.events(r)?;
        events.send("a")?;
        events.comment("b")?;
        assert_eq!(events.is_closed(), *r.method() == Method::HEAD);
        match events.is_closed() {
            true => events.forward(&never::<Event>()),
            false => Ok(()),
        }
    };
    let request = Request::head("/").body(()).unwrap();
    let mut response = testing::call(&handler, request).unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.body_mut().read_text(100).unwrap(), "");
    assert_eq!(body_of(&handler), "data: a\n\n: b\n\n");
}

#[test]
fn h13_the_stream_ends_with_its_source_or_its_context() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let (sender, source) = unbounded::<&str>();
        for data in ["a", "b"] {
            sender.send(data).unwrap();
        }
        drop(sender);
        let mut events = w.events(r)?;
        events.forward(&source)?;
        assert!(!events.is_closed());
        assert_eq!(events.next(&source)?, None);
        // The client's end comes first, also with events that wait.
        let (_sender, source) = bounded::<&str>(1);
        let context = r.context().child();
        context.cancel();
        r.set_context(context);
        _sender.send("c").unwrap();
        let mut events = events.heartbeat(None);
        assert_eq!(events.next(&source)?, Some("c"), "the context of the response's beginning");
        events.send("d")
    };
    assert_eq!(body_of(&handler), "data: a\n\ndata: b\n\ndata: d\n\n");
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let (sender, source) = bounded::<&str>(1);
        sender.send("lost").unwrap();
        let context = r.context().child();
        r.set_context(context.clone());
        let mut events = w.events(r)?;
        context.cancel();
        assert!(events.is_closed());
        events.forward(&source)
    };
    assert_eq!(body_of(&handler), "");
}

/// Cancels a context when the client gets its third comment.
struct CancelAtThird(Context, usize);

impl Filter for CancelAtThird {
    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> std::io::Result<()> {
        self.1 += usize::from(data == b":\n\n");
        if self.1 == 3 {
            self.0.cancel();
        }
        std::io::Write::write_all(out, data)
    }
}

#[test]
fn h13_comments_are_sent_while_the_source_is_silent() {
    let handler = |w: &mut ResponseWriter, r: &mut Request| {
        let context = r.context().child();
        r.set_context(context.clone());
        w.filter(CancelAtThird(context, 0));
        let mut events = w.events(r)?.heartbeat(Duration::from_millis(3));
        events.queue("queued")?;
        events.forward(&never::<Event>())?;
        assert!(events.is_closed());
        Ok(())
    };
    assert_eq!(body_of(&handler), "data: queued\n\n:\n\n:\n\n:\n\n");
    // Without one, and one that never comes.
    for interval in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
        let handler = move |w: &mut ResponseWriter, r: &mut Request| {
            let context = r.context().child_with_timeout(Duration::from_millis(5));
            r.set_context(context);
            w.events(r)?.heartbeat(interval).forward(&never::<Event>())
        };
        assert_eq!(body_of(&handler), "");
    }
}

#[test]
fn h13_the_last_event_id_is_that_of_the_request() {
    for (value, expected) in [
        (None, None),
        (Some(&b"7"[..]), Some("7")),
        (Some(b""), None),
        (Some("é".as_bytes()), Some("é")),
        (Some(b"\xe9"), None),
    ] {
        let mut request = Request::builder();
        if let Some(value) = value {
            request = request.header("last-event-id", value);
        }
        let request = request.body("".into()).unwrap();
        assert_eq!(request.last_event_id(), expected);
    }
}

/// Compresses a response. A flush passes on what was written so far.
struct Gzip(flate2::write::GzEncoder<Vec<u8>>);

impl Gzip {
    fn pass_on(&mut self, out: &mut FilterOutput<'_>) -> std::io::Result<()> {
        let bytes = std::mem::take(self.0.get_mut());
        std::io::Write::write_all(out, &bytes)
    }
}

impl Filter for Gzip {
    fn head(&mut self, head: &mut Head<'_>) {
        head.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    }

    fn body(&mut self, data: &[u8], _: &mut FilterOutput<'_>) -> std::io::Result<()> {
        std::io::Write::write_all(&mut self.0, data)
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> std::io::Result<()> {
        std::io::Write::flush(&mut self.0)?;
        self.pass_on(out)?;
        std::io::Write::flush(out)
    }

    fn end(&mut self, out: &mut FilterOutput<'_>) -> std::io::Result<()> {
        self.0.try_finish()?;
        self.pass_on(out)
    }
}

/// The client reads each event before the next one is made, also through compression.
#[test]
fn h13_each_event_arrives_at_once() {
    for compressed in [false, true] {
        let (go_on, source) = unbounded::<Event>();
        let server = TestServer::new(move |w: &mut ResponseWriter, r: &mut Request| {
            if compressed {
                w.filter(Gzip(flate2::write::GzEncoder::new(Vec::new(), Default::default())));
            }
            w.events(r)?.forward(&source)
        });
        let response = Client::new().get(server.url("/")).send().unwrap();
        let mut events = response.events().unwrap();
        for number in 0..3 {
            go_on.send(Event::new(format!("{number}\n")).id(number.to_string())).unwrap();
            let event = events.next().unwrap().unwrap();
            assert_eq!((event.data, event.id), (format!("{number}\n"), number.to_string()));
        }
        drop(go_on);
        assert!(events.next().is_none());
    }
}

/// The client of this crate reads all fields back, and continues after the server has ended the stream.
#[test]
fn h13_our_client_reads_the_events_and_resumes_the_stream() {
    let all = |from: u32| {
        let events = (from..6).map(|number| match number % 2 {
            0 => Event::new(format!("line {number}\r\nnext")).id(number.to_string()).name("even"),
            _ => Event::json(&[number]).unwrap().id(number.to_string()),
        });
        [Event::comment("again"), Event::default().retry(Duration::ZERO)].into_iter().chain(events)
    };
    let server = TestServer::new(move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let from = r.last_event_id().map_or(0, |id| id.parse::<u32>().unwrap() + 1);
        let mut events = w.events(r)?;
        // Two events on each connection.
        all(from).take(4).try_for_each(|event| events.send(event))
    });
    let (client, stop) = (Client::new(), Context::with_timeout(Duration::from_secs(10)));
    let source = EventSource::new(|| client.get(server.url("/")).context(&stop));
    let received: Vec<ServerEvent> = source.take(6).map(|event| event.unwrap()).collect();
    for (number, event) in received.iter().enumerate() {
        let (name, data) = match number % 2 {
            0 => ("even", format!("line {number}\nnext")),
            _ => ("message", format!("[{number}]")),
        };
        assert_eq!((&*event.name, &*event.data, &*event.id), (name, &*data, &*number.to_string()));
    }
}

/// One event for many clients is encoded once, and a change of a clone does not change the others.
#[test]
fn h13_clones_of_an_event_are_independent() {
    let event = Event::new("a");
    let named = event.clone().name("b");
    assert_eq!(
        (event.to_string(), named.to_string()),
        ("data: a\n\n".into(), "data: a\nevent: b\n\n".into())
    );
    assert_eq!(event, Event::from(&event));
    assert_ne!(event, named);
    assert_ne!(event, event.clone().id("\n"));
}

/// Many events that wait in the source are sent together, so that they cost few system calls.
#[test]
fn h13_events_that_wait_are_sent_together() {
    struct Flushes(crossbeam_channel::Sender<usize>, usize);
    impl Filter for Flushes {
        fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> std::io::Result<()> {
            self.1 += data.len();
            std::io::Write::write_all(out, data)
        }
        fn flush(&mut self, out: &mut FilterOutput<'_>) -> std::io::Result<()> {
            self.0.send(std::mem::take(&mut self.1)).unwrap();
            std::io::Write::flush(out)
        }
    }
    let (report, flushes) = unbounded();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| {
        w.filter(Flushes(report.clone(), 0));
        let (sender, source) = unbounded();
        (0..10_000).for_each(|_| sender.send("x".repeat(92)).unwrap());
        drop(sender);
        w.events(r)?.forward(&source)
    };
    let begun = Instant::now();
    assert_eq!(body_of(&handler).len(), 1_000_000);
    let flushes: Vec<_> = flushes.try_iter().collect();
    // The head first, then as many pieces of 64 KiB as there are.
    assert_eq!((flushes[0], flushes.len()), (0, 17), "{flushes:?} {:?}", begun.elapsed());
    assert!(flushes.iter().all(|bytes| *bytes <= (64 << 10) + 100));
}
