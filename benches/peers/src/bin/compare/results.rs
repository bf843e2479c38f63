//! The figures of all rounds.

use std::collections::HashMap;

use crate::figures::Figures;
use crate::groups::Group;
use crate::targets::{self, Target};

/// A row's group, case and peer.
pub(crate) type Row<'r> = (&'r str, &'r str, &'r str);

pub(crate) struct Results {
    groups: Vec<Group>,
    /// A measurement for each round, by group, case and peer. A failed round has none.
    rows: HashMap<(String, String, String), Vec<Option<Figures>>>,
    /// The reasons why something was not measured.
    pub(crate) skipped: Vec<String>,
    pub(crate) rounds: usize,
}

impl Results {
    pub(crate) fn new(groups: Vec<Group>) -> Results {
        Results { groups, rows: HashMap::new(), skipped: Vec::new(), rounds: 0 }
    }

    pub(crate) fn groups(&self) -> Vec<Group> {
        self.groups.clone()
    }

    pub(crate) fn add(&mut self, row: Row<'_>, round: usize, figures: Option<Figures>) {
        let rounds = self.rows.entry(owned(row)).or_default();
        rounds.resize(round, None);
        rounds.push(figures);
    }

    /// Records once why something was not measured.
    pub(crate) fn skip(&mut self, what: String) {
        if !self.skipped.contains(&what) {
            self.skipped.push(what);
        }
    }

    pub(crate) fn rounds_of(&self, row: Row<'_>) -> &[Option<Figures>] {
        self.rows.get(&owned(row)).map_or(&[], Vec::as_slice)
    }

    /// Returns the range of one figure of a row.
    pub(crate) fn spread(&self, row: Row<'_>, figure: fn(&Figures) -> Option<f64>) -> Spread {
        Spread::of(self.rounds_of(row).iter().flatten().filter_map(figure))
    }

    /// Returns the range of the ratios of two rows within each round.
    pub(crate) fn ratio(&self, of: Row<'_>, to: Row<'_>) -> Spread {
        let pairs = self.rounds_of(of).iter().zip(self.rounds_of(to));
        Spread::of(pairs.filter_map(|(of, to)| Some(of.as_ref()?.value / to.as_ref()?.value)))
    }

    /// Returns the figure of a target, if it was measured.
    pub(crate) fn of_target(&self, target: &Target) -> Option<Spread> {
        let of = targets::row(target.of);
        let spread = match target.to {
            Some(to) => self.ratio(of, targets::row(to)),
            None => self.spread(of, |figures| Some(figures.value)),
        };
        (!spread.median.is_nan()).then_some(spread)
    }
}

fn owned((group, case, peer): Row<'_>) -> (String, String, String) {
    (group.to_owned(), case.to_owned(), peer.to_owned())
}

/// The range of one figure over all rounds. The values are NaN without a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
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

    fn of(value: f64) -> Option<Figures> {
        Some(Figures { value, ..Figures::default() })
    }

    #[test]
    fn medians_of_odd_and_even_numbers_of_rounds() {
        let spread = |values: &[f64]| Spread::of(values.iter().copied());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Spread { min: 1.0, median: 2.5, max: 4.0 });
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let (ours, theirs) = (("g", "c", "ours"), ("g", "c", "theirs"));
        let mut results = Results::new(Vec::new());
        for (round, (of_ours, of_theirs)) in
            [(of(10.0), of(20.0)), (None, of(1.0)), (of(30.0), of(20.0))].into_iter().enumerate()
        {
            results.add(ours, round, of_ours);
            results.add(theirs, round, of_theirs);
        }
        let ratio = results.ratio(ours, theirs);
        assert_eq!(ratio, Spread { min: 0.5, median: 1.0, max: 1.5 });
        assert!(results.ratio(ours, ("g", "c", "nobody")).median.is_nan());
    }
}
