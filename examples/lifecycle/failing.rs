//! Endpoints whose handlers fail on purpose.

use std::io::Write;
use std::time::Instant;

use hangup::http::header::CONTENT_LENGTH;
use hangup::{Request, ResponseWriter, Result};

use crate::records::Records;

pub(crate) fn panic(_: &Records, _: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    panic!("this endpoint panics before it has written anything");
}

pub(crate) fn panic_late(_: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    w.write_all(b"the first half\n")?;
    w.flush()?;
    panic!("this endpoint panics in the middle of its response");
}

pub(crate) fn error(_: &Records, _: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    Err("this endpoint fails".into())
}

pub(crate) fn short(_: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    w.headers_mut().insert(CONTENT_LENGTH, 100.into());
    Ok(w.write_all(&[b'x'; 50])?)
}

/// Tries to write more than the declared length. The refused write sends nothing, so the response can
/// still be complete.
pub(crate) fn overlong(records: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    let begun = Instant::now();
    w.headers_mut().insert(CONTENT_LENGTH, 10.into());
    if w.write_all(&[b'x'; 20]).is_err() {
        records.event("overlong refused", begun);
        w.write_all(&[b'x'; 10])?;
    }
    Ok(())
}
