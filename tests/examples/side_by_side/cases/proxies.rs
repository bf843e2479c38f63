//! Proxies. tinyproxy wants the user `me` with the password `secret`.

use super::{OK, Table};

const ONE: &[&str] = &[OK];
const REFUSED: &[&str] =
    &["HTTP/1.1 407 P\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 4\r\n\r\nauth"];

pub(super) const TABLE: Table = &[
    ("-x http://me:secret@{proxy} {nginx}/digits", &[]),
    ("-x {proxy} -U me:secret {nginx}/digits", &[]),
    ("-x {proxy} -w %{http_code} -o /dev/null {nginx}/digits", &[]),
    ("-x http://me:secret@{proxy} -u u:p {httpbin}/basic-auth/u/p", &[]),
    ("-x http://me:secret@{proxy} --cacert {ca} {https}/digits", &[]),
    (
        "-x http://me:secret@{proxy} --cacert {ca} -u u:p -w '%{http_connect} %{http_code}' {https}/digits",
        &[],
    ),
    ("-x http://{proxy} --cacert {ca} -w '%{http_connect} %{exitcode}' {https}/digits", &[]),
    ("-x http://me:secret@{proxy} -p {nginx}/digits", &[]),
    ("-x http://me:secret@{proxy} -i --cacert {ca} -o out {https}/digits", &[]),
    (
        "-x http://me:secret@{proxy} -i --suppress-connect-headers --cacert {ca} -o /dev/null -w %{num_connects} {https}/digits",
        &[],
    ),
    ("-x http://me:secret@{proxy} -L {nginx}/moved", &[]),
    ("-x http://me:secret@{proxy} -L --cacert {ca} {nginx}/secure", &[]),
    ("-x http://me:secret@{proxy} -d a=b {httpbin}/post -o /dev/null -w %{http_code}", &[]),
    ("-x {peer} http://example.test/a?b", ONE),
    ("-x {peer} -U p:q http://example.test:81/", ONE),
    ("-x {peer} -u a:b -U p:q -d x http://example.test/", ONE),
    ("-x {peer} -I http://example.test/", ONE),
    ("-x {peer} -w '%{http_code}' http://example.test/", REFUSED),
    ("-x {peer} -w '%{http_connect} %{http_code} %{exitcode}' https://example.test/", REFUSED),
    ("-x {peer} -U p:q https://example.test/", REFUSED),
    ("-x {peer} -w %{exitcode} https://example.test/", &[""]),
    (
        "-x {peer} -w %{exitcode} https://example.test/",
        &["HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad"],
    ),
    ("-x {peer} -H 'Proxy-Connection:' http://example.test/", ONE),
    ("-x {closed} -w %{exitcode} {nginx}/digits", &[]),
    ("-x http://name.invalid:1 -w %{exitcode} {nginx}/digits", &[]),
    ("-x {closed} --noproxy 127.0.0.1 {nginx}/digits", &[]),
    ("-x {closed} --noproxy '*' {nginx}/digits", &[]),
    ("-x {closed} --noproxy other.test -w %{exitcode} {nginx}/digits", &[]),
    ("-x {closed} -x '' {nginx}/digits", &[]),
    ("-x nothing://{closed} -w %{exitcode} {nginx}/digits", &[]),
    ("env:http_proxy=http://me:secret@{proxy} {nginx}/digits", &[]),
    ("env:http_proxy={closed} -w %{exitcode} {nginx}/digits", &[]),
    ("env:HTTP_PROXY={closed} {nginx}/digits", &[]),
    ("env:http_proxy={closed} env:NO_PROXY=127.0.0.1 {nginx}/digits", &[]),
    ("env:http_proxy={closed} env:no_proxy=10.0.0.0/8,127.0.0.0/8 {nginx}/digits", &[]),
    ("env:http_proxy={closed} --noproxy '' -w %{exitcode} {nginx}/digits", &[]),
    ("env:http_proxy={closed} -x http://me:secret@{proxy} {nginx}/digits", &[]),
    ("env:ALL_PROXY={closed} -w %{exitcode} {nginx}/digits", &[]),
    ("env:https_proxy=http://me:secret@{proxy} --cacert {ca} {https}/digits", &[]),
    ("--socks5 {socks} {nginx}/digits", &[]),
    ("--socks5-hostname {socks} http://behind.test:{nginx-port}/digits", &[]),
    ("-x socks5h://{socks} http://behind.test:{nginx-port}/digits", &[]),
    ("-x socks5://me:secret@{socks-auth} {nginx}/digits", &[]),
    ("--socks5 {socks-auth} -U me:secret {nginx}/digits", &[]),
    ("--socks5 {socks-auth} -U me:wrong -w %{exitcode} {nginx}/digits", &[]),
    ("--socks5 {socks-auth} -w %{exitcode} {nginx}/digits", &[]),
    ("--socks5 {socks} -w %{exitcode} http://{closed}/", &[]),
    ("--socks5 {socks} --cacert {ca} -L {https}/moved", &[]),
    ("--socks5 {closed} -w %{exitcode} {nginx}/digits", &[]),
];
