//! Command lines that no program can use: one clear line on stderr, nothing on stdout, exit code 2.

use crate::programs::{program, run};

#[track_caller]
fn refused(program: &str, args: &[&str]) {
    let ran = run(program, args);
    let lines = ran.err.lines().count();
    assert_eq!(
        (ran.code, lines, ran.out.as_str()),
        (Some(2), 1, ""),
        "{program} {args:?}: {ran:?}"
    );
    assert!(ran.err.starts_with(&format!("{program}: ")), "{args:?}: {ran:?}");
    assert!(!ran.err.trim_end().contains(char::is_control), "{args:?}: {ran:?}");
}

#[test]
fn unknown_options_are_refused_by_every_program() {
    for program in ["chat", "fetch", "gateway", "httpbin", "lifecycle", "load", "serve", "tour"] {
        for args in
            [&["--no-such-option"][..], &["--no\nsuch\x1boption"], &["--no-such=1"], &["-\u{e9}"]]
        {
            refused(program, args);
        }
    }
    for program in ["chat", "gateway", "httpbin", "lifecycle", "serve", "tour"] {
        refused(program, &["extra"]);
        refused(program, &["two\nlines"]);
    }
}

#[test]
fn bad_values_are_refused_by_every_server() {
    let bad = [
        &["--addr"][..],
        &["--addr", "nowhere"],
        &["--addr", "127.0.0.1:65536"],
        &["--addr", "two\nlines:80"],
        &["--addr", "192.0.2.1:80"],
        &["--unix", "/nonexistent/socket"],
        &["--unix", "/nonexistent/a\nb"],
        &["--addr", "127.0.0.1:0", "--unix", "/nonexistent/socket"],
        &["--grace-ms", "soon"],
        &["--idle-timeout-ms", "-1"],
        &["--read-timeout-ms", "99999999999999999999"],
        &["--max-connections", "1.5"],
        &["--max-header-bytes", ""],
        &["--proxy-protocol", "10.0.0.0/33"],
    ];
    for args in bad {
        for program in ["chat", "httpbin", "lifecycle"] {
            refused(program, args);
        }
        refused("gateway", &[&["--fcgi"][..], args].concat());
    }
}

#[cfg(feature = "tls")]
#[test]
fn bad_certificates_are_refused_by_every_server() {
    for args in [
        &["--tls-cert", "/nonexistent/certificate", "--tls-key", "/nonexistent/key"][..],
        &["--tls-cert", "/nonexistent/a\nb", "--tls-key", "/nonexistent/key"],
        &["--tls-cert", "/dev/null", "--tls-key", "/dev/null"],
        &["--tls-cert", "/dev/null"],
        &["--tls-key", "/dev/null"],
    ] {
        for program in ["chat", "httpbin", "lifecycle"] {
            refused(program, args);
        }
    }
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("its address").to_string();
    for program in ["chat", "httpbin", "lifecycle"] {
        refused(program, &["--addr", &addr]);
    }
}

#[test]
fn upstreams_that_do_not_go_together_are_refused() {
    for args in [
        &[][..],
        &["ftp://127.0.0.1"],
        &["http://127.0.0.1:99999"],
        &["fcgi://127.0.0.1"],
        &["fcgi-unix:"],
        &["fcgi://:9000"],
        &["fcgi://127.0.0.1:9000", "http://127.0.0.1"],
        &["--root", "/srv", "http://127.0.0.1"],
    ] {
        refused("proxy", args);
    }
    refused("httpbin", &["--fcgi", "--proxy-protocol", "::1", "--addr", "127.0.0.1:0"]);
}

/// As `head` goes when it has seen enough.
#[test]
fn a_reader_that_has_gone_causes_no_panic() {
    for name in
        ["api", "chat", "fetch", "gateway", "httpbin", "lifecycle", "load", "proxy", "serve"]
    {
        for (arg, code) in [("--help", 0), ("--no-such-option", 2)] {
            let gone = || std::io::pipe().expect("a pipe").1;
            let mut command = program(name, &[arg]);
            let status = command.stdout(gone()).stderr(gone()).status().expect("it starts");
            assert_eq!(status.code(), Some(code), "{name} {arg}");
        }
    }
}
