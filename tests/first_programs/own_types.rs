//! Programs with their own error type, with text of the request in the response, and with closures that
//! share a client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{io, thread};

use hangup::client::{Client, Next};
use hangup::http::StatusCode;
use hangup::layers::{AccessLog, BodyLimit};
use hangup::testing::{self, TestServer};
use hangup::{
    Error, HandlerExt, Json, Request, RequestExt, Response, ResponseExt, Result, Router, fcgi,
    respond,
};

enum StoreError {
    Missing(String),
    Disk(io::Error),
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing(name) => Error::status(StatusCode::NOT_FOUND, format!("no {name}")),
            StoreError::Disk(error) => error.into(),
        }
    }
}

fn load(name: &str) -> std::result::Result<String, StoreError> {
    match name {
        "hammer" => Ok("3 hammers".to_owned()),
        "broken" => Err(StoreError::Disk(io::Error::other("bad sector"))),
        name => Err(StoreError::Missing(name.to_owned())),
    }
}

fn router() -> Router {
    Router::new()
        .respond("GET /stock/{item}", |r| Ok(load(r.path_value("item").unwrap_or_default())?))
        .respond("GET /hello/{name}", |r| Ok(r.path_value("name").map(str::to_owned)))
        .respond("GET /items/{id}", |r| Ok(Json(r.parse_path_value::<u32>("id")?)))
}

#[test]
fn an_error_type_of_the_program_becomes_a_response() {
    for (path, status, text) in [
        ("/stock/hammer", 200, "3 hammers"),
        ("/stock/saw", 404, "no saw\n"),
        ("/stock/broken", 500, "500 Internal Server Error\n"),
        ("/hello/anna", 200, "anna"),
    ] {
        let request = Request::get(path).body("").unwrap();
        let mut response = testing::call(&router(), request).unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.text().unwrap(), text, "{path}");
    }
}

#[test]
fn a_router_with_layers_is_a_service_over_http_and_fastcgi() {
    let service = || {
        let log = AccessLog::common().to(io::sink());
        router().layer(BodyLimit::new(1 << 20)).layer(log)
    };
    let server = TestServer::with_handler(service());
    assert_eq!(
        server.client().get(server.url("/items/7")).send().unwrap().json::<u32>().unwrap(),
        7
    );
    drop(fcgi::Server::with_handler(service()));
}

/// Sends a request once more if the server has failed.
fn once_more(request: Request, next: Next<'_>) -> Result<Response> {
    let (parts, body) = request.into_parts();
    let again = body.try_clone();
    let response = next.run(Request::from_parts(parts.clone(), body))?;
    match again {
        Some(body) if response.status().is_server_error() => {
            drop(response);
            next.run(Request::from_parts(parts, body))
        }
        _ => Ok(response),
    }
}

#[test]
fn a_function_is_a_middleware_that_sends_again() {
    let failed = AtomicBool::new(false);
    let server = TestServer::with_handler(respond(move |r| {
        let body = r.body_mut().read_text(100)?;
        match failed.swap(true, Ordering::Relaxed) {
            false => Err(StatusCode::SERVICE_UNAVAILABLE.into()),
            true => Ok(body),
        }
    }));
    let client = Client::builder().wrap(once_more).build();
    let mut response = client.put(server.url("/")).body("text").send().unwrap();
    assert_eq!((response.status(), response.text().unwrap().as_str()), (StatusCode::OK, "text"));
}

#[test]
fn threads_share_a_client_for_parallel_downloads() {
    let server = TestServer::with_handler(router());
    let client = &Client::new();
    let urls = [1, 2, 3].map(|id| server.url(&format!("/items/{id}")));
    let numbers = thread::scope(|scope| {
        let calls = urls.map(|url| scope.spawn(move || client.get(url).send()?.json::<u32>()));
        calls.map(|call| call.join().unwrap().unwrap())
    });
    assert_eq!(numbers, [1, 2, 3]);
}
