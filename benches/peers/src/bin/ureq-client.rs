//! ureq with one agent for all threads.

use std::io;
use std::process::ExitCode;
use std::sync::OnceLock;

use ureq::{Agent, SendBody};

fn main() -> ExitCode {
    let agent = OnceLock::new();
    peers::load::run(|options| {
        let agent = agent.get_or_init(|| keeping(options.threads)).clone();
        let (url, send) = (options.url.clone(), options.send);
        Ok(move || {
            let response = match send {
                None => agent.get(&url).call(),
                Some(length) => agent
                    .post(&url)
                    .header("Content-Length", length.to_string())
                    .send(SendBody::from_owned_reader(peers::load::payload(length))),
            };
            let mut response = response.map_err(io::Error::other)?;
            io::copy(&mut response.body_mut().as_reader(), &mut io::sink())
        })
    })
}

/// Returns an agent that keeps a connection for each thread. By default it keeps three for a host.
fn keeping(connections: usize) -> Agent {
    Agent::config_builder()
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .build()
        .into()
}
