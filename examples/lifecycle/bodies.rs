//! Endpoints about messages: bodies, trailers, statuses, headers.

use std::io::{Read, Write};

use hangup::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LINK, TRAILER};
use hangup::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use hangup::{Request, ResponseWriter, Result};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use crate::records::Records;
use crate::{argument, json, millis, query, text};

/// The size of a read or write, in bytes.
const PIECE: usize = 64 * 1024;

/// Byte `i` of `/bytes/N` is `i % PERIOD`. It is not a power of two, so a lost or repeated piece shows.
const PERIOD: usize = 251;

const CHECKSUM: HeaderName = HeaderName::from_static("x-checksum");

pub(crate) fn ok(_: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    text(w, StatusCode::OK, "ok")
}

/// Sends the body back while it arrives, then its trailers.
pub(crate) fn echo(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    for name in [CONTENT_TYPE, TRAILER] {
        if let Some(value) = r.headers().get(&name) {
            w.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(length) = r.body().len() {
        w.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    let mut piece = vec![0; PIECE];
    loop {
        match r.body_mut().read(&mut piece)? {
            0 => break,
            count => w.write_all(&piece[..count])?,
        }
        w.flush()?;
    }
    w.trailers_mut().extend(r.body_mut().take_trailers().unwrap_or_default());
    Ok(())
}

pub(crate) fn upload(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let (mut bytes, mut sha256) = (0, Sha256::new());
    let mut piece = vec![0; PIECE];
    loop {
        match r.body_mut().read(&mut piece)? {
            0 => break,
            count => {
                bytes += count as u64;
                sha256.update(&piece[..count]);
            }
        }
    }
    let digits: String = sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    json(w, &serde_json::json!({ "bytes": bytes, "sha256": digits }).to_string())
}

/// Responds without reading the body.
pub(crate) fn early(_: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    text(w, StatusCode::FORBIDDEN, "no")
}

pub(crate) fn bytes(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let mut left: u64 = argument(r)?;
    w.headers_mut().insert(CONTENT_LENGTH, left.into());
    w.set_header(CONTENT_TYPE, "application/octet-stream")?;
    if *r.method() == Method::HEAD {
        return Ok(());
    }
    // A whole number of periods, so that all pieces are equal.
    let pattern: Vec<u8> = (0..PERIOD as u8).cycle().take(PIECE / PERIOD * PERIOD).collect();
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(pattern.len());
        w.write_all(&pattern[..count])?;
        left -= count as u64;
    }
    Ok(())
}

/// Sends N lines, M ms apart, for `/stream/N?ms=M`.
pub(crate) fn stream(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let lines: u64 = argument(r)?;
    let apart = millis(r)?.unwrap_or_default();
    w.set_header(CONTENT_TYPE, "text/plain; charset=utf-8")?;
    for line in 1..=lines {
        if line > 1 {
            #[allow(clippy::disallowed_methods)] // This endpoint is slow on purpose.
            std::thread::sleep(apart);
        }
        // One write, since each write becomes a chunk.
        w.write_all(format!("line {line}\n").as_bytes())?;
        w.flush()?;
    }
    Ok(())
}

pub(crate) fn trailers(_: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    w.set_header(TRAILER, "X-Checksum")?.set_header(CONTENT_TYPE, "text/plain")?;
    w.write_all(b"hello")?;
    w.trailers_mut().insert(CHECKSUM, HeaderValue::from_static("5d41402a"));
    Ok(())
}

pub(crate) fn early_hints(_: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    let mut hints = HeaderMap::new();
    hints.insert(LINK, HeaderValue::from_static("</style.css>; rel=preload"));
    w.informational(StatusCode::EARLY_HINTS, &hints)?;
    text(w, StatusCode::OK, "ok")
}

pub(crate) fn status(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match StatusCode::from_u16(argument(r)?) {
        // These statuses have no body.
        Ok(
            status
            @ (StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED),
        ) => {
            w.set_status(status);
            Ok(())
        }
        Ok(status) if !status.is_informational() => text(w, status, &status.to_string()),
        _ => {
            text(w, StatusCode::BAD_REQUEST, "a final status has three digits and is at least 200")
        }
    }
}

/// Sends bodies whose type the server has to detect.
pub(crate) fn sniff(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let body: &[u8] = match r.uri().path() {
        "/sniff/html" => b"<!DOCTYPE html>\n<title>hello</title>\n",
        "/sniff/png" => b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "/sniff/text" => b"hello, reader\n",
        "/sniff/binary" => &[0, 1, 2, 3, 254, 255],
        _ => return text(w, StatusCode::NOT_FOUND, "html, png, text or binary"),
    };
    Ok(w.write_all(body)?)
}

/// Sets a header to the client's text. A line break is an error, and the response a 500.
pub(crate) fn header_smuggle(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let value: Vec<u8> = percent_decode_str(query(r, "v").unwrap_or_default()).collect();
    w.set_header("x-value", value)?;
    text(w, StatusCode::OK, "ok")
}
