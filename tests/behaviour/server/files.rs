//! Files that change, clients that stop reading, while a file is being sent.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hangup::testing::{Parked, Stream};
use hangup::{Error, Files, HandlerExt, RequestExt, Server, TimeLimit};

use super::{next, reports, served, served_with};
use crate::support::{Over, PATIENCE, RawClient, alone, over_each};

over_each![
    h08_a_file_that_grows_is_sent_as_long_as_it_was,
    h08_a_file_that_shrinks_breaks_the_connection_off,
    h08_a_file_that_is_replaced_is_sent_as_it_was,
    h08_parts_of_a_file_follow_each_other_on_a_connection,
    #[cfg_attr(windows, ignore = "files have no holes by default")]
    h08_a_part_beyond_32_bits_is_sent,
    h08_a_client_that_goes_away_ends_the_sending,
    h08_a_client_that_does_not_read_is_cut_off,
];

/// More than the sockets and TLS hold back.
const LENGTH: usize = 8 << 20;

const GET: &str = "GET /file HTTP/1.1\r\nHost: a\r\n\r\n";

/// A directory with one large file, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("hangup-files-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("file"), pattern()).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("file")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Bytes in which a shift or a gap would show.
fn pattern() -> Vec<u8> {
    let piece: Vec<u8> = (0..=250).collect();
    let mut all = piece.repeat(LENGTH / piece.len() + 1);
    all.truncate(LENGTH);
    all
}

fn open(path: &Path) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

/// Asks for the file, reads the head, and waits until the server waits for the client.
fn begin(peer: &mut RawClient, far: &Stream) {
    let answer = peer.send(GET).expect_head();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-length"), Some(&*LENGTH.to_string()));
    assert!(far.wait_until_parked(Parked::Write, PATIENCE));
}

fn h08_a_file_that_grows_is_sent_as_long_as_it_was(over: Over) {
    alone!();
    let folder = Folder::new();
    let (_server, far, mut peer) = served(over, Files::new(&folder.0));
    begin(&mut peer, &far);
    let mut file = OpenOptions::new().append(true).open(folder.file()).unwrap();
    file.write_all(b"more").unwrap();
    assert!(peer.expect_bytes(LENGTH) == pattern());
    let answer = peer.send(GET.replace("GET", "HEAD")).expect_head();
    assert_eq!(answer.field("content-length"), Some(&*(LENGTH + 4).to_string()));
}

fn h08_a_file_that_shrinks_breaks_the_connection_off(over: Over) {
    alone!();
    let folder = Folder::new();
    let (_server, far, mut peer) = served(over, Files::new(&folder.0));
    begin(&mut peer, &far);
    open(&folder.file()).set_len(1000).unwrap();
    let mut stream = peer.stream();
    stream.set_read_deadline(Some(Instant::now() + PATIENCE));
    let (mut received, mut piece) = (0, vec![0; 64 * 1024]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => received += count,
            Err(error) => {
                let ends = [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof];
                assert!(ends.contains(&error.kind()), "{error}");
                break;
            }
        }
    }
    assert!(received < LENGTH, "{received}");
}

fn h08_a_file_that_is_replaced_is_sent_as_it_was(over: Over) {
    alone!();
    let folder = Folder::new();
    let (_server, far, mut peer) = served(over, Files::new(&folder.0));
    begin(&mut peer, &far);
    let new = folder.0.join("new");
    fs::write(&new, "new content").unwrap();
    fs::rename(&new, folder.file()).unwrap();
    assert!(peer.expect_bytes(LENGTH) == pattern());
    assert_eq!(peer.send(GET).expect(200), "new content");
}

/// Parts that are sent without a copy, and small ones between them.
fn h08_parts_of_a_file_follow_each_other_on_a_connection(over: Over) {
    alone!();
    let folder = Folder::new();
    let content = pattern();
    let (_server, _far, mut peer) = served(over, Files::new(&folder.0));
    for (start, end) in [(1, 100_001), (0, 10), (5, 40_005), (250_000, 1_300_000), (7, 8)] {
        let range = format!("Host: a\r\nRange: bytes={start}-{}", end - 1);
        let answer = peer.send(GET.replace("Host: a", &range)).expect_response();
        assert_eq!(answer.status, 206);
        assert!(answer.body == content[start..end], "{start}-{end}");
    }
    // Two at once, the first without a copy.
    let one = GET.replace("Host: a", "Host: a\r\nRange: bytes=0-99999");
    let other = GET.replace("Host: a", "Host: a\r\nRange: bytes=3-3");
    peer.send([one, other].concat());
    assert!(peer.expect_response().body == content[..100_000]);
    assert!(peer.expect_response().body == content[3..4]);
}

fn h08_a_part_beyond_32_bits_is_sent(over: Over) {
    alone!();
    const START: u64 = (1 << 32) - 5;
    let folder = Folder::new();
    let mut file = open(&folder.file());
    file.seek(SeekFrom::Start(START)).unwrap();
    file.write_all(&pattern()).unwrap();
    let end = START + LENGTH as u64;
    let (_server, _far, mut peer) = served(over, Files::new(&folder.0));
    let answer = peer.send(GET.replace("GET", "HEAD")).expect_head();
    assert_eq!(answer.field("content-length"), Some(&*end.to_string()));
    for range in [format!("{START}-"), format!("-{LENGTH}")] {
        let range = format!("Host: a\r\nRange: bytes={range}");
        let answer = peer.send(GET.replace("Host: a", &range)).expect_response();
        let expected = format!("bytes {START}-{}/{end}", end - 1);
        assert_eq!(answer.field("content-range"), Some(&*expected));
        assert!(answer.body == pattern());
    }
}

fn h08_a_client_that_goes_away_ends_the_sending(over: Over) {
    alone!();
    let folder = Folder::new();
    let (report, ended) = reports();
    let files = Files::new(&folder.0).layer_fn(move |w, r, next| {
        let context = r.context();
        let outcome = next.handle(w, r);
        report.send((outcome.is_err(), context.is_done())).unwrap();
        outcome
    });
    let (_server, far, mut peer) = served(over, files);
    begin(&mut peer, &far);
    let begun = Instant::now();
    peer.reset();
    let (failed, _) = next(&ended);
    assert!(failed && begun.elapsed() < PATIENCE);
}

fn h08_a_client_that_does_not_read_is_cut_off(over: Over) {
    alone!();
    let folder = Folder::new();
    for silence in [true, false] {
        let (report, limits) = reports();
        let files = Files::new(&folder.0).layer_fn(move |w, r, next| {
            let outcome = next.handle(w, r);
            report.send(outcome.as_ref().err().and_then(Error::timed_out)).unwrap();
            outcome
        });
        let limit = Some(Duration::from_millis(60));
        let server = Server::with_handler(files);
        let (server, expected) = match silence {
            true => (server.write_idle_timeout(limit), TimeLimit::WriteIdle),
            false => (server.write_timeout(limit), TimeLimit::Send),
        };
        let (_server, _far, mut peer) = served_with(over, server);
        peer.send(GET).expect_head();
        assert_eq!(next(&limits), Some(expected));
        drop(peer);
    }
}
