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
    plain(&clean).filter(|name| !matches!(name.as_str(), "" | "." | ".."))
}

/// Returns a name that a URL or a server has chosen, unless the system reads it as something other than a file
/// of the folder.
pub(super) fn plain(name: &str) -> Option<String> {
    (cfg!(not(windows)) || is_plain_on_windows(name)).then(|| name.to_owned())
}

/// Returns `false` for a drive, a stream, a device, and names with characters that no name has.
fn is_plain_on_windows(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let is_port = stem.len() == 4 && (stem.starts_with("com") || stem.starts_with("lpt"));
    let is_device =
        is_port || matches!(&*stem, "con" | "prn" | "aux" | "nul" | "conin$" | "conout$");
    !is_device && !name.contains(['<', '>', ':', '"', '|', '?', '*', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_names_of_devices_drives_and_streams_are_not_plain() {
        for name in ["C:x", "c:", "a.txt:b", "a::$DATA", "nul", "CON.txt", "aux .c", "com1", "a\\b"]
        {
            assert!(!is_plain_on_windows(name), "{name}");
        }
        for name in ["a.txt", "console", "com10", "com", "a~1", "nully.txt", "ä"] {
            assert!(is_plain_on_windows(name), "{name}");
        }
    }
}
