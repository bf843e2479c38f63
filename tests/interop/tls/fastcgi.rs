//! A FastCGI program whose web server speaks HTTPS.

use super::authority::{Authority, Signed};
use super::{client_of, https_localhost};
use crate::fastcgi::nginx;
use crate::fastcgi::{App, answer};
use crate::process::{Folder, free_addr};

#[test]
#[ignore = "needs nginx"]
fn a_handler_is_told_of_https() {
    let (ca, folder, addr) = (Authority::new(), Folder::new(), free_addr());
    let app = App::unix(&folder, answer::route);
    let Signed { cert, key } = ca.server();
    let secured = format!(
        "server_name localhost;
         listen {addr} ssl; ssl_certificate {cert}; ssl_certificate_key {key};"
    );
    let _nginx = nginx::with(&app.place, &[("server_name localhost;", &secured)]);
    let mut response = client_of(&ca).get(https_localhost(addr, "/who")).send().unwrap();
    let who = response.body_mut().read_text(1000).unwrap();
    assert!(who.starts_with("https 127.0.0.1:"), "{who}");
    assert!(who.contains(&format!("to {addr} by nginx/")), "{who}");
}
