//! `ureq-load [-d SECONDS] [-c CONNECTIONS] URL`: the same load as `floor-load` makes, over ureq,
//! as a program would use it: one agent for all threads.

use std::io;
use std::process::ExitCode;
use std::sync::OnceLock;

use ureq::Agent;

fn main() -> ExitCode {
    let agent = OnceLock::new();
    peers::load::run(|options| {
        let agent = agent.get_or_init(|| agent_for(options.connections)).clone();
        let url = options.url.clone();
        Ok(move || {
            let mut response = agent.get(&url).call().map_err(io::Error::other)?;
            io::copy(&mut response.body_mut().as_reader(), &mut io::sink())
        })
    })
}

/// An agent that keeps all its connections; by default it keeps three for a host.
fn agent_for(connections: usize) -> Agent {
    Agent::config_builder()
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .build()
        .into()
}
