//! URLs of callers, their queries, and the URLs that a server redirects to: no panic, a URL that was read
//! is read the same again, pairs are decoded to themselves, and no password is shown.

#![no_main]

use std::cell::RefCell;
use std::sync::OnceLock;

use hangup::client::Next;
use hangup::{Body, Client, Error, ErrorKind, Request};
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use libfuzzer_sys::fuzz_target;

const PASSWORD: &str = "s3cr3tPW";

thread_local! {
    /// Where the next request is redirected to.
    static REDIRECT: RefCell<Option<HeaderValue>> = const { RefCell::new(None) };
}

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(4, |byte| *byte == 0xff);
    let mut next = || parts.next().unwrap_or_default();
    let (url, location, name, value) = (next(), next(), next(), next());
    let Ok(url) = std::str::from_utf8(url) else { return };
    let has_password =
        |text: &[u8]| text.windows(6).any(|bytes| bytes == &PASSWORD.as_bytes()[..6]);
    if has_password(url.as_bytes()) || has_password(location) {
        return;
    }
    let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));

    let read = sent(url, None, location);
    if let Ok(uri) = &read {
        assert_eq!(sent(uri, None, b"").as_ref().ok(), Some(uri), "it is read the same again");
    }
    if let (Ok(before), Ok(after)) = (sent(url, None, b""), sent(url, Some((&name, &value)), b"")) {
        let pair = after.strip_prefix(&before).expect("the URL stays");
        let pair = pair.strip_prefix(['?', '&']).unwrap_or(pair);
        let (first, second) = pair.split_once('=').expect("a pair");
        assert_eq!((&*decoded(first), &*decoded(second)), (&*name, &*value));
    }

    let with_password = format!("http://user:{PASSWORD}@{url}");
    let shown = match sent(&with_password, None, location) {
        Ok(uri) => uri,
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(PASSWORD), "{shown}");
});

/// Returns the URL of the request that is sent, after a redirect to `location` if there is one.
fn sent(url: &str, pair: Option<(&str, &str)>, location: &[u8]) -> Result<String, Error> {
    REDIRECT.set(HeaderValue::from_bytes(location).ok().filter(|value| !value.is_empty()));
    let request = client().get(url);
    let request = match pair {
        Some((name, value)) => request.query(name, value),
        None => request,
    };
    let debug = format!("{request:?}");
    assert!(!debug.contains(PASSWORD), "{debug}");
    match request.send() {
        Ok(response) => Ok(response.headers()["x-uri"].to_str().unwrap().to_owned()),
        Err(error) => {
            use ErrorKind::{InvalidUrl, UnsupportedScheme};
            assert!(matches!(error.kind(), InvalidUrl | UnsupportedScheme), "{error}");
            Err(error)
        }
    }
}

/// A client whose requests are answered before they reach a connection.
fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        Client::builder()
            .wrap_hop(|request: Request, _: Next<'_>| {
                let uri = request.uri().to_string();
                assert!(!request.uri().authority().unwrap().as_str().contains('@'), "{uri}");
                if let Some(credentials) = request.headers().get(AUTHORIZATION) {
                    assert!(credentials.is_sensitive());
                }
                let mut response = Response::new(Body::empty());
                response.headers_mut().insert("x-uri", uri.parse().unwrap());
                if let Some(location) = REDIRECT.take() {
                    *response.status_mut() = StatusCode::FOUND;
                    response.headers_mut().insert(LOCATION, location);
                }
                Ok(response)
            })
            .build()
    })
}

/// Decodes a name or a value of a query.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (digits, behind) = others.split_at(2);
                rest = behind;
                u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}
