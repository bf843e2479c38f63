//! A list of numbers with weights, `200:0.9,500:0.1`, from which one is chosen.

/// A list of at least one number, whose weights are not all 0.
pub(crate) struct Weights(Vec<(u16, f64)>);

impl Weights {
    /// Parses a list. A number without a weight has the weight 1.
    pub(crate) fn parse(list: &str) -> Option<Self> {
        let choices: Option<Vec<_>> = list.split(',').map(choice).collect();
        let weights = Self(choices?);
        let total = weights.total();
        (total > 0.0 && total.is_finite()).then_some(weights)
    }

    fn total(&self) -> f64 {
        self.0.iter().map(|(_, weight)| weight).sum()
    }

    /// Returns the number at the position `at` (from 0 to below 1). Each number is as long as its
    /// weight.
    pub(crate) fn pick(&self, at: f64) -> u16 {
        let mut left = at * self.total();
        let met = self.0.iter().find(|(_, weight)| {
            left -= weight;
            left < 0.0
        });
        // Rounding may lead past the last number.
        let last = self.0.iter().rfind(|(_, weight)| *weight > 0.0);
        met.or(last).map_or(0, |(number, _)| *number)
    }
}

fn choice(text: &str) -> Option<(u16, f64)> {
    let (number, weight) = text.split_once(':').unwrap_or((text, "1"));
    let weight = weight.trim().parse().ok().filter(|weight| *weight >= 0.0)?;
    Some((number.trim().parse().ok()?, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_share() {
        for (list, expected) in [
            ("200", [200, 200, 200, 200]),
            ("200:7", [200, 200, 200, 200]),
            ("200,500", [200, 200, 500, 500]),
            ("200:0.25,500:0.75", [200, 500, 500, 500]),
            ("200:3, 500", [200, 200, 200, 500]),
            ("200:0,500:2,404:0", [500, 500, 500, 500]),
        ] {
            let weights = Weights::parse(list).expect(list);
            assert_eq!([0.0, 0.25, 0.5, 0.75].map(|at| weights.pick(at)), expected, "{list}");
        }
    }

    #[test]
    fn the_end_is_never_passed() {
        let weights = Weights::parse("200:0.1,404:0.2,500:0.3,503:0").expect("a list");
        assert_eq!(weights.pick(1.0), 500);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for list in
            ["", ",", "200,", "x", "200:x", "200:", ":1", "200:-1", "200:NaN", "200:inf", "200:0"]
        {
            assert!(Weights::parse(list).is_none(), "{list}");
        }
    }
}
