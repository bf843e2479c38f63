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

#[test]
fn h01_a_handler_answers_with_the_status_of_its_error() {
    let server = TestServer::new(row);
    for (path, status, text) in [
        ("/", 404, "404 Not Found\n"),
        ("/rows/x", 400, "\"x\" is no number\n"),
        ("/rows/2", 404, "no such row\n"),
        ("/rows/1", 200, "one"),
    ] {
        let mut response = hangup::Client::new().get(server.url(path)).send().expect("an answer");
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.body_mut().read_text(100).unwrap(), text);
    }
}
