//! WebSocket by tungstenite on our upgrade, against other projects' clients.

use std::io::Read;
use std::net::Shutdown;

use hangup::testing::TestServer;
use hangup::websocket::Upgrade;
use hangup::{Error, Request, ResponseWriter, Result};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Message, WebSocket};

use crate::process::{Folder, text};

/// The most bytes of a message.
const MOST: usize = 1 << 20;

/// Sends each message back, until the client closes or breaks the protocol.
fn echo(w: &mut ResponseWriter, r: &mut Request) -> Result<()> {
    let upgrade = Upgrade::new().protocols(["echo.v2", "echo.v1"]);
    let duplex = upgrade.allow_origins(["https://app.example"]).accept(w, r)?.into_duplex();
    let limits = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
    let mut socket = WebSocket::from_raw_socket(duplex, Role::Server, Some(limits));
    let code = loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                socket.send(message).map_err(Error::other)?;
            }
            Ok(_) => {}
            Err(tungstenite::Error::Capacity(_)) => break Some(CloseCode::Size),
            Err(tungstenite::Error::Utf8(_)) => break Some(CloseCode::Invalid),
            Err(tungstenite::Error::Protocol(_)) => break Some(CloseCode::Protocol),
            Err(tungstenite::Error::ConnectionClosed) => break None,
            Err(_) => return Ok(()),
        }
    };
    if let Some(code) = code {
        let frame = CloseFrame { code, reason: "".into() };
        let _ = socket.close(Some(frame)).and_then(|()| socket.flush());
    }
    // Closing the connection with unread bytes would reset it, and the client would lose the close frame.
    let _ = socket.get_ref().stream().shutdown(Shutdown::Write);
    while let Ok(1..) = socket.get_mut().read(&mut [0; 4096]) {}
    Ok(())
}

/// Runs a script with the URL of the echo server.
fn run(script: &str) {
    let server = TestServer::new(echo);
    let folder = Folder::new();
    let file = folder.file("client.py", script.as_bytes());
    let url = server.url("/").replace("http", "ws");
    assert_eq!(text("python3", &[&file, &url]), "ok\n");
}

#[test]
#[ignore = "needs python3 with websockets"]
fn pythons_websockets_converses() {
    run(r#"
import asyncio, sys, websockets
from websockets.exceptions import ConnectionClosed, InvalidStatus

url = sys.argv[1]

async def converse():
    async with websockets.connect(url, max_size=None) as socket:
        assert socket.response.status_code == 101
        assert socket.subprotocol is None and not socket.protocol.extensions
        for size in 0, 1, 125, 126, 127, 128, 65535, 65536, 65537, 1000000:
            for message in "é" * (size // 2), b"\xff" * size:
                await socket.send(message)
                assert await socket.recv() == message, size
        # A message in fragments, with a ping between them.
        async def fragments():
            yield "one "
            await (await socket.ping(b"between"))
            yield ""
            yield "two"
        await socket.send(fragments())
        assert await socket.recv() == "one two"
        await (await socket.ping(b"x" * 125))
        await socket.close(4999, "reason é")
        assert socket.close_code == 4999 and socket.close_reason == "reason é"

async def options():
    async with websockets.connect(url, subprotocols=["echo.v1", "echo.v2"]) as socket:
        assert socket.subprotocol == "echo.v2"
    async with websockets.connect(url, subprotocols=["other"]) as socket:
        assert socket.subprotocol is None
    async with websockets.connect(url, origin="https://app.example"):
        pass
    for refused in dict(origin="https://evil.example"), dict(origin="null"):
        try:
            await websockets.connect(url, **refused)
            assert False, refused
        except InvalidStatus as error:
            assert error.response.status_code == 403

async def many():
    sockets = [await websockets.connect(url) for _ in range(50)]
    async def chat(number, socket):
        for count in range(20):
            await socket.send(f"{number} {count}")
            assert await socket.recv() == f"{number} {count}"
        await socket.close()
    await asyncio.gather(*(chat(*numbered) for numbered in enumerate(sockets)))

async def main():
    await converse()
    await options()
    await many()
    try:
        async with websockets.connect(url, max_size=None) as socket:
            await socket.send(b"x" * 1100000)
            await socket.recv()
            assert False
    except ConnectionClosed as error:
        assert error.rcvd.code == 1009, error

asyncio.run(main())
print("ok")
"#);
}

/// The cases of the Autobahn test suite's chapters, as far as one frame sequence shows them: what is sent after
/// the handshake, and what comes back. A frame is written as `FIRST:PAYLOAD`, with its first byte in hexadecimal
/// digits.
#[test]
#[ignore = "needs python3"]
fn frames_that_the_protocol_forbids_end_the_connection() {
    run(r#"
import os, socket, struct, sys
from urllib.parse import urlsplit

host, port = urlsplit(sys.argv[1]).netloc.split(":")
HEAD = ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()

def frame(first, payload=b"", masked=True, length=None):
    length = len(payload) if length is None else length
    size = (bytes([length]) if length < 126 else struct.pack("!BH", 126, length)
            if length < 65536 else struct.pack("!BQ", 127, length))
    head = bytes([first, size[0] | (0x80 if masked else 0)]) + size[1:]
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

def received(stream):
    def exactly(count):
        data = stream.read(count)
        if len(data) < count:
            raise EOFError
        return data
    frames = []
    try:
        while True:
            first, length = exactly(2)
            assert length < 0x80, "a server does not mask"
            if length == 126: length, = struct.unpack("!H", exactly(2))
            elif length == 127: length, = struct.unpack("!Q", exactly(8))
            frames.append((first, exactly(length)))
    except EOFError:
        return frames

def exchange(data, split):
    with socket.create_connection((host, int(port)), 10) as connection:
        if split:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection.makefile("rb")
            connection.sendall(HEAD)
            assert stream.readline().startswith(b"HTTP/1.1 101 ")
            while stream.readline() != b"\r\n": pass
            for at in range(len(data)):
                try: connection.sendall(data[at:at + 1])
                except OSError: break
        else:
            connection.sendall(HEAD + data)
            stream = connection.makefile("rb")
            assert stream.readline().startswith(b"HTTP/1.1 101 ")
            while stream.readline() != b"\r\n": pass
        return received(stream)

def close(code, reason=b""):
    return 0x88, struct.pack("!H", code) + reason

TEXT, BINARY, CLOSE, PING, PONG, MORE = 0x81, 0x82, 0x88, 0x89, 0x8a, 0x80
bye, over = frame(*close(1000)), close(1000)
PROTOCOL, UTF8 = 1002, 1007
euro = "€".encode()

# The bytes to send, the messages that come back before the close frame, and the status of that frame.
CASES = [
    # 1: framing
    (frame(TEXT) + bye, [(TEXT, b"")], 1000),
    (frame(TEXT, b"a" * 125) + bye, [(TEXT, b"a" * 125)], 1000),
    (frame(TEXT, b"a" * 126) + bye, [(TEXT, b"a" * 126)], 1000),
    (frame(BINARY, b"\xfe" * 128) + bye, [(BINARY, b"\xfe" * 128)], 1000),
    # 2: pings and pongs
    (frame(PING) + bye, [(PONG, b"")], 1000),
    (frame(PING, b"x" * 125) + bye, [(PONG, b"x" * 125)], 1000),
    (frame(PING, b"x" * 126) + bye, [], PROTOCOL),
    (frame(PONG) + bye, [], 1000),
    (frame(PONG, b"unasked") + frame(PING, b"1") + bye, [(PONG, b"1")], 1000),
    # 3: reserved bits
    (frame(TEXT | 0x10, b"a") + bye, [], PROTOCOL),
    (frame(TEXT | 0x20, b"a") + bye, [], PROTOCOL),
    (frame(TEXT | 0x40, b"a") + bye, [], PROTOCOL),
    (frame(TEXT, b"a") + frame(PING | 0x40) + bye, [(TEXT, b"a")], PROTOCOL),
    (frame(CLOSE | 0x40), [], PROTOCOL),
    # 4: reserved opcodes
    (frame(0x83) + bye, [], PROTOCOL),
    (frame(0x87, b"a") + bye, [], PROTOCOL),
    (frame(0x8b) + bye, [], PROTOCOL),
    (frame(TEXT, b"a") + frame(0x8f, b"a") + bye, [(TEXT, b"a")], PROTOCOL),
    # 5: fragments
    (frame(PING & 0x7f, b"a") + bye, [], PROTOCOL),
    (frame(PONG & 0x7f, b"a") + bye, [], PROTOCOL),
    (frame(0x01, b"a") + frame(MORE, b"b") + bye, [(TEXT, b"ab")], 1000),
    (frame(0x01, b"a") + frame(0x00, b"") + frame(MORE, b"") + bye, [(TEXT, b"a")], 1000),
    (frame(0x01, b"a") + frame(PING, b"p") + frame(MORE, b"b") + bye, [(PONG, b"p"), (TEXT, b"ab")], 1000),
    (frame(0x02, b"a") + frame(PONG) + frame(0x00, b"b") + frame(MORE) + bye, [(BINARY, b"ab")], 1000),
    (frame(MORE, b"a") + bye, [], PROTOCOL),
    (frame(0x00, b"a") + bye, [], PROTOCOL),
    (frame(0x01, b"a") + frame(TEXT, b"b") + bye, [], PROTOCOL),
    (frame(0x01, b"a") + frame(0x01, b"b") + bye, [], PROTOCOL),
    (frame(TEXT, b"a") + frame(MORE, b"b") + bye, [(TEXT, b"a")], PROTOCOL),
    # 6: UTF-8
    (frame(TEXT, euro * 10) + bye, [(TEXT, euro * 10)], 1000),
    (frame(0x01, euro[:1]) + frame(MORE, euro[1:]) + bye, [(TEXT, euro)], 1000),
    (frame(TEXT, "\U0010ffff".encode()) + bye, [(TEXT, "\U0010ffff".encode())], 1000),
    (frame(TEXT, b"\xff") + bye, [], UTF8),
    (frame(TEXT, b"ab\xc3") + bye, [], UTF8),
    (frame(TEXT, b"\xed\xa0\x80") + bye, [], UTF8),
    (frame(TEXT, b"\xf4\x90\x80\x80") + bye, [], UTF8),
    (frame(TEXT, b"\xc0\xaf") + bye, [], UTF8),
    (frame(0x01, euro[:2]) + frame(MORE, b"a") + bye, [], UTF8),
    (frame(BINARY, b"\xff") + bye, [(BINARY, b"\xff")], 1000),
    # 7: closing
    (frame(CLOSE), [], None),
    (frame(*close(1000, b"done")), [], 1000),
    (frame(*close(3000)), [], 3000),
    (frame(*close(4999)), [], 4999),
    (frame(CLOSE, b"\x03"), [], PROTOCOL),
    (frame(*close(999)), [], PROTOCOL),
    (frame(*close(1004)), [], PROTOCOL),
    (frame(*close(1005)), [], PROTOCOL),
    (frame(*close(1006)), [], PROTOCOL),
    (frame(*close(1016)), [], PROTOCOL),
    (frame(*close(2999)), [], PROTOCOL),
    (frame(*close(1000, b"x" * 123)), [], 1000),
    (frame(*close(1000, b"x" * 124)), [], PROTOCOL),
    (bye + frame(TEXT, b"after"), [], 1000),
    # 9: sizes
    (frame(BINARY, b"x" * 65536) + bye, [(BINARY, b"x" * 65536)], 1000),
    (frame(BINARY, b"x" * 1048577) + bye, [], 1009),
    (frame(BINARY, length=1 << 62), [], 1009),
    (frame(BINARY, length=1 << 63), [], 1009),
    ((frame(0x02, b"x" * 600000) + frame(MORE, b"x" * 600000)) + bye, [], 1009),
    # Masks: a client must.
    (frame(TEXT, b"a", masked=False) + bye, [], PROTOCOL),
    (frame(PING, masked=False) + bye, [], PROTOCOL),
]
wrong = 0
for number, (data, expected, status) in enumerate(CASES):
    for split in (False, True) if len(data) < 1000 else (False,):
        frames = exchange(data, split)
        last = [content[:2] for first, content in frames if first == CLOSE]
        rest = [one for one in frames if one[0] != CLOSE]
        codes = [struct.unpack("!H", code)[0] if code else None for code in last]
        if rest != expected or codes != [status]:
            wrong += 1
            print(number, split, data[:20], "gives", [r[:1] + (r[1][:20],) for r in rest], codes, "not", status, file=sys.stderr)
assert not wrong, wrong
print("ok")
"#);
}
