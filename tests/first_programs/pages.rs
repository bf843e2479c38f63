//! A plain GET that prints the text.

use std::io::{self, BufRead};

use hangup::testing::TestServer;
use hangup::{Client, http};

fn program(url: &str, out: &mut impl io::Write) -> hangup::Result<()> {
    let mut response = Client::new().get(url).send()?;
    writeln!(out, "{}", response.status())?;
    writeln!(out, "{}", response.headers()["content-type"].to_str()?)?;
    out.write_all(response.body_mut().read_text(1 << 20)?.as_bytes())?;
    Ok(())
}

#[test]
fn a_page_is_printed() {
    let server = TestServer::new(|w, _| Ok(io::Write::write_all(w, b"hello, world\n")?));
    let mut out = Vec::new();
    program(&server.url("/"), &mut out).expect("a page");
    let expected = "200 OK\ntext/plain; charset=utf-8\nhello, world\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_page_is_read_line_by_line() -> hangup::Result<()> {
    let server = TestServer::new(|w, _| {
        for line in 1..=1000 {
            io::Write::write_fmt(w, format_args!("line {line}\n"))?;
        }
        Ok(())
    });
    let response = Client::new().get(server.url("/")).send()?;
    let lines = response.into_body().lines().collect::<Result<Vec<_>, _>>()?;
    assert_eq!((lines.len(), lines[999].as_str()), (1000, "line 1000"));
    Ok(())
}

/// The builders of the `http` crate, by our names.
#[test]
fn requests_and_responses_are_built() -> hangup::Result<()> {
    let server = TestServer::new(hangup::respond(|r| {
        let response = hangup::Response::builder().status(201).header("x-path", r.uri().path());
        Ok(response.body(r.headers()["x-name"].to_str()?.to_owned())?)
    }));
    let request = hangup::Request::builder()
        .method(http::Method::PUT)
        .uri(server.url("/a"))
        .header("x-name", "value")
        .body("body")?;
    let mut response = Client::new().execute(request)?;
    assert_eq!((response.status().as_u16(), &response.headers()["x-path"]), (201, &"/a".parse()?));
    assert_eq!(response.body_mut().read_text(10)?, "value");
    Ok(())
}
