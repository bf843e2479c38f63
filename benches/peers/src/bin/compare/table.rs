//! The tables, in Markdown.

use std::fmt;

use crate::figures::Figures;
use crate::groups::{Group, Unit};
use crate::machine::Machine;
use crate::options::Options;
use crate::results::{Results, Row, Spread};
use crate::targets::{Bound, TARGETS, Target};

/// Prints all tables of a run.
pub(crate) struct Printed<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) options: &'a Options,
    pub(crate) results: &'a Results,
}

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.machine.lines() {
            writeln!(f, "* {line}")?;
        }
        let (rounds, seconds) = (self.results.rounds, self.options.seconds);
        let (bulk, idle) = (self.options.bulk >> 20, self.options.idle);
        writeln!(f, "* rounds: {rounds} of {seconds} s each measurement, interleaved")?;
        writeln!(f, "* bulk bodies: {bulk} MiB; idle connections: {idle}")?;
        for group in self.results.groups() {
            writeln!(f, "\n### {}: {}\n", group.name, group.about)?;
            self.group(f, &group)?;
        }
        writeln!(f, "\n### targets\n")?;
        self.targets(f)?;
        for what in &self.results.skipped {
            writeln!(f, "\nNot measured: {what}")?;
        }
        Ok(())
    }
}

impl Printed<'_> {
    fn group(&self, f: &mut fmt::Formatter<'_>, group: &Group) -> fmt::Result {
        let (value, cpu) = match group.unit {
            Unit::Requests => ("requests/s", "CPU µs a request"),
            Unit::Mebibytes => ("MiB/s", "CPU µs a MiB"),
            Unit::Kibibytes => ("KiB each", "CPU"),
        };
        writeln!(
            f,
            "| case | peer | {value} (min–max) | hangup to it | p50 µs | p99 µs | {cpu} | peak MiB | errors |"
        )?;
        writeln!(f, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")?;
        for case in &group.cases {
            for peer in &case.peers {
                let row = (group.name, case.name.as_str(), peer.name);
                self.row(f, row, (group.name, &case.name, "hangup"))?;
            }
        }
        Ok(())
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, row: Row<'_>, ours: Row<'_>) -> fmt::Result {
        let of = |figure| self.results.spread(row, figure);
        let value = of(|figures| Some(figures.value));
        if value.median.is_nan() {
            return Ok(());
        }
        let ratio = self.results.ratio(ours, row);
        let ratio = if row == ours { "".to_owned() } else { two_digits(ratio) };
        let errors: u64 = self.results.rounds_of(row).iter().flatten().map(|r| r.errors).sum();
        write!(f, "| {} | {} | {} | {ratio} ", row.1, row.2, whole(value))?;
        write!(f, "| {} | {} ", number(of(|r| r.p50), 0), number(of(|r| r.p99), 0))?;
        write!(f, "| {} ", number(of(|r| r.cpu), 1))?;
        let peak: fn(&Figures) -> Option<f64> = |figures| Some(figures.peak? / 1024.0);
        writeln!(f, "| {} | {errors} |", number(of(peak), 1))
    }

    fn targets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | target | median (min–max) | |")?;
        writeln!(f, "| --- | ---: | ---: | --- |")?;
        for target in TARGETS {
            // Groups that were not chosen are omitted.
            if let Some(spread) = self.results.of_target(target) {
                let verdict = verdict(target, spread.median);
                writeln!(
                    f,
                    "| {} | {} | {} | {verdict} |",
                    target.what,
                    target.bound,
                    two_digits(spread)
                )?;
            }
        }
        Ok(())
    }
}

/// Returns "met" or "missed", with the distance from the target.
pub(crate) fn verdict(target: &Target, figure: f64) -> String {
    let margin = 100.0 * target.bound.margin(figure);
    let side = match (target.bound, margin >= 0.0) {
        (Bound::AtLeast(_), true) | (Bound::AtMost(_), false) => "above",
        (Bound::AtLeast(_), false) | (Bound::AtMost(_), true) => "below",
    };
    let what = if margin >= 0.0 { "met" } else { "**missed**" };
    format!("{what}, {:.0} % {side}", margin.abs())
}

fn two_digits(spread: Spread) -> String {
    if spread.median.is_nan() {
        return String::new();
    }
    let Spread { min, median, max } = spread;
    format!("{median:.2} ({min:.2}–{max:.2})")
}

/// Formats large figures without decimals. Small ones are memory, whose tenths count.
fn whole(spread: Spread) -> String {
    let Spread { min, median, max } = spread;
    let digits = if median < 100.0 { 1 } else { 0 };
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}

/// Formats a median, or nothing.
fn number(spread: Spread, digits: usize) -> String {
    if spread.median.is_nan() { String::new() } else { format!("{:.digits$}", spread.median) }
}
