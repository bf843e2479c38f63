//! Files for curl and for a browser.

use std::fmt::Write;
use std::fs;
use std::sync::Arc;

use crossbeam_channel::unbounded;
use hangup::testing::TestServer;
use hangup::{Error, Files, HandlerExt, Request, ResponseWriter};

use crate::browser::{self, Browser};
use crate::example::Example;
use crate::process::{Folder, PATIENCE, pattern, text};

fn curl(args: &[&str]) -> String {
    text("curl", &[&["-sS", "--max-time", "20"], args].concat())
}

fn served(folder: &Folder) -> TestServer {
    TestServer::with_handler(Files::new(folder.path()).listing(true))
}

#[test]
#[ignore = "needs curl"]
fn h08_curl_resumes_and_asks_for_ranges() {
    let (folder, target) = (Folder::new(), Folder::new());
    let content = pattern(1_000_000);
    folder.file("file.bin", &content);
    let server = served(&folder);
    let url = server.url("/file.bin");

    let part = target.file("part", &content[..123_456]);
    curl(&["-C", "-", "-o", &part, &url]);
    assert!(fs::read(&part).unwrap() == content, "resumed");
    // A download that is complete: curl takes the 416 for that.
    curl(&["-C", "-", "-o", &part, &url]);
    assert!(fs::read(&part).unwrap() == content, "complete");

    let range = target.file("range", b"");
    curl(&["-r", "1000-1999", "-o", &range, &url]);
    assert!(fs::read(&range).unwrap() == content[1000..2000]);
    curl(&["-r", "-10", "-o", &range, &url]);
    assert!(fs::read(&range).unwrap() == content[999_990..]);
    let several = curl(&["-r", "0-9,500000-500009", "-o", &range, "-w", "%{content_type}", &url]);
    assert!(several.starts_with("multipart/byteranges; boundary="), "{several}");

    let (etag, saved) = (target.file("etag", b""), target.file("saved", b""));
    let status = ["-w", "%{http_code}", "-o", &saved, &url];
    let first = curl(&[&["--etag-save", &etag][..], &status].concat());
    let again = curl(&[&["--etag-compare", &etag][..], &status].concat());
    let newer = curl(&[&["-z", &saved][..], &status].concat());
    assert_eq!((first.as_str(), again.as_str(), newer.as_str()), ("200", "304", "304"));

    let head = curl(&["-I", &url]).to_ascii_lowercase();
    assert!(head.contains("content-length: 1000000\r\n") && head.contains("accept-ranges: bytes"));
}

/// A page of 50 resources of several kinds, all of which arrive with a type that the browser accepts.
#[test]
#[ignore = "needs chromium"]
fn h08_a_browser_loads_a_page_of_50_resources() {
    let folder = Folder::new();
    let mut page = String::from("<!DOCTYPE html><meta charset=utf-8><title>50</title><body>");
    for number in 0..20 {
        folder
            .file(&format!("s{number}.css"), format!(".c{number}{{width:{number}px}}").as_bytes());
        folder.file(
            &format!("m{number}.js"),
            format!("window.sum=(window.sum||0)+{number}").as_bytes(),
        );
        let _ = write!(
            page,
            "<link rel=stylesheet href=s{number}.css><script src=m{number}.js></script>"
        );
    }
    for number in 0..10 {
        let picture = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='{0}' height='1'><!--{1}--></svg>",
            number + 1,
            "x".repeat(number * 20_000)
        );
        folder.file(&format!("p{number}.svg"), picture.as_bytes());
        let _ = write!(page, "<img src=p{number}.svg>");
    }
    page.push_str(
        "<p id=result></p><script>onload = () => {
           const images = [...document.images].reduce((sum, image) => sum + image.naturalWidth, 0);
           const rules = [...document.styleSheets].reduce((sum, sheet) => sum + sheet.cssRules.length, 0);
           result.textContent = `sum ${sum}, images ${images}, rules ${rules}`;
         }</script>",
    );
    folder.file("index.html", page.as_bytes());
    let server = served(&folder);
    let dom = browser::dom(&server.url("/"));
    assert!(dom.contains("sum 190, images 55, rules 20"), "{dom}");

    // The listing, looked at.
    fs::remove_file(folder.path().join("index.html")).unwrap();
    let picture = folder.path().join("listing.png");
    browser::screenshot(&server.url("/"), &picture);
    assert!(fs::metadata(picture).unwrap().len() > 5000);
}

/// A WAV file of `seconds`, which a browser seeks in by ranges.
fn sound(seconds: u32) -> Vec<u8> {
    const RATE: u32 = 44_100;
    let length = RATE * 2 * seconds;
    let mut file = Vec::new();
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend([1, 0, 1, 0]);
    file.extend(RATE.to_le_bytes());
    file.extend((RATE * 2).to_le_bytes());
    file.extend([2, 0, 16, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.resize(44 + length as usize, 0);
    file
}

/// The browser jumps to the end of a recording of ten minutes, and need not load what lies before.
#[test]
#[ignore = "needs chromium"]
fn h08_a_browser_seeks_in_a_recording_by_ranges() {
    let folder = Folder::new();
    folder.file("long.wav", &sound(600));
    folder.file(
        "index.html",
        b"<!DOCTYPE html><video id=v src=long.wav preload=metadata></video><script>
            const report = text => fetch('/report?' + text);
            v.onloadedmetadata = () => { v.currentTime = 590 };
            v.onseeked = () => report('seeked-' + Math.round(v.currentTime) + '-of-' + Math.round(v.duration));
            v.onerror = () => report('error-' + v.error.code);
          </script>",
    );
    let (reports, reported) = unbounded();
    let (ranges, asked) = unbounded();
    let site = Arc::new(Files::new(folder.path()));
    let server = TestServer::with_handler(site.layer_fn(
        move |w: &mut ResponseWriter, r: &mut Request, next| {
            if r.uri().path() == "/report" {
                let _ = reports.send(r.uri().query().unwrap_or_default().to_owned());
                return Ok(());
            }
            if let Some(range) = r.headers().get("range") {
                let _ = ranges.send(range.to_str().map_err(Error::other)?.to_owned());
            }
            next.handle(w, r)
        },
    ));
    let _browser = Browser::open(&server.url("/"));
    let report = reported.recv_timeout(2 * PATIENCE).expect("a report of the page");
    assert_eq!(report, "seeked-590-of-600");
    let ranges: Vec<_> = asked.try_iter().collect();
    let first =
        |range: &String| range.strip_prefix("bytes=")?.split('-').next()?.parse::<u64>().ok();
    let last = ranges.iter().filter_map(first).max();
    assert!(last > Some(30_000_000), "{ranges:?}");
}

/// `serve` with its own command line.
#[test]
#[ignore = "needs curl"]
fn h08_serve_with_curl() {
    let folder = Folder::new();
    let content = pattern(100_000);
    folder.file("a b.bin", &content);
    let server = Example::start("serve", &[folder.path().to_str().expect("UTF-8")]);
    let listing = curl(&[&format!("{}/", server.url)]);
    assert!(listing.contains("<a href=\"a%20b.bin\">a b.bin</a>"), "{listing}");
    let part = curl(&[
        "-r",
        "-251",
        "-w",
        "%{http_code} %{size_download}",
        "-o",
        "/dev/null",
        &format!("{}/a%20b.bin", server.url),
    ]);
    assert_eq!(part, "206 251");
}
