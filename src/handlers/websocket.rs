//! The server's side of the WebSocket handshake (RFC 6455).
//!
//! [`Upgrade`] checks a request, responds with 101 (Switching Protocols), and hands over the connection. A
//! library that speaks the protocol over [`Read`](std::io::Read) and [`Write`](std::io::Write), such as
//! tungstenite, takes it from there:
//!
//! ```
//! use hangup::{Error, Request, ResponseWriter, Result, websocket::Upgrade};
//! use tungstenite::{WebSocket, protocol::Role};
//!
//! /// Sends each message back.
//! fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
//!     let connection = Upgrade::new().accept(w, r)?.into_duplex();
//!     let mut socket = WebSocket::from_raw_socket(connection, Role::Server, None);
//!     loop {
//!         match socket.read() {
//!             Ok(message) if message.is_text() || message.is_binary() => {
//!                 socket.send(message).map_err(Error::other)?;
//!             }
//!             Ok(_) => {}
//!             Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
//!             Err(error) => return Err(Error::other(error)),
//!         }
//!     }
//! }
//! # fn takes(_: impl hangup::Handler) {}
//! # takes(echo);
//! ```
//!
//! # Shutdown
//!
//! The server no longer counts the connection: a graceful shutdown neither waits for it nor closes it, and
//! the process may end under it. A program that wants to close its sockets in an orderly way, with the
//! status 1001 (Going Away), passes its handlers a clone of the [`Context`](crate::Context) that it gives to
//! [`serve_until`](crate::server::Listening::serve_until), and waits for them after it. The example program
//! `chat` does so. [`Duplex::close_with`](crate::net::Duplex::close_with) closes a connection when a context
//! ends.

// In reading order:
//
// | file | contents |
// | --- | --- |
// | `websocket.rs` | `Upgrade` and `Upgraded` |
// | `websocket/handshake.rs` | the checks of a request, and the key |
// | `websocket/origin.rs` | the origins that may connect |

mod handshake;
mod origin;

use std::io::Write;

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{StatusCode, Version};

use crate::h1;
use crate::net::Duplex;
use crate::{Error, Request, RequestExt, ResponseWriter, Result};
use origin::Origins;

/// The options of the handshake.
///
/// [`accept`](Self::accept) performs it. By default, pages of the same origin and clients that are not
/// browsers may connect, and no subprotocol is chosen. Extensions are not negotiated.
///
/// ```
/// use hangup::{Request, ResponseWriter, Result, websocket::Upgrade};
///
/// fn chat(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
///     let upgrade = Upgrade::new().protocols(["chat.v2", "chat.v1"]);
///     let socket = upgrade.allow_origins(["https://app.example.com"]).accept(w, r)?;
///     match socket.protocol() {
///         Some("chat.v2") => { /* … */ }
///         _ => { /* … */ }
///     }
///     Ok(())
/// }
/// # fn takes(_: impl hangup::Handler) {}
/// # takes(chat);
/// ```
///
/// # Origins
///
/// Browsers let every page open a WebSocket to every server, and send the server's cookies along. If the
/// server does not check the `Origin` header, a foreign page can act as the user who visits it.
///
/// | `Origin` of the request | accepted |
/// | --- | --- |
/// | none: not a browser | yes |
/// | the request's own origin: host and port of its `Host` header. `https`, if the connection is | yes |
/// | any, where the browser says `Sec-Fetch-Site: same-origin` | yes |
/// | one of [`allow_origins`](Self::allow_origins) | yes |
/// | any other, and `null` | after [`any_origin`](Self::any_origin) |
///
/// Behind a web server that changes `Host`, the origin that users see has to be allowed.
#[derive(Clone, Debug, Default)]
#[must_use = "`accept` performs the handshake"]
pub struct Upgrade {
    origins: Origins,
    /// The subprotocols of the server, the preferred one first.
    protocols: Vec<HeaderValue>,
}

impl Upgrade {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the subprotocols that the server speaks, the preferred one first. None by default.
    ///
    /// The first of them that the client offers is chosen. If it offers none of them, the connection has no
    /// subprotocol. A browser that has asked for one then closes the connection.
    ///
    /// # Panics
    ///
    /// If a name is not a token (RFC 9110 section 5.6.2).
    pub fn protocols<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let value = |name: I::Item| {
            let name = name.as_ref();
            assert!(handshake::is_token(name.as_bytes()), "subprotocol {name:?}: not a token");
            HeaderValue::from_str(name).expect("a token is a valid value")
        };
        self.protocols = names.into_iter().map(value).collect();
        self
    }

    /// Allows pages of these origins to connect, beside those of the same origin. An origin is a scheme, a
    /// host, and a port unless it is the scheme's default: `https://app.example.com`. Upper and lower case
    /// are the same. It can be called several times.
    ///
    /// # Panics
    ///
    /// If an origin has another form, such as one with a path.
    pub fn allow_origins<I>(mut self, origins: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.origins.allow(origins);
        self
    }

    /// Allows pages of every origin to connect. This is safe only if the connection needs no cookie and no
    /// other credential that a browser adds by itself.
    pub fn any_origin(mut self) -> Self {
        self.origins = Origins::Any;
        self
    }

    /// Checks the request, switches the connection to WebSocket, and returns it.
    ///
    /// The 101 has the headers that the handler and its layers have set, such as `Set-Cookie`. Those about a
    /// body are left out.
    ///
    /// # Errors
    ///
    /// An error that is the response, if the request is not a handshake that the server accepts:
    ///
    /// | cause | status |
    /// | --- | --- |
    /// | the method is not GET | 405 |
    /// | HTTP/1.0, or no upgrade to `websocket` was asked for | 426 |
    /// | the version of the protocol is not 13 | 426, with `Sec-WebSocket-Version: 13` |
    /// | the key is missing, repeated, or not 16 bytes in Base64; the request has a body | 400 |
    /// | the origin is not allowed | 403 |
    /// | the request came over FastCGI or CGI, which cannot carry the protocol | 501 |
    ///
    /// [`ErrorKind::Misuse`](crate::ErrorKind::Misuse) if a part of the response was sent, or the connection
    /// was hijacked. The error of writing the 101 if that fails.
    pub fn accept(&self, w: &mut ResponseWriter<'_>, r: &Request) -> Result<Upgraded> {
        let accept = handshake::check(r)?;
        self.origins.check(r)?;
        if r.variables().is_some() {
            let text = "WebSocket is not supported over FastCGI and CGI";
            return Err(Error::status(StatusCode::NOT_IMPLEMENTED, text));
        }
        let protocol = handshake::choose_protocol(&self.protocols, r.headers());
        let head = response_head(w.headers(), accept, protocol.cloned())?;
        let mut duplex = w.switch_protocols()?;
        duplex.write_all(&head)?;
        duplex.flush()?;
        Ok(Upgraded { duplex, protocol: protocol.cloned() })
    }
}

/// Returns the 101.
fn response_head(
    set: &HeaderMap,
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
) -> Result<Vec<u8>> {
    /// The headers that this handshake decides, and those about a body that is not there.
    const OWN: [HeaderName; 8] = [
        CONNECTION,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        SEC_WEBSOCKET_EXTENSIONS,
        SEC_WEBSOCKET_PROTOCOL,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    let mut headers = set.clone();
    for name in OWN {
        headers.remove(name);
    }
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    if let Some(protocol) = protocol {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let mut head = Vec::with_capacity(256);
    let status = StatusCode::SWITCHING_PROTOCOLS;
    h1::write_response_head(&mut head, Version::HTTP_11, status, None, &headers)
        .map_err(Error::other)?;
    Ok(head)
}

/// A connection that speaks WebSocket.
#[derive(Debug)]
#[must_use = "dropping it closes the connection"]
pub struct Upgraded {
    duplex: Duplex,
    /// Invariant: a token, since the server has named it.
    protocol: Option<HeaderValue>,
}

impl Upgraded {
    /// Returns the subprotocol that was chosen.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_ref().and_then(|protocol| protocol.to_str().ok())
    }

    /// Returns the connection. Its reads begin with the frames that arrived with the request.
    pub fn into_duplex(self) -> Duplex {
        self.duplex
    }
}
