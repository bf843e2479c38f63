//! A call from its request to the head of its response.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, StatusCode};

use super::body::ResponseBody;
use super::connection::Connection;
use super::decoder::{End, REQUEST_ID};
use super::exchange::Exchange;
use super::options::Options;
use super::pool::{Lease, Pool};
use crate::body::Body;
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::fcgi::params;
use crate::fcgi::record::{self, HEADER, MAX_CONTENT, Status, kind};
use crate::gateway::{
    Content, Description, ProgramHead, ProgramHeadReader, buffer_unsized_body, program_response,
};
use crate::handler::{Request, Response};
use crate::logging as log;
use crate::net;

/// The largest body in memory that is copied behind the parameters, in bytes. A larger one is sent by a
/// thread.
const MAX_COPIED: usize = 64 * 1024;

/// How much of the head is read at once, in bytes.
const HEAD_PIECE: usize = 8 * 1024;

/// Sends a request, and returns the response once its head has arrived. Takes the request's body.
pub(super) fn call(
    options: &Options,
    pool: &Arc<Pool>,
    request: &mut Request,
    context: &Context,
) -> Result<Response> {
    let is_script = |file: &Path| !options.check_scripts || is_file(file);
    let script = options.rules.find_for(request, is_script);
    let script = script.map_err(|reason| Error::from(reason.status()))?;
    buffer_unsized_body(request, options.buffer_unsized)?;
    let fixed = fixed(options, request);
    let description = Description {
        request,
        script: &script,
        root: options.rules.root.as_deref(),
        length: request.body().len(),
        fixed: &fixed,
    };
    let mut encoded = record::begin_request(REQUEST_ID, options.keep_connections).to_vec();
    write_params(&mut encoded, &description);
    let body = write_short_body(&mut encoded, std::mem::take(request.body_mut()));
    Call { options, pool, context, method: request.method(), encoded }.run(body)
}

/// Returns the variables that the options add, each once.
fn fixed(options: &Options, request: &Request) -> Vec<(String, String)> {
    let Some(variables) = &options.variables else { return options.fixed.clone() };
    let mut fixed = variables(request);
    for (name, value) in &options.fixed {
        if !fixed.iter().any(|(other, _)| other == name) {
            fixed.push((name.clone(), value.clone()));
        }
    }
    fixed
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file())
}

/// Encodes the parameters: as one record, if they fit into one.
fn write_params(out: &mut Vec<u8>, description: &Description<'_>) {
    let start = out.len();
    out.resize(start + HEADER, 0);
    description.write(|name, value| params::write(out, name, value));
    let length = out.len() - start - HEADER;
    if length <= MAX_CONTENT {
        out[start..start + HEADER].copy_from_slice(&record::header(
            kind::PARAMS,
            REQUEST_ID,
            length,
        ));
    } else {
        let pairs = out.split_off(start + HEADER);
        out.truncate(start);
        write_records(out, kind::PARAMS, &pairs);
    }
    out.extend_from_slice(&record::header(kind::PARAMS, REQUEST_ID, 0));
}

/// Encodes content as records.
fn write_records(out: &mut Vec<u8>, kind: u8, content: &[u8]) {
    for piece in content.chunks(MAX_CONTENT) {
        out.extend_from_slice(&record::header(kind, REQUEST_ID, piece.len()));
        out.extend_from_slice(piece);
    }
}

/// Encodes a body that is short and has arrived. Returns any other.
fn write_short_body(out: &mut Vec<u8>, body: Body) -> Option<Body> {
    match body.into_memory() {
        Ok(bytes) if bytes.len() > MAX_COPIED => return Some(Body::from(bytes)),
        Ok(bytes) => write_records(out, kind::STDIN, &bytes),
        Err(mut body) => match body.peek_short(Instant::now()) {
            Some(bytes) => write_records(out, kind::STDIN, bytes),
            None => return Some(body),
        },
    }
    out.extend_from_slice(&record::header(kind::STDIN, REQUEST_ID, 0));
    None
}

/// A request that is encoded, but for a part of its body.
struct Call<'a> {
    options: &'a Options,
    pool: &'a Arc<Pool>,
    context: &'a Context,
    method: &'a Method,
    encoded: Vec<u8>,
}

/// An attempt on one connection has failed.
struct Failed {
    error: Error,
    /// The application has sent nothing, so it may have closed the connection before the request arrived.
    may_be_stale: bool,
}

impl Call<'_> {
    /// Sends the request, and reads the head of the response. Repeats an idempotent request if a connection
    /// that was idle turns out to be closed.
    fn run(&self, mut body: Option<Body>) -> Result<Response> {
        loop {
            let (lease, idle) = self.pool.lease(self.context, self.options.queue_timeout)?;
            let is_new = idle.is_none();
            let connection = match idle {
                Some(connection) => connection,
                None => self.dial()?,
            };
            let again = match &body {
                _ if is_new || !self.method.is_idempotent() => None,
                None => Some(None),
                Some(body) => body.try_clone().map(Some),
            };
            match (self.attempt((lease, connection, is_new), body), again) {
                (Ok(response), _) => return Ok(response),
                (Err(Failed { error, may_be_stale: true }), Some(again)) => {
                    let name = &self.options.name;
                    log::debug!("{name}: request sent again on another connection: {error}");
                    body = again;
                }
                (Err(failed), _) => return Err(failed.error),
            }
        }
    }

    fn dial(&self) -> Result<Connection> {
        let options = self.options;
        let dialed = match &options.dialer {
            Some(dialer) => dialer.dial(&options.target, self.context),
            None => net::dial(&options.target, &options.dial, self.context),
        };
        let stream = dialed.map_err(Error::from)?.stream;
        stream.set_write_idle_timeout(options.read_timeout);
        Ok(Connection::new(stream))
    }

    fn attempt(
        &self,
        (lease, connection, is_new): (Lease, Connection, bool),
        body: Option<Body>,
    ) -> Result<Response, Failed> {
        let request = (&self.encoded[..], body);
        let connection = (lease, connection, is_new);
        let mut exchange = Exchange::begin(self.options, connection, request, self.context)
            .map_err(|error| Failed { may_be_stale: error.kind() == ErrorKind::Send, error })?;
        match self.read_head(&mut exchange) {
            Ok((head, start)) => Ok(self.response(exchange, head, start)),
            Err(error) => {
                let is_lost = matches!(error.kind(), ErrorKind::EmptyReply | ErrorKind::Receive);
                Err(Failed { may_be_stale: is_lost && !exchange.has_begun(), error })
            }
        }
    }

    /// Reads the head of the response, and the start of its body.
    fn read_head(&self, exchange: &mut Exchange) -> Result<(ProgramHead, Vec<u8>)> {
        let mut reader = ProgramHeadReader::new(self.options.max_head_bytes);
        let mut piece = [0; HEAD_PIECE];
        loop {
            let count = exchange.read(&mut piece)?;
            if count == 0 {
                return Err(no_head(exchange.end(), reader.is_empty()));
            }
            if let Some(read) = reader.read(&piece[..count])? {
                return Ok(read);
            }
        }
    }

    fn response(&self, exchange: Exchange, head: ProgramHead, start: Vec<u8>) -> Response {
        let content = Content::new(start, self.method, &head);
        let body = ResponseBody::new(exchange, content);
        program_response(head, Body::incoming(Box::new(body)))
    }
}

/// Returns the error of a request that has ended without a complete head.
fn no_head(end: Option<End>, is_empty: bool) -> Error {
    let malformed = |text: &str| Error::message(ErrorKind::MalformedMessage, text);
    match end.map_or(Status::Complete as u8, |end| end.status) {
        status if status == Status::Overloaded as u8 => {
            Error::status(StatusCode::SERVICE_UNAVAILABLE, "the application is overloaded")
        }
        status if status == Status::CannotMultiplex as u8 => {
            malformed("the application refused a second request")
        }
        status if status == Status::UnknownRole as u8 => {
            malformed("the application is not a FastCGI responder")
        }
        _ if is_empty => Error::new(ErrorKind::EmptyReply),
        _ => malformed("the response ended within its head"),
    }
}
