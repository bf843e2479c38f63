//! The tests for TLS only. The tests of [`Stream`] run over TLS as well.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;

use super::*;
use crate::context::Context;
use crate::error::{Error, ErrorKind as Kind, TimeLimit};
use crate::net::readiness::{Interest, Until};
use crate::net::tls_info::TlsVersion;
use crate::net::{Hangup, Parked, Readiness, Stream, memory};

/// The time after which a wait fails the test. No machine needs so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Returns an identity with a self-signed certificate, and the certificate.
fn identity_of(name: &str) -> (Identity, String) {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    (Identity::from_pem(&cert, key.serialize_pem()).unwrap(), cert)
}

/// One pair of ends for all tests.
fn ends() -> &'static (Connector, Acceptor) {
    static ENDS: OnceLock<(Connector, Acceptor)> = OnceLock::new();
    ENDS.get_or_init(|| {
        let (identity, cert) = identity_of("localhost");
        let connector = Connector::builder().roots(Roots::only_pem(cert).unwrap());
        (connector.build().unwrap(), Acceptor::new(identity).unwrap())
    })
}

fn connect(connector: &Connector, acceptor: &Acceptor, host: &str) -> Outcome {
    let (one, other) = memory::pair();
    complete_handshake(connector, acceptor, host, one, other)
}

/// The outcomes of a handshake: the server's and the client's.
type Outcome = (Result<Stream, Error>, Result<Stream, Error>);

fn complete_handshake(
    connector: &Connector,
    acceptor: &Acceptor,
    host: &str,
    one: Stream,
    other: Stream,
) -> Outcome {
    thread::scope(|scope| {
        let server = scope.spawn(|| acceptor.accept(one, PATIENCE));
        let client = connector.connect(other, host, PATIENCE, &Context::new());
        (server.join().unwrap(), client)
    })
}

/// Returns the encrypted ends of a connection: the server's and the client's.
pub(in crate::net) fn over_tls(one: Stream, other: Stream) -> (Stream, Stream) {
    let (connector, acceptor) = ends();
    let (server, client) = complete_handshake(connector, acceptor, "localhost", one, other);
    let (server, client) = (server.unwrap(), client.unwrap());
    // Takes in the tickets, which have arrived by now: closing a socket with unread data causes a reset.
    let _ = client.readiness();
    (server, client)
}

fn pair() -> (Stream, Stream) {
    let (one, other) = memory::pair();
    over_tls(one, other)
}

fn parked(stream: &Stream, place: Parked) {
    assert!(stream.wait_until_parked(place, PATIENCE), "no thread is parked at {place:?}");
}

fn read_text(mut stream: &Stream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A client that controls its records one by one, as no stream does.
struct RawClient {
    tls: rustls::ClientConnection,
    below: Stream,
}

impl RawClient {
    /// Returns the client and the server's stream.
    fn connect() -> (Self, Stream) {
        let (connector, acceptor) = ends();
        let (one, below) = memory::pair();
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = rustls::ClientConnection::new(connector.config().unwrap(), name).unwrap();
        let server = thread::scope(|scope| {
            let server = scope.spawn(|| acceptor.accept(one, PATIENCE));
            while tls.is_handshaking() {
                tls.complete_io(&mut below.clone()).unwrap();
            }
            server.join().unwrap().unwrap()
        });
        (Self { tls, below }, server)
    }

    /// Returns the records that carry `text`.
    fn records(&mut self, text: &str) -> Vec<u8> {
        self.tls.writer().write_all(text.as_bytes()).unwrap();
        self.take_records()
    }

    /// Returns the record that updates the keys and requests an update.
    fn key_update(&mut self) -> Vec<u8> {
        self.tls.refresh_traffic_keys().unwrap();
        self.take_records()
    }

    fn take_records(&mut self) -> Vec<u8> {
        let mut records = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records).unwrap();
        }
        records
    }

    fn send(&mut self, bytes: &[u8]) {
        self.below.write_all(bytes).unwrap();
    }

    /// Returns what the server has sent, up to `length` bytes.
    fn receive(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        let mut got = 0;
        while got < length {
            self.tls.process_new_packets().unwrap();
            match self.tls.reader().read(&mut bytes[got..]) {
                Ok(count) => got += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(self.tls.read_tls(&mut self.below).unwrap() > 0, "cut short");
                }
                Err(error) => panic!("{error}"),
            }
        }
        String::from_utf8(bytes).unwrap()
    }
}

#[test]
fn a_record_may_arrive_in_any_pieces() {
    let (mut client, server) = RawClient::connect();
    let mut records = client.records("half a req");
    records.extend(client.records("uest"));
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_text(&server, 14));
        for byte in &records {
            parked(&server, Parked::Read);
            client.send(&[*byte]);
        }
        assert_eq!(reader.join().unwrap(), "half a request");
    });
}

#[test]
fn a_record_without_data_does_not_end_a_wait() {
    let (mut client, server) = RawClient::connect();
    let update = client.key_update();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| server.wait_readable());
        parked(&server, Parked::Read);
        client.send(&update);
        // There is nothing to read, whether the reader or this thread takes the record in.
        let quiet = Readiness { readable: false, peer_closed: false, broken: false };
        assert_eq!(server.readiness(), quiet);
        parked(&server, Parked::Read);
        assert!(!waiter.is_finished());
        let record = client.records("data");
        client.send(&record);
        waiter.join().unwrap().unwrap();
    });
    assert_eq!(read_text(&server, 4), "data");
    (&server).write_all(b"by new keys").unwrap();
    assert_eq!(client.receive(11), "by new keys");
}

#[test]
fn readiness_takes_in_records_without_data() {
    let (mut client, server) = RawClient::connect();
    let quiet = Readiness { readable: false, peer_closed: false, broken: false };
    let (update, record) = (client.key_update(), client.records("x"));
    client.send(&update);
    assert_eq!(server.readiness(), quiet);
    let (head, rest) = record.split_at(3);
    client.send(head);
    assert_eq!(server.readiness(), quiet, "half a record");
    client.send(rest);
    assert_eq!(server.readiness(), Readiness { readable: true, ..quiet });
    assert_eq!(server.try_read(&mut [0]).unwrap(), 1);
}

/// `readiness` may take in the bytes that a reader waits for below.
#[test]
fn readiness_wakes_a_parked_reader_for_the_data_it_takes_in() {
    for _ in 0..200 {
        let (mut client, server) = RawClient::connect();
        let record = client.records("data");
        thread::scope(|scope| {
            let reader = scope.spawn(|| read_text(&server, 4));
            parked(&server, Parked::Read);
            client.send(&record);
            let _ = server.readiness();
            assert_eq!(reader.join().unwrap(), "data");
        });
    }
}

#[test]
fn records_without_data_do_not_lengthen_a_wait() {
    let (mut client, server) = RawClient::connect();
    let limit = Duration::from_millis(60);
    let until = Instant::now() + limit;
    thread::scope(|scope| {
        let plain = scope.spawn(|| {
            let outcome = server.read_for(&mut [0], Some(limit));
            (outcome, Instant::now())
        });
        parked(&server, Parked::Read);
        let update = client.key_update();
        client.send(&update);
        let (outcome, ended) = plain.join().unwrap();
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(ended >= until && ended < until + limit * 10);
    });
}

#[test]
fn the_next_read_sends_what_a_write_left_unsent() {
    let (one, other) = memory::pair_with_capacity(1000);
    let (server, client) = over_tls(one, other);
    let text = "x".repeat(5000);
    server.set_write_deadline(Some(Instant::now() + Duration::from_millis(5)));
    assert_eq!((&server).write(text.as_bytes()).unwrap(), 5000, "accepted, but not all sent");
    let error = (&server).write(b"more").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!((&server).flush().unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(server.try_flush().unwrap_err().kind(), ErrorKind::WouldBlock);
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_text(&server, 6));
        assert_eq!(read_text(&client, 5000), text);
        (&client).write_all(b"answer").unwrap();
        assert_eq!(reader.join().unwrap(), "answer");
    });
    server.try_flush().unwrap();
}

/// A client may write as much as there is room for, and then read the response.
#[test]
fn read_for_sends_what_a_write_left_unsent() {
    let (one, other) = memory::pair_with_capacity(1000);
    let (server, client) = over_tls(one, other);
    assert_eq!(client.try_write_vectored(&[IoSlice::new(&[b'x'; 3000])]).unwrap(), 3000);
    assert_eq!(
        client.try_write_vectored(&[IoSlice::new(b"y")]).unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    thread::scope(|scope| {
        let reader = scope.spawn(|| client.read_for(&mut [0; 2], None).unwrap());
        assert_eq!(read_text(&server, 3000), "x".repeat(3000));
        (&server).write_all(b"ok").unwrap();
        assert_eq!(reader.join().unwrap(), 2);
    });
}

#[test]
fn one_thread_reads_while_another_has_no_room_to_write() {
    let (one, other) = memory::pair_with_capacity(1000);
    let (server, client) = over_tls(one, other);
    thread::scope(|scope| {
        let writer = scope.spawn(|| (&client).write(&[0; 50_000]));
        parked(&client, Parked::Write);
        for text in ["first", "again"] {
            let reader = scope.spawn(|| read_text(&client, 5));
            parked(&client, Parked::Read);
            (&server).write_all(text.as_bytes()).unwrap();
            assert_eq!(reader.join().unwrap(), text);
        }
        client.close();
        assert_eq!(writer.join().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn both_directions_are_busy_at_once() {
    let (one, other) = memory::pair_with_capacity(4000);
    let (server, client) = over_tls(one, other);
    const LENGTH: u64 = 4 << 20;
    let send = |mut stream: &Stream| {
        io::copy(&mut io::repeat(7).take(LENGTH), &mut stream).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // Sends the close_notify if there was no room for it. The reader of this end may have ended.
        stream.flush().unwrap();
    };
    let receive = |mut stream: &Stream| io::copy(&mut stream, &mut io::sink()).unwrap();
    thread::scope(|scope| {
        let ends = [&server, &client];
        for end in ends {
            scope.spawn(move || send(end));
        }
        for reader in ends.map(|end| scope.spawn(move || receive(end))) {
            assert_eq!(reader.join().unwrap(), LENGTH);
        }
    });
}

/// The notice is counted where the innermost stream waits, and both layers see it.
#[test]
fn a_notice_ends_a_wait_through_two_layers_of_tls() {
    let (server, client) = pair();
    let (server, _client) = over_tls(server, client);
    let inner = server.below_tls().unwrap();
    let seen = inner.notices(Parked::Read);
    thread::scope(|scope| {
        let readable = Interest { read: true, write: false };
        let until = Until::Only(Some(Instant::now() + PATIENCE));
        let waiter = scope.spawn(move || inner.wait_ready(Parked::Read, readable, until, seen));
        parked(inner, Parked::Read);
        inner.notify(Parked::Read);
        waiter.join().unwrap().unwrap();
    });
    // A notice that came before the wait counts as well.
    inner
        .wait_ready(Parked::Read, Interest { read: true, write: false }, Until::Only(None), seen)
        .unwrap();
}

#[test]
fn an_end_without_a_close_notify_is_an_error() {
    let (server, client) = pair();
    (&client).write_all(b"all?").unwrap();
    let below = client.below_tls().unwrap();
    below.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_text(&server, 4), "all?");
    for _ in 0..2 {
        let error = (&server).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }
    assert_eq!(server.wait_hangup(Hangup::EndOfStream).unwrap(), Hangup::EndOfStream);
}

#[test]
fn a_close_notify_is_the_end_of_the_stream() {
    let (mut client, server) = RawClient::connect();
    let record = client.records("bye");
    client.tls.send_close_notify();
    let notify = client.take_records();
    thread::scope(|scope| {
        let watcher = scope.spawn(|| server.wait_hangup(Hangup::EndOfStream));
        parked(&server, Parked::Hangup);
        client.send(&record);
        client.send(&notify);
        assert_eq!(read_text(&server, 3), "bye");
        assert_eq!((&server).read(&mut [0]).unwrap(), 0);
        assert_eq!(watcher.join().unwrap().unwrap(), Hangup::EndOfStream);
    });
    (&server).write_all(b"still here").unwrap();
    assert_eq!(client.receive(10), "still here");
}

#[test]
fn a_forged_record_fails_both_ends() {
    let (mut client, server) = RawClient::connect();
    let mut record = client.records("data");
    *record.last_mut().unwrap() ^= 1;
    client.send(&record);
    let error = (&server).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(server.readiness().broken);
    assert_eq!(server.wait_hangup(Hangup::Broken).unwrap(), Hangup::Broken);
    assert_eq!((&server).write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert!(client.tls.read_tls(&mut client.below).unwrap() > 0);
    let alert = client.tls.process_new_packets().unwrap_err();
    assert_eq!(alert, rustls::Error::AlertReceived(rustls::AlertDescription::BadRecordMac));
}

/// A response that arrived before the failure is valid.
#[test]
fn data_before_a_forged_record_is_read() {
    let (mut client, server) = RawClient::connect();
    let mut records = client.records("last words");
    records.extend(client.records("forged"));
    *records.last_mut().unwrap() ^= 1;
    client.send(&records);
    assert_eq!(read_text(&server, 5), "last ");
    assert_eq!(read_text(&server, 5), "words");
    assert_eq!((&server).read(&mut [0]).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn a_limit_a_context_and_a_close_end_a_handshake() {
    let (connector, acceptor) = ends();
    let soon = Duration::from_millis(5);
    let (one, _other) = memory::pair();
    let error = connector.connect(one, "localhost", soon, &Context::new()).unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::TlsHandshake));
    assert!(error.is_connect());
    let (one, _other) = memory::pair();
    let error = acceptor.accept(one, soon).unwrap_err();
    assert_eq!(error.timed_out(), Some(TimeLimit::TlsHandshake));

    let (one, _other) = memory::pair();
    let context = Context::new();
    thread::scope(|scope| {
        let of_client = one.clone();
        let client = scope.spawn(|| connector.connect(of_client, "localhost", None, &context));
        parked(&one, Parked::Read);
        context.cancel();
        assert!(client.join().unwrap().unwrap_err().is_cancelled());
    });
    let (one, _other) = memory::pair();
    thread::scope(|scope| {
        let of_server = one.clone();
        let server = scope.spawn(|| acceptor.accept(of_server, None));
        parked(&one, Parked::Read);
        one.close();
        assert_eq!(server.join().unwrap().unwrap_err().kind(), Kind::TlsHandshake);
    });
}

#[test]
fn a_peer_without_tls_is_recognised() {
    let (connector, acceptor) = ends();
    let (one, mut other) = memory::pair();
    other.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let error = acceptor.accept(one, PATIENCE).unwrap_err();
    assert_eq!(error.kind(), Kind::TlsHandshake);
    assert!(error.to_string().contains("HTTP without TLS"), "{error}");
    let (one, mut other) = memory::pair();
    other.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    let error = connector.connect(one, "localhost", PATIENCE, &Context::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::TlsHandshake);
    let (one, other) = memory::pair();
    drop(other);
    let error = connector.connect(one, "localhost", PATIENCE, &Context::new()).unwrap_err();
    assert_eq!(error.kind(), Kind::TlsHandshake, "{error}");
}

#[test]
fn a_certificate_for_another_name_or_of_an_unknown_root_is_not_trusted() {
    let (connector, acceptor) = ends();
    let (server, client) = connect(connector, acceptor, "example.org");
    let error = client.unwrap_err();
    assert_eq!(error.kind(), Kind::UntrustedCertificate);
    assert!(error.to_string().contains("example.org"), "{error}");
    assert_eq!(server.unwrap_err().kind(), Kind::TlsHandshake);
    let (stranger, _) = identity_of("localhost");
    let (_, client) = connect(connector, &Acceptor::new(stranger).unwrap(), "localhost");
    assert_eq!(client.unwrap_err().kind(), Kind::UntrustedCertificate);
}

#[test]
fn any_certificate_can_be_accepted() {
    let (stranger, _) = identity_of("localhost");
    let acceptor = Acceptor::new(stranger).unwrap();
    let connector = Connector::builder().dangerously_accept_any_certificate().build().unwrap();
    let (server, client) = connect(&connector, &acceptor, "example.org");
    assert!(server.is_ok() && client.is_ok());
}

#[test]
fn a_client_gets_the_identity_of_the_name_that_it_asks_for() {
    let names = ["localhost", "one.example", "*.two.example"];
    let identities = names.map(identity_of);
    let pem: String = identities.iter().map(|(_, pem)| pem.as_str()).collect();
    let [first, second, third] = identities.map(|(identity, _)| identity);
    let acceptor = Acceptor::builder(first).identity(second).identity(third).build().unwrap();
    let roots = Roots::only_pem(pem).unwrap();
    let connector = Connector::builder().roots(roots).build().unwrap();
    for host in ["one.example", "a.two.example", "localhost"] {
        let (server, client) = connect(&connector, &acceptor, host);
        client.unwrap();
        assert_eq!(server.unwrap().tls().unwrap().server_name(), Some(host));
    }
    let (_, client) = connect(&connector, &acceptor, "three.example");
    let error = client.unwrap_err();
    assert!(error.to_string().contains("localhost"), "the first identity was presented: {error}");
}

#[test]
fn client_certificates_are_optional_or_required() {
    let (server, server_pem) = identity_of("localhost");
    let (client, client_pem) = identity_of("client");
    let nobody = || Connector::builder().roots(Roots::only_pem(&server_pem).unwrap());
    let anonymous = nobody().build().unwrap();
    let known = nobody().identity(client).build().unwrap();
    let unknown = nobody().identity(identity_of("client").0).build().unwrap();
    let accepts = |clients| {
        let acceptor = Acceptor::builder(server.clone()).client_certificates(clients);
        let acceptor = acceptor.build().unwrap();
        [&anonymous, &known, &unknown].map(|connector| {
            let (server, _client) = connect(connector, &acceptor, "localhost");
            let certificates = |stream: Stream| stream.tls().unwrap().peer_certificates().len();
            server.map(certificates).map_err(|error| error.kind())
        })
    };
    let pem = || client_pem.clone().into_bytes();
    assert_eq!(accepts(ClientCertificates::NotAsked), [Ok(0), Ok(0), Ok(0)]);
    let untrusted = Err(Kind::UntrustedCertificate);
    assert_eq!(accepts(ClientCertificates::Optional(pem())), [Ok(0), Ok(1), untrusted]);
    let without = Err(Kind::TlsHandshake);
    assert_eq!(accepts(ClientCertificates::Required(pem())), [without, Ok(1), untrusted]);
}

#[test]
fn an_acceptor_is_replaced_in_all_its_clones() {
    let (old, old_pem) = identity_of("localhost");
    let (new, new_pem) = identity_of("localhost");
    let acceptor = Acceptor::new(old).unwrap();
    let served = acceptor.clone();
    let trusts = |pem: &str| {
        let connector = Connector::builder().roots(Roots::only_pem(pem).unwrap()).build().unwrap();
        connect(&connector, &served, "localhost").1.is_ok()
    };
    assert_eq!((trusts(&old_pem), trusts(&new_pem)), (true, false));
    acceptor.replace(&Acceptor::new(new).unwrap());
    assert_eq!((trusts(&old_pem), trusts(&new_pem)), (false, true));
}

#[test]
fn the_second_handshake_resumes_the_session_of_the_first() {
    let (identity, pem) = identity_of("localhost");
    let acceptor = Acceptor::new(identity).unwrap();
    let connector = Connector::builder().roots(Roots::only_pem(pem).unwrap()).build().unwrap();
    for resumed in [false, true, true] {
        let (server, client) = connect(&connector, &acceptor, "localhost");
        let (server, client) = (server.unwrap(), client.unwrap());
        // The ticket arrives after the handshake, with the first data.
        (&server).write_all(b"x").unwrap();
        assert_eq!(read_text(&client, 1), "x");
        for info in [server.tls().unwrap(), client.tls().unwrap()] {
            assert_eq!(info.is_resumed(), resumed, "{info:?}");
            assert_eq!(info.alpn(), Some("http/1.1"));
            assert_eq!(info.version(), TlsVersion::Tls13);
            assert!(info.cipher_suite().starts_with("TLS_"), "{info:?}");
        }
    }
}

#[test]
fn min_version_excludes_older_versions() {
    let (connector, _) = ends();
    let (identity, pem) = identity_of("localhost");
    let only_12 = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_protocol_versions(&[&rustls::version::TLS12])
    .unwrap()
    .with_no_client_auth()
    .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity.key())));
    let acceptor = Acceptor::from_rustls(Arc::new(only_12));
    let roots = || Connector::builder().roots(Roots::only_pem(&pem).unwrap());
    let (server, client) = connect(&roots().build().unwrap(), &acceptor, "localhost");
    let (server, client) = (server.unwrap(), client.unwrap());
    assert_eq!(client.tls().unwrap().version(), TlsVersion::Tls12);
    assert_eq!(client.tls().unwrap().alpn(), None);
    (&client).write_all(b"hello").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_text(&server, 5), "hello");
    assert_eq!((&server).read(&mut [0]).unwrap(), 0);
    (&server).write_all(b"bye").unwrap();
    assert_eq!(read_text(&client, 3), "bye");

    let modern = roots().min_version(TlsVersion::Tls13).build().unwrap();
    let (_, client) = connect(&modern, &acceptor, "localhost");
    assert_eq!(client.unwrap_err().kind(), Kind::TlsHandshake);
    assert_ne!(*connector, modern);
    assert_eq!(*connector, connector.clone());
}

#[test]
fn tls_goes_over_tls() {
    let (one, other) = pair();
    let (server, client) = over_tls(one, other);
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_text(&server, 9));
        parked(&server, Parked::Read);
        (&client).write_all(b"two locks").unwrap();
        assert_eq!(reader.join().unwrap(), "two locks");
    });
    drop(client);
    assert_eq!((&server).read(&mut [0]).unwrap(), 0);
}

#[test]
fn an_invalid_identity_reports_the_reason() {
    let (key, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let cert = CertificateParams::new(["a".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    for (chain, key, why) in [
        (cert.as_str(), other.serialize_pem().as_str(), "does not match the certificate"),
        ("", &key.serialize_pem(), "no certificate in the PEM text"),
        (&cert, "nothing", "invalid private key"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "", "invalid certificate"),
    ] {
        let error = Identity::from_pem(chain, key).unwrap_err();
        assert_eq!(error.kind(), Kind::InvalidTlsConfig);
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.is_caller_fault());
    }
    let error = Identity::from_pem_files("/nowhere/cert.pem", "/nowhere/key.pem").unwrap_err();
    assert!(error.to_string().contains("/nowhere/cert.pem"), "{error}");
    assert!(Roots::only_pem("").is_err() && Roots::only_pem_file("/nowhere/ca.pem").is_err());
    let identity = Identity::from_pem(&cert, key.serialize_pem()).unwrap();
    assert_eq!(format!("{identity:?}"), "Identity { certificates: 1 }");
}

#[cfg(feature = "bundled-roots")]
#[test]
fn bundled_roots_do_not_trust_an_unknown_root() {
    let (_, acceptor) = ends();
    let connector = Connector::builder().roots(Roots::bundled()).build().unwrap();
    let (_, client) = connect(&connector, acceptor, "localhost");
    assert_eq!(client.unwrap_err().kind(), Kind::UntrustedCertificate);
}
