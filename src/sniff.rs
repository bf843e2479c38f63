//! Detection of the media type of a body from its first bytes, for responses without a Content-Type.
//!
//! This is the identification of an unknown type from the
//! [MIME Sniffing Standard](https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type).
//! Browsers follow the same standard, so the announced type is the one that they would detect.
//! The signatures are in one table, [`SIGNATURES`], and the first match wins:
//!
//! ```text
//!    first 512 bytes ──> markup ──> marked text ──> images ──> sound, film ──> fonts ──> archives
//!                                                                                           │
//!            application/octet-stream <── yes ── a byte that no text holds? <───────────────┘
//!                          text/plain <── no ───┘
//! ```
//!
//! Text is announced as UTF-8 unless a byte order mark indicates another encoding. The table differs from the
//! standard's in four places:
//!
//! * Fonts are detected, although browsers do not sniff for them on a page. It costs nothing.
//! * Embedded OpenType is not detected: its signature is two letters after 34 arbitrary bytes, which
//!   ordinary text may contain by chance.
//! * RAR begins with `Rar!`, as in its specification and in real files, not with `Rar` and a space.
//! * MP3 without an ID3 tag is not detected: two frames rarely fit into the examined bytes.

use Signature::{Exactly, Leading, Masked, Rule, Tag};

/// The number of bytes examined. A server holds back at most this much of a response for detection.
pub(crate) const LOOK_AT: usize = 512;

const HTML: &str = "text/html; charset=utf-8";
const XML: &str = "text/xml; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// A pattern that identifies a type.
enum Signature {
    /// A markup tag, ignoring case, after white space. It ends with a space or `>`.
    Tag(&'static [u8]),
    /// These bytes, after white space.
    Leading(&'static [u8]),
    /// These bytes at the start.
    Exactly(&'static [u8]),
    /// The bytes of the first slice where the second, of equal length, has [`IS`]. Any bytes elsewhere.
    Masked(&'static [u8], &'static [u8]),
    /// A body that begins with this byte and satisfies the function.
    Rule(u8, fn(&[u8]) -> bool),
}

/// The byte of a mask that selects a comparison. Any other byte (`.` here) matches everything.
const IS: u8 = b'#';

/// In the order of the standard, which decides if two match.
#[rustfmt::skip]
const SIGNATURES: &[(Signature, &str)] = &[
    // Markup, and PDF, which can contain scripts as well.
    (Tag(b"<!DOCTYPE HTML"), HTML),
    (Tag(b"<HTML"), HTML),
    (Tag(b"<HEAD"), HTML),
    (Tag(b"<SCRIPT"), HTML),
    (Tag(b"<IFRAME"), HTML),
    (Tag(b"<H1"), HTML),
    (Tag(b"<DIV"), HTML),
    (Tag(b"<FONT"), HTML),
    (Tag(b"<TABLE"), HTML),
    (Tag(b"<A"), HTML),
    (Tag(b"<STYLE"), HTML),
    (Tag(b"<TITLE"), HTML),
    (Tag(b"<B"), HTML),
    (Tag(b"<BODY"), HTML),
    (Tag(b"<BR"), HTML),
    (Tag(b"<P"), HTML),
    (Tag(b"<!--"), HTML),
    (Leading(b"<?xml"), XML),
    (Exactly(b"%PDF-"), "application/pdf"),
    // Marked text. A byte order mark counts if the body has four bytes, as in the standard.
    (Exactly(b"%!PS-Adobe-"), "application/postscript"),
    (Masked(b"\xFE\xFF..",
            b"##.."), "text/plain; charset=utf-16be"),
    (Masked(b"\xFF\xFE..",
            b"##.."), "text/plain; charset=utf-16le"),
    (Masked(b"\xEF\xBB\xBF.",
            b"###."), TEXT),
    // Images.
    (Exactly(b"\x00\x00\x01\x00"), "image/x-icon"),
    (Exactly(b"\x00\x00\x02\x00"), "image/x-icon"), // a cursor
    (Exactly(b"BM"), "image/bmp"),
    (Exactly(b"GIF87a"), "image/gif"),
    (Exactly(b"GIF89a"), "image/gif"),
    (Masked(b"RIFF....WEBPVP",
            b"####....######"), "image/webp"),
    (Exactly(b"\x89PNG\r\n\x1A\n"), "image/png"),
    (Exactly(b"\xFF\xD8\xFF"), "image/jpeg"),
    // Sound and film.
    (Masked(b"FORM....AIFF",
            b"####....####"), "audio/aiff"),
    (Exactly(b"ID3"), "audio/mpeg"),
    (Exactly(b"OggS\x00"), "application/ogg"),
    (Exactly(b"MThd\x00\x00\x00\x06"), "audio/midi"),
    (Masked(b"RIFF....AVI ",
            b"####....####"), "video/avi"),
    (Masked(b"RIFF....WAVE",
            b"####....####"), "audio/wave"),
    (Rule(0x00, is_mp4), "video/mp4"), // the size of a box within the examined bytes
    (Rule(0x1A, is_webm), "video/webm"),
    // Fonts.
    (Exactly(b"\x00\x01\x00\x00"), "font/ttf"),
    (Exactly(b"OTTO"), "font/otf"),
    (Exactly(b"ttcf"), "font/collection"),
    (Exactly(b"wOFF"), "font/woff"),
    (Exactly(b"wOF2"), "font/woff2"),
    // Archives.
    (Exactly(b"\x1F\x8B\x08"), "application/x-gzip"),
    (Exactly(b"PK\x03\x04"), "application/zip"),
    (Exactly(b"Rar!\x1A\x07\x00"), "application/x-rar-compressed"),
    (Exactly(b"Rar!\x1A\x07\x01\x00"), "application/x-rar-compressed"), // since RAR 5
];

/// Returns the Content-Type of a body that begins with `body_start`. At most 512 bytes are examined.
///
/// Without a match the type is text if every byte can be text (an empty body is text), and
/// `application/octet-stream` otherwise.
pub(crate) fn content_type(body_start: &[u8]) -> &'static str {
    let start = &body_start[..body_start.len().min(LOOK_AT)];
    let signed = match start.first() {
        Some(&first) if CAN_BEGIN[usize::from(first)] => {
            SIGNATURES.iter().find(|(signature, _)| signature.fits(start))
        }
        _ => None,
    };
    match signed {
        Some((_, kind)) => kind,
        // Without an early exit, so that the compiler vectorises the loop.
        None if start.iter().fold(false, |seen, &byte| seen | is_binary(byte)) => BINARY,
        None => TEXT,
    }
}

/// The bytes that a signature can begin with. Most bodies without a type begin with another byte.
const CAN_BEGIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < SIGNATURES.len() {
        match SIGNATURES[at].0 {
            Tag(bytes) | Leading(bytes) | Exactly(bytes) => table[bytes[0] as usize] = true,
            Masked(bytes, mask) => {
                assert!(mask[0] == IS);
                table[bytes[0] as usize] = true;
            }
            Rule(first, _) => table[first as usize] = true,
        }
        at += 1;
    }
    let mut space = 0;
    while space < SPACES.len() {
        table[SPACES[space] as usize] = true;
        space += 1;
    }
    table
};

/// Returns `true` for white space that may precede markup.
const SPACES: &[u8] = b"\t\n\x0C\r ";

impl Signature {
    fn fits(&self, start: &[u8]) -> bool {
        match self {
            Tag(name) => skip_whitespace(start)
                .split_at_checked(name.len())
                .is_some_and(|(tag, rest)| tag.eq_ignore_ascii_case(name) && ends_tag(rest)),
            Leading(bytes) => skip_whitespace(start).starts_with(bytes),
            Exactly(bytes) => start.starts_with(bytes),
            Masked(bytes, mask) => {
                debug_assert_eq!(bytes.len(), mask.len());
                start.len() >= bytes.len()
                    && start.iter().zip(*bytes).zip(*mask).all(|((a, b), &m)| m != IS || a == b)
            }
            Rule(_, holds) => holds(start),
        }
    }
}

fn skip_whitespace(start: &[u8]) -> &[u8] {
    let spaces = start.iter().take_while(|byte| SPACES.contains(byte)).count();
    &start[spaces..]
}

fn ends_tag(rest: &[u8]) -> bool {
    matches!(rest.first(), Some(b' ' | b'>'))
}

/// Returns `true` if `byte` cannot be text: a control character but tab, line ends, form feed and escape.
fn is_binary(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0B | 0x0E..=0x1A | 0x1C..=0x1F)
}

/// Returns `true` for an `ftyp` box with a brand that begins with `mp4`. The box consists of its size, its
/// name, a major brand, a version and other brands, of four bytes each.
fn is_mp4(start: &[u8]) -> bool {
    let Some((&size, [b'f', b't', b'y', b'p', brands @ ..])) = start.split_first_chunk() else {
        return false;
    };
    let size = u32::from_be_bytes(size) as usize;
    if size % 4 != 0 || start.len() < size.max(12) {
        return false;
    }
    let compatible = start.get(16..size).unwrap_or_default();
    brands.starts_with(b"mp4") || compatible.chunks(4).any(|brand| brand.starts_with(b"mp4"))
}

/// Returns `true` for an EBML header with an early element DocType (0x4282) whose value is `webm`, possibly
/// after zeros. Other Matroska files have another value.
fn is_webm(start: &[u8]) -> bool {
    const SOON: usize = 38;
    start.starts_with(b"\x1A\x45\xDF\xA3")
        && (4..SOON.min(start.len())).any(|at| {
            start[at..].strip_prefix(b"\x42\x82").is_some_and(|element| {
                let zeros = |bytes: &[u8]| bytes.iter().take_while(|&&byte| byte == 0).count();
                // The number of leading zero bits is the number of further bytes of the length.
                let length_bytes = element.first().map_or(0, |first| first.leading_zeros() + 1);
                let value = element.get(length_bytes as usize..).unwrap_or_default();
                value[zeros(value)..].starts_with(b"webm")
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One body for each row of the table, in its order, cut to the shortest that is detected.
    #[rustfmt::skip]
    const SHORTEST: &[(&[u8], &str)] = &[
        (b"<!DOCTYPE HTML>", HTML),
        (b"<HTML>", HTML),
        (b"<HEAD>", HTML),
        (b"<SCRIPT>", HTML),
        (b"<IFRAME>", HTML),
        (b"<H1>", HTML),
        (b"<DIV>", HTML),
        (b"<FONT>", HTML),
        (b"<TABLE>", HTML),
        (b"<A>", HTML),
        (b"<STYLE>", HTML),
        (b"<TITLE>", HTML),
        (b"<B>", HTML),
        (b"<BODY>", HTML),
        (b"<BR>", HTML),
        (b"<P>", HTML),
        (b"<!-->", HTML),
        (b"<?xml", XML),
        (b"%PDF-", "application/pdf"),
        (b"%!PS-Adobe-", "application/postscript"),
        (b"\xFE\xFF\0a", "text/plain; charset=utf-16be"),
        (b"\xFF\xFEa\0", "text/plain; charset=utf-16le"),
        (b"\xEF\xBB\xBF\0", TEXT),
        (b"\0\0\x01\0", "image/x-icon"),
        (b"\0\0\x02\0", "image/x-icon"),
        (b"BM", "image/bmp"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP", "image/webp"),
        (b"\x89PNG\r\n\x1A\n", "image/png"),
        (b"\xFF\xD8\xFF", "image/jpeg"),
        (b"FORM\0\0\x10\0AIFF", "audio/aiff"),
        (b"ID3", "audio/mpeg"),
        (b"OggS\0", "application/ogg"),
        (b"MThd\0\0\0\x06", "audio/midi"),
        (b"RIFF\x24\0\0\0AVI ", "video/avi"),
        (b"RIFF\x24\0\0\0WAVE", "audio/wave"),
        (b"\0\0\0\x14ftypisom\0\0\x02\0mp42", "video/mp4"),
        (b"\x1A\x45\xDF\xA3\x9F\x42\x86\x81\x01\x42\x82\x84webm", "video/webm"),
        (b"\0\x01\0\0", "font/ttf"),
        (b"OTTO", "font/otf"),
        (b"ttcf", "font/collection"),
        (b"wOFF", "font/woff"),
        (b"wOF2", "font/woff2"),
        (b"\x1F\x8B\x08", "application/x-gzip"),
        (b"PK\x03\x04", "application/zip"),
        (b"Rar!\x1A\x07\0", "application/x-rar-compressed"),
        (b"Rar!\x1A\x07\x01\0", "application/x-rar-compressed"),
    ];

    #[test]
    fn each_row_is_recognised_with_whatever_follows() {
        assert_eq!(SHORTEST.len(), SIGNATURES.len());
        for (&(body, kind), (signature, listed)) in SHORTEST.iter().zip(SIGNATURES) {
            assert!(signature.fits(body), "{kind}: {}", body.escape_ascii());
            assert_eq!(kind, *listed);
            assert_eq!(content_type(body), kind, "{}", body.escape_ascii());
            assert_eq!(content_type(&[body, &[0; 600]].concat()), kind, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn a_cut_signature_is_text_or_binary() {
        for &(body, _) in SHORTEST {
            for len in 0..body.len() {
                let cut = &body[..len];
                let plain = if cut.iter().any(|&byte| is_binary(byte)) { BINARY } else { TEXT };
                assert_eq!(content_type(cut), plain, "{}", cut.escape_ascii());
            }
        }
    }

    #[test]
    fn a_signature_with_another_byte_is_not_recognised() {
        for (&(body, _), (signature, _)) in SHORTEST.iter().zip(SIGNATURES) {
            let mut other = body.to_vec();
            other[0] ^= 0x55;
            assert!(!signature.fits(&other), "{}", other.escape_ascii());
        }
    }

    #[test]
    fn tags_in_either_case_behind_white_space() {
        let cases: &[(&[u8], &str)] = &[
            (b"<html>", HTML),
            (b"<HtMl lang=de>", HTML),
            (b"\t\n\x0C\r <!doctype html>", HTML),
            (b"<h1>", HTML),
            (b"<!-- a comment", HTML),
            (b"<html\n>", TEXT),
            (b"<htmlx>", TEXT),
            (b"<address>", TEXT),
            (b"<!doctype\thtml>", TEXT),
            (b"<html", TEXT),
            (b"\x0B<html>", BINARY),
            (b"x<html>", TEXT),
            (b" <?xml version='1.0'?>", XML),
            (b"<?XML", TEXT),
            (b" %PDF-", TEXT),
            (b" GIF89a", TEXT),
        ];
        for &(body, kind) in cases {
            assert_eq!(content_type(body), kind, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn film_boxes() {
        let cases: &[(&[u8], &str)] = &[
            // The major brand suffices.
            (b"\0\0\0\x0Cftypmp41", "video/mp4"),
            // The version is not a brand, even if it reads like one.
            (b"\0\0\0\x14ftypisommp42avc1", BINARY),
            // A brand after the box does not count.
            (b"\0\0\0\x10ftypisom\0\0\0\0mp42", BINARY),
            // A size that is not a multiple of a brand, and one beyond the body.
            (b"\0\0\0\x0Dftypmp41 ", BINARY),
            (b"\0\0\0\x20ftypmp41\0\0\0\0", BINARY),
            (b"\0\0\0\x0Cfreemp41", BINARY),
            (b"\x1A\x45\xDF\xA3\x42\x82\x88matroska", BINARY),
            // The length in two bytes, and padding before the value.
            (b"\x1A\x45\xDF\xA3\x42\x82\x40\x04webm", "video/webm"),
            (b"\x1A\x45\xDF\xA3\x42\x82\x86\0\0webm", "video/webm"),
            (b"\x1A\x45\xDF\xA3\x42\x82", BINARY),
            (b"\x1A\x45\xDF\xA3\x42\x82\0", BINARY),
        ];
        for &(body, kind) in cases {
            assert_eq!(content_type(body), kind, "{}", body.escape_ascii());
        }
        let late = [b"\x1A\x45\xDF\xA3" as &[u8], &[b'-'; 34], b"\x42\x82\x84webm"].concat();
        assert_eq!(content_type(&late), BINARY);
        assert_eq!(content_type(&[&late[..4], &late[5..]].concat()), "video/webm");
    }

    #[test]
    fn a_byte_that_no_text_holds_makes_it_binary() {
        let in_text = |byte: u8| matches!(byte, b'\t' | b'\n' | 0x0C | b'\r' | 0x1B | 0x20..);
        for byte in 0..=0xFF {
            let kind = if in_text(byte) { TEXT } else { BINARY };
            assert_eq!(content_type(&[b'a', byte, b'b']), kind, "{byte:#04x}");
        }
        assert_eq!(content_type(b""), TEXT);
        assert_eq!(content_type(b" \r\n"), TEXT);
        assert_eq!(content_type("grüß Gott".as_bytes()), TEXT);
    }

    #[test]
    fn only_the_first_512_bytes_count() {
        let mut body = vec![b' '; LOOK_AT];
        body.push(0);
        assert_eq!(content_type(&body), TEXT);
        body.swap(LOOK_AT - 1, LOOK_AT);
        assert_eq!(content_type(&body), BINARY);

        let page = |spaces| [vec![b' '; spaces], b"<html>".to_vec()].concat();
        assert_eq!(content_type(&page(LOOK_AT - 6)), HTML);
        assert_eq!(content_type(&page(LOOK_AT - 5)), TEXT);
    }
}
