//! The wire format of HTTP/1.1 (RFC 9112): bytes to values, and values to bytes.
//!
//! This module does no input or output and knows no sockets, clocks, threads or locks. Input is any prefix
//! of the received bytes, split wherever the network split it. Output is appended to a buffer. An error
//! names the fault, its place, and the status of the response to it.
//!
//! | RFC 9112 | subject | here |
//! | --- | --- | --- |
//! | 2–5 | start line, target and fields, received | [`HeadScanner`] |
//! | 2–5 | start line, target and fields, sent | [`write_request_head`], [`write_response_head`] |
//! | 6 | length of the body | [`request_framing`], [`response_framing`] |
//! | 6, 8 | body, received | [`BodyDecoder`] |
//! | 7.1 | chunks and trailers, sent | [`chunked`] |
//! | 9.3 | reuse of the connection | [`request_persists`], [`response_persists`], [`CloseReason`] |
//!
//! # One exchange
//!
//! ```text
//!   received bytes                                                        sent bytes
//!        │                                                                    ▲
//!        ▼                                                                    │
//!   HeadScanner ──head──▶ request_framing ──Framing──▶ BodyDecoder     write_response_head
//!        ▲                request_persists                 │           chunked::write_chunk
//!        │                       │                         │           chunked::write_end
//!        │                       ▼                         │                  ▲
//!        │                  CloseReason?                payload               │
//!        │                                                 └────▶ handler ────┘
//!        └──────────── bytes after the body ◀──────────────┘
//! ```
//!
//! A client takes the same steps with `response` in place of `request`.
//!
//! # Strict and lenient
//!
//! Requests are read strictly: if two recipients on one path read a request differently, an attacker can
//! hide a request from one of them. No recipient follows a client, so responses are read leniently:
//!
//! | input | in a request | in a response |
//! | --- | --- | --- |
//! | a line that ends in LF alone, in heads, chunks and trailers | error | accepted |
//! | more than one space in the start line | error | counts as one |
//! | no reason phrase, and no space before it | | accepted |
//! | folded field lines | error | joined with spaces |
//! | blanks before a field's colon | error | removed |
//! | blanks between a chunk's size and its line's end | error | ignored |
//! | blanks between a chunk's size and `;` | ignored | ignored |
//! | forbidden trailers about framing or routing | error | dropped |
//! | other forbidden trailers | dropped | dropped |
//! | Content-Length repeated with one value | error | counts once |
//!
//! An unknown minor version (HTTP/1.2) is read as HTTP/1.1 in both (RFC 9110 section 2.5).
//!
//! # Request targets
//!
//! The path and the query of a request may contain every visible ASCII character except `"`, `#`, `<`, `>`
//! and the backquote. So `[ ] { } | ^ \ '` and a stray `%` are accepted, and passed on unchanged. A target
//! with any other byte is an error, with the status 400 (RFC 9112 section 3.2). It is not repaired, since an
//! intermediary may have read it differently. The rule is the same over HTTP, FastCGI and CGI.
//!
//! The authority of a target in absolute form (`GET http://example.com/`) replaces the Host field (RFC
//! 9112 section 3.2.2).
//!
//! # Example
//!
//! ```
//! use hangup::h1::{self, BodyDecoder, BodyLimits, HeadScanner, Limits, Next};
//! use http::{HeaderMap, StatusCode, header::CONTENT_LENGTH};
//!
//! let received = b"POST /shout HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\
//!                  \r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\nGET /next HTTP/1.1\r\n";
//!
//! // The head determines the end of the body, and whether another request may follow.
//! let (head, consumed) = HeadScanner::default().request(received, &Limits::default())?.unwrap();
//! let framing = h1::request_framing(head.version, &head.headers)?;
//! assert_eq!(h1::request_persists(head.version, &head.headers), Ok(()));
//!
//! // The body: framing is consumed, payload is taken from the input.
//! let mut body = Vec::new();
//! let mut input = &received[consumed..];
//! let mut decoder = BodyDecoder::request(framing, BodyLimits::default());
//! loop {
//!     let (framing, next) = decoder.advance(input)?;
//!     input = &input[framing..];
//!     match next {
//!         Next::End => break,
//!         Next::Payload(most) => {
//!             let here = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
//!             body.extend_from_slice(&input[..here]);
//!             input = &input[here..];
//!             decoder.payload_taken(here as u64);
//!         }
//!         _ => unreachable!("here a server would read from its connection"),
//!     }
//! }
//! assert_eq!(body, b"hello");
//! assert!(input.starts_with(b"GET /next "));
//!
//! // The response.
//! body.make_ascii_uppercase();
//! let mut headers = HeaderMap::new();
//! headers.insert(CONTENT_LENGTH, body.len().into());
//! let mut out = Vec::new();
//! h1::write_response_head(&mut out, head.version, StatusCode::OK, None, &headers)?;
//! out.extend_from_slice(&body);
//! assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHELLO");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod head;
mod write;

mod framing;

mod body;
pub mod chunked;

mod persist;

mod expect;
mod fields;
mod list;
mod side;

#[cfg(test)]
mod splits;

pub use self::body::{BodyDecoder, BodyError, BodyLimits, Next};
pub(crate) use self::expect::expects_continue;
pub use self::fields::FieldError;
pub(crate) use self::fields::parse_fields;
pub use self::framing::{
    Framing, FramingError, ResponseFraming, declared_length, is_bodiless, request_framing,
    response_framing,
};
pub use self::head::{HeadError, HeadScanner, Limits, RequestHead, ResponseHead};
pub(crate) use self::head::{parse_target, prefer_authority};
pub use self::persist::{CloseReason, has_token, request_persists, response_persists};
pub use self::write::{
    StartLineError, write_end, write_field, write_fields, write_number_field, write_request_head,
    write_request_line, write_response_head, write_status_line,
};
pub(crate) use self::write::{write_content_length, write_content_type};
