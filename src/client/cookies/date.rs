//! Dates in cookies (RFC 6265bis section 5.1.1): read leniently, since servers write them in many ways.

/// The parts of a date that have been found.
#[derive(Default)]
struct Found {
    time: Option<(i64, i64, i64)>,
    day: Option<i64>,
    month: Option<i64>,
    year: Option<i64>,
}

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Reads a date, in seconds since 1970. Returns `None` if a part is missing or out of its range.
pub(super) fn parse(text: &[u8]) -> Option<i64> {
    let mut found = Found::default();
    for token in text.split(|byte| is_delimiter(*byte)).filter(|token| !token.is_empty()) {
        found.take(token);
    }
    let (hour, minute, second) = found.time?;
    let (day, month) = (found.day?, found.month?);
    let year = match found.year? {
        year @ 70..=99 => year + 1900,
        year @ 0..=69 => year + 2000,
        year => year,
    };
    let is_valid = (1..=days_of(month, year)).contains(&day)
        && year >= 1601
        && hour <= 23
        && minute <= 59
        && second <= 59;
    let seconds = hour * 3600 + minute * 60 + second;
    is_valid.then(|| days_since_1970(year, month, day) * 86_400 + seconds)
}

impl Found {
    /// Takes a token for the first part that is missing and that it can be.
    fn take(&mut self, token: &[u8]) {
        if self.time.is_none() {
            self.time = time(token);
            if self.time.is_some() {
                return;
            }
        }
        if self.day.is_none() {
            self.day = number(token, 1, 2);
            if self.day.is_some() {
                return;
            }
        }
        if self.month.is_none() {
            self.month = month(token);
            if self.month.is_some() {
                return;
            }
        }
        if self.year.is_none() {
            self.year = number(token, 2, 4);
        }
    }
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'/' | b';'..=b'@' | b'['..=b'`' | b'{'..=b'~')
}

/// Reads a number of `least` to `most` digits, behind which there is no other digit.
fn number(token: &[u8], least: usize, most: usize) -> Option<i64> {
    let digits = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = |digits: &[u8]| digits.iter().fold(0, |sum, b| sum * 10 + i64::from(b - b'0'));
    (least..=most).contains(&digits).then(|| value(&token[..digits]))
}

/// Reads `hh:mm:ss`, with one or two digits each.
fn time(token: &[u8]) -> Option<(i64, i64, i64)> {
    let mut parts = token.splitn(3, |byte| *byte == b':');
    let whole = |part: &[u8]| part.iter().all(u8::is_ascii_digit).then(|| number(part, 1, 2))?;
    let (hour, minute) = (whole(parts.next()?)?, whole(parts.next()?)?);
    Some((hour, minute, number(parts.next()?, 1, 2)?))
}

fn month(token: &[u8]) -> Option<i64> {
    let name = token.get(..3)?;
    let position = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(*month))?;
    Some(position as i64 + 1)
}

fn days_of(month: i64, year: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts the days from 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap
/// day is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}
