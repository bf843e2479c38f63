//! A request on the thread of its handler.

use std::io;
use std::sync::Arc;

use http::{Method, StatusCode};

use super::batch::FAILED;
use super::conn::Conn;
use super::record::kind;
use super::request::ActiveRequest;
use super::response::Wire;
use crate::handler::{
    ErrorStream, Request, RequestExt, ResponseEnd, ResponseState, ResponseWriter,
};
use crate::serving::{Outcome, after};

/// Runs the handler on a request, and ends the request.
pub(super) fn handle(conn: Arc<Conn>, active: Arc<ActiveRequest>, mut request: Request) {
    let signals = Arc::clone(&active.signals);
    let (shared, peer) = (Arc::clone(&conn.shared), conn.remote.clone());
    let counting = conn.guard.counting().clone();
    let (mut wire, mut response) = (begin(conn, active), ResponseState::default());
    response.begin(request.method() == Method::HEAD);
    let mut writer = ResponseWriter::new(&mut response, &mut wire);
    let remote = request.remote_addr().unwrap_or(peer);
    let exit = match shared.service.run_counted(&mut writer, &mut request, &remote, &counting) {
        Outcome::Ended(ResponseEnd::Whole) => 0,
        Outcome::Ended(_) | Outcome::ClientGone => FAILED,
        Outcome::Failed => {
            if writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR) {
                let _ = writer.finish();
            }
            FAILED
        }
    };
    signals.finish();
    wire.end_request(exit);
}

/// Begins a response. Dropping the wire ends the request.
pub(super) fn begin(conn: Arc<Conn>, active: Arc<ActiveRequest>) -> Wire {
    active.set_write_deadline(after(conn.shared.options.write_timeout));
    Wire::new(conn, active)
}

/// Returns the request's error stream. It does not keep the connection alive, since a handler may keep it
/// for any time.
pub(super) fn error_stream(conn: &Arc<Conn>, active: &Arc<ActiveRequest>) -> ErrorStream {
    let (conn, active) = (Arc::downgrade(conn), Arc::clone(active));
    ErrorStream::new(move |bytes| {
        let Some(conn) = conn.upgrade() else { return Err(io::ErrorKind::BrokenPipe.into()) };
        active.set_has_errors();
        conn.write(&active, kind::STDERR, bytes, &[])
    })
}
