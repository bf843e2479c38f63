//! What the crate logs, for the tests that ask.

use std::sync::Once;

use log::{Level, LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;

struct Collected(Mutex<Vec<(Level, String)>>);

static COLLECTED: Collected = Collected(Mutex::new(Vec::new()));

impl Log for Collected {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("hangup::client")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            self.0.lock().push((record.level(), record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// Begins to collect; forgets what was collected before.
pub(crate) fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&COLLECTED).expect("no other logger");
        log::set_max_level(LevelFilter::Debug);
    });
    COLLECTED.0.lock().clear();
}

/// What was logged as a warning, or worse.
pub(crate) fn warnings() -> Vec<String> {
    let collected = COLLECTED.0.lock();
    let warnings = collected.iter().filter(|(level, _)| *level <= Level::Warn);
    warnings.map(|(_, text)| text.clone()).collect()
}
