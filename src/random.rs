//! Numbers that cannot be foreseen from outside, for back-off and boundaries. They are not for cryptography.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Returns 64 bits that differ from call to call and from process to process.
///
/// The standard library seeds its hash tables from the system's source of randomness. An empty hash shows
/// that seed, without another dependency.
pub(crate) fn bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Returns a number of at least 0 and less than 1.
pub(crate) fn fraction() -> f64 {
    // The 53 bits that a number between 0 and 1 has room for.
    (bits() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn numbers_differ_and_fractions_spread() {
        let seen: std::collections::HashSet<u64> = (0..1000).map(|_| bits()).collect();
        assert_eq!(seen.len(), 1000);
        let fractions: Vec<f64> = (0..1000).map(|_| fraction()).collect();
        assert!(fractions.iter().all(|fraction| (0.0..1.0).contains(fraction)));
        assert!(fractions.iter().any(|fraction| *fraction < 0.1));
        assert!(fractions.iter().any(|fraction| *fraction > 0.9));
    }
}
