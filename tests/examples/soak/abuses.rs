//! Ways to misbehave as a client. Each opens its connections, does its worst, and returns.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// How long a misbehaving client reads from a server that has nothing more to say.
const READ_LIMIT: Duration = Duration::from_secs(5);

pub(super) type Abuse = fn(SocketAddr, &mut Random) -> io::Result<()>;

pub(super) const ABUSES: &[(&str, Abuse)] = &[
    ("silent", silent),
    ("head cut off", cut_head),
    ("head byte by byte", dripping_head),
    ("head of nearly 1 MiB", large_head),
    ("head beyond the limit", too_large_head),
    ("garbage", garbage),
    ("pipelined and never read", pipelined_unread),
    ("download never read", unread_download),
    ("download read slowly", slow_reader),
    ("upload cut off", cut_upload),
    ("malformed chunks", malformed_chunks),
    ("upload answered early", early),
    ("body withheld for a 100", withheld),
    ("gone while the handler waits", gone_while_waiting),
    ("hijacked and left", hijacked),
    ("failing handlers, pipelined", failing_handlers),
    ("half-closed", half_closed),
    ("many idle, closed at once", many_idle),
    ("ambiguous framing", ambiguous_framing),
];

/// A small generator of numbers (xorshift), so that a run can be repeated.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn pause(&mut self, most: u64) {
        thread::park_timeout(Duration::from_millis(self.below(most)));
    }

    fn choice<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(READ_LIMIT))?;
    stream.set_write_timeout(Some(READ_LIMIT))?;
    Ok(stream)
}

/// Closes the connection with a reset, or in an orderly way.
fn leave(stream: TcpStream, random: &mut Random) -> io::Result<()> {
    if random.below(2) == 0 {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    }
    drop(stream);
    Ok(())
}

fn read_out(mut stream: TcpStream) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

fn head(request_line: &str, fields: &str) -> String {
    format!("{request_line} HTTP/1.1\r\nHost: test\r\n{fields}\r\n")
}

/// A request head of about `bytes` bytes.
fn padded_head(target: &str, bytes: usize) -> String {
    let field = format!("X-Padding: {}\r\n", "p".repeat(8000));
    head(&format!("GET {target}"), &field.repeat(bytes / field.len()))
}

fn silent(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let stream = connect(addr)?;
    random.pause(200);
    leave(stream, random)
}

fn cut_head(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let whole = padded_head("/", 20_000);
    let cut = random.below(whole.len() as u64) as usize;
    stream.write_all(&whole.as_bytes()[..cut])?;
    random.pause(100);
    leave(stream, random)
}

fn dripping_head(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    for byte in head("GET /", "Accept: */*\r\n").bytes() {
        stream.write_all(&[byte])?;
        random.pause(3);
    }
    leave(stream, random)
}

fn large_head(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(padded_head("/", 1_000_000).as_bytes())?;
    stream.write_all(head("GET /", "").as_bytes())?;
    let mut answer = [0; 4096];
    let _ = stream.read(&mut answer)?;
    random.pause(300);
    leave(stream, random)
}

fn too_large_head(addr: SocketAddr, _: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let _ = stream.write_all(padded_head("/", 2_000_000).as_bytes());
    read_out(stream)
}

fn garbage(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let bytes: Vec<_> = (0..4096).map(|_| random.below(256) as u8).collect();
    stream.write_all(&bytes)?;
    stream.shutdown(Shutdown::Write)?;
    read_out(stream)
}

fn pipelined_unread(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let mut requests = padded_head("/status/204", 500_000);
    requests.push_str(&head("GET /status/204", "").repeat(20_000));
    stream.write_all(requests.as_bytes())?;
    random.pause(100);
    leave(stream, random)
}

fn unread_download(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(head("GET /bytes/50000000", "").as_bytes())?;
    stream.read_exact(&mut [0; 10_000])?;
    random.pause(100);
    leave(stream, random)
}

fn slow_reader(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(head("GET /bytes/10000000", "").as_bytes())?;
    for _ in 0..50 {
        stream.read_exact(&mut [0; 4096])?;
        random.pause(10);
    }
    leave(stream, random)
}

fn cut_upload(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let target = random.choice(&["/upload", "/echo", "/wait", "/early"]);
    let fields = random.choice(&["Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n"]);
    stream.write_all(head(&format!("POST {target}"), fields).as_bytes())?;
    stream.write_all(b"fffff\r\n")?;
    stream.write_all(&vec![b'u'; random.below(900_000) as usize])?;
    random.pause(50);
    leave(stream, random)
}

fn malformed_chunks(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let target = random.choice(&["/upload", "/echo"]);
    stream
        .write_all(head(&format!("POST {target}"), "Transfer-Encoding: chunked\r\n").as_bytes())?;
    let body =
        random.choice(&["zz\r\nabc", "3\r\nabcd\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "3\n"]);
    stream.write_all(body.as_bytes())?;
    read_out(stream)
}

fn early(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(head("POST /early", "Content-Length: 10000000\r\n").as_bytes())?;
    for _ in 0..160 {
        stream.write_all(&[b'e'; 65_536])?;
    }
    leave(stream, random)
}

fn withheld(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let fields = "Expect: 100-continue\r\nContent-Length: 100\r\n";
    stream.write_all(head("POST /upload", fields).as_bytes())?;
    let _ = stream.read(&mut [0; 100])?;
    random.pause(50);
    leave(stream, random)
}

fn gone_while_waiting(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let target = random.choice(&["/wait", "/close-notify?ms=5000", "/close-notify-discard"]);
    stream.write_all(head(&format!("GET {target}"), "").as_bytes())?;
    random.pause(100);
    leave(stream, random)
}

fn hijacked(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let target = random.choice(&["/hijack", "/close-notify-hijack"]);
    stream.write_all(head(&format!("GET {target}"), "").as_bytes())?;
    stream.write_all(&[b'h'; 10_000])?;
    let _ = stream.read(&mut [0; 1000])?;
    leave(stream, random)
}

fn failing_handlers(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    for _ in 0..5 {
        let target = random.choice(&[
            "/",
            "/panic",
            "/panic-late",
            "/error",
            "/short",
            "/overlong",
            "/header-smuggle?v=a%0D%0Ab",
        ]);
        stream.write_all(head(&format!("GET {target}"), "").as_bytes())?;
    }
    stream.shutdown(Shutdown::Write)?;
    read_out(stream)
}

fn half_closed(addr: SocketAddr, _: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(head("GET /stream/20?ms=5", "").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    read_out(stream)
}

fn many_idle(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let streams: Vec<_> = (0..40).map(|_| connect(addr)).collect::<Result<_, _>>()?;
    for mut stream in &streams {
        stream.write_all(head("GET /", "").as_bytes())?;
        let _ = stream.read(&mut [0; 1000])?;
    }
    random.pause(700);
    streams.into_iter().try_for_each(|stream| leave(stream, random))
}

fn ambiguous_framing(addr: SocketAddr, random: &mut Random) -> io::Result<()> {
    let mut stream = connect(addr)?;
    let fields = random.choice(&[
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\n",
    ]);
    stream.write_all(head("POST /echo", fields).as_bytes())?;
    stream.write_all(b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n")?;
    stream.shutdown(Shutdown::Write)?;
    read_out(stream)
}
