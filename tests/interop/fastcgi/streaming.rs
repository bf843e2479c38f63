//! Bodies that go through a web server piece by piece, and clients that go away, for any web server.

use std::io::{self, Read, Write};
use std::process::Command;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use hangup::http::StatusCode;
use hangup::{Body, Handler, Request, RequestExt, ResponseWriter, Result};

use super::children::Running;
use super::{client, next};
use crate::process::PATIENCE;

const PIECES: [&str; 3] = ["first ", "second ", "third"];

/// Returns a handler that writes a piece for each signal, and the sender of the signals.
pub(crate) fn piecewise() -> (impl Handler, Sender<()>) {
    let (tell, told) = bounded(1);
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        if r.uri().path().ends_with("/header") {
            // nginx streams this one answer, whatever it was configured to do.
            w.set_header("x-accel-buffering", "no")?;
        }
        for piece in PIECES {
            told.recv_timeout(PATIENCE).expect("the test goes on");
            w.write_all(piece.as_bytes())?;
            w.flush()?;
        }
        Ok(())
    };
    (handler, tell)
}

/// Has each piece written when the one before has arrived.
#[track_caller]
pub(crate) fn expect_pieces(url: &str, tell: &Sender<()>) {
    tell.send(()).expect("the handler listens");
    let mut response = client().get(url).send().expect(url);
    for (number, piece) in PIECES.iter().enumerate() {
        let mut came = vec![0; piece.len()];
        response.body_mut().read_exact(&mut came).expect(url);
        assert_eq!(came, piece.as_bytes(), "{url}");
        if number + 1 < PIECES.len() {
            tell.send(()).expect("the handler listens");
        }
    }
    assert_eq!(response.body_mut().read_text(10).expect(url), "");
}

/// A handler that reports each piece of its body, and these reports.
pub(crate) fn reporting() -> (impl Handler, Receiver<String>) {
    let (report, seen) = unbounded();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let mut buf = [0; 100];
        loop {
            let count = r.body_mut().read(&mut buf)?;
            if count == 0 {
                return Ok(w.write_all(b"whole")?);
            }
            let piece = String::from_utf8_lossy(&buf[..count]).into_owned();
            report.send(piece).expect("the test listens");
        }
    };
    (handler, seen)
}

/// Has each piece sent when the handler has the one before, by a body with a length or without.
#[track_caller]
pub(crate) fn expect_upload(url: &str, seen: &Receiver<String>, has_length: bool) {
    let length: usize = PIECES.iter().map(|piece| piece.len()).sum();
    let upload = Upload { pieces: PIECES.iter(), seen: seen.clone(), sent: None };
    let body = if has_length {
        Body::from_sized_reader(upload, length as u64)
    } else {
        Body::from_reader(upload)
    };
    let mut response = client().post(url).body(body).send().expect(url);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.body_mut().read_text(10).expect(url), "whole");
    // No client reads on when all bytes of a body with a length have arrived.
    while seen.try_recv().is_ok() {}
}

/// A body of which each piece is there when the handler has the one before.
struct Upload {
    pieces: std::slice::Iter<'static, &'static str>,
    seen: Receiver<String>,
    sent: Option<&'static str>,
}

impl Read for Upload {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(piece) = self.sent {
            assert_eq!(next(&self.seen), piece);
        }
        self.sent = self.pieces.next().copied();
        let piece = self.sent.unwrap_or_default().as_bytes();
        buf[..piece.len()].copy_from_slice(piece);
        Ok(piece.len())
    }
}

/// A handler's report about its context.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Begun,
    /// Why the context ended, if it did.
    Of(Option<String>),
}

/// A handler that waits for its context's end, and its reports.
pub(crate) fn waiting() -> (impl Handler, Receiver<Heard>) {
    let (report, heard) = unbounded();
    let handler = move |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let context = r.context();
        report.send(Heard::Begun).expect("the test listens");
        let why = context.wait_timeout(PATIENCE).map(|why| why.to_string());
        report.send(Heard::Of(why)).expect("the test listens");
        Ok(())
    };
    (handler, heard)
}

/// The same, but that the handler writes all the while.
pub(crate) fn writing() -> (impl Handler, Receiver<Heard>) {
    let (report, heard) = unbounded();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let context = r.context();
        report.send(Heard::Begun).expect("the test listens");
        let outcome = loop {
            if let Some(why) = context.wait_timeout(Duration::from_millis(1)) {
                break Ok(why.to_string());
            }
            if let Err(error) = w.write_all(b"still here\n").and_then(|()| w.flush()) {
                break Err(error);
            }
        };
        let why = outcome.unwrap_or_else(|error| error.to_string());
        report.send(Heard::Of(Some(why))).expect("the test listens");
        Ok(())
    };
    (handler, heard)
}

/// Has curl ask, and killed when its request has begun: the handler hears of it.
#[track_caller]
pub(crate) fn go_away(url: &str, heard: &Receiver<Heard>) {
    let mut curl = Running::start(Command::new("curl").args(["-sS", url]));
    assert_eq!(next(heard), Heard::Begun);
    curl.kill();
    let last = next(heard);
    assert!(matches!(&last, Heard::Of(Some(_))), "{url}: {last:?}");
}
