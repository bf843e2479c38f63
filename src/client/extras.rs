//! The options that most calls leave at their defaults. `steps.rs` has the steps that they ask for.

use std::time::Duration;

use super::observe::{Observers, Trace};
use super::progress::OnProgress;
use super::proxy::ProxyPolicy;
use super::retry::Retry;
use super::session::sources::SessionSources;
use super::speed::MinSpeed;

/// The options of a call beyond the plain ones. Calls share those of their client, until one sets its own.
#[derive(Clone, Default)]
pub(super) struct Extras {
    /// A response of 4xx or 5xx becomes an error.
    pub(super) status_as_error: bool,
    pub(super) on_upload_progress: Option<OnProgress>,
    pub(super) on_download_progress: Option<OnProgress>,
    /// The request is sent again after a failure that may pass.
    pub(super) retry: Option<Retry>,
    /// The limit of waiting for a place among the connections of a host.
    pub(super) queue: Option<Duration>,
    /// The least speed of the transfer.
    pub(super) min_speed: Option<MinSpeed>,
    /// The observers of each call.
    pub(super) observers: Observers,
    /// The observed call, once it has begun.
    pub(super) trace: Option<Trace>,
    /// The proxies of the call, in place of the client's.
    pub(super) proxy: Option<ProxyPolicy>,
    /// The cookie store and the netrc file.
    pub(super) session: SessionSources,
}
