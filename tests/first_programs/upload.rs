//! A file is uploaded, and the server redirects; a file is downloaded.

use std::fs::{self, File};
use std::io;

use hangup::http::StatusCode;
use hangup::testing::TestServer;
use hangup::{Client, ResponseExt};

fn program(path: &std::path::Path, url: &str) -> Result<String, Box<dyn std::error::Error>> {
    let file = File::open(path)?;
    let mut response = Client::new().put(url).body(file).send()?;
    Ok(format!(
        "{} after {} redirects: {}",
        response.status(),
        response.redirects(),
        response.body_mut().read_text(1000)?
    ))
}

#[test]
fn a_file_follows_its_redirect() {
    let server = TestServer::new(|w, r| {
        if r.uri().path() == "/old" {
            w.set_status(StatusCode::TEMPORARY_REDIRECT).set_header("Location", "/new")?;
            return Ok(());
        }
        let length = io::copy(r.body_mut(), &mut io::sink())?;
        Ok(io::Write::write_fmt(w, format_args!("{length} bytes"))?)
    });
    let path = std::env::temp_dir().join(format!("hangup-first-upload-{}", std::process::id()));
    for length in [0, 1, 1_000_000] {
        fs::write(&path, vec![b'x'; length]).expect("a temporary file");
        let said = program(&path, &server.url("/old")).expect("an upload");
        assert_eq!(said, format!("200 OK after 1 redirects: {length} bytes"));
    }
    fs::remove_file(path).expect("the temporary file");
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_no_whole_answer() {
    let path = std::env::temp_dir().join(format!("hangup-first-download-{}", std::process::id()));
    fs::write(&path, vec![b'x'; 1_000_000]).expect("a temporary file");
    let served = path.clone();
    let server = TestServer::new(move |w, _| {
        let body = hangup::Body::from(File::open(&served)?);
        File::options().write(true).open(&served)?.set_len(600_000)?;
        w.send(hangup::Response::new(body))
    });
    let mut response = Client::new().get(server.url("/")).send().expect("a head");
    assert_eq!(response.body().len(), Some(1_000_000));
    let error = response.body_mut().read_bytes(u64::MAX).expect_err("a body that is cut off");
    assert!(error.is_peer_fault() || error.kind() == hangup::ErrorKind::Receive, "{error}");
    fs::remove_file(path).expect("the temporary file");
}
