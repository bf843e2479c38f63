//! The state of the connection reader, and the decisions on it.

use std::io::ErrorKind;
use std::sync::Arc;

use crate::net::Hangup;
use crate::serving::{Disconnect, Signals};

pub(super) struct State {
    pub(super) watch: Watch,
    /// The watch thread lets time pass before it takes an order, so an order need not wake it.
    pub(super) delaying: bool,
    /// The number of the request that is running: how many have ended on the connection.
    pub(super) request: u64,
    /// A request is being handled.
    pub(super) busy: bool,
    /// The signals of the request that has asked for them.
    pub(super) signals: Option<Arc<Signals>>,
    pub(super) input: Input,
    /// The byte that a background read got. It is the first byte of the next read.
    pub(super) held: Option<u8>,
    pub(super) gone: Option<Disconnect>,
    /// The client has closed its sending side, which does not count as going away.
    half_closed: bool,
}

/// The message that the next byte on the connection belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The request's body, or nothing known: no background read is allowed.
    Body,
    /// The next request, of which nothing has arrived yet.
    Next,
    /// The next request, of which something has arrived: the held byte, or bytes in the buffer.
    NextBegun,
}

impl Input {
    /// Behind the end of a body. `begun`: something of the next request was read with it.
    pub(super) fn behind_body(begun: bool) -> Self {
        if begun { Self::NextBegun } else { Self::Next }
    }
}

/// The state of the watch thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watch {
    /// It has not been started.
    None,
    /// It waits for an order.
    Parked,
    /// It was ordered to watch and has not begun.
    Ordered,
    /// It is blocked on the connection. `recalled`: the read or wait is being ended.
    Busy { mode: Mode, recalled: bool },
    /// It has ended, or will when it next looks: the connection was closed or handed over.
    Over,
}

/// How the watch thread notices that the client goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// By a background read of one byte.
    Read,
    /// By the end of stream or a reset, as the platform reports them without a read. The `Hangup` is the
    /// least that counts: behind an end of stream that did not count, only a reset can follow.
    Wait(Hangup),
}

/// An observation of the watch thread.
pub(super) enum Seen {
    Byte(u8),
    EndOfStream,
    Failed(ErrorKind),
    /// The wait was recalled, or a deadline of the handler's passed.
    Nothing,
}

/// An event for the request's signals.
#[derive(Clone, Copy)]
pub(super) enum News {
    NextRequest,
    Gone(Disconnect),
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            watch: Watch::None,
            delaying: false,
            request: 0,
            busy: false,
            signals: None,
            input: Input::Body,
            held: None,
            gone: None,
            half_closed: false,
        }
    }

    /// Returns how the client is watched now.
    pub(super) fn mode(&self) -> Mode {
        match self.input {
            _ if self.half_closed => Mode::Wait(Hangup::Broken),
            Input::Next | Input::NextBegun if self.held.is_none() => Mode::Read,
            _ => Mode::Wait(Hangup::EndOfStream),
        }
    }

    /// Enters what the watch thread saw. It then either continues to watch or parks.
    pub(super) fn take_in(&mut self, seen: &Seen, cancel_on_half_close: bool) -> Option<News> {
        let news = match *seen {
            Seen::Byte(byte) => {
                debug_assert!(self.held.is_none());
                self.held = Some(byte);
                self.input = Input::NextBegun;
                Some(News::NextRequest)
            }
            Seen::EndOfStream if !cancel_on_half_close => {
                self.half_closed = true;
                None
            }
            Seen::EndOfStream => Some(News::Gone(Disconnect::EndOfStream)),
            Seen::Failed(kind) => Some(News::Gone(Disconnect::Failed(kind))),
            Seen::Nothing => None,
        };
        if let Some(News::Gone(gone)) = news {
            self.gone = self.gone.or(Some(gone));
        }
        if let Watch::Busy { mode, recalled } = self.watch {
            if matches!(seen, Seen::Nothing) && mode == Mode::Read && !recalled {
                // The handler's read deadline has passed: no more background reads.
                self.input = Input::Body;
            }
            let done = recalled || self.gone.is_some();
            self.watch = if done { Watch::Parked } else { Watch::Ordered };
        }
        news
    }
}
