//! The options of an upstream.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::gateway::{ErrorHook, LocalRedirects, ScriptRules};
use crate::handler::Request;
use crate::net::{Dial, DialOptions, Target};

/// The default of `connect_timeout`. An application is near, and a full backlog is better reported than
/// waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The default of `read_timeout`, which nginx has as well.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The default of `max_head_bytes`. PHP's default limit on the headers of a response is lower.
const MAX_HEAD: usize = 256 * 1024;

/// The options of an upstream.
#[derive(Clone)]
pub(super) struct Options {
    pub(super) target: Target,
    /// The application, as logs name it.
    pub(super) name: Arc<str>,
    pub(super) dial: DialOptions,
    pub(super) dialer: Option<Arc<dyn Dial>>,
    pub(super) rules: ScriptRules,
    pub(super) check_scripts: bool,
    pub(super) fixed: Vec<(String, String)>,
    pub(super) variables: Option<Arc<AddVariables>>,
    pub(super) errors: Option<ErrorHook>,
    pub(super) local_redirects: Option<LocalRedirects>,
    pub(super) read_timeout: Option<Duration>,
    pub(super) queue_timeout: Option<Duration>,
    pub(super) max_head_bytes: usize,
    /// The most bytes of a body of unknown length that are read before the request is sent.
    pub(super) buffer_unsized: Option<u64>,
    pub(super) keep_connections: bool,
}

/// A function that returns further variables of a request.
pub(super) type AddVariables = dyn Fn(&Request) -> Vec<(String, String)> + Send + Sync;

impl Options {
    pub(super) fn new(target: Target) -> Self {
        Self {
            name: format!("fcgi://{target}").into(),
            target,
            dial: DialOptions::new().connect_timeout(CONNECT_TIMEOUT),
            dialer: None,
            rules: ScriptRules::default(),
            check_scripts: true,
            fixed: Vec::new(),
            variables: None,
            errors: None,
            local_redirects: None,
            read_timeout: Some(READ_TIMEOUT),
            queue_timeout: None,
            max_head_bytes: MAX_HEAD,
            buffer_unsized: None,
            keep_connections: true,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("target", &self.target).finish_non_exhaustive()
    }
}
