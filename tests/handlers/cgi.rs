//! The host side of CGI: H12.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hangup::{Body, Context, ErrorKind, Request, Response, cgi, respond, testing};
use parking_lot::Mutex;

/// Returns a script of the shell.
fn shell(text: &str) -> cgi::Script {
    cgi::Script::new("/bin/sh").arg("-c").arg(text).directory("/")
}

fn get(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(body: impl Into<Body>) -> Request {
    Request::post("/").body(body.into()).unwrap()
}

/// Returns the text of the response.
#[track_caller]
fn text(script: &cgi::Script, request: Request) -> String {
    let mut answer = testing::call(script, request).unwrap();
    assert_eq!(answer.status(), 200);
    answer.body_mut().read_text(1 << 24).unwrap()
}

/// Returns `true` if a process runs that has not been reaped.
fn exists(pid: &str) -> bool {
    fs::exists(format!("/proc/{}", pid.trim())).unwrap()
}

/// Waits until `holds` returns `true`.
#[track_caller]
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn h12_a_program_gets_the_request_and_a_clean_environment() {
    let script = shell("echo 'Content-Type: text/plain'; echo; env | sort; cat")
        .script_name("/report")
        .env("GREETING", "hello")
        .env("SERVER_NAME", "fixed")
        .pass_env("HOME")
        .pass_env("HANGUP_NOT_SET");
    let request = Request::post("/report/a%20b?c=d")
        .header("x-thing", "1")
        .header("proxy", "evil")
        .body(Body::from("the body"))
        .unwrap();
    let text = text(&script, request);
    for line in [
        "REQUEST_METHOD=POST",
        "SCRIPT_NAME=/report",
        "PATH_INFO=/a b",
        "QUERY_STRING=c=d",
        "CONTENT_LENGTH=8",
        "HTTP_X_THING=1",
        "GREETING=hello",
        "SERVER_NAME=fixed",
        "GATEWAY_INTERFACE=CGI/1.1",
        "SCRIPT_FILENAME=/bin/sh",
        "PWD=/",
        "the body",
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in {text}");
    }
    assert!(!text.contains("evil") && !text.contains("CARGO"), "{text}");
    assert!(text.contains("\nPATH=") && text.contains("\nHOME="), "{text}");
}

#[test]
fn h12_a_program_decides_the_response() {
    for (output, status, body) in [
        ("Status: 404 No\\n\\nnone", 404, "none"),
        ("Status: 201\\r\\nX-A: b\\r\\n\\r\\n", 201, ""),
        ("Location: http://a.test/\\n\\n", 302, ""),
        ("Content-Length: 3\\n\\n123456", 200, "123"),
        ("Content-Type: a/b\\n\\nlast; exit 3", 200, "last; exit 3"),
    ] {
        let script = shell(&format!("printf '{output}'; exit 1"));
        let mut answer = testing::call(&script, get("/")).unwrap();
        assert_eq!(answer.status(), status, "{output}");
        assert_eq!(answer.body_mut().read_text(100).unwrap(), body, "{output}");
    }
}

#[test]
fn h12_a_program_without_a_valid_response_is_a_bad_gateway() {
    for (program, kind, status) in [
        ("exit 0", ErrorKind::EmptyReply, 502),
        ("exit 7", ErrorKind::EmptyReply, 502),
        ("kill -9 $$", ErrorKind::EmptyReply, 502),
        ("echo Status: 200", ErrorKind::MalformedMessage, 502),
        ("echo hello; echo", ErrorKind::MalformedMessage, 502),
        ("echo", ErrorKind::MalformedMessage, 502),
        ("printf 'HTTP/1.1 200 OK\\r\\nA: b\\r\\n\\r\\n'", ErrorKind::MalformedMessage, 502),
        ("yes xxxxxxxxxxxxxxxxxxxxxxxx", ErrorKind::TooLarge, 502),
    ] {
        let script = shell(program).max_head_bytes(100_000);
        let error = script.send(get("/"), &Context::new()).unwrap_err();
        assert_eq!(error.kind(), kind, "{program}: {error}");
        assert_eq!(testing::call(&script, get("/")).unwrap().status(), status, "{program}");
    }
    let error = shell("exit 7").send(get("/"), &Context::new()).unwrap_err();
    assert!(error.to_string().contains("exit status: 7"), "{error}");
    let missing = cgi::Script::new("/no/such/program");
    assert_eq!(missing.send(get("/"), &Context::new()).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(testing::call(&missing, get("/")).unwrap().status(), 500);
}

#[test]
fn h12_a_path_out_of_the_root_is_refused() {
    for path in ["/../x", "/a/%2e%2e/x", "/a%00"] {
        assert_eq!(testing::call(&shell("exit"), get(path)).unwrap().status(), 400, "{path}");
    }
}

#[test]
fn h12_headers_larger_than_an_environment_are_refused() {
    let long = "x".repeat(400_000);
    let request = Request::get("/").header("x-long", long).body(Body::empty()).unwrap();
    assert_eq!(testing::call(&shell("exit"), request).unwrap().status(), 431);
}

#[test]
fn h12_large_bodies_pass_a_program_in_both_directions() {
    let body: Vec<u8> = (0..2_000_000_u32).map(|number| (number % 251) as u8).collect();
    let script = shell("echo Content-Type: a/b; echo; cat");
    for known in [true, false] {
        let body_of = match known {
            true => Body::from(body.clone()),
            false => Body::from_reader(io::Cursor::new(body.clone())),
        };
        let mut answer = testing::call(&script, post(body_of)).unwrap();
        assert!(answer.body_mut().read_bytes(1 << 24).unwrap() == body);
    }
}

#[test]
fn h12_a_program_need_not_read_its_input() {
    let script = shell("echo Content-Type: a/b; echo; echo done");
    for length in [1, 4096, 65_536, 65_537, 3_000_000] {
        assert_eq!(text(&script, post(vec![b'x'; length])), "done\n", "{length}");
    }
    // Nor may the sending outlive the program, whose input a process of the background has.
    let script = shell("sleep 100 >/dev/null 2>&1 <&0 & echo Content-Type: a/b; echo; echo $!");
    let pid = text(&script, post(vec![b'x'; 3_000_000]));
    assert!(exists(&pid), "a process of the background may run on");
    std::process::Command::new("kill").arg(pid.trim()).status().unwrap();
}

#[test]
fn h12_a_program_may_respond_before_it_has_its_input() {
    let script =
        shell("echo Content-Type: a/b; echo; while read line; do echo \"got $line\"; done");
    let (sender, source) = crossbeam_channel::unbounded::<&str>();
    let mut answer = script.send(post(Body::from_chunks(source)), &Context::new()).unwrap();
    for line in ["one", "two"] {
        sender.send(line).unwrap();
        sender.send("\n").unwrap();
        let expected = format!("got {line}\n");
        let mut piece = vec![0; expected.len()];
        answer.body_mut().read_exact(&mut piece).unwrap();
        assert_eq!(piece, expected.as_bytes());
    }
    drop(sender);
    assert_eq!(answer.body_mut().read_text(10).unwrap(), "");
}

#[test]
fn h12_error_output_is_passed_on_by_line() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&lines);
    let script =
        shell("echo one >&2; echo Content-Type: a/b; echo; echo two >&2; printf three >&2")
            .on_stderr(move |line| taken.lock().push(line.to_owned()));
    assert_eq!(text(&script, get("/")), "");
    assert_eq!(*lines.lock(), ["one", "two", "three"]);
    // More error output than a pipe holds.
    let script = shell("head -c 1000000 /dev/zero >&2; echo Content-Type: a/b; echo; echo done")
        .on_stderr(|_| {});
    assert_eq!(text(&script, get("/")), "done\n");
}

#[test]
fn h12_the_group_is_killed_at_the_time_limit_and_when_the_client_leaves() {
    // The child of the shell, which keeps the output open, is killed as well.
    let program = "sleep 1000 & echo Content-Type: a/b; echo; echo $$ $!; wait";
    for stage in ["limit", "cancelled", "dropped"] {
        let context = Context::new();
        let script = shell(program).time_limit(match stage {
            "limit" => Duration::from_millis(500),
            _ => Duration::from_secs(100),
        });
        let mut answer = script.send(get("/"), &context).unwrap();
        let mut piece = [0; 100];
        let count = answer.body_mut().read(&mut piece).unwrap();
        let pids = std::str::from_utf8(&piece[..count]).unwrap().to_owned();
        let begun = Instant::now();
        match stage {
            "limit" => {
                let error = answer.body_mut().read_text(100).unwrap_err();
                assert!(error.is_timeout(), "{error}");
            }
            "cancelled" => {
                context.cancel();
                let error = answer.body_mut().read_text(100).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled);
            }
            _ => {}
        }
        drop(answer);
        assert!(begun.elapsed() < Duration::from_secs(2), "{stage}");
        for pid in pids.split_whitespace() {
            // The shell's child is reaped by the init process.
            let is_zombie = || {
                let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                state.is_empty() || state.contains(") Z ")
            };
            eventually("the process ends", is_zombie);
        }
        assert!(!exists(pids.split_whitespace().next().unwrap()), "{stage}: a zombie");
    }
    let silent = shell("sleep 1000").time_limit(Duration::from_millis(20));
    assert_eq!(testing::call(&silent, get("/")).unwrap().status(), 504);
}

#[test]
fn h12_a_process_that_has_left_the_group_does_not_hold_the_request() {
    let script = shell("setsid sleep 100 & echo Content-Type: a/b; echo; echo $!; wait")
        .time_limit(Duration::from_millis(500));
    let mut answer = script.send(get("/"), &Context::new()).unwrap();
    let mut piece = [0; 100];
    let count = answer.body_mut().read(&mut piece).unwrap();
    let begun = Instant::now();
    assert!(answer.body_mut().read_text(100).unwrap_err().is_timeout());
    drop(answer);
    assert!(begun.elapsed() < Duration::from_secs(2));
    let pid = std::str::from_utf8(&piece[..count]).unwrap().trim();
    std::process::Command::new("kill").arg(pid).status().unwrap();
}

#[test]
fn h12_a_body_that_fails_kills_its_program() {
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk has failed"))
        }
    }
    let script = shell("cat >/dev/null; echo Content-Type: a/b; echo; echo complete");
    let error = script.send(post(Body::from_reader(Fails)), &Context::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodySource);
}

#[test]
fn h12_a_program_that_was_killed_has_no_complete_response() {
    let script = shell("echo Content-Type: a/b; echo; echo half; kill -9 $$");
    let mut answer = script.send(get("/"), &Context::new()).unwrap();
    let error = answer.body_mut().read_text(100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteBody);
    let script = shell("echo Content-Length: 9; echo; echo half");
    let mut answer = script.send(get("/"), &Context::new()).unwrap();
    let error = answer.body_mut().read_text(100).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteBody);
}

#[test]
fn h12_a_body_of_unknown_length_is_buffered_for_a_program_on_request() {
    let script = shell("echo Content-Type: a/b; echo; echo \"$CONTENT_LENGTH\"; cat");
    let streamed = || post(Body::from_chunks(["chunk", "ed"]));
    assert_eq!(text(&script, streamed()), "\nchunked");
    assert_eq!(text(&script.clone().buffer_unsized_bodies(7), streamed()), "7\nchunked");
    let limited = script.buffer_unsized_bodies(6);
    assert_eq!(testing::call(&limited, streamed()).unwrap().status(), 413);
}

#[test]
fn h12_a_local_redirect_of_a_program_is_followed_by_its_handler() {
    let script = shell("echo Location: /other; echo");
    assert_eq!(testing::call(&script, get("/")).unwrap().status(), 302);
    let follows = script
        .local_redirects(respond(|r| Ok(Response::new(Body::from(r.uri().path().to_owned())))));
    let mut answer = testing::call(&follows, post("x")).unwrap();
    assert_eq!(answer.body_mut().read_text(100).unwrap(), "/other");
}

#[test]
fn h12_a_program_runs_in_its_directory() {
    let folder = std::env::temp_dir().join(format!("hangup-cgi-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let program: PathBuf = folder.join("where.sh");
    fs::write(&program, "#!/bin/sh\necho Content-Type: a/b\necho\npwd -P\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let script = cgi::Script::new(&program);
    let expected = format!("{}\n", folder.canonicalize().unwrap().display());
    assert_eq!(text(&script, get("/")), expected);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn h12_a_head_request_has_no_body() {
    let script = shell("echo Content-Type: a/b; echo; echo body");
    let request = Request::head("/").body(Body::empty()).unwrap();
    let answer = testing::call(&script, request).unwrap();
    assert!(answer.body().is_empty() && !answer.headers().contains_key("content-length"));
}
