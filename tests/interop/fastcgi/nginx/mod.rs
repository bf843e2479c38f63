//! nginx, as `docs/deploy/nginx-fastcgi.conf` has it.

mod ending;
mod many;
mod streaming;
mod variables;

use std::fs;

use crate::nginx;
use crate::process::{Folder, Server, free_addr};

use super::deploy;

/// nginx before a FastCGI server. Dropped before its folder is.
pub(crate) struct Nginx {
    server: Server,
    folder: Folder,
}

/// Starts nginx before the one who listens at `place`, a path or an address.
pub(crate) fn before(place: &str) -> Nginx {
    with(place, &[])
}

/// The same, with more of the documented file replaced.
pub(crate) fn with(place: &str, pairs: &[(&str, &str)]) -> Nginx {
    let (folder, addr) = (Folder::new(), free_addr());
    let place = if place.starts_with('/') { format!("unix:{place}") } else { place.to_owned() };
    let listen = addr.to_string();
    let always = [
        ("unix:/run/app/app.sock", place.as_str()),
        ("127.0.0.1:8080", listen.as_str()),
        ("include fastcgi_params;", "include /etc/nginx/fastcgi_params;"),
    ];
    let documented = deploy::filled("nginx-fastcgi.conf", &[&always, pairs].concat());
    let log = folder.path().join("error.log");
    let http = format!("error_log {} notice;\n{documented}", log.display());
    Nginx { server: nginx::start(&folder, addr, &http), folder }
}

impl Nginx {
    pub(crate) fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).expect("nginx opens its log")
    }

    /// Returns its log lines above `notice`, except those about bodies buffered in a file.
    fn complaints(&self) -> Vec<String> {
        let log = self.log();
        let above = |line: &&str| {
            ["[warn]", "[error]", "[crit]", "[alert]", "[emerg]"].iter().any(|it| line.contains(it))
        };
        let lines = log.lines().filter(above);
        lines.filter(|line| !line.contains("to a temporary file")).map(str::to_owned).collect()
    }
}
