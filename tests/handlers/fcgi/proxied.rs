//! FastCGI applications as upstreams of `ReverseProxy`.

use std::io::{self, Write};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use hangup::net::{DialError, Target};
use hangup::{
    Context, Handler, Request, RequestExt, Response, ResponseWriter, ReverseProxy, Router, fcgi,
    testing,
};

use super::app::{App, NO_CONTENT, STDOUT, end, next, record, upstream};
use super::{beside, get, read_out, upstream_of};

/// Returns the variables that the application behind `apps` gets for a request to `handler`.
fn variables(
    apps: &Receiver<App>,
    handler: &dyn Handler,
    request: Request,
) -> Vec<(String, String)> {
    let (sender, seen) = bounded(1);
    let application = || {
        let app = next(apps);
        sender.send(app.request().params).expect("the test waits");
        app.answer(NO_CONTENT);
    };
    let response = beside(application, || testing::call(handler, request).unwrap());
    assert_eq!(response.status(), 204);
    seen.recv().expect("a request")
}

fn value<'a>(variables: &'a [(String, String)], name: &str) -> Option<&'a str> {
    variables.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
}

#[test]
fn h12_a_proxy_forwards_to_an_application() {
    let echo = |w: &mut ResponseWriter, r: &mut Request| {
        w.set_header("x-forwarded", r.headers()["x-forwarded-proto"].clone())?;
        io::copy(r.body_mut(), w)?;
        Ok(())
    };
    let proxy = ReverseProxy::with_upstream(upstream_of(echo));
    let request: Request = Request::post("/a").body("hello".into()).unwrap();
    let mut response = testing::call(&proxy, request).unwrap();
    assert_eq!(response.headers()["x-forwarded"], "http");
    assert_eq!(response.body_mut().read_text(100).unwrap(), "hello");
}

/// The script is below the prefix that a router has removed, and the request has the whole path.
#[test]
fn h12_a_nested_application_gets_the_whole_path() {
    let (upstream, apps) = upstream();
    let plain = upstream.clone();
    let scripts = upstream.root("/srv").check_scripts(false).index("index.php").split(".php");
    let router = Router::new()
        .nest("/app%20s", plain.clone())
        .nest("/proxied", ReverseProxy::with_upstream(plain.clone()))
        .nest("/named", plain.script_name("/named"))
        .nest("/php", scripts);
    for (path, name, info) in [
        ("/app%20s/x%20y?q", "/app s", Some("/x y")),
        ("/app%20s", "/app s", Some("/")),
        ("/proxied/x", "/proxied", Some("/x")),
        ("/named/x", "/named", Some("/x")),
        ("/php/", "/php/index.php", None),
        ("/php/a.php/x", "/php/a.php", Some("/x")),
    ] {
        let variables = variables(&apps, &router, get(path));
        assert_eq!(value(&variables, "REQUEST_URI"), Some(path));
        assert_eq!(value(&variables, "SCRIPT_NAME"), Some(name), "{path}");
        assert_eq!(value(&variables, "PATH_INFO"), info, "{path}");
    }
}

#[test]
fn h12_an_application_gets_the_client_behind_a_trusted_proxy() {
    let (upstream, apps) = upstream();
    let proxy = ReverseProxy::with_upstream(upstream.clone());
    let handlers: [&dyn Handler; 2] = [&upstream, &proxy];
    for handler in handlers {
        for (client, expected) in [(None, "unix:"), (Some([192, 0, 2, 7]), "192.0.2.7")] {
            let mut request = get("/");
            if let Some(client) = client {
                request.set_client_ip(client.into());
            }
            let variables = variables(&apps, handler, request);
            assert_eq!(value(&variables, "REMOTE_ADDR"), Some(expected));
            assert_eq!(value(&variables, "REMOTE_PORT"), None);
        }
    }
}

/// Calls a proxy whose application sends `output`, and returns the status of its response.
fn status_for(output: &[u8]) -> u16 {
    let (upstream, apps) = upstream();
    // Only the silent application runs into it.
    let limit = if output.is_empty() { 20 } else { 10_000 };
    let upstream = upstream.read_timeout(Duration::from_millis(limit));
    let proxy = ReverseProxy::with_upstream(upstream.index("index.php").check_scripts(false));
    let proxy = proxy.on_error(|_, status, _| {
        let mut response = Response::new("hook".into());
        *response.status_mut() = status;
        response
    });
    let application = || {
        let app = next(&apps);
        app.request();
        app.write(output);
        if output.is_empty() {
            read_out(&app.0);
        }
    };
    let mut response = beside(application, || testing::call(&proxy, get("/")).unwrap());
    assert_eq!(response.body_mut().read_text(100).unwrap(), "hook");
    // A path without a script is not the application's failure.
    let mut refused = testing::call(&proxy, get("/no-script")).unwrap();
    assert_eq!(refused.status(), 404);
    assert_ne!(refused.body_mut().read_text(100).unwrap(), "hook");
    response.status().as_u16()
}

#[test]
fn h12_failures_of_an_application_have_their_status_at_a_proxy() {
    let overloaded = end(0, 2);
    let malformed = [record(STDOUT, b"no head"), end(0, 0)].concat();
    for (output, status) in [(&b""[..], 504), (&overloaded, 503), (&malformed, 502)] {
        assert_eq!(status_for(output), status, "{output:?}");
    }
}

#[test]
fn h12_several_applications_take_turns_and_one_that_cannot_be_reached_is_left_out() {
    let refusing = fcgi::Upstream::tcp("app.test:9000")
        .dialer(|_: &Target, _: &Context| Err(DialError::other("refused")));
    let named = |name: &'static str| {
        upstream_of(
            move |w: &mut ResponseWriter, _: &mut Request| Ok(w.write_all(name.as_bytes())?),
        )
    };
    let proxy = ReverseProxy::with_upstream(named("a"));
    let proxy = proxy.add_upstream(refusing).add_upstream(named("b"));
    let texts: Vec<_> = (0..6)
        .map(|_| testing::call(&proxy, get("/")).unwrap().body_mut().read_text(10).unwrap())
        .collect();
    assert!(texts.iter().any(|text| text == "a") && texts.iter().any(|text| text == "b"));
}
