//! The host side of CGI on Windows: H12.

use std::time::{Duration, Instant};

use hangup::{Body, Request, cgi, testing};

/// Returns a line of the system's command interpreter, as a program.
fn cmd(line: &str) -> cgi::Script {
    cgi::Script::new("cmd").arg("/d").arg("/c").arg(line)
}

fn get(path: &str) -> Request {
    Request::get(path).body(Body::empty()).unwrap()
}

#[test]
fn h12_a_program_gets_its_variables_on_windows() {
    let script = cmd(
        "echo Content-Type: text/plain& echo.& echo %REQUEST_METHOD% %PATH_INFO%& echo root=%SystemRoot%& echo secret=%CARGO%",
    );
    let mut response = testing::call(&script, get("/a%20b")).unwrap();
    assert_eq!(response.status(), 200);
    let text = response.body_mut().read_text(1000).unwrap();
    let lines = text.lines().map(str::trim_end).collect::<Vec<_>>();
    assert_eq!(lines[0], "GET /a b", "{text}");
    // Without it, sockets fail.
    assert!(lines[1].contains(":\\"), "{text}");
    assert!(matches!(lines[2], "secret=" | "secret=%CARGO%"), "{text}");
}

#[test]
fn h12_a_path_does_not_become_a_file_elsewhere_on_windows() {
    let script = cmd("echo Content-Type: text/plain& echo.& echo [%PATH_TRANSLATED%]")
        .document_root("C:\\www");
    for (path, translated) in [
        ("/a/b", "C:\\www/a/b"),
        ("/..%5c..%5csecret", ""),
        ("//127.0.0.1/share", ""),
        ("/nul", ""),
        ("/a::$DATA", ""),
    ] {
        let mut response = testing::call(&script, get(path)).unwrap();
        let text = response.body_mut().read_text(1000).unwrap();
        let unset = "[%PATH_TRANSLATED%]";
        let expected = format!("[{translated}]");
        let text = text.trim_end();
        assert!(text == expected || translated.is_empty() && text == unset, "{path}: {text}");
    }
}

#[test]
fn h12_a_program_that_does_not_end_is_killed_on_windows() {
    let script = cmd("for /L %i in (0,0,1) do @rem").time_limit(Duration::from_millis(300));
    let begun = Instant::now();
    assert_eq!(testing::call(&script, get("/")).unwrap().status(), 504);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
