//! Sizes and numbers.

use super::*;
use crate::client::cookies::evict::{MAX_PER_DOMAIN, MAX_TOTAL};
use crate::client::cookies::parse::Fault;

const URL: &str = "https://a.example/";

#[test]
fn c11_a_name_and_a_value_have_at_most_4096_bytes() {
    for (name, value, is_kept) in [
        (1, 4095, true),
        (4095, 1, true),
        (4096, 0, true),
        (0, 4096, true),
        (1, 4096, false),
        (4096, 1, false),
        (4097, 0, false),
        (0, 4097, false),
        (2048, 2048, true),
        (1, 1 << 20, false),
    ] {
        let mut state = State::default();
        let field = format!(" {} = {} ; Path=/", "n".repeat(name), "v".repeat(value));
        let expected = if is_kept { Ok(()) } else { Err(Refusal::Syntax(Fault::TooLarge)) };
        assert_eq!(set(&mut state, URL, field), expected, "{name} {value}");
    }
    let field = format!("a=b; Unknown={}", "u".repeat(1 << 20));
    assert_eq!(set(&mut State::default(), URL, field), Ok(()));
}

#[test]
fn c11_an_attribute_of_more_than_1024_bytes_is_ignored() {
    let long = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
    for (field, path) in [
        (format!("a=b; Path={}", long(1024)), long(1024)),
        (format!("a=b; Path={}", long(1025)), "/q".into()),
        (format!("a=b; Path=/x; Path={}", long(1025)), "/x".into()),
        (format!("a=b; Path={}; Path=/x", long(1025)), "/x".into()),
        (format!("a=b; Domain={}.example; Path=/x", "a".repeat(1024)), "/x".into()),
        (format!("a=b; Path=/x; Max-Age={}", "1".repeat(1025)), "/x".into()),
    ] {
        let mut state = State::default();
        set(&mut state, "https://a.example/q/r", field).unwrap();
        let cookie = state.all(at(0)).remove(0);
        assert_eq!(cookie.path(), path);
        assert!(cookie.is_host_only() && cookie.expires().is_none());
    }
}

/// Returns the names of the cookies that are kept.
fn names(state: &State) -> Vec<String> {
    state.all(at(1000)).iter().map(|cookie| cookie.name().into_owned()).collect()
}

#[test]
fn c11_a_domain_keeps_180_cookies() {
    let mut state = State::default();
    for number in 0..MAX_PER_DOMAIN + 20 {
        let kind = if number < 10 { "; Secure" } else { "" };
        set_at(&mut state, URL, format!("c{number}=v{kind}"), at(number as i64)).unwrap();
    }
    let kept = names(&state);
    assert_eq!(kept.len(), MAX_PER_DOMAIN);
    // The secure ones stay, and the oldest of the others go.
    assert!(kept.contains(&"c0".into()) && kept.contains(&"c9".into()));
    assert!(!kept.contains(&"c10".into()) && !kept.contains(&"c29".into()));
    assert!(kept.contains(&"c30".into()) && kept.contains(&"c199".into()));
    // Another domain has room, even one above.
    set(&mut state, "https://other.example/", "o=v").unwrap();
    assert_eq!(names(&state).len(), MAX_PER_DOMAIN + 1);
}

#[test]
fn c11_of_a_full_domain_the_one_not_used_longest_goes() {
    let mut state = State::default();
    for number in 0..MAX_PER_DOMAIN {
        let path = if number == 0 { "/used" } else { "/other" };
        set_at(&mut state, URL, format!("c{number}=v; Path={path}"), at(0)).unwrap();
    }
    assert_eq!(sent_at(&mut state, "https://a.example/used", at(1)), "c0=v");
    set_at(&mut state, URL, "new=v", at(2)).unwrap();
    let kept = names(&state);
    assert!(kept.contains(&"c0".into()) && !kept.contains(&"c1".into()));
    assert_eq!(kept.len(), MAX_PER_DOMAIN);
    // When all are secure, the new one must be as well.
    let mut state = State::default();
    for number in 0..MAX_PER_DOMAIN {
        set(&mut state, URL, format!("c{number}=v; Secure")).unwrap();
    }
    set_at(&mut state, URL, "new=v", at(1)).unwrap();
    assert!(!names(&state).contains(&"new".into()));
    set_at(&mut state, URL, "new=v; Secure", at(1)).unwrap();
    assert!(names(&state).contains(&"new".into()) && !names(&state).contains(&"c0".into()));
}

#[test]
fn c11_expired_cookies_make_room_first() {
    let mut state = State::default();
    for number in 0..MAX_PER_DOMAIN {
        let life = if number == 100 { "; Max-Age=5" } else { "" };
        set_at(&mut state, URL, format!("c{number}=v{life}"), at(0)).unwrap();
    }
    set_at(&mut state, URL, "new=v", at(10)).unwrap();
    let kept = names(&state);
    assert!(kept.contains(&"c0".into()) && kept.contains(&"new".into()));
    assert!(!kept.contains(&"c100".into()));
}

#[test]
fn c11_a_jar_keeps_3000_cookies() {
    let mut state = State::default();
    for number in 0..MAX_TOTAL + 50 {
        let url = format!("https://h{}.example/", number / 100);
        set_at(&mut state, &url, format!("c{number}=v"), at(number as i64)).unwrap();
        if number == 40 {
            // Used again, so that they are the last of their age.
            sent_at(&mut state, "https://h0.example/", at(9999));
        }
    }
    let kept = names(&state);
    assert_eq!(kept.len(), MAX_TOTAL);
    assert!(kept.contains(&"c0".into()) && !kept.contains(&"c41".into()));
    // A short life makes room for others.
    set_at(&mut state, "https://s.example/", "short=v; Max-Age=1", at(4000)).unwrap();
    set_at(&mut state, "https://s.example/", "long=v", at(4002)).unwrap();
    assert!(names(&state).len() <= MAX_TOTAL);
    assert_eq!(sent_at(&mut state, "https://s.example/", at(4002)), "long=v");
}

#[test]
fn c11_a_jar_that_is_emptied_is_empty() {
    let mut state = State::default();
    set(&mut state, URL, "a=b").unwrap();
    set(&mut state, URL, "c=d; Max-Age=60").unwrap();
    assert_eq!(state.retain(|cookie| cookie.expires().is_some()), 1);
    assert_eq!(sent(&mut state, URL), "c=d");
    assert_eq!(state.retain(|_| false), 1);
    assert_eq!(sent(&mut state, URL), "");
}
