use serde_json::Value;

use crate::programs::{Running, run};

fn load(args: &[&str]) -> Value {
    let ran = run("load", args);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    serde_json::from_str(&ran.out).expect("JSON")
}

#[test]
fn so_many_requests_are_the_sum_of_all_threads() {
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
fn what_fails_is_counted() {
    let server = Running::lifecycle(&[]);
    assert_eq!(load(&["-n", "3", &server.url("/status/500")])["errors"], 3);
    let report = load(&["-n", "3", &server.url("/panic")]);
    assert_eq!((&report["requests"], &report["errors"]), (&0.into(), &3.into()), "{report}");
}

#[test]
fn a_command_line_that_makes_no_sense_is_refused() {
    for args in [&["-n"][..], &[], &["-n", "1", "-d", "1", "http://x/"], &["-x", "http://x/"]] {
        let ran = run("load", args);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{args:?}: {ran:?}");
    }
}
