//! Names and values of a query or a form.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::str::FromStr;

use http::StatusCode;
use percent_encoding::percent_decode;

use super::fault::fault;
use crate::error::Result;

/// The names and values of a query or a form, decoded and in their order.
///
/// They are read as browsers write them (WHATWG URL section 5.1): pairs are separated by `&`, a `+` is a
/// space, and `%41` is a byte. A pair without `=` has an empty value. A `%` without two hexadecimal digits
/// stands for itself. Bytes that are not UTF-8 become U+FFFD. A semicolon separates nothing.
///
/// ```
/// use hangup::{Request, RequestExt};
///
/// let request = Request::get("/search?q=two+words&tag=a&tag=b&page=2").body(().into())?;
/// let query = request.query();
/// assert_eq!(query.get("q"), Some("two words"));
/// assert_eq!(query.get_all("tag").collect::<Vec<_>>(), ["a", "b"]);
/// assert_eq!(query.parse::<u32>("page")?, 2);
/// assert_eq!(query.parse_optional::<u32>("size")?, None);
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Pairs {
    /// The decoded names and values, one behind the other.
    text: String,
    spans: Vec<Span>,
    source: Source,
}

/// A pair in the text. It begins where the one before it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    name_end: usize,
    end: usize,
}

/// The part of the request that the pairs came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    #[default]
    Query,
    Form,
}

impl Pairs {
    pub(crate) fn decode(encoded: &[u8], source: Source) -> Self {
        let mut this = Self { source, ..Self::default() };
        this.text.reserve(encoded.len());
        for pair in encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            this.push(&pair[..equals]);
            let name_end = this.text.len();
            this.push(pair.get(equals + 1..).unwrap_or_default());
            this.spans.push(Span { name_end, end: this.text.len() });
        }
        this
    }

    fn push(&mut self, encoded: &[u8]) {
        let spaced: Cow<'_, [u8]> = match encoded.contains(&b'+') {
            true => encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect(),
            false => encoded.into(),
        };
        self.text.push_str(&percent_decode(&spaced).decode_utf8_lossy());
    }

    /// Returns the first value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next()
    }

    /// Returns all values of `name`, in their order.
    pub fn get_all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.iter().filter(move |(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Parses the first value of `name`.
    ///
    /// # Errors
    ///
    /// A response with status 400 that names the field, if there is no such value or `T` does not accept it.
    pub fn parse<T>(&self, name: &str) -> Result<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        self.parse_optional(name)?.ok_or_else(|| {
            let (kind, name) = (self.source.field(), name.escape_debug());
            fault(StatusCode::BAD_REQUEST, format_args!("{kind} \"{name}\" is missing"))
        })
    }

    /// Parses the first value of `name`. Returns `None` if there is no such value, or it is empty and `T`
    /// does not accept that, as for a number that was not filled in.
    ///
    /// # Errors
    ///
    /// A response with status 400 that names the field, if `T` does not accept the value.
    pub fn parse_optional<T>(&self, name: &str) -> Result<Option<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) if value.is_empty() => Ok(None),
            Err(error) => {
                let (kind, name) = (self.source.field(), name.escape_debug());
                Err(fault(StatusCode::BAD_REQUEST, format_args!("{kind} \"{name}\": {error}")))
            }
        }
    }

    /// Returns all names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let starts = std::iter::once(0).chain(self.spans.iter().map(|span| span.end));
        starts.zip(&self.spans).map(|(start, span)| {
            (&self.text[start..span.name_end], &self.text[span.name_end..span.end])
        })
    }

    /// Returns `true` if there is a value of `name`, which may be empty.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns `true` if there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
}

impl Eq for Pairs {}

impl PartialEq for Pairs {
    /// Compares the names and values in their order. A query may equal a form.
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.spans == other.spans
    }
}

impl Source {
    /// Returns the word for a field in an error.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Query => "query parameter",
            Self::Form => "form field",
        }
    }
}

impl fmt::Debug for Pairs {
    /// Shows only the names, since values may be passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
