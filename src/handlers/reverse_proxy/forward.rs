//! One request: forwarded to an upstream, and its response passed on.

use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, PROXY_AUTHORIZATION, UPGRADE};
use http::{HeaderValue, Method, StatusCode};

use super::balance::{Backends, Lease, Reached};
use super::http_upstream::ProxyClient;
use super::lend::Lent;
use super::options::Options;
use super::upstream::Call;
use super::{hop_by_hop, prepare, upgrade};
use crate::logging as log;
use crate::{
    Error, ErrorKind, Request, RequestExt, Response, ResponseExt, ResponseWriter, Result,
    TimeLimit, h1,
};

/// Forwards a request and passes the response on.
pub(super) fn run(
    options: &Options,
    (backends, client): (&Backends, &ProxyClient),
    w: &mut ResponseWriter,
    received: &mut Request,
) -> Result<()> {
    refuse(options, received)?;
    if prepare::max_forwards(received) == Some(0) {
        return answer_here(w, received);
    }
    let mut request = prepare::request(options, received)?;
    if let Some(rewrite) = &options.on_request {
        rewrite(&mut request, received)?;
    }
    let offered = request.headers().get(UPGRADE).cloned();
    let interim = w.interim_sender()?;
    let call = Call {
        context: received.context(),
        received,
        interim,
        head_timeout: options.head_timeout,
        idle_timeout: options.idle_timeout,
    };
    let mut upstream = None;
    let outcome =
        send(backends, client, request, &call, &mut upstream).and_then(|(response, lease)| {
            match response.status() {
                StatusCode::SWITCHING_PROTOCOLS => {
                    Ok((check_switch(response, offered.as_ref())?, lease))
                }
                _ => Ok((response, lease)),
            }
        });
    let context = call.context;
    let passed = match outcome {
        Ok((response, _lease)) => pass_on(options, w, received, response)?,
        Err(error) => Err(error),
    };
    passed.or_else(|error| {
        let left = context.err().filter(|ended| !ended.is_deadline_exceeded());
        match left {
            _ if w.body_failure().is_some() => Err(error),
            Some(_) => Err(client_gone()),
            None if context.is_done() || w.is_head_sent() => Err(error),
            None => fail(options, w, received, error, upstream),
        }
    })
}

/// Returns the error of a request whose client has gone. No response to it is sent.
fn client_gone() -> Error {
    let status = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
    Error::status(status, "the client has gone")
}

/// Refuses what is never forwarded.
fn refuse(options: &Options, received: &Request) -> Result<()> {
    if *received.method() == Method::CONNECT {
        return Err(Error::status(StatusCode::NOT_IMPLEMENTED, "CONNECT is not supported"));
    }
    if *received.method() == Method::TRACE && !received.body().is_empty() {
        // RFC 9110 section 9.3.8.
        return Err(Error::status(StatusCode::BAD_REQUEST, "TRACE with a body"));
    }
    match &options.pseudonym {
        Some(pseudonym) if pseudonym.is_in(received.headers()) => {
            Err(StatusCode::LOOP_DETECTED.into())
        }
        _ => Ok(()),
    }
}

/// Responds to a request that may not be forwarded any further (RFC 9110 section 7.6.2).
fn answer_here(w: &mut ResponseWriter, received: &Request) -> Result<()> {
    if *received.method() == Method::OPTIONS {
        w.set_status(StatusCode::NO_CONTENT);
        return Ok(());
    }
    let mut headers = received.headers().clone();
    // They need not be shown to a script in a browser (RFC 9110 section 9.3.8).
    for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
        headers.remove(secret);
    }
    let target = received.uri().path_and_query().map_or("/", |target| target.as_str());
    let mut seen = Vec::new();
    h1::write_request_head(&mut seen, received.method(), target, received.version(), &headers)
        .map_err(Error::other)?;
    w.set_header(CONTENT_TYPE, "message/http")?;
    Ok(std::io::Write::write_all(w, &seen)?)
}

/// Sends the request to an upstream. One that cannot be reached is replaced by another. `asked` becomes the name
/// of the last one.
fn send<'a>(
    backends: &'a Backends,
    client: &ProxyClient,
    request: Request,
    call: &Call<'_>,
    asked: &mut Option<&'a str>,
) -> Result<(Response, Lease<'a>)> {
    let (parts, body) = request.into_parts();
    let mut body = Lent::new(body, backends.are_several());
    let mut tried = Vec::new();
    let mut failed = None;
    while let Some(mut lease) = backends.choose(&tried) {
        let Some(body) = body.next() else { break };
        *asked = Some(lease.destination().name());
        let request = Request::from_parts(parts.clone(), body);
        match lease.destination().send(client, request, call) {
            Ok(response) => {
                lease.report(Reached::Yes);
                return Ok((response, lease));
            }
            Err(error) if call.context().is_done() => return Err(error),
            Err(error) => {
                let reached = reached(&error);
                lease.report(reached);
                log::debug!("upstream {}: {error}", lease.destination().name());
                if reached != Reached::No {
                    return Err(error);
                }
                tried.push(lease.index());
                failed = Some(error);
            }
        }
    }
    Err(failed.unwrap_or_else(|| StatusCode::SERVICE_UNAVAILABLE.into()))
}

/// Returns whether an upstream that failed was reached.
fn reached(error: &Error) -> Reached {
    match error.timed_out() {
        Some(TimeLimit::Queue) => Reached::Unknown,
        _ if error.is_connect() => Reached::No,
        _ => Reached::Yes,
    }
}

/// Returns a 101 if the client has offered its protocol.
fn check_switch(response: Response, offered: Option<&HeaderValue>) -> Result<Response> {
    match offered {
        Some(offered) if hop_by_hop::was_offered(offered, response.headers()) => Ok(response),
        _ => Err("the upstream switched to a protocol that the client has not offered".into()),
    }
}

/// Passes a response on. The outer error is one of the user's hook, the inner one of the transfer.
fn pass_on(
    options: &Options,
    w: &mut ResponseWriter,
    received: &Request,
    mut response: Response,
) -> Result<Result<()>> {
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched {
        upgrade::prepare(response.headers_mut());
    } else {
        prepare::response(options, &mut response);
    }
    if let Some(rewrite) = &options.on_response {
        rewrite(&mut response, received)?;
    }
    if switched && response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some(upstream) = response.take_duplex() else {
            return Ok(Err("the upstream switched protocols without a connection".into()));
        };
        let head = response.into_parts().0;
        return Ok(upgrade::run(w, &head, upstream, options.tunnel_idle_timeout));
    }
    prepare::frame(&mut response, received);
    if *received.method() == Method::HEAD {
        w.set_status(response.status());
        *w.headers_mut() = std::mem::take(response.headers_mut());
        return Ok(Ok(()));
    }
    Ok(w.set_sniffing(false).send(response))
}

/// Responds to a failure of the upstream with this name. The log shows the failure, and the client does not see
/// it.
fn fail(
    options: &Options,
    w: &mut ResponseWriter,
    received: &Request,
    error: Error,
    upstream: Option<&str>,
) -> Result<()> {
    let status = status(&error);
    match &options.on_error {
        // The upstream cannot be asked for this path, as FastCGI without a script for it.
        _ if status.is_client_error() => Err(error),
        None => Err(match upstream {
            Some(name) => Error::from(status).because(format!("upstream {name}: {error:#}").into()),
            None => status.into(),
        }),
        Some(hook) => w.set_sniffing(true).send(hook(&error, status, received)),
    }
}

/// Returns the status for an error of an upstream.
fn status(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Status => error.status_code().unwrap_or(StatusCode::BAD_GATEWAY),
        _ => StatusCode::BAD_GATEWAY,
    }
}
