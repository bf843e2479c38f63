//! wrk as the client of our server.

use super::authority::Authority;
use super::{https_localhost, serve_by};
use crate::process::text;

#[test]
#[ignore = "needs wrk"]
fn no_socket_errors() {
    let ca = Authority::new();
    let server = serve_by(&ca);
    // It asks for no certificate to be good. By name, as by address, and with larger answers.
    let urls = [server.url("/"), https_localhost(server.addr(), "/tls"), server.url("/large")];
    for url in urls {
        let report = text("wrk", &["-t1", "-c16", "-d1", &url]);
        assert!(report.contains("requests in"), "{report}");
        assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
    }
}
