//! The extension of a request that a server received.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::Uri;

use super::Request;
use crate::context::Context;
use crate::extract::PathValues;
use crate::net::{Addr, TlsInfo};
use crate::sync::channel::Receiver;

/// Receives one value when the client has gone away, or when its next request has arrived.
pub type CloseNotify = Receiver<()>;

/// The information on a received request that [`RequestExt`] returns.
pub(crate) trait RequestInfo: Send + Sync {
    fn context(&self) -> Context;
    fn close_notify(&self) -> CloseNotify;
    fn remote_addr(&self) -> Addr;
    fn local_addr(&self) -> Addr;
    fn tls(&self) -> Option<TlsInfo>;
    fn is_https(&self) -> bool;
    /// Returns `true` if the client is known to have gone away. Does not begin to watch the connection.
    fn is_client_gone(&self) -> bool;
}

/// The extension of a request behind [`RequestExt`]. It is empty in a request that is kept for its memory.
#[derive(Clone, Default)]
pub(super) struct Received {
    pub(super) info: Option<Arc<dyn RequestInfo>>,
    /// The context of [`RequestExt::set_context`].
    context: Option<Context>,
    /// The deadline of the server's context, as long as no other was set.
    deadline: Option<Deadline>,
    /// The result of `is_https`, if it was set.
    pub(super) https: Option<bool>,
    /// The result of `client_ip`, if it was set.
    pub(super) client_ip: Option<IpAddr>,
    pub(super) path_values: PathValues,
    /// Empty if there is none.
    pub(super) matched_pattern: String,
    pub(super) original_uri: Option<Uri>,
}

impl Received {
    /// The information goes first: dropping a context may run a user's code, which may panic.
    fn clear(&mut self) {
        self.info = None;
        (self.context, self.deadline) = (None, None);
        (self.https, self.client_ip) = (None, None);
        self.original_uri = None;
        self.path_values.clear();
        self.matched_pattern.clear();
    }

    pub(super) fn context(&self) -> Context {
        if let Some(set) = &self.context {
            return set.clone();
        }
        let whole = || self.info.as_ref().map(|info| info.context()).unwrap_or_default();
        match &self.deadline {
            Some(Deadline { at, context }) => {
                context.get_or_init(|| whole().child_with_deadline(*at)).clone()
            }
            None => whole(),
        }
    }

    pub(super) fn set_context(&mut self, context: Context) {
        (self.context, self.deadline) = (Some(context), None);
    }

    /// Sets a deadline, unless there is an earlier one. Otherwise returns a function that creates the context
    /// for the request's body.
    pub(super) fn set_deadline(&mut self, at: Instant) -> Option<impl FnOnce() -> Context + use<>> {
        if self.deadline().is_some_and(|earlier| earlier <= at) {
            return None;
        }
        let narrowed = self.context.as_ref().map(|set| set.child_with_deadline(at));
        match &narrowed {
            Some(narrowed) => self.context = Some(narrowed.clone()),
            None => self.deadline = Some(Deadline { at, context: OnceLock::new() }),
        }
        // The body fails by itself when the client goes away.
        Some(move || narrowed.unwrap_or_else(|| Context::with_deadline(at)))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match &self.context {
            Some(context) => context.deadline(),
            None => self.deadline.as_ref().map(|deadline| deadline.at),
        }
    }
}

/// A deadline of [`RequestExt::set_deadline`].
#[derive(Clone)]
struct Deadline {
    at: Instant,
    /// The child of the server's context, once it was asked for.
    context: OnceLock<Context>,
}

/// Adds the information on a received request. A context that was set before stays.
pub(crate) fn set_info(request: &mut Request, info: Arc<dyn RequestInfo>) {
    let received = request.extensions_mut().get_or_insert_default::<Received>();
    received.info = Some(info);
    if let Some(context) = received.context.clone() {
        request.body_mut().set_context(&context);
    }
}

/// Drops what `request` has beyond its head and body. Some of it is the user's, and may panic when it is
/// dropped. The information goes first, since the panic would keep it.
pub(crate) fn clear_extensions(request: &mut Request) {
    let extensions = request.extensions_mut();
    let ours = extensions.get_mut().map(Received::clear).is_some();
    if extensions.len() > usize::from(ours) {
        extensions.clear();
    }
}

/// Returns `true` if the client is known to have gone away. Only a handler that has asked for the context
/// learns that while it does not write.
pub(crate) fn is_client_gone(request: &Request) -> bool {
    info(request).is_some_and(RequestInfo::is_client_gone)
}

pub(super) fn received(request: &Request) -> Option<&Received> {
    request.extensions().get()
}

pub(super) fn received_mut(request: &mut Request) -> &mut Received {
    request.extensions_mut().get_or_insert_default()
}

pub(super) fn info(request: &Request) -> Option<&dyn RequestInfo> {
    received(request).and_then(|received| received.info.as_deref())
}
