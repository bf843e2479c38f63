//! A server whose test accepts the connections and scripts each response:
//!
//! ```ignore
//! let mut peer = peers.accept();
//! peer.expect_request("GET /a");
//! peer.answer(200, "ok");
//! ```
//!
//! An expectation that is not met within [`PATIENCE`] fails the test. The client's part of a script runs
//! [`in_background`].

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use hangup::testing::Stream;
use hangup::{Body, ErrorKind, Result};
use socket2::{Domain, Socket, Type};

use super::{Over, PATIENCE, end, take_front};

/// The size of a socket's receive buffer in tests that fill it, in bytes.
const SMALL_BUFFER: usize = 4096;

/// A listener whose connections the test accepts.
pub(crate) struct Peers {
    listener: Socket,
    over: Over,
    /// The path of a Unix socket.
    path: Option<PathBuf>,
}

impl Peers {
    /// Listens on plain TCP.
    pub(crate) fn new() -> Self {
        Self::over(Over::Tcp)
    }

    pub(crate) fn over(over: Over) -> Self {
        Self::bound(over, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Listens on plain TCP, on every IPv6 address of this machine.
    #[cfg(target_os = "linux")]
    pub(crate) fn on_ipv6() -> Self {
        Self::bound(Over::Tcp, SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, 0)))
    }

    fn bound(over: Over, address: SocketAddr) -> Self {
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        listener.bind(&address.into()).unwrap();
        Self::listening(listener, over, None)
    }

    /// Limits the receive buffers of its connections to about 4 KiB, so that unread bytes soon block the
    /// client.
    pub(crate) fn with_small_buffers(self) -> Self {
        self.listener.set_recv_buffer_size(SMALL_BUFFER).unwrap();
        self
    }

    pub(crate) fn on_unix_socket() -> Self {
        let path = std::env::temp_dir().join(format!("hangup-client-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        Self::listening(listener.into(), Over::Tcp, Some(path))
    }

    fn listening(listener: Socket, over: Over, path: Option<PathBuf>) -> Self {
        listener.listen(128).unwrap();
        // The limit of `accept`.
        listener.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { listener, over, path }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.listener.local_addr().unwrap().as_socket().expect("TCP")
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone().expect("a Unix socket")
    }

    pub(crate) fn url(&self, path: &str) -> String {
        self.over.url(self.addr(), path)
    }

    /// Accepts the next connection.
    pub(crate) fn accept(&self) -> Peer {
        let (socket, _) = self.listener.accept().expect("the client connects");
        match self.path {
            None => Peer::over(self.over, socket).expect("the client shakes hands"),
            Some(_) => Peer::new(UnixStream::from(socket).into()),
        }
    }

    /// Accepts the next connection without a handshake, as a proxy that the client speaks to in the clear.
    pub(crate) fn accept_plain(&self) -> Peer {
        let (socket, _) = self.listener.accept().expect("the client connects");
        Peer::over(Over::Tcp, socket).expect("no handshake")
    }

    /// Checks that no other client has connected.
    pub(crate) fn expect_no_more(&self) {
        self.listener.set_nonblocking(true).unwrap();
        let more = self.listener.accept();
        self.listener.set_nonblocking(false).unwrap();
        assert!(more.is_err(), "one connection more than the test knows of");
    }

    /// Runs `script` for every connection, with its number, on a separate thread. The threads end when the
    /// client has closed all connections and the [`Served`] is dropped.
    pub(crate) fn serve(self, script: impl Fn(usize, &mut Peer) + Send + Sync + 'static) -> Served {
        let (addr, over) = (self.addr(), self.over);
        let (count, counted) = unbounded();
        let script = std::sync::Arc::new(script);
        let accepting = thread::spawn(move || {
            let mut peers = Vec::new();
            while let Ok((socket, _)) = self.listener.accept() {
                let script = std::sync::Arc::clone(&script);
                let number = peers.len();
                if count.send(number).is_err() {
                    break;
                }
                peers.push(thread::spawn(move || match Peer::over(over, socket) {
                    Ok(mut peer) => script(number, &mut peer),
                    // A client may cancel a dial.
                    Err(error) => assert_eq!(error.kind(), ErrorKind::TlsHandshake, "{error}"),
                }));
            }
            peers.into_iter().for_each(|peer| peer.join().expect("the peer's script holds"));
        });
        Served { addr, over, counted: Some(counted), accepting: Some(accepting) }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A listener that runs a script for each connection. Dropping it waits for the scripts, so drop the client
/// first.
pub(crate) struct Served {
    addr: SocketAddr,
    over: Over,
    counted: Option<Receiver<usize>>,
    accepting: Option<JoinHandle<()>>,
}

impl Served {
    pub(crate) fn url(&self, path: &str) -> String {
        self.over.url(self.addr, path)
    }

    /// Returns the number of connections accepted since the last call.
    pub(crate) fn connections(&self) -> usize {
        self.counted.as_ref().unwrap().try_iter().count()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.counted.take());
        // Another connection, which is not counted, ends the accept loop.
        let _ = TcpStream::connect(self.addr);
        let accepting = self.accepting.take().unwrap();
        if !thread::panicking() {
            accepting.join().expect("the peers' scripts hold");
        }
    }
}

/// The server's end of a connection.
pub(crate) struct Peer {
    stream: Stream,
    buffer: Vec<u8>,
}

/// A received request.
#[derive(Debug)]
pub(crate) struct Received {
    /// The start line and the headers, without the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// The lines of the trailer section.
    pub(crate) trailers: String,
}

impl Peer {
    fn over(over: Over, socket: Socket) -> Result<Self> {
        over.accept(TcpStream::from(socket).into()).map(Self::new)
    }

    fn new(stream: Stream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Returns the server's end of a connection that this one carries, as behind a proxy.
    pub(crate) fn carrying(self, over: Over) -> Self {
        assert!(self.buffer.is_empty(), "{:?}", self.buffer);
        Self::new(over.accept(self.stream).expect("the client shakes hands"))
    }

    /// Expects that the client ends the TLS handshake on this connection.
    #[cfg(feature = "tls")]
    pub(crate) fn refused_handshake(self) {
        let error = Over::Tls.accept(self.stream).expect_err("the client refuses");
        assert_eq!(error.kind(), ErrorKind::TlsHandshake, "{error}");
    }

    /// Reads a request whose head begins with `begin`.
    pub(crate) fn expect_request(&mut self, begin: &str) -> Received {
        self.next_request(begin).expect("a request before the end of the stream")
    }

    /// Reads a request whose head begins with `begin`. Returns `None` if the stream ends instead.
    pub(crate) fn next_request(&mut self, begin: &str) -> Option<Received> {
        let head = self.next_head()?;
        assert!(head.starts_with(begin), "expected {begin}, got {head}");
        let mut received = Received { head, body: Vec::new(), trailers: String::new() };
        if received.has("transfer-encoding", "chunked") {
            self.read_chunks(&mut received);
        } else if let Some(length) = received.field("content-length") {
            received.body = self.read_body(length.parse().unwrap());
        }
        Some(received)
    }

    /// Reads only the head of a request, which begins with `begin`.
    pub(crate) fn expect_head(&mut self, begin: &str) -> String {
        let head = self.next_head().expect("a request before the end of the stream");
        assert!(head.starts_with(begin), "expected {begin}, got {head}");
        head
    }

    fn next_head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = self.take(end + 4);
                return Some(String::from_utf8(head[..end].to_vec()).unwrap());
            }
            match self.fill() {
                0 if self.buffer.is_empty() => return None,
                0 => panic!("the stream ended within a head"),
                _ => {}
            }
        }
    }

    /// Reads `length` bytes.
    pub(crate) fn read_body(&mut self, length: usize) -> Vec<u8> {
        while self.buffer.len() < length {
            assert!(self.fill() > 0, "the stream ended within a body");
        }
        self.take(length)
    }

    fn read_chunks(&mut self, received: &mut Received) {
        loop {
            let size = usize::from_str_radix(&self.read_line(), 16).unwrap();
            if size == 0 {
                break;
            }
            received.body.extend(self.read_body(size));
            assert_eq!(self.read_line(), "");
        }
        loop {
            match self.read_line() {
                line if line.is_empty() => return,
                line => received.trailers += &format!("{line}\n"),
            }
        }
    }

    fn read_line(&mut self) -> String {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|bytes| bytes == b"\r\n") {
                let line = self.take(end + 2);
                return String::from_utf8(line[..end].to_vec()).unwrap();
            }
            assert!(self.fill() > 0, "the stream ended within a line");
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        take_front(&mut self.buffer, count)
    }

    fn fill(&mut self) -> usize {
        let mut piece = [0; 64 * 1024];
        self.stream.set_read_deadline(Some(Instant::now() + PATIENCE));
        let count = self.stream.read(&mut piece).unwrap_or_else(|error| match error.kind() {
            // `UnexpectedEof`: over TLS, the client could not send its close_notify.
            io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => 0,
            _ => panic!("the client sends nothing: {error}"),
        });
        self.buffer.extend_from_slice(&piece[..count]);
        count
    }

    /// Sends a response with a Content-Length.
    pub(crate) fn answer(&mut self, status: u16, body: &str) {
        let length = body.len();
        self.send(format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{body}"));
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("the client takes it");
    }

    /// Sends bytes to a client that may have closed.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.set_write_deadline(Some(Instant::now() + PATIENCE));
        self.stream.write_all(bytes.as_ref())
    }

    /// Sends each byte in a separate segment.
    pub(crate) fn send_byte_by_byte(&mut self, bytes: &str) {
        bytes.as_bytes().chunks(1).for_each(|byte| self.send(byte));
    }

    /// Waits until the client closes the connection, and returns the bytes that it sent before.
    pub(crate) fn expect_closed(&mut self) -> Vec<u8> {
        while self.fill() > 0 {}
        std::mem::take(&mut self.buffer)
    }

    /// Expects that the client closes the connection with FIN and sends nothing before.
    pub(crate) fn expect_end(&mut self) {
        assert!(self.buffer.is_empty(), "{:?}", self.buffer);
        self.stream.set_read_deadline(Some(Instant::now() + PATIENCE));
        assert_eq!(self.stream.read(&mut [0]).expect("an end in good order"), 0);
    }

    /// Checks that no bytes of the client are unread.
    pub(crate) fn expect_nothing_sent(&mut self) {
        let read = self.stream.try_read(&mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(self.buffer.is_empty(), "{:?}", self.buffer);
    }

    /// Shuts down the sending side.
    pub(crate) fn end(&mut self) {
        end(&self.stream);
    }

    /// Closes the connection with a reset.
    pub(crate) fn reset(self) {
        self.stream.reset();
    }
}

impl Received {
    /// Returns a header's value.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|pair| pair.1)
    }

    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.field(name) == Some(value)
    }
}

/// Runs a part of the script on another thread.
pub(crate) fn in_background<T: Send + 'static>(
    part: impl FnOnce() -> T + Send + 'static,
) -> Background<T> {
    let (sender, result) = bounded(1);
    let thread = thread::spawn(move || {
        let _ = sender.send(part());
    });
    Background { thread, result }
}

pub(crate) struct Background<T> {
    thread: JoinHandle<()>,
    result: Receiver<T>,
}

impl<T> Background<T> {
    /// Waits for its end and returns its result.
    pub(crate) fn finish(self) -> T {
        match self.result.recv_timeout(PATIENCE) {
            Ok(result) => {
                self.thread.join().unwrap();
                result
            }
            Err(RecvTimeoutError::Timeout) => panic!("it does not return"),
            Err(RecvTimeoutError::Disconnected) => match self.thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => unreachable!("it returned a result"),
            },
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.result.is_empty()
    }
}

/// Creates a body source that the test feeds.
pub(crate) fn fed() -> (Feeder, impl Read + Send + 'static) {
    let (pieces, source) = unbounded();
    let (asking, asked) = unbounded();
    let (alive, dropped) = bounded(0);
    let source = Fed { pieces: source, rest: Vec::new(), asking, _alive: alive };
    (Feeder { pieces: Some(pieces), asked, dropped }, source)
}

/// The test's end of such a source.
pub(crate) struct Feeder {
    pieces: Option<Sender<io::Result<Vec<u8>>>>,
    asked: Receiver<()>,
    dropped: Receiver<Infallible>,
}

struct Fed {
    pieces: Receiver<io::Result<Vec<u8>>>,
    rest: Vec<u8>,
    asking: Sender<()>,
    _alive: Sender<Infallible>,
}

impl Feeder {
    pub(crate) fn feed(&self, piece: impl Into<Vec<u8>>) {
        let _ = self.pieces.as_ref().unwrap().send(Ok(piece.into()));
    }

    pub(crate) fn fail(&self, error: &'static str) {
        let _ = self.pieces.as_ref().unwrap().send(Err(io::Error::other(error)));
    }

    /// Ends the source.
    pub(crate) fn end(&mut self) {
        self.pieces = None;
    }

    /// Waits until a read of the empty source blocks.
    pub(crate) fn wait_until_asked(&self) {
        self.asked.recv_timeout(PATIENCE).expect("the source is read");
    }

    /// Waits until the source is dropped.
    pub(crate) fn expect_dropped(&self) {
        let outcome = self.dropped.recv_timeout(PATIENCE);
        assert_eq!(outcome.unwrap_err(), RecvTimeoutError::Disconnected, "it is still there");
    }
}

impl Read for Fed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            let piece = self.pieces.try_recv().or_else(|_| {
                let _ = self.asking.send(());
                self.pieces.recv()
            });
            match piece {
                Ok(piece) => self.rest = piece?,
                Err(_) => return Ok(0),
            }
        }
        let count = self.rest.len().min(buf.len());
        buf[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

/// Creates a streamed body of `length` bytes, whose [`Feeder`] sees it dropped.
pub(crate) fn counted_body(length: u64) -> (Feeder, Body) {
    let (feeder, source) = fed();
    (feeder, Body::from_sized_reader(Endless { _held: source }, length))
}

/// A source of endless bytes that holds a [`Fed`] to report its drop.
struct Endless<R> {
    _held: R,
}

impl<R> Read for Endless<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(b'x');
        Ok(buf.len())
    }
}

/// An address that never accepts: the queue of its listener is full, so the system drops every SYN.
pub(crate) struct BlackHole {
    pub(crate) addr: SocketAddr,
    _listener: Socket,
    _queued: Vec<Socket>,
}

impl BlackHole {
    pub(crate) fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into())
    }

    pub(crate) fn v6() -> Self {
        Self::at(Ipv6Addr::LOCALHOST.into())
    }

    fn at(ip: IpAddr) -> Self {
        let any = SocketAddr::new(ip, 0);
        let listener = Socket::new(Domain::for_address(any), Type::STREAM, None).unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let addr = listener.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        // A queue of length 0 holds one or two connections.
        loop {
            let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None).unwrap();
            if socket.connect_timeout(&addr.into(), Duration::from_millis(100)).is_err() {
                return Self { addr, _listener: listener, _queued: queued };
            }
            queued.push(socket);
        }
    }
}

/// Waits until `condition` holds, by polling: nothing signals it.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never happens: {what}");
        thread::park_timeout(Duration::from_millis(1));
    }
}
