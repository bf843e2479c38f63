//! The request's body on the standard input of a program.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Instant;

use super::process::{Killer, ProcessInput};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{self, Mutex, contain};

/// How much of a body is read and written at once, in bytes.
const PIECE: usize = 16 * 1024;

/// The sending of a body. Dropping it ends the sending.
pub(super) struct Sending {
    failure: Arc<Mutex<Option<Error>>>,
    killer: Killer,
    /// Ends reads of the body's source. `None` without a thread.
    source: Option<Context>,
}

impl Sending {
    /// Sends `body`, on a thread unless it is short and has arrived.
    pub(super) fn start(
        mut body: Body,
        input: Option<ProcessInput>,
        killer: &Killer,
        context: &Context,
    ) -> Result<Self> {
        let failure = Arc::new(Mutex::new(None));
        let mut sending = Self { failure, killer: killer.clone(), source: None };
        let Some(mut input) = input else { return Ok(sending) };
        let mut rest = None;
        if let Some(bytes) = body.peek_short(Instant::now()) {
            let sent = write_now(&mut input, bytes);
            if sent == bytes.len() {
                return Ok(sending);
            }
            rest = Some(bytes[sent..].to_vec());
        }
        let source = context.child();
        if let Some(rest) = rest {
            body = Body::from(rest);
        }
        body.set_context(&source);
        let (failure, killer) = (Arc::clone(&sending.failure), killer.clone());
        sync::spawn("hangup-cgi-body", None, move || {
            let sent = contain(|| send(body, input));
            let error = match sent {
                Some(Ok(())) => return,
                Some(Err(error)) => error,
                None => Error::message(ErrorKind::BodySource, "the body's source panicked"),
            };
            *failure.lock() = Some(error);
            // The program must not take a part of the body for the whole.
            killer.kill();
        })?;
        sending.source = Some(source);
        Ok(sending)
    }

    /// Returns the error of the body's source.
    pub(super) fn failure(&self) -> Option<Error> {
        self.failure.lock().clone()
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        if let Some(source) = &self.source {
            source.cancel();
            self.killer.release();
        }
    }
}

/// Writes as much as there is room for. A program that has closed its input has room for everything.
fn write_now(input: &mut ProcessInput, bytes: &[u8]) -> usize {
    let mut sent = 0;
    while sent < bytes.len() {
        match input.try_write(&bytes[sent..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return bytes.len(),
        }
    }
    sent
}

/// Sends the body to its end, or until the program no longer reads it.
fn send(mut body: Body, mut input: ProcessInput) -> Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let count = match body.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(match error.downcast::<Error>() {
                    Ok(error) => error,
                    Err(error) => Error::with_source(ErrorKind::BodySource, error),
                });
            }
        };
        let mut rest = &piece[..count];
        while !rest.is_empty() {
            match input.write(rest) {
                Ok(count) => rest = &rest[count..],
                // The program has closed its input, or the request is over.
                Err(_) => return Ok(()),
            }
        }
    }
}
