//! What idle connections cost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::Result;
use crate::child::{Interrupted, Server};
use crate::figures::Figures;

/// How long the connections are left alone: a server may give memory back that it no longer uses.
const ALONE: Duration = Duration::from_secs(2);

/// No answer takes as long as this.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Descriptors that are needed for anything but connections.
const OTHERS: u64 = 100;

/// As many as the system lets us and the programs that we start have.
pub(crate) fn allow_many_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it may not be raised, fewer connections are made.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Resident KiB a connection, each of which has served one request.
pub(crate) fn measure(server: &Server, most: usize, interrupted: &Interrupted) -> Result<Figures> {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = most.min(usize::try_from(descriptors.saturating_sub(OTHERS)).unwrap_or(most));
    // The first one pays for what all have in common.
    let first = ask(server)?;
    let before = server.resident().ok_or("the platform does not tell what is resident")?;
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        interrupted.check()?;
        connections.push(ask(server)?);
    }
    thread::sleep(ALONE);
    let after = server.resident().ok_or("it has ended")?;
    drop((first, connections));
    let each = (after as f64 - before as f64) / count as f64;
    Ok(Figures { value: each, peak: server.peak(), ..Figures::default() })
}

/// A connection that has served one request.
fn ask(server: &Server) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server.authority())?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.authority())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\nok") {
        let mut piece = [0; 1024];
        match stream.read(&mut piece)? {
            0 => return Err("a connection was closed".into()),
            read => answer.extend_from_slice(&piece[..read]),
        }
    }
    Ok(stream)
}
