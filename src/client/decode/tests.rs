//! Each coding, and what may go wrong with it, however the data arrives.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::HeaderValue;

use super::*;
use crate::rounds;

/// The text of the files in tests/data/codings.
fn text() -> Vec<u8> {
    let lines = (0..200).map(|n| format!("{n}: a line of a text that repeats, {}\n", n * n));
    lines.collect::<String>().into_bytes()
}

const TEXT_BR: &[u8] = include_bytes!("../../../tests/data/codings/text.br");
const FLUSHED_BR: [&[u8]; 2] = [
    include_bytes!("../../../tests/data/codings/flushed.1.br"),
    include_bytes!("../../../tests/data/codings/flushed.2.br"),
];
const ZEROS_BR: &[u8] = include_bytes!("../../../tests/data/codings/zeros.br");

/// How many bytes of the text are in front of the flush of `FLUSHED_BR`.
const BEFORE_FLUSH: usize = 1000;

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflate(data: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

fn zstd(data: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(zstd_safe::compress_bound(data.len()));
    let mut context = zstd_safe::CCtx::create();
    context.set_parameter(zstd_safe::CParameter::ChecksumFlag(true)).unwrap();
    context.compress2(&mut encoded, data).unwrap();
    encoded
}

/// A gzip member whose header has every optional part.
fn gzip_with_all_parts(data: &[u8]) -> Vec<u8> {
    let plain = gzip(data);
    let mut header = plain[..10].to_vec();
    header[3] = 0b0001_1110;
    header.extend_from_slice(b"\x05\0extra");
    header.extend_from_slice(b"name\0a comment\0");
    let mut checksum = flate2::Crc::new();
    checksum.update(&header);
    header.extend_from_slice(&(checksum.sum() as u16).to_le_bytes());
    [&header, &plain[10..]].concat()
}

/// Every coding with data of it.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let text = text();
    vec![
        ("gzip", gzip(&text)),
        ("gzip", gzip_with_all_parts(&text)),
        ("deflate", zlib(&text)),
        ("deflate", raw_deflate(&text)),
        ("br", TEXT_BR.to_vec()),
        ("br", FLUSHED_BR.concat()),
        ("zstd", zstd(&text)),
    ]
}

fn body(codings: &str, encoded: Body) -> Body {
    let headers = [(CONTENT_ENCODING, HeaderValue::try_from(codings).unwrap())];
    let decoders = decoders(&headers.into_iter().collect()).unwrap().expect("known codings");
    decoded(encoded, decoders, None)
}

fn decode_all(codings: &str, encoded: &[u8]) -> Result<Vec<u8>> {
    let bytes = body(codings, Body::from(encoded.to_vec())).read_bytes(1 << 27)?;
    Ok(bytes.into())
}

fn error_text(codings: &str, encoded: &[u8]) -> String {
    let error = decode_all(codings, encoded).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    error.to_string()
}

#[test]
fn c08_data_is_decoded_however_it_is_cut() {
    let text = text();
    for (coding, encoded) in samples() {
        for at in 0..=encoded.len() {
            let (first, rest) = encoded.split_at(at);
            let pieces = [first.to_vec(), rest.to_vec()];
            let decoded = body(coding, Body::from_chunks(pieces)).read_bytes(1 << 20);
            assert!(decoded.unwrap() == text, "{coding} cut at {at}");
        }
    }
}

#[test]
fn c08_data_is_decoded_byte_by_byte_in_and_out() {
    let text = text();
    for (coding, encoded) in samples() {
        let bytes: Vec<_> = encoded.iter().map(|byte| vec![*byte]).collect();
        for size in [1, 2, 7, 4096] {
            let mut decoded = body(coding, Body::from_chunks(bytes.clone()));
            let (mut all, mut piece) = (Vec::new(), vec![0; size]);
            loop {
                match decoded.read(&mut piece).unwrap() {
                    0 => break,
                    count => all.extend_from_slice(&piece[..count]),
                }
            }
            assert!(all == text, "{coding} by {size}");
        }
    }
}

#[test]
fn c08_data_that_is_cut_off_is_an_error() {
    for (coding, encoded) in samples() {
        for end in 1..encoded.len() {
            let error = error_text(coding, &encoded[..end]);
            assert!(error.ends_with(": the data ends early"), "{coding} cut at {end}: {error}");
        }
    }
    let error = error_text("gzip", &gzip(b"x")[..5]);
    assert_eq!(error, "cannot decode the body: gzip: the data ends early");
}

/// Raw deflate has no checksum, and Brotli has none either.
#[test]
fn c08_damaged_data_with_a_checksum_is_an_error() {
    for (coding, encoded) in samples() {
        let checked = match coding {
            "br" => continue,
            "deflate" if encoded[0] != 0x78 => continue,
            // The time, the extra flags and the system of a gzip header are not checked.
            "gzip" if encoded[3] == 0 => 10..encoded.len(),
            _ => 0..encoded.len(),
        };
        for at in checked {
            let mut damaged = encoded.clone();
            damaged[at] ^= 0x10;
            match decode_all(coding, &damaged) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Decode, "{coding} {at}: {error}"),
                // An unused bit: of a zlib level, of a descriptor.
                Ok(decoded) => assert!(decoded == text(), "{coding} damaged at {at}"),
            }
        }
    }
}

/// Nothing panics or never ends, whatever the data is.
#[test]
fn c08_any_damage_has_an_end() {
    for (coding, encoded) in samples() {
        for at in (0..encoded.len()).step_by(rounds::one_in(5)) {
            for change in [0x01, 0xff] {
                let mut damaged = encoded.clone();
                damaged[at] ^= change;
                let _ = decode_all(coding, &damaged);
            }
        }
    }
}

#[test]
fn c08_a_failed_body_fails_again() {
    let mut damaged = gzip(&text());
    damaged[20] ^= 0xff;
    let mut body = body("gzip", Body::from(damaged));
    let mut sink = io::sink();
    let first = Error::from(body.copy_to(&mut sink).unwrap_err());
    let again = Error::from(body.copy_to(&mut sink).unwrap_err());
    assert_eq!(first.to_string(), again.to_string());
}

#[test]
fn c08_no_bytes_are_an_empty_body() {
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, br, zstd"] {
        assert_eq!(decode_all(coding, b"").unwrap(), b"", "{coding}");
        let chunks: [&'static str; 2] = ["", ""];
        assert_eq!(body(coding, Body::from_chunks(chunks)).read_bytes(1).unwrap(), "");
    }
}

#[test]
fn c08_nothing_encoded_is_an_empty_body() {
    for (coding, encoded) in [
        ("gzip", gzip(b"")),
        ("deflate", zlib(b"")),
        ("deflate", raw_deflate(b"")),
        ("deflate", b"\x01\0\0\xff\xff".to_vec()),
        ("br", b"\x06".to_vec()),
        ("zstd", zstd(b"")),
    ] {
        assert_eq!(decode_all(coding, &encoded).unwrap(), b"", "{coding} {encoded:02x?}");
    }
}

#[test]
fn c08_gzip_may_have_several_members() {
    let members = [gzip(b"one "), gzip(b""), gzip_with_all_parts(b"two "), gzip(&text())].concat();
    let expected = [b"one two ".as_slice(), &text()].concat();
    for at in 0..=members.len() {
        let (first, rest) = members.split_at(at);
        let mut body = body("x-gzip", Body::from_chunks([first.to_vec(), rest.to_vec()]));
        assert!(body.read_bytes(1 << 20).unwrap() == expected, "cut at {at}");
    }
    // The second member is checked as the first is.
    let mut damaged = [gzip(b"one "), gzip(b"two")].concat();
    let length = damaged.len();
    damaged[length - 6] ^= 1;
    assert!(error_text("gzip", &damaged).ends_with("gzip: the checksum does not match"));
    damaged[length - 6] ^= 1;
    damaged[length - 1] ^= 1;
    assert!(error_text("gzip", &damaged).ends_with("gzip: the length does not match"));
}

#[test]
fn c08_bytes_behind_the_last_gzip_member_are_ignored() {
    let encoded = gzip(b"text");
    let noise = [7u8; 100_000];
    for garbage in
        [b"\0".as_slice(), b"\0\0\0\0\0\0\0\0", b"\x1f", b"\x1f\x8b", b"\x1fx", b"<html>"]
            .into_iter()
            .chain([noise.as_slice(), b"\x1f\x8b\x07not deflate"])
    {
        let all = [&encoded, garbage].concat();
        assert_eq!(decode_all("gzip", &all).unwrap(), b"text", "{garbage:02x?}");
        for at in 0..=all.len().min(60) {
            let pieces = [all[..at].to_vec(), all[at..].to_vec()];
            assert_eq!(body("gzip", Body::from_chunks(pieces)).read_bytes(10).unwrap(), "text");
        }
    }
    // Behind zlib and raw deflate as well. A member that has begun has to be whole.
    for encoded in [zlib(b"text"), raw_deflate(b"text")] {
        assert_eq!(decode_all("deflate", &[&encoded, b"x".as_slice()].concat()).unwrap(), b"text");
    }
    let begun = [encoded.as_slice(), &encoded[..4]].concat();
    assert!(error_text("gzip", &begun).ends_with("gzip: the data ends early"));
}

#[test]
fn c08_bytes_behind_brotli_and_zstd_are_damage() {
    let br = error_text("br", &[TEXT_BR, b"x"].concat());
    assert_eq!(br, "cannot decode the body: br: bytes follow the end of the data");
    let pieces = [TEXT_BR.to_vec(), b"x".to_vec()];
    assert!(body("br", Body::from_chunks(pieces)).read_bytes(1 << 20).is_err());
    assert!(error_text("zstd", &[&zstd(b"text")[..], b"garbage"].concat()).contains("zstd: "));
}

#[test]
fn c08_what_is_not_in_the_coding_is_an_error() {
    for (coding, data, expected) in [
        ("gzip", b"<html>not compressed".as_slice(), "gzip: the data is not gzip"),
        ("gzip", b"\x1f\x8b\x08\xe0\0\0\0\0\0\0", "gzip: a reserved flag is set"),
        ("deflate", b"<html>not compressed", "deflate: invalid compressed data"),
        ("br", b"\x11\x1e large windows", "br: invalid compressed data"),
        ("zstd", b"<html>not compressed", "zstd: "),
    ] {
        let error = error_text(coding, data);
        assert!(error.contains(expected), "{coding}: {error}");
    }
}

#[test]
fn c08_zstd_may_have_several_frames_and_skippable_ones() {
    let skippable = b"\x5f\x2a\x4d\x18\x05\0\0\0.....";
    let frames =
        [skippable.as_slice(), &zstd(b"one "), &zstd(b""), skippable, &zstd(b"two"), skippable];
    let frames = frames.concat();
    for at in 0..=frames.len() {
        let pieces = [frames[..at].to_vec(), frames[at..].to_vec()];
        let decoded = body("zstd", Body::from_chunks(pieces)).read_bytes(100).unwrap();
        assert_eq!(decoded, "one two", "cut at {at}");
    }
}

/// RFC 9659 section 3. The frame of the larger window has not a byte of content.
#[test]
fn c08_a_zstd_window_has_at_most_8_mib() {
    let frame = |exponent: u8| [0x28, 0xb5, 0x2f, 0xfd, 0x00, exponent << 3, 0x01, 0, 0];
    assert_eq!(decode_all("zstd", &frame(13)).unwrap(), b"", "8 MiB");
    for exponent in [14, 21, 31] {
        let error = error_text("zstd", &frame(exponent));
        assert!(error.contains("zstd: Frame requires too much memory"), "{error}");
    }
}

#[test]
fn c08_codings_are_undone_in_reverse_order() {
    let text = text();
    let nested = zstd(&gzip(&zlib(&gzip(&text))));
    assert!(decode_all("gzip, deflate, x-gzip, zstd", &nested).unwrap() == text);
    assert!(decode_all(" , GZip ,,identity, Deflate,x-GZIP,\tzstd , ", &nested).unwrap() == text);
    let over_brotli = gzip(TEXT_BR);
    for at in 0..=over_brotli.len() {
        let pieces = [over_brotli[..at].to_vec(), over_brotli[at..].to_vec()];
        let mut body = body("br, gzip", Body::from_chunks(pieces));
        assert!(body.read_bytes(1 << 20).unwrap() == text);
    }
    // A layer that ends early is named.
    let error = error_text("br, gzip", &gzip(&TEXT_BR[..50]));
    assert_eq!(error, "cannot decode the body: br: the data ends early");
}

fn fields(values: &[&'static str]) -> HeaderMap {
    values.iter().map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value))).collect()
}

#[test]
fn c08_which_codings_are_undone() {
    let names = |values: &[&'static str]| -> Option<Vec<_>> {
        let decoders = decoders(&fields(values)).unwrap()?;
        Some(decoders.iter().map(|decoder| decoder.name()).collect())
    };
    assert_eq!(names(&["gzip", "", "BR, identity"]), Some(vec!["gzip", "br"]));
    assert_eq!(names(&["deflate,zstd,,x-gzip"]), Some(vec!["deflate", "zstd", "gzip"]));
    for values in [
        ["identity"].as_slice(),
        &[""],
        &[",", "identity"],
        &["compress"],
        &["gzip, foo"],
        &["gzip;q=1"],
        &["aes128gcm"],
        &["g zip"],
    ] {
        assert_eq!(names(values), None, "{values:?}");
    }
    let five = ["gzip, gzip", "gzip, gzip, gzip"];
    let Err(error) = decoders(&fields(&five)) else { panic!("five codings") };
    assert_eq!(
        error.to_string(),
        "cannot decode the body: it has 5 content codings, the limit is 4"
    );
}

#[test]
fn c08_the_offer_lists_the_codings_of_the_build() {
    assert_eq!(Offer::of_this_build().unwrap().value(), "gzip, deflate, br, zstd");
}

/// A source that hands out its pieces one by one, and fails when it is read beyond them.
struct Pieces(Vec<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::other("the source would have to wait"));
        }
        let piece = self.0.remove(0);
        buf[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

/// Returns the bytes of an encoder up to a flush behind `data`.
fn flushed(coding: &str, data: &[u8]) -> Vec<u8> {
    fn by<W: Write>(mut encoder: W, data: &[u8], encoded: impl Fn(&W) -> Vec<u8>) -> Vec<u8> {
        encoder.write_all(data).unwrap();
        encoder.flush().unwrap();
        encoded(&encoder)
    }
    let level = Compression::default();
    match coding {
        "gzip" => by(GzEncoder::new(Vec::new(), level), data, |one| one.get_ref().clone()),
        "deflate" => by(ZlibEncoder::new(Vec::new(), level), data, |one| one.get_ref().clone()),
        "br" => FLUSHED_BR[0].to_vec(),
        "zstd" => {
            let mut context = zstd_safe::CCtx::create();
            context.set_parameter(zstd_safe::CParameter::WindowLog(23)).unwrap();
            let mut bytes = vec![0; 10_000];
            let mut out = zstd_safe::OutBuffer::around(&mut bytes[..]);
            let mut input = zstd_safe::InBuffer::around(data);
            context.compress_stream(&mut out, &mut input).unwrap();
            assert_eq!(context.flush_stream(&mut out).unwrap(), 0);
            let count = out.pos();
            bytes[..count].to_vec()
        }
        other => panic!("{other}"),
    }
}

/// A stream of events would come late otherwise, or never.
#[test]
fn c08_what_was_flushed_is_handed_out_before_the_next_wait() {
    let text = text();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        for size in [1, 100, 64 * 1024] {
            let source = Pieces(vec![flushed(coding, &text[..BEFORE_FLUSH])]);
            let mut body = body(coding, Body::from_reader(source));
            let (mut all, mut piece) = (Vec::new(), vec![0; size]);
            while all.len() < BEFORE_FLUSH {
                let count = body.read(&mut piece).expect(coding);
                all.extend_from_slice(&piece[..count]);
            }
            assert!(all == text[..BEFORE_FLUSH], "{coding}");
            let error = Error::from(body.read(&mut piece).unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Io, "the source's own error: {error}");
        }
    }
}

#[test]
fn c08_a_bomb_is_read_in_pieces_within_the_readers_limit() {
    const SIZE: u64 = 16 << 20;
    let zeros = vec![0; SIZE as usize];
    for (coding, bomb) in [
        ("gzip", gzip(&zeros)),
        ("deflate", zlib(&zeros)),
        ("br", ZEROS_BR.to_vec()),
        ("zstd", zstd(&zeros[..8 << 20])),
        ("gzip, gzip", gzip(&gzip(&zeros))),
    ] {
        let make = || body(coding, Body::from(bomb.clone()));
        let copied = make().copy_to(&mut io::sink()).expect(coding);
        assert!(copied == SIZE || coding == "zstd", "{coding}: {copied}");
        assert_eq!(make().read_bytes(1 << 20).unwrap_err().kind(), ErrorKind::TooLarge, "{coding}");
        let error = Error::from(make().limited(1 << 20).copy_to(&mut io::sink()).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{coding}");
    }
}

/// One read into a large buffer decoded all of a bomb, and looked at its context only before that.
#[test]
fn c08_one_read_into_a_large_buffer_decodes_a_part_of_a_bomb() {
    const SIZE: usize = 4 << 20;
    for (coding, bomb) in [("gzip", gzip(&vec![0; SIZE])), ("zstd", zstd(&vec![0; SIZE]))] {
        let count = body(coding, Body::from(bomb)).read(&mut vec![0; SIZE]).unwrap();
        assert!((1..=SIZE / 8).contains(&count), "{coding}: {count} bytes in one read");
    }
}

#[test]
fn c08_decoding_ends_with_its_context() {
    let context = Context::new();
    let decoders = decoders(&fields(&["gzip"])).unwrap().unwrap();
    let zeros = gzip(&vec![0; 1 << 20]);
    let mut body = decoded(Body::from(zeros), decoders, Some(&context));
    assert_eq!(body.read(&mut [0; 1000]).unwrap(), 1000);
    context.cancel();
    let error = Error::from(body.read(&mut [0; 1000]).unwrap_err());
    assert!(error.is_cancelled(), "{error}");
}

/// Returns `count` bytes in gzip, `layers` times.
fn gzip_of_many(begin: &[u8], piece: &[u8], count: usize, layers: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(begin).unwrap();
    let pieces = piece.repeat(1 << 12);
    for _ in 0..count / pieces.len() {
        encoder.write_all(&pieces).unwrap();
    }
    let mut all = encoder.finish().unwrap();
    for _ in 1..layers {
        all = gzip(&all);
    }
    all
}

const TOO_LONG: &str = "more than 1 MiB, and 16 bytes for each decoded byte, are encoded";

/// The reader's limit counts decoded bytes, so that it would never be met.
#[test]
fn c08_data_that_decodes_to_nothing_has_a_limit() {
    const COUNT: usize = 5 << 18;
    let nothing = gzip(b"");
    // A metadata block of Brotli without bytes.
    let (window, metadata) = (b"\x0c".as_slice(), b"\x06".as_slice());
    for (codings, begin, piece) in [
        ("gzip", b"".as_slice(), nothing.as_slice()),
        ("deflate", b"\x78\x9c", b"\0\0\0\xff\xff"),
        ("zstd", b"", &zstd(b"")),
        ("zstd", b"", b"\x5f\x2a\x4d\x18\x05\0\0\0....."),
        ("zstd", b"\x5f\x2a\x4d\x18\0\0\0\x7f", b"."),
        ("br", window, metadata),
    ] {
        let plain = [begin, &piece.repeat(COUNT / piece.len())].concat();
        let error = error_text(codings, &plain);
        assert!(error.contains(TOO_LONG), "{codings} {piece:02x?}: {error}");
        for layers in (1..4).step_by(rounds::one_in(2)) {
            let nested = format!("{codings}{}", ", gzip".repeat(layers));
            let small = gzip_of_many(begin, piece, COUNT, layers);
            let error = error_text(&nested, &small);
            assert!(error.contains(TOO_LONG), "{nested} {piece:02x?}: {error}");
        }
    }
}

#[test]
fn c08_a_field_of_a_gzip_header_has_at_most_64_kib() {
    for (flag, field) in [(1 << 3, "name"), (1 << 4, "comment")] {
        let member = |length: usize| {
            let mut member = gzip(b"text");
            member[3] = flag;
            let text = [vec![b'x'; length], vec![0]].concat();
            member.splice(10..10, text);
            member
        };
        assert_eq!(decode_all("gzip", &member(64 * 1024)).unwrap(), b"text", "{field}");
        let error = error_text("gzip", &member(64 * 1024 + 1));
        assert!(error.ends_with("gzip: a field of the header has more than 64 KiB"), "{error}");
    }
    let mut member = gzip(b"text");
    member[3] = 1 << 2;
    member.splice(10..10, [vec![0xff; 2], vec![0; 0xffff]].concat());
    assert_eq!(decode_all("gzip", &member).unwrap(), b"text");
}

/// A server that sends each byte in a block, and an empty block behind it.
#[test]
fn c08_data_with_little_content_is_decoded() {
    let text = vec![b'x'; 1 << 17];
    let flushed =
        [b"\0\x01\0\xfe\xffx\0\0\0\xff\xff".repeat(text.len()), raw_deflate(b"")].concat();
    assert!(flushed.len() > 1 << 20, "{}", flushed.len());
    assert!(decode_all("deflate", &flushed).unwrap() == text);
    assert!(decode_all("deflate, zstd", &zstd(&flushed)).unwrap() == text);
    let frames = [b"\x5f\x2a\x4d\x18\0\0\x0c\0".to_vec(), vec![7; 0x0c_0000], zstd(&text)];
    assert!(decode_all("zstd", &frames.concat()).unwrap() == text);
}

/// The read ends although nothing was decoded.
#[test]
fn c08_decoding_without_output_ends_with_its_context() {
    /// A source of empty gzip members that cancels a context.
    struct Members(Context, Vec<u8>);
    impl Read for Members {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            assert!(!self.0.is_done(), "it is read after the end");
            self.0.cancel();
            buf[..self.1.len()].copy_from_slice(&self.1);
            Ok(self.1.len())
        }
    }
    let context = Context::new();
    let source = Body::from_reader(Members(context.clone(), gzip(b"")));
    let decoders = decoders(&fields(&["gzip"])).unwrap().unwrap();
    let mut body = decoded(source, decoders, Some(&context));
    let error = Error::from(body.read(&mut [0; 10]).unwrap_err());
    assert!(error.is_cancelled(), "{error}");
}
