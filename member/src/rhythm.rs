//! How regularly a node's heartbeat is seen to move, and how long a pause that makes likely.
//! Pure: times come in.
//!
//! Phi accrual (Hayashibara et al., "The phi accrual failure detector", SRDS 2004) weighs a pause by
//! the mean and the variance of those before it; chitchat's detector by the mean alone, so that it
//! calls a node dead too late where gossip is steady, or too soon where it is lossy. Estimated as TCP
//! does its round trips (RFC 6298): the mean, and the mean deviation from it.

use std::time::Duration;

/// The rhythm of one node.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    last: Option<Duration>,
    steps: u32,
    /// Of the steps between two beats: their mean of late, and by how much they differ from it.
    mean: Duration,
    deviation: Duration,
    /// Steps since a silence, which does not count.
    unbroken: u32,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self {
            last: None,
            steps: 0,
            mean: Duration::ZERO,
            deviation: Duration::ZERO,
            unbroken: MEMORY,
        }
    }
}

impl Rhythm {
    /// It was seen to beat at `now`.
    pub fn beat(&mut self, now: Duration) {
        let Some(before) = self.last.replace(now) else {
            return;
        };
        let step = now.saturating_sub(before);
        let silence = self.patience().is_some_and(|patience| step > patience);
        // One silence says nothing of the usual; another within the memory does.
        if silence && std::mem::take(&mut self.unbroken) >= MEMORY {
            return;
        }
        self.unbroken = self.unbroken.saturating_add(1);
        let step = step.min(LONGEST);
        self.steps = self.steps.saturating_add(1);
        let weight = self.steps.min(MEMORY);
        if weight > 1 {
            let differs = step.abs_diff(self.mean);
            self.deviation = (self.deviation * (weight - 1) + differs) / weight;
        }
        self.mean = (self.mean * (weight - 1) + step) / weight;
    }

    /// It was seen to beat at `now`, and by us no earlier: the step before says nothing of it.
    pub fn resume(&mut self, now: Duration) {
        self.last = Some(now);
    }

    /// When it last beat.
    pub const fn last(&self) -> Option<Duration> {
        self.last
    }

    /// How long a pause is no sign of death; unknown of one that has beaten a few times only.
    pub fn patience(&self) -> Option<Duration> {
        let known = self.steps >= FEW;
        let lossy = self.deviation.saturating_sub(STEADY);
        known.then(|| (4 * self.mean + 4 * self.deviation + 16 * lossy).min(MOST))
    }
}

/// Steps that count: an older one fades.
const MEMORY: u32 = 32;
/// Fewer say nothing.
const FEW: u32 = 8;
/// Whoever is heard directly, or through others none of whose words is lost, differs by less. More
/// is of words that are lost by chance: such pauses have a long tail, of which a mean deviation
/// tells too little.
const STEADY: Duration = Duration::from_millis(100);
/// A longer step counts as such a one.
const LONGEST: Duration = Duration::from_secs(5);
/// However irregular it is.
const MOST: Duration = Duration::from_secs(8);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(steps: impl IntoIterator<Item = u64>) -> Rhythm {
        let (mut rhythm, mut now) = (Rhythm::default(), 0);
        rhythm.beat(Duration::ZERO);
        for step in steps {
            now += step;
            rhythm.beat(Duration::from_millis(now));
        }
        rhythm
    }

    fn patience(steps: impl IntoIterator<Item = u64>) -> Option<u128> {
        of(steps).patience().map(|patience| patience.as_millis())
    }

    #[test]
    fn the_less_regular_the_more_patience() {
        assert_eq!(patience([100; 7]), None);
        assert_eq!(patience([100; 8]), Some(400));
        let uneven = patience([50, 150].repeat(50)).unwrap();
        assert!((600..700).contains(&uneven), "{uneven}");
        // Four of five are lost: as chance has it, with a mean of 500 ms.
        let lossy = [100, 200, 300, 100, 500, 1_300, 100, 400, 900, 1_100].repeat(10);
        let lossy = patience(lossy).unwrap();
        assert!((7_000..=8_000).contains(&lossy), "{lossy}");
    }

    #[test]
    fn it_follows_what_changes() {
        let slower = [100; 100].into_iter().chain([400; 300]);
        assert!((1_600..1_700).contains(&patience(slower).unwrap()));
    }

    #[test]
    fn one_silence_does_not_count_and_another_does() {
        let after = |silences| {
            let silences = std::iter::repeat_n(600_000, silences);
            patience([100; 100].into_iter().chain(silences)).unwrap()
        };
        assert_eq!((after(0), after(1)), (400, 400));
        assert!((2_300..2_600).contains(&after(2)), "{}", after(2));
    }

    #[test]
    fn pauses_between_regular_steps_are_learned() {
        let steps = [100; 100].into_iter().chain([100, 600].repeat(50));
        let patience = patience(steps).unwrap();
        assert!((4_500..5_000).contains(&patience), "{patience}");
    }

    #[test]
    fn a_clock_that_stands_or_turns_back_is_no_harm() {
        let mut rhythm = of([0; 20]);
        rhythm.beat(Duration::from_secs(9));
        rhythm.beat(Duration::from_secs(3));
        assert!(rhythm.patience().is_some());
        assert_eq!(rhythm.last(), Some(Duration::from_secs(3)));
    }
}
