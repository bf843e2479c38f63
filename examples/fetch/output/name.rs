//! The file name in a Content-Disposition (RFC 6266), for `-J`.

use hangup::http::HeaderMap;
use hangup::http::header::CONTENT_DISPOSITION;

/// Returns the last segment of the name, which cannot lead out of the folder.
pub(super) fn of(headers: &HeaderMap) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(CONTENT_DISPOSITION)?.as_bytes()).into_owned();
    let mut rest = value.as_str();
    while let Some((_, parameter)) = rest.split_once(';') {
        rest = parameter.trim_start();
        let is_name = rest.get(..9).is_some_and(|name| name.eq_ignore_ascii_case("filename="));
        if is_name {
            return last_segment(unquoted(&rest[9..]));
        }
    }
    None
}

fn unquoted(value: &str) -> &str {
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
        _ => value.split(';').next().unwrap_or_default().trim_end(),
    }
}

fn last_segment(name: &str) -> Option<String> {
    let segment = name.rsplit(['/', '\\']).next()?;
    let clean: String = segment.chars().filter(|letter| !letter.is_control()).collect();
    Some(clean).filter(|name| !matches!(name.as_str(), "" | "." | ".."))
}
