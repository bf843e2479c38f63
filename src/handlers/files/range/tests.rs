//! Ranges by table, and at random.

use super::*;

const TABLE: &[(&str, u64, &str)] = &[
    // One range.
    ("bytes=0-0", 1000, "0..1"),
    ("bytes=0-499", 1000, "0..500"),
    ("bytes=500-999", 1000, "500..1000"),
    ("bytes=999-999", 1000, "999..1000"),
    ("bytes=0-999", 1000, "0..1000"),
    ("bytes=0-1000", 1000, "0..1000"),
    ("bytes=990-2000", 1000, "990..1000"),
    ("bytes=0-", 1000, "0..1000"),
    ("bytes=999-", 1000, "999..1000"),
    ("bytes=007-010", 1000, "7..11"),
    ("bytes=0-18446744073709551615", 1000, "0..1000"),
    ("bytes=0-99999999999999999999999999", 1000, "0..1000"),
    // The last bytes.
    ("bytes=-1", 1000, "999..1000"),
    ("bytes=-500", 1000, "500..1000"),
    ("bytes=-1000", 1000, "0..1000"),
    ("bytes=-1001", 1000, "0..1000"),
    ("bytes=-99999999999999999999999999", 1000, "0..1000"),
    // Units and spaces.
    ("Bytes=0-0", 1000, "0..1"),
    ("BYTES=0-0", 1000, "0..1"),
    ("bytes= 0-0", 1000, "0..1"),
    ("bytes=0-0 ", 1000, "0..1"),
    ("bytes=0-0\t", 1000, "0..1"),
    ("bytes =0-0", 1000, "0..1"),
    ("items=0-0", 1000, "whole"),
    ("bytesx=0-0", 1000, "whole"),
    ("=0-0", 1000, "whole"),
    ("", 1000, "whole"),
    ("bytes", 1000, "whole"),
    ("bytes:0-0", 1000, "whole"),
    ("0-0", 1000, "whole"),
    // Malformed.
    ("bytes=", 1000, "whole"),
    ("bytes=,", 1000, "whole"),
    ("bytes=-", 1000, "whole"),
    ("bytes=--1", 1000, "whole"),
    ("bytes=1--1", 1000, "whole"),
    ("bytes=5-4", 1000, "whole"),
    ("bytes=2000-1999", 1000, "whole"),
    ("bytes=a-b", 1000, "whole"),
    ("bytes=0-b", 1000, "whole"),
    ("bytes=0x0-0x1", 1000, "whole"),
    ("bytes=+0-1", 1000, "whole"),
    ("bytes=0 - 1", 1000, "whole"),
    ("bytes=0-1-2", 1000, "whole"),
    ("bytes=1", 1000, "whole"),
    ("bytes=1.5-2", 1000, "whole"),
    ("bytes=0-0,x", 1000, "whole"),
    ("bytes=x,0-0", 1000, "whole"),
    ("bytes=0-0;500-501", 1000, "whole"),
    ("bytes=0-0,5-4", 1000, "whole"),
    ("bytes=bytes=0-0", 1000, "whole"),
    ("bytes=\u{0661}-", 1000, "whole"),
    // Unsatisfiable.
    ("bytes=1000-", 1000, "416"),
    ("bytes=1000-1000", 1000, "416"),
    ("bytes=2000-3000", 1000, "416"),
    ("bytes=-0", 1000, "416"),
    ("bytes=-0,1000-", 1000, "416"),
    ("bytes=18446744073709551615-", 1000, "416"),
    ("bytes=99999999999999999999999999-", 1000, "416"),
    // An empty representation.
    ("bytes=0-", 0, "whole"),
    ("bytes=0-0", 0, "whole"),
    ("bytes=-1", 0, "whole"),
    ("bytes=-0", 0, "whole"),
    ("bytes=x", 0, "whole"),
    // Of one byte.
    ("bytes=0-0", 1, "0..1"),
    ("bytes=-5", 1, "0..1"),
    ("bytes=1-", 1, "416"),
    // Several.
    ("bytes=0-9,1000-1009", 10000, "0..10 1000..1010"),
    ("bytes=0-9 , 1000-1009", 10000, "0..10 1000..1010"),
    ("bytes=,0-9,,1000-1009,", 10000, "0..10 1000..1010"),
    ("bytes=1000-1009,0-9", 10000, "1000..1010 0..10"),
    ("bytes=0-9,-10", 10000, "0..10 9990..10000"),
    ("bytes=0-9,20000-", 10000, "0..10"),
    ("bytes=20000-,0-9", 10000, "0..10"),
    ("bytes=0-0,-0", 10000, "0..1"),
    // Overlapping, touching, near.
    ("bytes=0-99,50-149", 10000, "0..150"),
    ("bytes=50-149,0-99", 10000, "0..150"),
    ("bytes=0-99,100-199", 10000, "0..200"),
    ("bytes=0-99,0-99,0-99", 10000, "0..100"),
    ("bytes=0-,0-,0-", 10000, "0..10000"),
    ("bytes=0-9999,5-6", 10000, "0..10000"),
    ("bytes=5-6,0-9999", 10000, "0..10000"),
    ("bytes=0-9,266-275", 10000, "0..276"),
    ("bytes=0-9,267-276", 10000, "0..10 267..277"),
    ("bytes=0-9,5000-5009,9-5000", 10000, "0..5010"),
    ("bytes=9000-,0-9,5000-5009,4990-5005", 10000, "9000..10000 0..10 4990..5010"),
    // As many as are accepted, and one more.
    (
        "bytes=0-0,500-500,1000-1000,1500-1500,2000-2000,2500-2500,3000-3000,3500-3500,4000-4000,4500-4500,5000-5000,5500-5500,6000-6000,6500-6500,7000-7000,7500-7500",
        10000,
        "0..1 500..501 1000..1001 1500..1501 2000..2001 2500..2501 3000..3001 3500..3501 4000..4001 4500..4501 5000..5001 5500..5501 6000..6001 6500..6501 7000..7001 7500..7501",
    ),
    ("bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0", 10000, "0..1"),
    ("bytes=0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0,0-0", 10000, "whole"),
];

fn shown(selection: &Selection) -> String {
    match selection {
        Selection::Whole => "whole".to_owned(),
        Selection::Unsatisfiable => "416".to_owned(),
        Selection::Parts(parts) => {
            let parts = parts.iter().map(|part| format!("{}..{}", part.start, part.end));
            parts.collect::<Vec<_>>().join(" ")
        }
    }
}

#[test]
fn h08_ranges_by_table() {
    assert!(TABLE.len() >= 60, "{}", TABLE.len());
    for (field, length, expected) in TABLE {
        let selection = select(field.as_bytes(), *length);
        assert_eq!(shown(&selection), *expected, "{field:?} of {length}");
    }
}

/// The ranges are disjoint and within the representation, for every field.
#[test]
fn h08_ranges_never_multiply_the_output() {
    for _ in 0..1000 {
        let length = crate::random::bits() % 5000;
        let number = || (crate::random::bits() % 6000).to_string();
        let specs = (0..1 + crate::random::bits() % 16).map(|_| match crate::random::bits() % 4 {
            0 => format!("-{}", number()),
            1 => format!("{}-", number()),
            _ => format!("{}-{}", number(), number()),
        });
        let field = format!("bytes={}", specs.collect::<Vec<_>>().join(","));
        if let Selection::Parts(mut parts) = select(field.as_bytes(), length) {
            parts.sort_by_key(|part| part.start);
            assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
            assert!(parts.windows(2).all(|two| two[0].end + NEAR < two[1].start), "{field}");
        }
    }
}
