//! Requests that end early: by the handler, or the program.

use std::collections::HashSet;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use hangup::http::StatusCode;
use hangup::{Request, RequestExt, ResponseWriter, Result};

use super::Nginx;
use crate::fastcgi::{App, LARGE, answer, client, get, next, post};
use crate::process::{Folder, PATIENCE, pattern};

#[test]
#[ignore = "needs nginx"]
fn a_body_that_no_handler_reads() {
    let folder = Folder::new();
    let app = App::unix(&folder, answer::route);
    let nginx = super::before(&app.place);
    let client = client();
    for path in ["/refuse", "/stream/refuse"] {
        for _ in 0..10 {
            let request = client.post(nginx.url(path)).body(pattern(LARGE));
            let mut response = request.send().unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path}");
            assert_eq!(response.body_mut().read_text(100).unwrap(), "not read\n");
            assert!(post(&client, &nginx.url("/echo"), b"next".to_vec()) == b"next");
        }
    }
    assert_eq!(nginx.complaints(), [""; 0]);
}

#[test]
#[ignore = "needs nginx"]
fn a_panic_and_words_for_the_log() {
    let folder = Folder::new();
    let app = App::unix(&folder, answer::route);
    let nginx = super::before(&app.place);
    let client = client();
    for _ in 0..5 {
        get(&client, &nginx.url("/panic"), StatusCode::INTERNAL_SERVER_ERROR);
        get(&client, &nginx.url("/"), StatusCode::OK);
    }
    assert_eq!(nginx.complaints(), [""; 0]);
    get(&client, &nginx.url("/log"), StatusCode::OK);
    let complaints = nginx.complaints();
    let [line] = &complaints[..] else { panic!("{complaints:?}") };
    let words = "FastCGI sent in stderr: \"gateway: a line for the log\"";
    assert!(line.contains("[error]") && line.contains(words), "{line}");
}

/// Requests that have begun are answered. For others, nginx tries a new connection and then responds with 502
/// until a program listens again.
#[test]
#[ignore = "needs nginx"]
fn shutdown_under_load_answers_what_has_begun() {
    let (begin, begun) = unbounded();
    let handler = move |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let path = r.uri().path().to_owned();
        begin.send(path.clone()).expect("the test listens");
        // Long enough for the shutdown to find some that have begun.
        r.context().wait_timeout(Duration::from_millis(3));
        Ok(w.write_all(path.as_bytes())?)
    };
    let folder = Folder::new();
    let app = App::unix(&folder, handler);
    let nginx = super::before(&app.place);
    let (report, seen) = unbounded();
    let answered = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let (nginx, report) = (&nginx, report.clone());
                scope.spawn(move || until_refused(nginx, client, &report))
            })
            .collect();
        for _ in 0..100 {
            next(&seen);
        }
        assert!(app.server.handle().shutdown(PATIENCE), "all connections end");
        let answered = clients.into_iter().map(|client| client.join().expect("no other status"));
        answered.flatten().collect::<HashSet<_>>()
    });
    let begun: HashSet<_> = begun.try_iter().collect();
    assert!(begun.len() >= 100);
    assert_eq!(begun.difference(&answered).collect::<Vec<_>>(), Vec::<&String>::new());

    // nginx itself goes on, and so does the program once it is started again.
    assert!(UnixStream::connect(&app.place).is_err());
    let _again = App::unix(&folder, answer::route);
    get(&client(), &nginx.url("/"), StatusCode::OK);
}

/// Makes requests until one is answered with 502: which ones were answered with 200.
fn until_refused(nginx: &Nginx, name: usize, report: &Sender<()>) -> Vec<String> {
    let client = client();
    let mut answered = Vec::new();
    loop {
        let path = format!("/{name}/{}", answered.len());
        let mut response = client.get(nginx.url(&path)).send().expect("an answer");
        match response.status() {
            StatusCode::OK => {
                assert_eq!(response.body_mut().read_text(100).expect("its body"), path);
                answered.push(path);
                let _ = report.send(());
            }
            status => {
                assert_eq!(status, StatusCode::BAD_GATEWAY);
                return answered;
            }
        }
    }
}
