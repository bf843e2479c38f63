//! A web server that sends exactly the records of a script.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use hangup::testing::{Stream, TestServer};

use crate::support::PATIENCE;

pub(super) const BEGIN: u8 = 1;
pub(super) const ABORT: u8 = 2;
pub(super) const END: u8 = 3;
pub(super) const PARAMS: u8 = 4;
pub(super) const STDIN: u8 = 5;
pub(super) const STDOUT: u8 = 6;
pub(super) const STDERR: u8 = 7;
pub(super) const GET_VALUES: u8 = 9;
pub(super) const GET_VALUES_RESULT: u8 = 10;
pub(super) const UNKNOWN_TYPE: u8 = 11;

/// A received record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: u8,
    pub(super) id: u16,
    pub(super) content: Vec<u8>,
}

/// A response, assembled from its records.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: String,
    pub(super) errors: String,
    pub(super) exit: u32,
    /// The protocol's status: 0 for a request that was handled.
    pub(super) status: u8,
}

/// Returns the bytes of a record.
pub(super) fn record(kind: u8, id: u16, content: &[u8]) -> Vec<u8> {
    padded(kind, id, content, 0)
}

pub(super) fn padded(kind: u8, id: u16, content: &[u8], padding: u8) -> Vec<u8> {
    let (id, length) = (id.to_be_bytes(), (content.len() as u16).to_be_bytes());
    let mut bytes = vec![1, kind, id[0], id[1], length[0], length[1], padding, 0];
    bytes.extend(content);
    bytes.extend(vec![b'p'; usize::from(padding)]);
    bytes
}

pub(super) fn begin(id: u16, role: u16, keep: bool) -> Vec<u8> {
    record(BEGIN, id, &[0, role as u8, u8::from(keep), 0, 0, 0, 0, 0])
}

/// Encodes name-value pairs.
pub(super) fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let length = |bytes: &mut Vec<u8>, length: usize| match length {
        0..=127 => bytes.push(length as u8),
        _ => bytes.extend((length as u32 | 1 << 31).to_be_bytes()),
    };
    for (name, value) in pairs {
        length(&mut bytes, name.len());
        length(&mut bytes, value.len());
        bytes.extend(name.as_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes
}

/// The variables of every request.
pub(super) fn variables(target: &str) -> Vec<u8> {
    pairs(&[
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", target),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("HTTP_HOST", "example.org"),
        ("REMOTE_ADDR", "192.0.2.7"),
        ("REMOTE_PORT", "4711"),
    ])
}

/// Returns a request with all its parameters and without its body.
pub(super) fn opened(id: u16, target: &str, keep: bool) -> Vec<u8> {
    let params = record(PARAMS, id, &variables(target));
    [begin(id, 1, keep), params, record(PARAMS, id, &[])].concat()
}

/// Returns a complete request.
pub(super) fn request(id: u16, target: &str, body: &str, keep: bool) -> Vec<u8> {
    let mut bytes = opened(id, target, keep);
    for piece in body.as_bytes().chunks(60_000) {
        bytes.extend(record(STDIN, id, piece));
    }
    bytes.extend(record(STDIN, id, &[]));
    bytes
}

/// One connection to a server. A method that expects something of the server fails the test after
/// [`PATIENCE`].
pub(super) struct WebServer {
    stream: Stream,
    received: Vec<u8>,
}

impl WebServer {
    pub(super) fn connect(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.addr()).expect("a server that listens");
        stream.set_nodelay(true).expect("a connected socket");
        Self::over(stream.into())
    }

    pub(super) fn over(stream: Stream) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub(super) fn send(&mut self, records: impl AsRef<[u8]>) -> &mut Self {
        self.stream.set_write_deadline(Some(Instant::now() + PATIENCE));
        self.stream.write_all(records.as_ref()).expect("a server that reads");
        self
    }

    /// Sends repeatedly and reads nothing, until the server has closed the connection.
    #[track_caller]
    pub(super) fn flood(&mut self, records: impl AsRef<[u8]>) {
        self.stream.set_write_deadline(Some(Instant::now() + PATIENCE));
        let error = loop {
            if let Err(error) = self.stream.write_all(records.as_ref()) {
                break error;
            }
        };
        assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "it was not closed");
    }

    pub(super) fn half_close(&mut self) -> &mut Self {
        self.stream.shutdown(Shutdown::Write).expect("a connection");
        self
    }

    pub(super) fn reset(self) {
        self.stream.reset();
    }

    /// Reads the next record, or returns `None` at the end of the stream.
    pub(super) fn next(&mut self) -> Option<Record> {
        loop {
            if let Some((header, rest)) = self.received.split_first_chunk::<8>() {
                let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
                let whole = length + usize::from(header[6]);
                if rest.len() >= whole {
                    assert_eq!(header[0], 1, "the version");
                    let id = u16::from_be_bytes([header[2], header[3]]);
                    let record = Record { kind: header[1], id, content: rest[..length].to_vec() };
                    self.received.drain(..8 + whole);
                    return Some(record);
                }
            }
            self.stream.set_read_deadline(Some(Instant::now() + PATIENCE));
            let mut buf = [0; 64 * 1024];
            let count = self.stream.read(&mut buf).expect("more records, or an end in good order");
            if count == 0 {
                assert!(self.received.is_empty(), "cut within a record: {:?}", self.received);
                return None;
            }
            self.received.extend(&buf[..count]);
        }
    }

    #[track_caller]
    pub(super) fn expect(&mut self, kind: u8, id: u16) -> Vec<u8> {
        let record = self.next().expect("a record");
        assert_eq!((record.kind, record.id), (kind, id), "{record:?}");
        record.content
    }

    /// Reads the complete response to the only request in progress.
    #[track_caller]
    pub(super) fn expect_answer(&mut self, id: u16) -> Answer {
        let mut answers = self.expect_answers(1);
        let (of, answer) = answers.pop().expect("one");
        assert_eq!(of, id);
        answer
    }

    /// Reads the responses to `count` requests, in the order in which they end.
    #[track_caller]
    pub(super) fn expect_answers(&mut self, count: usize) -> Vec<(u16, Answer)> {
        let mut streams: std::collections::HashMap<u16, (Vec<u8>, Vec<u8>)> = Default::default();
        let mut answers = Vec::new();
        while answers.len() < count {
            let Record { kind, id, content } = self.next().expect("more of the answers");
            let (out, errors) = streams.entry(id).or_default();
            match kind {
                STDOUT => out.extend(content),
                STDERR => errors.extend(content),
                END => {
                    let out = String::from_utf8(std::mem::take(out)).expect("text");
                    let (head, body) = out.split_once("\r\n\r\n").unwrap_or((&out, ""));
                    let answer = Answer {
                        head: head.to_owned(),
                        body: body.to_owned(),
                        errors: String::from_utf8(std::mem::take(errors)).expect("text"),
                        exit: u32::from_be_bytes(content[..4].try_into().expect("four bytes")),
                        status: content[4],
                    };
                    answers.push((id, answer));
                }
                _ => panic!("no record of an answer: {kind}"),
            }
        }
        answers
    }

    /// Expects that the server closes the connection with FIN and sends nothing before.
    #[track_caller]
    pub(super) fn expect_end(&mut self) {
        assert_eq!(self.next(), None);
    }

    /// Expects that the connection ends, with FIN or with a reset, and that the server sends nothing before.
    #[track_caller]
    pub(super) fn expect_closed(&mut self) {
        self.stream.set_read_deadline(Some(Instant::now() + PATIENCE));
        let outcome = self.stream.read(&mut [0]);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(matches!(&outcome, Ok(0)) || outcome.as_ref().is_err_and(reset), "{outcome:?}");
    }
}

impl Answer {
    #[track_caller]
    pub(super) fn expect(&self, status: &str, body: &str) {
        assert!(self.head.starts_with(&format!("Status: {status}")), "{self:?}");
        assert_eq!((self.body.as_str(), self.status), (body, 0), "{self:?}");
    }
}
