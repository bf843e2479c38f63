//! Our forms, read by other projects' parsers.

use std::fmt::Write;
use std::io::Cursor;
use std::process::Command;

use hangup::{Client, Multipart, Part};

use crate::process::{Folder, Server, free_addr, pattern};

/// Reads a form with the parser of Python's `email` package, which knows MIME and nothing of HTTP. It tells
/// each part on a line: its name, file name and type, and its content as hexadecimal digits.
const PYTHON: &str = r#"
import email.parser, email.policy, http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_POST(self):
        head = b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n"
        # Names are UTF-8, as browsers send them.
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body())
        assert form.is_multipart() and not form.defects, form.defects
        lines = []
        for part in form.get_payload():
            assert part.get_content_disposition() == "form-data" and not part.defects, part.defects
            name = part.get_param("name", header="content-disposition")
            kind = part["content-type"] or ""
            content = part.get_payload(decode=True).hex()
            lines.append(f"{name} {part.get_filename() or ''} {kind} {content}\n")
        answer = "".join(lines).encode("utf-8", "surrogateescape")
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

host, port = sys.argv[1].split(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"#;

#[test]
#[ignore = "needs python3"]
fn python_reads_our_forms() {
    let (folder, addr) = (Folder::new(), free_addr());
    let script = folder.file("server.py", PYTHON.as_bytes());
    let server = Server::start(Command::new("python3").args([&script, &addr.to_string()]), addr);
    let client = Client::new();
    // Any bytes may be content, also such as look like parts of a form.
    let bytes = pattern(70_000);
    let like_a_form = b"\r\n--x\r\n--\r\n\r\n--hangup-form-\r\n".to_vec();
    let forms: [fn(Vec<u8>) -> Part; 3] = [
        |bytes| Part::bytes(bytes),
        |bytes| Part::sized_reader(Cursor::new(bytes.clone()), bytes.len() as u64),
        |bytes| Part::reader(Cursor::new(bytes)),
    ];
    for part in forms {
        let form = Multipart::new()
            .text("title", "Holidays\r\n")
            .part("bytes", part(bytes.clone()).file_name("a b.png"))
            .file("file", folder.file("c.txt", &like_a_form))
            .text("empty", "")
            .part("last", Part::text("x").content_type("text/x").header("X-Id", "7"));
        let mut response = client.post(server.url("/")).multipart(form).send().unwrap();
        let told = response.body_mut().read_text(1 << 20).unwrap();
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            })
        };
        let expected = format!(
            "title   {}\nbytes a b.png image/png {}\nfile c.txt text/plain {}\nempty   \nlast  text/x 78\n",
            hex(b"Holidays\r\n"),
            hex(&bytes),
            hex(&like_a_form),
        );
        assert!(told == expected, "{:.300}\n{:.300}", told, expected);
    }
}
