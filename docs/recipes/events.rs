//! Prints the events of a stream, across lost connections, until the server ends it: events URL

use std::io::{self, Write};

use hangup::client::{Client, EventSource};

pub fn print(url: &str, out: &mut impl Write) -> hangup::Result<()> {
    let client = Client::new();
    for event in EventSource::new(|| client.get(url)) {
        let event = event?;
        writeln!(out, "{} {}: {}", event.id, event.name, event.data)?;
    }
    Ok(())
}

fn main() -> hangup::Result<()> {
    print(&std::env::args().nth(1).expect("a URL"), &mut io::stdout())
}
