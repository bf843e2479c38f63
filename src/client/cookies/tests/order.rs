//! The order in which cookies are sent, and the times that they keep.

use super::*;

const URL: &str = "http://a.example/x/y";

#[test]
fn c11_longer_paths_come_first_then_older_cookies() {
    check(&[
        (URL, &["a=1; Path=/", "b=2; Path=/x"], URL, "b=2; a=1"),
        (URL, &["b=2; Path=/x", "a=1; Path=/"], URL, "b=2; a=1"),
        (URL, &["a=1; Path=/", "b=2; Path=/x/y", "c=3; Path=/x"], URL, "b=2; c=3; a=1"),
        (URL, &["b=1", "a=2", "c=3"], URL, "b=1; a=2; c=3"),
        // A new value keeps the place.
        (URL, &["b=1", "a=2", "b=3"], URL, "b=3; a=2"),
        // One that was removed does not.
        (URL, &["b=1", "a=2", "b=; Max-Age=0", "b=3"], URL, "a=2; b=3"),
        // Domains make no difference.
        (
            "http://w.site.example/",
            &["b=1; Domain=site.example", "a=2", "c=3; Domain=w.site.example"],
            "http://w.site.example/",
            "b=1; a=2; c=3",
        ),
    ]);
}

#[test]
fn c11_a_replaced_cookie_keeps_its_time_of_creation() {
    let mut state = State::default();
    set_at(&mut state, URL, "b=1", at(0)).unwrap();
    set_at(&mut state, URL, "a=2", at(1)).unwrap();
    set_at(&mut state, URL, "b=3; Secure; Max-Age=9", at(2)).unwrap_err();
    set_at(&mut state, URL, "b=3; HttpOnly; Max-Age=9", at(2)).unwrap();
    assert_eq!(sent_at(&mut state, URL, at(5)), "b=3; a=2");
    let cookies = state.all(at(5));
    let times: Vec<_> = cookies.iter().map(|it| (it.created(), it.last_accessed())).collect();
    let time = |seconds| at(seconds).system_time();
    assert_eq!(times, [(time(0), time(5)), (time(1), time(5))]);
    assert!(cookies[0].is_http_only());
}
