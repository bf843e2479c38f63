//! The server's records: events of its handlers, states of its connections.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::time::Instant;

use hangup::http::{Method, StatusCode};
use hangup::server::ConnState;
use hangup::{Request, ResponseWriter, Result};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::json;

/// The number of events that are kept. The oldest are removed first.
const MOST_EVENTS: usize = 1000;

/// The states, with their names in `/state`.
const STATES: [(ConnState, &str); 5] = [
    (ConnState::New, "new"),
    (ConnState::Active, "active"),
    (ConnState::Idle, "idle"),
    (ConnState::Hijacked, "hijacked"),
    (ConnState::Closed, "closed"),
];

#[derive(Default)]
pub(crate) struct Records {
    events: Mutex<VecDeque<Event>>,
    connections: Mutex<Connections>,
}

struct Event {
    name: &'static str,
    ms: u128,
}

#[derive(Default)]
struct Connections {
    /// The number of times that each state was entered.
    entered: HashMap<ConnState, u64>,
    /// The state of each connection that is neither closed nor hijacked.
    living: HashMap<u64, ConnState>,
}

impl Records {
    /// Records an event of a handler that began at `begun`.
    pub(crate) fn event(&self, name: &'static str, begun: Instant) {
        let mut events = self.events.lock();
        if events.len() == MOST_EVENTS {
            events.pop_front();
        }
        events.push_back(Event { name, ms: begun.elapsed().as_millis() });
    }

    pub(crate) fn entered(&self, connection: u64, state: ConnState) {
        let mut connections = self.connections.lock();
        *connections.entered.entry(state).or_default() += 1;
        match state {
            ConnState::Hijacked | ConnState::Closed => connections.living.remove(&connection),
            _ => connections.living.insert(connection, state),
        };
    }
}

impl Connections {
    fn entered(&self, state: ConnState) -> u64 {
        self.entered.get(&state).copied().unwrap_or_default()
    }

    /// Returns the number of connections in a state. Final states are never left.
    fn now(&self, state: ConnState) -> u64 {
        match state {
            ConnState::Hijacked | ConnState::Closed => self.entered(state),
            _ => self.living.values().filter(|of_living| **of_living == state).count() as u64,
        }
    }
}

pub(crate) fn events(records: &Records, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let mut events = records.events.lock();
    if *r.method() == Method::DELETE {
        events.clear();
        w.set_status(StatusCode::NO_CONTENT);
        return Ok(());
    }
    let list = events.iter().map(|event| json!({ "event": event.name, "ms": event.ms as u64 }));
    let list = Value::from_iter(list).to_string();
    drop(events);
    json(w, &list)
}

pub(crate) fn state(records: &Records, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    let connections = records.connections.lock();
    let counts = STATES.map(|(state, name)| {
        let (entered, now) = (connections.entered(state), connections.now(state));
        format!(r#""{name}":{{"entered":{entered},"now":{now}}}"#)
    });
    drop(connections);
    json(w, &format!(r#"{{{},"threads":{}}}"#, counts.join(","), threads()))
}

/// Returns the number of threads of this process, or 0 if the system does not report it.
fn threads() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or_default()
}
