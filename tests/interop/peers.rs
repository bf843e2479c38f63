//! Python's `httpx` and Go's net/http as clients of the example programs, directly and through `proxy`.

use std::process::{Command, Stdio};

use crate::example::Example;
use crate::process::{Folder, pattern, text};

/// The programs that the scripts talk to.
struct Programs {
    /// In the order of the scripts' arguments.
    all: Vec<Example>,
    _site: Folder,
}

impl Programs {
    /// Starts `serve`, `httpbin`, `lifecycle` and `chat`, and a `proxy` before each.
    fn start() -> Self {
        let site = Folder::new();
        site.file("pattern.bin", &pattern(1_000_000));
        site.file("page.html", b"<!DOCTYPE html><title>a page</title>");
        let root = site.path().to_str().expect("UTF-8");
        let mut all = vec![
            Example::start("serve", &["--quiet", root]),
            Example::start("httpbin", &[]),
            Example::start("lifecycle", &[]),
            Example::start("chat", &[]),
        ];
        let proxies: Vec<_> =
            all.iter().map(|upstream| Example::start("proxy", &[&upstream.url])).collect();
        all.extend(proxies);
        Self { all, _site: site }
    }

    fn urls(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|program| program.url.as_str())
    }
}

#[test]
#[ignore = "needs python3 and its package httpx, and the examples built"]
fn h11_httpx_directly_and_through_the_proxy() {
    let programs = Programs::start();
    let folder = Folder::new();
    let script = folder.file("peers.py", include_bytes!("peers/httpx.py"));
    let args: Vec<_> = [script.as_str()].into_iter().chain(programs.urls()).collect();
    assert_eq!(text("python3", &args), "ok\n");
}

#[test]
#[ignore = "needs go, and the examples built"]
fn h11_go_directly_and_through_the_proxy() {
    let programs = Programs::start();
    let folder = Folder::new();
    let program = folder.file("peers.go", include_bytes!("peers/client.go"));
    let args: Vec<_> = ["run", program.as_str()].into_iter().chain(programs.urls()).collect();
    assert_eq!(text("go", &args), "ok\n");
}

/// The `proxy` before `httpbin`, under wrk and under `load`.
#[test]
#[ignore = "needs wrk, and the examples built"]
fn h11_ten_thousand_requests_through_the_proxy() {
    let upstream = Example::start("httpbin", &[]);
    let proxy = Example::start("proxy", &[&upstream.url]);
    let url = format!("{}/bytes/1000?seed=1", proxy.url);

    let mut requests = 0;
    while requests < 10_000 {
        let report = text("wrk", &["-t2", "-c32", "-d1", &url]);
        assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
        let line = report.lines().find(|line| line.contains("requests in")).expect(&report);
        let count: u32 = line.split_whitespace().next().unwrap().parse().expect(line);
        assert!(count > 0, "{report}");
        requests += count;
    }

    // With bodies in both directions. It fails if any request does.
    let load = crate::example::path("load");
    let upload = format!("{}/post", proxy.url);
    let report = Command::new(load)
        .args(["-n", "10000", "-c", "16", "-b", "2000", &upload])
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&report.stdout);
    assert!(report.status.success() && said.contains("\"requests\":10000,"), "{report:?}");
}
