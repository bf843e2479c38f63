//! The programs over TLS. Each test creates its certificates in a separate folder.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use hangup::http::StatusCode;
use hangup::testing::TestServer;
use hangup::tls::{Acceptor, ClientCertificates, Connector, Identity, Roots, rustls};
use hangup::{Client, Request, RequestExt, ResponseExt, ResponseWriter, Result, Server};
use rustix::process::Signal;
use serde_json::Value;

use crate::certificates::{Authority, Issued};
use crate::programs::{Folder, Ran, Running, absent_on_windows, program, run, run_with};

/// An authority whose certificate lies in a folder, as do those that it issues.
struct Office {
    folder: Folder,
    authority: Authority,
    /// The path of the authority's own certificate.
    roots: String,
}

impl Office {
    fn new(name: &str) -> Self {
        let (folder, authority) = (Folder::new(name), Authority::new());
        let roots = folder.write("roots.pem", &authority.pem);
        Self { folder, authority, roots }
    }

    /// Leaves a certificate and its key as files by these names: their paths.
    fn leave(&self, issued: &Issued) -> (String, String) {
        let certificate = self.folder.write("certificate.pem", &issued.certificate);
        (certificate, self.folder.write("key.pem", &issued.key))
    }

    /// `lifecycle` on a free port, with a certificate for 127.0.0.1.
    fn lifecycle(&self) -> Running {
        self.lifecycle_as(&self.authority.issue("127.0.0.1"))
    }

    fn lifecycle_as(&self, issued: &Issued) -> Running {
        let (certificate, key) = self.leave(issued);
        Running::lifecycle(&["--tls-cert", &certificate, "--tls-key", &key])
    }

    /// Fetches, trusting only this authority.
    fn fetch(&self, args: &[&str]) -> Ran {
        run("fetch", &[&["-sS", "--cacert", &self.roots], args].concat())
    }
}

/// A peer that takes one connection, says this whatever it hears, and then nothing more.
fn peer(says: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("https://{}/", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(says)?;
        stream.shutdown(Shutdown::Write)?;
        // Unread bytes would cause a reset, which could overtake the response.
        stream.read_to_end(&mut Vec::new())
    });
    url
}

#[track_caller]
fn check_failure(code: i32, ran: &Ran) {
    assert_eq!((ran.code, ran.out.as_str()), (Some(code), ""), "{ran:?}");
    assert!(ran.err.starts_with(&format!("fetch: ({code}) ")), "{ran:?}");
    assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
}

#[test]
fn lifecycle_speaks_https() {
    let office = Office::new("https");
    let server = office.lifecycle();
    assert!(server.place.starts_with("https://127.0.0.1:"), "{}", server.place);
    for (target, code, expected) in [
        ("/", 0, "ok\n 200"),
        ("/stream/3?ms=1", 0, "line 1\nline 2\nline 3\n 200"),
        ("/trailers", 0, "hello 200"),
        ("/early-hints", 0, "ok\n 200"),
        ("/status/404", 0, "404 Not Found\n 404"),
        ("/wait?ms=1", 0, "timeout\n 200"),
        ("/close-notify?ms=1", 0, "timeout\n 200"),
        ("/close-notify-hijack", 0, " 200"),
        ("/error", 0, "500 Internal Server Error\n 500"),
        ("/overlong", 0, "xxxxxxxxxx 200"),
        ("/panic-late", 18, "the first half\n 200"),
        ("/panic", 52, " 000"),
    ] {
        let ran = office.fetch(&["-w", " %{http_code}", &server.url(target)]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(code), expected), "{target}: {ran:?}");
    }
    let large = office.folder.write("large", vec![b'x'; 3 << 20]);
    let ran =
        office.fetch(&["-T", &large, "-o", &office.folder.path("echo"), &server.url("/echo")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(office.folder.read("echo") == office.folder.read("large"));
    let ran = office.fetch(&["-X", "POST", "-T", &large, &server.url("/early")]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "no\n"), "{ran:?}");
}

#[test]
fn a_client_over_https_is_known_by_its_address_and_may_take_the_connection_over() {
    let office = Office::new("hijack");
    let server = office.lifecycle();
    let roots = Roots::only_pem(&office.authority.pem).unwrap();
    let connector = Connector::builder().roots(roots).build().unwrap();
    let client = Client::builder().tls(connector).build();
    let mut response = client.get(server.url("/addr")).send().unwrap();
    let addr = response.body_mut().read_text(100).unwrap();
    assert_eq!(addr.trim_end(), response.local_addr().unwrap().to_string());
    let mut response = client.get(server.url("/hijack")).send().unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut connection = response.take_duplex().unwrap();
    for piece in ["one", "another"] {
        connection.write_all(piece.as_bytes()).unwrap();
        let mut echo = vec![0; piece.len()];
        connection.read_exact(&mut echo).unwrap();
        assert_eq!(echo, piece.as_bytes());
    }
}

#[test]
fn lifecycle_speaks_https_on_a_unix_socket() {
    if absent_on_windows("Unix sockets") {
        return;
    }
    let office = Office::new("https-unix");
    let path = office.folder.path("socket");
    let (certificate, key) = office.leave(&office.authority.issue("some.test"));
    let args = ["--unix", &path, "--tls-cert", &certificate, "--tls-key", &key];
    let server = Running::listening("lifecycle", &args);
    assert_eq!(server.place, format!("unix:{path}"));
    let ran = office.fetch(&["--unix-socket", &path, "https://some.test/"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ok\n"), "{ran:?}");
}

#[test]
fn a_hangup_signal_renews_the_certificate() {
    if absent_on_windows("SIGHUP") {
        return;
    }
    let (office, other) = (Office::new("renewed"), Office::new("renewed-by"));
    let (certificate, key) = office.leave(&office.authority.issue("127.0.0.1"));
    let args = ["--addr", "127.0.0.1:0", "--tls-cert", &certificate, "--tls-key", &key];
    let mut command = program("lifecycle", &args);
    command.env("RUST_LOG", "lifecycle=info");
    let server = Running::start(command);
    let url = server.url("/");
    assert_eq!(office.fetch(&[&url]).code, Some(0));

    // Half of the new pair is none: the old one stays.
    let renewed = other.authority.issue("127.0.0.1");
    office.folder.write("certificate.pem", &renewed.certificate);
    server.signal(Signal::HUP);
    server.said("certificate not renewed: ");
    assert_eq!(office.fetch(&[&url]).code, Some(0));

    office.folder.write("key.pem", &renewed.key);
    server.signal(Signal::HUP);
    server.said("certificate renewed from ");
    check_failure(60, &office.fetch(&[&url]));
    assert_eq!(other.fetch(&[&url]).code, Some(0));
    server.signal(Signal::TERM);
    assert_eq!(server.ended().0.code(), Some(0));
}

#[test]
fn certificate_files_that_are_no_good_are_named() {
    let office = Office::new("no-good");
    let (certificate, key) = office.leave(&office.authority.issue("127.0.0.1"));
    let other = office.folder.write("other.pem", &office.authority.issue("127.0.0.1").key);
    for (certificate, key, named) in [
        ("/nowhere/x", key.as_str(), "/nowhere/x"),
        (&certificate, "/nowhere/x", "/nowhere/x"),
        (&certificate, &other, &other),
        (&key, &key, &key),
    ] {
        let ran = run("lifecycle", &["--tls-cert", certificate, "--tls-key", key]);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{ran:?}");
        assert!(ran.out.is_empty() && ran.err.contains(named), "{ran:?}");
    }
}

#[test]
fn what_was_agreed_on_is_told() {
    let office = Office::new("told");
    let server = office.lifecycle();
    let url = server.url("/");
    let ran = office.fetch(&["-v", "-H", "Connection: close", &url, &url]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "ok\nok\n"), "{ran:?}");
    let agreed = "* SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384\n\
                  * ALPN: server accepted http/1.1\n";
    assert_eq!(ran.err.matches(agreed).count(), 2, "{ran:?}");
    assert_eq!(ran.err.matches("* SSL re-using session ID\n").count(), 1, "{ran:?}");
    // On a connection that is there already, there is no handshake.
    let format =
        "%{scheme} %{ssl_verify_result} %{time_connect} %{time_appconnect} %{time_total}\\n";
    let args = ["-v", "-o", "/dev/null", "-o", "/dev/null", "-w", format, &url, &url];
    let ran = office.fetch(&args);
    assert_eq!(ran.err.matches(agreed).count(), 1, "{ran:?}");
    let lines: Vec<Vec<_>> = ran.out.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(lines[0][..2], ["https", "0"]);
    let times: Vec<f64> = lines[0][2..].iter().map(|field| field.parse().unwrap()).collect();
    assert!(times[0] < times[1] && times[1] < times[2], "{ran:?}");
    assert_eq!(lines[1][3], "0.000000", "{ran:?}");
}

#[test]
fn certificates_that_are_not_trusted_are_60() {
    let (office, other) = (Office::new("trust"), Office::new("distrust"));
    let server = office.lifecycle();
    let url = server.url("/");
    let port = server.place.rsplit(':').next().unwrap();
    // No trusted authority has signed it.
    check_failure(60, &other.fetch(&[&url]));
    // It is another's.
    let pin = format!("other.test:{port}:127.0.0.1");
    let of_other = format!("https://other.test:{port}/");
    check_failure(60, &office.fetch(&["--resolve", &pin, &of_other]));
    // It has been good once.
    let expired = office.lifecycle_as(&office.authority.issue_expired("127.0.0.1"));
    check_failure(60, &office.fetch(&[&expired.url("/")]));
    let ran = office.fetch(&["-w", "%{ssl_verify_result}", &expired.url("/")]);
    assert_eq!(ran.out, "1", "{ran:?}");
    // With `-k` they all are good enough.
    assert_eq!(run("fetch", &["-sk", &url]).out, "ok\n");
    assert_eq!(run("fetch", &["-s", "--insecure", "--resolve", &pin, &of_other]).out, "ok\n");
    assert_eq!(run("fetch", &["-sk", &expired.url("/")]).out, "ok\n");
}

#[test]
fn by_default_those_are_trusted_whom_the_platform_trusts() {
    let office = Office::new("platform");
    let server = office.lifecycle();
    check_failure(60, &run("fetch", &[&server.url("/")]));
    if absent_on_windows("roots from SSL_CERT_FILE") {
        return;
    }
    let mut command = program("fetch", &[&server.url("/")]);
    command.env("SSL_CERT_FILE", &office.roots);
    assert_eq!(run_with(command, b"").out, "ok\n");
    // Without RUST_LOG too, silence is silence.
    let mut command = program("fetch", &["-s", &server.url("/")]);
    command.env_remove("RUST_LOG");
    let ran = run_with(command, b"");
    assert_eq!((ran.code, ran.err.as_str()), (Some(60), ""), "{ran:?}");
}

#[test]
fn roots_that_cannot_be_read_are_77() {
    let folder = Folder::new("roots");
    let garbage = folder.write("garbage", "no PEM at all");
    for file in ["/nowhere/x", &garbage] {
        let ran = run("fetch", &["--cacert", file, "https://127.0.0.1:1/"]);
        check_failure(77, &ran);
        assert!(ran.err.contains(file), "{ran:?}");
    }
}

#[test]
fn handshakes_that_fail_are_35() {
    let office = Office::new("handshake");
    let plain = Running::lifecycle(&[]);
    check_failure(35, &office.fetch(&[&plain.url("/").replace("http:", "https:")]));
    check_failure(35, &office.fetch(&[&peer(b"220 this speaks something else\r\n")]));
    check_failure(35, &office.fetch(&[&peer(b"")]));
    let old = TestServer::with(Server::new(whoami).tls(only_tls12(&office.authority)));
    assert_eq!(office.fetch(&["--tlsv1.2", &old.url("/")]).out, "nobody over TLSv1.2");
    check_failure(35, &office.fetch(&["--tlsv1.3", &old.url("/")]));
}

#[test]
fn a_handshake_has_its_time_limit() {
    // Connections are established and never accepted.
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", deaf.local_addr().unwrap());
    let ran = run("fetch", &["--connect-timeout", "0.3", &url]);
    check_failure(28, &ran);
    assert!(ran.err.contains("the TLS handshake"), "{ran:?}");
    check_failure(28, &run("fetch", &["-m", "0.05", &url]));
}

#[test]
fn a_client_shows_its_certificate() {
    let office = Office::new("client");
    let clients = ClientCertificates::Required(office.authority.pem.clone().into_bytes());
    let acceptor = Acceptor::builder(identity(&office.authority)).client_certificates(clients);
    let server = TestServer::with(Server::new(whoami).tls(acceptor.build().unwrap()));
    let url = server.url("/");
    let issued = office.authority.issue("some.client");
    let (certificate, key) = office.leave(&issued);
    let both = office.folder.write("both:1.pem", issued.certificate + &issued.key);
    let known = "somebody over TLSv1.3";
    assert_eq!(office.fetch(&["-E", &certificate, "--key", &key, &url]).out, known);
    assert_eq!(office.fetch(&["--cert", &both.replace(':', "\\:"), &url]).out, known);
    // In TLS 1.3 the handshake is over for the client before the server has seen its certificate: it
    // is the exchange that fails, at one end or the other.
    let stranger = office.fetch(&[&url]);
    assert!(matches!(stranger.code, Some(55 | 56)), "{stranger:?}");

    let foreign = office.folder.write("foreign.pem", office.authority.issue("another").key);
    for args in [
        &["-E", "/nowhere/x"][..],
        &["-E", &certificate],
        &["-E", &certificate, "--key", "/nowhere/x"],
        &["-E", &certificate, "--key", &foreign],
    ] {
        check_failure(58, &office.fetch(&[args, &[&url]].concat()));
    }
    let ran = office.fetch(&["-E", &[&both.replace(':', "\\:"), ":secret"].concat(), &url]);
    assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{ran:?}");
    assert!(ran.err.contains("password") && !ran.err.contains("secret"), "{ran:?}");
}

#[test]
fn load_drives_https() {
    if absent_on_windows("roots from SSL_CERT_FILE") {
        return;
    }
    let office = Office::new("load");
    let server = office.lifecycle();
    let report = |command: Command, code: i32| -> Value {
        let ran = run_with(command, b"");
        assert_eq!(ran.code, Some(code), "{ran:?}");
        serde_json::from_str(&ran.out).expect("JSON")
    };
    let url = server.url("/bytes/10");
    let anybody = report(program("load", &["-k", "-n", "50", "-c", "4", &url]), 0);
    assert_eq!((&anybody["bytes"], &anybody["errors"]), (&500.into(), &0.into()), "{anybody}");
    let distrusting = report(program("load", &["-n", "2", &url]), 1);
    assert_eq!((&distrusting["requests"], &distrusting["errors"]), (&0.into(), &2.into()));
    assert_eq!(distrusting["error_kinds"]["UntrustedCertificate"], 2, "{distrusting}");
    let mut command = program("load", &["-n", "2", &url]);
    command.env("SSL_CERT_FILE", &office.roots);
    assert_eq!(report(command, 0)["bytes"], 20);
}

/// Says whether the client has shown a certificate.
fn whoami(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let tls = r.tls().ok_or_else(|| hangup::Error::other("no TLS"))?;
    let who = if tls.peer_certificates().is_empty() { "nobody" } else { "somebody" };
    Ok(write!(w, "{who} over {}", tls.version())?)
}

fn identity(authority: &Authority) -> Identity {
    let issued = authority.issue("127.0.0.1");
    Identity::from_pem(issued.certificate, issued.key).unwrap()
}

/// The newest that this one speaks is TLS 1.2.
fn only_tls12(authority: &Authority) -> Acceptor {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let issued = authority.issue("127.0.0.1");
    let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Acceptor::from_rustls(Arc::new(config))
}
