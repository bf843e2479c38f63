//! The command lines that differ, with the reasons. curl here is version 7.88.
//!
//! The test also fails if a difference in this table is no more.

use crate::programs::runs_windows_programs;

const DIFFERENCES: &[(&str, &str)] = &[
    ("-X POST {peer}", EMPTY_BODY),
    ("-L -X POST -d x {peer}", EMPTY_BODY),
    (
        "-F 'a=@-' -F 'b=' {peer}",
        "a part with a file name has a content type. curl leaves it out for stdin",
    ),
    (
        "-F 'a=@text,data.json' {peer}",
        "several files of a field are parts of the same name (RFC 7578 section 4.3). curl nests them in \
         multipart/mixed, which that RFC deprecates",
    ),
    (
        "-d @missing {peer}",
        "a file that cannot be read is exit code 26. curl 7 warns and sends an empty body",
    ),
    ("-w '%{scheme}' {peer}", "the scheme is in lower case, as in curl 8. curl 7 has HTTP"),
    (
        "-w %{exitcode} {peer}/not-http",
        "a response that is not HTTP is exit code 8, weird reply. curl takes it for HTTP/0.9, which it \
         reports as an unsupported protocol",
    ),
    ("--compressed {httpbin}/deflate", CODINGS),
    ("--compressed -i -H 'X: 1' {httpbin}/gzip", CODINGS),
    (
        "--compressed -r 0-4 {nginx}/page.html",
        "a request for a range offers no codings, since a part of an encoded body cannot be decoded. curl \
         offers them, and nginx then ignores the range",
    ),
    ("-w %{exitcode} ftp://127.0.0.1:1/", "only http and https are supported"),
    ("-c new {peer}/x/y", DEFAULT_PATH),
    ("-b jar -c new {peer}/x/", DEFAULT_PATH),
    ("-c - {peer}/x/y", "the comments at the start of the file name its program"),
    ("-b a=b -c new {peer}", LONGEST_LIFE),
    ("-b jar -c jar {peer}", LONGEST_LIFE),
    (
        "-c new -b jar -H 'Cookie: mine=1' {peer}",
        "a request has one Cookie field (RFC 6265 section 5.4). curl sends two. A cookie lives at most 400 days",
    ),
    (
        "{peer} --next",
        "a --next without a URL behind it is refused before the first transfer. curl refuses it afterwards",
    ),
];

/// The command lines that differ only if fetch runs on Windows, with the reasons.
const ON_WINDOWS: &[(&str, &str)] = &[
    ("-n {httpbin}/headers", "the home directory is that of Wine, which passes no HOME on"),
    (
        "env:HTTP_PROXY={closed} {nginx}/digits",
        "Windows does not distinguish upper and lower case in the names of variables: this is http_proxy",
    ),
];

const EMPTY_BODY: &str = "a POST without a body has Content-Length: 0 (RFC 9110 section 8.6). curl -X only renames a GET";
const CODINGS: &str = "the codings are offered in another order, which the response repeats";
const DEFAULT_PATH: &str =
    "the default path of a cookie has no slash at its end (RFC 6265 section 5.1.4)";
const LONGEST_LIFE: &str = "a cookie lives at most 400 days (RFC 6265bis), as in curl 8";

/// Returns the reason why a command line differs.
pub(super) fn reason(line: &str) -> Option<&'static str> {
    let on_windows = if runs_windows_programs() { ON_WINDOWS } else { &[] };
    let mut known = DIFFERENCES.iter().chain(on_windows);
    known.find(|(known, _)| *known == line).map(|(_, reason)| *reason)
}
