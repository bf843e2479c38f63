//! Explores the interleavings of connections and the threads that serve them.

use std::io::{Read, Write};
use std::sync::Arc;

use super::{ConnGuard, CoreOptions, Protocol, ServerCore, ServerHandle, Wake, accept};
use crate::net::{Addr, Stream, memory};
use crate::sync::channel::{Receiver, Sender, unbounded};
use crate::sync::explore::{Limits, explore, perhaps};
use crate::sync::{JoinHandle, spawn};

/// How many clients run at the same time.
const CLIENTS: usize = 2;

/// How many connections each client makes, one after the other. Some find an idle thread, and others none.
const IN_TURN: usize = 3;

/// A protocol of one byte, which is sent back.
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
        unreachable!("a thread can always be started");
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    spawn(name, None, body).expect("a thread can always be started")
}

fn end(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
}

/// Returns a server, the channel of its new connections, and its accept loop, which ends with the channel.
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

/// Starts clients that make connections. `served` gets the success of each one.
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

/// A lost notification would leave a thread or a connection waiting for ever.
#[test]
fn every_connection_is_served_and_no_thread_stays() {
    every_connection_is_served(Limits::Never);
}

/// A connection is handed to a thread at the moment at which its wait times out.
#[test]
fn no_connection_is_lost_on_a_thread_that_times_out() {
    every_connection_is_served(Limits::AnyMoment);
}

/// Every accepted connection is served or closed, and every thread ends.
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
        // The loop waits for its next client, so the channel must end.
        drop(connect);
        end(clients);
        end([stops, accepts]);
    });
}
