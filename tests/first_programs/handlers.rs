//! Handlers: what a server, and a test of one, takes.

use std::io::Write;
use std::sync::Arc;

use hangup::http::StatusCode;
use hangup::testing::TestServer;
use hangup::{Client, Handler, Request, ResponseWriter, Result, respond};

fn get(server: &TestServer) -> (u16, String) {
    let mut response = Client::new().get(server.url("/")).send().expect("an answer");
    let text = response.body_mut().read_text(1000).expect("a text");
    (response.status().as_u16(), text)
}

#[test]
fn h03_closures_need_no_types() {
    let greeting = String::from("hello");
    let server = TestServer::new(move |w, r| {
        w.set_header("X-Method", r.method().as_str())?;
        writeln!(w, "{greeting} {}", r.uri().path())?;
        Ok(())
    });
    assert_eq!(get(&server), (200, "hello /\n".into()));

    let server = TestServer::with(hangup::Server::new(|w, _| Ok(w.write_all(b"configured")?)));
    assert_eq!(get(&server).1, "configured");
    drop(hangup::fcgi::Server::new(|w, r| Ok(w.write_all(r.uri().path().as_bytes())?)));
    // Not started by a web server: an error, and no answer.
    assert!(hangup::cgi::serve(|w, _| Ok(w.write_all(b"cgi")?)).is_err());
}

#[test]
fn h03_every_kind_of_handler_is_taken() {
    struct Greeter(&'static str);
    impl Handler for Greeter {
        fn handle(&self, w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
            Ok(w.write_all(self.0.as_bytes())?)
        }
    }
    fn plain(w: &mut ResponseWriter, _: &mut Request) -> Result<()> {
        Ok(w.write_all(b"plain")?)
    }
    let servers = [
        TestServer::with_handler(Greeter("struct")),
        TestServer::with_handler(Arc::new(Greeter("shared"))),
        TestServer::with_handler(Box::new(Greeter("boxed")) as Box<dyn Handler>),
        TestServer::with_handler(plain),
        TestServer::new(plain),
        TestServer::new(respond(|_| Ok("finished"))),
        TestServer::with_handler(respond(|_| Ok("finished"))),
    ];
    let texts = servers.each_ref().map(|server| get(server).1);
    let expected = ["struct", "shared", "boxed", "plain", "plain", "finished", "finished"];
    assert_eq!(texts, expected);
}

#[test]
fn h03_a_status_is_a_number_or_a_code() {
    let server = TestServer::new(|w, _| Ok(w.set_status(404).write_all(b"not here")?));
    assert_eq!(get(&server), (404, "not here".into()));
    let server = TestServer::new(|w, _| {
        w.set_status(StatusCode::IM_A_TEAPOT);
        assert_eq!(w.status(), 418);
        Ok(())
    });
    assert_eq!(get(&server).0, 418);
}

#[test]
fn h03_a_number_that_is_no_status_fails_the_response() {
    for wrong in [0, 99, 1000] {
        let server = TestServer::new(move |w, _| Ok(w.set_status(wrong).write_all(b"lost")?));
        assert_eq!(get(&server), (500, "500 Internal Server Error\n".into()), "{wrong}");
        let server = TestServer::new(move |w, _| {
            let error = w.set_status(wrong).flush().expect_err("no head can be sent");
            assert!(
                error.to_string().contains(&format!("{wrong} is not a status code")),
                "{error}"
            );
            // A valid one mends it.
            Ok(w.set_status(203).write_all(b"mended")?)
        });
        assert_eq!(get(&server), (203, "mended".into()), "{wrong}");
    }
}

#[test]
fn h03_a_test_servers_url_takes_a_path_with_and_without_a_slash() {
    let server = TestServer::new(|w, r| Ok(w.write_all(r.uri().to_string().as_bytes())?));
    for (path, target) in [("/x", "/x"), ("x", "/x"), ("", "/"), ("/", "/"), ("?q", "/?q")] {
        let url = server.url(path);
        let mut response = Client::new().get(&url).send().expect("an answer");
        assert_eq!(response.body_mut().read_text(100).unwrap(), target, "{url}");
    }
}
