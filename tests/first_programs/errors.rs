//! Errors: `?`, printed plainly, printed with their chain.

use std::error::Error as StdError;
use std::iter;
use std::net::TcpListener;
use std::time::Duration;

use hangup::testing::TestServer;
use hangup::{Client, Context, Error, ErrorKind, Result};

/// As most programs' `main` print it.
fn chain(error: &dyn StdError) -> String {
    let levels = iter::successors(Some(error), |&error| error.source());
    levels.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn nobody() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("http://{port}/")
}

/// The real errors of a client, and a word that the plain text of each must have.
fn failures() -> Vec<(Error, &'static str)> {
    let client = Client::new();
    let get = |url: &str| client.get(url).send().map(drop).expect_err("a failure");
    let silent = TestServer::new(|_, r| {
        hangup::RequestExt::context(r).wait();
        Ok(())
    });
    let limited = Client::builder().response_head_timeout(Duration::from_millis(20)).build();
    let cancelled = Context::new();
    cancelled.cancel_with("no longer wanted");
    let late = Context::with_timeout(Duration::from_millis(20));
    let panics = TestServer::new(|_, _| panic!("on purpose"));
    let long = TestServer::new(|w, _| Ok(std::io::Write::write_all(w, b"long")?));
    let mut body = client.get(long.url("/")).send().unwrap().into_body();
    vec![
        (get(&nobody()), "refused"),
        (get("http://name.invalid/"), "name.invalid"),
        (get("gopher://a/"), "gopher"),
        (get("no url at all"), "URL"),
        (limited.get(silent.url("/")).send().map(drop).unwrap_err(), "response head"),
        (
            client.get(silent.url("/")).context(&cancelled).send().map(drop).unwrap_err(),
            "no longer wanted",
        ),
        (client.get(silent.url("/")).context(&late).send().map(drop).unwrap_err(), "deadline"),
        (get(&panics.url("/")), "closed"),
        (body.read_bytes(1).map(drop).unwrap_err(), "limit of 1 byte"),
        (client.get(long.url("/")).header("a b", "c").send().map(drop).unwrap_err(), "header"),
        (
            hangup::Server::new(|_, _| Ok(())).listen("nowhere").map(drop).unwrap_err().into(),
            "address",
        ),
    ]
}

#[test]
fn real_errors_say_each_thing_once() {
    for (error, word) in failures() {
        let (plain, whole) = (error.to_string(), chain(&error));
        assert!(plain.contains(word), "{word}: {plain}");
        assert_eq!(format!("{error:#}"), whole);
        let mut parts: Vec<&str> = whole.split(": ").collect();
        let all = parts.len();
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts.len(), all, "{whole}");
        assert!(!whole.ends_with('.') && !whole.contains("1 bytes"), "{whole}");
        // In the clothes of an `io::Error` as well.
        assert_eq!(chain(&std::io::Error::from(error)), whole);
    }
}

/// A beginner's `main`.
fn program(url: &str) -> std::result::Result<u16, Box<dyn StdError>> {
    Ok(Client::new().get(url).send()?.status().as_u16())
}

#[test]
fn question_marks_work_in_main_and_in_handlers() {
    let said = program(&nobody()).expect_err("nobody answers").to_string();
    assert!(said.starts_with("cannot connect to 127.0.0.1:"), "{said}");

    // Each line is an error that a handler meets.
    let fail = |line: &str| -> Result<()> {
        match line {
            "number" => drop("x".parse::<u32>()?),
            "float" => drop("x".parse::<f32>()?),
            "bool" => drop("x".parse::<bool>()?),
            "address" => drop("x".parse::<std::net::IpAddr>()?),
            "fits" => drop(u8::try_from(300)?),
            "utf8" => drop(String::from_utf8(vec![0xff])?),
            "variable" => drop(std::env::var("HANGUP_NO_SUCH_VARIABLE")?),
            "file" => drop(std::fs::read("/nonexistent")?),
            "header" => drop(hangup::http::HeaderValue::from_bytes(b"\xff")?.to_str()?),
            "value" => drop(hangup::http::HeaderValue::from_str("\n")?),
            "uri" => drop("http://a b/".parse::<hangup::http::Uri>()?),
            "status" => drop(hangup::http::StatusCode::from_u16(1)?),
            "text" => Err("a plain text")?,
            "owned" => Err(format!("a {} text", "formatted"))?,
            "boxed" => Err(Box::<dyn StdError + Send + Sync>::from("a boxed text"))?,
            "answer" => Err(hangup::http::StatusCode::NOT_FOUND)?,
            _ => unreachable!(),
        }
        Ok(())
    };
    for line in [
        "number", "float", "bool", "address", "fits", "utf8", "variable", "file", "header",
        "value", "uri", "status", "text", "owned", "boxed", "answer",
    ] {
        let error = fail(line).expect_err(line);
        assert!(!error.to_string().is_empty(), "{line}");
    }
    assert_eq!(fail("file").unwrap_err().kind(), ErrorKind::Io);
}
