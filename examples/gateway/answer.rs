//! The endpoints. They work under any prefix of the path.

use std::io::{self, Write};

use hangup::http::StatusCode;
use hangup::{Request, RequestExt, ResponseWriter, Result};
use sha2::{Digest, Sha256};

/// The longest body that is read into memory, in bytes.
const MOST: u64 = 64 << 20;

/// Chooses the endpoint by the last segment of the path.
pub(crate) fn route(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let path = r.uri().path().to_owned();
    match path.rsplit('/').next().unwrap_or_default() {
        "echo" => echo(w, r),
        "digest" => digest(w, r),
        "large" => large(w),
        "who" => who(w, r),
        "log" => log(w, r),
        "refuse" => text(w, StatusCode::FORBIDDEN, "not read"),
        "missing" => text(w, StatusCode::NOT_FOUND, "not found"),
        "panic" => panic!("the path asked for a panic"),
        _ => text(w, StatusCode::OK, &format!("hello {path}")),
    }
}

/// Sends the body back after reading all of it. Few web servers stream in both directions at once.
fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let body = r.body_mut().read_bytes(MOST)?;
    Ok(w.write_all(&body)?)
}

/// Responds with the length and SHA-256 of the body.
fn digest(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let mut hash = Sha256::new();
    let length = io::copy(r.body_mut(), &mut Hashing(&mut hash))?;
    text(w, StatusCode::OK, &format!("{length} {}", hex(&hash.finalize())))
}

struct Hashing<'a>(&'a mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.update(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sends more bytes than any buffer on the way can hold.
fn large(w: &mut ResponseWriter) -> Result<()> {
    let piece = [b'x'; 1 << 16];
    for _ in 0..80 {
        w.write_all(&piece)?;
    }
    Ok(())
}

/// Responds with the addresses of the client and the web server.
fn who(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let scheme = if r.is_https() { "https" } else { "http" };
    let server = r.variables().and_then(|of| of.get("SERVER_SOFTWARE")).unwrap_or("?").to_owned();
    let remote = r.remote_addr().map_or_else(|| "?".to_owned(), |addr| addr.to_string());
    let local = r.local_addr().map_or_else(|| "?".to_owned(), |addr| addr.to_string());
    text(w, StatusCode::OK, &format!("{scheme} {remote} to {local} by {server}"))
}

/// Writes a line to the web server's error log.
fn log(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    if let Some(mut errors) = r.error_stream() {
        writeln!(errors, "gateway: a line for the log")?;
    }
    text(w, StatusCode::OK, "logged")
}

fn text(w: &mut ResponseWriter, status: StatusCode, line: &str) -> Result<()> {
    w.set_status(status).set_header("content-type", "text/plain; charset=utf-8")?;
    Ok(writeln!(w, "{line}")?)
}
