//! The header fields of a request: its own, and the client's defaults that it does not set itself.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Two layers that read as one; nothing is copied.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    own: &'a HeaderMap,
    defaults: &'a HeaderMap,
}

impl<'a> Fields<'a> {
    pub(super) fn new(own: &'a HeaderMap, defaults: &'a HeaderMap) -> Self {
        Self { own, defaults }
    }

    /// The layer that decides on `name`: the request's own if it is there.
    pub(super) fn layer_of(self, name: &HeaderName) -> &'a HeaderMap {
        if self.own.contains_key(name) { self.own } else { self.defaults }
    }

    /// The first of the fields called `name`.
    pub(super) fn get(self, name: &HeaderName) -> Option<&'a HeaderValue> {
        self.layer_of(name).get(name)
    }

    pub(super) fn contains(self, name: &HeaderName) -> bool {
        self.layer_of(name).contains_key(name)
    }

    /// All of them, the request's own first.
    pub(super) fn iter(self) -> impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)> {
        let defaults = self.defaults.iter().filter(move |(name, _)| !self.own.contains_key(*name));
        self.own.iter().chain(defaults)
    }
}

/// Puts into `own` the `defaults` that it does not set itself.
pub(super) fn merge(own: &mut HeaderMap, defaults: &HeaderMap) {
    for (name, value) in defaults {
        if !own.contains_key(name) {
            own.insert(name, value.clone());
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use http::header::{ACCEPT, HOST, USER_AGENT};

    use super::*;

    #[test]
    fn a_default_counts_where_the_request_says_nothing() {
        let value = HeaderValue::from_static;
        let mut own = HeaderMap::new();
        own.append(ACCEPT, value("one"));
        own.append(ACCEPT, value("two"));
        own.append(HOST, value("a"));
        let defaults: HeaderMap =
            [(ACCEPT, value("*/*")), (USER_AGENT, value("us"))].into_iter().collect();

        let fields = Fields::new(&own, &defaults);
        assert_eq!(fields.get(&ACCEPT).unwrap(), "one");
        assert_eq!(fields.get(&USER_AGENT).unwrap(), "us");
        assert!(fields.contains(&HOST) && !fields.contains(&http::header::EXPECT));
        let seen: Vec<_> = fields.iter().map(|(_, value)| value.as_bytes()).collect();
        assert_eq!(seen, [&b"one"[..], b"two", b"a", b"us"]);

        let read =
            |fields: Fields<'_>| fields.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        let layered: HeaderMap = read(fields);
        merge(&mut own, &defaults);
        assert_eq!(own, layered);
    }
}
