//! Cookies and netrc files beside curl: its files are read, ours are given to it, and both send the same.

use std::fs::{self, File};
use std::io::Write;

use hangup::client::{CookieJar, Netrc};
use hangup::http::StatusCode;
use hangup::http::header::{AUTHORIZATION, COOKIE, LOCATION, SET_COOKIE};
use hangup::testing::TestServer;
use hangup::{Client, Request, ResponseWriter, Result};

use crate::process::{Folder, text};

/// Separates the Set-Cookie fields in a query.
const SEPARATOR: &str = "|";

/// Sets the cookies of the query and redirects to `/x/echo`, or returns the credentials of the request.
fn answer(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    if r.uri().path().ends_with("/set") {
        let fields = r.uri().query().unwrap_or_default().replace("%20", " ").replace("%22", "\"");
        for field in fields.split(SEPARATOR) {
            w.headers_mut().append(SET_COOKIE, field.parse().unwrap());
        }
        w.set_status(StatusCode::FOUND);
        w.set_header(LOCATION, "/x/echo")?;
        return Ok(());
    }
    for name in [COOKIE, AUTHORIZATION] {
        for value in r.headers().get_all(&name) {
            writeln!(w, "{name}: {}", value.to_str().unwrap())?;
        }
    }
    writeln!(w, "end")?;
    Ok(())
}

fn curl(args: &[&str]) -> String {
    text("curl", &[&["-sS", "--globoff", "--max-time", "20"], args].concat())
}

/// Orders the cookies by name. curl sends those of one path in the reverse order of RFC 6265.
fn ordered(text: String) -> String {
    let Some(line) = text.strip_prefix("cookie: ").and_then(|text| text.strip_suffix("\nend\n"))
    else {
        return text;
    };
    let mut cookies: Vec<_> = line.split("; ").collect();
    cookies.sort_unstable();
    format!("{cookies:?}")
}

fn fetched(client: &Client, url: &str) -> String {
    client.get(url).send().unwrap().body_mut().read_text(1 << 20).unwrap()
}

/// Fields that curl and this crate understand alike. What they do with others differs from version to
/// version of curl.
const FIELDS: &[&str] = &[
    "a=1",
    "a=1; Path=/",
    "a=1; Path=/x",
    "a=1; Path=/x/",
    "a=1; Path=/y",
    "a=1|b=2|c=3",
    "a=1; Path=/|b=2; Path=/x",
    "a=1|a=2",
    "a=1|a=2; Path=/x",
    "a=1; Max-Age=100",
    "a=1; Max-Age=0",
    "a=1|a=; Max-Age=0",
    "a=1; Max-Age=-1",
    "a=1; Max-Age=9999999999999999999999",
    "a=1; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
    "a=1; Expires=Fri, 31 Dec 2038 23:59:59 GMT",
    "a=1; Expires=Friday, 31-Dec-38 23:59:59 GMT",
    "a=1; Expires=Fri Dec 31 23:59:59 2038",
    "a=1; Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:01 GMT",
    "a=1; Domain=127.0.0.1",
    "a=1; Domain=0.0.1",
    "a=1; Domain=other.example",
    "a=1; Secure",
    "a=1; HttpOnly",
    "a=1; HttpOnly; Secure; SameSite=Strict",
    "a=b=c",
    "a=\"b c\"",
    "a=b,c",
    " a = b ",
    "a=",
    "=",
    "__Secure-a=1",
    "__Secure-a=1; Secure",
    "__Host-a=1; Secure; Path=/",
    "__Host-a=1; Secure; Path=/x",
    "__Host-a=1; Path=/",
    "a=1; Unknown; Version=1",
];

#[test]
#[ignore = "needs curl"]
fn curl_and_we_keep_and_send_the_same_cookies() {
    let (server, folder) = (TestServer::new(answer), Folder::new());
    for (number, fields) in FIELDS.iter().enumerate() {
        let url = server.url(&format!("/x/set?{}", fields.replace(' ', "%20").replace('"', "%22")));
        let file = folder.path().join(format!("jar-{number}"));
        let theirs = ordered(curl(&["-L", "-c", file.to_str().unwrap(), &url]));

        let jar = CookieJar::new();
        let client = Client::builder().cookies(jar.clone()).build();
        assert_eq!(ordered(fetched(&client, &url)), theirs, "{fields}");

        // Their file, read by us; our file, read by them.
        let read = CookieJar::new();
        let loaded = read.load_netscape(File::open(&file).unwrap()).unwrap();
        assert_eq!(loaded.skipped, 0, "{fields}");
        let ours = folder.path().join(format!("ours-{number}"));
        jar.save_netscape(File::create(&ours).unwrap()).unwrap();
        // Not `/x`: curl's default path of `/x/set` is `/x/`, and RFC 6265's is `/x`.
        for path in ["/", "/x/", "/x/echo", "/y", "/xy"] {
            let url = server.url(path);
            let expected = ordered(fetched(&client, &url));
            let client = Client::builder().cookies(read.clone()).build();
            assert_eq!(ordered(fetched(&client, &url)), expected, "{fields} {path}");
            let theirs = ordered(curl(&["-b", ours.to_str().unwrap(), &url]));
            assert_eq!(theirs, expected, "{fields} {path}");
        }
    }
}

#[test]
#[ignore = "needs curl"]
fn curl_and_we_put_our_own_cookies_behind_those_of_the_jar() {
    let (server, folder) = (TestServer::new(answer), Folder::new());
    let file = folder.path().join("jar");
    let url = server.url("/x/set?a=1|b=2; Path=/".replace(' ', "%20").as_str());
    let theirs = curl(&["-L", "-b", "own=1; a=own", "-c", file.to_str().unwrap(), &url]);
    let client = Client::builder().cookies(CookieJar::new()).build();
    let mut response = client.get(url).header(COOKIE, "own=1; a=own").send().unwrap();
    assert_eq!(response.body_mut().read_text(1000).unwrap(), theirs);
    assert_eq!(theirs, "cookie: a=1; b=2; own=1; a=own\nend\n");
}

const NETRC_FILES: &[&str] = &[
    "machine 127.0.0.1 login u password p",
    "machine 127.0.0.1\nlogin u\npassword p\n",
    "machine other login x password y\nmachine 127.0.0.1 login u password p",
    "default login u password p",
    "machine other login x password y\ndefault login u password p",
    "machine 127.0.0.1 login u password \"p q\\\"r\\\\\"",
    "# machine 127.0.0.1 login x password y\nmachine 127.0.0.1 login u password p",
    "macdef m\nmachine 127.0.0.1 login x password y\n\nmachine 127.0.0.1 login u password p",
    "machine 127.0.0.1 login v password q machine 127.0.0.1 login u password p",
    "MACHINE 127.0.0.1 LOGIN u PASSWORD p",
];

#[test]
#[ignore = "needs curl"]
fn curl_and_we_find_the_same_passwords() {
    let (server, folder) = (TestServer::new(answer), Folder::new());
    for (number, content) in NETRC_FILES.iter().enumerate() {
        let file = folder.path().join(format!("netrc-{number}"));
        fs::write(&file, content).unwrap();
        let client = Client::builder().netrc(Netrc::read(&file).unwrap()).build();
        for user in ["", "u@", "u:own@"] {
            let url = server.url("/").replace("//", &format!("//{user}"));
            let file = file.to_str().unwrap();
            // With `--netrc`, the file counts more than the URL.
            let theirs = curl(&["--netrc-optional", "--netrc-file", file, &url]);
            assert_eq!(fetched(&client, &url), theirs, "{content:?} {user}");
        }
    }
}
