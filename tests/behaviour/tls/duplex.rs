//! Both directions of one encrypted connection under full load.

use std::io::{self, Cursor, Read, Write};
use std::net::Shutdown;
use std::thread;

use hangup::net::Duplex;
use hangup::testing::TestServer;
use hangup::{Client, Request, ResponseExt, ResponseWriter, Result, Server};

use super::{acceptor, connector};
use crate::support::{alone, rounds};

/// The growth of the process that is allowed, in KiB: the buffers of four threads and the overhead of the
/// system's allocator.
const GROWTH: u64 = 16 * 1024;

/// Sends and receives `length` bytes at the same time. Each byte is its position modulo 251.
fn exchange(connection: Duplex, length: usize) -> io::Result<()> {
    let (stream, received) = connection.into_parts();
    let pattern: Vec<u8> = (0..251 * 300).map(|place| (place % 251) as u8).collect();
    thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut left = length;
            while left > 0 {
                let piece = &pattern[..pattern.len().min(left)];
                (&stream).write_all(piece)?;
                left -= piece.len();
            }
            stream.shutdown(Shutdown::Write)?;
            // Sends the close_notify if there was no room for it, also if the reader has ended.
            (&stream).flush()
        });
        let mut incoming = Cursor::new(received).chain(&stream);
        let (mut buf, mut place) = (vec![0; 64 * 1024], 0);
        loop {
            let count = incoming.read(&mut buf)?;
            if count == 0 {
                break;
            }
            let begin = place % 251;
            assert!(buf[..count] == pattern[begin..begin + count], "a wrong byte after {place}");
            place += count;
        }
        assert_eq!(place, length);
        sender.join().unwrap()
    })
}

/// Returns the memory of this process in KiB, or `None` on a system without `/proc`. Wine shows that of
/// Linux, where `self` is Wine's own process.
fn resident() -> Option<u64> {
    if cfg!(windows) {
        return None;
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok())
}

#[test]
fn tls_both_directions_of_an_upgraded_connection_are_busy_at_once() {
    alone!();
    let length = rounds(1024) << 20;
    let server = Server::new(move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        let mut connection = w.hijack()?;
        connection.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")?;
        Ok(exchange(connection, length)?)
    });
    let server = TestServer::with(server.tls(acceptor()));
    let client = Client::builder().tls(connector()).build();
    let mut response = client.get(server.url("/")).send().unwrap();
    let connection = response.take_duplex().expect("a connection");
    let before = resident();
    exchange(connection, length).unwrap();
    if let (Some(before), Some(now)) = (before, resident()) {
        let grown = now.saturating_sub(before);
        assert!(grown < GROWTH, "{grown} KiB more than before");
    }
}
