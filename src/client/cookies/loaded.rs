//! The outcome of reading a file of cookies.

/// The number of cookies that were read from a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedCookies {
    /// The cookies that were stored. Those that had expired do not count.
    pub stored: usize,
    /// The lines or entries that are no cookies, or cookies that no server could have set.
    pub skipped: usize,
}
