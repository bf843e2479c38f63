//! Dialling by a model's script, without names and sockets.

use std::cell::RefCell;
use std::sync::Arc;

use super::{DialError, DialOptions, Dialed, Target};
use crate::context::Context;

type Dialer = dyn Fn(&Context) -> Result<Dialed, DialError>;

// One system thread, the test's, runs all threads of an exploration.
std::thread_local! {
    static DIALER: RefCell<Option<Arc<Dialer>>> = const { RefCell::new(None) };
}

/// Sets the dialer of this run.
#[allow(dead_code, reason = "only tests have a script")]
pub(crate) fn dial_by(dialer: impl Fn(&Context) -> Result<Dialed, DialError> + 'static) {
    DIALER.set(Some(Arc::new(dialer)));
}

/// Connects by the script.
pub(crate) fn dial(_: &Target, _: &DialOptions, context: &Context) -> Result<Dialed, DialError> {
    let dialer = DIALER.with_borrow(Clone::clone).expect("the model has set a dialer");
    dialer(context)
}
