//! Names that mean something other than a file of that name on Windows.

/// Device names, with any extension. The digits of COM and LPT may be superscript.
const DEVICES: &[&str] = &["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"];

/// The most characters of a short name before its extension.
const SHORT: usize = 8;

/// Returns `true` if a file of this name is an ordinary file with exactly this name.
#[cfg(any(windows, all(test, not(hangup_shuttle))))]
pub(crate) fn is_ordinary(name: &str) -> bool {
    // The system removes dots and spaces at the end.
    let is_changed = name.ends_with(['.', ' ']);
    !name.is_empty()
        && !name.contains(is_forbidden)
        && !is_changed
        && !is_device(name)
        && !is_short_name(name)
}

/// Returns `true` if all segments of a path are names of ordinary files. One slash at the start and one at the
/// end are allowed. Two at the start name a share of another machine.
#[cfg(any(all(windows, feature = "fcgi"), all(test, not(hangup_shuttle))))]
pub(crate) fn are_ordinary(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let path = String::from_utf8_lossy(path);
    path.is_empty() || path.split('/').all(is_ordinary)
}

/// Returns `true` for characters that no name contains. Some of them separate names, or name a drive, a stream
/// or a share.
pub(crate) fn is_forbidden(character: char) -> bool {
    matches!(character, '\0'..='\x1f' | '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\' | '/')
}

/// Returns `true` for the name of a device.
pub(crate) fn is_device(name: &str) -> bool {
    let stem = stem(name).trim_end_matches(' ');
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
pub(crate) fn is_short_name(name: &str) -> bool {
    let stem = stem(name);
    let Some((start, digits)) = stem.rsplit_once('~') else { return false };
    stem.chars().count() <= SHORT
        && !start.is_empty()
        && !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn stem(name: &str) -> &str {
    name.split('.').next().unwrap_or_default()
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    /// Names of devices, drives, streams and shares, names that the system changes, and short names.
    const OTHERS: &[&str] = &[
        "",
        "con",
        "CON",
        "Con.txt",
        "con.tar.gz",
        "prn",
        "aux",
        "aux.h",
        "NUL",
        "nul.txt",
        "nul ",
        "nul .txt",
        "com1",
        "COM0",
        "com9.log",
        "lpt1",
        "LPT\u{b9}",
        "com\u{b2}.txt",
        "conin$",
        "CONOUT$",
        "clock$",
        "c:",
        "C:a",
        "a:b",
        "a.txt::$DATA",
        "a::$INDEX_ALLOCATION",
        "..\\a",
        "a\\b",
        "\\",
        "\\\\host\\share",
        "a.",
        "a..",
        "a ",
        "a. ",
        ". ",
        ".. ",
        "..",
        "...",
        "a/b",
        "a\0",
        "a\x1f",
        "a\n",
        "a?",
        "a*",
        "a<b",
        "a>b",
        "a|b",
        "a\"b",
        "PROGRA~1",
        "secret~1.txt",
        "a~2",
        "GEHEIM~1",
        // Eight characters, which have more bytes.
        "ÄÖÜÄÖÜ~1.TXT",
    ];

    /// Names of ordinary files, some of which resemble the others.
    const ORDINARY: &[&str] = &[
        "a",
        "a.txt",
        ".a",
        "console",
        "con-a",
        "nully.txt",
        "com",
        "com10",
        "comx",
        "lpt",
        "auxiliary",
        "a b",
        " a",
        "ä",
        "a~",
        "~1",
        "a~b",
        "a-very-long-name~1.txt",
        "com1x",
        "a.con",
        "$a",
        "%2e",
    ];

    #[test]
    fn h08_names_that_windows_gives_another_meaning_are_refused() {
        for name in OTHERS {
            assert!(!is_ordinary(name), "{name:?}");
        }
        for name in ORDINARY {
            assert!(is_ordinary(name), "{name:?}");
        }
    }

    #[test]
    fn h12_paths_that_windows_reads_in_another_way_are_refused() {
        for path in ["", "/", "/a.php", "/d/a.php", "a", "/a/", "/d.php.d/a b.php"] {
            assert!(are_ordinary(path.as_bytes()), "{path:?}");
        }
        for path in [
            "//host/share/a.php",
            "/\\host\\share\\a.php",
            "/d//a.php",
            "/a//",
            "/c:/a.php",
            "/c:a.php",
            "/..\\a.php",
            "/.. /a.php",
            "/.../a.php",
            "/d./a.php",
            "/aux.php",
            "/con/a.php",
            "/nul",
            "/a.php::$DATA",
            "/a.php.",
            "/a.php ",
            "/PROGRA~1/a.php",
        ] {
            assert!(!are_ordinary(path.as_bytes()), "{path:?}");
        }
        // Not text, but no other meaning.
        assert!(are_ordinary(b"/\xff.php"));
    }
}
