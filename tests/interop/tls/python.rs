//! Python's `http.client` and `ssl` at both ends.

use hangup::{Error, ErrorKind, ResponseExt};

use super::authority::Authority;
use super::dialogue::Dialogue;
use super::{client_of, serve_by};
use crate::process::{Folder, text};

#[test]
#[ignore = "needs python3"]
fn as_the_client_of_our_server() {
    let script = "
import http.client, ssl, sys

port, roots = int(sys.argv[1]), sys.argv[2]
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    context = ssl.create_default_context(cafile=roots)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(['h2', 'http/1.1'])
    connection = http.client.HTTPSConnection('localhost', port, context=context)

    def ask(*request, **more):
        connection.request(*request, **more)
        response = connection.getresponse()
        assert response.status == 200, response.status
        return response.read()

    addrs = {ask('GET', '/addr') for _ in range(20)}
    assert len(addrs) == 1, addrs
    assert connection.sock.selected_alpn_protocol() == 'http/1.1'
    for number in range(20):
        sent = b'x' * (5000 * number)
        assert ask('POST', '/echo', body=sent) == sent
        pieces = (b'x' * 5000 for _ in range(number))
        assert ask('POST', '/echo', body=pieces, encode_chunked=True,
                   headers={'Transfer-Encoding': 'chunked'}) == sent
    assert ask('GET', '/addr') in addrs
    # Our close_notify answers its own, or this would be an error.
    connection.sock.unwrap().close()
print('ok')
";
    let (ca, folder) = (Authority::new(), Folder::new());
    let server = serve_by(&ca);
    let file = folder.file("client.py", script.as_bytes());
    let port = server.addr().port().to_string();
    assert_eq!(text("python3", &[&file, &port, ca.file()]), "ok\n");
}

/// `/BODY/END`: the framing of the body, and how the connection ends.
const SERVER: &str = "
import socket, ssl, sys

heads = {
    'unframed': b'',
    'sized': b'Content-Length: 5\\r\\n',
    'chunked': b'Transfer-Encoding: chunked\\r\\n',
    'short': b'Content-Length: 6\\r\\n',
}
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(('127.0.0.1', 0))
print('port', listener.getsockname()[1], flush=True)
while True:
    connection = context.wrap_socket(listener.accept()[0], server_side=True)
    request = b''
    while b'\\r\\n\\r\\n' not in request:
        request += connection.recv(4096)
    _, body, end = request.split()[1].decode().split('/')
    content = b'5\\r\\nhello\\r\\n0\\r\\n\\r\\n' if body == 'chunked' else b'hello'
    connection.sendall(b'HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n' + heads[body] + b'\\r\\n' + content)
    if end == 'notified':
        # Waits for our close_notify as well; without it, the server would end here.
        connection = connection.unwrap()
    connection.close()
";

#[test]
#[ignore = "needs python3"]
fn as_a_server_that_ends_connections_with_and_without_a_close_notify() {
    let (ca, folder) = (Authority::new(), Folder::new());
    let signed = ca.server();
    let file = folder.file("server.py", SERVER.as_bytes());
    let mut server = Dialogue::start("python3", &[&file, &signed.cert, &signed.key]);
    server.until("port ");
    let port = server.line();
    let client = client_of(&ca);
    let cases = [
        ("unframed/notified", true),
        ("unframed/cut", false),
        ("sized/notified", true),
        ("sized/cut", true),
        ("chunked/notified", true),
        ("chunked/cut", true),
        ("short/notified", false),
        ("short/cut", false),
    ];
    for round in 0..5 {
        for (path, is_whole) in cases {
            let sent = client.get(format!("https://localhost:{port}/{path}")).send();
            let mut response = sent.unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(!response.is_connection_reused(), "{round}: {path}");
            let body = response.body_mut().read_text(100).map_err(|error: Error| error.kind());
            let expected = match is_whole {
                true => Ok("hello".to_owned()),
                false => Err(ErrorKind::IncompleteBody),
            };
            assert_eq!(body, expected, "{round}: {path}");
        }
    }
}
