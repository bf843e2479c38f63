//! One option of the command line, and the kinds of values.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::support::Usage;

/// An option as it was given.
pub(crate) struct Given {
    /// The long name, without dashes.
    pub(crate) name: &'static str,
    /// The option as the user wrote it, for messages.
    shown: String,
    value: Option<OsString>,
    on: bool,
}

impl Given {
    pub(super) fn new(
        name: &'static str,
        shown: String,
        value: Option<OsString>,
        on: bool,
    ) -> Self {
        Self { name, shown, value, on }
    }

    /// Returns `false` if `--no-` reverses the switch.
    pub(crate) fn on(&self) -> bool {
        self.on
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.value.clone().unwrap_or_default().into()
    }

    pub(crate) fn text(&self) -> Result<String, Usage> {
        let value = self.value.clone().unwrap_or_default();
        value.into_string().map_err(|_| self.bad("its value is not UTF-8"))
    }

    pub(crate) fn number<T: FromStr>(&self) -> Result<T, Usage> {
        let text = self.text()?;
        text.trim_start()
            .parse()
            .map_err(|_| self.bad(format!("{text:?} is not a number in range")))
    }

    /// Returns a number of seconds, which may have decimals.
    pub(crate) fn seconds(&self) -> Result<Duration, Usage> {
        let seconds: f64 = self.number()?;
        Duration::try_from_secs_f64(seconds).map_err(|error| self.bad(error))
    }

    /// Returns a time limit. 0 means no limit.
    pub(crate) fn time_limit(&self) -> Result<Option<Duration>, Usage> {
        Ok(Some(self.seconds()?).filter(|limit| !limit.is_zero()))
    }

    /// Returns a number of bytes, with an optional unit: `100`, `10k`, `1.5M`, `2G`.
    pub(crate) fn bytes(&self) -> Result<u64, Usage> {
        let text = self.text()?;
        let bad = || self.bad(format!("{text:?} is not a number of bytes, as 200K or 3m"));
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match &text[digits.len()..] {
            "" | "b" | "B" => 0,
            "k" | "K" => 1,
            "m" | "M" => 2,
            "g" | "G" => 3,
            "t" | "T" => 4,
            "p" | "P" => 5,
            _ => return Err(bad()),
        };
        let number: f64 = digits.parse().map_err(|_| bad())?;
        match number >= 0.0 {
            true => Ok((number * 1024_f64.powi(unit)) as u64),
            false => Err(bad()),
        }
    }

    /// Returns an error about this option.
    pub(crate) fn bad(&self, why: impl fmt::Display) -> Usage {
        Usage::wrong(format!("{}: {why}", self.shown))
    }
}
