//! One client connection under every order of its parties: the caller, the reader loop, the writer
//! loop, and a peer that follows a script over a stream in memory.
//!
//! A run ends when all of its threads have ended, so that a loop which outlives its connection, or a
//! caller who is never told, is a deadlock and fails.

use std::io::{self, Read, Write};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::Method;

use super::{
    Answer, AnswerBody, Conn, ConnConfig, ExchangeId, Failure, Outgoing, OutgoingFraming, Owner,
    Withhold,
};
use crate::body::Body;
use crate::client::options::CallOptions;
use crate::client::route::Route;
use crate::context::Context;
use crate::error::{Error, ErrorKind, TimeLimit};
use crate::h1::CloseReason;
use crate::net::{Addr, Dialed, Hangup, Stream, memory};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::channel::bounded;
use crate::sync::explore::{Limits, any, explore, perhaps};
use crate::sync::{Condvar, JoinHandle, Mutex, spawn};

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(name, None, body).expect("there is always room")
}

/// A pool with room for one connection, that writes down what becomes of it.
#[derive(Default)]
struct Keeper {
    book: Mutex<Book>,
    /// Goes with `book`. Predicates: the connection is idle, has been closed.
    changed: Condvar,
}

#[derive(Default)]
struct Book {
    idle: Option<Conn>,
    given_back: usize,
    closed: usize,
}

impl Owner for Keeper {
    fn put_back(&self, conn: &Conn) -> bool {
        let mut book = self.book.lock();
        book.given_back += 1;
        let before = book.idle.replace(conn.clone());
        assert!(before.is_none(), "given back twice");
        drop(book);
        self.changed.notify_all();
        // As the pool does: it may have been closed on its way.
        if conn.is_closed() {
            self.book.lock().idle = None;
        }
        true
    }

    fn closed(&self, _: &Conn) {
        let mut book = self.book.lock();
        book.closed += 1;
        book.idle = None;
        self.changed.notify_all();
    }
}

/// A connection, its owner, and the peer's end of it.
struct Scene {
    keeper: Arc<Keeper>,
    conn: Conn,
}

impl Scene {
    /// Connects to a peer that follows `script`, and then waits for the client to close.
    fn with(
        capacity: usize,
        script: impl FnOnce(&mut Peer) -> io::Result<()> + Send + 'static,
    ) -> (Self, JoinHandle<()>) {
        Self::with_idle_timeout(None, capacity, script)
    }

    fn with_idle_timeout(
        idle_timeout: Option<Duration>,
        capacity: usize,
        script: impl FnOnce(&mut Peer) -> io::Result<()> + Send + 'static,
    ) -> (Self, JoinHandle<()>) {
        let (near, far) = memory::pair_with_capacity(capacity);
        let keeper = Arc::new(Keeper::default());
        let dialed = Dialed {
            stream: near,
            remote: Addr::Memory,
            resolved_in: Duration::ZERO,
            connected_in: Duration::ZERO,
        };
        let owner: Weak<dyn Owner> = Arc::<Keeper>::downgrade(&keeper);
        let config = ConnConfig {
            route: Route::of_model(),
            secured_in: Duration::ZERO,
            owner,
            idle_timeout,
            response_limits: crate::h1::Limits { max_bytes: 4096, max_fields: 1000 },
        };
        let conn = Conn::start(dialed, config).expect("there is always room");
        let peer = start("peer", move || {
            let mut peer = Peer { stream: far, seen: Vec::new() };
            // The client may close first.
            if script(&mut peer).is_ok() {
                let _ = peer.stream.wait_hangup(Hangup::EndOfStream);
            }
        });
        (Self { keeper, conn }, peer)
    }

    /// Uses the connection for a call, if it can be used.
    fn call(&self, outgoing: Outgoing, options: &CallOptions) -> Option<Result<Answer, Failure>> {
        let conn = match self.given_back() {
            0 => self.conn.clone(),
            _ => self.keeper.book.lock().idle.take()?,
        };
        let id = conn.begin()?;
        Some(conn.round_trip(id, outgoing, options))
    }

    /// Waits until the connection is idle and takes it into use; `None` if it was closed instead.
    fn begin_next(&self) -> Option<ExchangeId> {
        let mut book = self.keeper.book.lock();
        loop {
            if let Some(conn) = book.idle.take() {
                drop(book);
                return conn.begin();
            }
            if book.closed > 0 {
                return None;
            }
            self.keeper.changed.wait(&mut book);
        }
    }

    fn given_back(&self) -> usize {
        self.keeper.book.lock().given_back
    }

    /// Closes the connection if it is still open. Its owner is told once, and how often it was given
    /// back is the answer.
    fn end(self) -> usize {
        self.conn.close(Error::new(ErrorKind::Closed), CloseReason::ShuttingDown);
        assert!(self.conn.is_closed());
        let mut book = self.keeper.book.lock();
        while book.closed == 0 {
            self.keeper.changed.wait(&mut book);
        }
        assert_eq!(book.closed, 1);
        book.given_back
    }
}

/// The other end, which knows no HTTP.
struct Peer {
    stream: Stream,
    /// What has come and was not expected yet.
    seen: Vec<u8>,
}

impl Peer {
    /// Reads until `end` has come.
    fn expect(&mut self, end: &[u8]) -> io::Result<()> {
        while !self.seen.windows(end.len()).any(|piece| piece == end) {
            let mut piece = [0; 64];
            match { &self.stream }.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.seen.extend_from_slice(&piece[..count]),
            }
        }
        let place = self.seen.windows(end.len()).position(|piece| piece == end);
        self.seen.drain(..place.expect("it is there") + end.len());
        Ok(())
    }

    /// Writes in pieces.
    fn say(&mut self, text: &str) -> io::Result<()> {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let cut = if perhaps() { rest.len() } else { 1 + any(rest.len()) };
            let (piece, behind) = rest.split_at(cut);
            { &self.stream }.write_all(piece)?;
            rest = behind;
        }
        Ok(())
    }
}

/// A request body that is produced while it is sent, and counts that it was dropped.
struct Source {
    pieces: usize,
    dropped: Arc<AtomicUsize>,
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.pieces == 0 {
            return Ok(0);
        }
        self.pieces -= 1;
        let count = buf.len().min(10);
        buf[..count].fill(b'x');
        Ok(count)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn get() -> Outgoing {
    Outgoing {
        method: Method::GET,
        head: b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        body: Body::empty(),
        framing: OutgoingFraming::Unsaid,
        closes: false,
        expect: None,
    }
}

fn upload(pieces: usize, dropped: &Arc<AtomicUsize>) -> Outgoing {
    Outgoing {
        method: Method::PUT,
        head: b"PUT / HTTP/1.1\r\n\r\n".to_vec(),
        body: Body::from_reader(Source { pieces, dropped: Arc::clone(dropped) }),
        framing: OutgoingFraming::Chunked,
        closes: false,
        expect: None,
    }
}

/// By whichever of the ways: a limit for sending asks for the full one, and this one never comes.
fn options() -> CallOptions {
    CallOptions { send: perhaps().then_some(Duration::MAX), ..CallOptions::default() }
}

fn under(context: &Context) -> CallOptions {
    CallOptions { context: Some(context.clone()), ..options() }
}

/// The whole body as text; an error if it was cut short.
fn read(answer: Answer) -> io::Result<String> {
    let AnswerBody::Body(mut body) = answer.body else { panic!("it stays HTTP") };
    let mut text = String::new();
    body.read_to_string(&mut text).map(|_| text)
}

const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Two calls in turn over a connection whose peer is in order: the second finds it again, and sees
/// its own answer.
#[test]
fn a_connection_serves_one_call_after_another() {
    explore(800, Limits::Never, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))?;
            peer.expect(b"\r\n0\r\n\r\n")?;
            peer.say(&format!("HTTP/1.1 100 Continue\r\n\r\n{CHUNKED}3\r\ntwo\r\n0\r\n\r\n"))?;
            peer.expect(b"\r\n\r\n")?;
            peer.say("HTTP/1.1 204 No Content\r\n\r\n")
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let options = options();
        let calls = [(get(), "one"), (upload(2, &dropped), "two"), (get(), "")];
        for (outgoing, expected) in calls {
            let answer = scene.call(outgoing, &options).expect("it is there at once");
            let answer = answer.unwrap_or_else(|failure| panic!("{:?}", failure.error));
            assert_eq!(read(answer).expect("it is whole"), expected);
        }
        // The last answer has no body to come to the end of: its caller may be ahead of the pool.
        assert!(scene.end() >= 2);
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        peer.join().expect("it does not panic");
    });
}

/// The peer answers while the request is still being written, and reads no more of it: the caller has
/// its answer, the connection is not used again, the source is let go.
#[test]
fn an_early_answer_is_delivered_and_ends_the_connection() {
    explore(1200, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(64, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let outcome = scene.call(upload(100, &dropped), &options());
        let answer = outcome.expect("it is fresh");
        let answer = answer.unwrap_or_else(|failure| panic!("{:?}", failure.error));
        if perhaps() {
            assert_eq!(read(answer).expect("it is whole"), "one");
        } else {
            drop(answer);
        }
        // Nothing else closes it: the answer's end, or its being dropped, does.
        peer.join().expect("it does not panic");
        assert_eq!(scene.end(), 0);
    });
}

/// A request whose end and answer cross: whether the connection is used again or not, what the next
/// call on it sees is its own answer.
#[test]
fn an_answer_that_crosses_the_end_of_its_request() {
    explore(1200, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(40, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))?;
            peer.expect(b"\r\n0\r\n\r\n")?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let outcome = scene.call(upload(3, &dropped), &options());
        let answer = outcome.expect("it is fresh").unwrap_or_else(|f| panic!("{:?}", f.error));
        assert_eq!(read(answer).expect("it is whole"), "one");
        if scene.given_back() == 1 {
            assert_eq!(dropped.load(Ordering::SeqCst), 1, "it has been sent");
            if let Some(outcome) = scene.call(get(), &options()) {
                let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
                assert_eq!(read(answer).expect("it is whole"), "two");
            }
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// The peer goes away at any moment of a call: the caller returns, with a whole answer or an error.
#[test]
fn the_peer_closes_at_any_moment() {
    explore(1500, Limits::AnyMoment, || {
        let (early, resets) = (any(3), perhaps());
        let (scene, peer) = Scene::with(48, move |peer| {
            if early > 0 {
                peer.expect(b"\r\n\r\n")?;
            }
            if early > 1 {
                let answer = format!("{CHUNKED}3\r\none\r\n0\r\n\r\n");
                peer.say(&answer[..1 + any(answer.len())])?;
            }
            match resets {
                true => peer.stream.reset(),
                false => peer.stream.close(),
            }
            Ok(())
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let uploads = perhaps();
        let outgoing = if uploads { upload(any(8), &dropped) } else { get() };
        if let Some(Ok(answer)) = scene.call(outgoing, &options()) {
            if perhaps() {
                let text = read(answer);
                assert!(text.is_err() || text.is_ok_and(|text| text == "one"));
            } else {
                drop(answer);
            }
        }
        assert!(scene.end() <= 1);
        peer.join().expect("it does not panic");
    });
}

/// The call is cancelled at any moment: the caller returns, and the connection is either clean or
/// closed.
#[test]
fn a_call_is_cancelled_at_any_moment() {
    explore(1500, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(64, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n"))?;
            peer.expect(b"0\r\n\r\n")?;
            peer.say("0\r\n\r\n")?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let context = Context::new();
        let canceller = context.clone();
        let cancels = start("cancels", move || canceller.cancel());
        match scene.call(upload(3, &dropped), &under(&context)).expect("it is fresh") {
            Ok(answer) => match read(answer) {
                Ok(text) => assert_eq!(text, "one"),
                Err(error) => assert!(Error::from(error).is_cancelled()),
            },
            Err(failure) => assert!(failure.error.is_cancelled(), "{:?}", failure.error),
        }
        // The next call has a context of its own, and is not touched by the end of the first.
        if scene.given_back() == 1 {
            let outcome = scene.call(get(), &under(&Context::new()));
            if let Some(Ok(answer)) = outcome {
                assert_eq!(read(answer).expect("it is whole"), "two");
            } else {
                assert!(scene.conn.is_closed());
            }
        }
        scene.end();
        cancels.join().expect("it does not panic");
        peer.join().expect("it does not panic");
    });
}

/// A call that has ended well is not the next one's: cancelling it late closes nothing.
#[test]
fn a_late_cancel_does_not_end_the_next_call() {
    explore(1500, Limits::Never, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n0\r\n\r\n"))?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let context = Context::new();
        let outcome = scene.call(get(), &under(&context)).expect("it is fresh");
        let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
        assert_eq!(read(answer).expect("it is whole"), "one");
        let late = context.clone();
        let cancels = start("cancels", move || late.cancel());
        let outcome = scene.call(get(), &options()).expect("it is there at once");
        let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
        assert_eq!(read(answer).expect("it is whole"), "two");
        scene.end();
        cancels.join().expect("it does not panic");
        peer.join().expect("it does not panic");
    });
}

/// One call is cancelled at any moment, while another waits for its connection: once the other has
/// begun, it is not touched.
#[test]
fn a_cancelled_call_does_not_take_the_next_along() {
    explore(3000, Limits::Never, || {
        let first = [format!("{LENGTH}one"), format!("{CHUNKED}3\r\none\r\n0\r\n\r\n")];
        let first = first[any(2)].clone();
        let (scene, peer) = Scene::with(256, move |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&first)?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let context = Context::new();
        let (canceller, conn) = (context.clone(), scene.conn.clone());
        let cancels = start("cancels", move || canceller.cancel());
        let one = start("one", move || {
            let id = conn.begin().expect("it is fresh");
            if let Ok(answer) = conn.round_trip(id, get(), &under(&context)) {
                let text = read(answer);
                assert!(text.is_err() || text.is_ok_and(|text| text == "one"));
            }
        });
        if let Some(id) = scene.begin_next() {
            let outcome = scene.conn.round_trip(id, get(), &options());
            let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
            assert_eq!(read(answer).expect("it is whole"), "two");
        }
        for thread in [cancels, one] {
            thread.join().expect("it does not panic");
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// A connection becomes too old while it is taken into use: either it is closed before, or it serves.
#[test]
fn an_idle_connection_ends_before_a_call_or_after() {
    explore(1500, Limits::AnyMoment, || {
        let limit = Some(Duration::from_secs(90));
        let (scene, peer) = Scene::with_idle_timeout(limit, 256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))
        });
        if let Some(outcome) = scene.call(get(), &options()) {
            let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
            assert_eq!(read(answer).expect("it is whole"), "one");
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// A body that is dropped unread: what is left is drained, or the connection closed; the next call
/// sees nothing of it.
#[test]
fn a_dropped_body_leaves_nothing_behind() {
    explore(1500, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n3\r\none\r\n0\r\n\r\n"))?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let outcome = scene.call(get(), &options()).expect("it is fresh");
        let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
        drop(answer);
        if scene.given_back() == 1 {
            let outcome = scene.call(get(), &options());
            let answer = outcome.map(|outcome| outcome.unwrap_or_else(|f| panic!("{:?}", f.error)));
            if let Some(answer) = answer {
                assert_eq!(read(answer).expect("it is whole"), "two");
            }
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// The writer loop sets the deadline for the head of its own answer: not for that answer's body, nor for
/// the next call, however late it is.
#[test]
fn a_late_writer_sets_no_deadline_but_its_own() {
    explore(1500, Limits::AnyMoment, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(CHUNKED)?;
            peer.expect(b"0\r\n\r\n")?;
            peer.say("3\r\none\r\n0\r\n\r\n")?;
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}two"))
        });
        let due = |limit| CallOptions { response_head: Some(limit), ..CallOptions::default() };
        let dropped = Arc::new(AtomicUsize::new(0));
        let outcome = scene.call(upload(1, &dropped), &due(Duration::from_secs(1)));
        match outcome.expect("it is fresh") {
            Ok(answer) => assert_eq!(read(answer).expect("it has no limit"), "one"),
            Err(Failure { error, .. }) => {
                assert_eq!(error.timed_out(), Some(TimeLimit::ResponseHead), "{error}");
            }
        }
        // The second looks at deadlines, and never comes to one of its own.
        if scene.given_back() == 1
            && let Some(outcome) = scene.call(get(), &due(Duration::MAX))
        {
            let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
            assert_eq!(read(answer).expect("it is whole"), "two");
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// A body that is withheld for a 100: released by it, by the options's end, or not sent at all.
#[test]
fn a_withheld_body_is_sent_or_let_go() {
    explore(1500, Limits::AnyMoment, || {
        let (continues, final_answer) = (perhaps(), perhaps());
        let (scene, peer) = Scene::with(64, move |peer| {
            peer.expect(b"\r\n\r\n")?;
            if continues {
                peer.say("HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            if !final_answer {
                peer.expect(b"\r\n0\r\n\r\n")?;
            }
            peer.say(&format!("{LENGTH}one"))
        });
        let dropped = Arc::new(AtomicUsize::new(0));
        let mut outgoing = upload(3, &dropped);
        let (give_back, given_back) = bounded(1);
        outgoing.expect = Some(Box::new(Withhold { limit: Duration::from_secs(1), give_back }));
        let outcome = scene.call(outgoing, &options()).expect("it is fresh");
        let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
        assert_eq!(read(answer).expect("it is whole"), "one");
        // It comes back, or its sending has begun: this wait always ends.
        if let Ok(body) = given_back.recv() {
            assert!(final_answer && dropped.load(Ordering::SeqCst) == 0);
            drop(body);
            assert_eq!(dropped.load(Ordering::SeqCst), 1);
        }
        scene.end();
        peer.join().expect("it does not panic");
    });
}

/// The connection is closed while its caller holds the answer's body, and reads none of it: both loops
/// end all the same.
#[test]
fn the_loops_do_not_wait_for_a_body_that_is_held() {
    explore(1500, Limits::Never, || {
        let (scene, peer) = Scene::with(64, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{CHUNKED}3\r\none\r\n"))
        });
        let (cancelled, uploads) = (perhaps(), perhaps());
        let dropped = Arc::new(AtomicUsize::new(0));
        let outgoing = if uploads { upload(100, &dropped) } else { get() };
        let context = Context::new();
        let outcome = scene.call(outgoing, &under(&context)).expect("it is fresh");
        let answer = outcome.unwrap_or_else(|failure| panic!("{:?}", failure.error));
        match cancelled {
            true => context.cancel(),
            false => scene.conn.close(Error::new(ErrorKind::Closed), CloseReason::ShuttingDown),
        }
        // Of the handles on the connection the scene's and the body's are left.
        while Arc::strong_count(&scene.conn.0) > 2 {
            shuttle::thread::yield_now();
        }
        assert_eq!(dropped.load(Ordering::SeqCst), usize::from(uploads));
        assert!(read(answer).is_err(), "it never looks whole");
        assert_eq!(scene.end(), 0);
        peer.join().expect("it does not panic");
    });
}

/// Two close it while it is given back: its owner hears of both, and of the end once and last.
#[test]
fn closing_crosses_giving_back() {
    explore(1500, Limits::Never, || {
        let (scene, peer) = Scene::with(256, |peer| {
            peer.expect(b"\r\n\r\n")?;
            peer.say(&format!("{LENGTH}one"))
        });
        let conn = scene.conn.clone();
        let closes = start("closes", move || {
            conn.close(Error::new(ErrorKind::Closed), CloseReason::ShuttingDown);
        });
        if let Some(Ok(answer)) = scene.call(get(), &options()) {
            let text = read(answer);
            assert!(text.is_err() || text.is_ok_and(|text| text == "one"));
        }
        closes.join().expect("it does not panic");
        assert!(scene.end() <= 1);
        peer.join().expect("it does not panic");
    });
}
