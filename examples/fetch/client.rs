//! The client that makes an operation's requests.

use hangup::Client;
use hangup::client::{CookieJar, Netrc, RedirectPolicy};

use crate::failure::{Failure, NOT_READ};
use crate::options::{General, NetrcFile, Options};
use crate::{proxy, resolve};

/// Builds the client. The transfers that share it share connections.
pub(crate) fn build(
    general: &General,
    options: &Options,
    jar: &CookieJar,
) -> Result<Client, Failure> {
    let (timing, network) = (&options.timing, &options.network);
    let mut client = Client::builder()
        .no_default_headers()
        // curl's redirect rules differ from the crate's. `request/redirect.rs` implements them.
        .redirects(RedirectPolicy::none())
        .max_idle_connections_per_host(general.most_transfers())
        .decode(options.request.compressed)
        .proxy(proxy::policy(network)?)
        .expect_continue_timeout(timing.expect_timeout);
    let lines = &options.request.headers;
    let by_hand = lines.iter().any(|line| line.to_ascii_lowercase().starts_with("user-agent"));
    if let Some(agent) = options.request.agent().filter(|_| !by_hand) {
        // The client sends it to proxies as well.
        client = client.user_agent(agent);
    }
    if options.cookies.are_kept() {
        client = client.cookies(jar.clone());
    }
    if let Some(netrc) = options.request.netrc.as_ref().and_then(netrc) {
        client = client.netrc(netrc.map_err(|error| Failure::new(NOT_READ, error))?);
    }
    if let Some((rate, over)) = timing.min_speed() {
        client = client.min_speed(rate, over);
    }
    if timing.connect_timeout.is_some() {
        client = client
            .connect_timeout(timing.connect_timeout)
            .tls_handshake_timeout(timing.connect_timeout)
            .proxy_timeout(timing.connect_timeout);
    }
    if let Some(path) = &network.unix_socket {
        client = client.unix_socket(path);
    }
    if let Some(resolver) = resolve::resolver(network) {
        client = client.resolver(resolver);
    }
    Ok(options.tls.apply(client)?.build())
}

/// Reads the passwords of `-n`. As for curl, a file that does not exist has none.
fn netrc(file: &NetrcFile) -> Option<hangup::Result<Netrc>> {
    match file {
        NetrcFile::Home => Some(Netrc::from_home()),
        NetrcFile::File(path) => path.exists().then(|| Netrc::read(path)),
    }
}
