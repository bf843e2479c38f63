//! A handler that keeps its requests.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::handler::{Handler, Request, ResponseWriter};
use crate::sync::Mutex;

/// The most bytes of a body that a recorder keeps: 16 MiB.
const MAX_BODY: u64 = 16 << 20;

/// A [`Handler`] that keeps the requests it receives, and sends the given responses in their order.
///
/// Without given responses it sends 200 and no body. If there were some and all of them were sent, it sends
/// a 500 that says so. Clones share their requests and responses.
///
/// ```
/// use hangup::testing::{Recorder, TestServer};
/// use hangup::{Client, http::Response};
///
/// let recorder = Recorder::new()
///     .respond(Response::new("first"))
///     .respond(Response::builder().status(404).body("second").unwrap());
/// let server = TestServer::with_handler(recorder.clone());
/// let client = Client::new();
/// assert_eq!(client.get(server.url("/a")).send()?.body_mut().read_text(100)?, "first");
/// assert_eq!(client.put(server.url("/b")).body("text").send()?.status(), 404);
///
/// let requests = recorder.requests();
/// assert_eq!(requests[0].uri().path(), "/a");
/// assert_eq!((requests[1].method().as_str(), &requests[1].body()[..]), ("PUT", &b"text"[..]));
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    requests: Vec<http::Request<Bytes>>,
    responses: Responses,
}

#[derive(Default)]
enum Responses {
    #[default]
    NoneGiven,
    Given(VecDeque<http::Response<Bytes>>),
}

impl Recorder {
    /// Creates a recorder without requests and responses.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next response.
    #[must_use]
    pub fn respond(self, response: http::Response<impl Into<Bytes>>) -> Self {
        let response = response.map(Into::into);
        let mut records = self.0.lock();
        match &mut records.responses {
            Responses::Given(responses) => responses.push_back(response),
            none => *none = Responses::Given([response].into()),
        }
        drop(records);
        self
    }

    /// Returns the requests so far, in the order in which their bodies were complete. A request whose body
    /// failed, or is larger than 16 MiB, is not among them.
    #[must_use]
    pub fn requests(&self) -> Vec<http::Request<Bytes>> {
        self.0.lock().requests.clone()
    }

    /// Returns the requests since the last call of this method.
    #[must_use]
    pub fn take_requests(&self) -> Vec<http::Request<Bytes>> {
        std::mem::take(&mut self.0.lock().requests)
    }
}

impl Records {
    /// Returns the next response, or `None` if there were some and none is left.
    fn next_response(&mut self) -> Option<http::Response<Bytes>> {
        match &mut self.responses {
            Responses::NoneGiven => Some(http::Response::default()),
            Responses::Given(responses) => responses.pop_front(),
        }
    }
}

impl Handler for Recorder {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
        let body = r.body_mut().read_bytes(MAX_BODY)?;
        let mut request = http::Request::new(body);
        r.method().clone_into(request.method_mut());
        r.uri().clone_into(request.uri_mut());
        *request.version_mut() = r.version();
        r.headers().clone_into(request.headers_mut());
        let response = {
            let mut records = self.0.lock();
            records.requests.push(request);
            records.next_response()
        };
        match response {
            Some(response) => w.send(response.map(Body::from)),
            None => {
                let text = "the recorder has no response left";
                Err(Error::status(StatusCode::INTERNAL_SERVER_ERROR, text))
            }
        }
    }
}

impl fmt::Debug for Recorder {
    /// Omits the requests, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.0.lock().requests.len();
        f.debug_struct("Recorder").field("requests", &requests).finish_non_exhaustive()
    }
}
