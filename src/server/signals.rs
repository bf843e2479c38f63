//! What a request's handler hears of its client: the context and the close-notify channel.

use std::sync::Arc;

use super::reader::{ConnReader, Gone};
use crate::context::Context;
use crate::handler::{CloseNotify, Origin};
use crate::net::Addr;
use crate::sync::Mutex;
use crate::sync::channel::{Receiver, Sender, bounded};

/// One request's signals. Both are made when the handler first asks for them.
#[derive(Default)]
pub(super) struct Signals {
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
    pub(super) fn gone(&self, gone: Gone) {
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
    pub(super) fn next_request(&self) {
        let mut state = self.state.lock();
        state.next_request = true;
        state.fire_notify();
    }

    /// The handler has returned.
    pub(super) fn finish(&self) {
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
    fn context(&self) -> (Context, bool) {
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
    fn close_notify(&self) -> (CloseNotify, bool) {
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

/// A request's origin: a server connection.
pub(super) struct RequestScope {
    pub(super) signals: Arc<Signals>,
    pub(super) reader: Arc<ConnReader>,
    pub(super) addrs: Arc<Addrs>,
    /// Which of the connection's requests this is: see [`ConnReader::watch`].
    pub(super) number: u64,
}

/// The two ends of a connection.
pub(super) struct Addrs {
    pub(super) remote: Addr,
    pub(super) local: Addr,
}

impl RequestScope {
    /// Starts the watch with the first signal that is asked for.
    fn watch(&self, first: bool) {
        if first {
            self.reader.watch(self.number, &self.signals);
        }
    }
}

impl Origin for RequestScope {
    fn context(&self) -> Context {
        let (context, first) = self.signals.context();
        self.watch(first);
        context
    }

    fn close_notify(&self) -> CloseNotify {
        let (receiver, first) = self.signals.close_notify();
        self.watch(first);
        receiver
    }

    fn remote_addr(&self) -> Addr {
        self.addrs.remote.clone()
    }

    fn local_addr(&self) -> Addr {
        self.addrs.local.clone()
    }
}
