//! Values that a router took from the path of a request.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use http::StatusCode;

use super::fault::fault;
use crate::error::{Error, ErrorKind, Result};

/// Values by name. A request without any costs no allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct PathValues {
    /// The names and values, one behind the other.
    text: String,
    spans: Vec<Span>,
}

#[derive(Clone, Debug)]
struct Span {
    name: Range<usize>,
    value: Range<usize>,
}

/// How much memory is kept for the next request. Longer paths are rare.
const MOST_KEPT: usize = 256;

impl PathValues {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let span = self.spans.iter().find(|span| self.text[span.name.clone()] == *name)?;
        Some(&self.text[span.value.clone()])
    }

    /// Sets a value, in place of another of the same name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.spans.reserve(1);
        let name = self.push(name);
        let value = self.push(value);
        self.spans.push(Span { name, value });
    }

    pub(crate) fn parse<T>(&self, name: &str) -> Result<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(value) = self.get(name) else {
            let message = format!("the request has no path value {name:?}");
            return Err(Error::message(ErrorKind::Misuse, message));
        };
        value.parse().map_err(|error| {
            fault(StatusCode::BAD_REQUEST, format_args!("invalid path value {name:?}: {error}"))
        })
    }

    /// Removes all values. Keeps a little memory for those of the next request.
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.text.clear();
        self.text.shrink_to(MOST_KEPT);
        self.spans.shrink_to(MOST_KEPT / size_of::<Span>());
    }

    fn push(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn remove(&mut self, name: &str) {
        let has_name = |span: &Span| self.text[span.name.clone()] == *name;
        let Some(index) = self.spans.iter().position(has_name) else { return };
        let removed = self.spans.remove(index);
        let (start, end) = (removed.name.start, removed.value.end);
        self.text.drain(start..end);
        for Span { name, value } in &mut self.spans[index..] {
            for at in [&mut name.start, &mut name.end, &mut value.start, &mut value.end] {
                *at -= end - start;
            }
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h06_a_path_value_replaces_one_of_the_same_name() {
        let mut values = PathValues::default();
        assert_eq!(values.get(""), None);
        for (name, value) in [("a", "1"), ("bb", "two"), ("c", ""), ("", "empty"), ("é", "€")] {
            values.set(name, value);
        }
        for name in ["bb", "a", "é", "a", ""] {
            values.set(name, &format!("new {name}"));
        }
        let found = ["a", "bb", "c", "", "é", "x"].map(|name| values.get(name).unwrap_or("none"));
        assert_eq!(found, ["new a", "new bb", "", "new ", "new é", "none"]);
        values.clear();
        assert_eq!(values.get("a"), None);
        values.set("a", "again");
        assert_eq!(values.get("a"), Some("again"));
    }
}
