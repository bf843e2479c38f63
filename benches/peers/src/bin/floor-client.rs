//! The minimal blocking client with one connection for each thread. It writes a fixed head and reads
//! until the response's head and body have arrived. A client's cost beyond this is the cost of HTTP.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use peers::floor;
use peers::load::{self, Options};

/// The read timeout. Only a server that hangs reaches it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    load::run(|options| {
        let (authority, path) = split(&options.url)?;
        let head = request_head(options, authority, path);
        let (send, chunked, fresh) = (options.send, options.chunked, options.fresh);
        let authority = authority.to_owned();
        let mut stream = connect(&authority)?;
        let mut buffer = vec![0; floor::BLOCK];
        Ok(move || {
            if fresh {
                stream = connect(&authority)?;
            }
            write(&mut stream, &head, send, chunked)?;
            let came = floor::read_head(&mut stream, &mut buffer)?;
            floor::skip_body(&mut stream, &mut buffer, came)
        })
    })
}

fn connect(authority: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(authority)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    Ok(stream)
}

/// Returns the `HOST:PORT` and the path of a URL.
fn split(url: &str) -> io::Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").ok_or(io::Error::other("only http:// URLs"))?;
    let slash = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    Ok((authority, if path.is_empty() { "/" } else { path }))
}

fn request_head(options: &Options, authority: &str, path: &str) -> Vec<u8> {
    let method = if options.send.is_some() { "POST" } else { "GET" };
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {authority}\r\n");
    match options.send {
        Some(_) if options.chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
        Some(length) => head.push_str(&format!("Content-Length: {length}\r\n")),
        None => {}
    }
    head.push_str(if options.fresh { "Connection: close\r\n\r\n" } else { "\r\n" });
    head.into_bytes()
}

fn write(stream: &mut TcpStream, head: &[u8], send: Option<u64>, chunked: bool) -> io::Result<()> {
    let Some(length) = send else { return stream.write_all(head) };
    let mut body = load::payload(length);
    if chunked {
        stream.write_all(head)?;
        return floor::write_chunks(stream, &mut body);
    }
    // A small body goes out in one write with its head.
    let mut first = head.to_vec();
    body.by_ref().take(floor::BLOCK as u64).read_to_end(&mut first)?;
    stream.write_all(&first)?;
    floor::write_body(stream, &mut body)
}
