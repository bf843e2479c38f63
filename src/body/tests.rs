use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::copy::COPY_PIECE;
use super::*;
use crate::error::ErrorKind;

#[test]
fn a_sized_reader_that_ends_early_is_an_error() {
    let mut body = Body::from_sized_reader(&b"four"[..], 5);
    let error = body.read_bytes(100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource);
    assert!(error.to_string().ends_with("it ended 1 byte before its declared length"), "{error}");
}

#[test]
fn a_sized_reader_is_not_read_beyond_its_length() {
    let mut body = Body::from_sized_reader(io::repeat(b'x'), 3);
    assert_eq!(body.read_text(3).unwrap(), "xxx");
    assert!(body.is_empty());
}

#[test]
fn bodies_of_every_source_are_copied() {
    let long = vec![b'x'; 3 * COPY_PIECE + 1];
    let reader = || Body::from_reader(io::Cursor::new(vec![b'x'; 3 * COPY_PIECE + 1]));
    for (mut body, all) in
        [(Body::empty(), &b""[..]), (Body::from("short"), b"short"), (reader(), &long)]
    {
        let mut copy = Vec::new();
        assert_eq!(body.copy_to(&mut copy).unwrap(), all.len() as u64);
        assert_eq!(body.copy_to(&mut copy).unwrap(), 0);
        assert_eq!(copy, all);
    }
    let nowhere: &mut [u8] = &mut [];
    let error = Body::from("short").copy_to(&mut &mut *nowhere).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WriteZero);
}

#[test]
fn empty_chunks_do_not_end_a_body() {
    let mut body = Body::from_chunks(["a", "", "b"]);
    assert_eq!(body.read_text(10).unwrap(), "ab");
}

#[test]
fn the_limit_is_the_last_length_that_passes() {
    for make in [|| Body::from("12345"), || Body::from_reader(&b"12345"[..])] {
        assert_eq!(make().read_bytes(5).unwrap(), "12345");
        let error = make().read_bytes(1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(error.to_string(), "too large: the body exceeds its reader's limit of 1 byte");
    }
}

#[test]
fn a_replayable_body_is_cloned_whole() {
    let mut body = Body::replayable(None, || Ok(Body::from("again")));
    let mut copy = body.try_clone().expect("replayable");
    assert_eq!(body.read_text(10).unwrap(), "again");
    assert_eq!(copy.read_text(10).unwrap(), "again");
    assert!(Body::from("x").try_clone().is_some());
    assert!(Body::from_reader(io::empty()).try_clone().is_none());
}

#[test]
fn trailers_are_asked_for_at_the_end() {
    let mut body = Body::from("x").with_trailers(|| {
        [(http::header::ETAG, http::HeaderValue::from_static("7"))].into_iter().collect()
    });
    body.read_text(10).unwrap();
    assert_eq!(body.take_trailers().unwrap()["etag"], "7");
    assert!(body.take_trailers().is_none());
}

/// A file that is removed at the end of its test.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new(text: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("hangup-body-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn open(&self) -> File {
        File::open(&self.0).unwrap()
    }

    fn change(&self) -> File {
        File::options().write(true).open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_sent_from_where_it_stands_and_again() {
    let scratch = Scratch::new("0123456789");
    let mut file = scratch.open();
    file.seek(SeekFrom::Start(4)).unwrap();
    let mut body = Body::from(file);
    assert_eq!(body.len(), Some(6));
    let mut first = [0; 2];
    body.read_exact(&mut first).unwrap();
    let mut again = body.try_clone().expect("a file can be read twice");
    assert_eq!(again.len(), Some(6));
    // Each continues at its own position.
    assert_eq!(again.read_text(100).unwrap(), "456789");
    assert_eq!((&first, body.read_text(100).unwrap().as_str()), (b"45", "6789"));
    assert_eq!(body.try_clone().unwrap().read_text(100).unwrap(), "456789");
}

#[test]
fn a_file_that_grows_keeps_its_length() {
    let scratch = Scratch::new("0123456789");
    let mut body = Body::from(scratch.open());
    let mut file = scratch.change();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(b"more").unwrap();
    let mut copied = Vec::new();
    assert_eq!(body.try_clone().unwrap().copy_to(&mut copied).unwrap(), 10);
    assert_eq!(body.read_text(100).unwrap(), "0123456789");
}

#[test]
fn a_file_that_shrinks_is_an_error() {
    for left in [0, 3, 9] {
        let scratch = Scratch::new("0123456789");
        let mut body = Body::from(scratch.open());
        scratch.change().set_len(left).unwrap();
        let error = body.read_bytes(100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BodySource, "{left}");
        assert_eq!(body.len(), Some(10 - left));
    }
    let scratch = Scratch::new("0123456789");
    let mut body = Body::from(scratch.open());
    scratch.change().set_len(9).unwrap();
    let error = body.read_bytes(100).unwrap_err().to_string();
    assert_eq!(error, "body source failed: the file has become 1 byte shorter");
}

#[test]
fn an_empty_file_has_a_length_and_a_position_beyond_the_end_is_one() {
    let scratch = Scratch::new("");
    assert_eq!(Body::from(scratch.open()).len(), Some(0));
    let mut file = scratch.open();
    file.seek(SeekFrom::Start(100)).unwrap();
    let mut body = Body::from(file);
    assert_eq!((body.len(), body.read_bytes(10).unwrap().len()), (Some(0), 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_length_the_system_does_not_know_is_read_to_its_end() {
    let mut body = Body::from(File::open("/proc/version").unwrap());
    assert_eq!(body.len(), None);
    assert!(body.try_clone().is_none());
    assert!(body.read_text(10_000).unwrap().contains("Linux"));
}

/// Counts how often it is read.
struct Counting(io::Cursor<Vec<u8>>, Arc<AtomicUsize>);

impl Read for Counting {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.read(buf)
    }
}

#[test]
fn reading_byte_by_byte_reads_the_source_in_pieces() {
    let reads = Arc::new(AtomicUsize::new(0));
    let text: Vec<u8> = (0..100_000u32).map(|byte| byte as u8).collect();
    let source = || Counting(io::Cursor::new(text.clone()), Arc::clone(&reads));
    for mut body in [Body::from_reader(source()), Body::from_sized_reader(source(), 100_000)] {
        reads.store(0, Ordering::Relaxed);
        let mut known = body.len();
        let mut all = Vec::new();
        let mut byte = [0];
        while body.read(&mut byte).unwrap() == 1 {
            all.push(byte[0]);
            known = known.map(|length| length - 1);
            assert_eq!(body.len(), known);
        }
        assert!(all == text);
        assert!(reads.load(Ordering::Relaxed) < 20, "{reads:?} reads of the source");
    }
}

#[test]
fn small_reads_and_large_ones_see_every_byte_once() {
    let text: Vec<u8> = (0..50_000u32).map(|byte| (byte / 3) as u8).collect();
    for sizes in [[1, 31, 32], [1, 10_000, 5], [8191, 1, 8193], [31, 64, 7]] {
        let mut body = Body::from_reader(io::Cursor::new(text.clone()));
        let mut all = Vec::new();
        for size in sizes.iter().cycle() {
            let mut piece = vec![0; *size];
            match body.read(&mut piece).unwrap() {
                0 => break,
                count => all.extend_from_slice(&piece[..count]),
            }
        }
        assert!(all == text, "{sizes:?}");
    }
}

#[test]
fn every_body_has_lines() {
    let scratch = Scratch::new("one\ntwo\n\nlast");
    let bodies = [
        Body::from("one\ntwo\n\nlast"),
        Body::from_reader(&b"one\ntwo\n\nlast"[..]),
        Body::from_sized_reader(&b"one\ntwo\n\nlast beyond"[..], 13),
        Body::from_chunks(["on", "e\ntwo\n\n", "", "last"]),
        Body::from(scratch.open()),
        Body::replayable(None, || Ok(Body::from("one\ntwo\n\nlast"))),
    ];
    for body in bodies {
        let name = format!("{body:?}");
        let lines: Vec<String> = body.lines().map(Result::unwrap).collect();
        assert_eq!(lines, ["one", "two", "", "last"], "{name}");
    }
    assert_eq!(Body::empty().lines().count(), 0);
}

#[test]
fn lines_and_the_rest_are_one_body() {
    let mut body = Body::from_reader(&b"head\nthe rest"[..]);
    let mut line = String::new();
    assert_eq!(body.read_line(&mut line).unwrap(), 5);
    assert_eq!(body.read_text(100).unwrap(), "the rest");
    assert_eq!(body.fill_buf().unwrap(), b"");
    body.consume(0);
}

#[test]
fn trailers_wait_for_what_was_read_ahead() {
    let mut body = Body::from_reader(&b"xy"[..]).with_trailers(|| {
        [(http::header::ETAG, http::HeaderValue::from_static("7"))].into_iter().collect()
    });
    body.read_exact(&mut [0]).unwrap();
    assert!(body.take_trailers().is_none());
    body.read_exact(&mut [0]).unwrap();
    assert_eq!(body.take_trailers().unwrap()["etag"], "7");
}

#[test]
fn trailers_come_after_the_last_byte() {
    for body in [Body::from("abc"), Body::from_sized_reader(&b"abc"[..], 3)] {
        let mut body = body.with_trailers(HeaderMap::new);
        assert!(body.take_trailers().is_none());
        body.read_text(3).unwrap();
        assert!(body.take_trailers().is_some() && body.take_trailers().is_none());
    }
}

fn etag() -> HeaderMap {
    [(http::header::ETAG, HeaderValue::from_static("7"))].into_iter().collect()
}

/// Reads this many bytes and then ends, as a decoder does, whatever its source has left.
fn first(count: u64) -> impl FnOnce(MappedReader) -> io::Take<MappedReader> {
    move |body| body.take(count)
}

#[test]
fn a_mapped_body_reads_its_source_to_the_end() {
    let reads = Arc::new(AtomicUsize::new(0));
    let source = Counting(io::Cursor::new(vec![b'x'; 20_000]), Arc::clone(&reads));
    let mut body = Body::from_sized_reader(source, 20_000).map_reader(first(3));
    assert_eq!((body.len(), body.is_empty()), (None, false));
    let mut bytes = [0; 100];
    assert_eq!(body.read(&mut bytes).unwrap(), 3);
    let before = reads.load(Ordering::Relaxed);
    assert_eq!(body.read(&mut bytes).unwrap(), 0);
    assert!(reads.load(Ordering::Relaxed) > before, "the rest was not read");
    assert_eq!((body.len(), body.read(&mut bytes).unwrap()), (Some(0), 0));
    // A source that never ends is left unread at some point.
    let mut body = Body::from_reader(io::repeat(b'x')).map_reader(first(3));
    assert_eq!(body.read_text(10).unwrap(), "xxx");
}

#[test]
fn a_mapped_body_fails_with_the_rest_of_its_source() {
    let mut body = Body::from_sized_reader(&b"abcdef"[..], 7).map_reader(first(3));
    let error = body.read_text(10).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource, "{error}");
}

#[test]
fn a_mapped_reader_may_be_small_or_buffered() {
    let text = "one\ntwo\n".repeat(10_000);
    let mut body = Body::from(text.clone()).map_reader(io::BufReader::new);
    let mut byte = [0];
    assert_eq!((body.read(&mut byte).unwrap(), byte), (1, *b"o"));
    let mut all = String::from("o");
    body.read_to_string(&mut all).unwrap();
    assert!(all == text);
}

#[test]
fn adapted_bodies_keep_trailers_and_type() {
    let typed = || {
        Body::from_sized_reader(&b"abc"[..], 3)
            .with_trailers(etag)
            .with_content_type(HeaderValue::from_static("text/csv"))
    };
    let bodies = [
        typed().map_reader(first(2)),
        typed().limited(3),
        typed().inspect(|_| {}),
        typed().inspect(|_| {}).limited(9).map_reader(io::BufReader::new),
    ];
    for mut body in bodies {
        assert_eq!(body.content_type().unwrap(), "text/csv", "{body:?}");
        assert!(body.has_trailers());
        body.copy_to(&mut io::sink()).unwrap();
        assert_eq!(body.take_trailers().unwrap()["etag"], "7", "{body:?}");
    }
}

#[test]
fn a_limited_body_of_the_limit_passes() {
    let makes: [fn() -> Body; 3] = [
        || Body::from("12345"),
        || Body::from_reader(&b"12345"[..]),
        || Body::from_sized_reader(&b"12345"[..], 5),
    ];
    for make in makes {
        let mut body = make().limited(5);
        assert_eq!(body.len(), make().len());
        assert_eq!(body.read_text(100).unwrap(), "12345");
        let mut body = make().limited(4);
        assert_eq!(body.len(), make().len(), "the length stays, so that the peer sees it");
        for _ in 0..2 {
            let error = body.read_text(100).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooLarge);
            let text = "too large: the body exceeds its reader's limit of 4 bytes";
            assert_eq!(error.to_string(), text);
        }
        let mut byte_by_byte = make().limited(4);
        assert!(std::iter::from_fn(|| Some(byte_by_byte.read(&mut [0]))).any(|read| read.is_err()));
    }
    for (limited, text) in [(9, "limit of 9 bytes"), (25, "limit of 10 bytes")] {
        let mut body = Body::from("x".repeat(20)).limited(limited).inspect(|_| {});
        for _ in 0..2 {
            let error = body.read_bytes(10).unwrap_err().to_string();
            assert!(error.ends_with(text), "{error}");
        }
    }
    assert_eq!(Body::empty().limited(0).read_text(0).unwrap(), "");
    assert_eq!(Body::from("12").limited(2).as_bytes(), Some(&b"12"[..]));
}

#[test]
fn an_inspected_body_shows_each_piece_and_stays_replayable() {
    let seen = Arc::new(crate::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let mut body = Body::from("hello").inspect(move |piece| {
        log.lock().push((piece.bytes.to_vec(), piece.end, piece.total));
    });
    assert_eq!((body.len(), body.as_bytes()), (Some(5), None));
    let again = body.try_clone().expect("in memory").limited(10).try_clone();
    body.read_exact(&mut [0; 2]).unwrap();
    body.copy_to(&mut io::sink()).unwrap();
    again.expect("still").copy_to(&mut io::sink()).unwrap();
    let pieces: Vec<_> = seen.lock().iter().map(|(bytes, end, _)| (bytes.len(), *end)).collect();
    assert_eq!(pieces.last(), Some(&(5, 5)), "the clone starts over");
    assert!(seen.lock().iter().all(|(_, _, total)| *total == Some(5)));
    assert!(Body::from("x").map_reader(|body| body).try_clone().is_none());
}

#[test]
fn a_clone_keeps_the_content_type() {
    let body = Body::from("a,b").with_content_type(HeaderValue::from_static("text/csv"));
    assert_eq!(body.try_clone().unwrap().content_type().unwrap(), "text/csv");
    assert!(Body::from("a").try_clone().unwrap().content_type().is_none());
    // A body in memory stays one.
    assert_eq!(body.as_bytes(), Some(&b"a,b"[..]));
    assert_eq!(body.into_memory().unwrap(), "a,b");
}
