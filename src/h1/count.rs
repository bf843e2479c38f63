//! Numbers with their nouns, for error messages.

use std::fmt;

/// Displays as `1 byte`, `2 bytes`.
pub(crate) struct Count<N>(pub(crate) N, pub(crate) &'static str);

impl<N: fmt::Display + PartialEq + From<u8>> fmt::Display for Count<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count(number, noun) = self;
        let ending = if *number == N::from(1) { "" } else { "s" };
        write!(f, "{number} {noun}{ending}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let texts = [0_usize, 1, 2].map(|number| Count(number, "byte").to_string());
        assert_eq!(texts, ["0 bytes", "1 byte", "2 bytes"]);
    }
}
