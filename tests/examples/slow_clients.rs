//! Clients that send or read a byte a second against `lifecycle`, beside one client that behaves.
//!
//! ```text
//! cargo build --release --examples
//! HANGUP_FULL_TESTS=1 cargo test --release --test examples slow_clients -- --nocapture
//! ```
//!
//! There are 1000 for 10 s with `HANGUP_FULL_TESTS`, and 90 for 2 s without, when the other client sends no more
//! than 1000 requests. The server has no time limits, so it keeps all of them.

#![allow(clippy::print_stdout)] // The figures of a run by hand.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hangup::Client;
use socket2::SockRef;

use super::programs::Running;
use super::soak::{Usage, settled};

/// How many requests the client that behaves sends without the others, to know its times.
const ALONE: usize = 500;

/// How much the server may have resident for each slow client, in KiB. One in three has a handler's buffer of
/// 64 KiB. Twice as much as was measured.
const MOST_FOR_EACH: f64 = 100.0;

/// How much the server may have resident beside that, in MiB.
const MOST_RESIDENT: f64 = 24.0;

/// A request that is sent slowly or whose response is read slowly.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// A field without an end.
    Head,
    /// A body of 1 MB.
    Upload,
    /// A body of 100 MB.
    Download,
}

struct SlowClient {
    stream: TcpStream,
    slow: Slow,
    /// How many bytes were sent or read slowly.
    done: usize,
}

impl SlowClient {
    fn connect(server: &Running, slow: Slow) -> io::Result<Self> {
        let mut stream = server.connect();
        stream.write_all(match slow {
            Slow::Head => b"GET / HTTP/1.1\r\nHost: test\r\nX-Slow: ",
            Slow::Upload => {
                b"POST /upload HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n"
            }
            Slow::Download => b"GET /bytes/100000000 HTTP/1.1\r\nHost: test\r\n\r\n",
        })?;
        SockRef::from(&stream).set_recv_buffer_size(4096)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, slow, done: 0 })
    }

    /// Sends or reads one byte. Fails if the server has ended the connection.
    fn step(&mut self) -> io::Result<()> {
        let moved = match self.slow {
            Slow::Head | Slow::Upload => self.stream.write(b"x"),
            Slow::Download => self.stream.read(&mut [0]),
        };
        match moved {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.done += count;
                Ok(())
            }
            // The server has not begun with the response yet.
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[test]
fn slow_clients_keep_no_other_waiting() {
    if super::programs::absent_on_windows("/proc") {
        return;
    }
    let (count, seconds, most) = match std::env::var_os("HANGUP_FULL_TESTS") {
        Some(_) => (1000, 10, usize::MAX),
        None => (90, 2, 1000),
    };
    let server = Running::lifecycle(&["--read-header-timeout-ms", "0"]);
    let (client, url) = (Client::new(), server.url("/"));
    let mut alone: Vec<_> = (0..ALONE).map(|_| exchange(&client, &url)).collect();
    let before = Usage::of(server.id());

    let kinds = [Slow::Head, Slow::Upload, Slow::Download].into_iter().cycle();
    let mut slow: Vec<_> = kinds
        .take(count)
        .map(|slow| SlowClient::connect(&server, slow).expect("the server takes it"))
        .collect();
    server.state(|state| state["active"]["now"].as_u64() > Some(count as u64));

    let over = AtomicBool::new(false);
    let (mut beside, during) = thread::scope(|scope| {
        let healthy = scope.spawn(|| {
            let mut times = Vec::new();
            while !over.load(Ordering::Relaxed) && times.len() < most {
                times.push(exchange(&client, &url));
            }
            times
        });
        let began = Instant::now();
        for second in 1..=seconds {
            for client in &mut slow {
                client.step().unwrap_or_else(|error| panic!("{:?}: {error}", client.slow));
            }
            let next = began + Duration::from_secs(second);
            while let Some(left) = next.checked_duration_since(Instant::now()) {
                thread::park_timeout(left);
            }
        }
        let during = Usage::of(server.id());
        over.store(true, Ordering::Relaxed);
        (healthy.join().expect("the client that behaves sees no error"), during)
    });
    let bytes: usize = slow.iter().map(|client| client.done).sum();
    drop(slow);
    let after = settled(&server, |after| after.threads <= before.threads);

    let (alone, beside) = (Times::of(&mut alone), Times::of(&mut beside));
    println!("{count} slow clients, {bytes} bytes; alone: {alone:?}, beside them: {beside:?}");
    println!("before: {before:?}, during: {during:?}, after: {after:?}");
    // Each sends a byte every second. A download whose response is late reads a byte less.
    assert!(bytes >= count * (seconds as usize - 1), "{bytes}");
    assert!(during.threads <= before.threads + count + 8, "{during:?}");
    let most = MOST_RESIDENT + MOST_FOR_EACH * count as f64 / 1024.0;
    assert!(during.resident <= most, "{} MiB are resident", during.resident);
    // Wide factors, since other tests run at the same time. A client that waited for a slow one would wait a
    // second.
    assert!(beside.median <= 20 * alone.median + Duration::from_millis(20), "{beside:?}");
    assert!(beside.p99 <= 20 * alone.p99 + Duration::from_millis(200), "{beside:?}");
}

/// Sends a plain request. Returns its time.
fn exchange(client: &Client, url: &str) -> Duration {
    let began = Instant::now();
    let mut response = client.get(url).send().expect("a response");
    assert_eq!(response.body_mut().read_text(10).expect("a body"), "ok\n");
    began.elapsed()
}

/// The times of requests.
#[derive(Debug)]
#[allow(dead_code)] // Its Debug is what is printed.
struct Times {
    requests: usize,
    median: Duration,
    p99: Duration,
    max: Duration,
}

impl Times {
    fn of(times: &mut [Duration]) -> Self {
        times.sort();
        let part = |percent: usize| times[(times.len() - 1) * percent / 100];
        Self { requests: times.len(), median: part(50), p99: part(99), max: part(100) }
    }
}
