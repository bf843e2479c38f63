//! Endpoints that respond with a given status or redirect.

use hangup::http::header::{
    CONTENT_LENGTH, HeaderName, LOCATION, PROXY_AUTHENTICATE, WWW_AUTHENTICATE,
};
use hangup::http::{HeaderValue, StatusCode};
use hangup::{Request, ResponseWriter, Result};
use serde_json::json;

use crate::answer::{self, Answered, number, whole_number};
use crate::inspect::{arg, base, value};
use crate::random::Random;
use crate::weights::Weights;

const MORE_INFO: HeaderName = HeaderName::from_static("x-more-info");

/// The challenge of a 401 or 407.
const REALM: HeaderValue = HeaderValue::from_static("Basic realm=\"Fake Realm\"");

const TEAPOT: &str = r"
            ___
        ___(___)___
    ,-. \         / ___
     \ \_)       (_/  /     I am a teapot,
      \__         ___/      and this is not coffee.
         \_______/
        (_________)
";

/// Responds with the status in `/status/404`, or chooses one by weight: `/status/200:0.9,500:0.1`.
pub(crate) fn status(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let weights = Weights::parse(value(r, "codes")).ok_or_else(|| answer::bad("not a status"))?;
    answer_with(w, final_status(weights.pick(Random::new().fraction()))?)
}

/// Returns the status, if a response can have it.
pub(crate) fn final_status(code: u16) -> Result<StatusCode> {
    let status = StatusCode::from_u16(code).ok().filter(|status| !status.is_informational());
    status.ok_or_else(|| answer::bad("a final status has three digits and is at least 200"))
}

/// Sends the status with its usual headers and body.
pub(crate) fn answer_with(w: &mut ResponseWriter, status: StatusCode) -> Answered {
    w.set_status(status).headers_mut().insert(CONTENT_LENGTH, 0.into());
    let belongs = match status.as_u16() {
        301 | 302 | 303 | 305 | 307 | 308 => (LOCATION, HeaderValue::from_static("/redirect/1")),
        401 => (WWW_AUTHENTICATE, REALM),
        402 => return Ok(answer::text(w, "payment required\n")?),
        406 => {
            let accepted = ["image/png", "image/*"];
            let message = "no acceptable media type is available";
            return Ok(answer::json(w, &json!({ "accept": accepted, "message": message }))?);
        }
        407 => (PROXY_AUTHENTICATE, REALM),
        418 => {
            let source = HeaderValue::from_static("https://www.rfc-editor.org/rfc/rfc2324");
            w.headers_mut().insert(MORE_INFO, source);
            return Ok(answer::text(w, TEAPOT)?);
        }
        _ => return Ok(()),
    };
    w.headers_mut().extend([belongs]);
    Ok(())
}

/// Redirects N times for `/redirect/N`. Locations are relative unless the query has `absolute=true`.
pub(crate) fn redirect(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let is_absolute = arg(r, "absolute").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match is_absolute {
        true => absolute(w, r),
        false => relative(w, r),
    }
}

pub(crate) fn relative(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let next = next("relative", value(r, "n"))?;
    Ok(answer::redirect(w, StatusCode::FOUND, &next)?)
}

pub(crate) fn absolute(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let next = base(r) + &next("absolute", value(r, "n"))?;
    Ok(answer::redirect(w, StatusCode::FOUND, &next)?)
}

/// Returns the location of the first of N redirects.
fn next(kind: &str, count: &str) -> Result<String> {
    match whole_number(count)? {
        0 => Err(answer::bad("the number of redirects must be at least 1")),
        1 => Ok("/get".to_owned()),
        count => Ok(format!("/{kind}-redirect/{}", count - 1)),
    }
}

/// Redirects for `/redirect-to?url=URL&status_code=307`.
pub(crate) fn redirect_to(w: &mut ResponseWriter, r: &mut Request) -> Answered {
    let url = arg(r, "url").ok_or_else(|| answer::bad("the query has no url"))?;
    let code = arg(r, "status_code").map(|digits| number::<u16>(&digits)).transpose()?;
    let status = code.and_then(|code| StatusCode::from_u16(code).ok());
    // A 304 is no redirect and has no body.
    let redirects = |status: &StatusCode| status.is_redirection() && *status != 304;
    let status = status.filter(redirects).unwrap_or(StatusCode::FOUND);
    Ok(answer::redirect(w, status, &url)?)
}
