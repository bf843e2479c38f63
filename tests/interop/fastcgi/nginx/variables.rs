//! The variables by which nginx describes the client.

use std::io::Write;

use hangup::http::StatusCode;
use hangup::{Request, RequestExt, ResponseWriter, Result};

use crate::fastcgi::{App, client, get};
use crate::process::Folder;

#[test]
#[ignore = "needs nginx"]
fn who_asks_and_for_what() {
    let folder = Folder::new();
    let app = App::unix(&folder, |w: &mut ResponseWriter, r: &mut Request| -> Result<()> {
        let (remote, https) = (r.remote_socket_addr().expect("an address"), r.is_https());
        let host = r.headers()["host"].to_str().unwrap_or_default().to_owned();
        Ok(write!(w, "{} {} {remote} {https} {host}", r.method(), r.uri())?)
    });
    let nginx = super::before(&app.place);
    let client = client();
    let said = get(&client, &nginx.url("/a%20b/%2e./c?d=%20"), StatusCode::OK);
    let words: Vec<_> = said.split(' ').collect();
    assert_eq!(words[..2], ["GET", "/a%20b/%2e./c?d=%20"], "as the client sent it");
    assert!(words[2].starts_with("127.0.0.1:") && !words[2].ends_with(":0"), "{said}");
    assert_eq!(words[3], "false");
    assert!(words[4].starts_with("127.0.0.1"), "{said}");
    let response = client.head(nginx.url("/")).send().unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
