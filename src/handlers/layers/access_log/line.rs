//! The common and the combined log format.

use std::fmt;

use super::date;
use super::record::Record;

/// Returns a line in the Common Log Format, without its end.
pub(super) fn common(record: &Record<'_>) -> String {
    let mut line = String::with_capacity(128);
    // A String takes everything.
    let _ = write_common(&mut line, record);
    line
}

/// Returns a line in the Combined Log Format, without its end.
pub(super) fn combined(record: &Record<'_>) -> String {
    let mut line = common(record);
    for field in [record.referer, record.user_agent] {
        line.push_str(" \"");
        match field {
            Some(bytes) => escape(&mut line, bytes, |_| false),
            None => line.push('-'),
        }
        line.push('"');
    }
    line
}

fn write_common(line: &mut String, record: &Record<'_>) -> fmt::Result {
    use fmt::Write;
    match record.client {
        Some(client) => write!(line, "{client} - ")?,
        None => line.push_str("- - "),
    }
    match record.user {
        // Not in quotes, so nothing may look like the end of the field.
        Some(user) => escape(line, user.as_bytes(), |byte| b" []".contains(&byte)),
        None => line.push('-'),
    }
    write!(line, " [{}] \"", date::of_common_log(record.time))?;
    escape(line, record.method.as_str().as_bytes(), |_| false);
    line.push(' ');
    escape(line, record.target.as_bytes(), |byte| byte == b' ');
    let (version, status) = (record.version, record.shown_status());
    write!(line, " {version:?}\" {status:03} {}", record.bytes_sent)
}

/// Appends bytes with those escaped that could end the field or the line, or control a terminal.
fn escape(line: &mut String, bytes: &[u8], also: impl Fn(u8) -> bool) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => line.extend(['\\', char::from(byte)]),
            b' '..=b'~' if !also(byte) => line.push(char::from(byte)),
            _ => {
                let digits = [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]);
                line.push_str("\\x");
                line.extend(digits.map(char::from));
            }
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h09_no_text_leaves_its_field() {
        for (text, expected) in [
            (&b"plain text"[..], "plain text"),
            (b"a\"b\\c", "a\\\"b\\\\c"),
            (b"a\r\nb\x1b[2J\0\x7f", "a\\x0d\\x0ab\\x1b[2J\\x00\\x7f"),
            ("größe".as_bytes(), "gr\\xc3\\xb6\\xc3\\x9fe"),
        ] {
            let mut line = String::new();
            escape(&mut line, text, |_| false);
            assert_eq!(line, expected);
        }
        let all: Vec<u8> = (0..=255).collect();
        let mut line = String::new();
        escape(&mut line, &all, |byte| byte == b' ');
        assert!(line.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
