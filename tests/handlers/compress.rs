//! Compressing responses.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock};

use hangup::http::{HeaderMap, Method, StatusCode};
use hangup::layers::Compress;
use hangup::{
    Filter, FilterOutput, HandlerExt, Request, Response, ResponseWriter, Result, respond, testing,
};
use parking_lot::Mutex;

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

fn all() -> Compress {
    Compress::new().zstd(3)
}

/// Decodes as much of `encoded` as it contains.
fn decode(coding: &str, encoded: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut decoder = flate2::write::GzDecoder::new(Vec::new());
            decoder.write_all(encoded).unwrap();
            decoder.flush().unwrap();
            decoder.get_ref().clone()
        }
        "br" => {
            let mut decoder = brotli_decompressor::DecompressorWriter::new(Vec::new(), 1 << 16);
            decoder.write_all(encoded).unwrap();
            decoder.flush().unwrap();
            decoder.get_ref().clone()
        }
        "zstd" => {
            let (mut decoder, mut decoded) = (zstd_safe::DCtx::create(), Vec::new());
            let mut input = zstd_safe::InBuffer::around(encoded);
            let mut buffer = Vec::with_capacity(1 << 16);
            loop {
                let mut output = zstd_safe::OutBuffer::around(&mut buffer);
                decoder.decompress_stream(&mut output, &mut input).unwrap();
                decoded.extend_from_slice(output.as_slice());
                if input.pos == encoded.len() && buffer.len() < buffer.capacity() {
                    return decoded;
                }
            }
        }
        _ => encoded.to_vec(),
    }
}

/// Checks that `encoded` ends as the coding demands.
fn decode_whole(coding: &str, encoded: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut decoder = flate2::write::GzDecoder::new(Vec::new());
            decoder.write_all(encoded).unwrap();
            decoder.finish().unwrap()
        }
        "br" => {
            let mut decoder = brotli_decompressor::DecompressorWriter::new(Vec::new(), 1 << 16);
            decoder.write_all(encoded).unwrap();
            decoder.close().unwrap();
            decoder.get_ref().clone()
        }
        "zstd" => {
            let mut decoded = Vec::with_capacity(1 << 20);
            zstd_safe::decompress(&mut decoded, encoded).unwrap();
            decoded
        }
        _ => encoded.to_vec(),
    }
}

/// Makes `count` bytes that compress a little.
fn data(count: usize) -> Vec<u8> {
    let mut seed = 7_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        b"etaoin shrdlu\n{}:\","[(seed >> 24) as usize % 19]
    };
    (0..count).map(|_| next()).collect()
}

fn request(accepted: &str) -> Request<&'static str> {
    Request::get("/").header("accept-encoding", accepted).body("").unwrap()
}

fn field<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn body(response: &mut Response) -> Vec<u8> {
    response.body_mut().read_bytes(1 << 24).unwrap().to_vec()
}

#[test]
fn h09_bodies_of_every_length_are_compressed() {
    for coding in CODINGS {
        for (count, piece) in
            [(0, 1), (1, 1), (1023, 100), (1024, 1024), (2048, 7), (2049, 2049), (70_000, 5000)]
        {
            for declared in [false, true] {
                let handler = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
                    w.set_header("content-type", "text/plain")?;
                    if declared {
                        w.set_header("content-length", count)?;
                    }
                    Ok(data(count).chunks(piece).try_for_each(|piece| w.write_all(piece))?)
                };
                let mut response = testing::call(&handler.layer(all()), request(coding)).unwrap();
                let is_encoded = count >= 1024;
                assert_eq!(field(&response, "content-encoding"), is_encoded.then_some(coding));
                assert_eq!(field(&response, "vary"), is_encoded.then_some("accept-encoding"));
                let body = body(&mut response);
                match is_encoded {
                    true => assert_eq!(decode_whole(coding, &body), data(count)),
                    false => assert_eq!(body, data(count)),
                }
                if let Some(length) = field(&response, "content-length") {
                    assert_eq!(length, body.len().to_string());
                }
            }
        }
    }
}

/// Keeps all bytes up to each flush.
struct Wire {
    bytes: Vec<u8>,
    flushed: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Filter for Wire {
    fn body(&mut self, data: &[u8], out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.bytes.extend_from_slice(data);
        out.write_all(data)
    }

    fn flush(&mut self, out: &mut FilterOutput<'_>) -> io::Result<()> {
        self.flushed.lock().push(self.bytes.clone());
        out.flush()
    }
}

/// Calls a handler that writes and flushes each piece. Returns what was on the wire at each flush, and the
/// response.
fn flushed(coding: &str, layer: &Compress, pieces: Vec<Vec<u8>>) -> (Vec<Vec<u8>>, Response) {
    let flushed = Arc::new(Mutex::new(Vec::new()));
    let wire = Arc::clone(&flushed);
    let handler = move |w: &mut ResponseWriter, _: &mut Request| -> Result<()> {
        w.set_header("content-type", "text/event-stream")?;
        for piece in &pieces {
            w.write_all(piece)?;
            w.flush()?;
            w.flush()?;
        }
        Ok(())
    };
    let handler = handler.layer(layer.clone()).layer_fn(move |w, r, next| {
        w.filter(Wire { bytes: Vec::new(), flushed: Arc::clone(&wire) });
        next.handle(w, r)
    });
    let response = testing::call(&handler, request(coding)).unwrap();
    let flushed = flushed.lock().clone();
    (flushed, response)
}

#[test]
fn h09_a_flush_makes_everything_decodable() {
    for coding in CODINGS {
        let layer = all();
        let sizes = [0, 1, 5, 0, 300, 3000, 20_000, 1];
        let pieces: Vec<_> = sizes.iter().map(|size| data(*size)).collect();
        let (flushed, mut response) = flushed(coding, &layer, pieces.clone());
        assert_eq!(field(&response, "content-encoding"), Some(coding));
        assert_eq!(flushed.len(), 2 * pieces.len());
        for (index, wire) in flushed.iter().enumerate() {
            let expected = pieces[..=index / 2].concat();
            assert!(decode(coding, wire) == expected, "{coding}: flush {index}");
        }
        // A second flush adds nothing.
        assert!(flushed.chunks(2).all(|pair| pair[0] == pair[1]), "{coding}");
        assert!(decode_whole(coding, &body(&mut response)) == pieces.concat(), "{coding}");
    }
}

#[test]
fn h09_a_body_may_be_split_anywhere() {
    let text = data(70);
    for coding in CODINGS {
        let layer = all().min_size(40);
        for split in 0..=text.len() {
            let pieces = vec![text[..split].to_vec(), text[split..].to_vec()];
            let (flushed, mut response) = flushed(coding, &layer, pieces);
            assert_eq!(decode(coding, &flushed[0]), text[..split], "{coding} {split}");
            assert_eq!(decode_whole(coding, &body(&mut response)), text, "{coding} {split}");
        }
    }
}

#[test]
fn h09_a_coder_that_was_cut_off_is_used_again() {
    for coding in CODINGS {
        let handler = |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
            w.write_all(&data(5000))?;
            match r.uri().path() {
                "/fails" => Err(io::Error::other("meant to").into()),
                _ => Ok(()),
            }
        };
        let handler = handler.layer(all());
        for path in ["/", "/fails", "/", "/fails", "/fails", "/"] {
            let mut request = request(coding);
            *request.uri_mut() = path.parse().unwrap();
            match testing::call(&handler, request) {
                Ok(mut response) if path == "/" => {
                    assert_eq!(decode_whole(coding, &body(&mut response)), data(5000));
                }
                outcome => assert!(path == "/fails", "{outcome:?}"),
            }
        }
    }
}

/// A response's status and fields.
type Answer = (u16, &'static [(&'static str, &'static str)]);

fn answer((status, fields): Answer, body: &'static str) -> impl hangup::Handler {
    respond(move |_| {
        let mut response = Response::new(hangup::Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status)?;
        for (name, value) in fields {
            response.headers_mut().append(*name, value.parse().unwrap());
        }
        Ok(response)
    })
}

/// 2000 letters.
static LONG: LazyLock<&'static str> = LazyLock::new(|| "a".repeat(2000).leak());

#[test]
fn h09_only_what_may_be_compressed_is() {
    const JSON: (&str, &str) = ("content-type", "application/json");
    let table: [(Answer, bool, bool); 17] = [
        ((200, &[JSON]), true, true),
        ((404, &[JSON]), true, true),
        ((200, &[("content-type", "text/html; charset=utf-8")]), true, true),
        ((200, &[JSON, ("cache-control", "public, max-age=60")]), true, true),
        // The type is derived from the body.
        ((200, &[]), true, true),
        ((200, &[("content-type", "image/png")]), false, false),
        ((200, &[("content-type", "application/octet-stream")]), false, false),
        ((200, &[JSON, ("content-encoding", "identity")]), false, false),
        ((200, &[JSON, ("content-encoding", "br")]), false, false),
        ((200, &[JSON, ("content-range", "bytes 0-1999/5000")]), false, false),
        ((206, &[JSON]), false, false),
        ((416, &[JSON, ("content-range", "bytes */5000")]), false, false),
        ((200, &[JSON, ("cache-control", "max-age=60, No-Transform")]), false, false),
        ((204, &[]), false, false),
        ((205, &[]), false, false),
        ((304, &[]), false, true),
        ((304, &[("content-type", "image/png")]), false, false),
    ];
    for (answered, is_encoded, varies) in table {
        for accepted in ["gzip", "identity", "gzip;q=0", "deflate"] {
            let handler = answer(answered, *LONG).layer(all());
            let mut response = testing::call(&handler, request(accepted)).unwrap();
            let what = format!("{answered:?} {accepted}");
            let is_encoded = is_encoded && accepted == "gzip";
            let unchanged = answered.1.iter().find(|(name, _)| *name == "content-encoding");
            let coding = is_encoded.then_some("gzip").or(unchanged.map(|(_, coding)| *coding));
            assert_eq!(field(&response, "content-encoding"), coding, "{what}");
            assert_eq!(field(&response, "vary"), varies.then_some("accept-encoding"), "{what}");
            let body = body(&mut response);
            if ![204, 205, 304].contains(&answered.0) {
                assert_eq!(body.len() < 100, is_encoded, "{what}");
            }
        }
    }
}

#[test]
fn h09_fields_that_no_longer_hold_are_changed() {
    let fields: &[(&str, &str)] = &[
        ("content-type", "text/css"),
        ("etag", "\"v1\""),
        ("accept-ranges", "bytes"),
        ("vary", "origin"),
        ("content-digest", "sha-256=:AA==:"),
        ("repr-digest", "sha-256=:AA==:"),
        ("digest", "sha-256=AA=="),
        ("content-md5", "AA=="),
        ("x-other", "kept"),
    ];
    let handler = answer((200, fields), *LONG).layer(all());
    let response = testing::call(&handler, request("br")).unwrap();
    let mut names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    let kept = ["content-encoding", "content-length", "content-type", "etag", "vary", "x-other"];
    assert_eq!(names, kept);
    assert_eq!(field(&response, "etag"), Some("W/\"v1\""));
    assert_eq!(field(&response, "vary"), Some("origin, accept-encoding"));
    // Without compression they hold.
    let response = testing::call(&handler, request("identity")).unwrap();
    assert_eq!(response.headers().len(), fields.len() + 1);
    assert_eq!(field(&response, "etag"), Some("\"v1\""));
}

#[test]
fn h09_a_304_has_the_etag_that_the_client_has() {
    let handler = answer((304, &[("etag", "\"v1\"")]), "").layer(all());
    for (known, expected) in [
        ("W/\"v1\"", "W/\"v1\""),
        ("\"v0\", W/\"v1\"", "W/\"v1\""),
        ("\"v1\"", "\"v1\""),
        ("W/\"v2\"", "\"v1\""),
        ("*", "\"v1\""),
    ] {
        let mut request = request("gzip");
        request.headers_mut().insert("if-none-match", known.parse().unwrap());
        let response = testing::call(&handler, request).unwrap();
        assert_eq!(field(&response, "etag"), Some(expected), "{known}");
    }
}

#[test]
fn h09_the_head_of_head_is_that_of_get() {
    fn same(handler: impl hangup::Handler) {
        let handler = handler.layer(all());
        for accepted in ["br", "identity"] {
            let [get, head]: [HeaderMap; 2] = [Method::GET, Method::HEAD].map(|method| {
                let mut request = request(accepted);
                *request.method_mut() = method;
                let mut headers = testing::call(&handler, request).unwrap().headers().clone();
                if headers.contains_key("content-encoding") {
                    // Only GET finds out the length of the compressed body.
                    headers.remove("content-length");
                }
                headers
            });
            assert_eq!(get, head, "{accepted}");
        }
    }
    let fields: &[(&str, &str)] = &[("content-type", "text/css"), ("etag", "\"v1\"")];
    same(answer((200, fields), *LONG));
    same(answer((200, fields), "short"));
    same(answer((404, fields), *LONG));
    same(answer((304, fields), ""));
    same(answer((200, &[("content-type", "image/png")]), *LONG));
    same(|w: &mut ResponseWriter, _: &mut Request| {
        data(5000).chunks(100).try_for_each(|piece| w.write_all(piece)).map_err(Into::into)
    });
}

#[test]
fn h09_the_options_of_compression() {
    let json = || answer((200, &[("content-type", "application/json")]), *LONG);
    let any = "gzip, br, zstd";
    for (layer, expected) in [
        (Compress::new(), Some("br")),
        (all(), Some("zstd")),
        (Compress::new().no_brotli(), Some("gzip")),
        (Compress::new().no_gzip().no_brotli(), None),
        (Compress::new().no_brotli().brotli(1).gzip(9), Some("br")),
        (Compress::new().brotli(5), Some("br")),
        (Compress::new().brotli(11), Some("br")),
        (Compress::new().min_size(2001), None),
        (Compress::new().min_size(2000), Some("br")),
        (Compress::new().when(|status, _| status != 200), None),
        (Compress::new().when(|_, _| true), Some("br")),
    ] {
        let debug = format!("{layer:?}");
        let mut response = testing::call(&json().layer(layer), request(any)).unwrap();
        assert_eq!(field(&response, "content-encoding"), expected, "{debug}");
        let coding = expected.unwrap_or_default();
        assert_eq!(decode_whole(coding, &body(&mut response)), LONG.as_bytes());
    }
    // The inner layer compresses.
    let handler = json().layer(Compress::new()).layer(all());
    let mut response = testing::call(&handler, request(any)).unwrap();
    assert_eq!(field(&response, "content-encoding"), Some("br"));
    assert_eq!(field(&response, "vary"), Some("accept-encoding"));
    assert_eq!(decode_whole("br", &body(&mut response)), LONG.as_bytes());
}

/// A client that changes what it has got compressed sends the weak tag of that response. It once got a 412.
#[test]
fn h09_a_tag_that_was_weakened_matches_for_a_change() {
    for (sent, expected) in [
        ("W/\"v1\"", "\"v1\""),
        ("W/\"v0\", W/\"v1\",\"v2\"", "\"v0\", \"v1\",\"v2\""),
        ("\"W/\", \"a W/\"", "\"W/\", \"a W/\""),
        ("*", "*"),
        ("\"v1\"", "\"v1\""),
    ] {
        let handler = respond(|r: &mut Request| {
            Ok(r.headers()["if-match"].to_str().map_err(hangup::Error::other)?.to_owned())
        });
        let request = Request::put("/").header("if-match", sent).body("").unwrap();
        let mut response = testing::call(&handler.layer(all()), request).unwrap();
        assert_eq!(response.body_mut().read_text(100).unwrap(), expected, "{sent}");
    }
}
