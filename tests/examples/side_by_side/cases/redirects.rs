//! Redirects.

use super::{OK, Table};

const FOUND: &str = "HTTP/1.1 302 Found\r\nLocation: /there?a=b\r\nContent-Length: 4\r\n\r\ngone";
const MOVED: &str = "HTTP/1.1 301 Moved\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
const OTHER: &str = "HTTP/1.1 303 See\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
const AGAIN: &str = "HTTP/1.1 307 Again\r\nLocation: ../up\r\nContent-Length: 0\r\n\r\n";

pub(super) const TABLE: Table = &[
    ("-w '%{http_code} %{redirect_url}' {peer}/here", &[FOUND]),
    ("-L {peer}/here", &[FOUND, OK]),
    ("-iL {peer}/here", &[FOUND, OK]),
    ("-IL {peer}/here", &[FOUND, OK]),
    ("-L -D heads -o out {peer}/here", &[FOUND, OK]),
    ("-L -d x {peer}", &[FOUND, OK]),
    ("-L -d x {peer}", &[MOVED, OK]),
    ("-L -d x {peer}", &[OTHER, OK]),
    ("-L -d x {peer}/a/b/c", &[AGAIN, OK]),
    ("-L -d x --post302 {peer}", &[FOUND, OK]),
    ("-L -d x --post301 --post303 {peer}", &[OTHER, OK]),
    ("-L -X POST -d x {peer}", &[FOUND, OK]),
    ("-L -X DELETE {peer}", &[FOUND, OK]),
    ("-L -F a=b {peer}", &[AGAIN, OK]),
    ("-L -F a=b {peer}", &[FOUND, OK]),
    ("-L -H Expect: -T text {peer}/x", &[FOUND, OK]),
    ("-L -H Expect: -T text {peer}/x", &[OTHER, OK]),
    ("-L --json '{}' {peer}", &[FOUND, OK]),
    ("-L --json '{}' {peer}", &[AGAIN, OK]),
    ("-L -G -d a=b {peer}", &[FOUND, OK]),
    ("-L -u me:secret {peer}", &[FOUND, OK]),
    ("-L -e 'http://from/;auto' {peer}/a#x", &[FOUND, OK]),
    ("-L -r 0-4 {peer}", &[FOUND, OK]),
    ("-L -b a=b {peer}", &[FOUND, OK]),
    ("-L --max-redirs 1 -w '%{exitcode} %{num_redirects}' {peer}", &[FOUND, FOUND]),
    ("-L --max-redirs 0 -w '%{exitcode} %{redirect_url}' {peer}", &[FOUND]),
    ("-L -w %{exitcode} {peer}", &["HTTP/1.1 302 F\r\nLocation: mailto:a@b\r\n\r\n"]),
    ("-L -w %{exitcode} {peer}", &["HTTP/1.1 302 F\r\nLocation: \r\nContent-Length: 2\r\n\r\nok"]),
    (
        "-L -w '%{exitcode} %{url_effective}' {peer}/x",
        &["HTTP/1.1 302 F\r\nLocation: ?q=1\r\nContent-Length: 0\r\n\r\n", OK],
    ),
    (
        "-L -w '%{url_effective}' {peer}/x",
        &["HTTP/1.1 302 F\r\nLocation: /a b#f\r\nContent-Length: 0\r\n\r\n", OK],
    ),
    (
        "-L -w %{url_effective} {peer}/x#mine",
        &["HTTP/1.1 302 F\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", OK],
    ),
    ("-L -w %{exitcode} {peer}", &[FOUND, "HTTP/1.1 404 N\r\nContent-Length: 4\r\n\r\nnone"]),
    ("-fL -w %{exitcode} {peer}", &[FOUND, "HTTP/1.1 404 N\r\nContent-Length: 4\r\n\r\nnone"]),
    ("-f -w %{exitcode} {peer}", &[FOUND]),
    ("-L {nginx}/moved", &[]),
    ("-L --cacert {ca} {nginx}/secure", &[]),
    (
        "-L {httpbin}/redirect/3 -o /dev/null -w '%{num_redirects} %{num_connects} %{http_code}'",
        &[],
    ),
    ("-L -o out -w '%{url_effective}' {httpbin}/absolute-redirect/2", &[]),
    ("-L '{httpbin}/redirect-to?url=/status/418&status_code=307' -d x -w %{method}", &[]),
    ("-L -u u:p '{httpbin}/redirect-to?url=/headers'", &[]),
    (
        "-L -u u:p {peer}",
        &["HTTP/1.1 302 F\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n"],
    ),
    ("-L --location-trusted -u u:p {peer}", &[FOUND, OK]),
];
