//! php-fpm and php-cgi behind our own server.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use hangup::http::StatusCode;
use hangup::testing::TestServer;
use hangup::{Body, Client, Handler, Multipart, Part, ResponseExt, Server, cgi, fcgi};

use super::{LARGE, client, get, post};
use crate::process::{Folder, PATIENCE, pattern};

const SCRIPT: &str = r#"<?php
switch ($_SERVER['PATH_INFO'] ?? '') {
case '/session':
    session_start();
    $_SESSION['count'] = ($_SESSION['count'] ?? 0) + 1;
    echo $_SESSION['count'];
    break;
case '/upload':
    $file = $_FILES['file'];
    echo $file['name'], ' ', $file['size'], ' ', md5_file($file['tmp_name']), ' ', $_POST['note'];
    break;
case '/echo':
    header('Content-Type: application/octet-stream');
    readfile('php://input');
    break;
case '/log':
    error_log("a line\nanother");
    http_response_code(204);
    break;
case '/fail':
    exit(3);
case '/redirect':
    header('Location: /elsewhere');
    break;
case '/slow':
    ignore_user_abort(false);
    echo "begun\n";
    flush();
    for ($i = 0; $i < 500; $i++) { usleep(20000); echo ' '; flush(); }
    break;
case '/large':
    for ($i = 0; $i < 100; $i++) echo str_repeat('x', 100000);
    break;
default:
    foreach (['SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING', 'REQUEST_URI', 'HTTP_X_THING', 'HTTPS'] as $name)
        echo $name, '=', $_SERVER[$name] ?? '-', "\n";
    echo 'GET=', json_encode($_GET), "\n";
}
"#;

/// A php-fpm that is ended with its test.
struct Fpm {
    child: Child,
    socket: PathBuf,
}

impl Fpm {
    /// Starts php-fpm with `processes` processes.
    fn start(folder: &Folder, processes: usize) -> Self {
        let path = folder.path().to_str().expect("UTF-8");
        let socket = folder.path().join("fpm.sock");
        let config = format!(
            "[global]\ndaemonize = no\nerror_log = {path}/fpm.log\n[www]\nuser = root\ngroup = root\n\
             listen = {path}/fpm.sock\npm = static\npm.max_children = {processes}\n\
             php_admin_value[session.save_path] = {path}\nphp_admin_value[upload_tmp_dir] = {path}\n\
             php_admin_value[post_max_size] = 64M\nphp_admin_value[upload_max_filesize] = 64M\n"
        );
        let config = folder.file("fpm.conf", config.as_bytes());
        let mut command = Command::new(program("php-fpm"));
        command.args(["-n", "-F", "-R", "-y", &config]).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("php-fpm is needed: {error}"));
        let fpm = Self { child, socket };
        let deadline = Instant::now() + PATIENCE;
        while UnixStream::connect(&fpm.socket).is_err() {
            assert!(Instant::now() < deadline, "php-fpm does not listen");
            // Another program's start can only be looked for.
            thread::park_timeout(Duration::from_millis(10));
        }
        fpm
    }
}

impl Drop for Fpm {
    fn drop(&mut self) {
        // Its processes end with it, unlike after a kill.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Returns the path of a program whose name may end with a version.
fn program(name: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found =
        folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten().find(|entry| {
            let file = entry.file_name();
            let version = file.to_str().and_then(|file| file.strip_prefix(name));
            version
                .is_some_and(|version| version.chars().all(|it| it.is_ascii_digit() || it == '.'))
        });
    found.unwrap_or_else(|| panic!("{name} is needed")).path()
}

fn upstream(fpm: &Fpm, root: &Path) -> fcgi::Upstream {
    fcgi::Upstream::unix(&fpm.socket).root(root).index("index.php").split(".php")
}

fn serve(handler: impl Handler) -> TestServer {
    TestServer::listening(Server::with_handler(handler).listen("127.0.0.1:0").expect("a free port"))
}

/// Makes the requests that PHP must serve, over FastCGI and as a CGI program.
fn converse(client: &Client, server: &TestServer, script: &str) {
    let url = |path: &str| format!("http://{}{script}{path}", server.addr());
    let mut request = client.get(url("/a%20b?c[]=d&c[]=e"));
    request = request.header("x-thing", "1");
    let mut answer = request.send().expect("a response");
    let text = answer.body_mut().read_text(1000).expect("text");
    let expected = format!(
        "SCRIPT_NAME={script}\nPATH_INFO=/a b\nQUERY_STRING=c[]=d&c[]=e\n\
         REQUEST_URI={script}/a%20b?c[]=d&c[]=e\nHTTP_X_THING=1\nHTTPS=-\nGET={{\"c\":[\"d\",\"e\"]}}\n"
    );
    assert_eq!(text, expected);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));

    for length in [0, 1, 5000, 65_536, LARGE] {
        assert_eq!(post(client, &url("/echo"), pattern(length)), pattern(length), "{length}");
    }
    let chunked = client.post(url("/echo")).body(Body::from_chunks(["in ", "chunks"]));
    let text = chunked.send().expect("a response").body_mut().read_text(100).expect("text");
    assert_eq!(text, "in chunks");

    let form = Multipart::new()
        .text("note", "read me")
        .part("file", Part::bytes(pattern(300_000)).file_name("a file.bin"));
    let mut answer = client.post(url("/upload")).body(form).send().expect("a response");
    let text = answer.body_mut().read_text(1000).expect("text");
    assert!(text.starts_with("a file.bin 300000 ") && text.ends_with(" read me"), "{text}");

    assert_eq!(get(client, &url("/large"), StatusCode::OK).len(), 10_000_000);
    get(client, &url("/log"), StatusCode::NO_CONTENT);
    let head = client.head(url("/large")).send().expect("a response");
    assert_eq!((head.status(), head.body().is_empty()), (StatusCode::OK, true));
    get(client, &url("/fail"), StatusCode::OK);
}

#[test]
#[ignore = "needs php-fpm"]
fn h12_php_fpm() {
    let folder = Folder::new();
    folder.file("index.php", SCRIPT.as_bytes());
    folder.file("avatar.jpg", b"<?php echo 'code in an image';");
    let fpm = Fpm::start(&folder, 2);
    let lines = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&lines);
    let upstream = upstream(&fpm, folder.path())
        .buffer_unsized_bodies(1 << 20)
        .on_stderr(move |line| taken.lock().unwrap().push(line.to_owned()));
    let server = serve(upstream);
    let client = client();
    for _ in 0..3 {
        converse(&client, &server, "/index.php");
    }
    let lines = lines.lock().unwrap().clone();
    assert!(lines.iter().any(|line| line.contains("a line")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("another")), "{lines:?}");

    let url = |path: &str| format!("http://{}{path}", server.addr());
    assert!(
        get(&client, &url("/"), StatusCode::OK)
            .starts_with("SCRIPT_NAME=/index.php\nPATH_INFO=-\n")
    );
    for path in ["/avatar.jpg/x.php", "/avatar.jpg", "/missing.php", "/missing/"] {
        get(&client, &url(path), StatusCode::NOT_FOUND);
    }

    // Sessions.
    let first = client.get(url("/index.php/session")).send().expect("a response");
    let cookie =
        first.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for count in ["2", "3"] {
        let request = client.get(url("/index.php/session")).header("cookie", cookie.as_str());
        let text = request.send().expect("a response").body_mut().read_text(10).expect("text");
        assert_eq!(text, count);
    }
}

#[test]
#[ignore = "needs php-fpm"]
fn h12_more_requests_than_php_fpm_has_processes() {
    let folder = Folder::new();
    folder.file("index.php", SCRIPT.as_bytes());
    let fpm = Fpm::start(&folder, 2);
    let server = serve(upstream(&fpm, folder.path()));
    let client = client();
    let url = format!("http://{}/", server.addr());
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    get(&client, &url, StatusCode::OK);
                }
            });
        }
    });
    assert!(begun.elapsed() < PATIENCE);
}

#[test]
#[ignore = "needs php-fpm"]
fn h12_a_client_that_leaves_frees_its_process() {
    let folder = Folder::new();
    folder.file("index.php", SCRIPT.as_bytes());
    let fpm = Fpm::start(&folder, 1);
    let server = serve(upstream(&fpm, folder.path()));
    let client = client();
    let url = |path: &str| format!("http://{}/index.php{path}", server.addr());
    let begun = Instant::now();
    for _ in 0..3 {
        let mut answer = client.get(url("/slow")).send().expect("a response");
        let mut piece = [0; 6];
        std::io::Read::read_exact(answer.body_mut(), &mut piece).expect("the start");
        drop(answer);
        // The one process is free again.
        get(&client, &url(""), StatusCode::OK);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
#[ignore = "needs php-cgi"]
fn h12_php_cgi() {
    let folder = Folder::new();
    let file = folder.file("index.php", SCRIPT.as_bytes());
    let path = folder.path().to_str().expect("UTF-8").to_owned();
    let script = cgi::Script::new(program("php-cgi"))
        .arg("-n")
        .arg("-d")
        .arg(format!("upload_tmp_dir={path}"))
        .arg("-d")
        .arg("post_max_size=64M")
        .directory(folder.path())
        .env("SCRIPT_FILENAME", file)
        .script_name("/app")
        .buffer_unsized_bodies(1 << 20)
        .on_stderr(|_| {});
    converse(&client(), &serve(script), "/app");
}

#[test]
#[ignore = "needs python3"]
fn h12_a_python_program() {
    let folder = Folder::new();
    let program = folder.program(
        "app.py",
        "#!/usr/bin/env python3\nimport os, sys\nbody = sys.stdin.buffer.read()\n\
         print('Status: 201 Made\\nContent-Type: text/plain\\n')\n\
         print(os.environ['REQUEST_METHOD'], os.environ['PATH_INFO'], len(body))\n",
    );
    let server = serve(cgi::Script::new(program).env("LC_ALL", "C.UTF-8"));
    let url = format!("http://{}/x", server.addr());
    let mut answer = client().post(url).body(pattern(100_000)).send().expect("a response");
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(answer.text().expect("text"), "POST /x 100000\n");
}
