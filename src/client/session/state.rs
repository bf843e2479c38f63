//! The state of a session within one hop.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The session's part of a hop. It is as small as a pointer, since most hops have none.
#[derive(Clone, Default)]
pub(in crate::client) struct HopState(Option<Box<Noted>>);

/// A part that is not empty.
#[derive(Clone, Default)]
struct Noted {
    /// The fields that the session has added.
    added: Option<Added>,
    /// The fields that the user's code has removed or replaced on purpose. The session adds none of them.
    withheld: Vec<HeaderName>,
    origin: Origin,
}

/// How the origin of a hop was chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// By the caller.
    #[default]
    Given,
    /// By a redirect that has left the origin before it.
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
    fn noted(&mut self) -> &mut Noted {
        self.0.get_or_insert_default()
    }

    /// Returns how the origin of the hop was chosen.
    pub(super) fn origin(&self) -> Origin {
        self.0.as_ref().map_or(Origin::Given, |noted| noted.origin)
    }

    pub(super) fn withholds(&self, name: &HeaderName) -> bool {
        self.0.as_ref().is_some_and(|noted| noted.withheld.contains(name))
    }

    /// Has the session not add a field.
    pub(super) fn withhold(&mut self, name: HeaderName) {
        if !self.withholds(&name) {
            self.noted().withheld.push(name);
        }
    }

    /// Undoes [`withhold`](Self::withhold).
    pub(super) fn allow(&mut self, name: &HeaderName) {
        if self.withholds(name) {
            self.noted().withheld.retain(|withheld| withheld != name);
        }
    }

    /// Notes that the request follows a redirect, within its origin or to another. A decision of the user's
    /// code about cookies holds for one hop, and one about credentials for the origin.
    pub(in crate::client) fn follow(&mut self, is_same_origin: bool) {
        match is_same_origin {
            true => self.allow(&COOKIE),
            false => *self.noted() = Noted { origin: Origin::Redirected, ..Noted::default() },
        }
    }

    /// Notes the added fields, and writes them.
    pub(super) fn add(&mut self, added: Added, headers: &mut HeaderMap) {
        if let Some(value) = &added.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if let Some(cookie) = &added.cookie {
            headers.insert(COOKIE, cookie.merged.clone());
        }
        self.noted().added = Some(added);
    }

    /// Removes the added fields: the request has its own again.
    pub(super) fn remove_added(&mut self, headers: &mut HeaderMap) {
        let Some(added) = self.0.as_mut().and_then(|noted| noted.added.take()) else { return };
        if added.authorization.is_some() {
            headers.remove(AUTHORIZATION);
        }
        if let Some(cookie) = added.cookie {
            set_all(headers, &COOKIE, cookie.own);
        }
    }

    /// Returns the state of a request to another origin, on which the user's code has decided.
    pub(super) fn elsewhere(&self) -> Self {
        match self.origin() {
            Origin::Given => Self(None),
            origin => Self(Some(Box::new(Noted { origin, ..Noted::default() }))),
        }
    }

    /// Returns the state of a request that the user's code has passed on within the origin. Of the fields
    /// that were added, those that it left as they were are removed from `headers`, since they are derived
    /// anew. Those that it removed or changed stay so.
    pub(super) fn passed_on(&self, headers: &mut HeaderMap) -> Self {
        let mut state = self.clone();
        let added = state.0.as_mut().and_then(|noted| noted.added.take());
        let Some(Added { authorization, cookie }) = added else { return state };
        if let Some(value) = authorization {
            match headers.get(AUTHORIZATION) {
                Some(kept) if *kept == value => _ = headers.remove(AUTHORIZATION),
                _ => state.withhold(AUTHORIZATION),
            }
        }
        if let Some(AddedCookie { merged, own }) = cookie {
            let mut values: Vec<_> = headers.get_all(COOKIE).iter().cloned().collect();
            match values.iter().position(|value| *value == merged) {
                Some(at) => {
                    values.splice(at..=at, own);
                    set_all(headers, &COOKIE, values);
                }
                None => state.withhold(COOKIE),
            }
        }
        state
    }
}

/// Replaces the fields called `name`.
fn set_all(headers: &mut HeaderMap, name: &HeaderName, values: Vec<HeaderValue>) {
    headers.remove(name);
    for value in values {
        headers.append(name, value);
    }
}
