//! The stand-in for a content coding that this build does not decode.

use super::reader::Decoder;

/// The codings that are offered.
pub(super) const NAMES: &[&str] = &[];

/// Returns the decoder of a coding: there is none.
pub(super) fn decoder(_name: &str) -> Option<Box<dyn Decoder>> {
    None
}
