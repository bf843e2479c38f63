//! Output files, and transfers that continue.

use super::{OK, Table};

const ONE: &[&str] = &[OK];
const NAMED: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"../dir/na me.txt\"\r\nContent-Length: 2\r\n\r\nok",
];
const TAKEN: &[&str] = &[
    "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=part\r\nContent-Length: 2\r\n\r\nok",
];
const REST: &[&str] =
    &["HTTP/1.1 206 P\r\nContent-Range: bytes 3-5/6\r\nContent-Length: 3\r\n\r\ndef"];
const WRONG: &[&str] =
    &["HTTP/1.1 206 P\r\nContent-Range: bytes 2-5/6\r\nContent-Length: 4\r\n\r\ncdef"];
const DONE: &[&str] =
    &["HTTP/1.1 416 No\r\nContent-Range: bytes */3\r\nContent-Length: 5\r\n\r\nnever"];
const MISSING: &[&str] = &["HTTP/1.1 404 N\r\nContent-Length: 4\r\n\r\nnone"];

pub(super) const TABLE: Table = &[
    ("-o out {peer}", ONE),
    ("-o - {peer}", ONE),
    ("-o part {peer}", ONE),
    ("-O {peer}/a/name?x=y", ONE),
    ("-O {peer}/a%20b", ONE),
    ("-O {peer}/", ONE),
    ("-o new/dir/out {peer}", ONE),
    ("--create-dirs -o new/dir/out {peer}", ONE),
    ("--output-dir new --create-dirs -o out {peer}", ONE),
    ("--output-dir new --create-dirs -O {peer}/name", ONE),
    ("--remote-name-all {nginx}/digits {nginx}/page.html", &[]),
    ("-OJ {peer}/url-name", NAMED),
    ("-OJ {peer}/url-name", ONE),
    ("-OJ {peer}/url-name", TAKEN),
    ("--no-clobber -o part {peer}", ONE),
    ("-o /nowhere/out -w %{exitcode} {peer}", ONE),
    ("-i -o out {peer}", ONE),
    ("-o out {peer}", &["HTTP/1.1 204 N\r\n\r\n"]),
    ("-o out {peer}", &["HTTP/1.1 304 N\r\n\r\n"]),
    ("-o out -w %{exitcode} {closed}", &[]),
    (
        "--remove-on-error -o out -w %{exitcode} {peer}",
        &["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"],
    ),
    ("-C - -o part {peer}", REST),
    ("-C - -o new {peer}", ONE),
    ("-C 3 -o part {peer}", REST),
    ("-C - -o part -w %{exitcode} {peer}", WRONG),
    ("-C - -o part -w %{exitcode} {peer}", DONE),
    ("-C - -f -o part -w %{exitcode} {peer}", DONE),
    ("-C - -f -o part -w %{exitcode} {peer}", MISSING),
    ("-C - -o part -w %{exitcode} {peer}", MISSING),
    ("-C - -o part -w %{exitcode} {peer}", ONE),
    ("-C - --fail-with-body -o part -w %{exitcode} {peer}", MISSING),
    ("-C - -i -o part {peer}", REST),
    ("-C 3 {peer}", REST),
    (
        "-C - -L -o part {peer}",
        &["HTTP/1.1 302 F\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", REST[0]],
    ),
    ("-C 5 {nginx}/digits", &[]),
    ("-C - -o part {nginx}/digits -w '%{http_code} %{size_download}'", &[]),
    ("-C - -O {nginx}/digits", &[]),
    ("-r 2-4 {nginx}/digits", &[]),
    ("-r -2 -o out {nginx}/digits", &[]),
    ("-r 20- -w '%{http_code} %{exitcode}' -o out {nginx}/digits", &[]),
    ("-r 0-3 {httpbin}/range/10", &[]),
];
