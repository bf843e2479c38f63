//! Text for messages: counts with units, and untrusted text that is safe in a log.

#[cfg(any(feature = "server", feature = "fcgi"))]
pub(crate) mod windows;

use std::fmt::{self, Write as _};

/// Displays what `write` writes.
pub(crate) fn displayed(
    write: impl Fn(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> impl fmt::Display {
    Displayed(write)
}

struct Displayed<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Displayed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

/// Returns the last boundary of a character in `text` that is not behind `index`.
pub(crate) fn floor_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Displays `number` and its unit: `1 byte`, `2 bytes`. `unit` is the singular. The plural adds an s.
pub(crate) fn counted(number: impl TryInto<u64>, unit: &str) -> impl fmt::Display {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    displayed(move |f| write!(f, "{number} {unit}{plural}"))
}

/// Displays `text` with characters escaped that could forge a line of a log or control a terminal. The escapes
/// are Rust's, such as `\n` or `\u{1b}`.
pub(crate) fn escaped(text: impl fmt::Display) -> impl fmt::Display {
    displayed(move |f| write!(Escaping(f), "{text}"))
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, character) in text.char_indices().filter(|(_, character)| is_unsafe(*character)) {
            self.0.write_str(&text[plain..at])?;
            write!(self.0, "{}", character.escape_default())?;
            plain = at + character.len_utf8();
        }
        self.0.write_str(&text[plain..])
    }
}

/// Returns `true` for control characters, line and paragraph separators, and marks that change the direction
/// of text.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let texts = [0, 1, 2].map(|number: usize| counted(number, "byte").to_string());
        assert_eq!(texts, ["0 bytes", "1 byte", "2 bytes"]);
    }

    #[test]
    fn no_character_leaves_its_line() {
        for (text, expected) in [
            ("plain text, \"quoted\" \\ Größe 日本", "plain text, \"quoted\" \\ Größe 日本"),
            ("a\r\nERROR forged", "a\\r\\nERROR forged"),
            ("\x1b[2J\0\x7f\u{85}", "\\u{1b}[2J\\u{0}\\u{7f}\\u{85}"),
            ("\u{202e}\u{2028}\u{2066}", "\\u{202e}\\u{2028}\\u{2066}"),
            ("", ""),
        ] {
            assert_eq!(escaped(text).to_string(), expected);
        }
    }
}
