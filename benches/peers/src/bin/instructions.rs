//! `instructions OPERATION COUNT` runs one operation COUNT times. `benches/instructions` counts the
//! processor's instructions. Without an operation it lists them.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use hangup::h1::{HeadScanner, Limits, write_response_head};
use hangup::http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use hangup::testing::stream_pair;
use hangup::{Body, Client, Handler, Request, ResponseWriter, Router, Server};
use peers::{load, samples};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Operation = fn(u64) -> Result<()>;

const OPERATIONS: [(&str, Operation); 17] = [
    ("request-head-small", |count| parse(samples::SMALL_REQUEST, count)),
    ("request-head-browser", |count| parse(samples::BROWSER_REQUEST, count)),
    ("response-head", parse_response),
    ("response-head-written", write),
    ("chunk-of-1-KiB", decode),
    ("served", serve),
    ("routed-literal-10", |count| route(10, LITERAL, count)),
    ("routed-literal-1000", |count| route(1_000, LITERAL, count)),
    ("routed-literal-10000", |count| route(10_000, LITERAL, count)),
    ("routed-value-10", |count| route(10, VALUE, count)),
    ("routed-value-1000", |count| route(1_000, VALUE, count)),
    ("routed-value-10000", |count| route(10_000, VALUE, count)),
    ("routed-rest-10", |count| route(10, REST, count)),
    ("routed-rest-1000", |count| route(1_000, REST, count)),
    ("routed-rest-10000", |count| route(10_000, REST, count)),
    ("got", get),
    ("posted", post),
];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [operation, count] = &args[..] else {
        OPERATIONS.iter().for_each(|(name, _)| println!("{name}"));
        return Ok(());
    };
    let known = OPERATIONS.iter().find(|(name, _)| name == operation);
    known.ok_or("no such operation")?.1(count.parse()?)
}

fn parse(head: &[u8], count: u64) -> Result<()> {
    let limits = Limits::default();
    for _ in 0..count {
        black_box(HeadScanner::default().request(black_box(head), &limits)?);
    }
    Ok(())
}

fn parse_response(count: u64) -> Result<()> {
    let limits = Limits::default();
    for _ in 0..count {
        black_box(HeadScanner::default().response(black_box(samples::RESPONSE), &limits)?);
    }
    Ok(())
}

fn write(count: u64) -> Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("2"));
    let mut out = Vec::new();
    for _ in 0..count {
        out.clear();
        let version = black_box(Version::HTTP_11);
        write_response_head(&mut out, version, StatusCode::OK, None, &headers)?;
        black_box(&out);
    }
    Ok(())
}

/// Decodes one body of N chunks.
fn decode(count: u64) -> Result<()> {
    let body = samples::chunked_body(1);
    for _ in 0..count {
        black_box(samples::decode(black_box(&body)));
    }
    Ok(())
}

/// Runs the server over a connection in memory. The requests' writer is counted too, and costs nearly
/// nothing.
fn serve(count: u64) -> Result<()> {
    serve_with(answer, samples::SMALL_REQUEST, count)
}

fn answer(w: &mut ResponseWriter, _: &mut Request) -> hangup::Result<()> {
    Ok(w.write_all(b"ok")?)
}

/// The last part of a pattern, and of the path of a request for it.
type Kind = (&'static str, &'static str);

const LITERAL: Kind = ("parts", "parts");
const VALUE: Kind = ("{part}", "12345");
const REST: Kind = ("{rest...}", "12345/a/b");

/// As `serve`, with a router of so many routes. The difference to `served` is the cost of the router, and of
/// a longer target.
fn route(routes: u64, (pattern, path): Kind, count: u64) -> Result<()> {
    let mut router = Router::new();
    for number in 0..routes {
        router.try_route(&format!("GET /items/{number}/{pattern}"), answer)?;
    }
    let target = format!("/items/{}/{path}", routes / 2);
    let request = format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
    serve_with(router, request.as_bytes(), count)
}

fn serve_with(handler: impl Handler, request: &[u8], count: u64) -> Result<()> {
    let (mut near, far) = stream_pair();
    let server = Server::with_handler(handler).serve_stream(far);
    let mut answer = [0; 4096];
    for _ in 0..count {
        near.write_all(request)?;
        let mut filled = 0;
        while !answer[..filled].ends_with(b"\r\n\r\nok") {
            match near.read(&mut answer[filled..])? {
                0 => return Err("the server has hung up".into()),
                read => filled += read,
            }
        }
    }
    server.close();
    Ok(())
}

/// Runs the client against the floor's server. That is another process, which is not counted.
fn get(count: u64) -> Result<()> {
    let floor = Floor::start("floor-server")?;
    let client = Client::new();
    for _ in 0..count {
        let body = client.get(&floor.url).send()?.body_mut().read_bytes(2)?;
        black_box(body);
    }
    Ok(())
}

/// Runs the client with a body of 1 KiB from a reader of known length.
fn post(count: u64) -> Result<()> {
    const LENGTH: u64 = 1024;
    let floor = Floor::start("floor-bodies-server")?;
    let client = Client::new();
    for _ in 0..count {
        let body = Body::from_sized_reader(load::payload(LENGTH), LENGTH);
        let answer = client.post(&floor.url).body(body).send()?.body_mut().read_bytes(1024)?;
        black_box(answer);
    }
    Ok(())
}

/// One of the floor's servers. It ends when it is dropped.
struct Floor {
    server: Child,
    url: String,
}

impl Floor {
    fn start(program: &str) -> Result<Floor> {
        let program = std::env::current_exe()?.with_file_name(program);
        let server = Command::new(program).stdout(Stdio::piped()).spawn()?;
        let mut floor = Floor { server, url: String::new() };
        let output = floor.server.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        floor.url = line.trim().strip_prefix("listening on ").ok_or("it does not listen")?.into();
        Ok(floor)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        // An error means that it has already ended.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
