//! The figures of one measurement.

use std::time::Duration;

use serde_json::{Value, json};

/// The least CPU time of a server that is reported.
const LEAST_CPU: Duration = Duration::from_millis(100);

/// One measurement. A figure that the platform or the tool does not report is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// The main figure in the group's unit. A rate is per second.
    pub(crate) value: f64,
    /// The median latency in microseconds, like all times here.
    pub(crate) p50: Option<f64>,
    pub(crate) p99: Option<f64>,
    /// The CPU time of the measured program for each unit.
    pub(crate) cpu: Option<f64>,
    /// The peak of resident memory in KiB.
    pub(crate) peak: Option<f64>,
    pub(crate) errors: u64,
}

/// Parses the output of `wrk --latency`. wrk's own CPU time does not matter.
pub(crate) struct Wrk {
    requests: f64,
    figures: Figures,
}

/// Parses the output of a client of this crate.
pub(crate) struct Client {
    requests: f64,
    bytes: f64,
    seconds: f64,
    cpu: f64,
    figures: Figures,
}

impl Wrk {
    pub(crate) fn parse(printed: &str) -> Option<Wrk> {
        let after = |label: &str| {
            let line = printed.lines().find_map(|line| line.trim().strip_prefix(label));
            line.map(str::trim)
        };
        let requests = printed.lines().find_map(|line| line.split_once(" requests in "))?.0;
        // Both lines are present only if there were errors.
        let socket_errors = after("Socket errors:").unwrap_or_default();
        let numbers = socket_errors.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok());
        let refused = after("Non-2xx or 3xx responses:").map_or(Some(0), |n| n.parse().ok())?;
        let figures = Figures {
            value: after("Requests/sec:")?.parse().ok()?,
            p50: micros(after("50%")?),
            p99: micros(after("99%")?),
            errors: numbers.sum::<u64>() + refused,
            ..Figures::default()
        };
        Some(Wrk { requests: requests.trim().parse().ok()?, figures })
    }

    /// Adds the CPU time that the server used meanwhile.
    pub(crate) fn of_server(self, cpu: Option<Duration>, peak: Option<f64>) -> Figures {
        with_server(self.figures, self.requests, cpu, peak)
    }
}

/// Parses a time of wrk: `18.00us`, `1.20ms`, `2.00s`.
fn micros(time: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((time.strip_suffix(unit)?, factor)))?;
    Some(number.parse::<f64>().ok()? * factor)
}

impl Client {
    pub(crate) fn parse(line: &str) -> Option<Client> {
        let value: Value = serde_json::from_str(line.trim()).ok()?;
        let latency = &value["latency_us"];
        let figures = Figures {
            value: value["rps"].as_f64()?,
            p50: latency["p50"].as_f64(),
            p99: latency["p99"].as_f64(),
            cpu: None,
            peak: value["peak_kib"].as_f64(),
            errors: value["errors"].as_u64()?,
        };
        let number = |key: &str| value[key].as_f64();
        Some(Client {
            requests: number("requests")?,
            bytes: number("bytes")?,
            seconds: number("seconds")?,
            cpu: number("cpu_us")?,
            figures,
        })
    }

    pub(crate) fn of_itself(self) -> Figures {
        Figures { cpu: Some(self.cpu / self.requests.max(1.0)), ..self.figures }
    }

    pub(crate) fn of_server(self, cpu: Option<Duration>, peak: Option<f64>) -> Figures {
        with_server(self.figures, self.requests, cpu, peak)
    }

    /// Returns the figures of one bulk body, in MiB.
    pub(crate) fn of_bulk(self) -> Figures {
        let mebibytes = self.bytes / f64::from(1 << 20);
        let (value, cpu) = (mebibytes / self.seconds, Some(self.cpu / mebibytes));
        Figures { value, p50: None, p99: None, cpu, ..self.figures }
    }

    pub(crate) fn of_bulk_server(self, cpu: Option<Duration>, peak: Option<f64>) -> Figures {
        let mebibytes = self.bytes / f64::from(1 << 20);
        with_server(self.of_bulk(), mebibytes, cpu, peak)
    }
}

fn with_server(figures: Figures, count: f64, cpu: Option<Duration>, peak: Option<f64>) -> Figures {
    // CPU time is counted in hundredths of a second. A few of them mean nothing.
    let cpu = cpu.filter(|&cpu| cpu >= LEAST_CPU);
    let cpu = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / count.max(1.0));
    Figures { cpu, peak, ..figures }
}

impl Figures {
    pub(crate) fn json(&self) -> Value {
        json!({
            "value": self.value,
            "p50_us": self.p50,
            "p99_us": self.p99,
            "cpu_us": self.cpu,
            "peak_kib": self.peak,
            "errors": self.errors,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
Running 3s test @ http://127.0.0.1:8080/
  2 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   296.93us  280.99us   6.12ms   97.70%
    Req/Sec    56.30k     3.28k   62.21k    70.00%
  Latency Distribution
     50%  267.00us
     75%  305.00us
     90%  361.00us
     99%    1.35ms
  200000 requests in 3.10s, 16.02MB read
  Socket errors: connect 1, read 2, write 0, timeout 4
  Non-2xx or 3xx responses: 30
Requests/sec: 111962.44
Transfer/sec:      5.34MB
";

    #[test]
    fn reads_what_wrk_prints() {
        let wrk = Wrk::parse(PRINTED).unwrap();
        let expected = Figures {
            value: 111_962.44,
            p50: Some(267.0),
            p99: Some(1350.0),
            cpu: Some(10.0),
            peak: Some(2048.0),
            errors: 37,
        };
        assert_eq!(wrk.of_server(Some(Duration::from_secs(2)), Some(2048.0)), expected);
        assert!(Wrk::parse("unable to connect").is_none());
    }

    #[test]
    fn reads_what_clients_print() {
        let line = r#"{"requests":2,"errors":1,"seconds":0.5,"rps":4,"bytes":2097152,
            "latency_us":{"p50":1,"p90":2,"p99":3,"max":4},"cpu_us":100,"peak_kib":64}"#;
        let itself = Client::parse(line).unwrap().of_itself();
        assert_eq!((itself.value, itself.cpu, itself.errors), (4.0, Some(50.0), 1));
        let bulk = Client::parse(line).unwrap().of_bulk();
        assert_eq!((bulk.value, bulk.cpu, bulk.p50), (4.0, Some(50.0), None));
    }
}
