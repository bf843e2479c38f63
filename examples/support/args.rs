//! Reads the command line, one argument at a time.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// The rest of the command line.
pub(crate) struct Args {
    parser: lexopt::Parser,
    /// The option that was read last, for messages.
    current: String,
}

/// One argument. An option has its whole name: `-o`, `--output`.
pub(crate) enum Arg {
    Option(String),
    Value(OsString),
}

/// The reason why a program does not run.
pub(crate) enum Usage {
    /// The user asked for help.
    Help,
    /// The command line is invalid. The text says why.
    Wrong(String),
}

impl Usage {
    pub(crate) fn wrong(message: impl fmt::Display) -> Self {
        Self::Wrong(message.to_string())
    }
}

impl Args {
    pub(crate) fn from_env() -> Self {
        Self { parser: lexopt::Parser::from_env(), current: String::new() }
    }

    /// Returns the next argument. `-h` and `--help` are errors of the kind `Help`.
    pub(crate) fn next(&mut self) -> Result<Option<Arg>, Usage> {
        let arg = match self.parser.next().map_err(Usage::wrong)? {
            None => return Ok(None),
            Some(lexopt::Arg::Value(value)) => return Ok(Some(Arg::Value(value))),
            Some(lexopt::Arg::Short(letter)) => format!("-{letter}"),
            Some(lexopt::Arg::Long(name)) => format!("--{name}"),
        };
        if matches!(arg.as_str(), "-h" | "--help") {
            return Err(Usage::Help);
        }
        self.current.clone_from(&arg);
        Ok(Some(Arg::Option(arg)))
    }

    /// Returns the value of the option that was read last.
    pub(crate) fn value(&mut self) -> Result<String, Usage> {
        self.os_value()?.into_string().map_err(|_| self.bad("its value is not UTF-8"))
    }

    pub(crate) fn path(&mut self) -> Result<PathBuf, Usage> {
        self.os_value().map(PathBuf::from)
    }

    fn os_value(&mut self) -> Result<OsString, Usage> {
        self.parser.value().map_err(|_| self.bad("a value is missing"))
    }

    pub(crate) fn number<T: FromStr>(&mut self) -> Result<T, Usage> {
        let value = self.value()?;
        value.parse().map_err(|_| self.bad(&format!("{value:?} is not a number in range")))
    }

    /// Returns a number of milliseconds. 0 means no limit.
    pub(crate) fn millis(&mut self) -> Result<Option<Duration>, Usage> {
        let millis = self.number()?;
        Ok((millis > 0).then(|| Duration::from_millis(millis)))
    }

    /// Returns a count. 0 means no limit.
    pub(crate) fn most(&mut self) -> Result<Option<usize>, Usage> {
        Ok(Some(self.number()?).filter(|most| *most > 0))
    }

    /// Returns a number of seconds, which may have decimals.
    pub(crate) fn seconds(&mut self) -> Result<Duration, Usage> {
        let seconds: f64 = self.number()?;
        Duration::try_from_secs_f64(seconds).map_err(|error| self.bad(&error.to_string()))
    }

    /// Returns an error about the option that was read last.
    pub(crate) fn bad(&self, why: &str) -> Usage {
        Usage::Wrong(format!("{}: {why}", self.current))
    }

    /// Returns an error that says that the program has no such option.
    pub(crate) fn unknown(&self) -> Usage {
        self.bad("unknown option (see --help)")
    }
}

/// Returns an error about a value that belongs to no option.
pub(crate) fn unexpected(value: &OsString) -> Usage {
    Usage::Wrong(format!("unexpected argument {value:?}"))
}

impl Arg {
    /// Returns the option's name. A value is an error.
    pub(crate) fn option(self) -> Result<String, Usage> {
        match self {
            Self::Option(name) => Ok(name),
            Self::Value(value) => Err(unexpected(&value)),
        }
    }
}
