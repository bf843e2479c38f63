//! TLS.

use super::Table;

pub(super) const TABLE: Table = &[
    ("--cacert {ca} {https}/digits", &[]),
    ("-k {https}/digits", &[]),
    ("-w '%{exitcode} %{http_code}' {https}/digits", &[]),
    ("--cacert {ca} --compressed {https}/page.html", &[]),
    ("--cacert {ca} -r 2-4 -w '%{http_code} %{size_download}' {https}/digits", &[]),
    ("--cacert {ca} -L -w '%{num_connects} %{url_effective}' -o out {https}/moved", &[]),
    ("--cacert {ca} -C - -o part {https}/digits", &[]),
    ("--cacert {ca} -E {cert} --key {key} {mutual}/", &[]),
    ("--cacert {ca} -E {both} {mutual}/", &[]),
    ("--cacert {ca} -w %{http_code} -o /dev/null {mutual}/", &[]),
    ("--cacert {ca} --tlsv1.3 {https}/digits", &[]),
    ("--cacert /nowhere -w %{exitcode} {https}/digits", &[]),
    ("--cacert {ca} -E /nowhere -w %{exitcode} {mutual}/", &[]),
    ("-k -w %{exitcode} https://{closed}/", &[]),
    ("-k -w %{exitcode} https://127.0.0.1:{nginx-port}/", &[]),
    (
        "--cacert {ca} --resolve 'wrong.test:443:127.0.0.1' -w %{ssl_verify_result} -o /dev/null {https}/digits",
        &[],
    ),
    ("--cacert {ca} {https}/digits {https}/digits -w ' %{num_connects}'", &[]),
];
