//! rouille with its default thread pool.

use std::error::Error;

use peers::serve;
use rouille::{Response, Server};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let server = Server::new(serve::address(), |_| Response::text("ok"))?;
    serve::announce(server.server_addr())?;
    server.run();
    Ok(())
}
