//! Bodies that are read by their type and within their limit.

use std::io::Write;

use hangup::extract::MultipartLimits;
use hangup::{Request, RequestExt, ResponseWriter, Result, Server};

use super::also_in_memory;
use crate::support::{Over, alone, over_each};

over_each![
    h04_a_body_that_is_refused_by_its_head_is_not_asked_for,
    h04_a_form_is_read_after_its_100_and_the_connection_is_kept,
    h04_a_form_that_exceeds_a_limit_is_answered_at_once,
];

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const FORM: &str = "multipart/form-data; boundary=b";

/// Reads the body by the path.
fn read(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    match r.uri().path() {
        "/form" => drop(r.form(10)?),
        "/json" => r.json::<Vec<u32>>(10).map(drop)?,
        "/text" => drop(r.text(10)?),
        _ => {
            let mut form = r.multipart(MultipartLimits::new(1000).part_bytes(10))?;
            while let Some(mut part) = form.next_part()? {
                writeln!(w, "{}", part.read_text(100)?)?;
            }
        }
    }
    Ok(())
}

fn head(path: &str, content_type: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
    )
}

fn h04_a_body_that_is_refused_by_its_head_is_not_asked_for(over: Over) {
    alone!();
    for (path, content_type, length, status) in [
        ("/form", "application/x-www-form-urlencoded", 11, 413),
        ("/form", "text/plain", 5, 415),
        ("/json", "application/json", 11, 413),
        ("/json", "text/plain", 5, 415),
        ("/text", "text/plain", 11, 413),
        ("/multipart", FORM, 1001, 413),
        ("/multipart", "text/plain", 5, 415),
        ("/multipart", "multipart/form-data", 5, 400),
    ] {
        also_in_memory(
            over,
            || Server::new(read),
            |peer| {
                let answer = peer.send(head(path, content_type, length)).expect_response();
                let expected = (status, Some("close"));
                assert_eq!((answer.status, answer.field("connection")), expected, "{path}");
                peer.half_close().expect_end();
            },
        );
    }
}

fn h04_a_form_is_read_after_its_100_and_the_connection_is_kept(over: Over) {
    alone!();
    let part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n";
    let body = format!("{part}one\r\n{part}two\r\n--b--\r\nepilogue");
    also_in_memory(
        over,
        || Server::new(read),
        |peer| {
            for _ in 0..2 {
                peer.send(head("/multipart", FORM, body.len())).expect_text(CONTINUE).send(&body);
                let answer = peer.expect_response();
                assert_eq!(
                    (answer.text().as_str(), answer.field("connection")),
                    ("one\ntwo\n", None)
                );
            }
        },
    );
}

fn h04_a_form_that_exceeds_a_limit_is_answered_at_once(over: Over) {
    alone!();
    let part = "--b\r\nContent-Disposition: form-data; name=photo\r\n\r\n01234567890";
    also_in_memory(
        over,
        || Server::new(read),
        |peer| {
            let request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n";
            peer.send(format!("{request}Content-Type: {FORM}\r\n\r\n"));
            // The rest of the body never comes.
            peer.send(format!("{:x}\r\n{part}\r\n", part.len()));
            let answer = peer.expect_response();
            let text = "part 1 of the form (\"photo\") exceeds the limit of 10 bytes\n";
            assert_eq!((answer.status, answer.text().trim()), (413, text.trim()));
            assert_eq!(answer.field("connection"), Some("close"));
            peer.half_close().expect_end();
        },
    );
}
