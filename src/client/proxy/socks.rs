//! SOCKS: a tunnel by version 5 (RFC 1928, with the passwords of RFC 1929), 4 or 4a.
//!
//! ```text
//!   5    Greeting ──▶ [Password ──▶] Request ──▶ open
//!   4    Request ──▶ open
//! ```
//!
//! Each state waits for one message of the proxy. Its length is known from its first bytes, so the bytes
//! behind the last message are the origin's.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::Credentials;
use super::error::ProxyFailure;
use super::negotiate::{Negotiation, Tunnel};
use super::refusal::{Reason, Refusal};

/// The longest user, password or host name, in bytes: its length is one byte.
const LONGEST: usize = 255;

const VERSION_5: u8 = 5;
const VERSION_4: u8 = 4;
/// The version of the password messages (RFC 1929 section 2).
const PASSWORD_VERSION: u8 = 1;

const CONNECT: u8 = 1;

const METHOD_NONE: u8 = 0;
const METHOD_PASSWORD: u8 = 2;
const NO_METHOD: u8 = 0xff;

const ADDRESS_V4: u8 = 1;
const ADDRESS_NAME: u8 = 3;
const ADDRESS_V6: u8 = 4;

/// The reply of a SOCKS 4 proxy that has connected.
const GRANTED_4: u8 = 90;

/// The length of a SOCKS 4 reply, in bytes.
const REPLY_4: usize = 8;

/// The address by which a SOCKS 4a request says that a host name follows.
const NAME_FOLLOWS: [u8; 4] = [0, 0, 0, 1];

/// The versions of SOCKS, and who resolves host names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Version {
    V4,
    V4a,
    V5,
    V5h,
}

impl Version {
    /// Returns the version of a URL's scheme. `socks` alone is SOCKS 4, as it is to curl.
    pub(super) fn of(scheme: &str) -> Option<Self> {
        match scheme {
            "socks4" | "socks" => Some(Self::V4),
            "socks4a" => Some(Self::V4a),
            "socks5" => Some(Self::V5),
            "socks5h" => Some(Self::V5h),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::V4 => "socks4",
            Self::V4a => "socks4a",
            Self::V5 => "socks5",
            Self::V5h => "socks5h",
        }
    }

    /// Returns `true` if the proxy resolves host names.
    pub(in crate::client) fn resolves_at_proxy(self) -> bool {
        matches!(self, Self::V4a | Self::V5h)
    }

    /// Returns `true` if the proxy can connect to IPv6 addresses.
    pub(in crate::client) fn knows_ipv6(self) -> bool {
        matches!(self, Self::V5 | Self::V5h)
    }
}

/// The host of an origin, as a SOCKS proxy gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::client) enum Host {
    Ip(IpAddr),
    Name(String),
}

/// The negotiation with a SOCKS proxy.
pub(in crate::client) struct Handshake {
    state: State,
    host: Host,
    port: u16,
}

enum State {
    /// Nothing is sent.
    Start {
        version: Version,
        credentials: Option<Credentials>,
    },
    /// The proxy chooses a method.
    Greeting {
        credentials: Option<Credentials>,
    },
    /// The proxy judges the password.
    Password,
    /// The proxy connects.
    Request5,
    Request4,
    Open,
}

impl Handshake {
    /// Creates the negotiation of a tunnel to `host`.
    ///
    /// # Errors
    ///
    /// The host, the user or the password cannot be sent.
    pub(in crate::client) fn new(
        version: Version,
        credentials: Option<&Credentials>,
        host: Host,
        port: u16,
    ) -> Result<Self, Refusal> {
        let is_version_5 = version.knows_ipv6();
        if let Host::Name(name) = &host {
            check("host name", name.as_bytes())?;
        }
        match credentials {
            Some(Credentials { user, password }) if is_version_5 => {
                check("user", user)?;
                check("password", password)?;
            }
            // It ends with a zero byte.
            Some(Credentials { user, .. }) if user.contains(&0) => {
                return Err(Refusal::new("SOCKS user contains a zero byte"));
            }
            _ => {}
        }
        if !is_version_5 && matches!(host, Host::Ip(IpAddr::V6(_))) {
            return Err(Refusal::new("SOCKS 4 cannot connect to an IPv6 address"));
        }
        let state = State::Start { version, credentials: credentials.cloned() };
        Ok(Self { state, host, port })
    }

    fn target(&self) -> String {
        match &self.host {
            Host::Ip(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            Host::Ip(address) => format!("{address}:{}", self.port),
            Host::Name(name) => format!("{name}:{}", self.port),
        }
    }

    fn start(
        &self,
        version: Version,
        credentials: Option<Credentials>,
        out: &mut Vec<u8>,
    ) -> State {
        if !version.knows_ipv6() {
            self.write_request_4(credentials.as_ref(), out);
            return State::Request4;
        }
        match credentials {
            Some(_) => out.extend([VERSION_5, 2, METHOD_NONE, METHOD_PASSWORD]),
            None => out.extend([VERSION_5, 1, METHOD_NONE]),
        }
        State::Greeting { credentials }
    }

    fn greeted(
        &self,
        method: u8,
        credentials: Option<Credentials>,
        out: &mut Vec<u8>,
    ) -> Result<State, Refusal> {
        match (method, credentials) {
            (METHOD_NONE, _) => {
                self.write_request_5(out);
                Ok(State::Request5)
            }
            (METHOD_PASSWORD, Some(Credentials { user, password })) => {
                out.push(PASSWORD_VERSION);
                push_counted(out, &user);
                push_counted(out, &password);
                Ok(State::Password)
            }
            (NO_METHOD, None) => Err(Refusal::new("SOCKS proxy demands authentication")),
            (NO_METHOD, Some(_)) => {
                Err(Refusal::new("SOCKS proxy accepts neither a password nor no authentication"))
            }
            (other, _) => Err(Refusal::new(format!(
                "SOCKS proxy chose method {other}, which was not offered"
            ))),
        }
    }

    fn write_request_5(&self, out: &mut Vec<u8>) {
        out.extend([VERSION_5, CONNECT, 0]);
        match &self.host {
            Host::Ip(IpAddr::V4(address)) => {
                out.push(ADDRESS_V4);
                out.extend(address.octets());
            }
            Host::Ip(IpAddr::V6(address)) => {
                out.push(ADDRESS_V6);
                out.extend(address.octets());
            }
            Host::Name(name) => {
                out.push(ADDRESS_NAME);
                push_counted(out, name.as_bytes());
            }
        }
        out.extend(self.port.to_be_bytes());
    }

    fn write_request_4(&self, credentials: Option<&Credentials>, out: &mut Vec<u8>) {
        let (address, name) = match &self.host {
            Host::Ip(IpAddr::V4(address)) => (*address, None),
            Host::Name(name) => (Ipv4Addr::from(NAME_FOLLOWS), Some(name)),
            Host::Ip(IpAddr::V6(_)) => unreachable!("`new` refuses it"),
        };
        out.extend([VERSION_4, CONNECT]);
        out.extend(self.port.to_be_bytes());
        out.extend(address.octets());
        out.extend(credentials.map_or(&[][..], |credentials| &credentials.user));
        out.push(0);
        if let Some(name) = name {
            out.extend(name.as_bytes());
            out.push(0);
        }
    }

    fn refused(&self, reason: Reason, code: impl fmt::Display) -> Refusal {
        let text = format!("SOCKS connection to {} refused: {code}", self.target());
        Refusal { reason, text }
    }
}

impl Negotiation for Handshake {
    const FAILURE: ProxyFailure = ProxyFailure::Socks;

    fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(usize, Tunnel), Refusal> {
        if let (State::Request5, [VERSION_5, code @ 1..=u8::MAX, ..]) = (&self.state, input) {
            // Some proxies end a refusal here.
            return Err(self.refused(Reply5(*code).reason(), Reply5(*code)));
        }
        let Some(length) = self.state.awaited(input)? else { return Ok((0, Tunnel::Pending)) };
        let message = &input[..length];
        self.state = match std::mem::replace(&mut self.state, State::Open) {
            State::Start { version, credentials } => self.start(version, credentials, out),
            State::Greeting { credentials } => self.greeted(message[1], credentials, out)?,
            State::Password if message[1] != 0 => {
                return Err(Refusal::new("SOCKS proxy refused the user or the password"));
            }
            State::Password => {
                self.write_request_5(out);
                State::Request5
            }
            State::Request4 if message[1] != GRANTED_4 => {
                return Err(self.refused(Reason::Address, Reply4(message[1])));
            }
            State::Request5 | State::Request4 | State::Open => State::Open,
        };
        let is_open = matches!(self.state, State::Open);
        Ok((length, if is_open { Tunnel::Open } else { Tunnel::Pending }))
    }
}

impl State {
    /// Returns the length of the message that the state waits for, once `input` holds the message.
    fn awaited(&self, input: &[u8]) -> Result<Option<usize>, Refusal> {
        let (version, length) = match self {
            Self::Start { .. } | Self::Open => return Ok(Some(0)),
            Self::Greeting { .. } => (VERSION_5, Some(2)),
            Self::Password => (PASSWORD_VERSION, Some(2)),
            // The version of the reply, which is not that of the request.
            Self::Request4 => (0, Some(REPLY_4)),
            Self::Request5 => (VERSION_5, reply_length_5(input)?),
        };
        match input.first() {
            Some(first) if *first != version => Err(Refusal::new(not_socks(input))),
            _ => Ok(length.filter(|length| input.len() >= *length)),
        }
    }
}

/// Returns the length of the reply of SOCKS 5 that begins with `input`, once that is known.
fn reply_length_5(input: &[u8]) -> Result<Option<usize>, Refusal> {
    let address = match input {
        [_, _, _, ADDRESS_V4, ..] => 4,
        [_, _, _, ADDRESS_V6, ..] => 16,
        [_, _, _, ADDRESS_NAME, length, ..] => 1 + usize::from(*length),
        [_, _, _, ADDRESS_NAME] | [] | [_] | [_, _] | [_, _, _] => return Ok(None),
        [_, _, _, other, ..] => {
            return Err(Refusal::new(format!(
                "SOCKS reply has an address of unknown type {other}"
            )));
        }
    };
    Ok(Some(4 + address + 2))
}

/// Describes bytes that no SOCKS proxy sends. An HTTP proxy is the usual cause.
fn not_socks(input: &[u8]) -> String {
    let begin = input[..input.len().min(16)].escape_ascii();
    format!("not a SOCKS proxy: it sent \"{begin}\"")
}

/// Refuses a value that is too long, or empty where SOCKS has no empty one.
fn check(what: &str, value: &[u8]) -> Result<(), Refusal> {
    match value.len() {
        0..=LONGEST => Ok(()),
        length => Err(Refusal::new(format!(
            "SOCKS {what} of {length} bytes exceeds the limit of {LONGEST} bytes"
        ))),
    }
}

/// Appends a value of at most [`LONGEST`] bytes, with its length before it.
fn push_counted(out: &mut Vec<u8>, value: &[u8]) {
    debug_assert!(value.len() <= LONGEST);
    out.push(value.len() as u8);
    out.extend(value);
}

/// The code of a reply of SOCKS 5 (RFC 1928 section 6).
struct Reply5(u8);

impl Reply5 {
    fn reason(&self) -> Reason {
        match self.0 {
            1 | 3..=6 | 8 => Reason::Address,
            _ => Reason::Other,
        }
    }
}

impl fmt::Display for Reply5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            1 => "general failure",
            2 => "not allowed by the proxy's rules",
            3 => "network unreachable",
            4 => "host unreachable",
            5 => "connection refused by the host",
            6 => "TTL expired",
            7 => "command not supported",
            8 => "address type not supported",
            other => return write!(f, "unknown code {other}"),
        })
    }
}

/// The code of a reply of SOCKS 4.
struct Reply4(u8);

impl fmt::Display for Reply4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            91 => "rejected or failed",
            92 => "the proxy cannot reach the client's identd",
            93 => "the client's identd reports another user",
            other => return write!(f, "unknown code {other}"),
        })
    }
}

#[cfg(all(test, not(hangup_shuttle)))]
mod tests;
