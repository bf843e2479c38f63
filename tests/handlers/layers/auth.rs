//! `BasicAuth` and `BearerAuth`.

use hangup::http::StatusCode;
use hangup::layers::{BasicAuth, BearerAuth, User};
use hangup::{Error, HandlerExt, Request, ResponseWriter, Result};
use std::io::Write;

use super::{call, header, request, text};

/// Responds with the name of the user.
fn whoami(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let user = User::of(r).ok_or_else(|| Error::other("no user"))?;
    Ok(write!(w, "{user}")?)
}

fn basic() -> BasicAuth {
    BasicAuth::new("a \"realm\"")
        .user("aladdin", "open sesame")
        .user("empty", "")
        .user("colon", "a:b:c")
        .user("größe", "pässwörd")
        .verify(|name, password| name == "asked" && password.len() == 3)
}

/// The value of `Authorization`, and the user if it is valid.
const BASIC: &[(&str, Option<&str>)] = &[
    ("Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some("aladdin")),
    ("basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some("aladdin")),
    ("BASIC   YWxhZGRpbjpvcGVuIHNlc2FtZQ==  ", Some("aladdin")),
    // Without padding.
    ("Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ", Some("aladdin")),
    ("Basic ZW1wdHk6", Some("empty")),
    ("Basic Y29sb246YTpiOmM=", Some("colon")),
    ("Basic Z3LDtsOfZTpww6Rzc3fDtnJk", Some("größe")),
    ("Basic YXNrZWQ6YWJj", Some("asked")),
    ("Basic YXNrZWQ6YWJjZA==", None),
    // aladdin with another password, or a part of it.
    ("Basic YWxhZGRpbjpvcGVu", None),
    ("Basic YWxhZGRpbjpvcGVuIHNlc2FtZSE=", None),
    ("Basic YWxhZGRpbjo=", None),
    // The password of another user.
    ("Basic YWxhZGRpbjphOmI6Yw==", None),
    ("Basic bm9ib2R5Om9wZW4gc2VzYW1l", None),
    ("Basic Og==", None),
    // No colon.
    ("Basic YWxhZGRpbg==", None),
    // Not base64, or not all of it.
    ("Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==!", None),
    ("Basic YWxh ZGRpbjpvcGVuIHNlc2FtZQ==", None),
    ("Basic ====", None),
    ("Basic", None),
    ("Basic ", None),
    ("", None),
    ("YWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
    ("BasicYWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
    ("Bearer YWxhZGRpbjpvcGVuIHNlc2FtZQ==", None),
    ("Digest username=\"aladdin\"", None),
    // Latin-1, and a control character.
    ("Basic Z3L232U6cOTzc3f2cmQ=", None),
    ("Basic YWxhZGRpbjpvcGVuIHNlc2FtZQA=", None),
    ("Basic YXNrZWQ6YQpj", None),
];

#[test]
fn h09_basic_credentials_are_checked() {
    let handler = whoami.layer(basic());
    for (value, user) in BASIC {
        let response = call(&handler, request("GET", &[("authorization", value)]));
        match user {
            Some(user) => assert_eq!(text(response), *user, "{value}"),
            None => {
                assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{value}");
                let challenge = r#"Basic realm="a \"realm\"", charset="UTF-8""#;
                assert_eq!(header(&response, "www-authenticate"), challenge);
            }
        }
    }
    let valid = ("authorization", BASIC[0].0);
    assert_eq!(call(&handler, request("GET", &[])).status(), 401);
    assert_eq!(call(&handler, request("GET", &[valid, valid])).status(), 401);
    let response = call(&handler, request("HEAD", &[valid]));
    assert_eq!(response.status(), 200);
}

#[test]
fn h09_the_user_is_known_outside_once_the_handler_has_returned() {
    let (report, seen) = crossbeam_channel::unbounded();
    let handler = whoami.layer(basic()).layer_fn(move |w, r, next| {
        let before = User::of(r).is_none();
        let outcome = next.handle(w, r);
        report.send((before, User::of(r).map(|user| user.name().to_owned()))).unwrap();
        outcome
    });
    call(&handler, request("GET", &[("authorization", BASIC[0].0)]));
    call(&handler, request("GET", &[]));
    let seen: Vec<_> = seen.try_iter().collect();
    assert_eq!(seen, [(true, Some("aladdin".to_owned())), (true, None)]);
}

#[test]
fn h09_secrets_are_not_in_debug_texts() {
    let text = format!("{:?} {:?}", basic(), BearerAuth::new("a", |_| None));
    assert!(!text.contains("sesame"), "{text}");
}

#[test]
fn h09_bearer_tokens_are_checked() {
    let auth = BearerAuth::new("api", |token| {
        (token == "mF_9.B5f-4.1JqM" || token == "abc==").then(|| User::new("robot"))
    });
    let handler = whoami.layer(auth);
    let (request_error, token_error) = (", error=\"invalid_request\"", ", error=\"invalid_token\"");
    for (values, status, error) in [
        (&["Bearer mF_9.B5f-4.1JqM"][..], 200, ""),
        (&["bearer mF_9.B5f-4.1JqM"], 200, ""),
        (&["Bearer abc=="], 200, ""),
        (&["Bearer mF_9.B5f-4.1JqN"], 401, token_error),
        (&["Bearer abc"], 401, token_error),
        (&["Bearer a b"], 400, request_error),
        (&["Bearer \"abc\""], 400, request_error),
        (&["Bearer ="], 400, request_error),
        (&["Bearer a=b"], 400, request_error),
        (&["Bearer"], 400, request_error),
        (&["Bearer mF_9.B5f-4.1JqM", "Bearer abc=="], 400, request_error),
        (&["Basic YTpi"], 401, ""),
        (&[""], 401, ""),
        (&[], 401, ""),
    ] {
        let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
        let response = call(&handler, request("GET", &headers));
        assert_eq!(response.status(), status, "{values:?}");
        let expected = match status {
            200 => String::new(),
            _ => format!("Bearer realm=\"api\"{error}"),
        };
        assert_eq!(header(&response, "www-authenticate"), expected, "{values:?}");
    }
}

#[test]
#[should_panic(expected = "contains a colon")]
fn h09_a_user_name_has_no_colon() {
    let _ = BasicAuth::new("a").user("a:b", "c");
}

#[test]
#[should_panic(expected = "control character")]
fn h09_a_realm_has_no_line_break() {
    let _ = BasicAuth::new("a\r\nb: c");
}
