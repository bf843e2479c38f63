//! `floor-server [--addr HOST:PORT]`: the least that a blocking server with a thread for each
//! connection can do. It looks for the empty line that ends a request's head and writes the same
//! answer to each; requests have no bodies. What a server takes beyond this is the price of HTTP.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let address = match (args.next().as_deref(), args.next()) {
        (None, None) => "127.0.0.1:0".to_owned(),
        (Some("--addr"), Some(address)) => address,
        _ => {
            eprintln!("usage: floor-server [--addr HOST:PORT]");
            std::process::exit(2);
        }
    };
    let listener = TcpListener::bind(address)?;
    println!("listening on http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // An error is the client's end of the connection.
        thread::Builder::new().spawn(move || drop(serve(stream)))?;
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..])?;
        if read == 0 {
            // The client's end, or a head that is larger than the buffer.
            return Ok(());
        }
        filled += read;
        let mut answered = 0;
        while let Some(end) = buffer[answered..filled].windows(4).position(|w| w == b"\r\n\r\n") {
            answered += end + 4;
            stream.write_all(ANSWER)?;
        }
        buffer.copy_within(answered..filled, 0);
        filled -= answered;
    }
}
