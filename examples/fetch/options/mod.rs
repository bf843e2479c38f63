//! The command line: options by curl's names and meanings, and URLs.
//!
//! | file | contents |
//! | --- | --- |
//! | `names.rs` | the table of all options, and the scan of the command line |
//! | `given.rs` | one option as it was given, and its value |
//! | `general.rs` | options of the whole command line |
//! | `request.rs`, `data.rs` | the request, and the pieces of its body |
//! | `saving.rs` | the destination and the judgement of the response |
//! | `timing.rs` | time limits, rates and retries |
//! | `network.rs` | addresses and proxies |
//! | `jobs.rs` | URLs with their uploads and outputs |

pub(crate) mod data;
mod general;
mod given;
mod help;
mod jobs;
mod names;
mod network;
mod request;
mod saving;
mod timing;

use std::ffi::OsString;

use crate::support::Usage;
use crate::tls::TlsOptions;

pub(crate) use general::{General, TraceForm};
pub(crate) use given::Given;
pub(crate) use help::HELP;
pub(crate) use jobs::{Job, Save};
pub(crate) use network::{Family, Network, Pinned, ProxyChoice};
pub(crate) use request::{CookieOptions, NetrcFile, Request, Resume};
pub(crate) use saving::{FailOn, Saving};
pub(crate) use timing::Timing;

use jobs::Hands;
use names::Piece;

/// A command line.
pub(crate) struct Command {
    pub(crate) general: General,
    /// The transfers between two `--next`.
    pub(crate) operations: Vec<Operation>,
}

/// URLs with the options that they share.
pub(crate) struct Operation {
    pub(crate) jobs: Vec<Job>,
    pub(crate) options: Options,
}

/// The options of an operation.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) request: Request,
    pub(crate) cookies: CookieOptions,
    pub(crate) saving: Saving,
    pub(crate) timing: Timing,
    pub(crate) network: Network,
    pub(crate) tls: TlsOptions,
}

impl Command {
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<Self, Usage> {
        let mut general = General::default();
        let mut operations = Vec::new();
        let (mut options, mut hands) = (Options::default(), Hands::default());
        for piece in names::scan(args)? {
            match piece {
                Piece::Url(url) => hands.add_url(url)?,
                Piece::Option(given) if given.name == "help" => return Err(Usage::Help),
                Piece::Option(given) if given.name == "next" => {
                    let (options, hands) =
                        (std::mem::take(&mut options), std::mem::take(&mut hands));
                    operations.push(Operation::new(options, hands)?);
                }
                Piece::Option(given) => {
                    let known =
                        general.take(&given)? || hands.take(&given)? || options.take(&given)?;
                    debug_assert!(known, "{} is in the table only", given.name);
                }
            }
        }
        if !general.version {
            operations.push(Operation::new(options, hands)?);
        }
        Ok(Self { general, operations })
    }
}

impl Operation {
    fn new(options: Options, hands: Hands) -> Result<Self, Usage> {
        let jobs = hands.deal()?;
        options.check(&jobs)?;
        Ok(Self { jobs, options })
    }
}

impl Options {
    /// Takes the option and returns `true` if it is one of these.
    fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        Ok(self.request.take(given)?
            || self.cookies.take(given)
            || self.saving.take(given)?
            || self.timing.take(given)?
            || self.network.take(given)?
            || self.tls.take(given)?)
    }

    /// Refuses options that exclude each other.
    fn check(&self, jobs: &[Job]) -> Result<(), Usage> {
        let uploads = jobs.iter().any(|job| job.upload.is_some());
        self.request.check(uploads)?;
        if self.saving.remote_header_name {
            if self.request.resume.is_some() {
                return Err(Usage::wrong("-J and -C exclude each other"));
            }
            if self.saving.include {
                return Err(Usage::wrong("-J and -i exclude each other"));
            }
        }
        self.tls.check()
    }
}
