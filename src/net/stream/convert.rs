//! Conversions from and into the standard library's streams.

#[cfg(unix)]
use std::io;
use std::net::TcpStream;
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::{Carrier, Kind, Stream};
use crate::net::socket::{Family, Socket};

impl Stream {
    /// Converts a TCP connection into the standard library's type, in blocking mode and without
    /// time-outs. Returns the same socket if this is the last handle, else another descriptor of it.
    ///
    /// # Errors
    ///
    /// The stream itself, if it is not TCP, or if no descriptor was left for a copy.
    pub fn into_tcp(self) -> Result<TcpStream, Self> {
        self.into_std(Family::Tcp).map(TcpStream::from)
    }

    /// Converts a Unix connection into the standard library's type. See [`into_tcp`](Self::into_tcp).
    ///
    /// # Errors
    ///
    /// The stream itself, if it is not a Unix socket, or if no descriptor was left for a copy.
    #[cfg(unix)]
    pub fn into_unix(self) -> Result<UnixStream, Self> {
        self.into_std(Family::Unix).map(UnixStream::from)
    }

    fn into_std(self, family: Family) -> Result<socket2::Socket, Self> {
        match self.as_socket() {
            Some(socket) if socket.family() == family => {}
            _ => return Err(self),
        }
        match Arc::try_unwrap(self.0) {
            Ok(Kind::Carrier(Carrier::Socket(socket))) => {
                socket.into_inner().map_err(|socket| Self::from_socket(*socket))
            }
            Ok(_) => unreachable!("only sockets have a family"),
            Err(shared) => {
                let shared = Self(shared);
                let copy = shared.as_socket().and_then(|socket| socket.duplicate().ok());
                copy.ok_or(shared)
            }
        }
    }

    fn as_socket(&self) -> Option<&Socket> {
        match &*self.0 {
            Kind::Carrier(Carrier::Socket(socket)) => Some(socket),
            _ => None,
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::from_socket(stream.into())
    }
}

#[cfg(unix)]
impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::from_socket(stream.into())
    }
}

#[cfg(unix)]
impl TryFrom<OwnedFd> for Stream {
    type Error = io::Error;

    /// Takes over a descriptor of a connected TCP or Unix socket.
    ///
    /// # Errors
    ///
    /// The system's, or `InvalidInput` if the descriptor is not a stream socket.
    fn try_from(descriptor: OwnedFd) -> io::Result<Self> {
        let socket = socket2::Socket::from(descriptor);
        match (socket.r#type()?, socket.local_addr()?.is_unix()) {
            (socket2::Type::STREAM, true) => Ok(UnixStream::from(socket).into()),
            (socket2::Type::STREAM, false) => Ok(TcpStream::from(socket).into()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a stream socket")),
        }
    }
}
