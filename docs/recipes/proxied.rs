//! Fetches a URL through the proxy of the environment (https_proxy, http_proxy, all_proxy): proxied URL

use hangup::{Client, ResponseExt, Result};

pub fn text(url: &str) -> Result<String> {
    Client::new().get(url).send()?.text()
}

fn main() -> Result<()> {
    print!("{}", text(&std::env::args().nth(1).expect("a URL"))?);
    Ok(())
}
