//! The state that the handles of one client share.

use super::decode::Offer;
use super::fields::DefaultFields;
use super::layers::Layers;
use super::options::CallOptions;
use super::transport::Transport;
use crate::error::Error;

/// The state of a client, shared by its handles and its requests.
pub(super) struct ClientCore {
    pub(super) transport: Transport,
    pub(super) defaults: Defaults,
    pub(super) layers: Layers,
}

/// The fields and options that a request begins with.
#[derive(Default)]
pub(super) struct Defaults {
    pub(super) fields: DefaultFields,
    pub(super) options: CallOptions,
    /// The Accept-Encoding of requests that set none and are decoded. `None` without a coding.
    pub(super) offer: Option<Offer>,
    /// The first invalid option of the client. Every call reports it.
    pub(super) error: Option<Error>,
}
