//! A JSON object a line.

use std::fmt::Write;
use std::time::Duration;

use super::date;
use super::record::Record;
use crate::OutcomeKind;
use crate::text;

/// Returns the facts as an object, without an end of line.
pub(super) fn object(record: &Record<'_>) -> String {
    let mut line = String::with_capacity(384);
    // A String takes everything.
    let _ = write!(line, "{{\"time\":\"{}\"", date::rfc_3339(record.time));
    let client = record.client.map(|client| client.to_string());
    string(&mut line, "client", client.as_deref().map(str::as_bytes));
    string(&mut line, "user", record.user.map(str::as_bytes));
    string(&mut line, "method", Some(record.method.as_str().as_bytes()));
    string(&mut line, "target", Some(record.target.as_bytes()));
    string(&mut line, "version", Some(format!("{:?}", record.version).as_bytes()));
    number(&mut line, "status", record.status.map(|status| status.as_u16().into()));
    number(&mut line, "bytes_sent", Some(record.bytes_sent));
    number(&mut line, "duration_us", Some(microseconds(record.duration)));
    number(&mut line, "first_byte_us", record.first_byte.map(microseconds));
    string(&mut line, "referer", record.referer);
    string(&mut line, "user_agent", record.user_agent);
    string(&mut line, "request_id", record.request_id.map(str::as_bytes));
    string(&mut line, "pattern", record.pattern.map(str::as_bytes));
    string(&mut line, "outcome", Some(outcome(record.outcome).as_bytes()));
    line.push('}');
    line
}

pub(super) fn outcome(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Complete => "complete",
        OutcomeKind::ClientLeft => "client_left",
        OutcomeKind::Failed => "failed",
        OutcomeKind::Panicked => "panicked",
        OutcomeKind::Hijacked => "hijacked",
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn number(line: &mut String, name: &str, value: Option<u64>) {
    let _ = match value {
        Some(value) => write!(line, ",\"{name}\":{value}"),
        None => write!(line, ",\"{name}\":null"),
    };
}

fn string(line: &mut String, name: &str, value: Option<&[u8]>) {
    let _ = write!(line, ",\"{name}\":");
    let Some(value) = value else { return line.push_str("null") };
    line.push('"');
    escape(line, &String::from_utf8_lossy(value));
    line.push('"');
}

/// Escapes what RFC 8259 section 7 demands, and other characters that could forge a line.
fn escape(line: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '"' | '\\' => line.extend(['\\', character]),
            // They are all below U+10000.
            _ if text::is_unsafe(character) => {
                let _ = write!(line, "\\u{:04x}", u32::from(character));
            }
            _ => line.push(character),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h09_strings_are_valid_for_any_bytes() {
        for (bytes, expected) in [
            (&b"plain"[..], "plain"),
            (b"a\"b\\c", "a\\\"b\\\\c"),
            (b"a\r\nb\x1b\0\x7f", "a\\u000d\\u000ab\\u001b\\u0000\\u007f"),
            ("größe \u{2028}\u{202e}\u{85}".as_bytes(), "größe \\u2028\\u202e\\u0085"),
            (b"\xff\xc3", "\u{fffd}\u{fffd}"),
        ] {
            let mut line = String::new();
            string(&mut line, "a", Some(bytes));
            assert_eq!(line, format!(",\"a\":\"{expected}\""));
        }
    }
}
