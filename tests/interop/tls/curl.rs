//! curl as the client of our server.

use std::fs;

use hangup::tls::{Acceptor, ClientCertificates};

use super::authority::Authority;
use super::{LARGE, https_localhost, serve, serve_by};
use crate::process::{Folder, pattern, run, text};

const TLS12: [&str; 3] = ["--tlsv1.2", "--tls-max", "1.2"];
const TLS13: [&str; 1] = ["--tlsv1.3"];

/// curl's exit codes: the handshake failed; receiving did, as TLS 1.3 has it where the server looks at
/// a certificate behind the client's back; the server wants a certificate; its own is not trusted.
const HANDSHAKE: i32 = 35;
const RECEIVE: i32 = 56;
const CERTIFICATE_WANTED: i32 = 98;
const UNTRUSTED: i32 = 60;

/// Runs curl to its success; what it printed.
fn curl(ca: &Authority, args: &[&str]) -> String {
    let common = ["-sS", "--max-time", "20", "--cacert", ca.file()];
    text("curl", &[&common, args].concat())
}

/// Runs curl to its failure: the exit code and what it said.
fn failing_curl(ca: &Authority, args: &[&str]) -> (i32, String) {
    let common = ["-sS", "--max-time", "20", "--cacert", ca.file()];
    let output = run("curl", &[&common, args].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit code"), said)
}

#[test]
#[ignore = "needs curl"]
fn both_versions_and_http_1_1_though_2_is_offered() {
    let ca = Authority::new();
    let server = serve_by(&ca);
    let by_name = https_localhost(server.addr(), "/tls");
    let print_version = ["-w", "%{http_version}", "--http2"];
    for (args, version) in [(&TLS12[..], "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        for (url, name) in [(&by_name, "localhost"), (&server.url("/tls"), "nobody")] {
            let printed = curl(&ca, &[args, &print_version, &[url]].concat());
            let facts = format!("{version} http/1.1 to {name}, 0 sent, resumed: false\n1.1");
            assert_eq!(printed, facts);
        }
    }
}

#[test]
#[ignore = "needs curl"]
fn several_urls_over_one_connection() {
    let ca = Authority::new();
    let server = serve_by(&ca);
    for args in [&TLS12[..], &TLS13] {
        let mut args = [args, &["-w", "%{num_connects} "]].concat();
        let url = server.url("/");
        // Only the output of the last transfer goes to standard output.
        args.extend(["-o", "/dev/null", &url].repeat(4));
        assert_eq!(curl(&ca, &args), "1 0 0 0 ");
    }
}

#[test]
#[ignore = "needs curl"]
fn large_bodies_up_and_down() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let server = serve_by(&ca);
    let sent = folder.file("sent", &pattern(LARGE));
    let got = folder.path().join("got");
    let into = ["-o", got.to_str().expect("UTF-8")];
    for version in [&TLS12[..], &TLS13] {
        for header in ["X-Plain: yes", "Transfer-Encoding: chunked"] {
            let url = server.url("/echo");
            curl(&ca, &[version, &into, &["-H", header, "-T", &sent, &url]].concat());
            assert!(fs::read(&got).expect("a file") == pattern(LARGE), "{version:?} {header}");
        }
        curl(&ca, &[version, &into, &[&server.url("/large")]].concat());
        assert!(fs::read(&got).expect("a file") == pattern(LARGE), "{version:?}");
    }
}

#[test]
#[ignore = "needs curl"]
fn an_upload_that_nobody_reads_gets_its_answer() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let server = serve_by(&ca);
    let sent = folder.file("sent", &pattern(LARGE));
    for version in [&TLS12[..], &TLS13] {
        for expect in ["Expect:", "Expect: 100-continue"] {
            let url = server.url("/refuse");
            let args = ["-H", expect, "-T", &sent, "-w", "%{http_code}", &url];
            assert_eq!(curl(&ca, &[version, &args].concat()), "no\n403", "{expect}");
        }
    }
}

#[test]
#[ignore = "needs curl"]
fn certificates_of_clients() {
    let (ca, strangers) = (Authority::new(), Authority::new());
    let (known, unknown) = (ca.client(), strangers.client());
    let known = ["--cert", &known.cert, "--key", &known.key];
    let unknown = ["--cert", &unknown.cert, "--key", &unknown.key];
    let roots = fs::read(ca.file()).expect("a file");
    for required in [true, false] {
        let clients = match required {
            true => ClientCertificates::Required(roots.clone()),
            false => ClientCertificates::Optional(roots.clone()),
        };
        let acceptor = Acceptor::builder(ca.server().identity()).client_certificates(clients);
        let server = serve(acceptor.build().expect("an acceptor"));
        let url = server.url("/tls");
        for version in [&TLS12[..], &TLS13] {
            let printed = curl(&ca, &[version, &known, &[&url]].concat());
            assert!(!printed.contains(" 0 sent"), "{printed}");
            let (code, said) = failing_curl(&ca, &[version, &unknown, &[&url]].concat());
            assert!(matches!(code, HANDSHAKE | RECEIVE), "{code}: {said}");
            assert!(said.contains("alert unknown ca"), "{said}");
            if required {
                let (code, said) = failing_curl(&ca, &[version, &[&url]].concat());
                let codes = [HANDSHAKE, RECEIVE, CERTIFICATE_WANTED];
                assert!(codes.contains(&code) && said.contains("alert"), "{code}: {said}");
            } else {
                let printed = curl(&ca, &[version, &[&url]].concat());
                assert!(printed.contains(" 0 sent"), "{printed}");
            }
        }
    }
}

#[test]
#[ignore = "needs curl"]
fn a_client_that_trusts_others_turns_away() {
    let (ca, strangers) = (Authority::new(), Authority::new());
    let server = serve_by(&ca);
    let (code, said) = failing_curl(&strangers, &[&server.url("/")]);
    assert_eq!(code, UNTRUSTED, "{said}");
    // And the server goes on.
    assert_eq!(curl(&ca, &[&server.url("/")]), "ok\n");
}

#[test]
#[ignore = "needs curl"]
fn plain_http_is_told_that_this_is_https() {
    let ca = Authority::new();
    let server = serve_by(&ca);
    let url = format!("http://{}/", server.addr());
    let printed = curl(&ca, &["-i", &url]);
    assert!(printed.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{printed}");
    assert!(printed.contains("this port speaks HTTPS"), "{printed}");
    let head = curl(&ca, &["-I", &url]);
    assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n") && head.ends_with("\r\n\r\n"));
}
