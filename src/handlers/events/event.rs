//! One event in the format of event streams (HTML Standard, section 9.2.5).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Error, ErrorKind, Result};

/// One event of an event stream, with its fields encoded.
///
/// Strings convert into events that have data only. Cloning is cheap, so one event can be sent to many
/// clients.
///
/// A client reads the events with [`EventSource`](crate::client::EventSource). In a browser,
/// `new EventSource(url)` does.
///
/// ```
/// use hangup::events::Event;
///
/// let event = Event::new("two\nlines").name("news").id("7");
/// assert_eq!(event.to_string(), "data: two\ndata: lines\nevent: news\nid: 7\n\n");
/// ```
///
/// # Invalid fields
///
/// A line break in a name or an id would begin another field. Sending such an event fails with
/// [`ErrorKind::InvalidMessage`], and nothing of it is sent.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "an event is sent by `EventWriter::send`"]
pub struct Event {
    /// The lines of the fields, without the empty line that ends the event. Shared by all clones.
    lines: Arc<String>,
    /// The first field that cannot be sent.
    invalid: Option<Invalid>,
}

/// A field that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invalid {
    Name,
    IdWithLineBreak,
    IdWithNul,
}

impl Event {
    /// Creates an event with data. LF, CR and CRLF each end a line of it. The client receives the lines
    /// joined by LF.
    pub fn new(data: impl AsRef<str>) -> Self {
        Self::default().lines_of("data: ", data.as_ref())
    }

    /// Creates a comment, which clients ignore. It may have several lines.
    pub fn comment(text: impl AsRef<str>) -> Self {
        Self::default().lines_of(": ", text.as_ref())
    }

    /// Sets the name of the event. A browser calls it the event's type. Without a name it is `message`.
    ///
    /// The name must not contain a line break.
    pub fn name(self, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        match name.contains(['\n', '\r']) {
            true => self.refuse(Invalid::Name),
            false => self.line("event: ", name),
        }
    }

    /// Sets the id of the event. A client that reconnects sends the last id:
    /// [`RequestExt::last_event_id`](crate::RequestExt::last_event_id) returns it. An empty id resets it.
    ///
    /// The id must not contain a line break or NUL. The client of this crate ignores one of more than 4 KiB.
    pub fn id(self, id: impl AsRef<str>) -> Self {
        let id = id.as_ref();
        if id.contains(['\n', '\r']) {
            return self.refuse(Invalid::IdWithLineBreak);
        }
        // Clients ignore such an id, so that the event would have that of an earlier one.
        if id.contains('\0') {
            return self.refuse(Invalid::IdWithNul);
        }
        self.line("id: ", id)
    }

    /// Sets the time that the client waits before it reconnects, in whole milliseconds. It applies from
    /// this event on. A browser waits a few seconds by default.
    ///
    /// ```
    /// use hangup::events::Event;
    /// use std::time::Duration;
    ///
    /// let retry = Event::default().retry(Duration::from_secs(2)); // no data: not an event for the page
    /// assert_eq!(retry.to_string(), "retry: 2000\n\n");
    /// ```
    pub fn retry(self, delay: Duration) -> Self {
        self.line("retry: ", &delay.as_millis().to_string())
    }

    /// Returns the encoded event, with the empty line that ends it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidMessage`] if a field is invalid.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<()> {
        if let Some(invalid) = self.invalid {
            return Err(invalid.into());
        }
        out.extend_from_slice(self.lines.as_bytes());
        out.push(b'\n');
        Ok(())
    }

    /// Appends a line for each line of `text`.
    fn lines_of(self, field: &str, text: &str) -> Self {
        let mut event = self;
        let mut rest = text;
        while let Some(end) = rest.find(['\n', '\r']) {
            let (line, from_end) = rest.split_at(end);
            event = event.line(field, line);
            rest = from_end.strip_prefix("\r\n").unwrap_or(&from_end[1..]);
        }
        event.line(field, rest)
    }

    /// Appends a line. The client removes the one space behind the colon.
    fn line(mut self, field: &str, value: &str) -> Self {
        let lines = Arc::make_mut(&mut self.lines);
        lines.reserve(field.len() + value.len() + 1);
        lines.push_str(field);
        lines.push_str(value);
        lines.push('\n');
        self
    }

    fn refuse(mut self, invalid: Invalid) -> Self {
        self.invalid.get_or_insert(invalid);
        self
    }
}

#[cfg(feature = "json")]
impl Event {
    /// Creates an event whose data is `value` as JSON.
    ///
    /// ```
    /// use hangup::events::Event;
    ///
    /// let event = Event::json(&["a", "b"])?;
    /// assert_eq!(event.to_string(), "data: [\"a\",\"b\"]\n\n");
    /// # Ok::<(), hangup::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Other`] if `value` cannot be written as JSON.
    pub fn json(value: &(impl serde_core::Serialize + ?Sized)) -> Result<Self> {
        serde_json::to_string(value).map(Self::new).map_err(Error::other)
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        let message = match invalid {
            Invalid::Name => "event name: contains a line break",
            Invalid::IdWithLineBreak => "event id: contains a line break",
            Invalid::IdWithNul => "event id: contains NUL",
        };
        Self::of_kind(ErrorKind::InvalidMessage, message)
    }
}

impl From<&str> for Event {
    fn from(data: &str) -> Self {
        Self::new(data)
    }
}

impl From<String> for Event {
    fn from(data: String) -> Self {
        Self::new(data)
    }
}

impl From<&Event> for Event {
    /// Clones the event, which is cheap.
    fn from(event: &Event) -> Self {
        event.clone()
    }
}

impl fmt::Display for Event {
    /// Writes the event as it is sent. Invalid fields are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.lines)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("lines", &self.lines).field("invalid", &self.invalid).finish()
    }
}
