//! The client's side of the tour, with a function for each step.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use hangup::http::StatusCode;
use hangup::http::header::{CONNECTION, UPGRADE};
use hangup::{Body, Context, ResponseExt};

use crate::Tour;
use crate::story::{Chapter, Told, check};

type Step = fn(&Tour, &Chapter) -> Told;

pub(crate) const ALL: &[(&str, Step)] = &[
    ("A plain GET", plain_get),
    ("Keep-alive: the connection is reused", keep_alive),
    ("A body that streams in both directions at once", streaming),
    ("An early response to an upload in progress", early_answer),
    ("A blocked call is cancelled from another thread", cancelled_call),
    ("A handler learns that its client has gone", client_gone),
    ("A hijacked connection carries another protocol", hijacked),
    #[cfg(feature = "tls")]
    ("A GET over TLS, and a resumed session", crate::tls::encrypted),
    ("Graceful shutdown", graceful_shutdown),
];

/// The longest wait for an expected event. It normally takes far less.
const SOON: Duration = Duration::from_secs(5);

const MIB: u64 = 1 << 20;

fn plain_get(tour: &Tour, chapter: &Chapter) -> Told {
    let mut response = tour.client.get(tour.at("/hello")).send()?;
    let text = response.body_mut().read_text(1024)?;
    chapter.tell(format_args!("{} {text:?}", response.status()));
    check!(response.status() == StatusCode::OK, "the status is not 200");
    check!(text == "hello, stranger", "the text is not the handler's");
    check!(!response.is_connection_reused(), "a connection was reused, but there was none");
    Ok(())
}

fn keep_alive(tour: &Tour, chapter: &Chapter) -> Told {
    for _ in 0..3 {
        let mut response = tour.client.get(tour.at("/hello")).send()?;
        response.body_mut().read_text(1024)?;
        let from = response.local_addr().ok_or("the response has no connection")?;
        chapter.tell(format_args!("{} to {from} again", response.status()));
        check!(response.is_connection_reused(), "the response came over a new connection");
    }
    check!(tour.client.idle_connections() == 1, "the one connection is not idle");
    Ok(())
}

fn streaming(tour: &Tour, chapter: &Chapter) -> Told {
    const LENGTH: u64 = 32 * MIB;
    let (zeros, taken, _) = zeros();
    let body = Body::from_reader(zeros.take(LENGTH));
    let mut response = tour.client.post(tour.at("/echo")).body(body).send()?;
    let sent = taken.load(Ordering::Relaxed);
    chapter.tell(format_args!(
        "the response begins, with {} MiB still to send",
        (LENGTH - sent) / MIB
    ));
    check!(sent < LENGTH, "the response came after the whole upload");
    let received = io::copy(response.body_mut(), &mut io::sink())?;
    chapter.tell(format_args!("{} MiB were sent and received", received / MIB));
    check!(received == LENGTH, "{received} bytes came back, not {LENGTH}");
    Ok(())
}

fn early_answer(tour: &Tour, chapter: &Chapter) -> Told {
    const LENGTH: u64 = 1024 * MIB;
    let (zeros, taken, held) = zeros();
    let body = Body::from_sized_reader(zeros, LENGTH);
    let mut response = tour.client.post(tour.at("/forbidden")).body(body).send()?;
    let text = response.body_mut().read_text(1024)?;
    let sent = taken.load(Ordering::Relaxed);
    chapter.tell(format_args!(
        "{} {text:?}, after {} KiB of 1 GiB",
        response.status(),
        sent / 1024,
    ));
    check!(response.status() == StatusCode::FORBIDDEN, "the status is not 403");
    check!(sent < LENGTH, "the response came after the whole upload");
    check!(
        held.recv_timeout(SOON).is_err_and(|error| error.is_disconnected()),
        "the body's source was not dropped"
    );
    chapter.tell("the writer has stopped and dropped the body's source");
    // A connection in the middle of a request cannot carry another one.
    let next = tour.client.get(tour.at("/hello")).send()?;
    check!(!next.is_connection_reused(), "a connection in the middle of a request was reused");
    chapter.tell("the next request used a new connection");
    Ok(())
}

fn cancelled_call(tour: &Tour, chapter: &Chapter) -> Told {
    let call = Context::new();
    let (outcome, late) = thread::scope(|scope| {
        let canceller = scope.spawn(|| {
            let _ = tour.backstage.entered.recv_timeout(SOON);
            chapter.tell("the handler runs, and the caller is blocked");
            let now = Instant::now();
            call.cancel_with("no longer needed");
            now
        });
        let outcome = tour.client.get(tour.at("/forever")).context(&call).send();
        let returned = Instant::now();
        let cancelled = canceller.join().map_err(|_| "the cancelling thread panicked")?;
        Ok::<_, &str>((outcome, returned.saturating_duration_since(cancelled)))
    })?;
    let Err(error) = outcome else { return Err("the call returned a response".into()) };
    chapter.tell(format_args!("the call returned after {} µs: {error}", late.as_micros()));
    check!(error.is_cancelled(), "the error is another one");
    check!(late < Duration::from_millis(100), "it took too long");
    tour.backstage.noticed.recv_timeout(SOON).map_err(|_| "the handler still waits")?;
    chapter.tell("the handler's context ended too");
    Ok(())
}

fn client_gone(tour: &Tour, chapter: &Chapter) -> Told {
    let mut client = TcpStream::connect(tour.authority())?;
    client.write_all(b"GET /forever HTTP/1.1\r\nHost: tour\r\n\r\n")?;
    tour.backstage.entered.recv_timeout(SOON).map_err(|_| "the handler has not begun")?;
    chapter.tell("a client sends its request and closes its connection");
    let gone = Instant::now();
    drop(client);
    let worked =
        tour.backstage.noticed.recv_timeout(SOON).map_err(|_| "the handler did not notice")?;
    chapter.tell(format_args!(
        "the handler noticed after {} µs, having run for {} µs",
        gone.elapsed().as_micros(),
        worked.as_micros(),
    ));
    Ok(())
}

fn hijacked(tour: &Tour, chapter: &Chapter) -> Told {
    let request = tour.client.get(tour.at("/upgrade"));
    let mut response = request.header(CONNECTION, "Upgrade").header(UPGRADE, "echo").send()?;
    chapter.tell(response.status());
    check!(response.status() == StatusCode::SWITCHING_PROTOCOLS, "the status is not 101");
    let mut connection = response.take_duplex().ok_or("the 101 has no connection")?;
    connection.stream().set_read_deadline(Some(Instant::now() + SOON));
    for line in ["no more HTTP", "just bytes"] {
        connection.write_all(line.as_bytes())?;
        let mut echo = vec![0; line.len()];
        connection.read_exact(&mut echo)?;
        chapter.tell(format_args!("{line:?} came back"));
        check!(echo == line.as_bytes(), "as {:?}", String::from_utf8_lossy(&echo));
    }
    Ok(())
}

fn graceful_shutdown(tour: &Tour, chapter: &Chapter) -> Told {
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            let mut response = tour.client.get(tour.at("/slow")).send()?;
            response.body_mut().read_text(1024)
        });
        tour.backstage.entered.recv_timeout(SOON).map_err(|_| "the request has not begun")?;
        // Without a grace period, the server stops accepting and reports that a request still runs.
        let ended = tour.server.shutdown(Duration::ZERO);
        check!(!ended, "the shutdown did not wait for the running request");
        check!(
            TcpStream::connect(tour.authority()).is_err(),
            "the server still accepts connections"
        );
        chapter.tell("new connections are refused, and one request still runs");
        let _ = tour.backstage.release.send(());
        let ended = tour.server.shutdown(SOON);
        let text = running.join().map_err(|_| "the client panicked")??;
        chapter.tell(format_args!("it got its whole response: {text:?}"));
        check!(text == "worth waiting for", "that is not what the handler wrote");
        check!(ended && tour.server.connections() == 0, "some connections are still open");
        chapter.tell("all connections are closed");
        Ok(())
    })
}

impl Tour {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

/// An endless source of zeros.
struct Zeros {
    taken: Arc<AtomicU64>,
    /// Carries no value. It disconnects when the source is dropped.
    _held: Sender<()>,
}

/// Returns a source of zeros, the count of zeros taken, and a receiver that fails after the source is
/// dropped.
fn zeros() -> (Zeros, Arc<AtomicU64>, Receiver<()>) {
    let (held, dropped) = bounded(0);
    let taken = Arc::new(AtomicU64::new(0));
    (Zeros { taken: Arc::clone(&taken), _held: held }, taken, dropped)
}

impl Read for Zeros {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(0);
        self.taken.fetch_add(buf.len() as u64, Ordering::Relaxed);
        Ok(buf.len())
    }
}
