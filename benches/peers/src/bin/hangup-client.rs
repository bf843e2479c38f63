//! hangup's client, shared by all threads.

use std::io;
use std::process::ExitCode;
use std::sync::OnceLock;

use hangup::http::Uri;
use hangup::{Body, Client};

fn main() -> ExitCode {
    let client = OnceLock::new();
    peers::load::run(|options| {
        let client: Client = client.get_or_init(|| keeping(options.threads)).clone();
        let url: Uri = options.url.parse().map_err(io::Error::other)?;
        let (send, chunked) = (options.send, options.chunked);
        Ok(move || {
            let request = match send.map(|length| (length, peers::load::payload(length))) {
                None => client.get(&url),
                Some((_, body)) if chunked => client.post(&url).body(Body::from_reader(body)),
                Some((length, body)) => {
                    client.post(&url).body(Body::from_sized_reader(body, length))
                }
            };
            let mut response = request.send().map_err(io::Error::other)?;
            response.body_mut().copy_to(&mut io::sink())
        })
    })
}

/// Returns a client that keeps a connection for each thread.
fn keeping(connections: usize) -> Client {
    Client::builder()
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .build()
}
