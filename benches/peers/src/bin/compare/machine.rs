//! The machine and the versions with which the figures were made.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::programs::{HERE, Programs};

/// The crates whose versions are reported.
const CRATES: [&str; 11] = [
    "hangup",
    "hyper",
    "hyper-util",
    "tokio",
    "khttp",
    "tiny_http",
    "rouille",
    "ureq",
    "attohttpc",
    "minreq",
    "reqwest",
];

pub(crate) struct Machine {
    pub(crate) facts: Vec<(&'static str, String)>,
}

impl Machine {
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        self.facts.iter().map(|(name, value)| format!("{name}: {value}"))
    }
}

pub(crate) fn describe(programs: &Programs) -> Machine {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let missing = |there: bool, of: Option<String>| match of.filter(|_| there) {
        Some(version) => version,
        None => "not installed".to_owned(),
    };
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    let load = if programs.wrk {
        missing(true, printed("wrk", "-v"))
    } else {
        "this crate's floor-client (wrk is not installed)".to_owned()
    };
    let facts = vec![
        ("processor", format!("{}, {cores} cores", known(cpu_model()))),
        ("kernel", known(kernel())),
        ("load before", known(load_average())),
        ("rustc", known(printed("rustc", "--version"))),
        ("commit", known(commit())),
        ("crates", known(crates())),
        ("go", missing(programs.go, printed("go", "version"))),
        ("nginx", missing(programs.nginx, printed("nginx", "-v"))),
        ("servers are loaded by", load),
    ];
    Machine { facts }
}

fn cpu_model() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let (_, model) = info.lines().find(|line| line.starts_with("model name"))?.split_once(':')?;
    Some(model.trim().to_owned())
}

fn kernel() -> Option<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    Some(release.trim().to_owned())
}

/// Returns the load average. It is near zero on an idle machine.
fn load_average() -> Option<String> {
    let line = fs::read_to_string("/proc/loadavg").ok()?;
    Some(line.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

/// Returns the first line that a program prints, on stdout or stderr.
fn printed(program: &str, arg: &str) -> Option<String> {
    let output = Command::new(program).arg(arg).output().ok()?;
    let all = [output.stdout, output.stderr].concat();
    Some(String::from_utf8(all).ok()?.lines().next()?.trim().to_owned())
}

fn commit() -> Option<String> {
    let mut command = Command::new("git");
    let output =
        command.current_dir(HERE).args(["describe", "--always", "--dirty"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the version from the lock file.
fn crates() -> Option<String> {
    let lock = fs::read_to_string(Path::new(HERE).join("Cargo.lock")).ok()?;
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while let Some(line) = lines.next() {
        let Some(name) = quoted(line, "name = ") else { continue };
        if CRATES.contains(&name) {
            versions.push(format!("{name} {}", quoted(lines.next()?, "version = ")?));
        }
    }
    Some(versions.join(", "))
}

fn quoted<'l>(line: &'l str, key: &str) -> Option<&'l str> {
    line.strip_prefix(key)?.strip_prefix('"')?.strip_suffix('"')
}
