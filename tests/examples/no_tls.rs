//! The output of the programs in a build without TLS.

use crate::programs::run;

#[test]
fn https_is_no_scheme_that_there_is() {
    let ran = run("fetch", &["https://127.0.0.1:1/"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.err.starts_with("fetch: (1) ") && ran.err.contains("without TLS"), "{ran:?}");
}

#[test]
fn options_about_tls_are_refused() {
    for (name, args) in [
        ("fetch", &["-k", "http://x/"][..]),
        ("fetch", &["--cacert", "x", "http://x/"]),
        ("fetch", &["-E", "x", "http://x/"]),
        ("fetch", &["--tlsv1.3", "http://x/"]),
        ("load", &["-k", "http://x/"]),
        ("lifecycle", &["--tls-cert", "x", "--tls-key", "x"]),
    ] {
        let ran = run(name, args);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{args:?}: {ran:?}");
        assert!(ran.err.ends_with(": this build has no TLS\n"), "{ran:?}");
    }
}
