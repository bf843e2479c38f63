//! H4 over FastCGI: forms, and H5: the client's address.

use std::io::Write;

use hangup::extract::MultipartLimits;
use hangup::{Request, RequestExt, ResponseWriter, Result};

use super::raw::{PARAMS, STDIN, begin, pairs, record, variables};
use super::serve;
use crate::support::alone;

/// Shows the client and the parts of its form.
fn show(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    write!(w, "{:?} {:?}", r.client_ip(), r.query().get("q"))?;
    let mut form = r.multipart(MultipartLimits::new(1000).part_bytes(5))?;
    while let Some(mut part) = form.next_part()? {
        write!(w, " {}", part.read_text(10)?)?;
    }
    Ok(())
}

#[test]
fn h04_a_form_is_read_over_fastcgi() {
    alone!();
    let (_server, mut peer) = serve(show);
    let part = |text: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n{text}\r\n--b--\r\n")
    };
    let form = "multipart/form-data; boundary=b";
    for (content_type, body, status, expected) in [
        (form, part("one"), "200 OK", "Some(192.0.2.7) Some(\"x y\") one"),
        (form, part("123456"), "413 ", "part 1 of the form (\"a\") exceeds the limit of 5 bytes\n"),
        (
            form,
            part("one").replace("--b--", ""),
            "400 ",
            "the form ends in part 1, without its last delimiter\n",
        ),
        (
            "text/plain",
            part("one"),
            "415 ",
            "the Content-Type must be multipart/form-data, and is text/plain\n",
        ),
    ] {
        let more = [("CONTENT_TYPE", content_type), ("REMOTE_ADDR", "192.0.2.7")];
        let params = [variables("/?q=x+y"), pairs(&more)].concat();
        let mut records = begin(1, 1, true);
        for (kind, content) in
            [(PARAMS, &params[..]), (PARAMS, b""), (STDIN, body.as_bytes()), (STDIN, b"")]
        {
            records.extend(record(kind, 1, content));
        }
        let answer = peer.send(records).expect_answer(1);
        assert!(answer.head.starts_with(&format!("Status: {status}")), "{answer:?}");
        assert_eq!(answer.body.trim(), expected.trim());
    }
}
