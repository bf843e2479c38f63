//! Records: the unit in which everything travels (FastCGI 1.0 section 3.3). Bytes to values and back;
//! no input or output.
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

/// The most that a record carries, in bytes: the largest multiple of 8 that fits, so that what follows
/// stays aligned (section 3.3).
pub(super) const MAX_CONTENT: usize = 65_528;

/// The id of records that concern the connection and no request.
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

/// The role of a program that answers requests, the one that is spoken (section 6.2).
pub(super) const RESPONDER: u16 = 1;

/// The flag of a request after which the connection is to be kept (section 5.1).
const KEEP_CONN: u8 = 1;

/// How a request ended, as far as the protocol is concerned (section 5.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Complete = 0,
    /// The connection takes no second request beside another.
    CannotMultiplex = 1,
    /// There is no room for it.
    Overloaded = 2,
    UnknownRole = 3,
}

/// One record, as it came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) kind: u8,
    pub(super) id: u16,
    pub(super) content: &'a [u8],
}

/// What begins a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Begin {
    pub(super) role: u16,
    pub(super) keep: bool,
}

/// What no web server may send. Nothing behind it can be understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    Version(u8),
    /// The content of a record of this type.
    Content(u8),
    /// Name-value pairs that end within one.
    Pairs,
    /// A request was begun whose id is in use.
    IdInUse(u16),
}

/// The first record of `input` and how long it is; `None` if it has not wholly come.
pub(super) fn parse(input: &[u8]) -> Result<Option<(Record<'_>, usize)>, Malformed> {
    let Some((header, rest)) = input.split_first_chunk::<HEADER>() else {
        // The version is told by the first byte: no need to wait for the others.
        return match input.first() {
            Some(version) if *version != VERSION => Err(Malformed::Version(*version)),
            _ => Ok(None),
        };
    };
    let [version, kind, id_high, id_low, length_high, length_low, padding, _] = *header;
    if version != VERSION {
        return Err(Malformed::Version(version));
    }
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    let whole = length + usize::from(padding);
    if rest.len() < whole {
        return Ok(None);
    }
    let id = u16::from_be_bytes([id_high, id_low]);
    Ok(Some((Record { kind, id, content: &rest[..length] }, HEADER + whole)))
}

/// The type and the id of the record that has begun to arrive; `None` if its header has not wholly come.
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

/// The header of a record that carries `length` bytes without padding.
///
/// # Panics
///
/// In debug builds, if that is more than a record can carry.
pub(super) fn header(kind: u8, id: u16, length: usize) -> [u8; HEADER] {
    debug_assert!(length <= usize::from(u16::MAX));
    let [id_high, id_low] = id.to_be_bytes();
    let [length_high, length_low] = (length as u16).to_be_bytes();
    [VERSION, kind, id_high, id_low, length_high, length_low, 0, 0]
}

/// The record that ends a request. `exit`: what a program would have exited with.
pub(super) fn end_request(id: u16, exit: u32, status: Status) -> [u8; 2 * HEADER] {
    let mut record = [0; 2 * HEADER];
    record[..HEADER].copy_from_slice(&header(kind::END_REQUEST, id, HEADER));
    record[HEADER..HEADER + 4].copy_from_slice(&exit.to_be_bytes());
    record[HEADER + 4] = status as u8;
    record
}

/// The record that tells that one of type `kind` was not understood.
pub(super) fn unknown_type(unknown: u8) -> [u8; 2 * HEADER] {
    let mut record = [0; 2 * HEADER];
    record[..HEADER].copy_from_slice(&header(kind::UNKNOWN_TYPE, MANAGEMENT, HEADER));
    record[HEADER] = unknown;
    record
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "FastCGI version {version}, where 1 is spoken"),
            Self::Content(kind) => write!(f, "a record of type {kind} with a content that is none"),
            Self::Pairs => f.write_str("name-value pairs that are cut short"),
            Self::IdInUse(id) => write!(f, "a second request with id {id}, which is in use"),
        }
    }
}

impl std::error::Error for Malformed {}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_when_all_of_it_has_come() {
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
    fn what_is_written_is_what_is_read() {
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
    fn a_request_begins_with_a_role_and_a_flag() {
        let begin = |bytes: &[u8]| Begin::parse(bytes);
        assert_eq!(begin(&[0, 1, 1, 0, 0, 0, 0, 0]), Ok(Begin { role: RESPONDER, keep: true }));
        assert_eq!(begin(&[0, 2, 0, 0, 0, 0, 0, 0]), Ok(Begin { role: 2, keep: false }));
        assert_eq!(begin(&[0, 1, 1]), Err(Malformed::Content(kind::BEGIN_REQUEST)));
        assert_eq!(begin(&[0; 9]), Err(Malformed::Content(kind::BEGIN_REQUEST)));
    }
}
