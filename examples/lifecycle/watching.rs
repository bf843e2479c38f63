//! Endpoints that watch their client, or take its connection over.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use hangup::http::StatusCode;
use hangup::{Request, RequestExt, ResponseWriter, Result};

use crate::records::Records;
use crate::{millis, text};

/// How long is waited if the query does not say.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn addr(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    text(w, StatusCode::OK, &client(r))
}

/// Sees nothing and hears nothing: what a handler costs that does not look at its context.
pub(crate) fn sleep(_: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let time = millis(r)?.unwrap_or_default();
    #[allow(clippy::disallowed_methods)] // This endpoint is there to be slow.
    std::thread::sleep(time);
    text(w, StatusCode::OK, "ok")
}

/// Waits for its client to go away.
pub(crate) fn wait(records: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let begun = Instant::now();
    let patience = millis(r)?.unwrap_or(PATIENCE);
    // A body that breaks off is a client that has gone, which the context tells as well.
    let _ = io::copy(r.body_mut(), &mut io::sink());
    if r.context().wait_timeout(patience).is_some() {
        records.event("wait cancelled", begun);
        return text(w, StatusCode::OK, "cancelled");
    }
    records.event("wait timeout", begun);
    text(w, StatusCode::OK, "timeout")
}

/// As `wait`, by the channel.
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

/// Having asked must not spoil the requests that follow on the connection.
pub(crate) fn close_notify_discard(
    _: &Records,
    w: &mut ResponseWriter,
    r: &mut Request,
) -> Result<()> {
    let _ = r.close_notify();
    text(w, StatusCode::OK, &client(r))
}

/// Nor must it spoil a hijack.
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
        // The first pieces are what came right behind the request.
        match connection.read(&mut piece)? {
            0 => return Ok(()),
            count => connection.write_all(&piece[..count])?,
        }
    }
}

/// `IP:PORT` of the client, as far as it has one.
fn client(r: &Request) -> String {
    r.remote_addr().map_or_else(|| "unknown".to_owned(), |addr| addr.to_string())
}
