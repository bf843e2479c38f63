//! What the platform tells of a process, where it does (Linux: `/proc`).

use std::fs;
use std::time::Duration;

/// A field of `/proc/PID/status` in KiB: `VmRSS`, what is resident, `VmHWM`, the most that ever was.
/// `process` is its id, or `self`.
pub fn memory(process: &str, field: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    value.trim().strip_suffix(" kB")?.parse().ok()
}

/// The CPU time that a process has used, user and system, of all cores together.
pub fn cpu_time(process: &str) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything; utime and stime are the 12th and the
    // 13th field behind it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(|ticks| ticks.parse::<u64>().ok());
    let ticks = times.next()?? + times.next()??;
    let a_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64(ticks as f64 / a_second as f64))
}
