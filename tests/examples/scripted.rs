//! A server that says what its script says, a connection an answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::programs::PATIENCE;

pub(crate) struct Scripted {
    pub(crate) url: String,
    requests: Receiver<String>,
}

impl Scripted {
    /// Answers one connection after the other, and closes each. A `{url}` in an answer becomes the
    /// server's own, `{host}` its host and port.
    pub(crate) fn new(answers: &[&str]) -> Self {
        Self::of_bytes(answers.iter().map(|answer| answer.as_bytes().to_owned()).collect())
    }

    /// As [`new`](Self::new), with answers that are not text.
    pub(crate) fn of_bytes(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let host = listener.local_addr().expect("its address").to_string();
        let url = format!("http://{host}");
        let (seen, requests) = channel();
        let answers: Vec<_> = answers.iter().map(|answer| finished(answer, &host)).collect();
        thread::spawn(move || {
            for answer in answers {
                let Ok((stream, _)) = listener.accept() else { return };
                serve(&stream, &answer, |request| _ = seen.send(request));
            }
        });
        Self { url, requests }
    }

    /// The next request, head and body.
    pub(crate) fn request(&self) -> String {
        self.requests.recv_timeout(PATIENCE).expect("a request")
    }

    /// Returns the requests that the test has not taken.
    #[cfg(feature = "tls")] // Only the comparison with curl asks.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }

    /// Returns `true` if the test has taken every request.
    pub(crate) fn is_silent(&self) -> bool {
        self.requests.try_recv().is_err()
    }
}

/// The answer as it is sent. It says that the connection ends, so that no request is sent on one that is
/// about to be closed.
fn finished(answer: &[u8], host: &str) -> Vec<u8> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.unwrap_or(0));
    let head = String::from_utf8_lossy(head).replace("{url}", "http://{host}");
    let close = if end.is_some() { "\r\nConnection: close" } else { "" };
    [head.replace("{host}", host).as_bytes(), close.as_bytes(), body].concat()
}

/// Takes a request and answers it. The test has the request before the client has the answer.
fn serve(mut stream: &TcpStream, answer: &[u8], see: impl FnOnce(String)) {
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let mut reader = BufReader::new(stream);
    see(read_request(&mut reader));
    let _ = stream.write_all(answer);
}

/// A request as it is on the wire. A body that the client withholds is not waited for.
fn read_request(reader: &mut impl BufRead) -> String {
    let mut request = Vec::new();
    let mut line = |request: &mut Vec<u8>| {
        reader.read_until(b'\n', request).ok().filter(|count| *count > 0).is_some()
    };
    while !request.ends_with(b"\r\n\r\n") && line(&mut request) {}
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let withheld = head.contains("\r\nexpect: 100-continue\r\n");
    if head.contains("\r\ntransfer-encoding: chunked\r\n") && !withheld {
        while !request.ends_with(b"\r\n0\r\n\r\n") && line(&mut request) {}
    }
    if let Some((_, rest)) = head.split_once("\r\ncontent-length: ").filter(|_| !withheld) {
        let length = rest.lines().next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let _ = reader.take(length).read_to_end(&mut request);
    }
    String::from_utf8_lossy(&request).into_owned()
}
