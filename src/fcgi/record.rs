//! Records, the units of the protocol (FastCGI 1.0 section 3.3). This file converts between bytes and
//! values, and does no input or output.
//!
//! ```text
//!   version  type   request id   content length  padding  0
//!   ┌──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────┬─────────┬─────────┐
//!   │  1   │      │  high   low │  high   low │      │      │ content │ padding │
//!   └──────┴──────┴──────┴──────┴──────┴──────┴──────┴──────┴─────────┴─────────┘
//! ```

use std::fmt;

const VERSION: u8 = 1;

/// The length of a record's header, in bytes.
pub(super) const HEADER: usize = 8;

/// The largest content of a record that we send, in bytes. It is the largest multiple of 8 that fits, so
/// that the next record stays aligned (section 3.3).
pub(super) const MAX_CONTENT: usize = 65_528;

/// The request id of management records, which concern the connection.
pub(super) const MANAGEMENT: u16 = 0;

/// The types of records.
pub(super) mod kind {
    pub(in crate::fcgi) const BEGIN_REQUEST: u8 = 1;
    pub(in crate::fcgi) const ABORT_REQUEST: u8 = 2;
    pub(in crate::fcgi) const END_REQUEST: u8 = 3;
    pub(in crate::fcgi) const PARAMS: u8 = 4;
    pub(in crate::fcgi) const STDIN: u8 = 5;
    pub(in crate::fcgi) const STDOUT: u8 = 6;
    pub(in crate::fcgi) const STDERR: u8 = 7;
    pub(in crate::fcgi) const GET_VALUES: u8 = 9;
    pub(in crate::fcgi) const GET_VALUES_RESULT: u8 = 10;
    pub(in crate::fcgi) const UNKNOWN_TYPE: u8 = 11;
}

/// The role of a program that responds to requests, the only one that is supported (section 6.2).
pub(super) const RESPONDER: u16 = 1;

/// The flag of a request after which the connection stays open (section 5.1).
const KEEP_CONN: u8 = 1;

/// The protocol status with which a request ends (section 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The handler was run.
    Complete = 0,
    /// The connection has a request in progress and supports no second one.
    CannotMultiplex = 1,
    /// A limit of the server is reached.
    Overloaded = 2,
    /// The role is not [`RESPONDER`].
    UnknownRole = 3,
}

/// A record that was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: u8,
    pub(super) id: u16,
    pub(super) content: &'a [u8],
}

/// The content of a BEGIN_REQUEST record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) role: u16,
    /// The connection stays open after the request.
    pub(super) keep: bool,
}

/// A violation of the protocol. The bytes after it cannot be interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// The version is not 1.
    Version(u8),
    /// A record of this type has invalid content.
    Content(u8),
    /// The name-value pairs end within a pair.
    Pairs,
    /// A request begins with an id that is in use.
    IdInUse(u16),
    /// An application must not send a record of this type.
    UnexpectedKind(u8),
    /// An application sends a record of a request that was not made.
    UnexpectedId(u16),
    /// An application continues a stream that it has ended.
    AfterEnd(u8),
}

/// Fails unless `input` begins with the version.
pub(super) fn check_version(input: &[u8]) -> Result<(), Malformed> {
    match input.first() {
        Some(version) if *version != VERSION => Err(Malformed::Version(*version)),
        _ => Ok(()),
    }
}

/// Returns the first record of `input` and its length. `None` if it is incomplete.
pub(super) fn parse(input: &[u8]) -> Result<Option<(Record<'_>, usize)>, Malformed> {
    let Some((header, rest)) = input.split_first_chunk::<HEADER>() else {
        // The first byte is the version, so a wrong one is detected at once.
        return check_version(input).map(|()| None);
    };
    check_version(input)?;
    let [_, kind, id_high, id_low, length_high, length_low, padding, _] = *header;
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    let whole = length + usize::from(padding);
    if rest.len() < whole {
        return Ok(None);
    }
    let id = u16::from_be_bytes([id_high, id_low]);
    Ok(Some((Record { kind, id, content: &rest[..length] }, HEADER + whole)))
}

/// Returns the type and the id of the record at the start of `input`. `None` if its header is incomplete.
pub(super) fn peek(input: &[u8]) -> Option<(u8, u16)> {
    let [_, kind, id_high, id_low, ..] = *input.first_chunk::<HEADER>()?;
    Some((kind, u16::from_be_bytes([id_high, id_low])))
}

impl Begin {
    pub(super) fn parse(content: &[u8]) -> Result<Self, Malformed> {
        match *content {
            [role_high, role_low, flags, _, _, _, _, _] => {
                let role = u16::from_be_bytes([role_high, role_low]);
                Ok(Self { role, keep: flags & KEEP_CONN != 0 })
            }
            _ => Err(Malformed::Content(kind::BEGIN_REQUEST)),
        }
    }
}

/// Returns the header of a record with `length` bytes of content and no padding.
///
/// # Panics
///
/// In debug builds, if `length` exceeds 65535.
pub(super) fn header(kind: u8, id: u16, length: usize) -> [u8; HEADER] {
    debug_assert!(length <= usize::from(u16::MAX));
    let [id_high, id_low] = id.to_be_bytes();
    let [length_high, length_low] = (length as u16).to_be_bytes();
    [VERSION, kind, id_high, id_low, length_high, length_low, 0, 0]
}

/// Returns the END_REQUEST record. `exit`: the exit status of a CGI program.
pub(super) fn end_request(id: u16, exit: u32, status: Status) -> [u8; 2 * HEADER] {
    let mut record = [0; 2 * HEADER];
    record[..HEADER].copy_from_slice(&header(kind::END_REQUEST, id, HEADER));
    record[HEADER..HEADER + 4].copy_from_slice(&exit.to_be_bytes());
    record[HEADER + 4] = status as u8;
    record
}

/// Returns the BEGIN_REQUEST record of a request to a responder. `keep`: the connection stays open.
pub(super) fn begin_request(id: u16, keep: bool) -> [u8; 2 * HEADER] {
    let mut record = [0; 2 * HEADER];
    record[..HEADER].copy_from_slice(&header(kind::BEGIN_REQUEST, id, HEADER));
    record[HEADER..HEADER + 2].copy_from_slice(&RESPONDER.to_be_bytes());
    record[HEADER + 2] = if keep { KEEP_CONN } else { 0 };
    record
}

/// Returns the UNKNOWN_TYPE record for a record of type `unknown`.
pub(super) fn unknown_type(unknown: u8) -> [u8; 2 * HEADER] {
    let mut record = [0; 2 * HEADER];
    record[..HEADER].copy_from_slice(&header(kind::UNKNOWN_TYPE, MANAGEMENT, HEADER));
    record[HEADER] = unknown;
    record
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "unsupported FastCGI version {version}"),
            Self::Content(kind) => write!(f, "record type {kind} has invalid content"),
            Self::Pairs => f.write_str("name-value pairs are incomplete"),
            Self::IdInUse(id) => write!(f, "request id {id} is already in use"),
            Self::UnexpectedKind(kind) => write!(f, "unexpected record type {kind}"),
            Self::UnexpectedId(id) => write!(f, "record of an unknown request id {id}"),
            Self::AfterEnd(kind) => write!(f, "record type {kind} after the end of its stream"),
        }
    }
}

impl std::error::Error for Malformed {}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_parsed_once_it_is_complete() {
        let bytes = [1, kind::STDIN, 1, 2, 0, 3, 2, 0, b'a', b'b', b'c', 0, 0, 1];
        for length in 0..13 {
            assert_eq!(parse(&bytes[..length]), Ok(None), "{length}");
        }
        let record = Record { kind: kind::STDIN, id: 0x0102, content: b"abc" };
        assert_eq!(parse(&bytes), Ok(Some((record, 13))));
        assert_eq!(parse(&[2]), Err(Malformed::Version(2)));
        assert_eq!(parse(&[0; 8]), Err(Malformed::Version(0)));
    }

    #[test]
    fn written_records_can_be_parsed() {
        let end = end_request(7, 3, Status::Overloaded);
        let (record, used) = parse(&end).unwrap().unwrap();
        assert_eq!((record.kind, record.id, used), (kind::END_REQUEST, 7, 16));
        assert_eq!(record.content, [0, 0, 0, 3, 2, 0, 0, 0]);
        let unknown = unknown_type(99);
        let (record, _) = parse(&unknown).unwrap().unwrap();
        assert_eq!((record.kind, record.id), (kind::UNKNOWN_TYPE, MANAGEMENT));
        assert_eq!(record.content[0], 99);
        let longest = header(kind::STDOUT, 1, MAX_CONTENT);
        assert_eq!(parse(&[&longest[..], &[0; MAX_CONTENT]].concat()).unwrap().unwrap().1, 65_536);
    }

    #[test]
    fn the_begin_of_a_request_that_was_written_can_be_parsed() {
        for keep in [false, true] {
            let bytes = begin_request(7, keep);
            let (record, used) = parse(&bytes).unwrap().unwrap();
            assert_eq!((record.kind, record.id, used), (kind::BEGIN_REQUEST, 7, 16));
            assert_eq!(Begin::parse(record.content), Ok(Begin { role: RESPONDER, keep }));
        }
    }

    #[test]
    fn the_begin_of_a_request_has_a_role_and_a_flag() {
        let begin = |bytes: &[u8]| Begin::parse(bytes);
        assert_eq!(begin(&[0, 1, 1, 0, 0, 0, 0, 0]), Ok(Begin { role: RESPONDER, keep: true }));
        assert_eq!(begin(&[0, 2, 0, 0, 0, 0, 0, 0]), Ok(Begin { role: 2, keep: false }));
        assert_eq!(begin(&[0, 1, 1]), Err(Malformed::Content(kind::BEGIN_REQUEST)));
        assert_eq!(begin(&[0; 9]), Err(Malformed::Content(kind::BEGIN_REQUEST)));
    }
}
