//! H4: forms in parts.

use std::fs;
use std::io::{BufRead, Read};

use hangup::extract::{MultipartLimits, MultipartReader};
use hangup::http::StatusCode;
use hangup::{
    Body, ErrorKind, Multipart, Part, Request, RequestExt, ResponseWriter, Result, testing,
};

use crate::query::told;

const TYPE: &str = "multipart/form-data; boundary=b";
const LIMITS: MultipartLimits = MultipartLimits::new(2000).parts(3).part_bytes(100).head_bytes(200);

fn post(content_type: &str, body: impl Into<Body>) -> Request {
    Request::post("/").header("content-type", content_type).body(body.into()).unwrap()
}

fn part(name: &str, content: &str) -> String {
    format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{content}\r\n")
}

fn open(body: impl Into<Body>) -> MultipartReader {
    post(TYPE, body).multipart(LIMITS).unwrap()
}

/// Returns the names and the texts of all parts, or the status and the text of the error.
fn read(mut form: MultipartReader) -> std::result::Result<Vec<(String, String)>, String> {
    let mut parts = Vec::new();
    let mut next = || -> Result<bool> {
        let Some(mut part) = form.next_part()? else { return Ok(false) };
        let text = part.read_text(1000)?;
        parts.push((part.name().to_owned(), text));
        Ok(true)
    };
    loop {
        match next() {
            Ok(true) => {}
            Ok(false) => return Ok(parts),
            Err(error) => {
                let again = form.next_part().unwrap_err();
                assert_eq!(again.to_string(), error.to_string(), "an error stays");
                let (status, text) = told(&error);
                return Err(format!("{} {text}", status.as_u16()));
            }
        }
    }
}

#[test]
fn h04_the_clients_form_is_read_by_the_server() {
    let form = Multipart::new()
        .text("title", "Holidays ü")
        .text("empty", "")
        .part(
            "photo",
            Part::bytes("\r\n--x\r\n").file_name("a \"b\".jpg").content_type("image/jpeg"),
        )
        .part("latin", Part::bytes(&b"K\xf6ln"[..]).content_type("text/plain; charset=latin1"))
        .part("more", Part::text("x").header("X-Id", "7"));
    let content_type = form.content_type();
    let body = Body::from(form);
    let mut request = post(content_type.to_str().unwrap(), body);
    let mut form = request.multipart(MultipartLimits::new(10_000)).unwrap();
    assert_eq!(request.body().len(), Some(0), "the reader has taken the body");

    let mut part = form.next_part().unwrap().unwrap();
    assert_eq!((part.name(), part.file_name(), part.content_type()), ("title", None, None));
    assert_eq!(part.read_text(100).unwrap(), "Holidays ü");
    assert_eq!(part.read_bytes(100).unwrap(), "", "nothing is left");
    let mut part = form.next_part().unwrap().unwrap();
    assert_eq!((part.read_text(100).unwrap(), part.name()), (String::new(), "empty"));
    let mut part = form.next_part().unwrap().unwrap();
    assert_eq!(part.file_name(), Some("a %22b%22.jpg"));
    assert_eq!(part.content_type(), Some("image/jpeg"));
    assert_eq!(part.read_bytes(7).unwrap(), "\r\n--x\r\n");
    assert_eq!(form.next_part().unwrap().unwrap().read_text(100).unwrap(), "Köln");
    let part = form.next_part().unwrap().unwrap();
    assert_eq!(part.headers()["x-id"], "7");
    assert_eq!(
        format!("{part:?}"),
        r#"PartReader { name: "more", file_name: None, content_type: None, .. }"#
    );
    assert!(form.next_part().unwrap().is_none());
    assert!(form.next_part().unwrap().is_none());
}

#[test]
fn h04_a_part_that_is_not_read_is_skipped() {
    let body =
        part("a", &"x".repeat(90)) + &part("b", "one\r\ntwo\r\n") + &part("c", "z") + "--b--\r\n";
    for cut in 0..body.len() {
        let mut form = open(Body::from_chunks([body[..cut].to_owned(), body[cut..].to_owned()]));
        assert_eq!(form.next_part().unwrap().unwrap().name(), "a");
        let mut part = form.next_part().unwrap().unwrap();
        let mut line = String::new();
        part.read_line(&mut line).unwrap();
        assert_eq!((part.name(), line.as_str()), ("b", "one\r\n"));
        let mut byte = [0];
        form.next_part().unwrap().unwrap().read_exact(&mut byte).unwrap();
        assert_eq!(byte, *b"z");
        assert!(form.next_part().unwrap().is_none(), "cut at {cut}");
    }
}

#[test]
fn h04_the_errors_of_a_form_name_the_limit_and_the_part() {
    let end = "--b--\r\n";
    let (a, b) = (part("a", "1"), part("b", "2"));
    for (body, expected) in [
        (String::new(), "400 the body has no delimiter of a form"),
        ("text".into(), "400 the body has no delimiter of a form"),
        (a.clone(), "400 the form ends in part 1, without its last delimiter"),
        (format!("{a}{b}--b"), "400 the form ends in part 2, without its last delimiter"),
        (format!("{a}--b x\r\n"), "400 the delimiter behind part 1 of the form is malformed"),
        (
            format!("{a}--b\r\n\r\n\r\n{end}"),
            "400 part 2 of the form: Content-Disposition is not form-data",
        ),
        (
            format!("{a}--b\r\nContent-Disposition: form-data\r\n\r\n\r\n{end}"),
            "400 part 2 of the form: the name is missing",
        ),
        (
            format!("{a}--b\r\nbad\r\n\r\n\r\n{end}"),
            "400 part 2 of the form: field 1 (`bad`): no colon",
        ),
        (
            format!("{a}--b\r\nA: {}\r\n\r\n", "x".repeat(200)),
            "413 the head of part 2 of the form exceeds the limit of 200 bytes",
        ),
        (format!("{a}{a}{a}{a}{end}"), "413 the form exceeds the limit of 3 parts"),
        (
            part("a", &"x".repeat(101)) + end,
            "413 part 1 of the form (\"a\") exceeds the limit of 100 bytes",
        ),
        (
            a.clone() + &part("big", &"x".repeat(3000)) + end,
            "413 the form exceeds the limit of 2000 bytes",
        ),
        (a.clone() + end + &"x".repeat(3000), "413 the form exceeds the limit of 2000 bytes"),
        (a.clone() + &part("ü", "\u{0}") + &part("c", "") + end, ""),
    ] {
        let result = match body.len() > 2000 {
            true => read(open(Body::from_chunks(vec![body.clone()]))),
            false => read(open(body.clone())),
        };
        match result {
            Ok(parts) => assert!(expected.is_empty(), "{parts:?}"),
            Err(error) => assert_eq!(error, expected, "{body:?}"),
        }
    }
    let latin = b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\nK\xf6ln\r\n--b--".to_vec();
    let expected =
        "400 part 1 of the form (\"a\"): cannot decode the body: invalid UTF-8 at byte 1";
    assert_eq!(read(open(latin)).unwrap_err(), expected);
}

#[test]
fn h04_the_type_and_the_length_of_a_form_are_checked_first() {
    let long = "x".repeat(2001);
    for (content_type, body, expected) in [
        ("text/plain", "", "415 the Content-Type must be multipart/form-data, and is text/plain"),
        (
            "multipart/mixed; boundary=b",
            "",
            "415 the Content-Type must be multipart/form-data, and is multipart/mixed; boundary=b",
        ),
        ("multipart/form-data", "", "400 the Content-Type of the form has no valid boundary"),
        (
            "multipart/form-data; boundary=",
            "",
            "400 the Content-Type of the form has no valid boundary",
        ),
        (
            "multipart/form-data; boundary=\"b \"",
            "",
            "400 the Content-Type of the form has no valid boundary",
        ),
        (
            "multipart/form-data; boundary=\"b\tc\"",
            "",
            "400 the Content-Type of the form has no valid boundary",
        ),
        (
            &format!("multipart/form-data; boundary={}", "b".repeat(71)),
            "",
            "400 the Content-Type of the form has no valid boundary",
        ),
        (TYPE, &long, "413 the form exceeds the limit of 2000 bytes"),
    ] {
        let error = post(content_type, body.to_owned()).multipart(LIMITS).unwrap_err();
        let (status, text) = told(&error);
        assert_eq!(format!("{} {text}", status.as_u16()), expected);
    }
    for boundary in ["B", "\"a b'()+_,-./:=?c\"", &"b".repeat(70), "a%41"] {
        let content_type = format!("Multipart/Form-Data; charset=utf-8; Boundary={boundary}");
        let name = boundary.trim_matches('"');
        let body = format!("--{name}--");
        let form = post(&content_type, body).multipart(LIMITS).unwrap();
        assert_eq!(read(form), Ok(vec![]), "{boundary}");
    }
}

#[test]
fn h04_the_forms_error_decides_whatever_the_handler_makes_of_it() {
    let handler = |_: &mut ResponseWriter, r: &mut Request| {
        let mut form = r.multipart(LIMITS)?;
        while let Some(mut part) = form.next_part()? {
            part.read_text(1000).map_err(|error| format!("upload failed: {error}"))?;
        }
        Ok(())
    };
    let body = part("a", &"x".repeat(101)) + "--b--";
    let response = testing::call(&handler, post(TYPE, body)).unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let response = testing::call(&handler, post(TYPE, part("a", ""))).unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let response = testing::call(&handler, post(TYPE, part("a", "") + "--b--")).unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[test]
fn h04_a_part_is_saved_to_a_new_file_or_not_at_all() {
    let directory = std::env::temp_dir().join(format!("hangup-multipart-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let path = directory.join("new");
    let save = |body: String| {
        let mut form = post(TYPE, Body::from_chunks([body])).multipart(LIMITS)?;
        let mut part = form.next_part()?.unwrap();
        part.save_to(&path)
    };
    assert_eq!(save(part("a", "content") + "--b--").unwrap(), 7);
    assert_eq!(fs::read_to_string(&path).unwrap(), "content");

    let error = save(part("a", "other") + "--b--").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "it exists");
    let text = error.to_string();
    assert!(text.contains("cannot save a part of a form to \""), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "content");
    fs::remove_file(&path).unwrap();

    for body in [part("a", &"x".repeat(101)), part("a", "x").trim_end().to_owned()] {
        let error = save(body).unwrap_err();
        assert!(error.status_code().is_some_and(|status| status.is_client_error()), "{error}");
        assert!(!path.exists(), "the part of the file is removed");
    }
    fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn h04_a_damaged_form_is_read_the_same_however_it_is_cut() {
    let body = part("a", "1")
        + "--b\r\nContent-Disposition: form-data; name=f; filename=\"x\"\r\n\
        Content-Type: text/plain\r\n\r\n\r\n\r\n--b--\r\n";
    for at in 0..body.len() {
        for byte in *b"\0\r\n -b:;\"=\xff" {
            let mut damaged = body.clone().into_bytes();
            damaged[at] = byte;
            let whole = read(open(damaged.clone()));
            if let Err(error) = &whole {
                assert!(error.starts_with("400 ") && !error.contains(char::is_control), "{error}");
            }
            let chunks: Vec<Vec<u8>> = damaged.chunks(1 + at % 7).map(<[u8]>::to_vec).collect();
            assert_eq!(read(open(Body::from_chunks(chunks))), whole);
        }
    }
}

/// Parts that are larger than the buffer, and delimiters at each place of its end.
#[test]
fn h04_large_parts_are_read_whole() {
    for length in (65_478..65_494).chain([1 << 20]) {
        let content = "0123456789\r\n--".repeat(length / 14 + 1);
        let content = &content[..length];
        let body = part("a", content) + &part("b", "x") + "--b--";
        let mut form = post(TYPE, body).multipart(MultipartLimits::new(2 << 20)).unwrap();
        let text = form.next_part().unwrap().unwrap().read_bytes(2 << 20).unwrap();
        assert!(text == content.as_bytes(), "{length}");
        assert_eq!(form.next_part().unwrap().unwrap().read_text(1).unwrap(), "x");
        assert!(form.next_part().unwrap().is_none());
    }
}
