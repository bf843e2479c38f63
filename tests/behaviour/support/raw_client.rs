//! A client that sends exactly the bytes of a script.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::time::Instant;

use hangup::testing::{Stream, TestServer};

use super::{Over, PATIENCE, end, take_front};

/// One connection to a server. A method that expects something of the server fails the test after
/// [`PATIENCE`].
pub(crate) struct RawClient {
    stream: Stream,
    /// Bytes that have arrived and that no expectation has consumed.
    received: Vec<u8>,
}

/// A parsed response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
    /// The trailer section as received.
    pub(crate) trailers: String,
}

impl RawClient {
    /// Connects over plain TCP.
    pub(crate) fn connect(server: &TestServer) -> Self {
        Over::Tcp.connect(server)
    }

    pub(crate) fn over(stream: Stream) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.set_write_deadline(Some(Instant::now() + PATIENCE));
        self.stream.write_all(bytes.as_ref()).expect("a server that reads");
        self
    }

    /// Sends bytes that the server may leave unread.
    pub(crate) fn send_in_vain(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.set_write_deadline(Some(Instant::now() + PATIENCE));
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Shuts down the sending side.
    pub(crate) fn half_close(&mut self) -> &mut Self {
        end(&self.stream);
        self
    }

    /// Closes the connection with FIN. Reads first what has arrived: unread bytes would cause a reset, and
    /// TLS sends some unasked. Fails the test if the server sends without end: [`reset`](Self::reset) is for
    /// those.
    #[track_caller]
    pub(crate) fn close(self) {
        let mut left = 1 << 20;
        while let Ok(count @ 1..) = self.stream.try_read(&mut [0; 1024]) {
            left = usize::checked_sub(left, count).expect("at most 1 MiB to read before a FIN");
        }
    }

    /// Closes the connection with a reset.
    pub(crate) fn reset(self) {
        self.stream.reset();
    }

    /// Reads the next response, to a request that was not HEAD, with its body.
    #[track_caller]
    pub(crate) fn expect_response(&mut self) -> Answer {
        let mut answer = self.expect_head();
        let bodiless = answer.status < 200 || matches!(answer.status, 204 | 304);
        if bodiless {
            return answer;
        }
        if answer.field("transfer-encoding") == Some("chunked") {
            (answer.body, answer.trailers) = self.expect_chunks();
        } else if let Some(length) = answer.field("content-length") {
            answer.body = self.expect_bytes(length.parse().expect("a number"));
        } else {
            answer.body = self.rest();
        }
        answer
    }

    /// Reads the next response, checks its status, and returns its body.
    #[track_caller]
    pub(crate) fn expect(&mut self, status: u16) -> String {
        let answer = self.expect_response();
        assert_eq!(answer.status, status, "{answer:?}");
        answer.text()
    }

    /// Reads the head of the next response. A response to HEAD has nothing else.
    #[track_caller]
    pub(crate) fn expect_head(&mut self) -> Answer {
        self.head_before_end().expect("more of an answer")
    }

    /// Reads the head of the next response. Returns `None` if the connection ends before.
    #[track_caller]
    pub(crate) fn head_before_end(&mut self) -> Option<Answer> {
        let head = match self.through(b"\r\n\r\n") {
            Ok(head) => head,
            Err(error) => match error.kind() {
                ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => return None,
                _ => panic!("more of an answer: {error}"),
            },
        };
        let head = String::from_utf8(head).expect("a head in ASCII");
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|digits| digits.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {head:?}"));
        Some(Answer { status, head, body: Vec::new(), trailers: String::new() })
    }

    #[track_caller]
    fn expect_chunks(&mut self) -> (Vec<u8>, String) {
        let mut body = Vec::new();
        loop {
            let chunk = self.expect_chunk();
            if chunk.is_empty() {
                break;
            }
            body.extend(chunk);
        }
        let mut trailers = String::new();
        loop {
            let line = self.expect_through(b"\r\n");
            if line == b"\r\n" {
                return (body, trailers);
            }
            trailers.push_str(std::str::from_utf8(&line).expect("a trailer in ASCII"));
        }
    }

    /// Reads one chunk. Of the last chunk, which is empty, it reads only the size line.
    #[track_caller]
    pub(crate) fn expect_chunk(&mut self) -> Vec<u8> {
        let line = self.expect_through(b"\r\n");
        let digits = std::str::from_utf8(&line[..line.len() - 2]).expect("ASCII");
        let size = usize::from_str_radix(digits, 16).expect("a chunk's size");
        if size == 0 {
            return Vec::new();
        }
        let mut chunk = self.expect_bytes(size + 2);
        assert_eq!(chunk.split_off(size), b"\r\n");
        chunk
    }

    /// Reads bytes, which must be those of `text`.
    #[track_caller]
    pub(crate) fn expect_text(&mut self, text: &str) -> &mut Self {
        let came = self.expect_bytes(text.len());
        assert_eq!(String::from_utf8_lossy(&came), text);
        self
    }

    #[track_caller]
    pub(crate) fn expect_bytes(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(self.receive().expect("more of an answer") > 0, "cut short: {self:?}");
        }
        take_front(&mut self.received, count)
    }

    #[track_caller]
    fn expect_through(&mut self, mark: &[u8]) -> Vec<u8> {
        self.through(mark).expect("more of an answer")
    }

    #[track_caller]
    fn through(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        let last = *mark.last().expect("a mark");
        let mut looked_at = 0;
        loop {
            // The search of `skip_until` is fast also without optimisation.
            while looked_at < self.received.len() {
                looked_at += (&self.received[looked_at..]).skip_until(last).expect("memory");
                if self.received[..looked_at].ends_with(mark) {
                    return Ok(take_front(&mut self.received, looked_at));
                }
            }
            if self.receive()? == 0 {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("behind {self:?}")));
            }
        }
    }

    /// Expects that the server closes the connection with FIN and sends nothing before.
    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Reads everything until the server closes the connection with FIN.
    #[track_caller]
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.receive().expect("an end in good order") > 0 {}
        std::mem::take(&mut self.received)
    }

    /// Expects that the server resets the connection. It may send bytes before.
    #[track_caller]
    pub(crate) fn expect_reset(&mut self) {
        let error = loop {
            match self.receive() {
                Ok(0) => panic!("it ended in good order: {self:?}"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{self:?}");
    }

    /// Expects that the connection ends, with FIN or with a reset, and that the server sends nothing before.
    #[track_caller]
    pub(crate) fn expect_silence_to_the_end(&mut self) {
        match self.receive() {
            Ok(0) => {}
            Ok(_) => panic!("it said {self:?}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        assert!(self.received.is_empty(), "it said {self:?}");
    }

    /// Returns the bytes of one read, so that a test can see which bytes were sent together.
    pub(crate) fn read_once(&mut self) -> String {
        let before = self.received.len();
        self.receive().expect("something to read");
        let came = self.received.split_off(before);
        String::from_utf8_lossy(&came).into_owned()
    }

    fn receive(&mut self) -> io::Result<usize> {
        self.stream.set_read_deadline(Some(Instant::now() + PATIENCE));
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer)?;
        self.received.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

impl std::fmt::Debug for RawClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.received))
    }
}

impl Answer {
    /// Returns a header's value. The test fails if the name occurs twice.
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let fields = self.fields(name);
        assert!(fields.len() < 2, "{name} is there {} times: {}", fields.len(), self.head);
        fields.first().copied()
    }

    pub(crate) fn fields(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let named = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body in UTF-8")
    }
}
