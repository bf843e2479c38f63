//! Where the figures come from.

use std::fs;
use std::process::Command;
use std::thread;

/// One line: processor, cores, kernel, compiler.
pub(crate) fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let (cpu, kernel, rustc) = (cpu_model(), kernel(), rustc());
    let known = |value: Option<String>| value.unwrap_or_else(|| "unknown".to_owned());
    format!("{}, {cores} cores; kernel {}; {}", known(cpu), known(kernel), known(rustc))
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

fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
