//! Steps that wait for the client.

use std::io;
use std::mem;

use super::failure::shown;
use super::peer::{End, Last, Peer, Role};
use super::received::{Framing, Received};

/// The longest head and the longest chunk line that a script reads, in bytes.
const LONGEST_HEAD: usize = 16 << 20;

impl Peer {
    /// Receives a request with its body, and checks that it begins with `pattern`.
    ///
    /// The words of `pattern` are compared with the words of the request line: `"GET"` is any GET,
    /// `"GET /a"` one of `/a`, and `"GET /a*"` one of a target that begins with `/a`. An empty pattern
    /// matches every request. [`request`](Self::request) returns the request.
    ///
    /// A client that waits for a 100 (Continue) sends no body before: see [`expect_head`](Self::expect_head).
    #[track_caller]
    pub fn expect(&mut self, pattern: &str) -> &mut Self {
        self.begin();
        self.receive_head(pattern);
        self.receive_rest();
        self
    }

    /// Receives a request as [`expect`](Self::expect) does, and returns it.
    #[track_caller]
    pub fn expect_request(&mut self, pattern: &str) -> Received {
        self.expect(pattern).request().clone()
    }

    /// Receives only the head of a request, and checks that it begins with `pattern`. The body is left to a
    /// later step, such as [`expect_body`](Self::expect_body).
    #[track_caller]
    pub fn expect_head(&mut self, pattern: &str) -> &mut Self {
        self.begin();
        self.receive_head(pattern);
        self
    }

    /// Receives the next request, whatever it is, with its body. Returns `None` if the client closes the
    /// connection instead.
    #[track_caller]
    pub fn next_request(&mut self) -> Option<Received> {
        self.begin();
        match self.next_head() {
            Ok(head) => {
                self.keep_head(&head, "");
                self.receive_rest();
                Some(self.request().clone())
            }
            Err(End::Closed) if self.buffer.is_empty() => None,
            Err(end) => self.unexpected("a request or the end of the connection", &end),
        }
    }

    /// Checks that the last request has a header with this value.
    #[track_caller]
    pub fn with_header(&mut self, name: &str, value: &str) -> &mut Self {
        self.begin();
        let request = self.request();
        if !request.headers(name).any(|one| one == value) {
            let head = shown(request.head.as_bytes());
            self.fail(format!("expected the header {name}: {value}; received {head}"));
        }
        self
    }

    /// Checks that the last request has no header of this name.
    #[track_caller]
    pub fn without_header(&mut self, name: &str) -> &mut Self {
        self.begin();
        let request = self.request();
        if request.header(name).is_some() {
            let head = shown(request.head.as_bytes());
            self.fail(format!("expected no header {name}; received {head}"));
        }
        self
    }

    /// Checks that the last request has this body. Receives the body first if only the head was received.
    #[track_caller]
    pub fn with_body(&mut self, body: impl AsRef<[u8]>) -> &mut Self {
        self.begin();
        self.receive_rest();
        let (wanted, body) = (body.as_ref(), self.request().body());
        if body != wanted {
            self.fail(format!("expected the body {}; received {}", shown(wanted), shown(body)));
        }
        self
    }

    /// Receives the rest of a request whose head was received, and returns it with its body.
    #[track_caller]
    pub fn expect_body(&mut self) -> Received {
        self.begin();
        self.receive_rest();
        self.request().clone()
    }

    /// Receives exactly `length` bytes, of a body or of another protocol, and returns them.
    #[track_caller]
    pub fn read_bytes(&mut self, length: usize) -> Vec<u8> {
        self.begin();
        self.receive_bytes(length)
    }

    /// Waits until the client closes the connection. Discards everything that it sends before.
    ///
    /// A silent server is a script of this one step. The client must close within the [limit of a
    /// step](super::Script::step_limit).
    #[track_caller]
    pub fn stay_silent(&mut self) -> &mut Self {
        self.expect_closed();
        self
    }

    /// Waits until the client closes or resets the connection, and returns the bytes that it sent before.
    #[track_caller]
    pub fn expect_closed(&mut self) -> Vec<u8> {
        self.begin();
        loop {
            match self.fill() {
                Ok(()) => {}
                Err(End::Closed) => return mem::take(&mut self.buffer),
                Err(end) => self.unexpected("the end of the connection", &end),
            }
        }
    }

    /// Waits until the client ends its side of the connection, without a reset and without sending more.
    #[track_caller]
    pub fn expect_end(&mut self) -> &mut Self {
        self.begin();
        if !self.buffer.is_empty() {
            self.fail(format!(
                "expected the end of the connection; received {}",
                shown(&self.buffer)
            ));
        }
        match self.read_more() {
            Ok(0) => self,
            Ok(_) => {
                let received = shown(&self.buffer);
                self.fail(format!("expected the end of the connection; received {received}"))
            }
            Err(error) => self.unexpected("the end of the connection", &End::Failed(error)),
        }
    }

    /// Checks that no byte of the client has arrived that no step has taken. Does not wait.
    #[track_caller]
    pub fn expect_nothing(&mut self) -> &mut Self {
        self.begin();
        if self.take_arrived() {
            self.fail(format!("expected nothing; received {}", shown(&self.buffer)));
        }
        self
    }

    #[track_caller]
    fn receive_head(&mut self, pattern: &str) {
        match self.next_head() {
            Ok(head) => self.keep_head(&head, pattern),
            Err(end) => self.unexpected(&wanted(pattern), &end),
        }
    }

    /// Reads up to the empty line, which is dropped.
    fn next_head(&mut self) -> Result<Vec<u8>, End> {
        let mut looked = 0;
        loop {
            let from = looked.min(self.buffer.len());
            let found = self.buffer[from..].windows(4).position(|bytes| bytes == b"\r\n\r\n");
            if let Some(end) = found {
                let mut head = self.take(from + end + 4);
                head.truncate(from + end);
                return Ok(head);
            }
            looked = self.buffer.len().saturating_sub(3);
            if looked > LONGEST_HEAD {
                return Err(End::Failed(io::Error::other("the head has no end")));
            }
            self.fill()?;
        }
    }

    #[track_caller]
    fn keep_head(&mut self, head: &[u8], pattern: &str) {
        let request = Received::new(self.connection(), head);
        let matches = request.matches(pattern);
        self.request = Last::Head(request);
        if !matches {
            self.fail(format!("expected {}; received {}", wanted(pattern), shown(head)));
        }
    }

    /// Receives the body of the last request, if that is still to be done.
    #[track_caller]
    fn receive_rest(&mut self) {
        let mut request = match mem::replace(&mut self.request, Last::None) {
            Last::Head(request) => request,
            last => {
                self.request = last;
                return;
            }
        };
        match request.framing() {
            Ok(Framing::Empty) => {}
            Ok(Framing::Length(length)) => request.body = self.receive_bytes(length),
            Ok(Framing::Chunked) => self.receive_chunks(&mut request),
            Err(text) => self.fail(text),
        }
        if let Role::Script(journal) = &self.role {
            journal.keep(&request);
        }
        self.request = Last::Whole(request);
    }

    #[track_caller]
    fn receive_bytes(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            if let Err(end) = self.fill() {
                self.unexpected(&format!("{length} bytes"), &end);
            }
        }
        self.take(length)
    }

    #[track_caller]
    fn receive_chunks(&mut self, request: &mut Received) {
        loop {
            let line = self.receive_line();
            let digits = line.split(';').next().unwrap_or_default().trim();
            let Ok(size) = usize::from_str_radix(digits, 16) else {
                self.fail(format!("expected the size of a chunk; received {line:?}"));
            };
            if size == 0 {
                break;
            }
            request.body.extend(self.receive_bytes(size));
            let end = self.receive_line();
            if !end.is_empty() {
                self.fail(format!("expected the end of a chunk; received {end:?}"));
            }
        }
        loop {
            match self.receive_line() {
                line if line.is_empty() => return,
                line => request.trailers += &format!("{line}\n"),
            }
        }
    }

    #[track_caller]
    fn receive_line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|bytes| bytes == b"\r\n") {
                let line = self.take(end + 2);
                return String::from_utf8_lossy(&line[..end]).into_owned();
            }
            if let Err(end) = self.fill() {
                self.unexpected("a line", &end);
            }
        }
    }
}

fn wanted(pattern: &str) -> String {
    match pattern {
        "" => "a request".to_owned(),
        pattern => format!("the request {pattern}"),
    }
}
