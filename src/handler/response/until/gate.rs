//! The wire of a handler with a time limit.

use std::any::Any;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, StatusCode};

use super::relay::{Relay, Step, too_late};
use crate::body::FilePart;
use crate::error::{Error, Result};
use crate::handler::InterimSender;
use crate::handler::response::{HOLD_BACK, ResponseWriter};
use crate::handler::sink::{FinalHead, Length, Sink};
use crate::net::Duplex;
use crate::sync;

/// How long a write may block behind the deadline. A write that begins just before it must be able to send
/// what does not block: otherwise the client would get the end of the stream without a byte.
const WRITE_MARGIN: Duration = Duration::from_millis(50);

/// The wire of the handler's response: the outer response, as long as it may be written.
pub(super) struct Gate {
    pub(super) relay: Arc<Relay>,
    /// When the response must have begun.
    pub(super) limit: Instant,
    /// When a response that was sent in part is cut off. `None` if the handler has set a write deadline.
    pub(super) cut: Option<Instant>,
    /// The write deadline of the connection from before the response began, if that was changed.
    pub(super) lasts: Option<Option<Instant>>,
    /// A part of the response was refused, because it came behind the deadline.
    pub(super) has_cut: bool,
}

impl Gate {
    pub(super) fn with<T>(
        &self,
        step: impl FnOnce(&mut ResponseWriter<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        self.relay.with(Step::Continues, step)
    }

    /// Passes on a part of the response. Behind the deadline, that fails if the head was sent, or if the
    /// part would be written now. Otherwise the response may still become a whole one.
    fn pass_on(
        &mut self,
        is_written: bool,
        step: impl FnOnce(&mut ResponseWriter<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let is_late = self.cut.is_some_and(|cut| cut <= sync::now());
        let has_cut = &mut self.has_cut;
        self.relay.with(Step::Continues, |outer| {
            if is_late && (is_written || outer.is_head_sent()) {
                *has_cut = true;
                return Err(too_late().into());
            }
            step(outer)
        })
    }
}

impl Sink for Gate {
    fn informational(&mut self, status: StatusCode, headers: &HeaderMap) -> io::Result<()> {
        self.with(|outer| Ok(outer.informational(status, headers)?))
    }

    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
        if self.limit <= sync::now() {
            // The timer may be late.
            self.relay.replace();
        }
        let cut = self.cut;
        self.lasts = self.relay.with(Step::Begins, |outer| {
            // The inner response has decided on the type.
            outer.set_status(head.status).set_sniffing(false);
            let headers = outer.headers_mut();
            headers.clone_from(head.headers);
            if let Some(kind) = head.sniffed {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            if let Length::Known(length) = head.length {
                outer.state.head.set_length(length);
            }
            let before = outer.sink.write_deadline();
            let cut = cut.and_then(|cut| cut.checked_add(WRITE_MARGIN));
            let changed = cut.filter(|cut| before.is_none_or(|before| before > *cut));
            if changed.is_some() {
                outer.set_write_deadline(changed);
            }
            if head.head_only && head.length == Length::Unknown {
                // No body follows from which the outer response could tell.
                outer.commit(false)?;
            }
            Ok(changed.map(|_| before))
        })?;
        Ok(())
    }

    fn body(&mut self, data: &[u8]) -> io::Result<()> {
        self.pass_on(data.len() > HOLD_BACK, |outer| outer.write_all(data))
    }

    fn file(&mut self, part: &FilePart<'_>, sent: &mut u64) -> io::Result<()> {
        self.pass_on(true, |outer| Ok(outer.pass_part_on(part, sent)?))
    }

    fn end(&mut self, trailers: Option<&HeaderMap>) -> io::Result<()> {
        let Some(trailers) = trailers else { return Ok(()) };
        self.with(|outer| {
            outer.trailers_mut().extend(trailers.clone());
            Ok(())
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(true, |outer| outer.flush())
    }

    fn hijack(&mut self) -> Result<Duplex> {
        Ok(self.with(|outer| Ok(outer.hijack()?))?)
    }

    fn interim_sender(&mut self) -> io::Result<InterimSender> {
        self.with(|outer| Ok(outer.interim_sender()?))
    }

    fn body_failure(&self) -> Option<Error> {
        self.with(|outer| Ok(outer.body_failure())).ok().flatten()
    }

    fn set_read_deadline(&mut self, deadline: Option<Instant>) {
        let _ = self.with(|outer| {
            outer.set_read_deadline(deadline);
            Ok(())
        });
    }

    fn set_write_deadline(&mut self, deadline: Option<Instant>) {
        (self.cut, self.lasts) = (None, None);
        let _ = self.with(|outer| {
            outer.set_write_deadline(deadline);
            Ok(())
        });
    }

    fn write_deadline(&self) -> Option<Instant> {
        self.with(|outer| Ok(outer.sink.write_deadline())).ok().flatten()
    }

    fn release(&mut self) -> io::Result<()> {
        self.with(|outer| {
            outer.finish()?;
            outer.sink.release()
        })
    }

    fn detach(&mut self) -> Box<dyn Sink> {
        let (relay, lasts) = (Arc::clone(&self.relay), self.lasts);
        let Self { limit, cut, has_cut, .. } = *self;
        Box::new(Self { relay, limit, cut, lasts, has_cut })
    }

    fn attach(&mut self, sink: Box<dyn Any>) {
        if let Ok(gate) = sink.downcast::<Self>() {
            *self = *gate;
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::handler::{Request, ResponseState};
    use crate::{Body, Response};

    /// A wire that sends files without a copy.
    #[derive(Default)]
    struct SendsFiles {
        length: Option<Length>,
        by_file: u64,
        copied: usize,
    }

    impl Sink for SendsFiles {
        fn informational(&mut self, _: StatusCode, _: &HeaderMap) -> io::Result<()> {
            Ok(())
        }

        fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
            self.length = Some(head.length);
            Ok(())
        }

        fn body(&mut self, data: &[u8]) -> io::Result<()> {
            self.copied += data.len();
            Ok(())
        }

        fn file(&mut self, part: &FilePart<'_>, sent: &mut u64) -> io::Result<()> {
            self.by_file += part.length;
            *sent += part.length;
            Ok(())
        }

        fn end(&mut self, _: Option<&HeaderMap>) -> io::Result<()> {
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn hijack(&mut self) -> Result<Duplex> {
            Err(too_late())
        }

        fn set_read_deadline(&mut self, _: Option<Instant>) {}

        fn set_write_deadline(&mut self, _: Option<Instant>) {}

        fn detach(&mut self) -> Box<dyn Sink> {
            Box::new(std::mem::take(self))
        }

        fn attach(&mut self, sink: Box<dyn Any>) {
            *self = *sink.downcast().expect("it was detached");
        }
    }

    #[test]
    fn h09_a_file_within_a_time_limit_is_sent_without_a_copy() {
        const LENGTH: u64 = 100_000;
        let path = std::env::temp_dir().join(format!("hangup-gate-{}", std::process::id()));
        fs::write(&path, vec![b'x'; LENGTH as usize]).unwrap();
        let file = File::open(&path).unwrap();
        fs::remove_file(&path).unwrap();

        let (mut state, mut wire) = (ResponseState::default(), SendsFiles::default());
        state.begin(false);
        let mut writer = ResponseWriter::new(&mut state, &mut wire);
        let handler = move |w: &mut ResponseWriter<'_>, _: &mut Request| -> Result<()> {
            let body = Body::from(file.try_clone()?);
            w.send(Response::builder().header(CONTENT_TYPE, "text/plain").body(body)?)
        };
        let far = Instant::now() + Duration::from_secs(3600);
        let in_time = writer.handle_until(&mut Request::default(), &handler, far, |_| Ok(()));
        assert!(in_time.unwrap());
        assert_eq!(writer.bytes_sent(), LENGTH);
        assert_eq!((wire.length, wire.copied), (Some(Length::Known(LENGTH)), 0));
        assert_eq!(wire.by_file, LENGTH);
    }
}
