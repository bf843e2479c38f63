//! The shared state of the transfers between two `--next`: the client, and the files of the options.

use std::sync::Arc;

use hangup::Client;
use parking_lot::Mutex;

use crate::client;
use crate::failure::Failure;
use crate::options::{General, Job, Operation, Options, Save};
use crate::output::Output;
use crate::request::Template;
use crate::trace::Tracer;

pub(super) struct Shared<'a> {
    pub(super) options: &'a Options,
    pub(super) template: Template<'a>,
    pub(super) client: Client,
    pub(super) tracer: Arc<Tracer>,
    /// The file of `-D`.
    pub(super) dump: Option<Arc<Mutex<Output>>>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        general: &General,
        operation: &'a Operation,
        tracer: &Arc<Tracer>,
    ) -> Result<Self, Failure> {
        let options = &operation.options;
        Ok(Self {
            options,
            template: Template::new(options)?,
            client: client::build(general, options)?,
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
