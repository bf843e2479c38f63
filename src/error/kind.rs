//! The kinds of errors, and their texts.

use std::fmt;

/// The kind of an [`Error`](crate::Error), sorted by who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's URL is invalid, or lacks a host.
    InvalidUrl,
    /// This build does not support the URL's scheme.
    UnsupportedScheme,
    /// The request or response cannot be sent as it is.
    InvalidMessage,
    /// Reading the source of a body that was to be sent failed.
    BodySource,
    /// The call is not possible in this state: hijacking twice, writing past the Content-Length.
    Misuse,
    /// The TLS configuration is invalid: a certificate or key cannot be read, the two do not belong
    /// together, or the platform's roots cannot be loaded.
    InvalidTlsConfig,
    /// A file or text that the caller gave is malformed: one with passwords or cookies.
    InvalidFile,

    /// The call's [`Context`](crate::Context) was cancelled.
    Cancelled,
    /// This time limit ran out.
    Timeout(TimeLimit),

    /// The host's name could not be resolved.
    Resolve,
    /// No connection could be made.
    Connect,
    /// A proxy failed: it could not be reached, its certificate is not trusted, or it opened no tunnel.
    /// [`Error::proxy_failure`](crate::Error::proxy_failure) says which.
    Proxy,
    /// The TLS handshake failed, or the peer ended it.
    TlsHandshake,
    /// The peer's certificate is not trusted: it is for another name, has expired, or no trusted root
    /// has signed it.
    UntrustedCertificate,
    /// The connection failed while the message was being written.
    Send,
    /// The connection failed while the peer's message was being read.
    Receive,

    /// The peer closed the connection without a response.
    EmptyReply,
    /// The peer's message is not HTTP, or breaks its rules.
    MalformedMessage,
    /// The peer's body ended early.
    IncompleteBody,
    /// The peer's body cannot be decoded: its content coding is damaged or not supported, or it is not the
    /// text or the JSON that its reader expects.
    Decode,
    /// A message is larger than a limit. The text says which limit: one of the client's or the server's, or
    /// one that the reader of the body set, with [`Body::read_bytes`](crate::Body::read_bytes) or
    /// [`Body::limited`](crate::Body::limited), or the default limit of
    /// [`ResponseExt::text`](crate::ResponseExt::text) and its like.
    TooLarge,
    /// The peer sent more redirects than the client follows.
    TooManyRedirects,
    /// The peer redirects to something that cannot be followed.
    InvalidRedirect,

    /// The client or server was shut down.
    Closed,
    /// Another input or output error.
    Io,
    /// An HTTP status that stands for the failure: one that a handler returns with
    /// [`Error::status`](crate::Error::status), or that of a
    /// [response](crate::ResponseExt::error_for_status).
    Status,
    /// A handler's error that is none of the above.
    Other,
}

/// The time limit that ran out, in an [`ErrorKind::Timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeLimit {
    /// Resolving the host's name.
    Resolve,
    /// Making the connection.
    Connect,
    /// Opening a tunnel through a proxy.
    Proxy,
    /// The TLS handshake.
    TlsHandshake,
    /// A connection to a host to which as many exist as
    /// [`max_connections_per_host`](crate::client::ClientBuilder::max_connections_per_host) allows.
    Queue,
    /// Writing a request, or a response.
    Send,
    /// From the request's last byte to the response's head.
    ResponseHead,
    /// From one piece of a response's body to the next.
    IdleRead,
    /// A transfer of at least the [minimum speed](crate::client::ClientBuilder::min_speed).
    Speed,
    /// The whole call, to the end of the response's body.
    Call,
    /// Reading a request's head.
    RequestHead,
    /// Reading a whole request.
    Request,
    /// From one piece of a request's body to the next.
    BodyIdle,
    /// The peer accepted no more of the message within the limit.
    WriteIdle,
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "the host's address",
            Self::Connect => "the connection",
            Self::Proxy => "the proxy",
            Self::TlsHandshake => "the TLS handshake",
            Self::Queue => "a free connection",
            Self::Send => "the message to be sent",
            Self::ResponseHead => "the response head",
            Self::IdleRead => "more of the response body",
            Self::Speed => "a faster transfer",
            Self::Call => "the whole call",
            Self::RequestHead => "the request head",
            Self::Request => "the whole request",
            Self::BodyIdle => "more of the request body",
            Self::WriteIdle => "room for more of the message",
        })
    }
}

impl ErrorKind {
    /// Returns `true` if the text omits the kind, since the message or the source names it.
    pub(super) fn is_in_details(self, has_message: bool, has_source: bool) -> bool {
        match self {
            Self::Other => has_message || has_source,
            // Its source is a `ContextError`, whose text does not mention a call.
            Self::Timeout(TimeLimit::Call) => false,
            Self::Io
            | Self::Cancelled
            | Self::Timeout(_)
            | Self::Resolve
            | Self::Connect
            | Self::Proxy
            | Self::IncompleteBody
            | Self::TooLarge => has_source && !has_message,
            _ => false,
        }
    }

    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::InvalidUrl => "invalid URL",
            Self::UnsupportedScheme => "unsupported URL scheme",
            Self::InvalidMessage => "invalid message",
            Self::BodySource => "body source failed",
            Self::Misuse => "invalid state",
            Self::InvalidTlsConfig => "invalid TLS configuration",
            Self::InvalidFile => "invalid file",
            Self::Cancelled => "cancelled",
            Self::Timeout(_) => "timed out",
            Self::Resolve => "cannot resolve the host",
            Self::Connect => "cannot connect",
            Self::Proxy => "proxy failed",
            Self::TlsHandshake => "TLS handshake failed",
            Self::UntrustedCertificate => "certificate not trusted",
            Self::Send => "sending failed",
            Self::Receive => "receiving failed",
            Self::EmptyReply => "connection closed without a response",
            Self::MalformedMessage => "malformed message",
            Self::IncompleteBody => "incomplete body",
            Self::Decode => "cannot decode the body",
            Self::TooLarge => "too large",
            Self::TooManyRedirects => "too many redirects",
            Self::InvalidRedirect => "redirect cannot be followed",
            Self::Closed => "client or server is shut down",
            Self::Io => "input or output failed",
            Self::Status => "unsuccessful status",
            Self::Other => "handler error",
        }
    }
}
