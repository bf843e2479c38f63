use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use flate2::read::{GzDecoder, ZlibDecoder};
use hangup::client::{RedirectPolicy, RequestBuilder};
use hangup::http::{HeaderMap, Method};
use hangup::{Body, Client, Multipart, Part};
use percent_encoding::NON_ALPHANUMERIC;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::programs::{Running, body, run};

// The parts that only compute bring their own tests, which cargo runs for no example.
#[allow(dead_code)]
#[path = "../../examples/httpbin/byte_range.rs"]
mod byte_range;
#[allow(dead_code)]
#[path = "../../examples/httpbin/fields.rs"]
mod fields;
#[allow(dead_code)]
#[path = "../../examples/httpbin/random.rs"]
mod random;
#[allow(dead_code)]
#[path = "../../examples/httpbin/weights.rs"]
mod weights;

/// The program, and a client that follows no redirect and adds no header.
struct Bin {
    server: Running,
    client: Client,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Bin {
    fn start() -> Self {
        let server = Running::listening("httpbin", &["--addr", "127.0.0.1:0"]);
        let client = Client::builder().redirects(RedirectPolicy::none()).no_default_headers();
        Self { server, client: client.build() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.server.url(path))
    }

    fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path))
    }

    fn get_with(&self, path: &str, name: &str, value: &str) -> Answer {
        answer(self.request(Method::GET, path).header(name, value))
    }

    fn post(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        answer(self.request(Method::POST, path).header("content-type", content_type).body(body))
    }

    fn host(&self) -> &str {
        self.server.place.trim_start_matches("http://")
    }
}

fn answer(request: RequestBuilder) -> Answer {
    let mut response = request.send().expect("an answer");
    let body = response.body_mut().read_bytes(1 << 26).expect("a whole body").into();
    Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    fn json(&self) -> Value {
        assert_eq!((self.status, self.header("content-type")), (200, "application/json"));
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

#[test]
fn a_get_is_told_as_it_came() {
    let bin = Bin::start();
    let path = "/get?a=1&b=%C3%A9+x&a=2&c";
    let request = bin.request(Method::GET, path).header("x-one-two", "1").header("X-ONE-TWO", "2");
    let answer = answer(request);
    let expected = json!({
        "args": { "a": ["1", "2"], "b": "é x", "c": "" },
        "headers": { "Host": bin.host(), "X-One-Two": "1,2" },
        "origin": "127.0.0.1",
        "url": bin.server.url(path),
    });
    assert_eq!(answer.json(), expected);
    // Sorted, indented by two, and with a line's end.
    assert_eq!(answer.text(), format!("{expected:#}\n"));
    let ip = bin.get("/ip");
    assert_eq!(ip.text(), "{\n  \"origin\": \"127.0.0.1\"\n}\n");
    assert_eq!(bin.get("/headers").json(), json!({ "headers": { "Host": bin.host() } }));
    assert_eq!(bin.get("/user-agent").json(), json!({ "user-agent": null }));
    let agent = bin.get_with("/user-agent", "user-agent", "me/1");
    assert_eq!(agent.json(), json!({ "user-agent": "me/1" }));
}

#[test]
fn the_address_is_the_one_that_was_asked_for() {
    let bin = Bin::start();
    for (request, expected) in [
        ("GET /get HTTP/1.1\r\nHost: example.org\r\n", "http://example.org/get"),
        (
            "GET http://example.org:81/get?x HTTP/1.1\r\nHost: example.org:81\r\n",
            "http://example.org:81/get?x",
        ),
        ("GET /get HTTP/1.0\r\n", &bin.server.url("/get")),
    ] {
        let answer = bin.server.exchange(&format!("{request}Connection: close\r\n\r\n"));
        let answer: Value = serde_json::from_str(body(&answer)).expect("JSON");
        assert_eq!(answer["url"], expected);
    }
}

#[test]
fn bodies_are_taken_apart() {
    let bin = Bin::start();
    let form = "application/x-www-form-urlencoded";
    for (content_type, sent, data, form, json) in [
        (form, &b"a=1&a=2&b=c+d"[..], "", json!({"a": ["1", "2"], "b": "c d"}), json!(null)),
        (
            "application/json",
            b"{\"x\": [1, 2.5]}",
            "{\"x\": [1, 2.5]}",
            json!({}),
            json!({"x": [1, 2.5]}),
        ),
        ("application/json", b"{\"x\": ", "{\"x\": ", json!({}), json!(null)),
        ("text/plain", b"7", "7", json!({}), json!(7)),
        ("text/plain", "é".as_bytes(), "é", json!({}), json!(null)),
        ("text/plain", b"", "", json!({}), json!(null)),
        ("x/y", b"\x01\xff", "data:application/octet-stream;base64,Af8=", json!({}), json!(null)),
    ] {
        let answer = bin.post("/post?q=1", content_type, sent).json();
        let told = ["args", "data", "files", "form", "json"].map(|name| &answer[name]);
        assert_eq!(told, [&json!({"q": "1"}), &data.into(), &json!({}), &form, &json]);
        assert_eq!(answer["headers"]["Content-Type"], content_type);
    }
    for (method, path) in [
        (Method::PUT, "/put"),
        (Method::PATCH, "/patch"),
        (Method::DELETE, "/delete"),
        (Method::TRACE, "/anything"),
        (Method::POST, "/anything/a/%20b/"),
    ] {
        let answer = answer(bin.request(method.clone(), path).body(Body::from_chunks(["a", "b"])));
        let answer = answer.json();
        assert_eq!(answer["data"], "ab", "{path}");
        assert_eq!(answer["url"], bin.server.url(path));
        let tells_method = path.starts_with("/anything");
        assert_eq!(answer["method"], json!(tells_method.then_some(method.as_str())), "{path}");
    }
}

#[test]
fn forms_in_parts_are_fields_and_files() {
    let bin = Bin::start();
    let part = |more: &str, content: &[u8]| {
        [
            b"--cut\r\nContent-Disposition: form-data; ",
            more.as_bytes(),
            b"\r\n\r\n",
            content,
            b"\r\n",
        ]
        .concat()
    };
    let sent = [
        part("name=\"k\"", b"v"),
        part("name=\"k\"", b"w"),
        part("name=\"text\"; filename=\"a;b.txt\"\r\nContent-Type: text/plain", "é\r\n".as_bytes()),
        part("name=\"binary\"; filename=\"b\"\r\nContent-Type: image/x", b"\xff\0"),
        part("name=\"plain\"; filename=\"\"", b"\xfe"),
        b"--cut--\r\n".to_vec(),
    ]
    .concat();
    let answer = bin.post("/post", "multipart/form-data; boundary=\"cut\"", sent.clone()).json();
    assert_eq!(answer["form"], json!({ "k": ["v", "w"] }));
    assert_eq!(
        answer["files"],
        json!({
            "text": "é\r\n",
            "binary": "data:image/x;base64,/wA=",
            "plain": "data:application/octet-stream;base64,/g==",
        })
    );
    assert_eq!((&answer["data"], &answer["json"]), (&json!(""), &json!(null)));
    let cut_off = sent[..sent.len() - 10].to_vec();
    let answer = bin.post("/post", "multipart/form-data; boundary=cut", cut_off);
    assert_eq!(
        (answer.status, answer.text()),
        (400, "the form ends in part 5, without its last delimiter\n")
    );
}

#[test]
fn c04_forms_of_our_client_are_read_by_httpbin() {
    let bin = Bin::start();
    let path = std::env::temp_dir().join(format!("hangup-httpbin-{}.txt", std::process::id()));
    std::fs::write(&path, "é\r\n").expect("a file for the test");
    let form = || {
        Multipart::new()
            .text("a \"quoted\" name", "v")
            .part("k", Part::text("w"))
            .text("k", 7)
            .part("binary", Part::bytes(&b"\xff\0"[..]).file_name("b.png"))
            .part("nameless", Part::bytes("x").file_name(""))
            .file("text", &path)
    };
    let client = Client::new();
    let unknown_length = form().part("log", Part::reader(&b"line\r\n--x"[..]));
    for (form, log) in [(form(), None), (unknown_length, Some("line\r\n--x"))] {
        let answer = answer(client.post(bin.server.url("/post")).multipart(form)).json();
        let mut fields = json!({ "a %22quoted%22 name": "v", "k": ["w", "7"] });
        if let Some(log) = log {
            fields["log"] = json!(log);
        }
        assert_eq!(answer["form"], fields);
        assert_eq!(
            answer["files"],
            json!({ "binary": "data:image/png;base64,/wA=", "nameless": "x", "text": "é\r\n" })
        );
    }
    std::fs::remove_file(&path).expect("the test's file");
}

#[test]
fn bodies_have_a_limit() {
    let bin = Bin::start();
    let most = 16 << 20;
    let answer = bin.post("/post", "text/plain", "x".repeat(most)).json();
    assert_eq!(answer["data"].as_str().map(str::len), Some(most));
    let endless = Body::from_reader(std::io::repeat(b'x'));
    assert_eq!(bin.post("/post", "text/plain", endless).status, 413);
}

#[test]
fn statuses_have_what_belongs_to_them() {
    let bin = Bin::start();
    let basic = "Basic realm=\"Fake Realm\"";
    for (codes, status, name, value) in [
        ("200", 200, "content-length", "0"),
        ("204", 204, "content-length", ""),
        ("301", 301, "location", "/redirect/1"),
        ("307", 307, "location", "/redirect/1"),
        ("304", 304, "location", ""),
        ("401", 401, "www-authenticate", basic),
        ("407", 407, "proxy-authenticate", basic),
        ("406", 406, "content-type", "application/json"),
        ("418", 418, "x-more-info", "https://www.rfc-editor.org/rfc/rfc2324"),
        ("599", 599, "content-length", "0"),
        ("200:0,503:0.5,404:0", 503, "content-length", "0"),
        ("99", 400, "location", ""),
        ("101", 400, "location", ""),
        ("1000", 400, "location", ""),
        ("ok", 400, "location", ""),
        ("200,x", 400, "location", ""),
    ] {
        let answer = bin.get(&format!("/status/{codes}"));
        assert_eq!((answer.status, answer.header(name)), (status, value), "{codes}");
    }
    assert!(bin.get("/status/418").text().contains("teapot"));
    let chosen = (0..64).map(|_| bin.get("/status/200:0.5,404").status);
    let chosen: std::collections::BTreeSet<_> = chosen.collect();
    assert_eq!(chosen.into_iter().collect::<Vec<_>>(), [200, 404]);
}

#[test]
fn redirects_lead_on() {
    let bin = Bin::start();
    let own = |path: &str| bin.server.url(path);
    for (path, status, location) in [
        ("/redirect/1", 302, "/get".to_owned()),
        ("/redirect/3", 302, "/relative-redirect/2".to_owned()),
        ("/redirect/3?absolute=True", 302, own("/absolute-redirect/2")),
        ("/relative-redirect/1", 302, "/get".to_owned()),
        ("/absolute-redirect/1", 302, own("/get")),
        (
            "/redirect-to?url=http://x.y/%C3%A9%0d%0aA:b",
            302,
            "http://x.y/%C3%A9%0D%0AA:b".to_owned(),
        ),
        ("/redirect-to?URL=/a?b%26c&status_code=307", 307, "/a?b&c".to_owned()),
        ("/redirect-to?url=/a&status_code=200", 302, "/a".to_owned()),
        ("/redirect-to?url=/a&status_code=x", 400, String::new()),
        ("/redirect-to", 400, String::new()),
        ("/redirect/0", 400, String::new()),
        ("/redirect/-1", 404, String::new()),
        ("/links/3", 302, "/links/3/0".to_owned()),
    ] {
        let answer = bin.get(path);
        assert_eq!((answer.status, answer.header("location")), (status, &*location), "{path}");
    }
    for path in ["/redirect/4", "/absolute-redirect/4"] {
        let mut response = Client::new().get(own(path)).send().expect("an answer");
        let text = response.body_mut().read_text(1 << 20).expect("text");
        let told: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(told["url"], own("/get"));
    }
}

#[test]
fn cookies_are_set_sent_back_and_forgotten() {
    let bin = Bin::start();
    let set = |path: &str| {
        let answer = bin.get(path);
        assert_eq!((answer.status, answer.header("location")), (302, "/cookies"), "{path}");
        let cookies = answer.headers.get_all("set-cookie").iter();
        cookies.map(|cookie| cookie.to_str().expect("ASCII").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(set("/cookies/set?a=b&c=d"), ["a=b; Path=/", "c=d; Path=/"]);
    assert_eq!(set("/cookies/set/name/value"), ["name=value; Path=/"]);
    // As Werkzeug 3 prints them.
    for (value, quoted) in [
        ("a \"é;", r#""a \"\303\251\073""#),
        ("\"", r#""\"""#),
        ("a\\b", r#""a\\b""#),
        ("a,b", r#""a\054b""#),
        ("\r\n\t\u{1f}\u{7f}", r#""\015\012\011\037\177""#),
        ("a b", r#""a b""#),
        ("", ""),
        ("!#$%&'()*+-./:<=>?@[]^_`{|}~", "!#$%&'()*+-./:<=>?@[]^_`{|}~"),
    ] {
        let encoded = percent_encoding::utf8_percent_encode(value, NON_ALPHANUMERIC);
        assert_eq!(set(&format!("/cookies/set?n={encoded}")), [format!("n={quoted}; Path=/")]);
        // It comes back as it was.
        let sent = format!("n={quoted}; =nameless");
        let back = bin.get_with("/cookies", "cookie", &sent).json();
        assert_eq!(back["cookies"]["n"], value);
        assert_eq!(back["cookies"].as_object().expect("cookies").len(), 1, "{back}");
    }
    assert_eq!(
        set("/cookies/delete?a"),
        ["a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/"]
    );
    assert_eq!(bin.get("/cookies/set?a%3Bb=c").status, 400);
    assert_eq!(bin.get("/cookies").json(), json!({ "cookies": {} }));
    let sent = r#"a=b; n="a \042\303\251\073"; e=; a=late; t=x=y"#;
    assert_eq!(
        bin.get_with("/cookies", "cookie", sent).json(),
        json!({ "cookies": { "a": "b", "n": "a \"é;", "e": "", "t": "x=y" } })
    );
}

#[test]
fn credentials_are_asked_for() {
    let bin = Bin::start();
    let asked = |path: &str, user, password| {
        answer(bin.request(Method::GET, path).basic_auth(user, password))
    };
    let welcome = json!({ "authenticated": true, "user": "me" });
    assert_eq!(asked("/basic-auth/me/it%20is%3A", "me", "it is:").json(), welcome);
    assert_eq!(asked("/hidden-basic-auth/me/x", "me", "x").json(), welcome);
    for (answer, status, challenge) in [
        (bin.get("/basic-auth/me/x"), 401, "Basic realm=\"Fake Realm\""),
        (asked("/basic-auth/me/x", "me", "y"), 401, "Basic realm=\"Fake Realm\""),
        (
            bin.get_with("/basic-auth/me/x", "authorization", "Basic !"),
            401,
            "Basic realm=\"Fake Realm\"",
        ),
        (asked("/hidden-basic-auth/me/x", "you", "x"), 404, ""),
        (bin.get("/bearer"), 401, "Bearer"),
        (asked("/bearer", "me", "x"), 401, "Bearer"),
    ] {
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, challenge));
    }
    let welcome = json!({ "authenticated": true, "token": "t0k3n" });
    assert_eq!(bin.get_with("/bearer", "authorization", "Bearer t0k3n").json(), welcome);
}

#[test]
fn bodies_are_really_compressed() {
    let bin = Bin::start();
    let told = |path, how| {
        let answer = bin.get(path);
        assert_eq!(answer.header("content-encoding"), how);
        assert_eq!(answer.header("content-length"), answer.body.len().to_string());
        answer.body
    };
    let expected = |how: &str| json!({ "headers": { "Host": bin.host() }, "method": "GET", "origin": "127.0.0.1", how: true });
    let gzip = told("/gzip", "gzip");
    let unpacked: Value = serde_json::from_reader(GzDecoder::new(&gzip[..])).expect("JSON");
    assert_eq!(unpacked, expected("gzipped"));
    let deflate = told("/deflate", "deflate");
    let unpacked: Value = serde_json::from_reader(ZlibDecoder::new(&deflate[..])).expect("JSON");
    assert_eq!(unpacked, expected("deflated"));
}

#[test]
fn bytes_repeat_by_seed() {
    let bin = Bin::start();
    let first = bin.get("/bytes/5000?seed=7");
    assert_eq!((first.header("content-length"), first.body.len()), ("5000", 5000));
    assert_eq!(first.header("content-type"), "application/octet-stream");
    assert_eq!(bin.get("/bytes/5000?seed=7").body, first.body);
    assert_eq!(bin.get("/stream-bytes/5000?seed=7&chunk_size=999").body, first.body);
    assert_ne!(bin.get("/bytes/5000?seed=-8").body, first.body);
    assert_ne!(bin.get("/bytes/20").body, bin.get("/bytes/20").body);
    for path in ["/bytes/999999999999999999999", "/stream-bytes/102401"] {
        assert_eq!(bin.get(path).body.len(), 102_400, "{path}");
    }
    assert_eq!(bin.get("/bytes/0").body, b"");
    for path in ["/bytes/1?seed=x", "/stream-bytes/1?seed=x", "/stream-bytes/1?chunk_size=-1"] {
        assert_eq!(bin.get(path).status, 400, "{path}");
    }
    assert_eq!(bin.get("/bytes/-1").status, 404);
}

#[test]
fn streams_come_in_chunks() {
    let bin = Bin::start();
    let chunks = bin.server.get("/stream-bytes/25?seed=1&chunk_size=10");
    assert!(chunks.contains("\r\nTransfer-Encoding: chunked\r\n"), "{chunks}");
    for size in ["\r\n\r\nA\r\n", "\r\n5\r\n", "\r\n0\r\n\r\n"] {
        assert!(chunks.contains(size), "{size:?}: {chunks:?}");
    }
    let lines = bin.get("/stream/3?x=y");
    assert_eq!(lines.header("content-type"), "application/json");
    for (id, line) in lines.text().lines().enumerate() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let expected = json!({
            "args": { "x": "y" },
            "headers": { "Host": bin.host() },
            "id": id,
            "origin": "127.0.0.1",
            "url": bin.server.url("/stream/3?x=y"),
        });
        assert_eq!(line, expected);
    }
    for (count, lines) in [(0, 0), (3, 3), (100, 100), (101, 100)] {
        assert_eq!(bin.get(&format!("/stream/{count}")).text().lines().count(), lines);
    }
}

#[test]
fn ranges_of_letters() {
    let bin = Bin::start();
    let letters = bin.get("/range/30");
    assert_eq!((letters.status, letters.text()), (200, "abcdefghijklmnopqrstuvwxyzabcd"));
    assert_eq!((letters.header("etag"), letters.header("accept-ranges")), ("range30", "bytes"));
    for (range, status, content_range, expected) in [
        ("bytes=24-27", 206, "bytes 24-27/30", "yzab"),
        ("bytes=27-", 206, "bytes 27-29/30", "bcd"),
        ("bytes=-2", 206, "bytes 28-29/30", "cd"),
        ("bytes=30-", 416, "bytes */30", ""),
        ("bytes=5-4", 416, "bytes */30", ""),
        ("bytes=0-0,2-2", 200, "bytes 0-29/30", letters.text()),
    ] {
        let answer = bin.get_with("/range/30", "range", range);
        assert_eq!((answer.status, answer.text()), (status, expected), "{range}");
        assert_eq!(answer.header("content-range"), content_range, "{range}");
        assert_eq!(answer.header("etag"), "range30", "{range}");
    }
    let slow = bin.get_with("/range/30?duration=0.03&chunk_size=2", "range", "bytes=0-9");
    assert_eq!((slow.status, slow.text()), (206, "abcdefghij"));
    assert_eq!((bin.get("/range/0").status, bin.get("/range/102401").status), (404, 404));
    assert_eq!(bin.get("/range/5?duration=-1").status, 400);
}

#[test]
fn drops_take_their_time() {
    let bin = Bin::start();
    let begun = Instant::now();
    let drops = bin.get("/drip?duration=0.1&numbytes=5&delay=0.05&code=202");
    assert_eq!((drops.status, drops.text()), (202, "*****"));
    // The last of five falls after four fifths.
    assert!(begun.elapsed() >= Duration::from_millis(130), "{:?}", begun.elapsed());
    assert_eq!(bin.get("/drip?duration=0").text(), "**********");
    // Ten million drops would take seconds.
    let many = answer(bin.request(Method::HEAD, "/drip?duration=0&numbytes=99999999"));
    assert_eq!(many.header("content-length"), "10485760");
    assert_eq!(bin.get("/drip?duration=0&code=204").status, 204);
    for query in [
        "numbytes=0",
        "numbytes=-1",
        "code=100",
        "code=x",
        "duration=x",
        "delay=-1",
        "duration=inf",
    ] {
        assert_eq!(bin.get(&format!("/drip?{query}")).status, 400, "{query}");
    }
}

#[test]
fn each_drop_is_sent_by_itself() {
    let bin = Bin::start();
    let mut stream = bin.server.connect();
    stream.write_all(b"GET /drip?duration=3600&numbytes=2 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        assert_ne!(reader.read_line(&mut line).expect("a head"), 0);
    }
    let mut drop = [0];
    reader.read_exact(&mut drop).expect("the first one");
    assert_eq!(&drop, b"*");
    // Without its client, the handler that waits for the second one ends, and so does the server.
    std::mem::drop(reader);
    let begun = Instant::now();
    bin.server.signal(Signal::TERM);
    assert_eq!(bin.server.ended().0.code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn a_delay_ends_with_its_client() {
    let bin = Bin::start();
    let begun = Instant::now();
    let answer = bin.post("/delay/0.05?a=b", "application/x-www-form-urlencoded", "c=d").json();
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert_eq!((&answer["args"], &answer["form"]), (&json!({"a": "b"}), &json!({"c": "d"})));
    for refused in ["x", "-1", "NaN"] {
        assert_eq!(bin.get(&format!("/delay/{refused}")).status, 400, "{refused}");
    }
    let begun = Instant::now();
    let mut stream = bin.server.connect();
    stream.write_all(b"GET /delay/10 HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an early answer");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn copies_are_kept() {
    let bin = Bin::start();
    let fresh = bin.get("/cache");
    assert_eq!(fresh.json()["url"], bin.server.url("/cache"));
    assert!(fresh.header("last-modified").ends_with(" GMT") && fresh.header("etag").len() == 32);
    for name in ["if-modified-since", "if-none-match"] {
        assert_eq!(bin.get_with("/cache", name, "x").status, 304);
    }
    let cached = bin.get("/cache/60");
    assert_eq!(cached.header("cache-control"), "public, max-age=60");
    assert_eq!(cached.json()["args"], json!({}));
    for (name, value, status, etag) in [
        ("x", "y", 200, "tag"),
        ("if-none-match", "\"other\", W/\"tag\"", 304, "tag"),
        ("if-none-match", "*", 304, "tag"),
        ("if-none-match", "\"other\"", 200, "tag"),
        ("if-match", "\"other\",\"tag\"", 200, "tag"),
        ("if-match", "*", 200, "tag"),
        ("if-match", "other", 412, ""),
    ] {
        let answer = bin.get_with("/etag/tag", name, value);
        assert_eq!((answer.status, answer.header("etag")), (status, etag), "{name}: {value}");
    }
    assert_eq!(bin.get("/etag/a%0d%0aX:y").status, 400);
}

#[test]
fn headers_are_chosen_by_the_query() {
    let bin = Bin::start();
    let answer = bin.get("/response-headers?x-a=1&x-a=2&free=&content-length=3");
    let length = answer.body.len().to_string();
    let expected = json!({
        "Content-Length": length,
        "Content-Type": "application/json",
        "free": "",
        "x-a": ["1", "2"],
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(answer.header("content-length"), length);
    assert_eq!(answer.headers.get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    assert!(answer.headers.contains_key("free"));
    // From two digits of length to three, which makes it longer again.
    for count in 20..60 {
        let answer = bin.get(&format!("/response-headers?a={}", "x".repeat(count)));
        assert_eq!(answer.json()["Content-Length"], answer.body.len().to_string());
    }
    let answer = bin.post("/response-headers?Content-Type=text/x", "", "");
    assert_eq!(answer.header("content-type"), "text/x");
    assert!(answer.text().contains("\"Content-Type\": \"text/x\""), "{}", answer.text());
    for query in ["a%20b=c", "a=b%0d%0ac:d", "=x"] {
        assert_eq!(bin.get(&format!("/response-headers?{query}")).status, 400, "{query}");
    }
}

#[test]
fn documents_have_their_types() {
    let bin = Bin::start();
    for (path, content_type, part) in [
        ("/", "text/html; charset=utf-8", "<a href=\"/get\">/get</a>"),
        ("/html", "text/html; charset=utf-8", "<h1>"),
        ("/forms/post", "text/html; charset=utf-8", "name=\"custname\""),
        ("/encoding/utf8", "text/html; charset=utf-8", "もしもし"),
        ("/xml", "application/xml", "<?xml version=\"1.0\""),
        ("/robots.txt", "text/plain", "User-agent: *\nDisallow: /deny\n"),
        ("/deny", "text/plain", "robot"),
        ("/links/2/1", "text/html; charset=utf-8", "<a href='/links/2/0'>0</a>\n1\n"),
        ("/base64/SGFuZ8O8cA==", "text/plain; charset=utf-8", "Hangüp"),
        ("/base64/Pz8_Pj4-", "text/plain; charset=utf-8", "???>>>"),
        ("/base64/Pz8%2FPj4%2B", "text/plain; charset=utf-8", "???>>>"),
        ("/base64/YQ", "text/plain; charset=utf-8", "a"),
        ("/base64/!", "text/plain; charset=utf-8", "not Base64"),
    ] {
        let answer = bin.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, content_type), "{path}");
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
    }
    assert_eq!(bin.get("/links/9999/0").text().matches("<a ").count(), 199);
    assert_eq!(bin.get("/json").json()["slideshow"]["slides"].as_array().map(Vec::len), Some(2));
    let picture = bin.get("/image/png");
    assert_eq!(picture.header("content-type"), "image/png");
    assert!(
        picture.body.starts_with(b"\x89PNG\r\n\x1a\n")
            && picture.body.ends_with(b"\xae\x42\x60\x82")
    );
    let uuid = || bin.get("/uuid").json()["uuid"].as_str().expect("a UUID").to_owned();
    assert!(uuid().len() == 36 && uuid() != uuid());
}

/// Returns the members of a list in their alphabetical order.
fn sorted(list: &str) -> Vec<&str> {
    let mut members: Vec<_> = list.split(", ").collect();
    members.sort_unstable();
    members
}

/// Paths, and what follows of the credentials: computed by the formulas of RFC 7616 section 3.4.
#[rustfmt::skip]
const DIGESTS: &[(&str, &str)] = &[
    ("auth/u/p", "qop=auth,nc=00000001,cnonce=\"c\",response=\"7e8094783d3817a49dee43384a550c52\""),
    ("auth/u/p/SHA-256", "qop=auth,nc=00000001,cnonce=\"c\",response=\"8e8ff301558b83889d715fda70cef7e9b5817345bcfbac5ced6833af73168b34\""),
    ("auth-int/u/p/SHA-512", "qop=auth-int,nc=00000001,cnonce=\"c\",response=\"008edfd60a4d5ff7596bf6e1e3de8738c49daa691d72bf3d8f8d0aefc60b1888e08326cabaf05324b3970126afc5327731a04e74e94283ea5d14f4d83fca9219\""),
    ("none/u/p", "response=\"cd8af3c367c40249ef008c35bd43e312\""),
];

#[test]
fn a_digest_proves_the_password() {
    let bin = Bin::start();
    let challenge = bin.get("/digest-auth/auth/u/p");
    assert_eq!(challenge.status, 401);
    let offered = challenge.header("www-authenticate");
    assert!(offered.starts_with("Digest realm=\"httpbin\", nonce=\""), "{offered}");
    assert!(offered.contains("qop=\"auth\", ") && offered.contains("algorithm=MD5"), "{offered}");
    for (path, rest) in DIGESTS {
        let (target, response) = (format!("/digest-auth/{path}"), rest);
        let authorization = format!(
            "Digest username=\"u\",realm=\"httpbin\",nonce=\"n\",uri=\"{target}\",{response}"
        );
        let answer = bin.get_with(&target, "authorization", &authorization);
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(answer.json(), json!({ "authenticated": true, "user": "u" }));
        let wrong = authorization.replace("nonce=\"n\"", "nonce=\"m\"");
        assert_eq!(bin.get_with(&target, "authorization", &wrong).status, 401, "{target}");
    }
    for malformed in ["", "Digest", "Digest x", "Digest response=\"", "Basic dTpw", "Digest =,="] {
        let answer = bin.get_with("/digest-auth/auth/u/p", "authorization", malformed);
        assert_eq!(answer.status, 401, "{malformed:?}");
    }
}

#[test]
fn methods_are_checked() {
    let bin = Bin::start();
    let get = "GET, HEAD, OPTIONS";
    let all = "GET, HEAD, POST, PUT, PATCH, DELETE, TRACE, OPTIONS";
    for (path, allow) in [
        ("/", get),
        ("/get", get),
        ("/post", "POST, OPTIONS"),
        ("/put", "PUT, OPTIONS"),
        ("/patch", "PATCH, OPTIONS"),
        ("/delete", "DELETE, OPTIONS"),
        ("/anything", all),
        ("/anything/more/than/this", all),
        ("/status/200", all),
        ("/delay/0", all),
        ("/redirect-to?url=/", all),
        ("/response-headers", "GET, HEAD, POST, OPTIONS"),
        ("/ip", get),
        ("/cookies/set/a/b", get),
        ("/basic-auth/u/p", get),
        ("/range/5", get),
        ("/image/png", get),
    ] {
        let options = answer(bin.request(Method::OPTIONS, path));
        assert_eq!(
            (options.status, sorted(options.header("allow")), options.text()),
            (200, sorted(allow), ""),
            "{path}"
        );
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = answer(bin.request(method.clone(), path));
            let listed = allow.split(", ").any(|name| name == method.as_str());
            assert_eq!(answer.status == 405, !listed, "{method} {path}");
            let expected = if listed { "" } else { allow };
            assert_eq!(sorted(answer.header("allow")), sorted(expected), "{method} {path}");
        }
    }
    for path in ["/nothing", "/get/", "/get/more", "/status/", "/status", "/cookies/set/a"] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            assert_eq!(answer(bin.request(method, path)).status, 404, "{path}");
        }
    }
    let merged = bin.get("//get?a=b");
    assert_eq!((merged.status, merged.header("location")), (308, "/get?a=b"));
    // This one is about the server: no handler sees it.
    let asterisk = "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(bin.server.exchange(asterisk).starts_with("HTTP/1.1 204 "));
}

#[test]
fn head_is_get_without_a_body() {
    let bin = Bin::start();
    for path in [
        "/",
        "/get",
        "/anything",
        "/headers",
        "/ip",
        "/user-agent",
        "/status/418",
        "/redirect/2",
        "/redirect-to?url=/",
        "/cookies",
        "/cookies/set?a=b",
        "/basic-auth/u/p",
        "/bearer",
        "/gzip",
        "/deflate",
        "/stream/2",
        "/stream-bytes/9?seed=1",
        "/bytes/9999?seed=1",
        "/range/9999?duration=60",
        "/drip?duration=60",
        "/etag/x",
        "/cache/9",
        "/response-headers?a=b",
        "/base64/YQ",
        "/html",
        "/json",
        "/xml",
        "/robots.txt",
        "/encoding/utf8",
        "/image/png",
        "/links/3/0",
        "/forms/post",
    ] {
        let head = answer(bin.request(Method::HEAD, path));
        assert_eq!(head.body, b"", "{path}");
        // A path that is slow with a body would be slow here.
        let path = path.replace("duration=60", "duration=0");
        let get = bin.get(&path);
        assert_eq!(head.status, get.status, "{path}");
        for name in ["content-type", "content-encoding", "etag", "location", "set-cookie"] {
            assert_eq!(head.header(name), get.header(name), "{path}");
        }
        if head.header("content-length") != get.header("content-length") {
            // It tells the method, whose name is longer.
            assert!(["/anything", "/gzip", "/deflate"].contains(&&*path), "{path}");
        }
    }
}

#[test]
fn pages_of_others_may_read_the_answers() {
    let bin = Bin::start();
    for path in ["/get", "/nothing", "/status/500", "/etag/a%0a"] {
        assert_eq!(bin.get(path).header("access-control-allow-origin"), "*", "{path}");
        let answer = bin.get_with(path, "origin", "http://a.b");
        assert_eq!(answer.header("access-control-allow-origin"), "http://a.b", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "true", "{path}");
    }
    let asked =
        bin.request(Method::OPTIONS, "/put").header("access-control-request-headers", "x-a");
    let answer = answer(asked);
    assert_eq!(answer.header("access-control-allow-headers"), "x-a");
    assert_eq!(answer.header("access-control-max-age"), "3600");
}

#[test]
fn a_bad_command_line_is_one_line_and_2() {
    for args in [&["--nonsense"][..], &["stray"]] {
        let ran = run("httpbin", args);
        assert_eq!((ran.code, ran.err.lines().count()), (Some(2), 1), "{args:?}: {ran:?}");
    }
    assert_eq!(run("httpbin", &["--help"]).code, Some(0));
}
