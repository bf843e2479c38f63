//! The FastCGI client: H12.

mod app;
mod ending;
mod exchange;
mod proxied;
mod reuse;

use std::io::{self, Read, Write};
use std::thread;

use hangup::net::{DialError, Dialed, Target};
use hangup::testing::{self, Stream, stream_pair};
use hangup::{Context, Handler, Request, ResponseWriter, Result, fcgi};

/// Creates an upstream whose application is our own responder.
pub(crate) fn upstream_of(handler: impl Handler + Clone) -> fcgi::Upstream {
    let dialer = move |_: &Target, _: &Context| -> Result<Dialed, DialError> {
        let (near, far) = stream_pair();
        drop(fcgi::Server::with_handler(handler.clone()).serve_stream(far));
        Ok(Dialed::new(near))
    };
    fcgi::Upstream::tcp("app.test:9000").dialer(dialer)
}

fn get(path: &str) -> Request {
    Request::get(path).body("".into()).expect("a request")
}

fn post(body: impl Into<hangup::Body>) -> Request {
    Request::post("/").body(body.into()).expect("a request")
}

#[test]
fn h12_large_bodies_pass_our_own_responder_in_both_directions() {
    let echo = |w: &mut ResponseWriter, r: &mut Request| {
        io::copy(r.body_mut(), w)?;
        Ok(())
    };
    let upstream = upstream_of(echo);
    let body: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    for length in [0, 1, 127, 8191, 8192, 8193, 65_527, 65_528, 65_529, 65_537, body.len()] {
        let known = post(body[..length].to_vec());
        let mut response = testing::call(&upstream, known).unwrap();
        assert_eq!(response.body_mut().read_bytes(1 << 24).unwrap(), body[..length], "{length}");
        let streamed = hangup::Body::from_reader(io::Cursor::new(body[..length].to_vec()));
        let mut response = testing::call(&upstream, post(streamed)).unwrap();
        assert_eq!(response.body_mut().read_bytes(1 << 24).unwrap(), body[..length], "{length}");
    }
}

#[test]
fn h12_a_handler_that_fails_within_its_body_breaks_the_response_off() {
    let fails = |w: &mut ResponseWriter, _: &mut Request| {
        w.write_all(b"half")?;
        w.flush()?;
        Err("the disk is full".into())
    };
    let upstream = upstream_of(fails);
    let mut response = upstream.send(get("/"), &Context::new()).unwrap();
    let error = response.body_mut().read_text(100).unwrap_err();
    assert_eq!(error.kind(), hangup::ErrorKind::IncompleteBody);
}

/// Runs `application` on a thread, while `test` runs.
fn beside<T>(application: impl FnOnce() + Send, test: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let application = scope.spawn(application);
        let outcome = test();
        application.join().expect("the application");
        outcome
    })
}

/// Reads until the stream ends.
fn read_out(stream: &Stream) {
    let mut stream = stream;
    let _ = stream.read_to_end(&mut Vec::new());
}
