//! Where a session's credentials and cookies come from.

use std::sync::Arc;

use crate::client::cookie_store::CookieStore;
use crate::client::netrc::Netrc;

/// The sources of the credentials and cookies of a call, besides its own URL and fields.
#[derive(Clone, Default)]
pub(in crate::client) struct SessionSources {
    pub(in crate::client) cookies: Option<Arc<dyn CookieStore>>,
    pub(in crate::client) netrc: Option<Arc<Netrc>>,
}

impl SessionSources {
    /// Returns `true` if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.cookies.is_none() && self.netrc.is_none()
    }
}
