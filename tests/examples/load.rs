use std::net::TcpListener;

use serde_json::{Value, json};

use crate::programs::{Ran, Running, absent_on_windows, run};

/// A run without an error.
fn load(args: &[&str]) -> Value {
    let ran = run("load", args);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let report = report(&ran);
    assert_eq!(report["error_kinds"], json!({}), "{ran:?}");
    report
}

/// A run with errors: its report, and what it says of them.
fn failing_load(args: &[&str]) -> (Value, String) {
    let ran = run("load", args);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    (report(&ran), ran.err)
}

fn report(ran: &Ran) -> Value {
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn so_many_requests_are_the_sum_of_all_threads() {
    if absent_on_windows("the CPU time") {
        return;
    }
    let server = Running::lifecycle(&[]);
    let report = load(&["-n", "50", "-c", "4", &server.url("/bytes/10")]);
    assert_eq!((&report["requests"], &report["errors"]), (&50.into(), &0.into()), "{report}");
    assert_eq!(report["bytes"], 500);
    for field in ["seconds", "rps", "cpu_us_per_request"] {
        assert!(report[field].as_f64().unwrap() > 0.0, "{field}: {report}");
    }
    let latency = |name: &str| report["latency_us"][name].as_f64().unwrap();
    assert!(latency("p50") > 0.0, "{report}");
    assert!(latency("p50") <= latency("p90") && latency("p90") <= latency("p99"), "{report}");
    assert!(latency("p99") <= latency("max"), "{report}");
    // About one connection a thread, used again and again.
    assert!(server.json("/state")["new"]["entered"].as_u64().unwrap() < 15);
}

#[test]
fn a_body_makes_it_a_post() {
    let server = Running::lifecycle(&[]);
    let report = load(&["-n", "3", "-b", "1000", &server.url("/echo")]);
    assert_eq!(report["bytes"], 3000);
}

#[test]
fn the_time_ends_calls_that_are_blocked() {
    let server = Running::lifecycle(&[]);
    let report = load(&["-d", "0.05", "-c", "2", &server.url("/wait")]);
    assert_eq!((&report["requests"], &report["errors"]), (&0.into(), &0.into()), "{report}");
    assert!(report["seconds"].as_f64().unwrap() < 5.0, "{report}");
}

#[test]
fn failures_are_counted_by_kind_and_the_exit_code_is_1() {
    let server = Running::lifecycle(&[]);
    let (report, said) = failing_load(&["-n", "3", &server.url("/status/500")]);
    assert_eq!((&report["requests"], &report["errors"]), (&3.into(), &3.into()), "{report}");
    assert_eq!(report["error_kinds"], json!({ "Status(500)": 3 }));
    assert_eq!(said, "load: 3 errors Status(500): Internal Server Error\n");

    let (report, said) = failing_load(&["-n", "3", "-c", "2", &server.url("/panic")]);
    assert_eq!((&report["requests"], &report["errors"]), (&0.into(), &3.into()), "{report}");
    assert_eq!(report["error_kinds"], json!({ "EmptyReply": 3 }));
    assert_eq!(said, "load: 3 errors EmptyReply: connection closed without a response\n");

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (report, said) = failing_load(&["-n", "1", &format!("http://{nobody}/")]);
    assert_eq!(report["error_kinds"], json!({ "Connect": 1 }));
    assert!(
        said.starts_with(&format!("load: 1 error Connect: cannot connect to {nobody}: ")),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    for args in [
        &["-n"][..],
        &[],
        &["-n", "1", "-d", "1", "http://x/"],
        &["-x", "http://x/"],
        &["-n", "many", "http://x/"],
        &["-d", "-1", "http://x/"],
        &["-d", "NaN", "http://x/"],
        &["-c", "1000000", "http://x/"],
        &["-b", "18446744073709551615", "http://x/"],
        &["ftp://x/"],
        &["http://"],
        &["http://a/", "http://b/"],
    ] {
        let ran = run("load", args);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{args:?}: {ran:?}");
    }
}
