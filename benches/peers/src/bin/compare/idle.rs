//! The memory of idle connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::Result;
use crate::child::{Interrupted, Server};
use crate::figures::Figures;

/// The time that the connections are idle. A server may release unused memory in it.
const ALONE: Duration = Duration::from_secs(2);

/// The read timeout. Only a server that hangs reaches it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The descriptors that are needed for other things than connections.
const OTHERS: u64 = 100;

/// Raises the limit of descriptors for this process and those that it starts.
pub(crate) fn allow_many_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // If the limit cannot be raised, fewer connections are made.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Returns the resident KiB of a connection that has served one request.
pub(crate) fn measure(server: &Server, most: usize, interrupted: &Interrupted) -> Result<Figures> {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let count = most.min(usize::try_from(descriptors.saturating_sub(OTHERS)).unwrap_or(most));
    // The first connection includes the shared cost.
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

/// Opens a connection and makes one request on it.
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
