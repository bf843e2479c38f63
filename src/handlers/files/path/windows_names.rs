//! Names that mean something other than a file of that name on Windows.

/// Device names, with any extension. The digits of COM and LPT may be superscript.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// Returns `true` if a file of this name is an ordinary file with exactly this name.
pub(super) fn is_ordinary(name: &str) -> bool {
    let is_forbidden = |c: char| {
        matches!(c, '\0'..='\x1f' | '<' | '>' | ':' | '"' | '|' | '?' | '*')
        // They separate names, or name a drive, a stream, a share.
        || matches!(c, '\\' | '/')
    };
    // The system removes dots and spaces at the end.
    let is_changed = name.ends_with(['.', ' ']);
    !name.is_empty()
        && !name.contains(is_forbidden)
        && !is_changed
        && !is_device(name)
        && !is_short_name(name)
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end_matches(' ');
    if DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) {
        return true;
    }
    let mut rest = stem.chars();
    let port: String = rest.by_ref().take(3).collect();
    let is_port = port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT");
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '\u{b9}' | '\u{b2}' | '\u{b3}');
    is_port && rest.next().is_some_and(is_number) && rest.next().is_none()
}

/// Returns `true` for a name such as `SECRET~1.TXT`, by which the system also finds a longer one.
fn is_short_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let Some((start, digits)) = stem.rsplit_once('~') else { return false };
    stem.len() <= 8
        && !start.is_empty()
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}
