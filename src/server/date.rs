//! The Date field of responses.

use std::time::{SystemTime, UNIX_EPOCH};

use http::header::DATE;

use crate::h1;

/// The Date field, formatted once a second.
#[derive(Default)]
pub(super) struct Date {
    second: u64,
    line: Vec<u8>,
}

impl Date {
    pub(super) fn line(&mut self) -> &[u8] {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if second != self.second || self.line.is_empty() {
            self.second = second;
            self.line.clear();
            let date = httpdate::fmt_http_date(now);
            self.line.reserve_exact("Date: \r\n".len() + date.len());
            h1::write_field(&mut self.line, &DATE, date.as_bytes());
        }
        &self.line
    }
}
