//! The middle of some numbers and how far they lie apart.

/// A median between its quartiles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Spread {
    /// Of these numbers; none of none.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            lower: quantile(&sorted, 0.25)?,
            median: quantile(&sorted, 0.5)?,
            upper: quantile(&sorted, 0.75)?,
        })
    }
}

/// Between the two nearest, as far as the share demands.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = last as f64 * share;
    let (below, above) = (sorted[place as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(numbers: &[f64]) -> (f64, f64, f64) {
        let spread = Spread::of(numbers.iter().copied()).unwrap();
        (spread.lower, spread.median, spread.upper)
    }

    #[test]
    fn quartiles_lie_between_the_nearest() {
        assert_eq!(spread(&[5.0, 1.0, 3.0, 2.0, 4.0]), (2.0, 3.0, 4.0));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), (1.75, 2.5, 3.25));
        assert_eq!(spread(&[1.0, 2.0]), (1.25, 1.5, 1.75));
    }

    #[test]
    fn one_number_has_no_spread_and_none_has_no_middle() {
        assert_eq!(spread(&[7.0]), (7.0, 7.0, 7.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn one_bad_round_does_not_move_the_middle() {
        assert_eq!(spread(&[1.0, 1.0, 1.0, 1.0, 100.0]).1, 1.0);
    }
}
