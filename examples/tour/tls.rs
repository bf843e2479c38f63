//! The tour's step about TLS, with a separate server and a new certificate.

use std::io::Write;
use std::thread;
use std::time::Duration;

use hangup::TlsInfo;
use hangup::tls::{Acceptor, Connector, Identity, Roots};
use hangup::{Client, Request, RequestExt, ResponseExt, ResponseWriter, Result, Server};
use rcgen::{CertificateParams, KeyPair};

use crate::Tour;
use crate::story::{Chapter, Told, check};

pub(crate) fn encrypted(_: &Tour, chapter: &Chapter) -> Told {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["127.0.0.1".to_owned()])?.self_signed(&key)?.pem();
    chapter.tell("made a self-signed certificate for 127.0.0.1");
    let identity = Identity::from_pem(&certificate, key.serialize_pem())?;
    let server = Server::new(whisper).tls(Acceptor::new(identity)?).listen("127.0.0.1:0")?;
    let url = format!("{}://{}/", server.scheme(), server.local_addr());

    // This client trusts only the new certificate.
    let connector = Connector::builder().roots(Roots::only_pem(&certificate)?).build()?;
    let client = Client::builder().tls(connector).timeout(Duration::from_secs(5)).build();
    let handle = server.handle();
    thread::scope(|scope| {
        scope.spawn(|| server.serve());
        let told = twice(&client, &url, chapter);
        handle.close();
        told
    })
}

/// Responds with the TLS version of the connection.
fn whisper(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match r.tls() {
        Some(tls) => Ok(write!(w, "hello over {}", tls.version())?),
        None => Ok(write!(w, "hello in plain text")?),
    }
}

/// Makes a full handshake, then one that resumes its session.
fn twice(client: &Client, url: &str, chapter: &Chapter) -> Told {
    let first = handshake(client, url, chapter)?;
    check!(!first.is_resumed(), "a session was resumed, but there was none");
    check!(first.alpn() == Some("http/1.1"), "the protocol is not HTTP/1.1");
    client.close_idle_connections();
    let second = handshake(client, url, chapter)?;
    check!(second.is_resumed(), "the session was not resumed");
    Ok(())
}

fn handshake(client: &Client, url: &str, chapter: &Chapter) -> Result<TlsInfo, hangup::Error> {
    let mut response = client.get(url).send()?;
    let text = response.body_mut().read_text(1024)?;
    let tls =
        response.tls().cloned().ok_or_else(|| hangup::Error::other("the connection has no TLS"))?;
    let took = response.timings().map_or(Duration::ZERO, |timings| timings.secure);
    chapter.tell(format_args!(
        "{} {} in {} µs{}: {text:?}",
        tls.version(),
        tls.cipher_suite(),
        took.as_micros(),
        if tls.is_resumed() { ", the session resumed" } else { "" },
    ));
    Ok(tls)
}
