//! Requests and responses as records.

use std::sync::Arc;
use std::time::Duration;

use hangup::{Body, Context, ErrorKind, Request, Response, respond, testing};
use parking_lot::Mutex;

use super::app::{NO_CONTENT, STDERR, STDOUT, end, next, record, upstream};
use super::{beside, get, post};

#[test]
fn h12_a_request_becomes_variables_and_a_body() {
    let (upstream, apps) = upstream();
    let upstream = upstream
        .param("APP_ENV", "test")
        .param("SERVER_NAME", "fixed")
        .params_fn(|r| vec![("X_PATH".into(), r.uri().path().into())]);
    let request = Request::post("/a%20b?c=d")
        .header("content-type", "text/plain")
        .header("x-thing", "1")
        .header("proxy", "evil")
        .body(Body::from("hello"))
        .unwrap();
    let received = beside(
        || assert_eq!(testing::call(&upstream, request).unwrap().status(), 201),
        || {
            let app = next(&apps);
            let received = app.request();
            app.answer(b"Status: 201 Created\r\n\r\n");
            received
        },
    );
    assert!(received.keep);
    assert_eq!(received.body, b"hello");
    for (name, value) in [
        ("REQUEST_METHOD", "POST"),
        ("REQUEST_URI", "/a%20b?c=d"),
        ("PATH_INFO", "/a b"),
        ("SCRIPT_NAME", ""),
        ("QUERY_STRING", "c=d"),
        ("CONTENT_LENGTH", "5"),
        ("CONTENT_TYPE", "text/plain"),
        ("HTTP_X_THING", "1"),
        ("APP_ENV", "test"),
        ("SERVER_NAME", "fixed"),
        ("X_PATH", "/a%20b"),
    ] {
        assert_eq!(received.get(name), Some(value), "{name}");
    }
    assert_eq!(received.get("HTTP_PROXY"), None);
    let names = received.params.iter().filter(|(name, _)| name == "SERVER_NAME");
    assert_eq!(names.count(), 1);
}

#[test]
fn h12_large_variables_are_split_into_records() {
    let (upstream, apps) = upstream();
    let long = "x".repeat(200_000);
    let request = Request::get("/").header("x-long", &long).body(Body::empty()).unwrap();
    let received = beside(
        || assert_eq!(testing::call(&upstream, request).unwrap().status(), 204),
        || {
            let app = next(&apps);
            let received = app.request();
            app.answer(NO_CONTENT);
            received
        },
    );
    assert_eq!(received.get("HTTP_X_LONG"), Some(&*long));
}

#[test]
fn h12_a_response_is_read_at_every_split() {
    let (upstream, apps) = upstream();
    let text = b"Status: 404\r\nX-Id: 7\r\nContent-Length: 9\r\n\r\nnot here\n";
    let response = [
        record(STDERR, b"a warning\n"),
        record(STDOUT, &text[..20]),
        record(STDOUT, &text[20..50]),
        record(STDERR, b"another\n"),
        record(STDOUT, &text[50..]),
        record(STDOUT, b""),
        end(0, 0),
    ]
    .concat();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&lines);
    let upstream = upstream.on_stderr(move |line| taken.lock().push(line.to_owned()));
    let splits = 0..response.len();
    let count = splits.len();
    beside(
        || {
            let app = next(&apps);
            for at in splits {
                app.request();
                app.write(&response[..at]);
                // Gives the other thread the time to read the start alone, in most rounds.
                std::thread::yield_now();
                app.write(&response[at..]);
            }
        },
        || {
            for at in 0..count {
                let mut answer = testing::call(&upstream, get("/")).unwrap();
                assert_eq!(answer.status(), 404);
                assert_eq!(answer.headers()["x-id"], "7");
                assert_eq!(answer.body_mut().read_text(100).unwrap(), "not here\n", "{at}");
            }
        },
    );
    let lines = lines.lock();
    assert_eq!(lines.len(), 2 * count);
    assert_eq!(lines[..2], ["a warning", "another"]);
}

#[test]
fn h12_responses_that_violate_the_protocol() {
    let (io, malformed) = (ErrorKind::EmptyReply, ErrorKind::MalformedMessage);
    let rows: [(&str, Vec<u8>, ErrorKind, u16); 16] = [
        ("nothing", vec![], io, 502),
        ("half a header", vec![1, 6, 0], ErrorKind::IncompleteBody, 502),
        ("no output", end(0, 0), io, 502),
        ("another version", vec![2, 6, 0, 1, 0, 0, 0, 0], malformed, 502),
        ("HTTP", b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), malformed, 502),
        ("another id", vec![1, 6, 0, 2, 0, 0, 0, 0], malformed, 502),
        ("a request's record", record(5, b"x"), malformed, 502),
        ("an unknown record", record(42, b"x"), malformed, 502),
        ("a short end", record(3, b"x"), malformed, 502),
        ("half a head", [record(STDOUT, b"Status: 200\r\n"), end(0, 0)].concat(), malformed, 502),
        ("a status line", record(STDOUT, b"HTTP/1.1 200 OK\r\n\r\n"), malformed, 502),
        ("an invalid status", record(STDOUT, b"Status: OK\r\n\r\n"), malformed, 502),
        ("no field", record(STDOUT, b"\r\n"), malformed, 502),
        ("a large head", record(STDOUT, &[b'x'; 60_000]), ErrorKind::TooLarge, 502),
        ("cannot multiplex", end(0, 1), malformed, 502),
        ("overloaded", end(0, 2), ErrorKind::Status, 503),
    ];
    for (what, response, kind, status) in rows {
        let (upstream, apps) = upstream();
        let upstream = upstream.max_head_bytes(50_000);
        beside(
            || {
                for _ in 0..2 {
                    let app = next(&apps);
                    app.request();
                    let _ = std::io::Write::write_all(&mut &app.0, &response);
                    app.0.close();
                }
            },
            || {
                let error = upstream.send(get("/"), &Context::new()).unwrap_err();
                assert_eq!(error.kind(), kind, "{what}: {error}");
                let answer = testing::call(&upstream, get("/")).unwrap();
                assert_eq!(answer.status(), status, "{what}");
            },
        );
    }
}

#[test]
fn h12_a_body_has_the_length_that_its_head_declares() {
    for (body, read) in [
        (&b"123"[..], Err(ErrorKind::IncompleteBody)),
        (b"12345", Ok("12345")),
        (b"1234567", Ok("12345")),
    ] {
        let (upstream, apps) = upstream();
        let app = || {
            let app = next(&apps);
            for _ in 0..2 {
                app.request();
                app.answer(&[&b"Content-Length: 5\r\n\r\n"[..], body].concat());
            }
        };
        beside(app, || {
            for _ in 0..2 {
                let mut answer = upstream.send(get("/"), &Context::new()).unwrap();
                assert_eq!(answer.body().len(), Some(5));
                let text = answer.body_mut().read_text(100);
                assert_eq!(text.as_deref().map_err(|error| error.kind()), read);
            }
        });
    }
}

#[test]
fn h12_a_response_without_a_body_has_none() {
    let (upstream, apps) = upstream();
    let head = b"Content-Length: 5\r\nContent-Type: a/b\r\n\r\n";
    let app = || {
        let app = next(&apps);
        app.request();
        app.answer(&[&head[..], b"12345"].concat());
        app.request();
        app.answer(head);
        app.request();
        app.answer(b"Status: 200\r\n\r\n");
        app.request();
        app.answer(b"Status: 304\r\nContent-Length: 5\r\n\r\n12345");
    };
    beside(app, || {
        for (method, status, length) in [
            ("HEAD", 200, Some("5")),
            ("HEAD", 200, Some("5")),
            ("HEAD", 200, None),
            ("GET", 304, None),
        ] {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            let answer = testing::call(&upstream, request).unwrap();
            assert_eq!(answer.status(), status);
            let field = answer.headers().get("content-length").map(|value| value.to_str().unwrap());
            assert_eq!(field, length);
            assert!(answer.body().is_empty());
        }
    });
}

#[test]
fn h12_a_local_redirect_is_followed_by_its_handler() {
    let (upstream, apps) = upstream();
    let app = || {
        let app = next(&apps);
        app.request();
        app.answer(b"Location: /other?a\r\n\r\n");
        app.request();
        app.answer(b"Location: /other?a\r\n\r\n");
        for _ in 0..11 {
            app.request();
            app.answer(b"Location: /again\r\n\r\n");
        }
    };
    beside(app, || {
        let answer = testing::call(&upstream, post("x")).unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["location"]),
            (302, &"/other?a".parse().unwrap())
        );
        let follows = upstream.clone().local_redirects(respond(|r| {
            let text = format!("{} {} {:?}", r.method(), r.uri(), r.body().len());
            Ok(Response::new(Body::from(text)))
        }));
        let mut answer = testing::call(&follows, post("x")).unwrap();
        assert_eq!(answer.body_mut().read_text(100).unwrap(), "GET /other?a Some(0)");
        let mut endless = upstream.clone();
        for _ in 0..11 {
            endless = upstream.clone().local_redirects(endless);
        }
        assert_eq!(testing::call(&endless, get("/")).unwrap().status(), 502);
    });
}

#[test]
fn h12_a_body_of_unknown_length_is_buffered_on_request() {
    let (upstream, apps) = upstream();
    let streamed = || post(Body::from_chunks(["chunk", "ed"]));
    let app = || {
        let app = next(&apps);
        let received = app.request();
        assert_eq!((received.get("CONTENT_LENGTH"), &received.body[..]), (None, &b"chunked"[..]));
        app.answer(NO_CONTENT);
    };
    beside(app, || assert_eq!(testing::call(&upstream, streamed()).unwrap().status(), 204));
    let (upstream, apps) = self::upstream();
    let buffered = upstream.buffer_unsized_bodies(7);
    let app = || {
        let app = next(&apps);
        let received = app.request();
        assert_eq!(received.get("CONTENT_LENGTH"), Some("7"));
        assert_eq!(received.body, b"chunked");
        app.answer(NO_CONTENT);
    };
    beside(app, || assert_eq!(testing::call(&buffered, streamed()).unwrap().status(), 204));
    let limited = buffered.buffer_unsized_bodies(6);
    assert_eq!(testing::call(&limited, streamed()).unwrap().status(), 413);
    assert!(apps.is_empty());
}

#[test]
fn h12_a_script_must_exist() {
    let folder = std::env::temp_dir().join(format!("hangup-fcgi-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("dir.php")).unwrap();
    std::fs::write(folder.join("a.php"), "").unwrap();
    std::fs::write(folder.join("x.jpg"), "").unwrap();
    let (upstream, apps) = upstream();
    let upstream = upstream.root(&folder).split(".php").index("index.php");
    for (path, status) in [
        ("/b.php", 404),
        ("/x.jpg/y.php", 404),
        ("/dir.php", 404),
        ("/", 404),
        ("/x.jpg", 404),
        ("/../a.php", 400),
        ("/%2e%2e/a.php", 400),
        ("/a.php%00", 400),
    ] {
        assert_eq!(testing::call(&upstream, get(path)).unwrap().status(), status, "{path}");
    }
    assert!(apps.is_empty());
    let received = beside(
        || assert_eq!(testing::call(&upstream, get("/a.php/info")).unwrap().status(), 204),
        || {
            let app = next(&apps);
            let received = app.request();
            app.answer(NO_CONTENT);
            received
        },
    );
    // Compared as paths: Windows has two separators.
    let file = received.get("SCRIPT_FILENAME").map(std::path::Path::new);
    assert_eq!(file, Some(&*folder.join("a.php")));
    assert_eq!(received.get("PATH_INFO"), Some("/info"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn h12_silence_is_limited() {
    let (upstream, apps) = upstream();
    let upstream = upstream.read_timeout(Duration::from_millis(200));
    let answer = testing::call(&upstream, get("/")).unwrap();
    assert_eq!(answer.status(), 504);
    next(&apps).request();
    // The limit does not count while the request is being sent.
    let (sender, source) = crossbeam_channel::unbounded::<&str>();
    let app = || {
        let app = next(&apps);
        app.head();
        let _ = crossbeam_channel::after(Duration::from_millis(400)).recv();
        drop(sender);
        app.record();
        app.answer(NO_CONTENT);
    };
    beside(app, || {
        let request = post(Body::from_chunks(source));
        assert_eq!(testing::call(&upstream, request).unwrap().status(), 204);
    });
}
