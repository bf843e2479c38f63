//! A handler and its deadline under every order of their threads: one of them responds, and the client gets a
//! whole response.

use std::any::Any;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::{ResponseState, ResponseWriter};
use crate::error::{Error, Result};
use crate::handler::Request;
use crate::handler::sink::{FinalHead, ResponseEnd, Sink};
use crate::net::Duplex;
use crate::sync::explore::{Limits, explore};
use crate::sync::{Mutex, now};

/// The bytes that have reached the wire.
#[derive(Default)]
struct Sent {
    heads: Vec<StatusCode>,
    body: Vec<u8>,
    ends: usize,
}

#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Sent>>);

impl Sink for Wire {
    fn informational(&mut self, _: StatusCode, _: &HeaderMap) -> io::Result<()> {
        Ok(())
    }
    fn head(&mut self, head: &FinalHead<'_>) -> io::Result<()> {
        self.0.lock().heads.push(head.status);
        Ok(())
    }
    fn body(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.lock().body.extend_from_slice(data);
        Ok(())
    }
    fn end(&mut self, _: Option<&HeaderMap>) -> io::Result<()> {
        self.0.lock().ends += 1;
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn hijack(&mut self) -> Result<Duplex> {
        Err(Error::other("no connection"))
    }
    fn set_read_deadline(&mut self, _: Option<std::time::Instant>) {}
    fn set_write_deadline(&mut self, _: Option<std::time::Instant>) {}
    fn detach(&mut self) -> Box<dyn Sink> {
        Box::new(self.clone())
    }
    fn attach(&mut self, _: Box<dyn Any>) {}
}

#[test]
fn h09_a_handler_or_its_deadline_responds() {
    // How often each of them has responded, over all orders.
    let wins = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let counted = Arc::clone(&wins);
    explore(1500, Limits::AnyMoment, move || {
        let mut wire = Wire::default();
        let sent = Arc::clone(&wire.0);
        let mut state = ResponseState::default();
        state.begin(false);
        let mut writer = ResponseWriter::new(&mut state, &mut wire);
        let handler = |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
            w.informational(StatusCode::EARLY_HINTS, &HeaderMap::new())?;
            Ok(w.write_all(b"handled")?)
        };
        let deadline = now() + Duration::from_secs(1);
        let outcome = writer.handle_until(&mut Request::default(), &handler, deadline, |w| {
            w.set_status(StatusCode::SERVICE_UNAVAILABLE);
            Ok(w.write_all(b"late")?)
        });
        let in_time = outcome.expect("one of them responds");
        counted[usize::from(in_time)].fetch_add(1, Ordering::Relaxed);
        assert_eq!(writer.finish().expect("it ends"), ResponseEnd::Whole);
        let sent = sent.lock();
        let (status, body) = match in_time {
            true => (StatusCode::OK, &b"handled"[..]),
            false => (StatusCode::SERVICE_UNAVAILABLE, &b"late"[..]),
        };
        assert_eq!((&*sent.heads, &*sent.body, sent.ends), (&[status][..], body, 1));
    });
    let wins = wins.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert!(wins.iter().all(|count| *count > 50), "late and in time: {wins:?}");
}
