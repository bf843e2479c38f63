//! Our client against OpenSSL's `s_server`.

use std::thread;

use hangup::{Client, ErrorKind, ResponseExt, Result};

use super::authority::{Authority, Signed};
use super::dialogue::Dialogue;
use super::{client, client_of, trusting};

const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// `s_server` with `signed`, listening; and the URL to reach it.
fn s_server(signed: &Signed, args: &[&str]) -> (Dialogue, String) {
    let common = ["s_server", "-accept", "127.0.0.1:0", "-cert", &signed.cert, "-key", &signed.key];
    let mut server = Dialogue::start("openssl", &[&common, args].concat());
    server.until("ACCEPT 127.0.0.1:");
    let url = format!("https://localhost:{}/", server.line());
    (server, url)
}

#[test]
#[ignore = "needs openssl"]
fn its_page_with_keys_of_both_kinds_and_a_session_resumed() {
    let ca = Authority::new();
    for signed in [ca.server(), ca.server_with_rsa()] {
        for (flag, version) in VERSIONS {
            let (_server, url) = s_server(&signed, &["-www", flag]);
            let client = client_of(&ca);
            for round in 0..3 {
                // It speaks HTTP/1.0 and closes behind its page, after a close_notify.
                let mut response = client.get(&url).send().unwrap();
                let page = response.body_mut().read_text(1 << 20).unwrap();
                let tls = response.tls().expect("what was agreed on");
                assert_eq!(tls.version().to_string(), version);
                assert!(page.contains(tls.cipher_suite()) || version == "TLSv1.2", "{page}");
                assert!(page.contains("Secure Renegotiation IS"), "{page}");
                assert_eq!(tls.is_resumed(), round > 0, "{version}: {page}");
                assert_eq!(page.contains("Reused, TLS"), round > 0, "{page}");
                assert_eq!(tls.peer_certificates().len(), 1);
            }
        }
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_certificate_is_required_of_the_client() {
    let (ca, strangers) = (Authority::new(), Authority::new());
    let page = |client: Client, url: &str| -> Result<String> {
        let mut response = client.get(url).send()?;
        response.body_mut().read_text(1 << 20)
    };
    for (flag, version) in VERSIONS {
        let verify = ["-Verify", "1", "-verify_return_error", "-CAfile", ca.file()];
        let (_server, url) = s_server(&ca.server(), &[&["-www", flag], &verify[..]].concat());

        let [known, unknown] = [ca.client(), strangers.client()]
            .map(|signed| client(trusting(&ca).identity(signed.identity())).build());
        let printed = page(known, &url).unwrap();
        assert!(printed.contains("Subject: CN=a client\n"), "{version}: {printed}");

        for client in [client_of(&ca), unknown] {
            let error = page(client, &url).unwrap_err();
            // In TLS 1.3 the client has done its part before the server looks at the certificate.
            let kind = match version {
                "TLSv1.2" => ErrorKind::TlsHandshake,
                _ => ErrorKind::Receive,
            };
            assert_eq!(error.kind(), kind, "{version}: {error}");
            assert!(error.to_string().contains("alert"), "{version}: {error}");
        }
    }
}

const UPDATE_SENT: &str = ">>> TLS 1.3, Handshake [length 0005], KeyUpdate";
const UPDATE_RECEIVED: &str = "<<< TLS 1.3, Handshake [length 0005], KeyUpdate";

/// The connection is idle, in the client's pool, when the server updates its keys; then it is used again.
#[test]
#[ignore = "needs openssl"]
fn keys_are_updated_between_requests() {
    let ca = Authority::new();
    let (mut server, url) = s_server(&ca.server(), &["-tls1_3", "-msg"]);
    let client = client_of(&ca);
    // The capital asks for our keys to be updated as well. The last request comes surely after that.
    for (round, command) in ["K", "k", "Q"].into_iter().enumerate() {
        thread::scope(|scope| {
            let call = scope.spawn(|| {
                let mut response = client.get(&url).send().unwrap();
                let text = response.body_mut().read_text(100).unwrap();
                (text, response.is_connection_reused())
            });
            server.until("GET / HTTP/1.1");
            server.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            assert_eq!(call.join().unwrap(), ("ok".to_owned(), round > 0));
        });
        server.say(&format!("{command}\n"));
        if command != "Q" {
            server.until(UPDATE_SENT);
        }
    }
    let (_, printed) = server.finish();
    assert!(printed.contains(UPDATE_RECEIVED), "{printed}");
}
