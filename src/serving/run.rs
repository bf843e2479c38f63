//! A handler is run, and whatever comes of it is an outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::StatusCode;

use super::panics;
use crate::handler::{Ending, Handler, Request, ResponseWriter, Scope};
use crate::net::Addr;

/// What a handler left behind.
pub(crate) enum Outcome {
    Ended(Ending),
    /// It failed when part of its answer was out, or it panicked.
    Failed,
}

/// Runs `handler` on the request and finishes its answer. A handler that fails before it has sent
/// anything is answered for with a 500; how it failed is logged, with `remote`.
pub(crate) fn run(
    handler: &dyn Handler,
    writer: &mut ResponseWriter,
    mut request: Request,
    remote: &Addr,
) -> Outcome {
    let caught = {
        let writer = &mut *writer;
        catch_unwind(AssertUnwindSafe(move || {
            let result = handler.handle(writer, &mut request).and_then(|()| writer.finish());
            let line = result.as_ref().err().map(|_| request_line(&request));
            // What the user put into the request is dropped here, where a panic is caught; what is
            // ours goes first, since it would be lost with what follows the panic.
            request.extensions_mut().remove::<Scope>();
            drop(request);
            (result, line)
        }))
    };
    match caught {
        Ok((Ok(ending), _)) => Outcome::Ended(ending),
        Ok((Err(error), line)) => {
            let line = line.unwrap_or_default();
            log::warn!("{remote}: handler of {line} failed: {error}");
            let replaced = writer.replace_with(StatusCode::INTERNAL_SERVER_ERROR);
            match replaced || writer.is_hijacked() {
                true => writer.finish().map_or(Outcome::Failed, Outcome::Ended),
                false => Outcome::Failed,
            }
        }
        Err(payload) => {
            panics::log(remote, &*payload);
            if writer.is_hijacked() { Outcome::Ended(Ending::Hijacked) } else { Outcome::Failed }
        }
    }
}

/// What a log line calls a request: nothing that could be a secret, so not the query.
fn request_line(request: &Request) -> String {
    format!("{} {}", request.method(), request.uri().path())
}
