//! Connections and the threads that serve them, under every order of all of them.

use std::io::{Read, Write};
use std::sync::Arc;

use super::{ConnGuard, CoreOptions, Protocol, ServerCore, ServerHandle, Wake, accept};
use crate::net::{Addr, Stream, memory};
use crate::sync::channel::{Receiver, Sender, unbounded};
use crate::sync::explore::{Limits, explore, perhaps};
use crate::sync::{JoinHandle, spawn};

/// How many clients there are at the same time, and how many connections each makes in turn: enough for
/// some to find a thread that is free, and others none.
const CLIENTS: usize = 2;
const IN_TURN: usize = 3;

/// A connection is one byte, sent back.
struct OneByte;

impl Protocol for OneByte {
    fn thread_name(&self) -> &'static str {
        "serves"
    }

    fn scheme(&self) -> &'static str {
        "byte"
    }

    fn prepare(&self, stream: Stream, _: &Addr) -> Option<Stream> {
        Some(stream)
    }

    fn serve(&self, stream: Stream, _: Addr, guard: Arc<ConnGuard>) {
        let mut byte = [0];
        if stream.read_for(&mut byte, None).is_ok_and(|count| count == 1) && guard.active().is_ok()
        {
            let _ = (&stream).write_all(&byte);
        }
        stream.close();
        guard.closed();
    }

    fn wake(&self) -> Wake {
        Stream::look_again
    }

    fn reject(&self, _: &Stream) {
        unreachable!("there is always room for a thread");
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(name, None, body).expect("there is always room")
}

fn end(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
}

/// A server, where clients connect to it, and its accept loop, which ends with them.
fn server() -> (ServerHandle, Sender<Stream>, JoinHandle<()>) {
    let core = ServerCore::new(Arc::new(OneByte), CoreOptions::default());
    let (connect, arrivals): (_, Receiver<Stream>) = unbounded();
    let handle = ServerHandle::new(Arc::clone(&core));
    let accepts = start("accepts", move || {
        core.run_accept_loop(|| {
            while let Ok(stream) = arrivals.recv() {
                if core.registry.is_stopping() {
                    return;
                }
                accept::start(&core, stream, Addr::Memory);
            }
        });
    });
    (handle, connect, accepts)
}

/// Makes connections in turn, each of which may be `served`.
fn clients(connect: &Sender<Stream>, served: fn(bool)) -> Vec<JoinHandle<()>> {
    let client = |connect: Sender<Stream>| {
        move || {
            for _ in 0..IN_TURN {
                let (near, mut far) = memory::pair();
                let mut answer = Vec::new();
                let sent = connect.send(near).is_ok() && far.write_all(b"x").is_ok();
                served(sent && far.read_to_end(&mut answer).is_ok() && answer == b"x");
            }
        }
    };
    (0..CLIENTS).map(|_| start("client", client(connect.clone()))).collect()
}

fn every_connection_is_served(limits: Limits) {
    explore(1500, limits, || {
        let (handle, connect, accepts) = server();
        end(clients(&connect, |served| assert!(served)));
        drop(connect);
        end([accepts]);
        assert!(handle.shutdown(None));
    });
}

/// A thread that was forgotten would wait for ever, and so would a connection.
#[test]
fn every_connection_is_served_and_no_thread_stays() {
    every_connection_is_served(Limits::Never);
}

/// Threads end for having waited long enough just when they are handed a connection.
#[test]
fn no_connection_is_lost_on_a_thread_whose_time_is_over() {
    every_connection_is_served(Limits::AnyMoment);
}

/// What was accepted is served or closed, and nobody is left.
#[test]
fn a_shutdown_at_any_moment_leaves_no_thread() {
    explore(2000, Limits::Never, || {
        let (handle, connect, accepts) = server();
        let clients = clients(&connect, |_| {});
        let stops = start("stops", move || {
            if perhaps() {
                handle.close();
            }
            assert!(handle.shutdown(None));
            assert_eq!(handle.connections(), 0);
        });
        // The loop itself waits for its next client, and for that there is none.
        drop(connect);
        end(clients);
        end([stops, accepts]);
    });
}
