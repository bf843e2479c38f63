//! Names, values, and the syntax of attributes.

use super::*;
use crate::client::cookies::parse::Fault;

#[test]
fn c11_names_and_values_are_split_as_browsers_split_them() {
    check_back(&[
        (&["a=b"], "a=b"),
        (&["a=b;"], "a=b"),
        (&["a=b; c"], "a=b"),
        (&["a=b; c=d"], "a=b"),
        (&["a=b;;;; ;"], "a=b"),
        (&[" a = b "], "a=b"),
        (&["\ta\t=\tb\t;x"], "a=b"),
        (&["a b=c d"], "a b=c d"),
        (&["a\tb=c\td"], "a\tb=c\td"),
        (&["a="], "a="),
        (&["a=;b"], "a="),
        (&["a= ; b"], "a="),
        (&["a=b=c"], "a=b=c"),
        (&["a==b"], "a==b"),
        (&["a=\"b\""], "a=\"b\""),
        (&["a=\"b;c\""], "a=\"b"),
        (&["a=\" b \""], "a=\" b \""),
        (&["a=b,c=d"], "a=b,c=d"),
        (&["a=b, c=d"], "a=b, c=d"),
        (&["a,b=c"], "a,b=c"),
        (&["$Version=1"], "$Version=1"),
        (&["a=b#c"], "a=b#c"),
        (&["a=%20;b"], "a=%20"),
        (&["a=\\"], "a=\\"),
        (&["\u{e9}=\u{2603}"], "\u{e9}=\u{2603}"),
        (&["A=b", "a=c"], "A=b; a=c"),
        (&["Path=/x"], "Path=/x"),
        (&["secure"], "secure"),
        // Without a name.
        (&["b"], "b"),
        (&["=b"], "b"),
        (&[" = b"], "b"),
        (&["==b"], "=b"),
        (&["b", "=c"], "c"),
        (&["b; Path=/"], "b"),
        // Neither a name nor a value.
        (&[""], ""),
        (&["="], ""),
        (&[" \t"], ""),
        (&[" = "], ""),
        (&[";"], ""),
        (&["; a=b"], ""),
        (&[";;=;"], ""),
        (&["a=b", "="], "a=b"),
        // One of the same name replaces it.
        (&["a=b", "a=c"], "a=c"),
        (&["a=b", "a="], "a="),
        (&["a=b", "a"], "a=b; a"),
    ]);
}

#[test]
fn c11_unknown_and_odd_attributes_are_ignored() {
    check_back(&[
        (&["a=b; Unknown"], "a=b"),
        (&["a=b; Unknown=c; Path=/"], "a=b"),
        (&["a=b; \"Secure\""], "a=b"),
        (&["a=b; Secure x"], "a=b"),
        (&["a=b; Sec\u{fc}re"], "a=b"),
        (&["a=b; =Secure"], "a=b"),
        (&["a=b; Partitioned"], "a=b"),
        (&["a=b; Version=1; Comment=c; Port=\"80\"; Discard"], "a=b"),
        (&["a=b; max-age=20,c=d; path=/"], "a=b"),
        (&["a=b; SameSite"], "a=b"),
        (&["a=b; SameSite=Other"], "a=b"),
        (&["a=b; SameSite=None"], "a=b"),
        (&["a=b; samesite=STRICT"], "a=b"),
        (&["a=b; HttpOnly"], "a=b"),
        (&["a=b; HttpOnly=false"], "a=b"),
        (&["a=b; path"], "a=b"),
        (&["a=b; \tPATH\t=\t/\t;"], "a=b"),
    ]);
}

#[test]
fn c11_control_characters_refuse_the_field() {
    for byte in 0..=0x7f_u8 {
        let control = byte.is_ascii_control() && byte != b'\t';
        for field in [
            [b"a", &[byte][..], b"=c; Path=/"].concat(),
            [b"a=b", &[byte][..], b"c; Path=/"].concat(),
            [b"a=b; Unknown=", &[byte][..], b"c"].concat(),
        ] {
            let result = set(&mut State::default(), "http://a.example/", &field);
            let shown = String::from_utf8_lossy(&field).into_owned();
            match control {
                true => assert_eq!(result, Err(Refusal::Syntax(Fault::Control)), "{shown:?}"),
                false => assert_eq!(result, Ok(()), "{shown:?}"),
            }
        }
    }
}

#[test]
fn c11_bytes_that_are_no_text_come_back_as_they_were() {
    let mut state = State::default();
    set(&mut state, "http://a.example/", b"\xff=\x80\xfe").unwrap();
    let origin = "http://a.example/".parse().unwrap();
    let mut text = Vec::new();
    state.matching(Origin::of(&origin), at(0))[0].write(&mut text);
    assert_eq!(text, b"\xff=\x80\xfe");
}

#[test]
fn c11_attributes_are_kept() {
    use crate::client::cookies::SameSite::{Lax, None as Always, Strict};
    for (field, http_only, same_site) in [
        ("a=b", false, None),
        ("a=b; HttpOnly", true, None),
        ("a=b; httponly=0; SameSite=Strict", true, Some(Strict)),
        ("a=b; SameSite=lAX", false, Some(Lax)),
        ("a=b; SameSite=None", false, Some(Always)),
        ("a=b; SameSite=Lax; SameSite=Strict", false, Some(Strict)),
        ("a=b; SameSite=Lax; SameSite=Other", false, None),
        ("a=b; SameSite=\"Lax\"", false, None),
    ] {
        let mut state = State::default();
        set(&mut state, "http://a.example/", field).unwrap();
        let cookie = state.all(at(0)).remove(0);
        assert_eq!((cookie.is_http_only(), cookie.same_site()), (http_only, same_site), "{field}");
    }
}

#[test]
fn c11_no_value_is_shown() {
    let mut state = State::default();
    set(&mut state, "http://a.example/", "name=secret; HttpOnly").unwrap();
    let shown = format!("{:?}", state.all(at(0)));
    assert!(shown.contains("name") && !shown.contains("secret"), "{shown}");
}
