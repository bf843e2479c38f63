//! The layers of `hangup::layers`.

mod auth;
mod body_limit;
mod concurrency;
mod cors;
mod csrf;
mod rate_limit;
mod timeout;

use std::io::Write;

use hangup::{Body, Handler, Request, Response, ResponseWriter, Result, testing};

/// Responds with `handled`.
fn handled(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
    Ok(w.write_all(b"handled")?)
}

/// Creates a request with headers from lines such as `name: value`.
fn request(method: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a valid request")
}

fn call(handler: &impl Handler, request: Request) -> Response {
    testing::call(handler, request).expect("a response")
}

/// Returns all values of a header, joined by commas.
fn header(response: &Response, name: &str) -> String {
    let values = response.headers().get_all(name).iter();
    values.map(|value| value.to_str().expect("text")).collect::<Vec<_>>().join(", ")
}

fn text(mut response: Response) -> String {
    response.body_mut().read_text(10_000).expect("text")
}
