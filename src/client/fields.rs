//! The header fields of a request: its own, and the client's defaults that it does not set itself.

use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHORIZATION, RANGE,
    TRANSFER_ENCODING,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, ErrorKind, Result};
use crate::h1;

/// How many characters of an invalid header name an error quotes.
const MOST_QUOTED: usize = 100;

/// A value that can be read as the name of a header field: text in any case, or a [`HeaderName`].
///
/// The trait is sealed: other crates cannot implement it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the name of a header field",
    note = "names are text, such as `&str` and `String`, or a `HeaderName`"
)]
pub trait IntoHeaderName: sealed::Sealed {}

mod sealed {
    use http::HeaderName;

    use crate::error::Result;

    pub trait Sealed {
        fn into_name(self) -> Result<HeaderName>;
    }
}

macro_rules! names {
    ($($given:ty: $name:ident => $read:expr),+ $(,)?) => {$(
        impl IntoHeaderName for $given {}

        impl sealed::Sealed for $given {
            fn into_name(self) -> Result<HeaderName> {
                let $name = self;
                $read
            }
        }
    )+};
}

names! {
    HeaderName: name => Ok(name),
    &HeaderName: name => Ok(name.clone()),
    &str: text => read_name(text),
    String: text => read_name(&text),
    &String: text => read_name(text),
}

fn read_name(text: &str) -> Result<HeaderName> {
    HeaderName::try_from(text).map_err(|_| {
        let shown: String = text.chars().take(MOST_QUOTED).collect();
        Error::message(ErrorKind::InvalidMessage, format!("invalid header name {shown:?}"))
    })
}

/// Reads a header field as users give it. The error names the field and does not show its value, which
/// may be a secret.
pub(super) fn read_field<V>(
    name: impl IntoHeaderName,
    value: V,
) -> Result<(HeaderName, HeaderValue)>
where
    V: TryInto<HeaderValue>,
{
    let name = name.into_name()?;
    let value = value.try_into().map_err(|_| Error::header_value(&name))?;
    Ok((name, value))
}

/// Returns the error for a request with a Transfer-Encoding. The body alone decides on it.
pub(super) fn transfer_encoding() -> Error {
    let message = "header \"transfer-encoding\" cannot be set: the body determines it";
    Error::message(ErrorKind::InvalidMessage, message)
}

/// The header fields of a client's requests that do not set them themselves.
#[derive(Clone, Default)]
pub(super) struct DefaultFields {
    fields: HeaderMap,
    /// The fields as they are written, without those that [`is_placed`]. Most requests have no others.
    written: Vec<u8>,
    /// One of [`MESSAGE_FIELDS`] is among them. Since that is rare, it saves a look-up for each.
    frames: bool,
    /// One of [`CODING_FIELDS`] is among them.
    chooses_coding: bool,
}

/// The fields that decide how a request is sent.
const MESSAGE_FIELDS: [HeaderName; 5] =
    [CONNECTION, CONTENT_LENGTH, EXPECT, HOST, PROXY_AUTHORIZATION];

/// The fields by which a request decides on the content codings of its response. The bytes of a `Range` are
/// those of the encoded body.
const CODING_FIELDS: [HeaderName; 2] = [ACCEPT_ENCODING, RANGE];

impl DefaultFields {
    pub(super) fn new(fields: HeaderMap) -> Self {
        let mut written = Vec::new();
        write(&mut written, &fields);
        let contains = |names: &[HeaderName]| names.iter().any(|name| fields.contains_key(name));
        let (frames, chooses_coding) = (contains(&MESSAGE_FIELDS), contains(&CODING_FIELDS));
        Self { fields, written, frames, chooses_coding }
    }

    /// Adds to `own` the fields that it does not set itself.
    pub(super) fn merge_into(&self, own: &mut HeaderMap) {
        for (name, value) in &self.fields {
            if !own.contains_key(name) {
                own.insert(name, value.clone());
            }
        }
    }
}

/// The header fields of a request: its own, and the client's defaults that it does not set itself. The
/// two layers read as one; nothing is copied.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    own: &'a HeaderMap,
    defaults: Option<&'a DefaultFields>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(own: &'a HeaderMap, defaults: Option<&'a DefaultFields>) -> Self {
        Self { own, defaults }
    }

    /// Returns the layer that decides on `name`, one of [`MESSAGE_FIELDS`]: the request's own if the field
    /// is there, or is in neither.
    pub(super) fn layer_of(self, name: &HeaderName) -> &'a HeaderMap {
        debug_assert!(MESSAGE_FIELDS.contains(name), "{name}");
        match self.defaults {
            Some(defaults) if defaults.frames && !self.own.contains_key(name) => &defaults.fields,
            _ => self.own,
        }
    }

    /// Returns the first of the fields called `name`, one of [`MESSAGE_FIELDS`].
    pub(super) fn get(self, name: &HeaderName) -> Option<&'a HeaderValue> {
        self.layer_of(name).get(name)
    }

    /// Returns the first of the fields called `name`.
    pub(super) fn find(self, name: &HeaderName) -> Option<&'a HeaderValue> {
        self.own.get(name).or_else(|| self.defaults?.fields.get(name))
    }

    /// Returns `true` if there is a field called `name`.
    pub(super) fn contains(self, name: &HeaderName) -> bool {
        self.own.contains_key(name)
            || self.defaults.is_some_and(|defaults| defaults.fields.contains_key(name))
    }

    /// Returns `true` if a field decides on the content codings of the response.
    pub(super) fn choose_coding(self) -> bool {
        self.defaults.is_some_and(|defaults| defaults.chooses_coding)
            || !self.own.is_empty() && CODING_FIELDS.iter().any(|name| self.own.contains_key(name))
    }

    /// Appends all fields, the request's own first, without those that [`is_placed`].
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self.defaults {
            Some(defaults) if self.own.is_empty() => out.extend_from_slice(&defaults.written),
            _ => {
                write(out, self.own);
                write(out, self.unset_defaults());
            }
        }
    }

    /// As [`write`](Self::write), without the fields called as one of `left_out`.
    pub(super) fn write_without(self, out: &mut Vec<u8>, left_out: &[HeaderName]) {
        write(out, self.own.iter().filter(|(name, _)| !left_out.contains(name)));
        write(out, self.unset_defaults().filter(|(name, _)| !left_out.contains(name)));
    }

    /// Returns the default fields that the request does not set itself.
    fn unset_defaults(self) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        let defaults = self.defaults.into_iter().flat_map(|defaults| &defaults.fields);
        defaults.filter(move |(name, _)| !self.own.contains_key(*name))
    }
}

fn write<'f>(
    out: &mut Vec<u8>,
    fields: impl IntoIterator<Item = (&'f HeaderName, &'f HeaderValue)>,
) {
    for (name, value) in fields {
        if !is_placed(name) {
            h1::write_field(out, name, value.as_bytes());
        }
    }
}

/// Returns `true` if the field is not written among the others: Host comes first in a head, the framing
/// last, and the credentials for a proxy go to a proxy only.
fn is_placed(name: &HeaderName) -> bool {
    [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, PROXY_AUTHORIZATION].contains(name)
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::header::{ACCEPT, USER_AGENT};

    use super::*;

    fn map<const N: usize>(fields: [(HeaderName, &'static str); N]) -> HeaderMap {
        fields.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
    }

    fn written(own: &HeaderMap, defaults: &DefaultFields) -> String {
        let mut out = Vec::new();
        Fields::new(own, Some(defaults)).write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_default_counts_where_the_request_says_nothing() {
        let defaults = DefaultFields::new(map([(ACCEPT, "*/*"), (USER_AGENT, "us")]));
        let mut own = map([(HOST, "a"), (ACCEPT, "one")]);
        own.append(ACCEPT, HeaderValue::from_static("two"));

        let fields = Fields::new(&own, Some(&defaults));
        assert_eq!((fields.get(&HOST).unwrap(), fields.get(&EXPECT)), (&own[HOST], None));
        let layered = written(&own, &defaults);
        assert_eq!(layered, "Accept: one\r\nAccept: two\r\nUser-Agent: us\r\n");

        defaults.merge_into(&mut own);
        assert_eq!(written(&own, &DefaultFields::default()), layered);
    }

    #[test]
    fn what_frames_a_message_may_be_a_default() {
        let defaults = DefaultFields::new(map([(HOST, "us"), (EXPECT, "100-continue")]));
        let own = map([(HOST, "own")]);
        let fields = Fields::new(&own, Some(&defaults));
        assert_eq!(fields.get(&HOST).unwrap(), "own");
        assert_eq!(fields.get(&EXPECT).unwrap(), "100-continue");
        assert_eq!(fields.get(&CONNECTION), None);
    }

    #[test]
    fn a_request_without_fields_has_the_defaults() {
        let defaults = DefaultFields::new(map([(HOST, "a"), (USER_AGENT, "us")]));
        assert_eq!(written(&HeaderMap::new(), &defaults), "User-Agent: us\r\n");
        assert_eq!(written(&HeaderMap::new(), &DefaultFields::default()), "");
    }
}
