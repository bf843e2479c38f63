//! Queries, cookies and forwarding headers: no panic, pairs are decoded to themselves, and a client cannot
//! change an address that a trusted proxy has added.

#![no_main]

use std::io::Write;
use std::net::SocketAddr;

use hangup::http::HeaderValue;
use hangup::layers::TrustedProxies;
use hangup::{Body, HandlerExt, Request, RequestExt, ResponseWriter, testing};
use libfuzzer_sys::fuzz_target;

const FORM: &str = "application/x-www-form-urlencoded";

fuzz_target!(|input: &[u8]| {
    let form = |body: Body| Request::post("/").header("content-type", FORM).body(body).unwrap();
    let pairs = form(Body::from(input.to_vec())).form(1 << 20).unwrap();
    let again = form(Body::form(pairs.iter())).form(1 << 22).unwrap();
    assert_eq!(again, pairs);
    let _ = pairs.get("a");

    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let request = Request::get("/").header("cookie", &value).body(Body::empty()).unwrap();
    for (name, value) in request.cookies().iter() {
        assert!(!name.is_empty() && !name.contains([';', '=']) && !value.contains(';'));
    }

    for (header, added, uses_forwarded) in
        [("x-forwarded-for", ", 192.0.2.7", false), ("forwarded", ", for=192.0.2.7", true)]
    {
        let layer = TrustedProxies::new(["10.0.0.0/8"]).unwrap();
        let layer = if uses_forwarded { layer.forwarded() } else { layer };
        let handler = |w: &mut ResponseWriter, r: &mut Request| {
            Ok(write!(w, "{}", r.client_ip().expect("an address"))?)
        };
        let value = HeaderValue::from_bytes(&[input, added.as_bytes()].concat()).unwrap();
        let request = Request::get("/").header(header, value).body(()).unwrap();
        let proxy = SocketAddr::from(([10, 0, 0, 1], 80)).into();
        let mut response = testing::call_from(proxy, &handler.layer(layer), request).unwrap();
        assert_eq!(response.body_mut().read_text(100).unwrap(), "192.0.2.7");
    }
});
