//! The same handler as a CGI program.

use std::io::{self, Read, Write};

use hangup::testing::stream_pair;
use hangup::{ErrorKind, Handler, Request, RequestExt, ResponseWriter, Result, cgi};

use super::{echo, path};
use crate::support::alone;

/// Runs a handler on a request with the usual variables and `variables`. Returns the result, the response, and
/// the output on the error stream.
fn run(
    handler: impl Handler,
    variables: &[(&str, &str)],
    input: &'static [u8],
) -> (Result<()>, String, String) {
    let ((out, mut answer), (err, mut errors)) = (stream_pair(), stream_pair());
    let always = [("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "/app"), ("PATH_INFO", "/x")];
    let variables = always.iter().chain(variables).copied();
    let outcome = cgi::serve_with(handler, variables, input, out, err);
    let (mut text, mut said) = (String::new(), String::new());
    answer.read_to_string(&mut text).unwrap();
    errors.read_to_string(&mut said).unwrap();
    (outcome, text, said)
}

#[test]
fn f10_one_request_is_answered_from_environment_and_input() {
    alone!();
    let (outcome, answer, _) = run(echo, &[("CONTENT_LENGTH", "5")], b"hello, and more");
    outcome.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("Status: 200 OK\r\n") && head.contains("Content-Length: 5"), "{head}");
    assert_eq!(body, "hello");
    let (outcome, answer, _) = run(path, &[], b"");
    outcome.unwrap();
    assert!(answer.ends_with("/app/x"), "{answer}");
}

#[test]
fn f10_each_error_is_reported() {
    alone!();
    let failing = |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        writeln!(r.error_stream().expect("CGI"), "watch out")?;
        panic!("on purpose")
    };
    let (outcome, answer, said) = run(failing, &[], b"");
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Other);
    assert!(answer.starts_with("Status: 500 Internal Server Error\r\n"), "{answer}");
    assert_eq!(said, "watch out\n");
    let (outcome, answer, _) = run(path, &[("CONTENT_LENGTH", "many")], b"");
    assert!(outcome.is_ok() && answer.starts_with("Status: 400"), "{answer}");
    let hijacks = |w: &mut ResponseWriter, _: &mut Request| w.hijack().map(drop);
    assert!(run(hijacks, &[], b"").1.starts_with("Status: 500"));
}

#[test]
fn f10_without_a_web_server_there_is_no_request() {
    alone!();
    let nothing: [(&str, &str); 0] = [];
    let outcome = cgi::serve_with(path, nothing, io::empty(), io::sink(), io::sink());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Misuse);
}

#[test]
fn f10_the_context_ends_when_the_output_is_closed() {
    alone!();
    let (out, answer) = stream_pair();
    answer.close();
    let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let context = r.context();
        assert!(!context.is_done());
        let error = w.write_all(&[0; 100_000]).unwrap_err();
        assert!(context.is_done());
        Err(error.into())
    };
    let outcome =
        cgi::serve_with(handler, [("REQUEST_METHOD", "GET")], io::empty(), out, io::sink());
    assert!(outcome.is_err());
}

/// H1, for a CGI program.
#[test]
fn h01_each_error_has_the_status_of_its_cause() {
    alone!();
    let reads = |_: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        r.body_mut().read_bytes(4).map(drop).map_err(|_| "all my own fault".into())
    };
    let (outcome, answer, _) = run(reads, &[("CONTENT_LENGTH", "5")], b"hello");
    assert!(outcome.is_ok() && answer.starts_with("Status: 413"), "{answer}");
    let (outcome, answer, _) = run(reads, &[("CONTENT_LENGTH", "3")], b"hi");
    assert_eq!((outcome.unwrap_err().kind(), answer.as_str()), (ErrorKind::IncompleteBody, ""));
    let text = |_: &mut ResponseWriter, r: &mut Request| r.body_mut().read_text(9).map(drop);
    assert!(run(text, &[("CONTENT_LENGTH", "1")], b"\xff").1.starts_with("Status: 400"));
    let fails = |_: &mut ResponseWriter, _: &mut Request| -> Result<()> { Err("mine".into()) };
    assert!(run(fails, &[("CONTENT_LENGTH", "1")], b"x").1.starts_with("Status: 500"));
    // The bytes that were sent remain.
    let late = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        w.write_all(b"begun")?;
        w.flush()?;
        r.body_mut().read_bytes(4).map(drop)
    };
    let (outcome, answer, _) = run(late, &[("CONTENT_LENGTH", "5")], b"hello");
    assert!(outcome.is_err() && answer.starts_with("Status: 200") && answer.ends_with("begun"));
}
