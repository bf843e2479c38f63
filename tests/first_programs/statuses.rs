//! A handler that answers with an error's status.

use std::io::Write;

use hangup::http::StatusCode;
use hangup::testing::TestServer;
use hangup::{Error, Request, ResponseWriter, Result};

const ROWS: [&str; 2] = ["zero", "one"];

fn row(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let id = r.uri().path().strip_prefix("/rows/").ok_or(StatusCode::NOT_FOUND)?;
    let bad = |_| Error::status(StatusCode::BAD_REQUEST, format!("{id:?} is no number"));
    let id: usize = id.parse().map_err(bad)?;
    let row = ROWS.get(id).ok_or_else(|| Error::status(StatusCode::NOT_FOUND, "no such row"))?;
    Ok(w.write_all(row.as_bytes())?)
}

/// What `row` returns for each path, as a test of a handler asks.
#[test]
fn h01_a_handler_fails_with_the_status_of_its_answer() {
    for (path, status, text) in [
        ("/", 404, "404 Not Found"),
        ("/rows/x", 400, "400 Bad Request: \"x\" is no number"),
        ("/rows/2", 404, "404 Not Found: no such row"),
    ] {
        let (told, heard) = std::sync::mpsc::channel();
        let server = TestServer::new(move |w, r| {
            let result = row(w, r);
            let _ = told.send(result.as_ref().err().cloned());
            result
        });
        let response = hangup::Client::new().get(server.url(path)).send().expect("an answer");
        assert!(response.status().as_u16() >= 400, "{path}");
        let error = heard.recv().expect("a result").expect("an error");
        assert_eq!(error.status_code().map(|code| code.as_u16()), Some(status));
        assert_eq!(error.to_string(), text);
    }
    let server = TestServer::new(row);
    let mut response = hangup::Client::new().get(server.url("rows/1")).send().expect("an answer");
    assert_eq!(response.body_mut().read_text(100).unwrap(), "one");
}
