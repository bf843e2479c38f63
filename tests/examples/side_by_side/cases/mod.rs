//! The command lines, by subject.

mod cookies;
mod files;
mod proxies;
mod redirects;
mod requests;
mod responses;
mod several;
mod tls;

use super::case::Case;

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\nok";

/// Command lines for one scripted peer, or for servers.
type Table = &'static [(&'static str, &'static [&'static str])];

pub(super) fn all() -> Vec<Case> {
    let tables: [Table; 8] = [
        requests::TABLE,
        responses::TABLE,
        redirects::TABLE,
        files::TABLE,
        cookies::TABLE,
        proxies::TABLE,
        tls::TABLE,
        several::TABLE,
    ];
    let case = |(line, script): &(&'static str, &'static [&'static str])| Case { line, script };
    tables.into_iter().flatten().map(case).collect()
}
