//! tiny_http, which reads connections on its threads. One thread for each core responds.

use std::error::Error;
use std::sync::Arc;
use std::thread;

use peers::serve;
use tiny_http::{Response, Server};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let server = Arc::new(Server::from_listener(serve::listen()?, None)?);
    let cores = thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || {
                for request in server.incoming_requests() {
                    // An error means that the client closed the connection.
                    drop(request.respond(Response::from_string("ok")));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("answering does not panic");
    }
    Ok(())
}
