//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::Result;

pub(crate) const USAGE: &str = "\
usage: compare [--quick] [--rounds N] [--seconds N] [--minutes N] [--only GROUP,...]
               [--bulk MIB] [--json FILE]

  --quick         one round, smaller: a first look, under three minutes
  --rounds N      how often everything is measured (5)
  --seconds N     how long each measurement takes (1)
  --minutes N     no round is begun that would end after so many (12)
  --only GROUP,…  only these groups; `--only help` lists them
  --bulk MIB      how large a bulk body is (1024)
  --json FILE     where every figure goes (peers.json in the target folder)";

pub(crate) struct Options {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    pub(crate) limit: Duration,
    pub(crate) only: Vec<String>,
    /// In bytes.
    pub(crate) bulk: u64,
    /// The number of idle connections whose memory is measured.
    pub(crate) idle: usize,
    pub(crate) json: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Options> {
        let mut options = Options {
            rounds: 5,
            seconds: 1,
            limit: Duration::from_secs(12 * 60),
            only: Vec::new(),
            bulk: 1024 << 20,
            idle: 5000,
            json: None,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--quick" => (options.rounds, options.bulk, options.idle) = (1, 256 << 20, 1000),
                "--rounds" => options.rounds = value()?.parse()?,
                "--seconds" => options.seconds = value()?.parse()?,
                "--minutes" => options.limit = Duration::from_secs(60 * value()?.parse::<u64>()?),
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--bulk" => options.bulk = value()?.parse::<u64>()? << 20,
                "--json" => options.json = Some(value()?.into()),
                _ => return Err(format!("unknown option {arg}").into()),
            }
        }
        if options.rounds == 0 || options.seconds == 0 || options.bulk == 0 {
            return Err("nothing to measure".into());
        }
        Ok(options)
    }
}
