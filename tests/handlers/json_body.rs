//! H4: JSON in requests.

use hangup::{Request, RequestExt};
use serde::Deserialize;

use crate::query::told;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Order {
    #[serde(default)]
    items: Vec<Item>,
    note: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Item {
    price: u32,
}

fn read(content_type: &str, body: &str) -> Result<Order, String> {
    let request = Request::post("/").header("content-type", content_type);
    let mut request = request.body(body.to_owned().into()).unwrap();
    request.json::<Order>(200).map_err(|error| {
        let (status, text) = told(&error);
        format!("{} {text}", status.as_u16())
    })
}

#[test]
fn h04_json_is_read_by_its_type() {
    let expected = Order { items: vec![Item { price: 7 }], note: None };
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/problem+json",
        "application/vnd.api+JSON ; x=y",
    ] {
        assert_eq!(read(content_type, r#"{"items": [{"price": 7}]}"#).as_ref(), Ok(&expected));
    }
    assert_eq!(read("application/json", "\u{feff}{}").unwrap().items, []);
    for content_type in ["text/plain", "application/jsonp", "json", "+json", "text/json", "a/json"]
    {
        let error = read(content_type, "{}").unwrap_err();
        let expected =
            format!("415 the Content-Type must be application/json, and is {content_type}");
        assert_eq!(error, expected);
    }
    let error = Request::new("{}".into()).json::<Order>(10).unwrap_err();
    assert_eq!(told(&error).1, "the Content-Type must be application/json, and is missing");
}

#[test]
fn h04_an_error_in_json_names_the_field() {
    for (body, expected) in [
        ("", "400 invalid JSON: EOF while parsing a value at line 1 column 0"),
        (
            "{\n\"items\": [1,]",
            "422 invalid JSON value: items[0]: invalid type: integer `1`, expected struct Item at line 2 column 11",
        ),
        ("{\n\"items\": ]", "400 invalid JSON: expected value at line 2 column 10"),
        ("{} x", "400 invalid JSON: trailing characters at line 1 column 4"),
        (
            "{\"note\": \"\\ud800\"}",
            "400 invalid JSON: unexpected end of hex escape at line 1 column 17",
        ),
        (
            "7",
            "422 invalid JSON value: invalid type: integer `7`, expected struct Order at line 1 column 1",
        ),
        (
            "{\"items\": 7}",
            "422 invalid JSON value: items: invalid type: integer `7`, expected a sequence at line 1 column 11",
        ),
        (
            "{\"items\": {\"a\": 1}}",
            "422 invalid JSON value: items: invalid type: map, expected a sequence at line 1 column 10",
        ),
        (
            "{\"items\": [{\"price\": 1}, {\"price\": \"x\"}]}",
            "422 invalid JSON value: items[1].price: invalid type: string \"x\", expected u32 at line 1 column 38",
        ),
        (
            "{\"items\": [{\"price\": 1},\n {\"price\": -1}]}",
            "422 invalid JSON value: items[1].price: invalid value: integer `-1`, expected u32 at line 2 column 13",
        ),
        (
            "{\"items\": [{\"price\": 1}, {\"name\": 1}]}",
            "422 invalid JSON value: items[1]: missing field `price` at line 1 column 36",
        ),
        (
            "{\"note\": {}}",
            "422 invalid JSON value: note: invalid type: map, expected a string at line 1 column 9",
        ),
        (
            "{\"note\": [true]}",
            "422 invalid JSON value: note: invalid type: sequence, expected a string at line 1 column 9",
        ),
        (
            "{\"note\": true}",
            "422 invalid JSON value: note: invalid type: boolean `true`, expected a string at line 1 column 13",
        ),
        (
            "{\"colour\": 1}",
            "422 invalid JSON value: colour: unknown field `colour`, expected `items` or `note` at line 1 column 9",
        ),
        (
            "{\"note\": \"a\", \"note\": \"b\"}",
            "422 invalid JSON value: note: duplicate field `note` at line 1 column 20",
        ),
    ] {
        assert_eq!(read("application/json", body).unwrap_err(), expected, "{body}");
    }
    let long = "x".repeat(201);
    let expected = "413 too large: the body exceeds its reader's limit of 200 bytes";
    assert_eq!(read("application/json", &long).unwrap_err(), expected);
    let error = read("application/json", &format!("{{\"\\n\u{202e}{}\": 1}}", "x".repeat(180)));
    let error = error.unwrap_err();
    assert!(error.len() < 400 && !error.contains('\u{202e}'), "{error}");
}

#[test]
fn h04_damaged_json_is_refused_or_read() {
    let text = r#"{"items": [{"price": 1}, {"price": 22}], "note": "a\n"}"#;
    for at in 0..text.len() {
        for byte in b"\0\"\\{}[],: 1x\n" {
            let mut damaged = text.as_bytes().to_vec();
            damaged[at] = *byte;
            let damaged = String::from_utf8(damaged).unwrap();
            if let Err(error) = read("application/json", &damaged) {
                assert!(
                    error.starts_with("400 invalid") || error.starts_with("422 inv"),
                    "{error}"
                );
                assert!(!error.contains(char::is_control));
            }
        }
    }
}
