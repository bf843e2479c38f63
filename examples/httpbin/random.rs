//! Repeatable random numbers by SplitMix64, which is small and good enough for test data. It must not be
//! used for secrets.

use std::hash::{BuildHasher, Hasher, RandomState};

pub(crate) struct Random(u64);

impl Random {
    /// Creates a generator that gives the same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Creates a generator with a new seed, taken from the standard library's hash maps.
    pub(crate) fn new() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 to below 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        // The number of bits that a float holds exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn bytes(mut self) -> impl Iterator<Item = u8> {
        std::iter::repeat_with(move || self.next().to_le_bytes()).flatten()
    }

    /// Returns a version-4 UUID, random except for six bits (RFC 9562 section 5.4).
    pub(crate) fn uuid(&mut self) -> String {
        let high = self.next() & !0xf000 | 0x4000;
        let low = self.next() & !(0b11 << 62) | (0b10 << 62);
        let (low_start, low_rest) = (low >> 48, low & 0xffff_ffff_ffff);
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{low_start:04x}-{low_rest:012x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // The values of the reference implementation with the seed 1234567.
        let mut random = Random::seeded(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        let expected =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(first, expected);
    }

    #[test]
    fn a_seed_repeats_and_its_absence_does_not() {
        let bytes = |random: Random| random.bytes().take(20).collect::<Vec<_>>();
        assert_eq!(bytes(Random::seeded(7)), bytes(Random::seeded(7)));
        assert_ne!(bytes(Random::seeded(7)), bytes(Random::seeded(8)));
        assert_ne!(bytes(Random::new()), bytes(Random::new()));
    }

    #[test]
    fn fractions_stay_below_one() {
        let mut random = Random::seeded(1);
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.fraction())));
    }

    #[test]
    fn uuids_say_their_version() {
        let mut random = Random::new();
        for _ in 0..100 {
            let uuid = random.uuid();
            let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
            assert_eq!(uuid.as_bytes()[14], b'4', "{uuid}");
            assert!(b"89ab".contains(&uuid.as_bytes()[19]), "{uuid}");
        }
    }
}
