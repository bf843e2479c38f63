//! The minimal blocking server with one thread for each connection. It looks for the empty line that
//! ends a request's head and writes a fixed response. Requests have no bodies. With `--close` it closes
//! after the first. A server's cost beyond this is the cost of HTTP.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use peers::{floor, serve};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const LAST_ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

fn main() -> io::Result<()> {
    let close = std::env::args().any(|arg| arg == "--close");
    serve::a_thread_each(&serve::listen()?, if close { once } else { keep_alive })
}

fn once(mut stream: TcpStream) -> io::Result<()> {
    floor::read_head(&mut stream, &mut [0; 4096])?;
    stream.write_all(LAST_ANSWER)
}

fn keep_alive(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            // The client closed, or its head is larger than the buffer.
            return Ok(());
        }
        filled += read;
        let mut answered = 0;
        while let Some(length) = floor::head_length(&buffer[answered..filled]) {
            answered += length;
            stream.write_all(ANSWER)?;
        }
        buffer.copy_within(answered..filled, 0);
        filled -= answered;
    }
}
