//! Unix sockets, and options of descriptors.

use std::fs;
use std::io::{Read, Write};
use std::thread;

use socket2::{Domain, Type};

use super::*;
use crate::net::Listener;

#[test]
fn a_unix_socket_is_dialled() {
    let path = std::env::temp_dir().join(format!("hangup-{}-dialled", std::process::id()));
    let listener = Listener::bind_unix(&path).unwrap();
    let target = Target::Unix(path.clone());
    let dialed = dial(&target, &DialOptions::default(), &Context::new()).unwrap();
    assert_eq!(dialed.remote, Addr::Unix(Some(path.clone())));
    let (mut peer, _) = listener.accept().unwrap().unwrap();
    peer.write_all(b"x").unwrap();
    (&dialed.stream).read_exact(&mut [0]).unwrap();
    drop(listener);

    let error = dial(&target, &DialOptions::default(), &Context::new()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot connect to unix:{}: ", path.display())), "{text}");
}

#[test]
fn a_dial_waits_for_a_unix_listener_with_a_full_queue() {
    let path = std::env::temp_dir().join(format!("hangup-{}-full", std::process::id()));
    let _ = fs::remove_file(&path);
    let listener = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    listener.listen(0).unwrap();
    let target = Target::Unix(path.clone());
    let mut options = DialOptions::new().connect_timeout(Duration::from_millis(20));
    let mut queued = Vec::new();
    let error = loop {
        match dial(&target, &options, &Context::new()) {
            Ok(dialed) => queued.push(dialed.stream),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, DialError::TimedOut(Phase::Connect)), "{error}");
    options.connect_timeout = None;
    thread::scope(|scope| {
        let dialing = scope.spawn(|| dial(&target, &options, &Context::new()));
        listener.accept().unwrap();
        dialing.join().unwrap().unwrap();
    });
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_dialled_socket_is_closed_in_child_processes() {
    let listener = TcpListener::bind((V4, 0)).unwrap();
    let options = resolving_to(&[listener.local_addr().unwrap()]);
    let dialed = dial(&host(), &options, &Context::new()).unwrap();
    let flags = rustix::io::fcntl_getfd(dialed.stream.into_tcp().unwrap()).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}
