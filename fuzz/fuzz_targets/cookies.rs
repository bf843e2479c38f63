//! Cookies: any fields, files and URLs leave a jar that can be saved and loaded, and no cookie goes to a
//! host that it is not for.

#![no_main]

use hangup::client::{Cookie, CookieJar, CookieStore};
use hangup::http::{HeaderValue, Uri};
use libfuzzer_sys::fuzz_target;

/// The hosts that set cookies and get them.
const URLS: &[&str] = &[
    "http://site.example/",
    "https://www.site.example/x/y",
    "https://a.co.uk/x",
    "http://co.uk/",
    "http://127.0.0.1:8080/x/",
    "https://[::1]/",
    "http://localhost/",
    "http://xn--85x722f.xn--55qx5d.cn/",
];

fuzz_target!(|input: &[u8]| {
    let jar = CookieJar::new();
    let fields = input.split(|byte| *byte == b'\n');
    for (field, url) in fields.zip(URLS.iter().cycle()) {
        let url: Uri = url.parse().unwrap();
        if let Ok(field) = HeaderValue::from_bytes(field) {
            jar.store(&url, &mut [&field].into_iter());
        }
        let _ = jar.set(url, field);
    }
    check(&jar);
    save_and_load(&jar);
    let loaded = CookieJar::new();
    loaded.load_netscape(input).unwrap();
    check(&loaded);
    let _ = loaded.load_json(input);
    save_and_load(&loaded);
});

/// Checks that each request has only cookies that are for it.
fn check(jar: &CookieJar) {
    for url in URLS {
        let uri: Uri = url.parse().unwrap();
        let host = uri.host().unwrap().trim_matches(['[', ']']);
        for cookie in jar.matching(*url).unwrap() {
            assert!(is_for(&cookie, host), "{cookie:?} went to {url}");
            assert!(uri.path().starts_with(&*cookie.path()), "{cookie:?} went to {url}");
        }
        let sent = jar.cookies(&uri);
        assert_eq!(sent.is_some(), !jar.matching(*url).unwrap().is_empty());
    }
}

fn is_for(cookie: &Cookie, host: &str) -> bool {
    let below = host.strip_suffix(cookie.domain()).is_some_and(|front| front.ends_with('.'));
    host == cookie.domain() || (below && !cookie.is_host_only())
}

/// Checks that files keep the cookies.
fn save_and_load(jar: &CookieJar) {
    let (mut json, mut netscape) = (Vec::new(), Vec::new());
    jar.save_json(&mut json).unwrap();
    let again = CookieJar::new();
    assert_eq!(again.load_json(&json[..]).unwrap().skipped, 0);
    assert_eq!(again.snapshot(), jar.snapshot());
    jar.save_netscape(&mut netscape).unwrap();
    assert_eq!(CookieJar::new().load_netscape(&netscape[..]).unwrap().skipped, 0);
}
