//! The shared state of the transfers between two `--next`: the client, and the files of the options.

use std::sync::Arc;

use hangup::Client;
use hangup::client::CookieJar;
use parking_lot::Mutex;

use crate::failure::Failure;
use crate::options::{General, Job, Operation, Options, Save};
use crate::output::Output;
use crate::request::Template;
use crate::trace::Tracer;
use crate::{client, cookies};

pub(super) struct Shared<'a> {
    pub(super) options: &'a Options,
    pub(super) template: Template<'a>,
    /// An error is one of each transfer.
    pub(super) client: Result<Client, Failure>,
    pub(super) tracer: Arc<Tracer>,
    /// The file of `-D`.
    pub(super) dump: Option<Arc<Mutex<Output>>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        general: &General,
        operation: &'a Operation,
        tracer: &Arc<Tracer>,
        jar: &CookieJar,
    ) -> Result<Self, Failure> {
        let options = &operation.options;
        cookies::load(jar, operation, general);
        Ok(Self {
            options,
            template: Template::new(options)?,
            client: client::build(general, options, jar),
            tracer: Arc::clone(tracer),
            dump: dump(options)?,
        })
    }
}

/// Opens the file of `-D`.
fn dump(options: &Options) -> Result<Option<Arc<Mutex<Output>>>, Failure> {
    let Some(path) = &options.saving.dump_header else { return Ok(None) };
    let save = match path.to_str() {
        Some("-") => Save::Stdout,
        _ => Save::File(path.clone()),
    };
    let job = Job { url: String::new(), upload: None, save };
    let mut output = Output::new(&job, &Options::default())?;
    output.finish()?;
    Ok(Some(Arc::new(Mutex::new(output))))
}
