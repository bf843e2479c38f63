//! Runs of a program, and their compared results.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::case::Case;
use super::servers::Servers;
use crate::programs::{Folder, program, run_with};
use crate::scripted::Scripted;

/// The variables of the environment that name proxies, and the folder of `.netrc`.
const VARIABLES: &[&str] =
    &["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// The standard input of both programs.
const INPUT: &[u8] = b"from\nstdin\r\n";

#[derive(Clone, Copy)]
pub(super) enum Program {
    Curl,
    Fetch,
}

/// The compared results of a run. Folders, ports of peers and boundaries are replaced by words.
#[derive(Debug)]
pub(super) struct Outcome {
    code: Option<i32>,
    stdout: String,
    files: Vec<(String, String)>,
    requests: Vec<String>,
    /// For messages only.
    pub(super) stderr: String,
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        (self.code, &self.stdout, &self.files, &self.requests)
            == (other.code, &other.stdout, &other.files, &other.requests)
    }
}

impl Outcome {
    /// Describes the parts that differ from another outcome.
    pub(super) fn unlike(&self, other: &Self) -> String {
        let mut text = String::new();
        if self.code != other.code {
            let _ = writeln!(text, "  exit {:?}", self.code);
        }
        if self.stdout != other.stdout {
            let _ = writeln!(text, "  stdout {}", shortened(&self.stdout));
        }
        for (name, content) in self.files.iter().filter(|file| !other.files.contains(file)) {
            let _ = writeln!(text, "  {name}: {}", shortened(content));
        }
        if self.requests != other.requests {
            for request in &self.requests {
                let _ = writeln!(text, "  request {}", shortened(request));
            }
        }
        text
    }
}

fn shortened(text: &str) -> String {
    format!("{:?}", text.chars().take(400).collect::<String>())
}

/// Runs the command line in a fresh folder.
pub(super) fn run(which: Program, case: &Case, servers: &Servers) -> Outcome {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = Folder::new(&format!("side-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    write_files(&folder);
    let script: Vec<_> = case.script.iter().map(|answer| answer.as_bytes().to_owned()).collect();
    let peer = Scripted::of_bytes(script);
    let words =
        case.words().into_iter().map(|word| servers.fill(&word.replace("{peer}", &peer.url)));
    let (variables, args): (Vec<_>, Vec<_>) = words.partition(|word| word.starts_with("env:"));
    let mut command = start(which, &args);
    command.current_dir(folder.path("")).env("HOME", folder.path(""));
    for name in VARIABLES {
        command.env_remove(name);
    }
    for variable in &variables {
        let (name, value) = variable["env:".len()..].split_once('=').expect("a value");
        command.env(name, value);
    }
    let ran = run_with(command, INPUT);
    let place = peer.url.trim_start_matches("http://");
    let clean = |text: String| {
        let text = text.replace(place, "PEER").replace(&folder.path(""), "FOLDER/");
        plain_boundaries(&without_dates(&text))
    };
    Outcome {
        code: ran.code,
        stdout: clean(ran.out),
        files: left_files(Path::new(&folder.path("")), "")
            .into_iter()
            .map(|(name, content)| (name, clean(content)))
            .collect(),
        requests: peer
            .requests()
            .into_iter()
            .filter(|request| !request.is_empty())
            .map(|request| clean(sorted(&request)))
            .collect(),
        stderr: ran.err,
    }
}

fn start(which: Program, args: &[String]) -> Command {
    let always = ["-s", "-A", "same/1", "--max-time", "10"];
    let args: Vec<&str> = always.into_iter().chain(args.iter().map(String::as_str)).collect();
    match which {
        Program::Fetch => program("fetch", &args),
        Program::Curl => {
            let mut command = Command::new("curl");
            command.arg("-q").args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        }
    }
}

/// Writes the files that command lines name.
fn write_files(folder: &Folder) {
    folder.write("part", "abc");
    folder.write("text", "one\r\ntwo\n");
    folder.write("data.json", "{\"a\": 1}");
    folder.write("empty", "");
    folder.write("large", "0123456789abcdef".repeat(100_000));
    folder.write("headers", "X-From: file\r\nX-Two: 2\n");
    folder.write("format", "%{http_code}\n%{method}\n");
    folder.write(".netrc", "machine 127.0.0.1 login me password secret\n");
    folder.write(
        "jar",
        "# Netscape HTTP Cookie File\n\
         127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t1\n\
         #HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tkept\t2\n\
         127.0.0.1\tFALSE\t/other\tFALSE\t4102444800\telsewhere\t3\n\
         127.0.0.1\tFALSE\t/\tFALSE\t946684800\texpired\t4\n",
    );
}

/// Returns the names and contents of all files, in order.
fn left_files(folder: &Path, prefix: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            files.extend(left_files(&entry.path(), &format!("{name}/")));
        } else {
            let content = fs::read(entry.path()).expect("a file");
            let text = String::from_utf8_lossy(&content).into_owned();
            let is_jar = text.starts_with("# Netscape");
            files.push((name, if is_jar { sorted_jar(&text) } else { text }));
        }
    }
    files.sort();
    files
}

/// Returns the cookies of a jar, without comments and in order.
fn sorted_jar(text: &str) -> String {
    let is_cookie = |line: &&str| {
        !line.is_empty() && (!line.starts_with('#') || line.starts_with("#HttpOnly_"))
    };
    let mut lines: Vec<&str> = text.lines().filter(is_cookie).collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Returns a request whose header fields are in order and have names in lower case. `Proxy-Connection` is
/// left out: it is in no standard, and only curl sends it.
fn sorted(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let mut fields: Vec<_> = lines
        .map(|line| match line.split_once(':') {
            Some((name, value)) => field(&name.to_ascii_lowercase(), value.trim()),
            None => line.to_owned(),
        })
        .filter(|field| !field.starts_with("proxy-connection:"))
        .collect();
    fields.sort();
    let is_chunked = fields.iter().any(|field| field == "transfer-encoding: chunked");
    let body = if is_chunked { joined(body) } else { body.to_owned() };
    format!("{first}\n{}\n\n{body}", fields.join("\n"))
}

/// Returns a field without intended differences: the program's own name, and the order of codings.
fn field(name: &str, value: &str) -> String {
    let own = ["curl/", "hangup-fetch/"].iter().any(|own| value.starts_with(own));
    match name {
        "user-agent" if own => format!("{name}: OWN"),
        "accept-encoding" => {
            let mut codings: Vec<_> = value.split(", ").collect();
            codings.sort_unstable();
            format!("{name}: {}", codings.join(", "))
        }
        _ => format!("{name}: {value}"),
    }
}

/// Returns a chunked body without the sizes of its chunks.
fn joined(body: &str) -> String {
    let mut whole = String::new();
    let mut rest = body;
    while let Some((size, chunks)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        let Some((chunk, after)) = chunks.split_at_checked(size).filter(|_| size > 0) else {
            break;
        };
        whole.push_str(chunk);
        rest = after.trim_start_matches("\r\n");
    }
    whole
}

/// Returns a text whose Date fields have no value.
fn without_dates(text: &str) -> String {
    let is_date =
        |line: &str| line.get(..6).is_some_and(|name| name.eq_ignore_ascii_case("date: "));
    let line = |line| if is_date(line) { "Date: NOW\r" } else { line };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Replaces the boundary of a multipart body, and the length that depends on it.
fn plain_boundaries(text: &str) -> String {
    let Some((_, rest)) = text.split_once("boundary=") else { return text.to_owned() };
    let is_end = |letter: char| letter.is_whitespace() || letter == '"' || letter == '\\';
    let boundary = rest.split(is_end).next().unwrap_or_default();
    let plain = text.replace(boundary, "BOUNDARY");
    let is_length = |line: &&str| !line.to_ascii_lowercase().contains("content-length");
    plain.split('\n').filter(is_length).collect::<Vec<_>>().join("\n")
}
