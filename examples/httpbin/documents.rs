//! Fixed responses in many formats.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use hangup::http::StatusCode;
use hangup::http::header::CONTENT_ENCODING;
use hangup::{Request, ResponseWriter};
use serde_json::json as object;

use crate::answer::{self, Answered, whole_number};
use crate::inspect::{facts, value};
use crate::picture;
use crate::random::Random;
use crate::routes::ROUTES;

const MOST_LINKS: u64 = 200;

/// Base64 with the URL alphabet, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Responds with the list of all endpoints.
pub(crate) fn index(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    let mut page = include_str!("pages/index.html").to_owned();
    for route in ROUTES {
        let methods: Vec<_> = route.methods.iter().map(|method| method.as_str()).collect();
        let pattern = route.pattern.trim_end_matches("{$}");
        let (about, methods) = (route.about, methods.join(" "));
        let name = match pattern.contains('{') {
            true => pattern.to_owned(),
            false => format!("<a href=\"{pattern}\">{pattern}</a>"),
        };
        let _ = writeln!(page, "<tr><td>{name}<td>{methods}<td>{about}");
    }
    page.push_str("</table>\n");
    Ok(answer::html(w, &page)?)
}

pub(crate) fn gzip(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(packed(r, "gzipped")?.as_bytes())?;
    w.set_header(CONTENT_ENCODING, "gzip")?;
    Ok(answer::whole(w, "application/json", &encoder.finish()?)?)
}

/// HTTP's deflate coding is zlib's format (RFC 9110 section 8.4.1.2).
pub(crate) fn deflate(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(packed(r, "deflated")?.as_bytes())?;
    w.set_header(CONTENT_ENCODING, "deflate")?;
    Ok(answer::whole(w, "application/json", &encoder.finish()?)?)
}

fn packed(r: &mut Request, how: &str) -> hangup::Result<String> {
    let mut facts = facts(r, &["headers", "method", "origin"])?;
    facts.insert(how.to_owned(), true.into());
    Ok(answer::pretty(&facts.into()))
}

/// Decodes the text in the path. Invalid text gets a hint instead of an error. The API is defined this
/// way.
pub(crate) fn base64(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let value = value(r, "value").replace('+', "-").replace('/', "_");
    let text = BASE64.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(answer::text(w, text.as_deref().unwrap_or("not Base64; this is: aGFuZyB1cA==\n"))?)
}

pub(crate) fn html(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::html(w, include_str!("pages/page.html"))?)
}

pub(crate) fn form(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::html(w, include_str!("pages/form.html"))?)
}

pub(crate) fn utf8(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::html(w, include_str!("pages/utf8.html"))?)
}

pub(crate) fn xml(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::whole(w, "application/xml", include_bytes!("pages/slides.xml"))?)
}

pub(crate) fn json(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    let slides = object!([
        { "title": "Why anybody hangs up", "type": "all" },
        {
            "title": "What is left behind",
            "type": "all",
            "items": ["a socket <em>half</em> closed", "a thread that still <em>waits</em>"],
        },
    ]);
    let show = object!({
        "author": "the authors of hangup",
        "date": "any day",
        "slides": slides,
        "title": "A short slide show",
    });
    Ok(answer::json(w, &object!({ "slideshow": show }))?)
}

pub(crate) fn robots(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::whole(w, "text/plain", b"User-agent: *\nDisallow: /deny\n")?)
}

pub(crate) fn deny(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::whole(w, "text/plain", b"No robot should be reading this.\n")?)
}

pub(crate) fn png(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::whole(w, "image/png", &picture::png()?)?)
}

pub(crate) fn links(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let count = whole_number(value(r, "n"))?;
    Ok(answer::redirect(w, StatusCode::FOUND, &format!("/links/{count}/0"))?)
}

/// Responds with one of N pages, which links to all others.
pub(crate) fn links_page(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let count = whole_number(value(r, "n"))?.clamp(1, MOST_LINKS);
    let own = whole_number(value(r, "at"))?;
    let mut page = "<!DOCTYPE html>\n<title>Links</title>\n".to_owned();
    for other in 0..count {
        let _ = match other == own {
            true => writeln!(page, "{other}"),
            false => writeln!(page, "<a href='/links/{count}/{other}'>{other}</a>"),
        };
    }
    Ok(answer::html(w, &page)?)
}

pub(crate) fn uuid(w: &mut ResponseWriter, _: &mut Request) -> Answered {
    Ok(answer::json(w, &object!({ "uuid": Random::new().uuid() }))?)
}
