//! nginx as a child process. All its files are in a separate folder.

use std::net::SocketAddr;
use std::process::Command;

use crate::process::{Folder, Server};

/// Starts nginx with `http` inside its `http {}`, and waits until it listens on `addr`. `folder` is
/// where its files are, and its errors.
pub(crate) fn start(folder: &Folder, addr: SocketAddr, http: &str) -> Server {
    start_with(folder, addr, "", http)
}

/// Starts nginx with `main` at the beginning of its configuration as well, to load a module for example.
pub(crate) fn start_with(folder: &Folder, addr: SocketAddr, main: &str, http: &str) -> Server {
    let root = folder.path().display();
    let config = format!(
        "{main} daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
         events {{ worker_connections 256; }}
         http {{
           access_log off;
           client_body_temp_path {root}/body;
           proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
           uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
           root {root};
           {http}
         }}"
    );
    let file = folder.file("nginx.conf", config.as_bytes());
    Server::start(Command::new("nginx").args(["-c", &file, "-p", &root.to_string()]), addr)
}
