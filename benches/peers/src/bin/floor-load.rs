//! `floor-load [-d SECONDS] [-c CONNECTIONS] URL`: the least that a blocking client with a thread
//! for each connection can do. It writes a fixed GET and reads until the head and as many bytes as
//! its Content-Length says have come. What a client takes beyond this is the price of HTTP.

use std::io::{self, ErrorKind::InvalidData, ErrorKind::UnexpectedEof, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

/// No answer takes as long as this, unless the server hangs.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    peers::load::run(|options| {
        let (authority, path) = split(&options.url)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        let mut stream = TcpStream::connect(authority)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        let mut buffer = vec![0; 64 * 1024];
        Ok(move || exchange(&mut stream, request.as_bytes(), &mut buffer))
    })
}

/// `HOST:PORT` and the path of a URL.
fn split(url: &str) -> io::Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").ok_or(io::Error::other("only http:// URLs"))?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    Ok((authority, if path.is_empty() { "/" } else { path }))
}

fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut [u8]) -> io::Result<u64> {
    stream.write_all(request)?;
    let mut filled = 0;
    let (head, body) = loop {
        filled += read_some(stream, &mut buffer[filled..])?;
        if let Some(end) = buffer[..filled].windows(4).position(|w| w == b"\r\n\r\n") {
            break (end + 4, content_length(&buffer[..end])?);
        }
    };
    let mut missing = (head + body).checked_sub(filled).ok_or(InvalidData)?;
    while missing > 0 {
        let room = missing.min(buffer.len());
        missing -= read_some(stream, &mut buffer[..room])?;
    }
    Ok(body as u64)
}

fn read_some(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    match stream.read(buffer)? {
        0 => Err(UnexpectedEof.into()),
        read => Ok(read),
    }
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    const NAME: &[u8] = b"content-length:";
    let value = head.split(|&byte| byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(NAME.len())?;
        name.eq_ignore_ascii_case(NAME).then_some(value)
    });
    let digits = value.and_then(|value| std::str::from_utf8(value).ok());
    digits.and_then(|digits| digits.trim().parse().ok()).ok_or(InvalidData.into())
}
