//! Like `floor-server`, for messages with bodies. It reads those of requests, however framed, and
//! responds to `/bytes/N` and `/chunked/N` with N bytes. One request at a time, no pipelining.

use std::io::{self, ErrorKind::InvalidData, Write};
use std::net::TcpStream;

use peers::{floor, load, serve};

fn main() -> io::Result<()> {
    serve::a_thread_each(&serve::listen()?, serve)
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; floor::BLOCK];
    loop {
        let (head, filled) = floor::read_head(&mut stream, &mut buffer)?;
        let path = buffer[..head].split(|&byte| byte == b' ').nth(1).ok_or(InvalidData)?;
        let ordered = serve::ordered(std::str::from_utf8(path).map_err(|_| InvalidData)?);
        if buffer.starts_with(b"POST ") {
            if floor::field(&buffer[..head], "expect").is_some() {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            floor::skip_body(&mut stream, &mut buffer, (head, filled))?;
        }
        answer(&mut stream, ordered)?;
    }
}

fn answer(stream: &mut TcpStream, ordered: Option<(bool, u64)>) -> io::Result<()> {
    match ordered {
        None => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        Some((false, length)) => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            floor::write_body(stream, &mut load::payload(length))
        }
        Some((true, length)) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            floor::write_chunks(stream, &mut load::payload(length))
        }
    }
}
