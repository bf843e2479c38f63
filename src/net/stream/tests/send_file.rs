//! Files are sent as any data is.

use std::fs::File;
use std::io::Read;

use super::*;

/// Bytes in which a shift or a gap would show.
fn pattern(length: usize) -> Vec<u8> {
    let piece: Vec<u8> = (0..=250).collect();
    let mut all = piece.repeat(length / piece.len() + 1);
    all.truncate(length);
    all
}

/// A file of a pattern. It has no name.
fn file_of(length: usize) -> File {
    let path = std::env::temp_dir().join(format!("hangup-send-{}", crate::random::bits()));
    std::fs::write(&path, pattern(length)).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    file
}

/// A file that is larger than the buffers of a socket.
fn large_file() -> File {
    let file = file_of(0);
    file.set_len(LARGE).unwrap();
    file
}

const LARGE: u64 = 16 << 20;

/// Sends a part of a file, and returns the number of bytes.
fn send(stream: &Stream, file: &File, offset: u64, length: u64) -> io::Result<u64> {
    let mut sent = 0;
    stream.send_file(file, offset, length, &mut sent).map(|()| sent)
}

fn sockets() -> [(&'static str, Stream, Stream); 2] {
    let ((a, b), (c, d)) = (tcp_pair(), unix::pair());
    [("tcp", a, b), ("unix", c, d)]
}

#[test]
fn a_part_of_a_file_arrives_whole() {
    const LENGTH: usize = 5 << 20;
    let file = file_of(LENGTH);
    for (name, one, other) in sockets() {
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut received = Vec::new();
                (&other).read_to_end(&mut received).unwrap();
                received
            });
            one.send_all_ahead(b"head").unwrap();
            assert_eq!(send(&one, &file, 3, LENGTH as u64 - 5).unwrap(), LENGTH as u64 - 5);
            one.shutdown(Shutdown::Write).unwrap();
            let received = reader.join().unwrap();
            assert_eq!(received.len(), 4 + LENGTH - 5, "{name}");
            assert_eq!(&received[..4], b"head");
            assert!(received[4..] == pattern(LENGTH)[3..LENGTH - 2], "{name}");
        });
    }
}

#[test]
fn a_file_that_ends_early_sends_less() {
    let file = file_of(1000);
    for (_, one, _other) in sockets() {
        assert_eq!(send(&one, &file, 900, 200).unwrap(), 100);
        assert_eq!(send(&one, &file, 2000, 200).unwrap(), 0);
    }
}

#[test]
fn a_deadline_a_silence_and_a_close_end_it() {
    let file = large_file();
    for (name, one, _other) in sockets() {
        one.set_write_idle_timeout(Some(Duration::from_millis(5)));
        assert_eq!(kind(send(&one, &file, 0, LARGE)), TimedOut, "{name}: silence");
        one.set_write_idle_timeout(None);
        thread::scope(|scope| {
            let sender = scope.spawn(|| kind(send(&one, &file, 0, LARGE)));
            parked(&one, Parked::Write);
            one.set_write_deadline(past());
            assert_eq!(sender.join().unwrap(), TimedOut, "{name}: deadline");
            one.set_write_deadline(None);
            let sender = scope.spawn(|| kind(send(&one, &file, 0, LARGE)));
            parked(&one, Parked::Write);
            one.close();
            assert_eq!(sender.join().unwrap(), BrokenPipe, "{name}: close");
        });
    }
}

#[test]
fn a_peer_that_is_gone_is_an_error() {
    let file = large_file();
    for (name, one, other) in sockets() {
        thread::scope(|scope| {
            let sender = scope.spawn(|| kind(send(&one, &file, 0, LARGE)));
            parked(&one, Parked::Write);
            other.reset();
            drop(other);
            let expected = if name == "tcp" { ConnectionReset } else { BrokenPipe };
            assert_eq!(sender.join().unwrap(), expected, "{name}");
        });
    }
}

#[test]
fn a_socket_that_is_handed_out_has_no_send_timeout() {
    let file = file_of(10);
    let (one, _other) = tcp_pair();
    assert_eq!(send(&one, &file, 0, 10).unwrap(), 10);
    let kept = one.clone();
    assert_eq!(one.into_tcp().unwrap().write_timeout().unwrap(), None);
    assert_eq!(send(&kept, &file, 0, 10).unwrap(), 10);
    assert_eq!(kept.into_tcp().unwrap().write_timeout().unwrap(), None);
}

#[test]
fn a_stream_without_a_socket_sends_no_file() {
    let (one, _other) = memory::pair();
    assert!(!one.sends_files());
    assert_eq!(send(&one, &file_of(10), 0, 10).unwrap(), 0);
}
