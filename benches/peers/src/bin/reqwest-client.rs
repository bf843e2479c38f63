//! reqwest's blocking client, shared by all threads. It hides a runtime.

use std::io;
use std::process::ExitCode;
use std::sync::OnceLock;

use reqwest::blocking::{Body, Client};

fn main() -> ExitCode {
    let client = OnceLock::new();
    peers::load::run(|options| {
        let client = client.get_or_init(Client::new).clone();
        let (url, send) = (options.url.clone(), options.send);
        Ok(move || {
            let request = match send {
                None => client.get(&url),
                Some(length) => {
                    client.post(&url).body(Body::sized(peers::load::payload(length), length))
                }
            };
            let response = request.send();
            io::copy(&mut response.map_err(io::Error::other)?, &mut io::sink())
        })
    })
}
