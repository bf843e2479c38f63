//! A scripted FastCGI application, and upstreams whose connections end in memory.

use std::io::{Read, Write};
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use hangup::net::{DialError, Dialed, Target};
use hangup::testing::{Stream, stream_pair};
use hangup::{Context, fcgi};

/// The longest time that a test waits for an event before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const BEGIN: u8 = 1;
pub(crate) const ABORT: u8 = 2;
pub(crate) const END: u8 = 3;
pub(crate) const PARAMS: u8 = 4;
pub(crate) const STDIN: u8 = 5;
pub(crate) const STDOUT: u8 = 6;
pub(crate) const STDERR: u8 = 7;

/// A response without a body.
pub(crate) const NO_CONTENT: &[u8] = b"Status: 204\r\n\r\n";

/// The application's end of a connection.
pub(crate) struct App(pub(crate) Stream);

/// A request that an application has received.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) keep: bool,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }
}

/// Creates an upstream. Each connection that it makes arrives at the receiver.
pub(crate) fn upstream() -> (fcgi::Upstream, Receiver<App>) {
    let (sender, apps) = unbounded();
    let dialer = move |_: &Target, _: &Context| -> Result<Dialed, DialError> {
        let (near, far) = stream_pair();
        sender.send(App(far)).map_err(DialError::other)?;
        Ok(Dialed::new(near))
    };
    (fcgi::Upstream::tcp("app.test:9000").dialer(dialer), apps)
}

/// Returns the next connection.
#[track_caller]
pub(crate) fn next(apps: &Receiver<App>) -> App {
    apps.recv_timeout(PATIENCE).expect("a connection")
}

impl App {
    /// Returns the next record: its type and content. `None` at the end of the stream.
    pub(crate) fn record(&self) -> Option<(u8, Vec<u8>)> {
        let mut header = [0; 8];
        (&self.0).read_exact(&mut header).ok()?;
        let [1, kind, 0, 1, high, low, padding, 0] = header else { panic!("header {header:?}") };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let mut content = vec![0; length + usize::from(padding)];
        (&self.0).read_exact(&mut content).ok()?;
        content.truncate(length);
        Some((kind, content))
    }

    /// Reads the head of a request.
    pub(crate) fn head(&self) -> Received {
        let (kind, begin) = self.record().expect("a request");
        assert_eq!((kind, &begin[..2]), (BEGIN, &[0, 1][..]));
        let mut params = Vec::new();
        loop {
            match self.record().expect("parameters") {
                (PARAMS, content) if content.is_empty() => break,
                (PARAMS, content) => params.extend(content),
                other => panic!("{other:?} within the parameters"),
            }
        }
        Received { keep: begin[2] == 1, params: pairs(&params), body: Vec::new() }
    }

    /// Reads a whole request.
    #[track_caller]
    pub(crate) fn request(&self) -> Received {
        let mut request = self.head();
        loop {
            match self.record().expect("a body") {
                (STDIN, content) if content.is_empty() => return request,
                (STDIN, content) => request.body.extend(content),
                other => panic!("{other:?} within the body"),
            }
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) {
        (&self.0).write_all(bytes).expect("a connection");
    }

    pub(crate) fn send(&self, kind: u8, content: &[u8]) {
        self.write(&record(kind, content));
    }

    /// Ends the request.
    pub(crate) fn end(&self) {
        self.write(&end(0, 0));
    }

    /// Sends a whole response.
    pub(crate) fn answer(&self, response: &[u8]) {
        self.write(&[record(STDOUT, response), record(STDOUT, b""), end(0, 0)].concat());
    }
}

/// Encodes a record.
pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).expect("a short record").to_be_bytes();
    [&[1, kind, 0, 1, high, low, 0, 0], content].concat()
}

/// Encodes the end of a request.
pub(crate) fn end(exit: u32, status: u8) -> Vec<u8> {
    record(END, &[&exit.to_be_bytes()[..], &[status, 0, 0, 0]].concat())
}

fn pairs(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        let (name, value) = (length(&mut bytes), length(&mut bytes));
        let (pair, rest) = bytes.split_at(name + value);
        let (name, value) = pair.split_at(name);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        pairs.push((text(name), text(value)));
        bytes = rest;
    }
    pairs
}

fn length(bytes: &mut &[u8]) -> usize {
    let (length, used) = match **bytes {
        [short @ 0..128, ..] => (u32::from(short), 1),
        [a, b, c, d, ..] => (u32::from_be_bytes([a & 127, b, c, d]), 4),
        _ => panic!("incomplete pairs"),
    };
    *bytes = &bytes[used..];
    length as usize
}
