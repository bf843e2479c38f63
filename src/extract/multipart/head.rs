//! The head of a part: its fields, its name and its file name (RFC 7578 section 4.2).

use std::borrow::Cow;

use http::HeaderMap;
use http::header::CONTENT_DISPOSITION;
use percent_encoding::percent_decode;

use super::super::params::{parameter, value_of};
use crate::h1;
use crate::text::{floor_boundary, windows};

/// The head of a part.
pub(super) struct PartHead {
    pub(super) name: String,
    pub(super) file_name: Option<String>,
    pub(super) headers: HeaderMap,
}

impl PartHead {
    /// Reads the field lines of a part, which end in an empty line. An error describes the fault.
    pub(super) fn read(block: &[u8]) -> Result<Self, String> {
        let headers = h1::parse_fields(block).map_err(|error| error.to_string())?;
        let disposition = headers.get(CONTENT_DISPOSITION).map_or(&[][..], |it| it.as_bytes());
        if !value_of(disposition).eq_ignore_ascii_case(b"form-data") {
            return Err("Content-Disposition is not form-data".to_owned());
        }
        let name = text_parameter(disposition, "name").ok_or("the name is missing")?;
        let file_name = text_parameter(disposition, "filename");
        Ok(Self { name, file_name, headers })
    }
}

/// Returns a parameter as text. The extended form (RFC 8187), which a form must not use, counts if the
/// plain one is missing: some clients send no other.
fn text_parameter(field: &[u8], name: &str) -> Option<String> {
    if let Some(value) = parameter(field, name) {
        return Some(String::from_utf8_lossy(&value).into_owned());
    }
    let extended = parameter(field, &format!("{name}*"))?;
    let mut parts = extended.splitn(3, |byte| *byte == b'\'');
    let (charset, _, value) = (parts.next()?, parts.next()?, parts.next()?);
    let value: Cow<'_, [u8]> = percent_decode(value).into();
    charset.eq_ignore_ascii_case(b"utf-8").then(|| String::from_utf8_lossy(&value).into_owned())
}

/// How many bytes a name of a file has at most, on common file systems.
const MOST_NAME: usize = 255;

/// Returns the last component of a path, changed so that it names a plain file on every system. `None` if
/// nothing is left of it.
pub(super) fn safe_file_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let allowed = |c: char| !c.is_control() && !windows::is_forbidden(c);
    let mut safe: String = last.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
    // A leading dot hides a file or makes it a configuration file.
    safe = safe.trim_start_matches(['.', ' ']).to_owned();
    shorten(&mut safe);
    if windows::is_short_name(&safe) {
        safe = safe.replace('~', "_");
    }
    if windows::is_device(&safe) {
        safe.insert(0, '_');
        shorten(&mut safe);
    }
    (!safe.is_empty()).then_some(safe)
}

/// Shortens a name to [`MOST_NAME`] bytes, and removes dots and spaces at its end, which Windows ignores. A
/// short extension is kept.
fn shorten(name: &mut String) {
    name.truncate(name.trim_end_matches(['.', ' ']).len());
    if name.len() <= MOST_NAME {
        return;
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= 16);
    let extension = dot.map_or(String::new(), |dot| name.split_off(dot));
    name.truncate(floor_boundary(name, MOST_NAME - extension.len()));
    name.push_str(&extension);
    name.truncate(name.trim_end_matches(['.', ' ']).len());
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn h04_the_name_and_the_file_name_of_a_part() {
        for (disposition, expected) in [
            ("form-data; name=a", Ok(("a", None))),
            ("Form-Data ; NAME=\"a b\"; FileName=\"c;d.txt\"", Ok(("a b", Some("c;d.txt")))),
            ("form-data; name=\"\"; filename=\"\"", Ok(("", Some("")))),
            ("form-data; name=\"ü\"; filename=\"日本.txt\"", Ok(("ü", Some("日本.txt")))),
            (
                "form-data; name=\"a\\\"b\"; filename=\"C:\\dir\\x.txt\"",
                Ok(("a\"b", Some("C:\\dir\\x.txt"))),
            ),
            ("form-data; name=\"a%22b\"", Ok(("a%22b", None))),
            ("form-data; name=a; filename*=utf-8''%e2%82%ac%20.txt", Ok(("a", Some("€ .txt")))),
            ("form-data; name=a; filename*=UTF-8'de'x; filename=y", Ok(("a", Some("y")))),
            ("form-data; name=a; filename*=latin1''%e4", Ok(("a", None))),
            ("form-data; name=a; filename*=x", Ok(("a", None))),
            ("form-data", Err("the name is missing")),
            ("form-data; filename=a", Err("the name is missing")),
            ("attachment; name=a", Err("Content-Disposition is not form-data")),
        ] {
            let block = format!("Content-Type: a/b\r\nContent-Disposition: {disposition}\r\n\r\n");
            let head = PartHead::read(block.as_bytes());
            let found = head.as_ref().map(|head| (&*head.name, head.file_name.as_deref()));
            assert_eq!(found.map_err(|error| error.as_str()), expected, "{disposition}");
        }
        for (block, expected) in [
            ("\r\n", "Content-Disposition is not form-data"),
            ("a\r\n\r\n", "field 1 (`a`): no colon"),
            ("A: b\0\r\n\r\n", "field 1 (`A`): control character in the value"),
            (" a: b\r\n\r\n", "field 1: line folding"),
        ] {
            assert_eq!(
                PartHead::read(block.as_bytes()).err().as_deref(),
                Some(expected),
                "{block:?}"
            );
        }
        let folded = b"content-disposition: form-data;\n name=a\n\n";
        assert_eq!(PartHead::read(folded).unwrap().name, "a");
    }

    #[test]
    fn h04_a_safe_file_name_stays_in_its_directory() {
        for (name, safe) in [
            ("photo.jpg", Some("photo.jpg")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\dir\\photo.jpg", Some("photo.jpg")),
            ("..\\..\\x", Some("x")),
            ("a/..", None),
            ("..", None),
            (".", None),
            ("", None),
            ("dir/", None),
            (" . . ", None),
            (".htaccess", Some("htaccess")),
            ("name. ", Some("name")),
            ("a\0b\r\n\u{85}.txt", Some("a_b___.txt")),
            ("file.txt:stream", Some("file.txt_stream")),
            ("a<b>|c?*.txt", Some("a_b__c__.txt")),
            ("nul", Some("_nul")),
            ("Con.txt", Some("_Con.txt")),
            ("aux .tar.gz", Some("_aux .tar.gz")),
            ("com1", Some("_com1")),
            ("LPT9.x", Some("_LPT9.x")),
            ("com10", Some("com10")),
            ("conin$", Some("_conin$")),
            ("SECRET~1.TXT", Some("SECRET_1.TXT")),
            (".SECRE~1", Some("SECRE_1")),
            ("console", Some("console")),
            ("日本 €.txt", Some("日本 €.txt")),
        ] {
            assert_eq!(safe_file_name(name).as_deref(), safe, "{name:?}");
        }
        let long = safe_file_name(&("ü".repeat(300) + ".jpeg")).unwrap();
        assert!(long.len() <= MOST_NAME && long.ends_with("ü.jpeg"), "{long}");
        assert_eq!(safe_file_name(&"x".repeat(300)).unwrap().len(), MOST_NAME);
        let cut = safe_file_name(&format!("{} {}", "x".repeat(MOST_NAME - 1), "y".repeat(20)));
        assert_eq!(cut.unwrap(), "x".repeat(MOST_NAME - 1));
    }
}
