//! A TLS peer that cuts records anywhere, sends records without data, and closes without a close_notify.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use hangup::testing::TestServer;
use hangup::tls::rustls::pki_types::ServerName;
use hangup::tls::rustls::{ClientConfig, ClientConnection, Connection, RootCertStore};
use hangup::tls::rustls::{ServerConfig, ServerConnection};
use rcgen::{CertificateParams, KeyPair};

use super::identity_of;
use crate::support::PATIENCE;
use hangup::tls::rustls::crypto::ring;

/// One end of a TLS connection, over TCP.
pub(super) struct RawTls {
    tls: Connection,
    socket: TcpStream,
}

impl RawTls {
    /// Connects to `server`, whose certificate is in `pem`.
    pub(super) fn connect(server: &TestServer, pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let der = hangup::tls::rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes());
        roots.add(der.expect("PEM")).expect("a root");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
        Self::over(tls.into(), TcpStream::connect(server.addr()).expect("a server that listens"))
    }

    fn over(tls: Connection, socket: TcpStream) -> Self {
        socket.set_nodelay(true).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        socket.set_write_timeout(Some(PATIENCE)).expect("a socket");
        let mut peer = Self { tls, socket };
        while peer.tls.is_handshaking() {
            peer.tls.complete_io(&mut peer.socket).expect("a handshake");
        }
        peer.flush();
        peer
    }

    /// Returns the records that carry `text`.
    pub(super) fn records(&mut self, text: impl AsRef<[u8]>) -> Vec<u8> {
        self.tls.writer().write_all(text.as_ref()).expect("room");
        self.take_records()
    }

    fn take_records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records).expect("a vector takes it");
        }
        records
    }

    fn flush(&mut self) {
        let records = self.take_records();
        self.send_records(&records);
    }

    /// Sends bytes as they are.
    pub(super) fn send_records(&mut self, records: &[u8]) {
        self.socket.write_all(records).expect("a peer that reads");
    }

    pub(super) fn send(&mut self, text: impl AsRef<[u8]>) {
        let records = self.records(text);
        self.send_records(&records);
    }

    /// Sends a key update and requests one, which the peer sends with its next data.
    pub(super) fn update_keys(&mut self) {
        match &mut self.tls {
            Connection::Client(tls) => tls.refresh_traffic_keys().expect("TLS 1.3"),
            Connection::Server(tls) => tls.refresh_traffic_keys().expect("TLS 1.3"),
        }
        self.flush();
    }

    /// Sends a close_notify. The stream below stays open.
    pub(super) fn close_notify(&mut self) {
        self.tls.send_close_notify();
        self.flush();
    }

    /// Ends the stream without a close_notify, as an attacker on the path could.
    pub(super) fn cut(&self) {
        self.socket.shutdown(Shutdown::Write).expect("a connection");
    }

    /// Closes the socket with a reset.
    pub(super) fn reset(&mut self) {
        let socket = socket2::SockRef::from(&self.socket);
        socket.set_linger(Some(std::time::Duration::ZERO)).expect("a socket");
        let nobody =
            TcpListener::bind("127.0.0.1:0").and_then(|it| TcpStream::connect(it.local_addr()?));
        // The old socket is closed by being replaced.
        self.socket = nobody.expect("another socket");
    }

    /// Reads some plaintext. Returns 0 at the end.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                outcome => return outcome,
            }
            self.tls.read_tls(&mut self.socket)?;
            self.tls.process_new_packets().map_err(io::Error::other)?;
            self.flush();
        }
    }

    #[track_caller]
    pub(super) fn expect_text(&mut self, text: &str) {
        let mut came = vec![0; text.len()];
        let mut length = 0;
        while length < came.len() {
            match self.read(&mut came[length..]).expect("more of it") {
                0 => panic!("cut short: {:?}", String::from_utf8_lossy(&came[..length])),
                count => length += count,
            }
        }
        assert_eq!(String::from_utf8_lossy(&came), text);
    }

    /// Reads a request's head, up to its empty line.
    pub(super) fn expect_head(&mut self) -> String {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            assert_eq!(self.read(&mut byte).expect("more of a head"), 1, "cut short");
            head.push(byte[0]);
        }
        String::from_utf8(head).expect("ASCII")
    }
}

/// A server whose test sends the records of each connection.
pub(super) struct RawTlsServer {
    listener: TcpListener,
    config: Arc<ServerConfig>,
    pem: String,
}

impl RawTlsServer {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("a name");
        let cert = params.self_signed(&key).expect("a certificate");
        let key_der = key.serialize_der().try_into().expect("PKCS #8");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key_der)
            .expect("a certificate and its key");
        Self {
            listener: TcpListener::bind("127.0.0.1:0").expect("a free port"),
            config: Arc::new(config),
            pem: cert.pem(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.listener.local_addr().expect("it listens"))
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn accept(&self) -> RawTls {
        let (socket, _) = self.listener.accept().expect("a client");
        let tls = ServerConnection::new(Arc::clone(&self.config)).expect("a server");
        RawTls::over(tls.into(), socket)
    }
}

/// Starts a server, and returns its certificate in PEM, which a [`RawTls`] trusts.
pub(super) fn serve(server: hangup::Server) -> (TestServer, String) {
    let (identity, pem) = identity_of(&["localhost", "127.0.0.1"]);
    let acceptor = hangup::tls::Acceptor::new(identity).expect("an acceptor");
    (TestServer::with(server.tls(acceptor)), pem)
}
