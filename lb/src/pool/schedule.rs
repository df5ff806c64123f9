//! Pure: the order in which servers of given weights take turns. Knows indices and weights,
//! nothing of servers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A precomputed smooth weighted rotation: which index the n-th request goes to, in O(1).
///
/// Each server's turns are spread evenly over one period: its k-th turn is due at
/// `(k + 1/2) / weight`, and turns are taken in order of their due time, ties by position.
/// Equal weights give `0, 1, 2, 0, 1, 2`; weights 1, 2, 4 give `2, 1, 2, 0, 2, 1, 2`
/// (HAProxy 2.6 manual, section 4.2 `balance roundrobin`: the shares are contractual, the phase
/// is not).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Schedule(Form);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Form {
    /// One entry a turn.
    Slots(Box<[u32]>),
    /// For periods that would not fit: running sums of weights, searched with a hashed turn.
    /// Shares stay exact in the long run; the spacing is random instead of even.
    Sums(Box<[u64]>),
}

/// Periods longer than this are not written out.
const MAX_SLOTS: u64 = 64 * 1024;

impl Schedule {
    /// The rotation of servers with these weights; weight 0 takes no turns.
    #[must_use]
    pub fn of(weights: &[u16]) -> Self {
        let divisor = weights
            .iter()
            .fold(0, |acc, &weight| gcd(acc, u64::from(weight)))
            .max(1);
        let total: u64 = weights
            .iter()
            .map(|&weight| u64::from(weight) / divisor)
            .sum();
        if total > MAX_SLOTS {
            return Self(Form::Sums(running_sums(weights)));
        }
        Self(Form::Slots(spread(weights, divisor)))
    }

    /// How many turns one period has; 0 if nobody takes any.
    #[must_use]
    pub fn period(&self) -> u64 {
        match &self.0 {
            Form::Slots(slots) => slots.len() as u64,
            Form::Sums(sums) => sums.last().copied().unwrap_or(0),
        }
    }

    /// The index whose turn number `turn` is; `None` if nobody takes turns.
    #[must_use]
    pub fn at(&self, turn: u64) -> Option<usize> {
        let period = self.period();
        if period == 0 {
            return None;
        }
        match &self.0 {
            Form::Slots(slots) => Some(slots[(turn % period) as usize] as usize),
            Form::Sums(sums) => {
                let point = scatter(turn) % period;
                Some(sums.partition_point(|&sum| sum <= point))
            }
        }
    }
}

fn spread(weights: &[u16], divisor: u64) -> Box<[u32]> {
    let turns = |index: usize| u64::from(weights[index]) / divisor;
    // Due times (2k + 1) / (2 w) are compared as fractions, so that ties are exact.
    let mut due: BinaryHeap<Reverse<Due>> = (0..weights.len())
        .filter(|&index| turns(index) > 0)
        .map(|index| {
            Reverse(Due {
                odd: 1,
                weight: turns(index),
                index,
            })
        })
        .collect();
    let mut slots = Vec::new();
    while let Some(Reverse(next)) = due.pop() {
        slots.push(next.index as u32);
        if next.odd + 2 < 2 * next.weight {
            due.push(Reverse(Due {
                odd: next.odd + 2,
                ..next
            }));
        }
    }
    slots.into_boxed_slice()
}

/// A turn due at `odd / (2 weight)` of the period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Due {
    odd: u64,
    weight: u64,
    index: usize,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.odd * other.weight)
            .cmp(&(other.odd * self.weight))
            .then_with(|| self.index.cmp(&other.index))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

fn running_sums(weights: &[u16]) -> Box<[u64]> {
    let mut sum = 0;
    weights
        .iter()
        .map(|&weight| {
            sum += u64::from(weight);
            sum
        })
        .collect()
}

/// splitmix64's finaliser: neighbouring turns land far apart.
const fn scatter(turn: u64) -> u64 {
    let z = turn.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(weights: &[u16], expected: &[usize]) {
        let schedule = Schedule::of(weights);
        let turns: Vec<usize> = (0..expected.len() as u64)
            .filter_map(|turn| schedule.at(turn))
            .collect();
        assert_eq!(turns, expected, "weights {weights:?}");
    }

    #[test]
    fn rotations() {
        check(&[], &[]);
        check(&[0, 0], &[]);
        check(&[1, 1, 1], &[0, 1, 2, 0, 1, 2]);
        check(&[256, 256], &[0, 1, 0, 1]);
        check(&[1, 2, 4], &[2, 1, 2, 0, 2, 1, 2, 2, 1]);
        check(&[1, 0, 1], &[0, 2, 0, 2]);
        check(&[5, 1], &[0, 0, 0, 1, 0, 0, 0]);
    }

    #[test]
    fn a_period_too_long_keeps_the_shares() {
        let weights: Vec<u16> = (0..1000).map(|i| 100 + i % 157).collect();
        let schedule = Schedule::of(&weights);
        assert!(schedule.period() > MAX_SLOTS);
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let draws = 2_000_000;
        let mut counts = vec![0_u32; weights.len()];
        (0..draws)
            .filter_map(|turn| schedule.at(turn))
            .for_each(|index| counts[index] += 1);
        for (index, &weight) in weights.iter().enumerate() {
            let expected = f64::from(weight) / total * draws as f64;
            let off = (f64::from(counts[index]) - expected).abs() / expected;
            assert!(
                off < 0.15,
                "server {index}: {} instead of {expected}",
                counts[index]
            );
        }
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        /// Over one period each server takes exactly its share of turns.
        #[test]
        fn shares_are_exact(weights in proptest::collection::vec(0_u16..=256, 1..40)) {
            let schedule = Schedule::of(&weights);
            let mut counts = vec![0_u64; weights.len()];
            (0..schedule.period()).filter_map(|turn| schedule.at(turn)).for_each(|i| counts[i] += 1);
            let total: u64 = weights.iter().map(|&w| u64::from(w)).sum();
            for (index, &weight) in weights.iter().enumerate() {
                prop_assert_eq!(counts[index] * total, u64::from(weight) * schedule.period());
            }
        }

        /// Turns are spread: the gap between two turns of one server is less than twice its
        /// fair gap plus one turn of every other server.
        #[test]
        fn turns_are_spread(weights in proptest::collection::vec(1_u16..=16, 2..8)) {
            let schedule = Schedule::of(&weights);
            let period = schedule.period();
            for index in 0..weights.len() {
                let turns: Vec<u64> =
                    (0..2 * period).filter(|&turn| schedule.at(turn) == Some(index)).collect();
                let fair = 2 * period / turns.len() as u64;
                for pair in turns.windows(2) {
                    prop_assert!(pair[1] - pair[0] <= 2 * fair + weights.len() as u64);
                }
            }
        }
    }
}
