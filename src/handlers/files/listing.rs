//! Listings of directories.

use std::fmt::Write;

use super::date;
use super::open::Entry;
use super::path::{encode, is_hidden, name_bytes};

/// The most entries of a listing. A directory with more is shown in part, and the page says so.
pub(super) const MOST_ENTRIES: usize = 10_000;

/// No script, and nothing from elsewhere.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "body{font-family:sans-serif;margin:2em}td,th{padding:.1em 1em .1em 0;\
text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}";

/// Returns the page of a directory: directories first, then files, each by name. `depth` is the number of
/// directories above it, up to the root.
pub(super) fn page(path: &str, depth: usize, mut entries: Vec<Entry>, hidden: bool) -> String {
    let cut = entries.len() >= MOST_ENTRIES;
    entries.retain(|entry| {
        let name = name_bytes(&entry.name);
        !name.is_empty() && (hidden || !is_hidden(name, depth))
    });
    entries.sort_by(|one, other| {
        other.is_directory.cmp(&one.is_directory).then_with(|| one.name.cmp(&other.name))
    });
    let title = escape(&percent_encoding::percent_decode_str(path).decode_utf8_lossy());
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Index of {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Index of {title}</h1>\n<table>\n\
         <tr><th>Name</th><th>Size</th><th>Modified</th></tr>\n"
    );
    if depth > 0 {
        page.push_str("<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for entry in &entries {
        row(&mut page, entry);
    }
    page.push_str("</table>\n");
    if cut {
        let _ = writeln!(page, "<p>Only {MOST_ENTRIES} entries are shown.</p>");
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn row(page: &mut String, entry: &Entry) {
    let name = escape(&entry.name.to_string_lossy());
    let slash = if entry.is_directory { "/" } else { "" };
    let size = if entry.is_directory { String::new() } else { entry.length.to_string() };
    let modified = entry.modified.and_then(date::whole_seconds).map(date::format);
    let modified = modified.unwrap_or_default();
    let link = encode(name_bytes(&entry.name));
    // Writing to a string does not fail.
    let _ = writeln!(
        page,
        "<tr><td><a href=\"{link}{slash}\">{name}{slash}</a></td>\
         <td class=\"n\">{size}</td><td>{modified}</td></tr>"
    );
}

/// Escapes text for HTML. Control characters, which could hide or turn around a name, are replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn entry(name: &str, is_directory: bool) -> Entry {
        let modified = Some(UNIX_EPOCH + Duration::from_secs(784_111_777));
        Entry { name: name.into(), is_directory, length: 1234, modified }
    }

    #[test]
    fn h08_a_listing_is_sorted_and_escaped() {
        let entries = vec![
            entry("b", false),
            entry("z", true),
            entry("<script>alert('1')</script>\"&", false),
            entry("a", true),
            entry("a:b ä\u{202e}", false),
            entry(".hidden", false),
        ];
        let page = page("/x/%3Cb%3E/", 2, entries, false);
        let places: Vec<_> = [
            "<title>Index of /x/&lt;b&gt;/</title>",
            "<a href=\"../\">../</a>",
            "<a href=\"a/\">a/</a></td><td class=\"n\"></td><td>Sun, 06 Nov 1994 08:49:37 GMT",
            "<a href=\"z/\">z/</a>",
            "<a href=\"%3Cscript%3Ealert%28%271%27%29%3C%2Fscript%3E%22%26\">\
             &lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;</a>",
            "<a href=\"a%3Ab%20%C3%A4%E2%80%AE\">a:b ä\u{fffd}</a>",
            "<a href=\"b\">b</a></td><td class=\"n\">1234</td>",
        ]
        .iter()
        .map(|text| page.find(text).unwrap_or_else(|| panic!("{text}\n{page}")))
        .collect();
        assert!(places.is_sorted(), "{page}");
        assert!(!page.contains("hidden") && !page.contains("<script"));
        assert!(!super::page("/", 0, Vec::new(), false).contains("../"));
        assert!(super::page("/", 0, vec![entry(".a", false)], true).contains(".a"));
    }
}
