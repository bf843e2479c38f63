"""Sends the same requests through two proxies to one upstream, and prints the names of those that differ.

    reverse_proxy.py UPSTREAM_PORT PORT PORT

The upstream is in this program. It does what the path says, and records what it received.
"""

import re
import socket
import struct
import sys
import threading
import time

UPSTREAM, OURS, NGINX = map(int, sys.argv[1:])
received = []


class Reader:
    """Reads parts of a stream; a part that is cut off raises EOFError."""

    def __init__(self, stream):
        self.stream, self.held = stream, b""

    def more(self):
        data = self.stream.recv(65536)
        if not data:
            raise EOFError
        self.held += data

    def through(self, mark):
        while mark not in self.held:
            self.more()
        part, _, self.held = self.held.partition(mark)
        return part

    def exactly(self, count):
        while len(self.held) < count:
            self.more()
        part, self.held = self.held[:count], self.held[count:]
        return part

    def chunks(self):
        body = b""
        while size := int(self.through(b"\r\n").split(b";")[0], 16):
            body += self.exactly(size)
            self.through(b"\r\n")
        trailers = []
        while line := self.through(b"\r\n"):
            trailers.append(line)
        return body, trailers


def fields_of(lines):
    pairs = [line.decode("latin1").split(":", 1) for line in lines]
    return sorted((name.strip().lower(), value.strip()) for name, value in pairs)


# Fields in which any two proxies differ, or which frame the message.
OWN = {"via", "host", "connection", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
       "content-length", "transfer-encoding", "date", "server", "keep-alive", "x-long"}


def others(fields):
    return [field for field in fields if field[0] not in OWN]


OK = "HTTP/1.1 200 OK\r\n"
LENGTH, CHUNKED = "Content-Length: 2\r\n", "Transfer-Encoding: chunked\r\n"
# The upstream's response, and whether it closes the connection then.
ANSWERS = {
    "/chunked": (OK + CHUNKED + "\r\n2\r\nok\r\n0\r\n\r\n", False),
    "/close": (OK + "\r\nuntil it closes", True),
    "/status/204": ("HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", False),
    "/status/205": ("HTTP/1.1 205 X\r\nContent-Length: 2\r\n\r\nst", False),
    "/status/299": ("HTTP/1.1 299 X\r\nContent-Length: 2\r\n\r\nst", False),
    "/status/304": ("HTTP/1.1 304 X\r\nContent-Length: 0\r\n\r\n", False),
    "/status/404": ("HTTP/1.1 404 X\r\nContent-Length: 2\r\n\r\nst", False),
    "/status/500": ("HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nst", False),
    "/cut-length": (OK + "Content-Length: 100\r\n\r\n" + 50 * "x", True),
    "/cut-chunk": (OK + CHUNKED + "\r\n5\r\nhello\r\n", True),
    "/bad-chunk": (OK + CHUNKED + "\r\n5\r\nhello\r\nzz\r\n", True),
    "/empty": ("", True),
    "/garbage": ("what is this?\r\n\r\n", True),
    "/half-head": (OK + "Content-", True),
    "/early": ("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", True),
    "/hints": ("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + LENGTH + "\r\nok", False),
    "/processing": ("HTTP/1.1 102 Processing\r\n\r\n" + OK + LENGTH + "\r\nok", False),
    "/trailers": (OK + CHUNKED + "Trailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n", False),
    "/hop": (OK + LENGTH + "Connection: x-a\r\nX-A: 1\r\nKeep-Alive: timeout=9\r\n\r\nok", False),
    "/gzip": (OK + LENGTH + "Content-Encoding: gzip\r\n\r\nzz", False),
    "/cookies": (OK + LENGTH + "Set-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\nok", False),
    "/redirect": ("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", False),
    "/same-lengths": (OK + LENGTH + LENGTH + "\r\nok", False),
    "/two-lengths": (OK + LENGTH + "Content-Length: 3\r\n\r\nok", True),
    "/bad-length": (OK + "Content-Length: x\r\n\r\nok", True),
    "/length-and-chunks": (OK + "Content-Length: 9\r\n" + CHUNKED + "\r\n2\r\nok\r\n0\r\n\r\n", True),
    "/old": ("HTTP/1.0 200 OK\r\n\r\nold", True),
    "/bad-field": (OK + LENGTH + "X : y\r\n\r\nok", True),
    "/nul": (OK + LENGTH + "X: a\0b\r\n\r\nok", True),
    "/big": (OK + "Content-Length: 1000000\r\n\r\n" + 1000000 * "y", False),
    "/extra": (OK + LENGTH + "\r\nok" + OK + "\r\n", True),
    "/long-head": (OK + LENGTH + "X-Long: " + 20000 * "a" + "\r\n\r\nok", False),
    "/switch": ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi", True),
}


def serve_one(stream, reader):
    """Serves one request. Returns whether the connection is kept."""
    request, *lines = reader.through(b"\r\n\r\n").split(b"\r\n")
    method, target, _ = request.decode("latin1").split(" ", 2)
    fields, path = fields_of(lines), target.split("?")[0]
    framing = dict(fields)
    record = [method, target, others(fields), "unread", []]
    received.append(record)
    if path != "/early":
        record[3] = "cut off"
        if "transfer-encoding" in framing:
            body, record[4] = reader.chunks()
        else:
            body = reader.exactly(int(framing.get("content-length", 0)))
        record[3] = len(body)
    if path == "/reset":
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if path in ("/silent", "/half-silent"):
        stream.sendall(b"" if path == "/silent" else OK.encode() + b"Content-Length: 10\r\n\r\nhalf")
        stream.recv(1)
        return False
    if path == "/upgrade" and "upgrade" in framing:
        stream.sendall(ANSWERS["/switch"][0].encode() + reader.held)
        while data := stream.recv(4096):
            stream.sendall(data)
        stream.sendall(b"bye")
        return False
    answer, closes = ANSWERS.get(path, (OK + LENGTH + "Content-Type: text/x\r\n\r\nok", False))
    if method == "HEAD":
        answer = answer.partition("\r\n\r\n")[0] + "\r\n\r\n"
    stream.sendall(answer.encode("latin1"))
    if path == "/early":
        time.sleep(0.3)
    return not closes


def serve(stream):
    reader = Reader(stream)
    try:
        while serve_one(stream, reader):
            pass
    except (EOFError, OSError):
        pass
    stream.close()


def listen():
    listener = socket.create_server(("127.0.0.1", UPSTREAM), backlog=64)
    while True:
        threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()


def outcome(port, request, steps):
    """Returns what the client and the upstream saw of a request."""
    received.clear()
    stream = socket.create_connection(("127.0.0.1", port))
    stream.settimeout(5)
    came, end = b"", "end"
    try:
        for step in (request, *steps):
            if step == "leave":
                time.sleep(0.15)
                stream.close()
                time.sleep(0.2)
                return "left", [list(record) for record in received]
            if step == "half-close":
                stream.shutdown(socket.SHUT_WR)
            elif isinstance(step, float):
                time.sleep(step)
            else:
                stream.sendall(step)
        while data := stream.recv(65536):
            came += data
    except OSError as error:
        end = type(error).__name__
    stream.close()
    return answers(request, came), end, [list(record) for record in received]


def answers(request, came):
    """Parses the responses. Of an error that a proxy has made, only the status counts."""
    seen = []
    while came.startswith(b"HTTP/1."):
        head, _, came = came.partition(b"\r\n\r\n")
        line, *lines = head.split(b"\r\n")
        status, fields = line.split(b" ")[1].decode(), fields_of(lines)
        framing = dict(fields)
        if status[0] == "1" or status in ("204", "304") or request.startswith(b"HEAD"):
            body = framing.get("content-length")
        elif "transfer-encoding" in framing:
            rest = Reader(None)
            rest.held, came = came, b""
            try:
                body = rest.chunks()
            except (AttributeError, ValueError):
                body = "cut off"
        else:
            length = int(framing.get("content-length", len(came)))
            body, came = (came[:length], []), came[length:]
            if len(body[0]) < length:
                body = "cut off"
        own = int(status) >= 400 and body not in ((b"st", []), (b"no", []))
        seen.append(status if own else (status, others(fields), body))
    return seen, came


def get(path, method="GET", fields="", body="", version="1.1"):
    head = f"{method} {path} HTTP/{version}\r\nHost: front\r\nConnection: close\r\n{fields}\r\n"
    return (head + body).encode("latin1")


LEN_5, CHUNKS = "Content-Length: 5\r\n", "5\r\nhello\r\n"
UPGRADE = b"GET /upgrade HTTP/1.1\r\nHost: front\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
EXCHANGES = {
    **{f"method {method}": [get("/ok", method)] for method in
       "GET HEAD POST PUT DELETE OPTIONS PATCH TRACE PROPFIND CONNECT get".split()},
    **{path: [get(path)] for path in (*ANSWERS, "/reset", "/silent", "/half-silent")},
    **{f"HEAD {path}": [get(path, "HEAD")] for path in
       "/chunked /close /cut-length /status/304 /trailers /old".split()},
    **{f"HTTP/1.0 {path}": [get(path, version="1.0")] for path in
       "/ok /chunked /close /trailers /hints /cut-length /cut-chunk".split()},
    "length": [get("/echo", "POST", LEN_5, "hello")],
    "chunks": [get("/echo", "POST", CHUNKED, CHUNKS + "0\r\n\r\n")],
    "chunk extension": [get("/echo", "POST", CHUNKED, "5;a=b\r\nhello\r\n0\r\n\r\n")],
    "trailers": [get("/echo", "POST", CHUNKED, CHUNKS + "0\r\nX-T: 1\r\n\r\n")],
    "GET with body": [get("/echo", "GET", LEN_5, "hello")],
    "expectation": [get("/echo", "POST", "Expect: 100-continue\r\n" + LEN_5), 0.2, b"hello"],
    "refused expectation": [get("/early", "POST", "Expect: 100-continue\r\n" + LEN_5)],
    "early response": [get("/early", "POST", "Content-Length: 100\r\n", "hello")],
    "early response to chunks": [get("/early", "POST", CHUNKED, CHUNKS)],
    "slow upload": [get("/echo", "POST", LEN_5, "h"), 0.1, b"e", 0.1, b"llo"],
    "upload left": [get("/echo", "POST", "Content-Length: 10\r\n", "hello"), "leave"],
    "chunks left": [get("/echo", "POST", CHUNKED, CHUNKS), "leave"],
    "bad chunk": [get("/echo", "POST", CHUNKED, "5\r\nhelloxx\r\n0\r\n\r\n")],
    "left before the head": [get("/silent"), "leave"],
    "left within the body": [get("/half-silent"), "leave"],
    "upgrade": [UPGRADE, 0.2, b"ping", 0.2, "half-close"],
    "upgrade with bytes ahead": [UPGRADE + b"ahead", 0.3, "half-close"],
    "upgrade of HTTP/1.0": [UPGRADE.replace(b"1.1", b"1.0")],
    "upgrade without Connection": [UPGRADE.replace(b"Connection: Upgrade", b"Connection: close")],
    "dots": [get("/a/../ok")],
    "encoded dots": [get("/a/%2e%2e/ok")],
    "encoded slash": [get("/a%2fok")],
    "dots before an encoded slash": [get("/a/..%2fok")],
    "dots before a backslash": [get("/a/..%5cok")],
    "slashes": [get("//a//ok")],
    "query": [get("/ok?a=/../b&c")],
    "brackets": [get("/a[b]{c}|d")],
    "absolute form": [get("http://other/ok")],
    "asterisk form": [get("*", "OPTIONS")],
    "named field": [get("/ok", fields="Connection: x-a\r\nX-A: 1\r\nX-B: 2\r\n")],
    "TE": [get("/ok", fields="TE: trailers, gzip\r\n")],
    "Proxy-Connection": [get("/ok", fields="Keep-Alive: 5\r\nProxy-Connection: x\r\n")],
    "underscore": [get("/ok", fields="X_Y: 1\r\n")],
    "Proxy-Authorization": [get("/ok", fields="Proxy-Authorization: x\r\nAuthorization: y\r\n")],
    "X-Real-IP": [get("/ok", fields="X-Real-IP: 1\r\n")],
    "Accept-Encoding": [get("/ok", fields="Accept-Encoding: gzip\r\n")],
    "cookies": [get("/ok", fields="Cookie: a=b\r\nCookie: c=d\r\n")],
    "Max-Forwards": [get("/ok", "OPTIONS", "Max-Forwards: 5\r\n")],
    "Latin-1": [get("/ok", fields="X: caf\xe9\r\n")],
    "length and chunks": [get("/echo", "POST", LEN_5 + CHUNKED, "0\r\n\r\nGET /x")],
    "two lengths": [get("/echo", "POST", LEN_5 + "Content-Length: 6\r\n", "hello")],
    "no Host": [b"GET /ok HTTP/1.1\r\nConnection: close\r\n\r\n"],
    "HTTP/2.0": [b"GET / HTTP/2.0\r\n\r\n"],
    "bare LF": [b"GET /ok HTTP/1.1\nHost: a\nConnection: close\n\n"],
    "folded line": [get("/ok", fields="X: a\r\n b\r\n")],
}

threading.Thread(target=listen, daemon=True).start()
time.sleep(0.1)
for name, (request, *steps) in EXCHANGES.items():
    ours, nginx = outcome(OURS, request, steps), outcome(NGINX, request, steps)
    if ours != nginx:
        print(name)
        print(f"{name}:\n  ours  {ours!r:.1000}\n  nginx {nginx!r:.1000}", file=sys.stderr)
print(len(EXCHANGES))
