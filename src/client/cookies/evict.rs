//! The limits of a jar, and which cookies go beyond them (RFC 6265bis section 5.7).

use super::cookie::Cookie;

/// The most cookies of one domain. Browsers keep as many. RFC 6265bis asks for 50 at least.
pub(super) const MAX_PER_DOMAIN: usize = 180;

/// The most cookies of a jar. RFC 6265bis asks for as many at least.
pub(super) const MAX_TOTAL: usize = 3000;

/// A cookie in a jar.
pub(super) struct Kept {
    pub(super) cookie: Cookie,
    /// Cookies of the same time are sent in the order in which they came.
    pub(super) number: u64,
}

/// Removes cookies beyond the limit of one domain: those without Secure first, and of these the ones that have
/// not been used longest.
pub(super) fn from_domain(kept: &mut Vec<Kept>) {
    while kept.len() > MAX_PER_DOMAIN {
        let age = |kept: &Kept| (kept.cookie.secure, kept.cookie.accessed, kept.number);
        let oldest = (0..kept.len()).min_by_key(|at| age(&kept[*at]));
        oldest.map(|at| kept.swap_remove(at));
    }
}

/// Returns the number of the cookie that goes first beyond the limit of a jar: the one that has not been used
/// longest.
pub(super) fn from_all<'a>(kept: impl Iterator<Item = &'a Kept>) -> Option<u64> {
    kept.min_by_key(|kept| (kept.cookie.accessed, kept.number)).map(|kept| kept.number)
}
