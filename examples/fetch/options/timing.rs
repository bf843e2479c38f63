//! Time limits, rates and retries.

use std::time::Duration;

use crate::options::Given;
use crate::support::Usage;

/// The time over which `--speed-limit` is measured, unless `--speed-time` sets it.
const SPEED_TIME: Duration = Duration::from_secs(30);

pub(crate) struct Timing {
    pub(crate) max_time: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) expect_timeout: Duration,
    speed_limit: Option<u64>,
    speed_time: Option<Duration>,
    /// `--limit-rate`, in bytes per second.
    pub(crate) rate: Option<u64>,
    pub(crate) retries: u32,
    pub(crate) retry_delay: Option<Duration>,
    pub(crate) retry_max_time: Option<Duration>,
    pub(crate) retry_all_errors: bool,
    pub(crate) retry_refused: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            max_time: None,
            connect_timeout: None,
            expect_timeout: Duration::from_secs(1),
            speed_limit: None,
            speed_time: None,
            rate: None,
            retries: 0,
            retry_delay: None,
            retry_max_time: None,
            retry_all_errors: false,
            retry_refused: false,
        }
    }
}

impl Timing {
    /// Takes the option and returns `true` if it is one of these.
    pub(super) fn take(&mut self, given: &Given) -> Result<bool, Usage> {
        match given.name {
            "max-time" => self.max_time = given.time_limit()?,
            "connect-timeout" => self.connect_timeout = given.time_limit()?,
            "expect100-timeout" => self.expect_timeout = given.seconds()?,
            "speed-limit" => self.speed_limit = Some(given.number()?),
            "speed-time" => self.speed_time = given.time_limit()?,
            "limit-rate" => self.rate = Some(given.bytes()?).filter(|rate| *rate > 0),
            "retry" => self.retries = given.number()?,
            "retry-delay" => self.retry_delay = given.time_limit()?,
            "retry-max-time" => self.retry_max_time = given.time_limit()?,
            "retry-all-errors" => self.retry_all_errors = given.on(),
            "retry-connrefused" => self.retry_refused = given.on(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the least rate in bytes per second, and the time over which it is measured.
    pub(crate) fn min_speed(&self) -> Option<(u64, Duration)> {
        let limit = match (self.speed_limit, self.speed_time) {
            (Some(limit), _) => limit,
            (None, Some(_)) => 1,
            (None, None) => 0,
        };
        (limit > 0).then(|| (limit, self.speed_time.unwrap_or(SPEED_TIME)))
    }
}
