//! CONNECT: the request for a tunnel, and the proxy's response (RFC 9110 section 9.3.6).

use http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, TRANSFER_ENCODING, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::error::ProxyFailure;
use super::negotiate::{Negotiation, Tunnel};
use super::refusal::{Reason, Refusal};
use crate::h1::{self, BodyDecoder, BodyLimits, HeadScanner, Limits, Next, ResponseHead};
use crate::text::counted;

/// The limits of a proxy's response, its interim responses included.
const LIMITS: Limits = Limits { max_bytes: 64 * 1024, max_fields: 200 };

/// How many characters of a refusing response's body an error quotes.
const MOST_QUOTED: usize = 200;

/// A CONNECT and the response to it.
pub(in crate::client) struct Connect<'a> {
    /// The request, until it is sent.
    request: Option<Vec<u8>>,
    /// The origin, as in the request target.
    target: String,
    scanner: HeadScanner,
    /// How many bytes of interim responses have been received.
    interim: usize,
    declared_body: DeclaredBody,
    /// Sees the head of each response.
    on_head: Option<OnHead<'a>>,
}

/// The treatment of a success that declares a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeclaredBody {
    /// The fields mean nothing (RFC 9110 section 9.3.6).
    Ignored,
    Refused,
}

/// Sees the status of a response and the bytes of its head.
type OnHead<'a> = Box<dyn FnMut(StatusCode, &[u8]) + 'a>;

impl<'a> Connect<'a> {
    /// Creates the request for a tunnel to `target`, a host and its port.
    pub(in crate::client) fn new(
        target: String,
        user_agent: Option<&HeaderValue>,
        authorization: Option<&HeaderValue>,
    ) -> Result<Self, h1::StartLineError> {
        let mut request = Vec::new();
        h1::write_request_line(&mut request, &Method::CONNECT, &target, Version::HTTP_11)?;
        h1::write_field(&mut request, &HOST, target.as_bytes());
        if let Some(value) = user_agent {
            h1::write_field(&mut request, &USER_AGENT, value.as_bytes());
        }
        if let Some(value) = authorization {
            h1::write_field(&mut request, &PROXY_AUTHORIZATION, value.as_bytes());
        }
        h1::write_end(&mut request);
        let (request, scanner) = (Some(request), HeadScanner::default());
        let declared_body = DeclaredBody::Ignored;
        Ok(Self { request, target, scanner, interim: 0, declared_body, on_head: None })
    }

    /// Refuses a success that declares a body, which a proxy must not send. In a tunnel without TLS, the
    /// body would pass for the origin's response.
    pub(in crate::client) fn refuse_body(mut self) -> Self {
        self.declared_body = DeclaredBody::Refused;
        self
    }

    /// Shows the status and the head of each response to `on_head`.
    pub(in crate::client) fn on_head(
        mut self,
        on_head: impl FnMut(StatusCode, &[u8]) + 'a,
    ) -> Self {
        self.on_head = Some(Box::new(on_head));
        self
    }

    /// Takes an interim response, or the final one.
    fn respond(
        &mut self,
        head: &ResponseHead,
        used: usize,
        behind: &[u8],
    ) -> Result<Tunnel, Refusal> {
        let status = head.status;
        if status.is_success() {
            return match self.declared_body {
                DeclaredBody::Refused if declares_body(&head.headers) => {
                    let text =
                        format!("{} to CONNECT {} declares a body", shown(head), self.target);
                    Err(Refusal::new(text))
                }
                _ => Ok(Tunnel::Open),
            };
        }
        if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(self.refusal(head, behind));
        }
        self.interim += used;
        match self.interim > LIMITS.max_bytes {
            true => {
                let most = counted(LIMITS.max_bytes, "byte");
                Err(Refusal::new(format!("interim responses to CONNECT exceed {most}")))
            }
            false => Ok(Tunnel::Pending),
        }
    }

    fn refusal(&self, head: &ResponseHead, behind: &[u8]) -> Refusal {
        let status = head.status;
        let mut text = format!("{} to CONNECT {}", shown(head), self.target);
        if let Some(line) = first_line(head, behind) {
            text = format!("{text}: {line:?}");
        }
        Refusal { reason: Reason::Status(status), text }
    }
}

impl Negotiation for Connect<'_> {
    const FAILURE: ProxyFailure = ProxyFailure::Tunnel;

    fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(usize, Tunnel), Refusal> {
        if let Some(request) = self.request.take() {
            *out = request;
        }
        if input.is_empty() {
            return Ok((0, Tunnel::Pending));
        }
        let scanned = self.scanner.response(input, &LIMITS);
        let Some((head, used)) = scanned.map_err(|error| {
            Refusal::new(format!("invalid response to CONNECT {}: {error}", self.target))
        })?
        else {
            return Ok((0, Tunnel::Pending));
        };
        if let Some(on_head) = &mut self.on_head {
            on_head(head.status, &input[..used]);
        }
        let tunnel = self.respond(&head, used, &input[used..])?;
        Ok((used, tunnel))
    }
}

fn declares_body(headers: &HeaderMap) -> bool {
    let is_zero = |length: &HeaderValue| length.as_bytes().iter().all(|digit| *digit == b'0');
    headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).iter().all(is_zero)
}

/// Returns the status as the proxy sent it.
fn shown(head: &ResponseHead) -> String {
    match &head.reason {
        Some(reason) => format!("{} {reason}", head.status.as_str()),
        None => head.status.to_string(),
    }
}

/// Returns the first line of a response's body, if it is plain text and `behind`, the bytes behind the
/// head, has some of it.
fn first_line(head: &ResponseHead, behind: &[u8]) -> Option<String> {
    let content_type = head.headers.get(CONTENT_TYPE)?.as_bytes();
    if !content_type.get(..10)?.eq_ignore_ascii_case(b"text/plain") {
        return None;
    }
    let body = decoded(head, behind)?;
    let text = String::from_utf8_lossy(&body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(MOST_QUOTED).collect())
}

/// Returns the part of a response's body that is in `input`.
fn decoded(head: &ResponseHead, mut input: &[u8]) -> Option<Vec<u8>> {
    // Not as the response to a CONNECT, whose success has no body.
    let framed =
        h1::response_framing(&Method::GET, head.status, head.version, &head.headers).ok()?;
    let mut decoder = BodyDecoder::response(framed.framing, BodyLimits::default());
    let mut body = Vec::new();
    loop {
        let (framing, next) = decoder.advance(input).ok()?;
        input = &input[framing..];
        match next {
            Next::Payload(most) if !input.is_empty() => {
                let here = input.len().min(usize::try_from(most).unwrap_or(usize::MAX));
                body.extend_from_slice(&input[..here]);
                input = &input[here..];
                decoder.payload_taken(here as u64);
            }
            _ => return Some(body),
        }
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
