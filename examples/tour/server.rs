//! The server's side of the tour: one handler with a function for each path.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use hangup::http::StatusCode;
use hangup::http::header::CONTENT_TYPE;
use hangup::{Handler, Request, RequestExt, ResponseWriter, Result};

/// The server's handler, with the channels through which it reports to the tour.
pub(crate) struct Site {
    entered: Sender<()>,
    noticed: Sender<Duration>,
    released: Receiver<()>,
}

/// The tour's ends of the channels.
pub(crate) struct Backstage {
    /// Receives a value when a slow handler has begun.
    pub(crate) entered: Receiver<()>,
    /// Receives the time that a handler ran until it learned that its client had gone.
    pub(crate) noticed: Receiver<Duration>,
    /// Lets the handler of `/slow` finish.
    pub(crate) release: Sender<()>,
}

impl Site {
    pub(crate) fn new() -> (Self, Backstage) {
        let (entered, of_entered) = unbounded();
        let (noticed, of_noticed) = unbounded();
        let (release, released) = unbounded();
        let site = Self { entered, noticed, released };
        (site, Backstage { entered: of_entered, noticed: of_noticed, release })
    }
}

impl Handler for Site {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        match r.uri().path() {
            "/hello" => hello(w),
            "/echo" => echo(w, r),
            "/forbidden" => forbidden(w),
            "/forever" => self.forever(r),
            "/upgrade" => upgrade(w),
            "/slow" => self.slow(w),
            _ => {
                w.set_status(StatusCode::NOT_FOUND);
                Ok(())
            }
        }
    }
}

fn hello(w: &mut ResponseWriter) -> Result<()> {
    Ok(w.write_all(b"hello, stranger")?)
}

/// Sends the body back while it arrives. Only one piece is in memory.
fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    w.set_header(CONTENT_TYPE, "application/octet-stream")?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        match r.body_mut().read(&mut piece)? {
            0 => return Ok(()),
            count => w.write_all(&piece[..count])?,
        }
    }
}

/// Responds before it has read any of the body.
fn forbidden(w: &mut ResponseWriter) -> Result<()> {
    w.set_status(StatusCode::FORBIDDEN);
    Ok(w.write_all(b"no uploads here")?)
}

impl Site {
    /// Waits until its client has gone.
    fn forever(&self, r: &Request) -> Result<()> {
        let (begun, client) = (Instant::now(), r.context());
        let _ = self.entered.send(());
        client.wait();
        let _ = self.noticed.send(begun.elapsed());
        Ok(())
    }

    /// Waits until the tour lets it finish.
    fn slow(&self, w: &mut ResponseWriter) -> Result<()> {
        let _ = self.entered.send(());
        self.released.recv()?;
        Ok(w.write_all(b"worth waiting for")?)
    }
}

/// Takes the connection over and echoes every byte.
fn upgrade(w: &mut ResponseWriter) -> Result<()> {
    let mut connection = w.hijack()?;
    connection.write_all(
        b"HTTP/1.1 101 Switching Protocols\r\n\
          Connection: Upgrade\r\n\
          Upgrade: echo\r\n\
          \r\n",
    )?;
    let mut piece = [0; 1024];
    loop {
        match connection.read(&mut piece) {
            Ok(count @ 1..) => connection.write_all(&piece[..count])?,
            Ok(0) | Err(_) => return Ok(()),
        }
    }
}
