//! The servers that command lines name.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::socks;
use crate::certificates::Authority;
use crate::programs::{Folder, PATIENCE, Running};

/// All servers. The words in braces of a command line stand for their URLs and files.
pub(super) struct Servers {
    words: Vec<(&'static str, String)>,
}

/// Ends the servers when it is dropped.
pub(super) struct Guard {
    _running: [Running; 2],
    _children: [Process; 2],
    _folder: Folder,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Servers {
    pub(super) fn start() -> (Self, Guard) {
        let folder = Folder::new("side-servers");
        let lifecycle = Running::lifecycle(&[]);
        let httpbin = Running::listening("httpbin", &["--addr", "127.0.0.1:0"]);
        let authority = Authority::new();
        let (server, client) = (authority.issue("127.0.0.1"), authority.issue("client"));
        let [http, https, mutual, proxy] = [(); 4].map(|()| free_port());
        let ca = folder.write("ca.pem", &authority.pem);
        folder.write("server.pem", &server.certificate);
        folder.write("server.key", &server.key);
        let nginx = nginx(&folder, [http, https, mutual]);
        let tinyproxy = tinyproxy(&folder, proxy);
        let here = |port: u16| format!("127.0.0.1:{port}");
        let words = vec![
            ("{lifecycle}", lifecycle.place.clone()),
            ("{httpbin}", httpbin.place.clone()),
            ("{nginx}", format!("http://{}", here(http))),
            ("{nginx-port}", http.to_string()),
            ("{https}", format!("https://{}", here(https))),
            ("{mutual}", format!("https://{}", here(mutual))),
            ("{proxy}", here(proxy)),
            ("{socks}", socks::start(None)),
            ("{socks-auth}", socks::start(Some(("me", "secret")))),
            // No program listens on this port.
            ("{closed}", here(1)),
            ("{ca}", ca),
            ("{cert}", folder.write("client.pem", &client.certificate)),
            ("{key}", folder.write("client.key", &client.key)),
            ("{both}", folder.write("both.pem", format!("{}{}", client.certificate, client.key))),
        ];
        let guard = Guard {
            _running: [lifecycle, httpbin],
            _children: [nginx, tinyproxy],
            _folder: folder,
        };
        (Self { words }, guard)
    }

    /// Replaces the words in braces.
    pub(super) fn fill(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }
}

/// Returns a port on which nothing listens.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn nginx(folder: &Folder, [http, https, mutual]: [u16; 3]) -> Process {
    let root = folder.path("");
    folder.write("page.html", "<p>a page</p>\n".repeat(500));
    folder.write("digits", "0123456789");
    let config = format!(
        "daemon off; master_process off; pid {root}pid; error_log {root}error.log;
         events {{ worker_connections 256; }}
         http {{
           access_log off; types {{ text/html html; }} default_type text/plain;
           client_body_temp_path {root}body; proxy_temp_path {root}proxied;
           fastcgi_temp_path {root}fastcgi; uwsgi_temp_path {root}uwsgi; scgi_temp_path {root}scgi;
           root {root}; gzip on; gzip_min_length 100; add_header X-Server nginx;
           server {{ listen 127.0.0.1:{http}; location /moved {{ return 301 /digits; }}
             location /secure {{ return 302 https://127.0.0.1:{https}/digits; }} }}
           ssl_certificate {root}server.pem; ssl_certificate_key {root}server.key;
           server {{ listen 127.0.0.1:{https} ssl; location /moved {{ return 301 /digits; }} }}
           server {{ listen 127.0.0.1:{mutual} ssl; ssl_client_certificate {root}ca.pem;
             ssl_verify_client on; location / {{ return 200 \"$ssl_client_s_dn\\n\"; }} }}
         }}"
    );
    let file = folder.write("nginx.conf", config);
    started(Command::new("nginx").args(["-c", &file, "-p", &root]), http)
}

fn tinyproxy(folder: &Folder, port: u16) -> Process {
    let config = format!(
        "Port {port}\nListen 127.0.0.1\nTimeout 30\nMaxClients 50\nBasicAuth me secret\n\
         ViaProxyName \"tinyproxy\"\nLogFile \"{}\"\n",
        folder.path("tinyproxy.log")
    );
    let file = folder.write("tinyproxy.conf", config);
    started(Command::new("tinyproxy").args(["-d", "-c", &file]), port)
}

/// Starts a program and waits until it listens on the port.
fn started(command: &mut Command, port: u16) -> Process {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = Process(command.spawn().expect("the program is installed"));
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "{command:?} does not listen");
        thread::park_timeout(Duration::from_millis(5));
    }
    process
}
