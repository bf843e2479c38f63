//! `httpbin` as Python's `requests` sees it: directly, and through nginx over FastCGI. The answers must be
//! the same, field for field.

use std::fs;

use crate::example::Example;
use crate::nginx;
use crate::process::{Folder, free_addr, text};

/// Asks both for the same, and compares what `requests` makes of it. What must differ, since one of the
/// two has a web server before it, is left out: the port in URLs, and headers that say how the bytes came.
const SCRIPT: &str = r#"
import json, sys, requests
direct, through = sys.argv[1:]
CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}

def told(base, method, path, **more):
    session = requests.Session()
    answer = session.request(method, base + path, timeout=20, **more)
    headers = {k.lower(): v for k, v in answer.headers.items() if k.lower() not in CONNECTION}
    try:
        body = answer.json()
    except ValueError:
        body = answer.content.decode("latin-1")
    cookies = sorted((c.name, c.value, c.path) for c in session.cookies)
    return {
        "status": answer.status_code, "headers": headers, "body": body, "cookies": cookies,
        "history": [step.status_code for step in answer.history],
    }

def plain(value, base):
    return json.loads(json.dumps(value).replace(base, "BASE").replace(base[7:], "HOST"))

# As requests would put it together, but for the boundary, which it makes up anew each time.
FORM = (b'--xyz\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
        b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="name.txt"\r\n'
        b'Content-Type: text/plain\r\n\r\n' + b"content" * 1000 + b"\r\n--xyz--\r\n")

CASES = [
    ("GET", "/get?a=1&b=2&b=3", {}),
    ("GET", "/get", {"headers": {"X-Name": "value", "X-Empty": ""}}),
    ("POST", "/post", {"data": {"name": "ev\u00e4", "other": "1 + 1"}}),
    ("POST", "/post", {"json": {"list": [1, 2.5, None, "\u20ac"]}}),
    ("POST", "/post", {"data": b"\x00\xff binary"}),
    ("POST", "/post", {"data": FORM, "headers": {"Content-Type": "multipart/form-data; boundary=xyz"}}),
    ("POST", "/post", {"data": b"x" * 3_000_000}),
    ("PUT", "/put", {"data": b"some"}), ("PATCH", "/patch", {"data": b"some"}),
    ("DELETE", "/delete", {}), ("OPTIONS", "/get", {}), ("HEAD", "/get", {}),
    ("GET", "/anything/below/it?x=%20y", {}), ("GET", "/headers", {}), ("GET", "/ip", {}),
    ("GET", "/user-agent", {}), ("GET", "/status/418", {}), ("GET", "/status/204", {}),
    ("GET", "/status/304", {}), ("GET", "/status/500", {}), ("GET", "/nowhere", {}), ("PUT", "/get", {}),
    ("GET", "/redirect/3", {}), ("GET", "/relative-redirect/2", {}), ("GET", "/absolute-redirect/2", {}),
    ("GET", "/redirect-to?url=/get&status_code=307", {}),
    ("GET", "/cookies/set?one=1&two=2", {}), ("GET", "/cookies", {"cookies": {"a": "b"}}),
    ("GET", "/cookies/delete?one", {"cookies": {"one": "1"}}),
    ("GET", "/basic-auth/user/pass", {"auth": ("user", "pass")}),
    ("GET", "/basic-auth/user/pass", {"auth": ("user", "wrong")}),
    ("GET", "/hidden-basic-auth/user/pass", {}),
    ("GET", "/bearer", {"headers": {"Authorization": "Bearer token"}}),
    ("GET", "/gzip", {}), ("GET", "/deflate", {}), ("GET", "/stream/5", {}),
    ("GET", "/stream-bytes/5000?seed=1", {}), ("GET", "/bytes/5000?seed=1", {}),
    ("GET", "/range/26", {"headers": {"Range": "bytes=3-7"}}), ("GET", "/drip?duration=0&numbytes=5", {}),
    ("GET", "/etag/tag", {"headers": {"If-None-Match": "tag"}}),
    ("GET", "/cache", {"headers": {"If-None-Match": "any"}}),
    ("GET", "/cache/60", {}), ("GET", "/response-headers?X-Said=so", {}), ("GET", "/base64/aGVsbG8=", {}),
    ("GET", "/html", {}), ("GET", "/json", {}), ("GET", "/xml", {}), ("GET", "/robots.txt", {}),
    ("GET", "/encoding/utf8", {}), ("GET", "/image/png", {}), ("GET", "/links/3", {}),
    ("GET", "/forms/post", {}),
]
for method, path, more in CASES:
    one, other = plain(told(direct, method, path, **more), direct), \
        plain(told(through, method, path, **more), through)
    assert one == other, f"{method} {path}:\n{json.dumps(one)[:2000]}\n{json.dumps(other)[:2000]}"
print(len(CASES))
"#;

#[test]
#[ignore = "needs nginx, python3, and its package requests"]
fn requests_sees_the_same_directly_and_over_fastcgi() {
    let folder = Folder::new();
    let (direct, behind) = (Example::start("httpbin", &[]), Example::start("httpbin", &["--fcgi"]));
    let addr = free_addr();
    let http = format!(
        "upstream app {{ server {}; keepalive 4; }}
         server {{
           listen {addr};
           client_max_body_size 16m;
           location / {{
             fastcgi_pass app;
             fastcgi_keep_conn on;
             fastcgi_param REQUEST_METHOD $request_method;
             fastcgi_param REQUEST_URI $request_uri;
             fastcgi_param SERVER_PROTOCOL $server_protocol;
             fastcgi_param CONTENT_TYPE $content_type;
             fastcgi_param CONTENT_LENGTH $content_length;
             fastcgi_param REMOTE_ADDR $remote_addr;
             fastcgi_param REMOTE_PORT $remote_port;
             fastcgi_param HTTPS $https if_not_empty;
           }}
         }}",
        behind.authority()
    );
    let nginx = nginx::start(&folder, addr, &http);
    let script = folder.file("compare.py", SCRIPT.as_bytes());
    let through = nginx.url("");
    let compared = text("python3", &[&script, &direct.url, &through]);
    assert!(compared.trim().parse::<u32>().expect("a number") > 50, "{compared}");
    let errors = fs::read_to_string(folder.path().join("error.log")).unwrap_or_default();
    assert_eq!(errors, "");
}
