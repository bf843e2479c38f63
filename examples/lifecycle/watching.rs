//! Endpoints that watch their client or take its connection over.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use hangup::http::StatusCode;
use hangup::{Request, RequestExt, ResponseWriter, Result};

use crate::records::Records;
use crate::{millis, text};

/// The wait if the query gives none.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn addr(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    text(w, StatusCode::OK, &client(r))
}

/// Never looks at its context, so its connection is not watched.
pub(crate) fn sleep(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let time = millis(r)?.unwrap_or_default();
    #[allow(clippy::disallowed_methods)] // This endpoint is slow on purpose.
    std::thread::sleep(time);
    text(w, StatusCode::OK, "ok")
}

/// Waits until its client has gone.
pub(crate) fn wait(records: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let begun = Instant::now();
    let patience = millis(r)?.unwrap_or(PATIENCE);
    // A body that breaks off means that the client has gone. The context ends as well.
    let _ = io::copy(r.body_mut(), &mut io::sink());
    if r.context().wait_timeout(patience).is_some() {
        records.event("wait cancelled", begun);
        return text(w, StatusCode::OK, "cancelled");
    }
    records.event("wait timeout", begun);
    text(w, StatusCode::OK, "timeout")
}

/// Does the same as `wait` with the close-notify channel.
pub(crate) fn close_notify(
    records: &Records,
    w: &mut ResponseWriter,
    r: &mut Request,
) -> Result<()> {
    let begun = Instant::now();
    let patience = millis(r)?.unwrap_or(PATIENCE);
    if r.close_notify().recv_timeout(patience).is_ok() {
        records.event("close-notify fired", begun);
        return text(w, StatusCode::OK, "fired");
    }
    records.event("close-notify timeout", begun);
    text(w, StatusCode::OK, "timeout")
}

/// Asks for the channel and ignores it. Later requests on the connection must not notice.
pub(crate) fn close_notify_discard(
    _: &Records,
    w: &mut ResponseWriter,
    r: &mut Request,
) -> Result<()> {
    let _ = r.close_notify();
    text(w, StatusCode::OK, &client(r))
}

/// Asks for the channel and then hijacks. The hijack must still work.
pub(crate) fn close_notify_hijack(
    _: &Records,
    w: &mut ResponseWriter,
    r: &mut Request,
) -> Result<()> {
    let _ = r.close_notify();
    let mut connection = w.hijack()?;
    let client = client(r);
    write!(
        connection,
        "HTTP/1.1 200 OK\r\n\
         X-Addr: {client}\r\n\
         Content-Length: 0\r\n\
         Connection: close\r\n\
         \r\n"
    )?;
    Ok(())
}

/// Turns the connection into an echo of bytes.
pub(crate) fn hijack(_: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    let mut connection = w.hijack()?;
    connection.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\n\
          Connection: Upgrade\r\n\
          Upgrade: echo\r\n\
          \r\n",
    )?;
    let mut piece = [0; 4096];
    loop {
        // The first read returns the bytes that followed the request head.
        match connection.read(&mut piece)? {
            0 => return Ok(()),
            count => connection.write_all(&piece[..count])?,
        }
    }
}

/// Returns the client's `IP:PORT`.
fn client(r: &Request) -> String {
    r.remote_addr().map_or_else(|| "unknown".to_owned(), |addr| addr.to_string())
}
