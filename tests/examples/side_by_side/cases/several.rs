//! Several URLs, in turn and in parallel.

use super::{OK, Table};

pub(super) const TABLE: Table = &[
    ("{nginx}/digits {nginx}/digits -w '|%{num_connects} %{urlnum}|'", &[]),
    ("-o one -o two {nginx}/digits {nginx}/page.html", &[]),
    ("-o one {nginx}/digits {nginx}/digits", &[]),
    ("-o one -O {nginx}/page.html {nginx}/digits", &[]),
    ("{closed} {nginx}/digits -w ' %{exitcode} '", &[]),
    ("{nginx}/digits {closed} -w ' %{exitcode} '", &[]),
    ("--fail-early {closed} {nginx}/digits", &[]),
    ("-f {nginx}/missing {nginx}/digits", &[]),
    ("-Z -o one -o two -o three {nginx}/digits {nginx}/page.html {nginx}/digits", &[]),
    ("-Z -O {nginx}/digits -O {nginx}/page.html", &[]),
    ("-Z -o one {nginx}/digits -o two {closed}", &[]),
    ("-Z --parallel-max 1 {nginx}/digits {nginx}/digits", &[]),
    ("-Z -f -o one -o two {nginx}/digits {nginx}/missing", &[]),
    ("-Z --compressed -o one -o two {nginx}/page.html {nginx}/page.html -w '%{http_code} '", &[]),
    ("-d x {peer} --next -I {nginx}/digits -o /dev/null", &[OK]),
    ("-o one {nginx}/digits --next -o two -r 2-3 {nginx}/digits", &[]),
    ("-H 'X: 1' {peer}/a --next {peer}/b", &[OK, OK]),
    ("-u a:b {peer}/a --next --json 1 {peer}/b", &[OK, OK]),
    ("{peer} --next", &[OK]),
    ("-H Expect: -T text -T data.json {peer}/a/ {peer}/b/", &[OK, OK]),
    ("-H Expect: -T text {peer}/a/ {peer}/b/", &[OK, OK]),
    ("-d x {peer}/a {peer}/b", &[OK, OK]),
    ("-C - -o part -o new {nginx}/digits {nginx}/digits", &[]),
    ("-s -S -o out {closed}", &[]),
];
