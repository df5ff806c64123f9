//! Counting: per-worker cells that are summed when somebody asks, a sliding one-second rate and
//! a moving average. What is counted, and when, is `record`'s business.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A value alone on its cache lines, so that two workers never write to the same one.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Padded<T>(pub T);

/// One cell per worker.
#[derive(Debug)]
pub struct PerWorker<T>(Box<[Padded<T>]>);

impl<T: Default> PerWorker<T> {
    /// Cells for `workers` workers; at least one.
    #[must_use]
    pub fn new(workers: usize) -> Self {
        Self((0..workers.max(1)).map(|_| Padded::default()).collect())
    }
}

impl<T> PerWorker<T> {
    /// The cell of one worker. A worker out of range shares the last cell: counts stay right,
    /// only the cache line is shared.
    #[must_use]
    pub fn of(&self, worker: usize) -> &T {
        &self.0[worker.min(self.0.len() - 1)].0
    }

    /// All cells.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|padded| &padded.0)
    }

    /// One counter summed over all workers.
    pub fn sum(&self, pick: impl Fn(&T) -> &Counter) -> u64 {
        self.iter().map(|cell| pick(cell).get()).sum()
    }
}

/// A count that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// The count now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// The largest value seen.
#[derive(Debug, Default)]
pub struct Max(AtomicU64);

impl Max {
    /// Takes `value` into account. Reads first: most values are no new maximum.
    pub fn see(&self, value: u64) {
        if value > self.0.load(Relaxed) {
            self.0.fetch_max(value, Relaxed);
        }
    }

    /// The maximum so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Events per second over a sliding window: the current partial second plus the proportional
/// share of the one before, as HAProxy's `freq_ctr` reports it.
#[derive(Debug, Default)]
pub struct Rate {
    /// Second number (upper half) and events in it (lower half).
    current: AtomicU64,
    /// The same for the last second that had events before the current one.
    previous: AtomicU64,
    max: Max,
}

impl Rate {
    /// Counts one event at `now_ms`, milliseconds on any steady clock.
    pub fn event(&self, now_ms: u64) {
        let second = now_ms / 1000;
        loop {
            let current = self.current.load(Relaxed);
            if current >> 32 == second & SECOND {
                self.current.fetch_add(1, Relaxed);
                break;
            }
            let fresh = ((second & SECOND) << 32) | 1;
            if self
                .current
                .compare_exchange(current, fresh, Relaxed, Relaxed)
                .is_ok()
            {
                self.previous.store(current, Relaxed);
                break;
            }
        }
        self.max.see(self.read(now_ms));
    }

    /// Events per second at `now_ms`.
    #[must_use]
    pub fn read(&self, now_ms: u64) -> u64 {
        let second = (now_ms / 1000) & SECOND;
        let current = self.current.load(Relaxed);
        let (in_this, in_last) = if current >> 32 == second {
            let previous = self.previous.load(Relaxed);
            let adjacent = (previous >> 32) + 1 == second;
            (current & COUNT, if adjacent { previous & COUNT } else { 0 })
        } else if (current >> 32) + 1 == second {
            (0, current & COUNT)
        } else {
            (0, 0)
        };
        in_this + in_last * (1000 - now_ms % 1000) / 1000
    }

    /// The highest rate read at any event.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max.get()
    }
}

const SECOND: u64 = 0xffff_ffff;
const COUNT: u64 = 0xffff_ffff;

/// A mean over about the last 1,024 samples: over all of them while fewer, then a moving sum
/// that loses its 1,024th part with each new sample (HAProxy's `swrate`). Written by one worker.
#[derive(Debug, Default)]
pub struct Average {
    sum: AtomicU64,
    samples: AtomicU64,
    max: Max,
}

impl Average {
    /// Takes one sample.
    pub fn sample(&self, value: u64) {
        let samples = self.samples.load(Relaxed);
        let sum = self.sum.load(Relaxed);
        let kept = if samples < WINDOW {
            sum
        } else {
            sum - sum.div_ceil(WINDOW)
        };
        self.sum.store(kept + value, Relaxed);
        self.samples.store(samples + 1, Relaxed);
        self.max.see(value);
    }

    /// The mean of several workers' averages, weighted by how many samples each stands for.
    pub fn mean<'a>(all: impl Iterator<Item = &'a Self>) -> u64 {
        let (sum, samples) = all.fold((0, 0), |(sum, samples), average| {
            let counted = average.samples.load(Relaxed).min(WINDOW);
            (sum + average.sum.load(Relaxed), samples + counted)
        });
        sum.checked_div(samples).unwrap_or(0)
    }

    /// The largest sample.
    #[must_use]
    pub fn max(&self) -> u64 {
        self.max.get()
    }
}

const WINDOW: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_slides_over_the_last_second() {
        let rate = Rate::default();
        (0..100).for_each(|i| rate.event(5_000 + i * 10));
        assert_eq!(rate.read(5_999), 100);
        assert_eq!(rate.read(6_000), 100, "the whole last second still counts");
        assert_eq!(rate.read(6_500), 50, "half of it has slid out");
        assert_eq!(rate.read(7_000), 0);
        assert_eq!(rate.max(), 100);
    }

    #[test]
    fn a_gap_empties_the_previous_second() {
        let rate = Rate::default();
        rate.event(1_000);
        rate.event(9_000);
        assert_eq!(rate.read(9_000), 1);
    }

    #[test]
    fn an_average_is_exact_while_young_and_moves_later() {
        let average = Average::default();
        [10, 20, 30]
            .into_iter()
            .for_each(|value| average.sample(value));
        assert_eq!(Average::mean([&average].into_iter()), 20);
        (0..20_000).for_each(|_| average.sample(500));
        let mean = Average::mean([&average].into_iter());
        assert!((495..=500).contains(&mean), "{mean}");
        assert_eq!(average.max(), 500);
    }

    #[test]
    fn cells_are_summed_over_workers() {
        let cells: PerWorker<Counter> = PerWorker::new(3);
        (0..4).for_each(|worker| cells.of(worker).add(2));
        assert_eq!(cells.sum(|counter| counter), 8);
    }
}
