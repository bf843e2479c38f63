//! Checks that no thread and no descriptor of the crate outlives its test.
//!
//! Both counts concern a whole process, so each test runs in a separate one. A test begins with
//!
//! ```ignore
//! alone!();
//! ```
//!
//! In the process that `cargo test` starts, the macro runs the test binary again for this one test,
//! fails if that run fails, and returns from the test. In the second process it lets the test run, and
//! counts threads and descriptors before and after. Tests therefore run side by side, and a
//! test may also change what belongs to its process: the logger, the panic hook, the limits.

#[cfg_attr(unix, path = "leaks/unix.rs")]
#[cfg_attr(windows, path = "leaks/windows.rs")]
mod counts;
mod process;

use std::io::{self, Write};
use std::process::Command;
use std::sync::Once;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::{PATIENCE, all_rounds};
pub(crate) use counts::threads;
use counts::{count_of_threads, descriptors, make_waker};

/// The environment variable that tells a process that it runs a single test.
const CHILD: &str = "HANGUP_TEST_PROCESS";

/// The environment variables that name the proxies of a client.
const PROXY_VARIABLES: [&str; 7] =
    ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// Returns how many tests that do not mostly wait run at a time. libtest may have more threads.
fn places() -> usize {
    // Tests with many rounds compute all the time. Wine, which stands for Windows, takes long to start a process.
    if all_rounds() || cfg!(windows) { 6 } else { 16 }
}

/// Runs the rest of the calling test in a separate process and checks that it leaves nothing behind.
///
/// The check runs at the end of the test, or when the guard is dropped that `alone!(guard)` names. With
/// `alone!(env: [(name, value)])` the process has these environment variables. A test that spends a second
/// or more on waiting begins with `alone!(waits)`: any number of those run beside the others.
macro_rules! alone {
    () => {
        $crate::support::alone!(_guard);
    };
    (env: $variables:expr) => {
        let Some(_guard) = $crate::support::in_own_process_with(&$variables) else { return };
    };
    (waits) => {
        let Some(_guard) = $crate::support::in_own_process_to_wait() else { return };
    };
    ($guard:ident) => {
        let Some($guard) = $crate::support::in_own_process() else { return };
    };
}
pub(crate) use alone;

/// Runs the calling test in a second process and returns `None`, or returns a guard in that process.
///
/// With `--test-threads=1` the tests share one process, as a debugger wants it. libtest then runs a
/// test on the main thread, where its name is unknown.
pub(crate) fn in_own_process() -> Option<Alone> {
    let _place = Place::take();
    in_own_process_to_wait()
}

/// As [`in_own_process`], for a test that needs no place among those that keep the machine busy.
pub(crate) fn in_own_process_to_wait() -> Option<Alone> {
    let thread = std::thread::current();
    match thread.name() {
        Some(test) if test != "main" && std::env::var_os(CHILD).is_none() => {
            run_in_child(test, &[]);
            None
        }
        _ => Some(Alone::new()),
    }
}

/// As [`in_own_process`], with these environment variables. Returns `None` with `--test-threads=1` as
/// well: a process that runs other tests cannot have them.
pub(crate) fn in_own_process_with(variables: &[(&str, &str)]) -> Option<Alone> {
    let thread = std::thread::current();
    match (thread.name(), std::env::var_os(CHILD)) {
        (Some(test), None) if test != "main" => {
            let _place = Place::take();
            run_in_child(test, variables);
            None
        }
        (_, None) => None,
        (_, Some(_)) => Some(Alone::new()),
    }
}

// libtest captures the output of these macros, and shows it if the test fails.
#[allow(clippy::print_stdout, clippy::print_stderr)]
fn run_in_child(test: &str, variables: &[(&str, &str)]) {
    say_once_what_is_not_checked();
    let program = std::env::current_exe().expect("the path of the test binary");
    let mut command = Command::new(program);
    command.args(["--exact", test, "--nocapture", "--include-ignored"]).env(CHILD, test);
    // A backtrace of a panic takes 100 ms, and many tests panic on purpose. `full` asks for all of them.
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|style| style != "full") {
        command.env_remove("RUST_BACKTRACE");
    }
    // The peers of the tests are here, and no proxy of the developer's leads to them.
    PROXY_VARIABLES.iter().for_each(|name| _ = command.env_remove(name));
    command.envs(variables.iter().copied());
    let (output, status) = process::run(command);
    print!("{}", String::from_utf8_lossy(&output.shown));
    let status = status.expect("the test ends within its time limit");
    assert!(status.success(), "the test failed in its process: {status}");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("test result: ok. 1 passed"), "no test has the name {test}");
}

/// One of the [`places`], until it is dropped.
struct Place;

static TAKEN: Mutex<usize> = Mutex::new(0);
static GIVEN_BACK: Condvar = Condvar::new();

impl Place {
    fn take() -> Self {
        let places = places();
        let mut taken = TAKEN.lock();
        GIVEN_BACK.wait_while(&mut taken, |taken| *taken == places);
        *taken += 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *TAKEN.lock() -= 1;
        GIVEN_BACK.notify_one();
    }
}

fn say_once_what_is_not_checked() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        if descriptors().is_none() {
            let line =
                "no /proc/self here: tests are not checked for leaked threads and descriptors";
            // Past libtest, which shows what a test prints only if it fails.
            let _ = writeln!(io::stderr(), "{line}");
        }
    });
}

/// The check at the end of a test. Its lock is for tests that share a process.
pub(crate) struct Alone {
    threads: Option<u64>,
    descriptors: Option<usize>,
    _turn: MutexGuard<'static, ()>,
}

impl Alone {
    fn new() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock();
        make_waker();
        Self { threads: count_of_threads(), descriptors: descriptors(), _turn: turn }
    }

    /// Returns what is left of the test, or `None` if nothing is, or nothing can be counted.
    fn left_behind(&self) -> Option<String> {
        let (before, now) = (self.descriptors?, descriptors()?);
        let threads = match count_of_threads() <= self.threads {
            true => Vec::new(),
            false => threads()?,
        };
        let clean = threads.is_empty() && now <= before;
        (!clean).then(|| format!("threads {threads:?}, descriptors {before} -> {now}"))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        while let Some(left) = self.left_behind() {
            assert!(Instant::now() < deadline, "left behind: {left}");
            // Nothing signals that a thread has left the process.
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// Waits until no thread of that name is left. Returns at once where threads cannot be listed.
pub(crate) fn wait_until_ended(name: &str) {
    super::scripted_server::eventually("the threads end", || {
        threads().unwrap_or_default().iter().all(|one| one != name)
    });
}
