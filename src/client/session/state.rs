//! The state of a session within one hop.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The session's part of a hop.
#[derive(Clone, Default)]
pub(in crate::client) struct HopState {
    /// The fields that the session has added. In a box, since most hops have none.
    added: Option<Box<Added>>,
    /// The fields that the user's code has removed or replaced on purpose. The session adds none of them.
    withheld: Vec<HeaderName>,
    /// How the hop's origin was chosen.
    pub(super) origin: Origin,
}

/// How the origin of a hop was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// By the caller.
    #[default]
    Given,
    /// By a redirect that has left the caller's origin.
    Redirected,
}

/// The fields that a session adds to a hop.
#[derive(Clone, Default)]
pub(super) struct Added {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) cookie: Option<AddedCookie>,
}

/// A Cookie field of the caller's cookies and those of the store.
#[derive(Clone)]
pub(super) struct AddedCookie {
    pub(super) merged: HeaderValue,
    /// The request's own fields, which the merged one replaces.
    pub(super) own: Vec<HeaderValue>,
}

impl HopState {
    pub(super) fn withholds(&self, name: &HeaderName) -> bool {
        self.withheld.contains(name)
    }

    /// Notes that the request goes to another origin by a redirect.
    pub(in crate::client) fn leave_origin(&mut self) {
        *self = Self { origin: Origin::Redirected, ..Self::default() };
    }

    /// Notes the added fields, and writes them.
    pub(super) fn add(&mut self, added: Added, headers: &mut HeaderMap) {
        if let Some(value) = &added.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if let Some(cookie) = &added.cookie {
            headers.insert(COOKIE, cookie.merged.clone());
        }
        self.added = Some(Box::new(added));
    }

    /// Removes the added fields: the request has its own again.
    pub(super) fn remove_added(&mut self, headers: &mut HeaderMap) {
        let Some(added) = self.added.take() else { return };
        if added.authorization.is_some() {
            headers.remove(AUTHORIZATION);
        }
        if let Some(cookie) = added.cookie {
            set_all(headers, &COOKIE, cookie.own);
        }
    }

    /// Returns the state of a request to another origin, on which the user's code has decided.
    pub(super) fn elsewhere(&self) -> Self {
        Self { added: None, withheld: Vec::new(), origin: self.origin }
    }

    /// Returns the state of a request that the user's code has passed on within the origin. Of the fields
    /// that were added, those that it left as they were are removed from `headers`, since they are derived
    /// anew. Those that it removed or changed stay so.
    pub(super) fn passed_on(&self, headers: &mut HeaderMap) -> Self {
        let mut state = Self { added: None, ..self.clone() };
        let Some(Added { authorization, cookie }) = self.added.as_deref() else { return state };
        if let Some(value) = authorization {
            match headers.get(AUTHORIZATION) {
                Some(kept) if kept == value => _ = headers.remove(AUTHORIZATION),
                _ => state.withhold(AUTHORIZATION),
            }
        }
        if let Some(AddedCookie { merged, own }) = cookie {
            let mut values: Vec<_> = headers.get_all(COOKIE).iter().cloned().collect();
            match values.iter().position(|value| value == merged) {
                Some(at) => {
                    values.splice(at..=at, own.iter().cloned());
                    set_all(headers, &COOKIE, values);
                }
                None => state.withhold(COOKIE),
            }
        }
        state
    }

    pub(super) fn withhold(&mut self, name: HeaderName) {
        if !self.withholds(&name) {
            self.withheld.push(name);
        }
    }

    /// Undoes [`withhold`](Self::withhold).
    pub(super) fn allow(&mut self, name: &HeaderName) {
        self.withheld.retain(|withheld| withheld != name);
    }
}

/// Replaces the fields called `name`.
fn set_all(headers: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>) {
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}
