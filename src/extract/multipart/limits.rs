//! The limits of reading a form in parts.

/// The most that a form may hold, for [`RequestExt::multipart`](crate::RequestExt::multipart).
///
/// Memory is bounded whatever the limits are: parts are streamed.
///
/// ```
/// use hangup::extract::MultipartLimits;
///
/// let limits = MultipartLimits::new(100 << 20).parts(10).part_bytes(20 << 20);
/// # let _ = limits;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct MultipartLimits {
    pub(super) total: u64,
    pub(super) part: u64,
    pub(super) parts: usize,
    pub(super) head: usize,
}

/// How many parts a form may have by default. A longer one is rarely a person's.
const PARTS: usize = 1000;

/// How many bytes the head of a part may have by default: a long file name, and some fields.
const HEAD: usize = 8 * 1024;

impl MultipartLimits {
    /// Limits the whole body to `total` bytes, with the delimiters and the heads of the parts.
    pub const fn new(total: u64) -> Self {
        Self { total, part: u64::MAX, parts: PARTS, head: HEAD }
    }

    /// Limits the content of each part to `bytes`. By default only the whole body is limited.
    pub const fn part_bytes(mut self, bytes: u64) -> Self {
        self.part = bytes;
        self
    }

    /// Limits the number of parts. 1000 by default.
    pub const fn parts(mut self, parts: usize) -> Self {
        self.parts = parts;
        self
    }

    /// Limits the head of each part to `bytes`. 8 KiB by default.
    pub const fn head_bytes(mut self, bytes: usize) -> Self {
        self.head = bytes;
        self
    }
}
