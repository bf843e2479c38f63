//! The options that most calls leave at their defaults. `steps.rs` has the steps that they ask for.

use super::proxy::ProxyPolicy;
use super::session::sources::SessionSources;

/// The options of a call beyond the plain ones. Calls share those of their client, until one sets its own.
#[derive(Clone, Default)]
pub(super) struct Extras {
    /// A response of 4xx or 5xx becomes an error.
    pub(super) status_as_error: bool,
    /// The proxies of the call, in place of the client's.
    pub(super) proxy: Option<ProxyPolicy>,
    /// The cookie store and the netrc file.
    pub(super) session: SessionSources,
}
