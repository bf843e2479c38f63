//! OpenSSL's `s_client` against our server.

use std::io::Write;

use crossbeam_channel::{Receiver, Sender, unbounded};
use hangup::server::ConnState;
use hangup::testing::TestServer;
use hangup::tls::Acceptor;
use hangup::{Request, RequestExt, ResponseWriter, Server};

use super::authority::{Authority, Signed};
use super::dialogue::Dialogue;
use super::{answer, serve, serve_by};
use crate::process::{Folder, PATIENCE};

const VERSIONS: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// Starts `s_client`, connected to `server` and trusting `ca`. It treats some letters at the beginning of
/// its input as commands.
fn s_client(server: &TestServer, ca: &Authority, args: &[&str]) -> Dialogue {
    let addr = server.addr().to_string();
    let common = ["s_client", "-connect", &addr, "-CAfile", ca.file(), "-verify_return_error"];
    Dialogue::start("openssl", &[&common, args].concat())
}

/// Sends one request over a new connection and returns the output of `s_client`.
fn get(server: &TestServer, ca: &Authority, args: &[&str]) -> String {
    // The input stays open, or it would leave without waiting for the answer.
    let mut client = s_client(server, ca, &[&["-ign_eof"], args].concat());
    client.say("GET /tls HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let (status, printed) = client.finish();
    assert!(status.success() && printed.contains("Verification: OK"), "{printed}");
    printed
}

#[test]
#[ignore = "needs openssl"]
fn sessions_are_resumed_with_keys_of_both_kinds() {
    let ca = Authority::new();
    for signed in [ca.server(), ca.server_with_rsa()] {
        let server = serve(Acceptor::new(signed.identity()).expect("an acceptor"));
        for (flag, version) in VERSIONS {
            let folder = Folder::new();
            let session = folder.path().join("session");
            let session = session.to_str().expect("UTF-8");
            let first = get(&server, &ca, &[flag, "-sess_out", session]);
            assert!(first.contains(&format!("New, {version}")), "{first}");
            assert!(first.contains("resumed: false"), "{first}");
            // A ticket resumes more than one connection, and the output does not say which is the first.
            for _ in 0..2 {
                let next = get(&server, &ca, &[flag, "-sess_in", session]);
                assert!(next.contains(&format!("Reused, {version}")), "{next}");
                assert!(next.contains("resumed: true"), "{next}");
            }
        }
    }
}

#[test]
#[ignore = "needs openssl"]
fn an_acceptor_that_was_replaced_resumes_nothing() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let acceptor = Acceptor::new(ca.server().identity()).expect("an acceptor");
    let server = serve(acceptor.clone());
    let session = folder.path().join("session");
    let session = session.to_str().expect("UTF-8");
    get(&server, &ca, &["-sess_out", session]);
    acceptor.replace(&Acceptor::new(ca.server_of("renewed").identity()).expect("an acceptor"));
    let next = get(&server, &ca, &["-sess_in", session]);
    assert!(next.contains("CN = renewed") && next.contains("resumed: false"), "{next}");
}

#[test]
#[ignore = "needs openssl"]
fn the_name_that_is_asked_for_picks_the_identity() {
    let ca = Authority::new();
    let [first, second, any] = ["first.example", "second.example", "*.any.example"]
        .map(|name| ca.server_of(name))
        .map(|signed: Signed| signed.identity());
    let acceptor = Acceptor::builder(first).identity(second).identity(any);
    let server = serve(acceptor.build().expect("an acceptor"));
    let cases = [
        ("first.example", "first.example"),
        ("second.example", "second.example"),
        ("SECOND.example", "second.example"),
        ("of.any.example", "*.any.example"),
        ("third.example", "first.example"),
    ];
    for (flag, _) in VERSIONS {
        for (asked, got) in cases {
            let printed = get(&server, &ca, &[flag, "-servername", asked]);
            assert!(printed.contains(&format!("subject=CN = {got}\n")), "{asked}: {printed}");
            let told = format!("to {}, ", asked.to_ascii_lowercase());
            assert!(printed.contains(&told), "{asked}: {printed}");
        }
        let printed = get(&server, &ca, &[flag, "-noservername"]);
        assert!(printed.contains("subject=CN = first.example\n"), "{printed}");
        assert!(printed.contains("to nobody, "), "{printed}");
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_request_in_records_of_one_byte() {
    let ca = Authority::new();
    let server = serve_by(&ca);
    for (flag, _) in VERSIONS {
        let mut client = s_client(&server, &ca, &[flag, "-msg", "-nocommands"]);
        client.until("Verify return code: 0 (ok)");
        let request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nin parts";
        for byte in request.chars() {
            client.say(byte.encode_utf8(&mut [0; 4]));
            // The next byte is not in this record, once there is one.
            client.until(">>> TLS 1.2, RecordHeader");
        }
        client.until("HTTP/1.1 200 OK");
        client.until("\r\n\r\nin parts");
    }
}

#[test]
#[ignore = "needs openssl"]
fn keys_are_updated_between_requests() {
    let ca = Authority::new();
    let (states, entered) = unbounded();
    let server = Server::new(answer).tls(Acceptor::new(ca.server().identity()).unwrap());
    let server = TestServer::with(server.on_connection_state(move |_, state| {
        let _ = states.send(state);
    }));
    let mut client = s_client(&server, &ca, &["-tls1_3", "-msg"]);
    for round in 0..3 {
        client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        if round > 0 {
            // Ours are updated with the next answer, before it.
            client.until("<<< TLS 1.3, Handshake [length 0005], KeyUpdate");
        }
        client.until("\r\n\r\nok\n");
        assert!(entered.iter().any(|state| state == ConnState::Idle));
        // The capital asks for our keys to be updated as well.
        client.say("K\n");
        client.until(">>> TLS 1.3, Handshake [length 0005], KeyUpdate");
    }
    let states: Vec<_> = entered.try_iter().collect();
    assert!(!states.contains(&ConnState::Closed), "one connection: {states:?}");
}

/// How `s_client` leaves while a handler runs.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// With a close_notify, after a quit command or the end of its input.
    Quit,
    EndOfInput,
    /// Killed with everything read: its system closes the connection.
    Killed,
    /// Killed with something unread: its system resets the connection.
    Reset,
}

/// The report of a handler that waits for its client to close.
#[derive(Debug, PartialEq)]
enum Told {
    Running,
    Written,
    Left,
}

/// Says that it runs, answers when it is let, and waits for its client to leave.
fn wait_for_the_end(events: Sender<Told>, go: Receiver<()>) -> impl hangup::Handler {
    move |w: &mut ResponseWriter, r: &mut Request| {
        let context = r.context().clone();
        let tell = |event| events.send(event).expect("a test that listens");
        tell(Told::Running);
        go.recv()?;
        w.write_all(b"the answer begins")?;
        w.flush()?;
        tell(Told::Written);
        context.wait();
        tell(Told::Left);
        Ok(())
    }
}

#[test]
#[ignore = "needs openssl"]
fn a_handler_learns_that_its_client_has_left() {
    let ca = Authority::new();
    let (events, told) = unbounded();
    let (let_go, go) = unbounded();
    let acceptor = Acceptor::new(ca.server().identity()).expect("an acceptor");
    let server = TestServer::with(Server::with_handler(wait_for_the_end(events, go)).tls(acceptor));
    let ways = [Leaving::Quit, Leaving::EndOfInput, Leaving::Killed, Leaving::Reset];
    for (flag, _) in VERSIONS {
        for way in ways {
            let mut client = s_client(&server, &ca, &[flag]);
            client.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::Running), "{way:?}");
            if let Leaving::Reset = way {
                client.freeze();
            }
            let_go.send(()).expect("a handler");
            assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::Written), "{way:?}");
            leave(client, way);
            assert_eq!(told.recv_timeout(PATIENCE), Ok(Told::Left), "{way:?}");
        }
    }
}

fn leave(mut client: Dialogue, way: Leaving) {
    if let Leaving::Reset = way {
        return client.kill();
    }
    client.until("the answer begins");
    match way {
        Leaving::Quit => client.say("Q\n"),
        Leaving::EndOfInput => client.end_input(),
        Leaving::Killed | Leaving::Reset => return client.kill(),
    }
    let (status, printed) = client.finish();
    assert!(status.success() && printed.contains("DONE"), "{printed}");
}
