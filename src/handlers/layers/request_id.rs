//! An identifier for each request.

use http::{HeaderName, HeaderValue};

use crate::{Handler, Layer, Request, ResponseWriter, Result, random};

/// The header that carries the identifier by default.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest identifier from outside that is used, in bytes. Those of common proxies have at most 64.
const MAX_LENGTH: usize = 128;

/// An identifier for each request, by which log lines of several servers are found.
///
/// The identifier has 128 random bits in 32 hexadecimal digits. The layer sets it in three places:
///
/// * [`RequestId::of`] returns it to handlers, layers and the [`AccessLog`](super::AccessLog).
/// * The request's `X-Request-Id` passes it on, if the request is forwarded. One from the client is replaced.
/// * The response's `X-Request-Id` shows it to the client, also in an error response.
///
/// ```
/// use hangup::layers::RequestId;
/// use hangup::{HandlerExt, Request, respond, testing};
///
/// let handler = respond(|r| Ok(RequestId::of(r).unwrap_or_default().to_owned()));
/// let mut response = testing::call(&handler.layer(RequestId::new()), Request::new(()))?;
/// let id = response.body_mut().read_text(100)?;
/// assert_eq!(id.len(), 32);
/// assert_eq!(response.headers()["x-request-id"], id);
/// # Ok::<(), hangup::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer has no effect before it is put around a handler"]
pub struct RequestId {
    header: HeaderName,
    trusts_client: bool,
}

/// The extension of a request with its identifier.
#[derive(Clone)]
struct Identifier(HeaderValue);

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestId {
    /// Creates a layer that gives each request a new identifier.
    pub fn new() -> Self {
        Self { header: HEADER, trusts_client: false }
    }

    /// Keeps an identifier that the request has, instead of a new one. For a server behind a proxy that sets the
    /// header.
    ///
    /// It is kept if it has 1 to 128 letters, digits or characters of `-_.:/+=@`, and is the only one.
    pub fn trust_client(mut self) -> Self {
        self.trusts_client = true;
        self
    }

    /// Sets the header of requests and responses. The default is `X-Request-Id`.
    pub fn header(mut self, name: HeaderName) -> Self {
        self.header = name;
        self
    }

    /// Returns the identifier of a request, or `None` if it has not passed this layer.
    #[must_use]
    pub fn of(request: &Request) -> Option<&str> {
        request.extensions().get::<Identifier>().and_then(|Identifier(id)| id.to_str().ok())
    }

    /// Returns the identifier that the request brings, if it is to be used.
    fn brought(&self, request: &Request) -> Option<HeaderValue> {
        let mut values = request.headers().get_all(&self.header).iter();
        let value = values.next().filter(|_| self.trusts_client && values.next().is_none())?;
        is_valid(value.as_bytes()).then(|| value.clone())
    }
}

fn is_valid(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
    (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(allowed)
}

/// Makes an identifier.
fn new_id() -> HeaderValue {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let bits = u128::from(random::bits()) << 64 | u128::from(random::bits());
    let mut text = [0; 32];
    for (index, digit) in text.iter_mut().enumerate() {
        *digit = DIGITS[(bits >> (4 * index)) as usize & 15];
    }
    HeaderValue::from_bytes(&text).expect("hexadecimal digits")
}

impl Layer for RequestId {
    fn handle(&self, w: &mut ResponseWriter, r: &mut Request, next: &dyn Handler) -> Result<()> {
        let id = self.brought(r).unwrap_or_else(new_id);
        r.headers_mut().insert(&self.header, id.clone());
        r.extensions_mut().insert(Identifier(id.clone()));
        let header = self.header.clone();
        w.on_head(move |_, headers| {
            headers.insert(header, id);
        });
        next.handle(w, r)
    }
}
