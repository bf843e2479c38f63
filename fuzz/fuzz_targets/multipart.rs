//! Forms in parts: no panic, and the same parts and the same error however the body is cut. An error is the
//! client's, with a short text.

#![no_main]

use hangup::extract::MultipartLimits;
use hangup::{Body, Request, RequestExt, Result};
use libfuzzer_sys::fuzz_target;

const LIMITS: MultipartLimits = MultipartLimits::new(4096).parts(5).part_bytes(64).head_bytes(128);

fuzz_target!(|input: &[u8]| {
    let Some((ends, text)) = hangup_fuzz::cuts(input) else { return };
    // The boundary comes first, so that the fuzzer can use it.
    let Some(at) = text.iter().position(|byte| *byte == b'\n') else { return };
    let boundary = &text[..at];
    let mut pieces = Vec::new();
    let mut start = at + 1;
    for end in ends.into_iter().filter(|end| *end > at) {
        pieces.push(text[start..end].to_vec());
        start = end;
    }
    let whole = parts(boundary, vec![text[at + 1..].to_vec()]);
    assert_eq!(parts(boundary, pieces), whole);
});

/// The name, the file name, and the content of each part that was read, and the error.
type Parts = (Vec<(String, Option<String>, Vec<u8>)>, Option<String>);

fn parts(boundary: &[u8], pieces: Vec<Vec<u8>>) -> Parts {
    let content_type = [b"multipart/form-data; boundary=", boundary].concat();
    let request = Request::post("/").header("content-type", content_type);
    let Ok(mut request) = request.body(Body::from_chunks(pieces)) else { return Parts::default() };
    let mut found = Vec::new();
    let outcome = read(&mut request, &mut found);
    let error = outcome.err().map(|error| {
        let status = error.status_code().expect("an error of the client");
        assert!(status.is_client_error());
        let text = error.to_string();
        assert!(text.len() < 400 && !text.contains(char::is_control), "{text:?}");
        text
    });
    (found, error)
}

fn read(request: &mut Request, found: &mut Vec<(String, Option<String>, Vec<u8>)>) -> Result<()> {
    let mut form = request.multipart(LIMITS)?;
    while let Some(mut part) = form.next_part()? {
        if let Some(name) = part.safe_file_name() {
            assert!(!name.contains(['/', '\\', '\0']) && !name.starts_with('.'), "{name}");
        }
        let content = part.read_bytes(64)?;
        let file_name = part.file_name().map(str::to_owned);
        found.push((part.name().to_owned(), file_name, content.into()));
    }
    Ok(())
}
