//! What one measurement says, and the table that many make.

use std::fmt;
use std::time::Duration;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Figures {
    requests_per_second: f64,
    /// In microseconds, as all times here.
    p50: f64,
    p99: f64,
    /// Of the program that is measured, a request; NaN where the platform does not tell.
    cpu: f64,
    errors: u64,
}

impl Figures {
    /// From the line that a load generator prints, which measures itself.
    pub(crate) fn from_json(line: &str) -> Option<Figures> {
        let value: serde_json::Value = serde_json::from_str(line.trim()).ok()?;
        let latency = &value["latency_us"];
        Some(Figures {
            requests_per_second: value["rps"].as_f64()?,
            p50: latency["p50"].as_f64()?,
            p99: latency["p99"].as_f64()?,
            cpu: value["cpu_us_per_request"].as_f64()?,
            errors: value["errors"].as_u64()?,
        })
    }

    /// From what `wrk --latency` prints, and the CPU time that the server took meanwhile.
    pub(crate) fn from_wrk(printed: &str, cpu: Option<Duration>) -> Option<Figures> {
        let after = |label: &str| {
            let line = printed.lines().find_map(|line| line.trim().strip_prefix(label));
            line.map(str::trim)
        };
        let requests = printed.lines().find_map(|line| line.split_once(" requests in "))?.0;
        let requests: f64 = requests.trim().parse().ok()?;
        let cpu = cpu.map_or(f64::NAN, |cpu| cpu.as_secs_f64() * 1e6 / requests);
        // Both lines are there only if there is something to tell.
        let socket_errors = after("Socket errors:").unwrap_or_default();
        let numbers = socket_errors.split([' ', ',']).filter_map(|word| word.parse::<u64>().ok());
        let refused = after("Non-2xx or 3xx responses:").map_or(Some(0), |n| n.parse().ok())?;
        Some(Figures {
            requests_per_second: after("Requests/sec:")?.parse().ok()?,
            p50: micros(after("50%")?)?,
            p99: micros(after("99%")?)?,
            cpu,
            errors: numbers.sum::<u64>() + refused,
        })
    }
}

/// A time as wrk writes it: `18.00us`, `1.20ms`, `2.00s`.
fn micros(time: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let (number, factor) =
        units.iter().find_map(|(unit, factor)| Some((time.strip_suffix(unit)?, factor)))?;
    Some(number.parse::<f64>().ok()? * factor)
}

/// Each program's measurements; the first program is the floor.
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    name: &'static str,
    connections: usize,
    rounds: Vec<Figures>,
}

impl Table {
    pub(crate) fn new<const N: usize>(names: [&'static str; N], connections: &[usize]) -> Table {
        let row = |name, connections| Row { name, connections, rounds: Vec::new() };
        let of_count = |&connections| names.map(|name| row(name, connections));
        Table { rows: connections.iter().flat_map(of_count).collect() }
    }

    pub(crate) fn add(&mut self, name: &str, connections: usize, figures: Figures) {
        let mut rows = self.rows.iter_mut();
        let row = rows.find(|row| row.name == name && row.connections == connections);
        row.expect("the table has a row for each program and count").rounds.push(figures);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| connections | program | requests/s (min–max) | of the floor ")?;
        writeln!(f, "| p50 µs | p99 µs | CPU µs a request | errors |")?;
        writeln!(f, "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for row in &self.rows {
            let floor = self.rows.iter().find(|floor| floor.connections == row.connections);
            row.write(f, floor.expect("it is this row, if no other"))?;
        }
        Ok(())
    }
}

impl Row {
    fn write(&self, f: &mut fmt::Formatter<'_>, floor: &Row) -> fmt::Result {
        let of = |figure: fn(&Figures) -> f64| Spread::of(self.rounds.iter().map(figure));
        let rps = of(|figures| figures.requests_per_second);
        let ratio = Spread::of(
            self.rounds
                .iter()
                .zip(&floor.rounds)
                .map(|(this, floor)| this.requests_per_second / floor.requests_per_second),
        );
        let [p50, p99, cpu] = [of(|f| f.p50), of(|f| f.p99), of(|f| f.cpu)].map(|s| s.median);
        let errors: u64 = self.rounds.iter().map(|figures| figures.errors).sum();
        write!(f, "| {} | {} ", self.connections, self.name)?;
        write!(f, "| {:.0} ({:.0}–{:.0}) ", rps.median, rps.min, rps.max)?;
        write!(f, "| {:.2} ({:.2}–{:.2}) ", ratio.median, ratio.min, ratio.max)?;
        writeln!(f, "| {p50:.0} | {p99:.0} | {cpu:.1} | {errors} |")
    }
}

/// What several rounds say together.
#[derive(Debug, PartialEq)]
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let [Some(&min), Some(&max)] = [values.first(), values.last()] else {
            return Spread { min: f64::NAN, median: f64::NAN, max: f64::NAN };
        };
        let (lower, upper) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Spread { min, median: (lower + upper) / 2.0, max }
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
        let figures = Figures::from_wrk(PRINTED, Some(Duration::from_secs(2))).unwrap();
        let expected = Figures {
            requests_per_second: 111_962.44,
            p50: 267.0,
            p99: 1350.0,
            cpu: 10.0,
            errors: 37,
        };
        assert_eq!(figures, expected);
        assert_eq!(Figures::from_wrk("unable to connect", None), None);
    }

    #[test]
    fn medians_of_odd_and_even_numbers_of_rounds() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Spread { min: 1.0, median: 2.5, max: 4.0 });
    }
}
