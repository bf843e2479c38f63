//! The heads of responses, for `-v`, `-i`, `-I`, `-D` and `-w`.

use std::sync::Arc;

use hangup::client::RawHead;
use hangup::http::StatusCode;
use parking_lot::Mutex;

use crate::failure::Failure;
use crate::output::Output;
use crate::trace::Tracer;

/// Observes the heads of one request's responses, on the thread that reads them.
pub(crate) struct Heads {
    places: Places,
    tracer: Arc<Tracer>,
    seen: Mutex<Seen>,
}

/// The destinations of heads.
#[derive(Clone, Default)]
pub(crate) struct Places {
    /// `-i` and `-I`: before the body.
    pub(crate) output: Option<Arc<Mutex<Output>>>,
    /// `-D`
    pub(crate) dump: Option<Arc<Mutex<Output>>>,
}

/// Facts of the last head, also of an incomplete one.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) status: Option<StatusCode>,
    /// The fields of the last head, in their order.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    /// The size of all heads, in bytes.
    pub(crate) size: u64,
    not_written: Option<Failure>,
}

impl Heads {
    pub(crate) fn new(places: &Places, tracer: &Arc<Tracer>) -> Self {
        Self { places: places.clone(), tracer: Arc::clone(tracer), seen: Mutex::default() }
    }

    pub(crate) fn see(&self, head: &RawHead<'_>) {
        let mut seen = self.seen.lock();
        seen.status = head.status().or(seen.status);
        seen.fields = fields(head);
        seen.size += head.as_bytes().len() as u64;
        self.tracer.head_in(head.as_bytes());
        if head.status().is_some() && seen.not_written.is_none() {
            seen.not_written = self.places.write(head.as_bytes()).err();
        }
    }

    /// Shows the head of a proxy's response to CONNECT.
    pub(crate) fn see_proxy(&self, head: &RawHead<'_>) {
        let mut seen = self.seen.lock();
        seen.size += head.as_bytes().len() as u64;
        self.tracer.head_in(head.as_bytes());
        if seen.not_written.is_none() {
            seen.not_written = self.places.write(head.as_bytes()).err();
        }
    }

    /// Returns the facts of the last head.
    ///
    /// # Errors
    ///
    /// The heads could not be written.
    pub(crate) fn finish(&self) -> Result<Seen, Failure> {
        let mut seen = std::mem::take(&mut *self.seen.lock());
        match seen.not_written.take() {
            Some(failure) => Err(failure),
            None => Ok(seen),
        }
    }
}

impl Places {
    pub(crate) fn write(&self, head: &[u8]) -> Result<(), Failure> {
        for place in [&self.output, &self.dump].into_iter().flatten() {
            place.lock().write(head)?;
        }
        Ok(())
    }
}

impl Seen {
    /// Returns `true` if the last head is that of a final response.
    pub(crate) fn is_final(&self) -> bool {
        self.status.is_some_and(|status| !status.is_informational())
    }

    /// Returns the value of the first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// Returns the Location of a redirect.
    pub(crate) fn redirect(&self) -> Option<&[u8]> {
        let location = self.field("location").filter(|location| !location.is_empty());
        location.filter(|_| self.status.is_some_and(|status| status.is_redirection()))
    }
}

fn fields(head: &RawHead<'_>) -> Vec<(String, Vec<u8>)> {
    let field = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8_lossy(line[..colon].trim_ascii_end()).into_owned();
        Some((name, line[colon + 1..].trim_ascii().to_owned()))
    };
    head.lines().skip(1).filter_map(field).collect()
}
