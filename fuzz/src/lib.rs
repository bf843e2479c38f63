//! The shared part of the fuzz targets. Each feeds the same bytes whole and in pieces, and compares.
//!
//! Run one with `RUSTC_BOOTSTRAP=1 cargo fuzz run request_head`.

use std::fmt::Debug;

use hangup::h1::{HeadError, HeadScanner, Limits};

/// Limits that a fuzzer can reach.
pub const LIMITS: Limits = Limits::new().with_max_bytes(512).with_max_fields(8);

/// Splits the input. Its first byte, modulo 16, is the number of cuts. The next bytes are the lengths of
/// the pieces of the rest.
pub fn cuts(input: &[u8]) -> Option<(Vec<usize>, &[u8])> {
    let (count, rest) = input.split_first()?;
    let (lengths, text) = rest.split_at_checked(usize::from(count % 16))?;
    let mut ends = Vec::new();
    let mut end = 0;
    for length in lengths {
        end = text.len().min(end + usize::from(*length));
        ends.push(end);
    }
    ends.push(text.len());
    Some((ends, text))
}

/// Scans for a head in one piece and in many, and checks that the result is the same: the same head, the
/// same error, or a need for more input.
pub fn head<T: Debug>(
    input: &[u8],
    scan: impl Fn(&mut HeadScanner, &[u8]) -> Result<Option<(T, usize)>, HeadError>,
) {
    let Some((ends, text)) = cuts(input) else { return };
    let whole = scan(&mut HeadScanner::default(), text);
    if let Ok(Some((_, consumed))) = &whole {
        let head = &text[..*consumed];
        assert!([&b"\r\n\r\n"[..], b"\n\n", b"\n\r\n"].iter().any(|end| head.ends_with(end)));
    }
    let mut scanner = HeadScanner::default();
    let mut pieces = Ok(None);
    for end in ends {
        pieces = scan(&mut scanner, &text[..end]);
        if !matches!(pieces, Ok(None)) {
            break;
        }
    }
    match (&whole, &pieces) {
        (Err(whole), Err(pieces)) => assert_eq!(whole, pieces),
        (Ok(whole), Ok(pieces)) => assert_eq!(format!("{whole:?}"), format!("{pieces:?}")),
        _ => panic!("in one piece {whole:?}, in many {pieces:?}"),
    }
}
