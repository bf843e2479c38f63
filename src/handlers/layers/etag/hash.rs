//! The hash of a body.

/// FNV-1a with 128 bits. Its value for a body is the same on every machine and in every release.
pub(super) struct Hash(u128);

impl Hash {
    pub(super) fn of(data: &[u8]) -> Self {
        const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        Self(data.iter().fold(BASIS, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME)))
    }

    /// Returns the entity tag.
    pub(super) fn tag(&self, weak: bool) -> String {
        format!("{}\"{:032x}\"", if weak { "W/" } else { "" }, self.0)
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    /// Values of Go's `hash/fnv`, New128a.
    #[test]
    fn h09_the_hash_is_that_of_others() {
        for (text, expected) in [
            ("", "\"6c62272e07bb014262b821756295c58d\""),
            ("a", "\"d228cb696f1a8caf78912b704e4a8964\""),
            ("ab", "\"08809544bbab1be95aa0733055b69a62\""),
            ("abc", "\"a68d622cec8b5822836dbc7977af7f3b\""),
        ] {
            assert_eq!(Hash::of(text.as_bytes()).tag(false), expected);
        }
        assert!(Hash::of(b"a").tag(true).starts_with("W/\"d2"));
    }
}
