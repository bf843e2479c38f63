//! The limit of reading a whole body.

use crate::error::{Error, ErrorKind};
use crate::text::counted;

/// How many bytes of a body the methods of a response read that take no limit: 16 MiB.
///
/// That is enough for pages and documents, and little enough for a peer that never ends to do no harm.
pub(crate) const DEFAULT_READ_LIMIT: u64 = 16 << 20;

/// How many bytes a body may have that is read whole, and who has said so.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReadLimit {
    /// [`DEFAULT_READ_LIMIT`], since the reader gave none.
    Default,
    /// The reader's.
    Given(u64),
}

impl ReadLimit {
    pub(crate) fn bytes(self) -> u64 {
        match self {
            Self::Default => DEFAULT_READ_LIMIT,
            Self::Given(bytes) => bytes,
        }
    }

    /// Creates the error of a body that is longer.
    #[cold]
    pub(super) fn exceeded(self) -> Error {
        let limit = counted(self.bytes(), "byte");
        let message = match self {
            Self::Default => format!(
                "the body exceeds the default limit of {limit}; the methods with a limit set another"
            ),
            Self::Given(_) => format!("the body exceeds its reader's limit of {limit}"),
        };
        Error::message(ErrorKind::TooLarge, message)
    }
}
