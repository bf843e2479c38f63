//! Explores the interleavings of the threads of FastCGI connections, over a stream in memory.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use super::Server;
use super::record::{HEADER, kind};
use crate::handler::{Request, RequestExt, ResponseWriter};
use crate::net::{Stream, memory};
use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::explore::{Limits, explore, perhaps};
use crate::sync::spawn;

/// Returns a record in bytes.
fn record(kind: u8, id: u16, content: &[u8]) -> Vec<u8> {
    [&super::record::header(kind, id, content.len())[..], content].concat()
}

/// Returns the records that begin a request for `path`, without its body.
fn opened(id: u16, path: &str, keep: bool) -> Vec<u8> {
    let mut variables = Vec::new();
    super::params::write(&mut variables, b"REQUEST_METHOD", b"POST");
    super::params::write(&mut variables, b"REQUEST_URI", path.as_bytes());
    let begin = record(kind::BEGIN_REQUEST, id, &[0, 1, u8::from(keep), 0, 0, 0, 0, 0]);
    [begin, record(kind::PARAMS, id, &variables), record(kind::PARAMS, id, &[])].concat()
}

/// Returns the next record. `None` at the end of the stream.
fn next(mut stream: &Stream) -> Option<(u8, u16, Vec<u8>)> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).ok()?;
    let mut content = vec![0; usize::from(u16::from_be_bytes([header[4], header[5]]))];
    stream.read_exact(&mut content).expect("a whole record");
    Some((header[1], u16::from_be_bytes([header[2], header[3]]), content))
}

/// Returns the response to request `id`, up to its END_REQUEST.
fn answer(stream: &Stream, id: u16) -> String {
    let mut out = Vec::new();
    loop {
        let (kind, of, content) = next(stream).expect("more of the answer");
        assert_eq!(of, id);
        match kind {
            kind::STDOUT => out.extend(content),
            kind::END_REQUEST => return String::from_utf8(out).expect("text"),
            other => panic!("unexpected record type {other}"),
        }
    }
}

fn echo_path(w: &mut ResponseWriter, r: &mut Request) -> crate::error::Result<()> {
    Ok(w.write_all(r.uri().path().as_bytes())?)
}

/// Runs `script` against a server, and shuts the server down.
fn conversation(server: Server, script: impl FnOnce(&Stream)) {
    let (near, far) = memory::pair();
    let handle = server.serve_stream(far);
    script(&near);
    drop(near);
    assert!(handle.shutdown(None));
}

/// F3: an id is free as soon as its END_REQUEST arrives, even with one request at a time.
#[test]
fn f03_an_id_is_free_the_moment_its_end_arrives() {
    explore(300, Limits::Never, || {
        let server = Server::new(echo_path).max_requests_per_connection(1);
        conversation(server, |mut peer| {
            for path in ["/one", "/two", "/three"] {
                peer.write_all(&opened(1, path, true)).unwrap();
                let answer = answer(peer, 1);
                assert!(answer.starts_with("Status: 200") && answer.ends_with(path), "{answer}");
            }
        });
    });
}

/// F5: an aborted request is ended once, by the abort or by its handler. The output of its handler is never
/// part of another request's response.
#[test]
fn f05_an_abort_races_with_the_handlers_end() {
    explore(300, Limits::Never, || {
        conversation(Server::new(echo_path), |mut peer| {
            peer.write_all(&opened(1, "/aborted", true)).unwrap();
            if perhaps() {
                peer.write_all(&record(kind::STDIN, 1, b"body")).unwrap();
            }
            peer.write_all(&record(kind::ABORT_REQUEST, 1, &[])).unwrap();
            let first = answer(peer, 1);
            assert!(first.is_empty() || first.ends_with("/aborted"), "{first}");
            peer.write_all(&opened(1, "/next", true)).unwrap();
            assert!(answer(peer, 1).ends_with("/next"));
        });
    });
}

/// F4: without KEEP_CONN the connection is closed after the END_REQUEST, and not before.
#[test]
fn f04_the_last_request_is_answered_before_the_connection_ends() {
    explore(300, Limits::Never, || {
        conversation(Server::new(echo_path), |mut peer| {
            peer.write_all(&opened(7, "/last", false)).unwrap();
            assert!(answer(peer, 7).ends_with("/last"));
            assert_eq!(next(peer), None);
        });
    });
}

/// F8, F9: a disconnect ends the context of a handler that reads nothing, both while the reader reads and
/// while it waits for the handler.
#[test]
fn f09_contexts_end_with_the_connection_whatever_its_reader_does() {
    explore(300, Limits::Never, || {
        let running = Arc::new(AtomicU8::new(0));
        let of_handler = Arc::clone(&running);
        let server = Server::new(move |_: &mut ResponseWriter, r: &mut Request| {
            of_handler.fetch_add(1, Ordering::SeqCst);
            r.context().wait();
            of_handler.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        });
        conversation(server.max_held_back(1).body_patience(None), |mut peer| {
            peer.write_all(&opened(1, "/", true)).unwrap();
            peer.write_all(&record(kind::STDIN, 1, b"a")).unwrap();
            peer.write_all(&record(kind::STDIN, 1, b"b")).unwrap();
            if perhaps() {
                peer.shutdown(Shutdown::Write).unwrap();
                assert!(answer(peer, 1).starts_with("Status: 200"));
            }
        });
        assert_eq!(running.load(Ordering::SeqCst), 0, "the shutdown waits for the handler");
    });
}

/// A shutdown lets a running request end, and closes the connection after it.
#[test]
fn f09_shutdown_lets_the_request_finish() {
    explore(300, Limits::Never, || {
        let (near, far) = memory::pair();
        let handle = Server::new(echo_path).serve_stream(far);
        let stopping = handle.clone();
        let thread = spawn("shutdown", None, move || assert!(stopping.shutdown(None))).unwrap();
        let mut peer = &near;
        // The connection may be closed before the request has begun.
        if peer.write_all(&opened(1, "/x", true)).is_ok()
            && let Some((kind, _, content)) = next(peer)
        {
            assert_eq!(kind, kind::STDOUT);
            assert!(content.ends_with(b"/x"));
        }
        drop(near);
        thread.join().unwrap();
    });
}
