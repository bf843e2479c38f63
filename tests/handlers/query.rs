//! H4: the query, as pairs and by serde.

use std::collections::BTreeMap;

use hangup::http::StatusCode;
use hangup::{Error, Request, RequestExt};
use serde::Deserialize;

fn get(query: &str) -> Request {
    let target = if query.is_empty() { "/".to_owned() } else { format!("/?{query}") };
    Request::get(target).body(().into()).unwrap()
}

/// Returns the status and the text of an error.
pub(crate) fn told(error: &Error) -> (StatusCode, String) {
    let status = error.status_code().expect("a status");
    let text = error.to_string();
    let text = text.strip_prefix(&format!("{status}: ")).unwrap_or(&text).to_owned();
    (status, text)
}

#[test]
fn h04_the_pairs_of_a_query() {
    for (query, expected) in [
        ("", &[][..]),
        ("&&", &[]),
        ("a=b", &[("a", "b")]),
        ("a=1&a=2&b=3&a=1", &[("a", "1"), ("a", "2"), ("b", "3"), ("a", "1")]),
        ("&a&&b=&=c&=", &[("a", ""), ("b", ""), ("", "c"), ("", "")]),
        ("a+b=c+d%2B%20e", &[("a b", "c d+ e")]),
        ("a=b=c", &[("a", "b=c")]),
        ("a;b=c;d", &[("a;b", "c;d")]),
        ("a%26b=c%3Dd", &[("a&b", "c=d")]),
        ("%41%e2%82%ac=%C3%BC", &[("A€", "ü")]),
        ("a=%&b=%4&c=%zz&d=100%", &[("a", "%"), ("b", "%4"), ("c", "%zz"), ("d", "100%")]),
        ("a=%ff%41", &[("a", "\u{fffd}A")]),
        ("a=%00%0a", &[("a", "\0\n")]),
        ("a=[1]{2}", &[("a", "[1]{2}")]),
    ] {
        let pairs = get(query).query();
        assert_eq!(pairs.iter().collect::<Vec<_>>(), expected, "{query}");
        assert_eq!((pairs.len(), pairs.is_empty()), (expected.len(), expected.is_empty()));
    }
}

#[test]
fn h04_values_are_found_by_name() {
    let pairs = get("a=1&b=x&a=2&c=").query();
    assert_eq!((pairs.get("a"), pairs.get("c"), pairs.get("d")), (Some("1"), Some(""), None));
    assert_eq!(pairs.get_all("a").collect::<Vec<_>>(), ["1", "2"]);
    assert!(pairs.contains("b") && !pairs.contains("B"));
    assert_eq!(pairs.parse::<u8>("a").unwrap(), 1);
    assert_eq!(pairs.parse_optional::<u8>("c").unwrap(), None, "not filled in");
    assert_eq!(pairs.parse_optional::<u8>("d").unwrap(), None);
    assert_eq!(pairs.parse_optional::<String>("c").unwrap().as_deref(), Some(""));
    for (name, text) in [
        ("d", "query parameter \"d\" is missing"),
        ("b", "query parameter \"b\": invalid digit found in string"),
    ] {
        let error = pairs.parse::<u8>(name).unwrap_err();
        assert_eq!(told(&error), (StatusCode::BAD_REQUEST, text.to_owned()));
    }
    assert_eq!(format!("{pairs:?}"), r#"["a", "b", "a", "c"]"#, "no values, which may be secrets");
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Everything {
    text: String,
    small: u8,
    big: i128,
    float: f64,
    flag: bool,
    letter: char,
    optional: Option<u32>,
    list: Vec<u32>,
    pair: (String, u8),
    kind: Option<Kind>,
    kinds: Vec<Kind>,
    wrapped: Wrapped,
    nothing: (),
    nested: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    First,
    SecondOne,
    Complex(u8),
}

#[derive(Debug, Default, Deserialize, PartialEq)]
struct Wrapped(u16);

#[test]
fn h04_a_query_becomes_a_struct() {
    let read = |query: &str| get(query).query_as::<Everything>().unwrap();
    assert_eq!(read(""), Everything::default());
    let big = i128::MIN;
    let all = read(&format!(
        "text=a+b&small=255&big={big}&float=-1.5e3&flag=on&letter=%E2%82%AC&optional=7&list=1&pair=x\
         &list=2&pair=3&kind=second-one&kinds=first&list=3&wrapped=9&nothing="
    ));
    let expected = Everything {
        text: "a b".into(),
        small: 255,
        big,
        float: -1500.0,
        flag: true,
        letter: '€',
        optional: Some(7),
        list: vec![1, 2, 3],
        pair: ("x".into(), 3),
        kind: Some(Kind::SecondOne),
        kinds: vec![Kind::First],
        wrapped: Wrapped(9),
        nothing: (),
        nested: BTreeMap::new(),
    };
    assert_eq!(all, expected);
    for (value, flag) in
        [("true", true), ("1", true), ("false", false), ("0", false), ("off", false)]
    {
        assert_eq!(read(&format!("flag={value}")).flag, flag);
    }
}

#[test]
fn h04_a_query_becomes_a_map_a_newtype_or_nothing() {
    let map: BTreeMap<u8, Vec<String>> = get("1=a&2=b&1=c").query_as().unwrap();
    assert_eq!(map, BTreeMap::from([(1, vec!["a".into(), "c".into()]), (2, vec!["b".into()])]));
    #[derive(Deserialize)]
    struct Outer(Option<BTreeMap<String, u8>>);
    assert_eq!(get("a=1").query_as::<Outer>().unwrap().0.unwrap()["a"], 1);
    assert!(get("").query_as::<Outer>().unwrap().0.is_none());
    get("a=b").query_as::<()>().unwrap();
}

#[test]
fn h04_an_error_in_a_query_names_the_field() {
    for (query, expected) in [
        (
            "small=256",
            "query parameter \"small\": not an unsigned integer of 8 bits: number too large to fit in target type",
        ),
        (
            "small=",
            "query parameter \"small\": not an unsigned integer of 8 bits: cannot parse integer from empty string",
        ),
        // As serde_urlencoded and axum have it.
        (
            "optional=",
            "query parameter \"optional\": not an unsigned integer of 32 bits: cannot parse integer from empty string",
        ),
        ("small=1&small=2", "query parameter \"small\": given 2 times"),
        ("text=1&text=2&text=", "query parameter \"text\": given 3 times"),
        ("float=x", "query parameter \"float\": not a number: invalid float literal"),
        ("flag=yes", "query parameter \"flag\": neither true nor false"),
        ("letter=ab", "query parameter \"letter\": not a character: too many characters in string"),
        (
            "list=1&list=x",
            "query parameter \"list\": not an unsigned integer of 32 bits: invalid digit found in string",
        ),
        ("pair=1", "query parameter \"pair\": invalid length 1, expected a tuple of size 2"),
        (
            "pair=1&pair=2&pair=3",
            "query parameter \"pair\": invalid length 3, expected 2 elements in sequence",
        ),
        (
            "kind=x",
            "query parameter \"kind\": unknown variant `x`, expected one of `first`, `second-one`, `complex`",
        ),
        (
            "kind=complex",
            "query parameter \"kind\": invalid type: unit variant, expected newtype variant",
        ),
        ("nothing=1", "query parameter \"nothing\": the value must be empty"),
        ("nested=1", "query parameter \"nested\": nested fields are not supported"),
    ] {
        let error = get(query).query_as::<Everything>().unwrap_err();
        let expected = format!("invalid query: {expected}");
        assert_eq!(told(&error), (StatusCode::BAD_REQUEST, expected), "{query}");
    }
    let error = get("a=1").query_as::<Everything>().unwrap_err();
    assert!(told(&error).1.starts_with("invalid query: unknown field `a`, expected one of `text`"));

    #[derive(Debug, Deserialize)]
    struct Needed {
        #[allow(dead_code)]
        id: u32,
    }
    let error = get("idx=1").query_as::<Needed>().unwrap_err();
    assert_eq!(told(&error).1, "invalid query: missing field `id`");
    let error = get("x=1").query_as::<u32>().unwrap_err();
    assert_eq!(told(&error).1, "invalid query: invalid type: map, expected u32");
}

#[test]
fn h04_an_error_is_short_and_has_no_control_characters() {
    let long = "%0d%0a%1b".repeat(500);
    for query in [format!("{long}=1"), format!("kind={long}"), format!("kind=x{long}&kind=y")] {
        let (_, text) = told(&get(&query).query_as::<Everything>().unwrap_err());
        assert!(text.len() < 400 && !text.contains(char::is_control), "{text}");
    }
}
