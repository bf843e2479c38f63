//! What a request's handler hears of its client: the context and the close-notify channel.

use std::fmt;
use std::io::ErrorKind;

use crate::context::Context;
use crate::handler::CloseNotify;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// How a client went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    EndOfStream,
    Failed(ErrorKind),
    /// We closed the connection ourselves.
    Closed,
    /// It told the web server before us, which told us.
    Aborted,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndOfStream => f.write_str("the client closed the connection"),
            Self::Failed(kind) => write!(f, "the connection to the client failed: {kind}"),
            Self::Closed => f.write_str("the server closed the connection"),
            Self::Aborted => f.write_str("the web server has given up the request"),
        }
    }
}

/// One request's signals. Both are made when the handler first asks for them.
#[derive(Default)]
pub(crate) struct Signals {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    context: Option<Context>,
    notify: Option<Notify>,
    gone: Option<Gone>,
    /// A pipelined request has begun to arrive.
    next_request: bool,
    /// The handler has returned.
    over: bool,
}

/// The close-notify channel: capacity 1, so that the one value never blocks who sends it. The sender
/// stays, so that who waits once more waits instead of failing.
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
    /// The client has gone away.
    pub(crate) fn gone(&self, gone: Gone) {
        let context = {
            let mut state = self.state.lock();
            state.gone = state.gone.or(Some(gone));
            state.fire_notify();
            state.context.clone()
        };
        if let Some(context) = context {
            context.cancel_with(gone.to_string());
        }
    }

    /// The next request has begun to arrive while this one is being handled.
    pub(crate) fn next_request(&self) {
        let mut state = self.state.lock();
        state.next_request = true;
        state.fire_notify();
    }

    /// The handler has returned.
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

    /// The context, and whether this call made it.
    pub(crate) fn context(&self) -> (Context, bool) {
        let mut state = self.state.lock();
        if let Some(context) = &state.context {
            return (context.clone(), false);
        }
        let context = Context::new();
        state.context = Some(context.clone());
        let (gone, over) = (state.gone, state.over);
        drop(state);
        match gone {
            Some(gone) => context.cancel_with(gone.to_string()),
            None if over => context.cancel_with("the handler has returned"),
            None => {}
        }
        (context, true)
    }

    /// The close-notify channel, and whether this call made it.
    pub(crate) fn close_notify(&self) -> (CloseNotify, bool) {
        let mut state = self.state.lock();
        if let Some(notify) = &state.notify {
            return (notify.receiver.clone(), false);
        }
        let (sender, receiver) = bounded(1);
        state.notify = Some(Notify { sender, receiver: receiver.clone(), fired: false });
        if state.gone.is_some() || state.next_request {
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
