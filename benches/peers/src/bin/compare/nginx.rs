//! nginx in front of a FastCGI responder or a server, or as a server of files, with a temporary folder for its own files.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::child::{Interrupted, Server};

pub(crate) struct Nginx {
    server: Server,
    folder: PathBuf,
}

impl Nginx {
    /// Starts nginx. It forwards all requests to `responder`, which is `HOST:PORT`, over connections
    /// that are kept.
    pub(crate) fn forwarding(responder: &str, interrupted: &Interrupted) -> Result<Nginx> {
        let location = "fastcgi_pass responder; fastcgi_keep_conn on;
                   fastcgi_param REQUEST_METHOD $request_method;
                   fastcgi_param REQUEST_URI $request_uri;
                   fastcgi_param SCRIPT_NAME $document_uri;
                   fastcgi_param QUERY_STRING $query_string;
                   fastcgi_param CONTENT_LENGTH $content_length;
                   fastcgi_param SERVER_PROTOCOL $server_protocol;
                   fastcgi_param SERVER_NAME $server_name;
                   fastcgi_param SERVER_PORT $server_port;
                   fastcgi_param REMOTE_ADDR $remote_addr;
                   fastcgi_param REMOTE_PORT $remote_port;";
        Self::start(&upstream(responder), location, interrupted)
    }

    /// Starts nginx. It passes all requests on to `server`, which is `HOST:PORT`, over connections that
    /// are kept.
    pub(crate) fn proxying(server: &str, interrupted: &Interrupted) -> Result<Nginx> {
        let location = "proxy_pass http://responder; proxy_http_version 1.1;
                   proxy_set_header Connection \"\";";
        Self::start(&upstream(server), location, interrupted)
    }

    /// Starts nginx. It serves the files of `directory`, with its recommended options for that.
    pub(crate) fn serving(directory: &Path, interrupted: &Interrupted) -> Result<Nginx> {
        let location = format!("root {}; sendfile on; tcp_nopush on;", directory.display());
        Self::start("", &location, interrupted)
    }

    fn start(http: &str, location: &str, interrupted: &Interrupted) -> Result<Nginx> {
        let folder = std::env::temp_dir().join(format!("peers-nginx-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        // This port was free a moment ago. nginx cannot report a port that the system chose.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let root = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {root}/pid; error_log {root}/error.log;
             events {{ worker_connections 1024; }}
             http {{
               access_log off; keepalive_requests 100000000;
               client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
               fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi;
               scgi_temp_path {root}/scgi;
               {http}
               server {{ listen {address}; location / {{ {location} }} }}
             }}"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, config)?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(&file).arg("-p").arg(&folder);
        command.arg("-e").arg(folder.join("error.log"));
        let server = Server::start_silent(command, address, interrupted)?;
        Ok(Nginx { server, folder })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }
}

fn upstream(server: &str) -> String {
    format!("upstream responder {{ server {server}; keepalive 64; keepalive_requests 100000000; }}")
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // A file that cannot be removed stays in the folder for temporary files.
        drop(fs::remove_dir_all(&self.folder));
    }
}
