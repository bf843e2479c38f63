//! Which responses are compressed, and the headers of those that are.

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, Entry, HeaderName, IF_MATCH, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::settings::Settings;

/// Fields with a checksum of the body as it was before (RFC 9530, RFC 3230, RFC 1864).
const DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-md5"),
];

/// Types and subtypes of data that is compressed already, or of an unknown kind.
const COMPRESSED: &[&str] = &[
    "application/epub+zip",
    "application/font-woff",
    "application/font-woff2",
    "application/gzip",
    "application/java-archive",
    "application/octet-stream",
    "application/ogg",
    "application/pdf",
    "application/vnd.android.package-archive",
    "application/vnd.rar",
    "application/x-7z-compressed",
    "application/x-brotli",
    "application/x-bzip2",
    "application/x-compress",
    "application/x-gzip",
    "application/x-rar-compressed",
    "application/x-xz",
    "application/x-zstd",
    "application/zip",
    "application/zstd",
    "font/woff",
    "font/woff2",
    "multipart/x-mixed-replace",
];

/// Image types without compression.
const PLAIN_IMAGES: &[&str] =
    &["image/bmp", "image/svg+xml", "image/vnd.microsoft.icon", "image/x-icon"];

/// Returns `true` if a response with this head may be compressed, but for its length.
pub(super) fn may_compress(settings: &Settings, status: StatusCode, headers: &HeaderMap) -> bool {
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::RESET_CONTENT, StatusCode::NOT_MODIFIED];
    !bodiless.contains(&status)
        && status != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && !has_no_transform(headers)
        && (settings.when)(status, headers)
}

/// Returns `true` if the coding of a response with this head depends on `Accept-Encoding`. A 304 has the Vary of
/// the 200 (RFC 9110 section 15.4.5), whose type it may not repeat.
pub(super) fn varies(settings: &Settings, status: StatusCode, headers: &HeaderMap) -> bool {
    if status == StatusCode::NOT_MODIFIED {
        return !headers.contains_key(CONTENT_TYPE) || (settings.when)(StatusCode::OK, headers);
    }
    may_compress(settings, status, headers)
        && length(headers).is_none_or(|length| length >= settings.min_size as u64)
}

/// Returns the value of Content-Length.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(super) fn has_compressible_type(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.split('/').next().unwrap_or_default() {
        "image" => PLAIN_IMAGES.contains(&essence.as_str()),
        "audio" | "video" => false,
        _ => {
            !COMPRESSED.contains(&essence.as_str())
                && !essence.ends_with("+zip")
                && !essence.ends_with("+gzip")
                && !essence.starts_with("application/vnd.openxmlformats-")
                && !essence.starts_with("application/grpc")
        }
    }
}

/// Returns `true` if Cache-Control forbids to change the body (RFC 9111 section 5.2.2.6).
fn has_no_transform(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CACHE_CONTROL).iter();
    values
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

/// Adds Accept-Encoding to Vary, unless it is there.
pub(super) fn add_vary(headers: &mut HeaderMap) {
    let mut listed = headers.get_all(VARY).iter();
    let is_listed = listed.any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding"))
    });
    if is_listed {
        return;
    }
    let values: Vec<_> = headers.get_all(VARY).iter().map(HeaderValue::as_bytes).collect();
    let merged = match values.is_empty() {
        true => HeaderValue::from_static("accept-encoding"),
        false => {
            let merged = [&values.join(&b", "[..]), &b", accept-encoding"[..]].concat();
            HeaderValue::from_bytes(&merged).expect("values that were valid")
        }
    };
    headers.insert(VARY, merged);
}

/// Changes the headers of a response that is compressed.
pub(super) fn mark(headers: &mut HeaderMap, coding: &'static str) {
    add_vary(headers);
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    headers.remove(CONTENT_LENGTH);
    headers.remove(ACCEPT_RANGES);
    for name in DIGESTS {
        headers.remove(name);
    }
    weaken_etag(headers);
}

/// Makes the weak tags in If-Match strong. A client has them from a response whose tag was weakened here. The
/// comparison is a strong one (RFC 9110 section 13.1.1), so a weak tag would never match, and a client could not
/// change what it has got compressed. A tag that the handler itself made weak still does not match.
pub(super) fn strengthen_if_match(headers: &mut HeaderMap) {
    let Entry::Occupied(mut values) = headers.entry(IF_MATCH) else { return };
    for value in values.iter_mut() {
        let bytes = value.as_bytes();
        if !bytes.windows(3).any(|bytes| bytes == b"W/\"") {
            continue;
        }
        let mut strong = Vec::with_capacity(bytes.len());
        let (mut quoted, mut rest) = (false, bytes);
        while let Some((&byte, behind)) = rest.split_first() {
            if !quoted && rest.starts_with(b"W/\"") {
                rest = &rest[2..];
                continue;
            }
            quoted ^= byte == b'"';
            strong.push(byte);
            rest = behind;
        }
        if let Ok(strong) = HeaderValue::from_bytes(&strong) {
            *value = strong;
        }
    }
}

/// Makes a strong ETag weak: the same tag stands for several codings.
fn weaken_etag(headers: &mut HeaderMap) {
    if let Some(weak) = headers.get(ETAG).and_then(weakened) {
        headers.insert(ETAG, weak);
    }
}

fn weakened(tag: &HeaderValue) -> Option<HeaderValue> {
    let tag = tag.as_bytes();
    tag.starts_with(b"\"").then(|| HeaderValue::from_bytes(&[b"W/", tag].concat()).ok())?
}

/// Changes the headers of a 304. Its ETag is the weak one that the client has, if it has that: a cache finds the
/// stored response by it (RFC 9111 section 4.3.4).
pub(super) fn mark_not_modified(headers: &mut HeaderMap, known: Option<&HeaderValue>) {
    let Some(weak) = headers.get(ETAG).and_then(weakened) else { return };
    let is_known = known.is_some_and(|known| {
        known.as_bytes().windows(weak.len()).any(|window| window == weak.as_bytes())
    });
    if is_known {
        headers.insert(ETAG, weak);
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h09_vary_is_merged() {
        for (before, after) in [
            (&[][..], "accept-encoding"),
            (&["origin"], "origin, accept-encoding"),
            (&["origin", "cookie"], "origin, cookie, accept-encoding"),
            (&["Accept-Encoding"], "Accept-Encoding"),
            (&["a, accept-ENCODING ,b"], "a, accept-ENCODING ,b"),
            (&["*"], "*"),
            (&["x-accept-encoding"], "x-accept-encoding, accept-encoding"),
        ] {
            let mut headers = HeaderMap::new();
            for value in before {
                headers.append(VARY, value.parse().unwrap());
            }
            add_vary(&mut headers);
            let values: Vec<_> = headers.get_all(VARY).iter().collect();
            assert_eq!(values, [after]);
        }
    }

    #[test]
    fn h09_types_of_compressed_data() {
        for (kind, expected) in [
            ("text/html; charset=utf-8", true),
            ("TEXT/plain", true),
            ("application/json", true),
            ("application/problem+json", true),
            ("application/wasm", true),
            ("text/event-stream", true),
            ("image/svg+xml", true),
            ("image/x-icon", true),
            ("font/ttf", true),
            ("image/png", false),
            ("IMAGE/JPEG", false),
            ("video/mp4", false),
            ("audio/ogg", false),
            ("font/woff2", false),
            ("application/zip", false),
            ("application/gzip ; a=b", false),
            ("application/epub+zip", false),
            ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", false),
            ("application/grpc+proto", false),
            ("application/octet-stream", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
            assert_eq!(has_compressible_type(&headers), expected, "{kind}");
        }
        assert!(!has_compressible_type(&HeaderMap::new()));
    }
}
