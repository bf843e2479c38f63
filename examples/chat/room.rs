//! The room: the messages, and a queue for each member.
//!
//! Posting never waits. Each member has a queue of [`QUEUE`] messages, from which its thread sends at its
//! client's pace. A member whose queue is full is dropped: its client is too slow or gone. The client can
//! reconnect, and continues with the last message it has received, as far as the history goes back.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::time::{Duration, Instant};

use hangup::crossbeam_channel::{Receiver, Sender, bounded};
use hangup::events::Event;
use hangup::http::StatusCode;
use hangup::net::Stream;
use hangup::{Error, Result};
use parking_lot::Mutex;
use serde::Deserialize;
use tungstenite::Utf8Bytes;

/// The most messages that wait for one member.
const QUEUE: usize = 64;

/// The most characters of a name, and of a text.
const MOST_NAME: usize = 32;
const MOST_TEXT: usize = 4000;

/// A message as a client sends it.
#[derive(Deserialize)]
pub(crate) struct New {
    name: String,
    text: String,
}

/// A message of the room, encoded once for all members.
#[derive(Clone)]
pub(crate) struct Message {
    pub(crate) id: u64,
    pub(crate) json: Utf8Bytes,
    event: Event,
}

/// The way in which a member is connected.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Socket,
    Events,
}

pub(crate) struct Room {
    state: Mutex<State>,
    /// Disconnects when the room is closed and every member has left.
    empty: Receiver<Infallible>,
}

struct State {
    history: VecDeque<Message>,
    most: usize,
    members: HashMap<u64, Seat>,
    numbers: Numbers,
    /// A clone of it is with each member. `None` once the room is closed.
    open: Option<Sender<Infallible>>,
}

/// A member as the room sees it.
struct Seat {
    queue: Sender<Message>,
    /// The connection of a thread that waits in a read. Its read deadline wakes the thread.
    wake: Option<Stream>,
}

/// The numbers of the room since its beginning, for sockets and event streams.
#[derive(Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) posted: u64,
    pub(crate) joined: [u64; 2],
    pub(crate) left: [u64; 2],
    /// The members that were too slow. They are among those that have left.
    pub(crate) dropped: u64,
}

/// A member of the room. Dropping it leaves the room.
pub(crate) struct Member<'a> {
    room: &'a Room,
    number: u64,
    way: Way,
    /// The messages for this member. It disconnects when the member is dropped or the room is closed.
    pub(crate) messages: Receiver<Message>,
    _present: Sender<Infallible>,
}

impl Room {
    /// Creates a room that keeps the last `most` messages.
    pub(crate) fn new(most: usize) -> Self {
        let (open, empty) = bounded(0);
        let state = State {
            history: VecDeque::new(),
            most,
            members: HashMap::new(),
            numbers: Numbers::default(),
            open: Some(open),
        };
        Self { state: Mutex::new(state), empty }
    }

    /// Adds a message and puts it into the queues of all members. Returns the reason if it is not allowed.
    pub(crate) fn post(&self, new: New) -> Result<Message, &'static str> {
        let New { name, text } = new;
        if name.trim().is_empty() || name.chars().count() > MOST_NAME {
            return Err("name: 1 to 32 characters are allowed");
        }
        if text.trim().is_empty() || text.chars().count() > MOST_TEXT {
            return Err("text: 1 to 4000 characters are allowed");
        }
        let mut state = self.state.lock();
        state.numbers.posted += 1;
        let id = state.numbers.posted;
        let json = serde_json::json!({ "id": id, "name": name, "text": text }).to_string();
        let event = Event::new(&json).id(id.to_string());
        let message = Message { id, json: json.into(), event };
        state.keep(message.clone());
        state.send(&message);
        Ok(message)
    }

    /// Returns the messages behind the one with the id `since`.
    pub(crate) fn since(&self, since: u64) -> Vec<Message> {
        self.state.lock().since(since)
    }

    /// Enters the room. Returns the messages behind the one with the id `since`, and the member, which
    /// receives those that follow.
    pub(crate) fn join(
        &self,
        way: Way,
        since: u64,
        wake: Option<Stream>,
    ) -> Result<(Vec<Message>, Member<'_>)> {
        let mut state = self.state.lock();
        let closed = || Error::status(StatusCode::SERVICE_UNAVAILABLE, "the room is closed");
        let present = state.open.clone().ok_or_else(closed)?;
        let number = state.numbers.joined.iter().sum();
        state.numbers.joined[way as usize] += 1;
        let (queue, messages) = bounded(QUEUE);
        state.members.insert(number, Seat { queue, wake });
        let member = Member { room: self, number, way, messages, _present: present };
        Ok((state.since(since), member))
    }

    pub(crate) fn numbers(&self) -> Numbers {
        self.state.lock().numbers
    }

    /// Dismisses all members. No other can join.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.open = None;
        state.members.drain().for_each(|(_, seat)| seat.dismiss());
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().open.is_none()
    }

    /// Waits until all members have left a closed room, but at most for `limit`.
    pub(crate) fn wait_until_empty(&self, limit: Duration) {
        let _ = self.empty.recv_timeout(limit);
    }
}

impl State {
    fn keep(&mut self, message: Message) {
        self.history.push_back(message);
        if self.history.len() > self.most {
            self.history.pop_front();
        }
    }

    /// Puts a message into the queues. Drops the members whose queue is full.
    fn send(&mut self, message: &Message) {
        let is_late = |seat: &Seat| seat.queue.try_send(message.clone()).is_err();
        let late = self.members.iter().filter(|(_, seat)| is_late(seat)).map(|(id, _)| *id);
        let late: Vec<_> = late.collect();
        let late: Vec<_> = late.iter().filter_map(|id| self.members.remove(id)).collect();
        self.numbers.dropped += late.len() as u64;
        late.into_iter().for_each(Seat::dismiss);
        self.members.values().for_each(Seat::wake);
    }

    fn since(&self, since: u64) -> Vec<Message> {
        self.history.iter().filter(|message| message.id > since).cloned().collect()
    }
}

impl Seat {
    /// Wakes the member's thread after a change of its queue.
    fn wake(&self) {
        if let Some(stream) = &self.wake {
            stream.set_read_deadline(Some(Instant::now()));
        }
    }

    /// Disconnects the queue. The thread first sends the messages that are left in it.
    fn dismiss(self) {
        let Self { queue, wake } = self;
        drop(queue);
        if let Some(stream) = wake {
            stream.set_read_deadline(Some(Instant::now()));
        }
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        let mut state = self.room.state.lock();
        state.members.remove(&self.number);
        state.numbers.left[self.way as usize] += 1;
    }
}

impl From<Message> for Event {
    fn from(message: Message) -> Self {
        message.event
    }
}
