//! Requests that end early.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use hangup::{Body, Context, ErrorKind};

use super::app::{ABORT, App, STDIN, STDOUT, next, upstream};
use super::{beside, get, post, read_out};

/// The longest time from the end of a request to its abort.
const SOON: Duration = Duration::from_millis(20);

/// Waits for the abort of a request, which closes the connection.
fn await_abort(app: &App) -> Instant {
    loop {
        match app.record() {
            Some((ABORT, _)) => break,
            Some((STDIN, _)) => {}
            other => panic!("{other:?} in place of an abort"),
        }
    }
    let at = Instant::now();
    assert!(app.record().is_none());
    at
}

#[test]
fn h12_the_end_of_the_context_aborts_a_request_at_every_stage() {
    // Before the head, within the head, within the body, and while the request is being sent.
    for (start, streams) in
        [(&b""[..], false), (b"Status: 2", false), (b"Status: 200\r\n\r\nhalf", false), (b"", true)]
    {
        // The least of several times: a loaded machine is no fault of the client.
        let least = (0..5).map(|_| time_to_abort(start, streams)).min().unwrap();
        assert!(least < SOON, "{least:?}");
    }
}

/// Ends the context of a request whose response has begun with `start`. Returns the time to its abort.
fn time_to_abort(start: &[u8], streams: bool) -> Duration {
    let (upstream, apps) = upstream();
    let context = Context::new();
    let ended = context.clone();
    let (_sender, source) = unbounded::<&str>();
    let (took_sender, took) = unbounded();
    let app = || {
        let app = next(&apps);
        if streams {
            drop(app.head())
        } else {
            drop(app.request())
        }
        if !start.is_empty() {
            app.send(STDOUT, start);
        }
        let cancelled = Instant::now();
        ended.cancel();
        took_sender.send(await_abort(&app) - cancelled).unwrap();
    };
    beside(app, || {
        let body = if streams { Body::from_chunks(source) } else { Body::empty() };
        let error = match upstream.send(post(body), &context) {
            Err(error) => error,
            Ok(mut response) => response.body_mut().read_text(100).unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    });
    took.recv().unwrap()
}

#[test]
fn h12_an_ended_context_sends_nothing() {
    let (upstream, apps) = upstream();
    let context = Context::new();
    context.cancel();
    let error = upstream.send(get("/"), &context).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    if let Ok(app) = apps.try_recv() {
        read_out(&app.0);
    }
}

#[test]
fn h12_dropping_a_body_aborts_its_request() {
    let (upstream, apps) = upstream();
    let app = || {
        let app = next(&apps);
        app.request();
        app.send(STDOUT, b"Status: 200\r\n\r\nhalf");
        await_abort(&app);
    };
    beside(app, || drop(upstream.send(get("/"), &Context::new()).unwrap()));
}

#[test]
fn h12_a_response_may_come_before_the_request_was_sent() {
    let (upstream, apps) = upstream();
    let (sender, source) = unbounded::<&str>();
    let app = || {
        let app = next(&apps);
        app.head();
        app.send(STDOUT, b"Status: 200\r\n\r\n");
        // An echo, piece by piece.
        for _ in 0..2 {
            let (_, piece) = app.record().unwrap();
            app.send(STDOUT, &piece);
        }
        assert_eq!(app.record(), Some((STDIN, Vec::new())));
        app.end();
    };
    beside(app, || {
        let mut response = upstream.send(post(Body::from_chunks(source)), &Context::new()).unwrap();
        let mut piece = [0; 100];
        for text in ["one", "two"] {
            sender.send(text).unwrap();
            let count = response.body_mut().read(&mut piece).unwrap();
            assert_eq!(&piece[..count], text.as_bytes());
        }
        drop(sender);
        assert_eq!(response.body_mut().read(&mut piece).unwrap(), 0);
    });
}

#[test]
fn h12_a_body_whose_source_fails_aborts_its_request() {
    let (upstream, apps) = upstream();
    struct Fails(bool);
    impl Read for Fails {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("the disk has failed"));
            }
            buf[0] = b'x';
            Ok(1)
        }
    }
    let app = || {
        let app = next(&apps);
        app.head();
        await_abort(&app);
    };
    beside(app, || {
        let body = Body::from_reader(Fails(false));
        let error = upstream.send(post(body), &Context::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BodySource);
    });
}
