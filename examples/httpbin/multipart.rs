//! Parses `multipart/form-data` (RFC 7578) in memory.
//!
//! ```text
//! --boundary CRLF                  delimiter
//! Content-Disposition: … CRLF      the part's headers
//! CRLF
//! content                          anything but CRLF and the delimiter
//! CRLF --boundary-- CRLF           last delimiter; the rest is ignored
//! ```

use percent_encoding::percent_decode_str;

/// The largest number of headers of a part. Forms have two.
const MOST_HEADERS: usize = 16;

/// One field of the form.
#[derive(Debug, PartialEq)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    /// `true` if the part has a file name, which may be empty.
    pub(crate) is_file: bool,
    pub(crate) content_type: Option<String>,
    pub(crate) content: &'a [u8],
}

/// The reason why a body is invalid.
pub(crate) type Malformed = &'static str;

/// Returns the boundary if this Content-Type is `multipart/form-data`.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = parameters(content_type);
    let form = kind.eq_ignore_ascii_case("multipart/form-data");
    form.then_some(())?;
    Some(find(&parameters, "boundary").unwrap_or_default().to_owned())
}

/// Parses a body.
pub(crate) fn parse<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, Malformed> {
    if boundary.is_empty() {
        return Err("its Content-Type has no boundary");
    }
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line break before it.
    let start = Delimiter::at(body, &delimiter.as_bytes()[2..]);
    let mut found = start.or_else(|| Delimiter::find(body, delimiter.as_bytes()));
    let mut parts = Vec::new();
    while let Some(Delimiter { is_last: false, rest, .. }) = found {
        found = Delimiter::find(rest, delimiter.as_bytes());
        if let Some(next) = &found {
            parts.push(part(next.before)?);
        }
    }
    found.map(|_| parts).ok_or("its last part is incomplete")
}

struct Delimiter<'a> {
    before: &'a [u8],
    rest: &'a [u8],
    is_last: bool,
}

impl<'a> Delimiter<'a> {
    /// Finds the first delimiter in `bytes`.
    fn find(bytes: &'a [u8], delimiter: &[u8]) -> Option<Self> {
        let mut from = 0;
        loop {
            from += bytes[from..].iter().position(|byte| *byte == b'\r')?;
            if let Some(found) = Self::at(&bytes[from..], delimiter) {
                return Some(Self { before: &bytes[..from], ..found });
            }
            from += 1;
        }
    }

    /// Matches a delimiter at the start of `bytes`. A line that only starts like one is content.
    fn at(bytes: &'a [u8], delimiter: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(delimiter)?;
        if let Some(rest) = rest.strip_prefix(b"--") {
            return Some(Self { before: &[], rest, is_last: true });
        }
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let rest = rest[blanks..].strip_prefix(b"\r\n")?;
        Some(Self { before: &[], rest, is_last: false })
    }
}

fn part(bytes: &[u8]) -> Result<Part<'_>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let Ok(httparse::Status::Complete((length, headers))) =
        httparse::parse_headers(bytes, &mut headers)
    else {
        return Err("a part has invalid headers");
    };
    let header = |name: &str| {
        let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).into_owned())
    };
    let disposition = header("content-disposition").unwrap_or_default();
    let (kind, parameters) = parameters(&disposition);
    if !kind.eq_ignore_ascii_case("form-data") {
        return Err("a part is not form data");
    }
    let extended = |name| find(&parameters, name).map(decode_extended);
    let name = extended("name*").or_else(|| find(&parameters, "name").map(str::to_owned));
    Ok(Part {
        name: name.ok_or("a part has no name")?,
        is_file: ["filename", "filename*"].iter().any(|name| find(&parameters, name).is_some()),
        content_type: header("content-type"),
        content: &bytes[length..],
    })
}

/// Decodes `utf-8''na%C3%AFve` (RFC 8187), which some clients use for text that is not ASCII.
fn decode_extended(value: &str) -> String {
    let encoded = value.rsplit('\'').next().unwrap_or_default();
    percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

type Parameters = Vec<(String, String)>;

fn find<'p>(parameters: &'p Parameters, name: &str) -> Option<&'p str> {
    parameters.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
}

/// Parses `kind; name=value; name="quoted; value"`. Names are converted to lower case.
fn parameters(header: &str) -> (&str, Parameters) {
    let (kind, mut rest) = header.split_once(';').unwrap_or((header, ""));
    let mut parameters = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        // A parameter without a value is ignored.
        let name = name.rsplit(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let after = after.trim_start();
        let value = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, behind) = unquote(quoted);
                rest = behind;
                value
            }
            None => {
                let (value, behind) = after.split_once(';').unwrap_or((after, ""));
                rest = behind;
                value.trim_end().to_owned()
            }
        };
        parameters.push((name, value));
    }
    (kind.trim(), parameters)
}

/// Returns the value up to the closing quote, and the rest. Browsers write a quote within as `%22`,
/// other clients as `\"`. Any other backslash belongs to a Windows path.
fn unquote(quoted: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = quoted;
    while let Some(first) = rest.chars().next() {
        let (taken, read) = match first {
            '"' => return (value, &rest[1..]),
            '\\' if rest.starts_with("\\\"") => ('"', 2),
            '\\' if rest.starts_with("\\\\") => ('\\', 2),
            '%' if rest.starts_with("%22") => ('"', 3),
            other => (other, other.len_utf8()),
        };
        value.push(taken);
        rest = &rest[read..];
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = "--b\r\n\
        Content-Disposition: form-data; name=\"text\"\r\n\
        \r\n\
        hello\r\n\
        --b\r\n\
        content-disposition: form-data; filename=\"a;b.txt\"; name=file\r\n\
        Content-Type: text/x; y=z\r\n\
        \r\n\
        line\r\n--bline\r\n-\r\n--\r\n\
        --b--\r\n";

    fn named(name: &str, content: &'static str) -> Part<'static> {
        Part { name: name.into(), is_file: false, content_type: None, content: content.as_bytes() }
    }

    fn form() -> Vec<Part<'static>> {
        let file = Part {
            is_file: true,
            content_type: Some("text/x; y=z".into()),
            ..named("file", "line\r\n--bline\r\n-\r\n--")
        };
        vec![named("text", "hello"), file]
    }

    #[test]
    fn fields_and_files() {
        assert_eq!(parse(FORM.as_bytes(), "b"), Ok(form()));
    }

    #[test]
    fn what_stands_around_does_not_count() {
        let surrounded = format!("preamble --b\r\n{FORM}--b\r\nepilogue");
        assert_eq!(parse(surrounded.as_bytes(), "b"), Ok(form()));
        let padded = FORM.replacen("--b\r\n", "--b \t\r\n", 1);
        assert_eq!(parse(padded.as_bytes(), "b"), Ok(form()));
        assert_eq!(parse(b"--b--", "b"), Ok(vec![]));
    }

    #[test]
    fn cut_anywhere_it_is_not_whole() {
        let whole = FORM.trim_end().len();
        for end in 0..FORM.len() {
            let parts = parse(&FORM.as_bytes()[..end], "b");
            assert_eq!(parts.is_ok(), end >= whole, "{end}");
        }
    }

    #[test]
    fn contents_may_hold_any_part_of_a_delimiter() {
        let (head, tail) = ("--b1\r\nContent-Disposition: form-data; name=a\r\n\r\n", "\r\n--b1--");
        let delimiter = "\r\n--b1";
        for start in 0..delimiter.len() {
            // The whole text would be one delimiter.
            for end in (start..=delimiter.len()).filter(|end| end - start < delimiter.len()) {
                let content = format!("x{0}{0}", &delimiter[start..end]);
                let body = [head, &content, tail].concat();
                let parts = parse(body.as_bytes(), "b1").expect(&content);
                assert_eq!(parts.len(), 1, "{content:?}");
                assert_eq!(parts[0].content, content.as_bytes(), "{content:?}");
            }
        }
    }

    #[test]
    fn parts_that_are_none_are_refused() {
        for (part, expected) in [
            ("no headers at all", "a part has invalid headers"),
            ("Content-Disposition: form-data; name=a\r\nx", "a part has invalid headers"),
            ("\r\nx", "a part is not form data"),
            ("Content-Disposition: attachment; name=a\r\n\r\nx", "a part is not form data"),
            ("Content-Disposition: form-data; filename=a\r\n\r\nx", "a part has no name"),
        ] {
            let body = format!("--b\r\n{part}\r\n--b--");
            assert_eq!(parse(body.as_bytes(), "b"), Err(expected), "{part}");
        }
        assert_eq!(parse(FORM.as_bytes(), ""), Err("its Content-Type has no boundary"));
        assert_eq!(parse(FORM.as_bytes(), "c"), Err("its last part is incomplete"));
        assert_eq!(parse(b"", "b"), Err("its last part is incomplete"));
    }

    #[test]
    fn names_come_in_many_ways() {
        for (written, expected) in [
            ("name=plain", "plain"),
            ("NAME = plain ; x=y", "plain"),
            (r#"name="with space; and=signs""#, "with space; and=signs"),
            (r#"filename="x"; name="a\"b\\c""#, r#"a"b\c"#),
            (r#"name="C:\dir""#, r"C:\dir"),
            (r#"name="a%22b%20c""#, r#"a"b%20c"#),
            (r#"name="unclosed"#, "unclosed"),
            (r#"name="""#, ""),
            ("flag; name=a", "a"),
            ("name=ascii; name*=utf-8''na%C3%AFve", "naïve"),
            ("name=\"naïve\"", "naïve"),
        ] {
            let body = format!("--b\r\nContent-Disposition: form-data; {written}\r\n\r\n\r\n--b--");
            let parts = parse(body.as_bytes(), "b").expect(written);
            assert_eq!(parts[0].name, expected, "{written}");
        }
    }

    #[test]
    fn boundaries_are_read_from_the_type() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("Multipart/Form-Data;charset=utf-8;Boundary=\"a b\"", Some("a b")),
            ("multipart/form-data", Some("")),
            ("multipart/mixed; boundary=abc", None),
            ("text/plain", None),
        ] {
            assert_eq!(boundary(content_type).as_deref(), expected, "{content_type}");
        }
    }
}
