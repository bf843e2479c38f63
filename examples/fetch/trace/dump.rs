//! Bytes as lines, in the forms of `--trace` and `--trace-ascii`.

use std::fmt::Write;

use crate::options::TraceForm;

/// The bytes of a line.
const HEX_WIDTH: usize = 16;
const TEXT_WIDTH: usize = 64;

pub(super) fn dump(out: &mut String, data: &[u8], form: TraceForm) {
    match form {
        TraceForm::Hex => hex(out, data),
        TraceForm::Text => text(out, data),
    }
}

fn hex(out: &mut String, data: &[u8]) {
    for (row, bytes) in data.chunks(HEX_WIDTH).enumerate() {
        let mut digits = String::new();
        for byte in bytes {
            let _ = write!(digits, "{byte:02x} ");
        }
        let letters: String = bytes.iter().map(|byte| letter(*byte)).collect();
        let _ = writeln!(out, "{:04x}: {digits:<48}{letters}", row * HEX_WIDTH);
    }
}

/// A line of the dump ends with a line of the data.
fn text(out: &mut String, data: &[u8]) {
    let mut at = 0;
    while at < data.len() {
        let rest = &data[at..data.len().min(at + TEXT_WIDTH)];
        let ends = rest.windows(2).position(|pair| pair == b"\r\n");
        let line = &rest[..ends.unwrap_or(rest.len())];
        let letters: String = line.iter().map(|byte| letter(*byte)).collect();
        let _ = writeln!(out, "{at:04x}: {letters}");
        at += line.len() + if ends.is_some() { 2 } else { 0 };
    }
}

fn letter(byte: u8) -> char {
    match byte {
        0x20..0x80 => char::from(byte),
        _ => '.',
    }
}
