//! Interim responses that another thread sends.

use std::fmt;
use std::io;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use crate::error::{Error, ErrorKind, Result};

/// Sends the interim responses (1xx) of one request, from any thread.
///
/// [`ResponseWriter::interim_sender`](crate::ResponseWriter::interim_sender) returns it. With it, a handler
/// passes on interim responses while its own thread waits for something else. Cloning is cheap.
///
/// ```
/// use hangup::{Request, ResponseWriter, Result};
/// use http::{HeaderMap, StatusCode};
/// use std::{io::Write, thread};
///
/// fn slow(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
///     let interim = w.interim_sender()?;
///     let hints = thread::spawn(move || interim.send(StatusCode::EARLY_HINTS, &HeaderMap::new()));
///     hints.join().unwrap()?;
///     Ok(w.write_all(b"done")?)
/// }
/// # let response = hangup::testing::call(&slow, Request::new(()))?;
/// # assert_eq!(hangup::testing::informational(&response).len(), 1);
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct InterimSender(Option<Arc<dyn SendInterim>>);

/// The wire below an [`InterimSender`].
pub(crate) trait SendInterim: Send + Sync {
    /// Sends an interim response unless the final head was sent, and returns whether it did.
    fn send(&self, status: StatusCode, headers: &HeaderMap) -> io::Result<bool>;
}

impl InterimSender {
    pub(crate) fn new(wire: Arc<dyn SendInterim>) -> Self {
        Self(Some(wire))
    }

    /// Creates a sender that sends nothing.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Sends an interim response at once, such as 103 (Early Hints). Sends nothing to an HTTP/1.0 client,
    /// nor over FastCGI and CGI.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Misuse`] if the status is not 1xx, is 101, or if the final head was sent. The error of
    /// writing if that fails.
    ///
    /// # Blocking
    ///
    /// As writing the response. The response's own head waits until this has returned.
    pub fn send(&self, status: StatusCode, headers: &HeaderMap) -> Result<()> {
        check_interim(status)?;
        match &self.0 {
            None => Ok(()),
            Some(wire) => match wire.send(status, headers)? {
                true => Ok(()),
                false => Err(too_late()),
            },
        }
    }
}

/// Checks that a response of this status can be an interim one.
pub(super) fn check_interim(status: StatusCode) -> Result<()> {
    if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
        let message = format!("{} is not an interim status", status.as_u16());
        return Err(Error::message(ErrorKind::Misuse, message));
    }
    Ok(())
}

#[cold]
pub(super) fn too_late() -> Error {
    Error::message(ErrorKind::Misuse, "an interim response after the final head")
}

impl fmt::Debug for InterimSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InterimSender").finish_non_exhaustive()
    }
}
