//! Access logs.

use std::io::{self, Write};
use std::sync::Arc;

use hangup::http::{Method, StatusCode, Version};
use hangup::layers::{AccessLog, Compress, PanicPage, RequestId};
use hangup::{
    Error, Handler, HandlerExt, OutcomeKind, Request, ResponseWriter, Result, respond, testing,
};
use parking_lot::Mutex;

/// An output that keeps each write.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().push(String::from_utf8(line.to_vec()).expect("UTF-8"));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Calls the handler in the layer. Returns the only line, without its end.
fn logged<B: Into<hangup::Body>>(
    layer: AccessLog,
    handler: impl Handler,
    request: hangup::http::Request<B>,
) -> String {
    let lines = Lines::default();
    let _ = testing::call(&handler.layer(layer.to(lines.clone())), request);
    let lines = lines.0.lock();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines[0].strip_suffix('\n').expect("an end of line");
    assert!(!line.contains('\n'));
    line.to_owned()
}

/// Replaces the date by a dash.
fn undated(line: &str) -> String {
    let (before, rest) = line.split_once('[').unwrap();
    let (date, after) = rest.split_once(']').unwrap();
    assert_eq!(date.len(), "06/Nov/2026:08:49:37 +0000".len());
    format!("{before}-{after}")
}

fn browser() -> Request<&'static str> {
    Request::get("/items?token=secret")
        .header("referer", "http://example.com/page?q=private")
        .header("user-agent", "curl/8.5.0")
        .body("")
        .unwrap()
}

fn hello() -> impl Handler {
    respond(|_| Ok("hello"))
}

#[test]
fn h09_the_common_and_the_combined_format() {
    for (layer, expected) in [
        (AccessLog::common(), r#"- - - - "GET /items HTTP/1.1" 200 5"#),
        (
            AccessLog::combined(),
            r#"- - - - "GET /items HTTP/1.1" 200 5 "http://example.com/page" "curl/8.5.0""#,
        ),
        (
            AccessLog::combined().with_query(),
            r#"- - - - "GET /items?token=secret HTTP/1.1" 200 5 "http://example.com/page?q=private" "curl/8.5.0""#,
        ),
    ] {
        assert_eq!(undated(&logged(layer, hello(), browser())), expected);
    }
    let mut bare = Request::new("");
    *bare.version_mut() = Version::HTTP_10;
    *bare.method_mut() = Method::HEAD;
    let expected = r#"- - - - "HEAD / HTTP/1.0" 200 0 "-" "-""#;
    assert_eq!(undated(&logged(AccessLog::combined(), hello(), bare)), expected);
}

/// Characters with which a client would forge a line, end a field or control a terminal. A header cannot have
/// all of them.
const HOSTILE: &[u8] = b"a\" 200 1 \"-\" \"\\\t\xff\xc3\xa4\x80\xe2\x80\xae";

#[test]
fn h09_a_client_cannot_forge_a_line() {
    let hostile = || {
        Request::get("/%0a%22")
            .method("GET!#$%&'*+.^_`|~")
            .header("user-agent", HOSTILE)
            .header("referer", HOSTILE)
            .body("")
            .unwrap()
    };
    let line = logged(AccessLog::combined(), hello(), hostile());
    let field = r#"a\" 200 1 \"-\" \"\\\x09\xff\xc3\xa4\x80\xe2\x80\xae"#;
    let expected =
        format!(r#"- - - - "GET!#$%&'*+.^_`|~ /%0a%22 HTTP/1.1" 200 5 "{field}" "{field}""#);
    assert_eq!(undated(&line), expected);

    let line = logged(AccessLog::json(), hello(), hostile());
    assert!(line.chars().all(|character| !character.is_control() && character != '\u{202e}'));
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(object["user_agent"], String::from_utf8_lossy(HOSTILE).as_ref());
    assert_eq!(object["method"], "GET!#$%&'*+.^_`|~");
}

#[test]
fn h09_json_is_valid_for_any_byte() {
    for byte in (b' '..=255).filter(|byte| *byte != 127).chain([b'\t']) {
        let agent = [b'a', byte, b'b'];
        let request = Request::get("/").header("user-agent", &agent[..]).body("").unwrap();
        let line = logged(AccessLog::json(), hello(), request);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["user_agent"], String::from_utf8_lossy(&agent).as_ref());
    }
}

#[test]
fn h09_the_fields_of_json() {
    let handler = respond(|_| Ok("hello")).layer(RequestId::new().trust_client());
    let mut request = browser();
    request.headers_mut().insert("x-request-id", "id-7".parse().unwrap());
    let line = logged(AccessLog::json().with_query(), handler, request);
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    let time = object["time"].as_str().unwrap();
    assert_eq!((time.len(), &time[19..20], &time[23..]), (24, ".", "Z"));
    let (duration, first) = (&object["duration_us"], &object["first_byte_us"]);
    assert!(first.as_u64().unwrap() <= duration.as_u64().unwrap());
    for (name, expected) in [
        ("method", "GET"),
        ("target", "/items?token=secret"),
        ("version", "HTTP/1.1"),
        ("referer", "http://example.com/page?q=private"),
        ("user_agent", "curl/8.5.0"),
        ("request_id", "id-7"),
        ("outcome", "complete"),
    ] {
        assert_eq!(object[name], expected);
    }
    assert_eq!((&object["status"], &object["bytes_sent"]), (&200.into(), &5.into()));
    assert!(["client", "user", "pattern"].iter().all(|name| object[name].is_null()));
}

fn late(w: &mut ResponseWriter, outcome: Result<()>) -> Result<()> {
    w.write_all(b"half")?;
    w.flush()?;
    outcome
}

#[test]
fn h09_the_log_says_how_a_response_has_ended() {
    type Handle = fn(&mut ResponseWriter, &mut Request) -> Result<()>;
    let table: [(Handle, &str, &str); 7] = [
        (|_, _| Ok(()), "200 0", "complete"),
        (|_, _| Err(StatusCode::FORBIDDEN.into()), "403 14", "complete"),
        (|_, _| Err(Error::other("disk full")), "500 26", "complete"),
        (|w, _| late(w, Err(Error::other("disk full"))), "200 4", "failed"),
        (|_, _| panic!("meant to"), "500 0", "panicked"),
        (|w, _| late(w, Ok(())).map(|()| panic!("meant to")), "200 4", "panicked"),
        (|_, r| r.body_mut().read_bytes(10).map(drop), "499 0", "client_left"),
    ];
    /// A request body that is cut off.
    struct Cut;
    impl io::Read for Cut {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    for (handle, common, outcome) in table {
        let request = || Request::put("/").body(hangup::Body::from_reader(Cut)).unwrap();
        let line = logged(AccessLog::common(), handle, request());
        assert!(line.ends_with(&format!("\"PUT / HTTP/1.1\" {common}")), "{line} {outcome}");
        let line = logged(AccessLog::combined().with_outcome(), handle, request());
        assert!(
            line.ends_with(&format!("\"PUT / HTTP/1.1\" {common} \"-\" \"-\" {outcome}")),
            "{line}"
        );
        let line = logged(AccessLog::json(), handle, request());
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["outcome"], outcome, "{line}");
        assert_eq!(object["status"].is_null(), common == "500 0" || common == "499 0");
    }
}

#[test]
fn h09_a_panic_behind_its_page_is_logged_as_one() {
    let handler = |_: &mut ResponseWriter, _: &mut Request| -> Result<()> { panic!("meant to") };
    let line = logged(AccessLog::json(), handler.layer(PanicPage::html("sorry")), browser());
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&object["status"], &object["outcome"]), (&500.into(), &"panicked".into()));
}

#[test]
fn h09_a_function_gets_the_record() {
    let seen = Arc::new(Mutex::new(None));
    let report = Arc::clone(&seen);
    let layer = AccessLog::with(move |record| {
        let facts = (record.method.clone(), record.status, record.bytes_sent, record.outcome);
        *report.lock() = Some((record.target.clone().into_owned(), facts));
    });
    // The bytes are those on the wire, and the target is the client's.
    let handler = respond(|r: &mut Request| {
        *r.uri_mut() = "/changed".parse()?;
        r.headers_mut().clear();
        Ok("a".repeat(10_000))
    });
    let handler = handler.layer(Compress::new()).layer(layer);
    let mut request = browser();
    request.headers_mut().insert("accept-encoding", "gzip".parse().unwrap());
    let mut response = testing::call(&handler, request).unwrap();
    let sent = response.body_mut().read_bytes(10_000).unwrap().len() as u64;
    assert!(sent < 1000);
    let facts = (Method::GET, Some(StatusCode::OK), sent, OutcomeKind::Complete);
    assert_eq!(seen.lock().take(), Some(("/items".to_owned(), facts)));
}

#[test]
fn h09_an_output_that_fails_changes_no_response() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let handler = hello().layer(AccessLog::common().to(Full));
    for _ in 0..2 {
        let mut response = testing::call(&handler, browser()).unwrap();
        assert_eq!(response.body_mut().read_text(10).unwrap(), "hello");
    }
}
