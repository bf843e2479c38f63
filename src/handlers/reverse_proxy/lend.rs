//! A body that is kept until an upstream begins to read it.

use std::sync::Arc;

use crate::sync::Mutex;
use crate::{Body, Error};

/// The body of a request that may be sent to several upstreams in turn.
///
/// A body from a connection can be read once. An upstream that cannot be reached has not read it, so the
/// next one gets it.
pub(super) enum Lent {
    /// There is one upstream.
    Once(Option<Body>),
    /// It can be read again.
    Copied(Body),
    /// The place from which the upstream that reads it takes it, and its length.
    Waiting(Arc<Mutex<Option<Body>>>, Option<u64>),
}

impl Lent {
    pub(super) fn new(body: Body, several: bool) -> Self {
        if !several {
            return Self::Once(Some(body));
        }
        match body.try_clone() {
            Some(copy) => Self::Copied(copy),
            None => {
                let length = body.len();
                Self::Waiting(Arc::new(Mutex::new(Some(body))), length)
            }
        }
    }

    /// Returns the body for the next upstream. `None` if another has read it.
    pub(super) fn next(&mut self) -> Option<Body> {
        match self {
            Self::Once(body) => body.take(),
            Self::Copied(body) => body.try_clone(),
            Self::Waiting(place, length) => {
                place.lock().as_ref()?;
                let place = Arc::clone(place);
                Some(Body::replayable(*length, move || {
                    let body = place.lock().take();
                    body.ok_or_else(|| Error::other("the body of the request was read").into())
                }))
            }
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn h11_a_body_is_lent_until_it_is_read() {
        let mut lent = Lent::new(Body::from_sized_reader(&b"hello"[..], 5), true);
        let unread = lent.next().unwrap();
        assert_eq!(unread.len(), Some(5));
        drop(unread);
        let mut read = lent.next().unwrap();
        read.read_exact(&mut [0]).unwrap();
        assert!(lent.next().is_none());

        let mut copied = Lent::new(Body::from("hello"), true);
        assert!(copied.next().is_some() && copied.next().is_some());
        let mut once = Lent::new(Body::from("hello"), false);
        assert!(once.next().is_some() && once.next().is_none());
    }
}
