//! The signals that a request's handler receives: its context and the close-notify channel.

use std::fmt;
use std::io::ErrorKind;

use crate::context::Context;
use crate::handler::CloseNotify;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// The reason why a request's context ends while its handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disconnect {
    /// The client has ended its stream.
    EndOfStream,
    /// The connection has failed.
    Failed(ErrorKind),
    /// This side has closed the connection.
    Closed,
    /// The web server between the client and this server has aborted the request.
    Aborted,
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndOfStream => f.write_str("the client closed the connection"),
            Self::Failed(kind) => write!(f, "the connection to the client failed: {kind}"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Aborted => f.write_str("the web server aborted the request"),
        }
    }
}

/// The signals of one request. The context and the channel are created when the handler first asks for
/// them.
#[derive(Default)]
pub(crate) struct Signals {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    context: Option<Context>,
    notify: Option<Notify>,
    disconnect: Option<Disconnect>,
    /// A pipelined request has begun to arrive.
    next_request: bool,
    /// The handler has returned.
    over: bool,
}

/// The close-notify channel. Sender: the thread that notices the disconnect. Receiver: the handler.
/// Capacity 1, so that the only value never blocks the sender.
///
/// The sender is kept, so that a second `recv` blocks instead of returning an error.
struct Notify {
    sender: Sender<()>,
    receiver: Receiver<()>,
    fired: bool,
}

impl Notify {
    fn fire(&mut self) {
        if !std::mem::replace(&mut self.fired, true) {
            let _ = self.sender.send(());
        }
    }
}

impl Signals {
    /// Returns `true` if the client is known to have gone away.
    pub(crate) fn is_disconnected(&self) -> bool {
        self.state.lock().disconnect.is_some()
    }

    /// Ends the context and notifies the handler, since the client has gone away. The first reason counts.
    pub(crate) fn disconnected(&self, reason: Disconnect) {
        let context = {
            let mut state = self.state.lock();
            state.disconnect = state.disconnect.or(Some(reason));
            state.fire_notify();
            state.context.clone()
        };
        if let Some(context) = context {
            context.cancel_with(reason.to_string());
        }
    }

    /// Notifies the handler that its client's next request has begun to arrive.
    pub(crate) fn next_request(&self) {
        let mut state = self.state.lock();
        state.next_request = true;
        state.fire_notify();
    }

    /// Ends the context, since the handler has returned.
    pub(crate) fn finish(&self) {
        let context = {
            let mut state = self.state.lock();
            state.over = true;
            state.context.clone()
        };
        if let Some(context) = context {
            context.cancel_with("the handler has returned");
        }
    }

    /// Returns the context, and `true` if this call has created it.
    pub(crate) fn context(&self) -> (Context, bool) {
        let mut state = self.state.lock();
        if let Some(context) = &state.context {
            return (context.clone(), false);
        }
        let context = Context::new();
        state.context = Some(context.clone());
        let (disconnect, over) = (state.disconnect, state.over);
        drop(state);
        match disconnect {
            Some(reason) => context.cancel_with(reason.to_string()),
            None if over => context.cancel_with("the handler has returned"),
            None => {}
        }
        (context, true)
    }

    /// Returns the close-notify channel, and `true` if this call has created it.
    pub(crate) fn close_notify(&self) -> (CloseNotify, bool) {
        let mut state = self.state.lock();
        if let Some(notify) = &state.notify {
            return (notify.receiver.clone(), false);
        }
        let (sender, receiver) = bounded(1);
        state.notify = Some(Notify { sender, receiver: receiver.clone(), fired: false });
        if state.disconnect.is_some() || state.next_request {
            state.fire_notify();
        }
        (receiver, true)
    }
}

impl State {
    fn fire_notify(&mut self) {
        if let Some(notify) = &mut self.notify {
            notify.fire();
        }
    }
}
