//! Digest authentication (RFC 7616).

use std::collections::HashMap;

use hangup::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hangup::http::{HeaderValue, StatusCode};
use hangup::{Request, ResponseWriter, Result};
use md5::Md5;
use serde_json::json;
use sha2::{Digest, Sha256, Sha512};

use crate::answer::{self, Answered};
use crate::inspect::{LONGEST_BODY, header, value};
use crate::random::Random;
use crate::statuses::answer_with;

const REALM: &str = "httpbin";

/// A hash function, by the name that the client reads.
#[derive(Clone, Copy)]
enum Algorithm {
    Md5,
    Sha256,
    Sha512,
}

impl Algorithm {
    /// Returns the algorithm of the path: MD5 by default.
    fn of(r: &Request) -> Self {
        match value(r, "algorithm").to_ascii_uppercase().as_str() {
            "SHA-256" => Self::Sha256,
            "SHA-512" => Self::Sha512,
            _ => Self::Md5,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Returns the hash in hexadecimal digits.
    fn hash(self, data: &[u8]) -> String {
        let bytes = match self {
            Self::Md5 => Md5::digest(data).to_vec(),
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Requires the user and the password of the path. Any nonce is accepted: the program keeps none.
pub(crate) fn digest(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let algorithm = Algorithm::of(r);
    let credentials = header(r, &AUTHORIZATION);
    let given = credentials.as_deref().and_then(parameters);
    if !given.map_or(Ok(false), |given| is_right(r, algorithm, &given))? {
        return challenge(w, r, algorithm);
    }
    answer::json(w, &json!({ "authenticated": true, "user": value(r, "user") }))
}

fn challenge(w: &mut ResponseWriter, r: &Request, algorithm: Algorithm) -> Answered {
    let qop = match value(r, "qop") {
        qop @ ("auth" | "auth-int") => format!("qop=\"{qop}\", "),
        _ => String::new(),
    };
    let (nonce, opaque) = (Random::new().uuid(), Random::new().uuid());
    let challenge = format!(
        "Digest realm=\"{REALM}\", nonce=\"{nonce}\", {qop}opaque=\"{opaque}\", algorithm={}, stale=FALSE",
        algorithm.name(),
    );
    answer_with(w, StatusCode::UNAUTHORIZED)?;
    w.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::try_from(challenge)?);
    Ok(())
}

/// Returns `true` if the response proves that the client knows the password.
fn is_right(r: &mut Request, algorithm: Algorithm, given: &HashMap<&str, String>) -> Result<bool> {
    let get = |name| given.get(name).map_or("", String::as_str);
    let target = r.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let (user, password) = (value(r, "user").to_owned(), value(r, "password").to_owned());
    if get("username") != user || get("realm") != REALM || get("uri") != target {
        return Ok(false);
    }
    let hash = |text: String| algorithm.hash(text.as_bytes());
    let secret = hash(format!("{user}:{REALM}:{password}"));
    let request = match get("qop") {
        "auth-int" => {
            let body = algorithm.hash(&r.body_mut().read_bytes(LONGEST_BODY)?);
            hash(format!("{}:{target}:{body}", r.method()))
        }
        _ => hash(format!("{}:{target}", r.method())),
    };
    let expected = match get("qop") {
        "" => hash(format!("{secret}:{}:{request}", get("nonce"))),
        qop => {
            let (nonce, count, cnonce) = (get("nonce"), get("nc"), get("cnonce"));
            hash(format!("{secret}:{nonce}:{count}:{cnonce}:{qop}:{request}"))
        }
    };
    Ok(get("response").eq_ignore_ascii_case(&expected))
}

/// Parses the parameters of the scheme Digest. `None` if the credentials are malformed or of another scheme.
fn parameters(credentials: &str) -> Option<HashMap<&str, String>> {
    let (scheme, mut rest) = credentials.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return None;
    }
    let mut parameters = HashMap::new();
    while !rest.trim().is_empty() {
        let (name, behind) = rest.split_once('=')?;
        let (value, behind) = match behind.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = behind.find(',').unwrap_or(behind.len());
                (behind[..end].trim().to_owned(), &behind[end..])
            }
        };
        parameters.insert(name.trim(), value);
        rest = behind.trim_start().strip_prefix(',').unwrap_or(behind.trim_start());
    }
    Some(parameters)
}

/// Returns the content of a quoted string, and the text behind its end.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut content = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((content, &quoted[at + 1..])),
            '\\' => content.push(characters.next()?.1),
            _ => content.push(character),
        }
    }
    None
}
