//! Collects the crate's log lines.

use std::sync::Once;

use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;

/// One log line.
struct Line {
    level: Level,
    target: String,
    text: String,
}

struct Collected(Mutex<Vec<Line>>);

static COLLECTED: Collected = Collected(Mutex::new(Vec::new()));

impl Log for Collected {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("hangup")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let (level, text) = (record.level(), record.args().to_string());
            self.0.lock().push(Line { level, target: record.target().to_owned(), text });
        }
    }

    fn flush(&self) {}
}

/// Starts to collect log lines, and discards earlier ones.
pub(crate) fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&COLLECTED).expect("no other logger");
        log::set_max_level(LevelFilter::Debug);
    });
    COLLECTED.0.lock().clear();
}

/// Returns the client's lines at the level `warn` or above.
pub(crate) fn warnings() -> Vec<String> {
    logged(Level::Warn, |target| target.starts_with("hangup::client"))
}

/// Returns the servers' lines at `level` or above.
pub(crate) fn of_servers(level: Level) -> Vec<String> {
    logged(level, |target| !target.starts_with("hangup::client"))
}

/// Returns all lines.
pub(crate) fn all() -> Vec<String> {
    logged(Level::Trace, |_| true)
}

fn logged(level: Level, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let collected = COLLECTED.0.lock();
    let lines = collected.iter().filter(|line| line.level <= level && wanted(&line.target));
    lines.map(|line| line.text.clone()).collect()
}
