//! Cookies.

use super::{OK, Table};

const ONE: &[&str] = &[OK];
const SETS: &str = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/x; HttpOnly\r\nSet-Cookie: c=3; Max-Age=0\r\nContent-Length: 2\r\n\r\nok";
const SETS_LATER: &str = "HTTP/1.1 200 OK\r\nSet-Cookie: kept=new; Expires=Fri, 01 Jan 2100 00:00:00 GMT; Path=/\r\nContent-Length: 2\r\n\r\nok";
const SETS_AND_MOVES: &str =
    "HTTP/1.1 302 F\r\nSet-Cookie: a=1; Path=/\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";

pub(super) const TABLE: Table = &[
    ("-b a=b {peer}", ONE),
    ("-b 'a=b; c=d' {peer}", ONE),
    ("-b a=b -b c=d {peer}", ONE),
    ("-b jar {peer}", ONE),
    ("-b jar {peer}/other/page", ONE),
    ("-b jar -b x=y {peer}", ONE),
    ("-b jar -j {peer}", ONE),
    ("-b missing {peer}", ONE),
    ("-b '' -L {peer}", &[SETS_AND_MOVES, OK]),
    ("-L {peer}", &[SETS_AND_MOVES, OK]),
    ("-b x=y -L {peer}", &[SETS_AND_MOVES, OK]),
    ("-b '' -b x=y -L {peer}", &[SETS_AND_MOVES, OK]),
    ("-c new -L {peer}", &[SETS_AND_MOVES, OK]),
    ("-c new {peer}/x/y", &[SETS]),
    ("-c - {peer}/x/y", &[SETS]),
    ("-b jar -c jar {peer}", &[SETS_LATER]),
    ("-b jar -c new {peer}/x/", &[SETS]),
    ("-b a=b -c new {peer}", &[SETS_LATER]),
    ("-c new -b jar -H 'Cookie: mine=1' {peer}", &[SETS_LATER]),
    ("-c new {httpbin}/cookies/set/name/value -o /dev/null", &[]),
    ("-L -c new {httpbin}/cookies/set/name/value", &[]),
    ("-L -b '' {httpbin}/cookies/set?a=1&b=2", &[]),
    ("-b a=1 {httpbin}/cookies", &[]),
    ("-b jar {httpbin}/cookies", &[]),
    ("-c new {httpbin}/cookies/set/a/1 --next -b new {httpbin}/cookies", &[]),
    ("-b '' {httpbin}/cookies/set/a/1 {httpbin}/cookies", &[]),
];
