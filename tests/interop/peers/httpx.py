import asyncio, hashlib, sys
import httpx

serve, httpbin, lifecycle, _ = range(4)
URLS = sys.argv[1:]
PATTERN = bytes(place % 251 for place in range(1_000_000))


def client(url, **more):
    return httpx.Client(base_url=url, timeout=20, trust_env=False, **more)


def keep_alive(url):
    connects = []
    trace = lambda event, _: connects.append(event) if event == "connection.connect_tcp.started" else None
    with client(url) as session:
        for number in range(20):
            answer = session.request("POST" if number % 2 else "GET", "/anything",
                                     extensions={"trace": trace})
            assert answer.status_code == 200 and answer.http_version == "HTTP/1.1"
    assert len(connects) == 1, connects


def requests(url):
    with client(url, follow_redirects=True) as session:
        body = bytes(range(128)) * 20_000
        assert session.post("/post", content=body).json()["data"] == body.decode()
        pieces = (b"piece %d " % number for number in range(1000))
        sent = session.put("/put", content=pieces).json()
        assert sent["data"].endswith("piece 999 ")
        sent = session.post("/post", data={"field": "wert é", "more": ["1", "2"]},
                            files={"file": ("näme.txt", b"content" * 10_000, "text/plain")}).json()
        assert sent["form"] == {"field": "wert é", "more": ["1", "2"]}, sent["form"]
        assert sent["files"] == {"file": "content" * 10_000}
        for coding in "gzip", "deflate":
            answer = session.get(f"/{coding}")
            assert answer.headers["content-encoding"] == coding
            assert answer.json()["gzipped" if coding == "gzip" else "deflated"] is True
        answer = session.get("/redirect/3")
        assert [step.status_code for step in answer.history] == [302] * 3 and answer.is_success
        assert session.get("/cookies/set?a=b").json() == {"cookies": {"a": "b"}}
        assert session.get("/basic-auth/u/p", auth=("u", "p")).is_success
        assert session.get("/digest-auth/auth/u/p", auth=httpx.DigestAuth("u", "p")).is_success
        with session.stream("GET", "/stream/20") as answer:
            assert len(list(answer.iter_lines())) == 20
        assert session.head("/bytes/10").headers["content-length"] == "10"
        assert session.get("/status/204").content == b""


def files(url):
    with client(url) as session:
        whole = session.get("/pattern.bin")
        assert whole.content == PATTERN and whole.headers["accept-ranges"] == "bytes"
        tag, date = whole.headers["etag"], whole.headers["last-modified"]
        part = lambda ranges, **more: session.get("/pattern.bin", headers={"Range": ranges, **more})
        for ranges, start, end in ("bytes=3-7", 3, 8), ("bytes=999990-", 999_990, 1_000_000), \
                ("bytes=-10", 999_990, 1_000_000), ("bytes=500000-9999999", 500_000, 1_000_000):
            answer = part(ranges)
            assert answer.status_code == 206 and answer.content == PATTERN[start:end]
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/1000000"
        several = part("bytes=0-9,500000-500009")
        assert several.headers["content-type"].startswith("multipart/byteranges; boundary=")
        assert PATTERN[:10] in several.content and b"bytes 500000-500009/1000000" in several.content
        assert part("bytes=1000000-").status_code == 416
        assert part("bytes=0-1", **{"If-Range": tag}).status_code == 206
        assert part("bytes=0-1", **{"If-Range": '"other"'}).content == PATTERN
        asked = lambda **fields: session.get("/pattern.bin", headers=fields).status_code
        assert asked(**{"If-None-Match": tag}) == 304 and asked(**{"If-Modified-Since": date}) == 304
        assert asked(**{"If-Match": '"other"'}) == 412 and session.get("/nothing").status_code == 404
        assert session.get("/page.html").headers["content-type"] == "text/html; charset=utf-8"


def early(url):
    """The answer comes while the body is sent. The next request is answered as well."""
    with client(url) as session:
        for _ in range(5):
            answer = session.post("/early", content=(b"x" * 65536 for _ in range(5000)))
            assert answer.status_code == 403 and answer.text == "no\n"
            assert session.get("/").text == "ok\n"
        body = bytes(range(256)) * 8192
        echoed = session.post("/echo", content=body)
        assert echoed.content == body
        sent = session.post("/upload", content=body, headers={"Expect": "100-continue"}).json()
        assert sent == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}


async def many(url):
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(base_url=url, timeout=20, trust_env=False, limits=limits) as session:
        answers = await asyncio.gather(*(session.get(f"/bytes/{number}?seed=1") for number in range(200)))
        assert all(len(answer.content) == number for number, answer in enumerate(answers))


for shift in 0, 4:
    keep_alive(URLS[httpbin + shift])
    requests(URLS[httpbin + shift])
    files(URLS[serve + shift])
    early(URLS[lifecycle + shift])
    asyncio.run(many(URLS[httpbin + shift]))
print("ok")
