//! wrk, and the HTTP clients of Python and Go, as clients of our server.

use std::io::Write;

use hangup::testing::TestServer;
use hangup::{Request, RequestExt, ResponseWriter, Result};

use crate::process::{Folder, text};

fn answer(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    if r.uri().path() == "/context" {
        let _watched = r.context();
    }
    let body = r.body_mut().read_bytes(1 << 20)?;
    writeln!(w, "{} bytes", body.len())?;
    Ok(())
}

#[test]
#[ignore = "needs wrk"]
fn wrk_sees_no_error() {
    let server = TestServer::new(answer);
    for path in ["/", "/context"] {
        let report = text("wrk", &["-t1", "-c16", "-d1", &server.url(path)]);
        assert!(report.contains("requests in"), "{report}");
        assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
    }
}

#[test]
#[ignore = "needs python3"]
fn pythons_http_client() {
    let server = TestServer::new(answer);
    let script = "
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
for number in range(50):
    connection.request('POST', '/', body=(b'x' * 100 for _ in range(number)), encode_chunked=True,
                       headers={'Transfer-Encoding': 'chunked'})
    response = connection.getresponse()
    assert response.status == 200, response.status
    assert response.read() == b'%d bytes\\n' % (100 * number)
print('ok')
";
    let folder = Folder::new();
    let file = folder.file("client.py", script.as_bytes());
    assert_eq!(text("python3", &[&file, &server.addr().port().to_string()]), "ok\n");
}

#[test]
#[ignore = "needs go"]
fn gos_http_client() {
    let server = TestServer::new(answer);
    let script = r#"
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

func main() {
	for number := range 50 {
		// A reader whose length is not known is sent in chunks.
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", 100*number)))
		response, err := http.Post(os.Args[1], "text/plain", body)
		if err != nil {
			panic(err)
		}
		text, err := io.ReadAll(response.Body)
		response.Body.Close()
		if want := fmt.Sprintf("%d bytes\n", 100*number); err != nil || string(text) != want {
			panic(fmt.Sprintf("%q instead of %q: %v", text, want, err))
		}
	}
	fmt.Println("ok")
}
"#;
    let folder = Folder::new();
    let file = folder.file("client.go", script.as_bytes());
    assert_eq!(text("go", &["run", &file, &server.url("/context")]), "ok\n");
}
