//! The Content-Type of a request whose body has one.

use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::fields::Fields;
use crate::body::Body;

/// The Content-Type that is written beside the fields of a request.
pub(super) enum BodyType {
    /// The request has none.
    Added(HeaderValue),
    /// In place of the request's own.
    Completed(HeaderValue),
}

impl BodyType {
    /// Returns the Content-Type that `body` brings along, unless the fields have one. A multipart type of
    /// the fields that lacks its boundary is completed by the body's, since no server could read the body
    /// otherwise.
    #[inline]
    pub(super) fn of(body: &Body, fields: Fields<'_>) -> Option<Self> {
        let own = body.content_type()?;
        match fields.find(&CONTENT_TYPE) {
            None => Some(Self::Added(own.clone())),
            Some(given) => completed(given, own).map(Self::Completed),
        }
    }

    pub(super) fn value(&self) -> &HeaderValue {
        match self {
            Self::Added(value) | Self::Completed(value) => value,
        }
    }
}

/// Returns the type that was `given`, with the boundary of a form. `None` if it needs none.
fn completed(given: &HeaderValue, form: &HeaderValue) -> Option<HeaderValue> {
    let (_, boundary) = form.to_str().ok()?.split_once("; boundary=")?;
    let given = given.to_str().ok()?.trim_end_matches([';', ' ', '\t']);
    let lower = given.to_ascii_lowercase();
    let mut parameters = lower.split(';').map(str::trim);
    let is_multipart = parameters.next().is_some_and(|kind| kind.starts_with("multipart/"));
    if !is_multipart || parameters.any(|parameter| parameter.starts_with("boundary")) {
        return None;
    }
    format!("{given}; boundary={boundary}").try_into().ok()
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn c04_a_multipart_type_without_boundary_is_completed() {
        let form = HeaderValue::from_static("multipart/form-data; boundary=abc");
        for (given, expected) in [
            ("multipart/form-data", Some("multipart/form-data; boundary=abc")),
            ("Multipart/Mixed; x=y", Some("Multipart/Mixed; x=y; boundary=abc")),
            ("multipart/related ; ", Some("multipart/related; boundary=abc")),
            ("multipart/form-data; Boundary=\"own\"", None),
            ("multipart/form-data;boundary=own", None),
            ("application/json", None),
        ] {
            let completed = completed(&HeaderValue::from_static(given), &form);
            assert_eq!(
                completed.as_ref().map(|value| value.to_str().unwrap()),
                expected,
                "{given}"
            );
        }
        let plain = HeaderValue::from_static("application/json");
        assert_eq!(completed(&HeaderValue::from_static("multipart/mixed"), &plain), None);
    }
}
