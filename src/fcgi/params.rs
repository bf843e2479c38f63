//! Name-value pairs (FastCGI 1.0 section 3.4). This file converts between bytes and values, and does no
//! input or output.

use super::record::Malformed;

/// The largest length that is encoded in one byte. A larger one takes four, the first with its highest bit
/// set.
const SHORT: usize = 127;

/// A name and its value.
pub(super) type Pair<'a> = (&'a [u8], &'a [u8]);

/// Parses `bytes`, which must end with a pair.
pub(super) fn parse(mut bytes: &[u8]) -> Result<Vec<Pair<'_>>, Malformed> {
    let mut pairs = Vec::new();
    while !bytes.is_empty() {
        let (pair, rest) = parse_one(bytes).ok_or(Malformed::Pairs)?;
        pairs.push(pair);
        bytes = rest;
    }
    Ok(pairs)
}

fn parse_one(bytes: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let (name, bytes) = length(bytes)?;
    let (value, bytes) = length(bytes)?;
    let (name, bytes) = bytes.split_at_checked(name)?;
    let (value, bytes) = bytes.split_at_checked(value)?;
    Some(((name, value), bytes))
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [short @ 0..=127, ..] => Some((usize::from(short), &bytes[1..])),
        [high, b, c, d, ..] => {
            let length = u32::from_be_bytes([high & 0x7f, b, c, d]);
            Some((usize::try_from(length).ok()?, &bytes[4..]))
        }
        _ => None,
    }
}

/// Appends a pair.
pub(super) fn write(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    write_length(out, name.len());
    write_length(out, value.len());
    out.extend_from_slice(name);
    out.extend_from_slice(value);
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    if length <= SHORT {
        out.push(length as u8);
    } else {
        debug_assert!(length < 1 << 31, "lengths have 31 bits");
        out.extend_from_slice(&(length as u32 | 1 << 31).to_be_bytes());
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_all_lengths_can_be_parsed() {
        let long = vec![b'v'; 200];
        let pairs: [Pair<'_>; 4] =
            [(b"A", b"1"), (b"", b""), (b"LONG", &long), (&long[..128], &long[..127])];
        let mut bytes = Vec::new();
        for (name, value) in pairs {
            write(&mut bytes, name, value);
        }
        assert_eq!(parse(&bytes).unwrap(), pairs);
        assert_eq!(&bytes[..4], [1, 1, b'A', b'1']);
    }

    #[test]
    fn incomplete_pairs_are_malformed_at_every_length() {
        let mut bytes = Vec::new();
        write(&mut bytes, b"NAME", &[b'v'; 300]);
        for length in 1..bytes.len() {
            assert_eq!(parse(&bytes[..length]), Err(Malformed::Pairs), "{length}");
        }
        assert_eq!(parse(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(Malformed::Pairs));
        assert_eq!(parse(b""), Ok(Vec::new()));
    }
}
