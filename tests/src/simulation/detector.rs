//! chitchat's failure detector (0.11.2, `failure_detector.rs`), in the model's time, with the
//! parameters that `member` gives it.

use std::collections::VecDeque;
use std::time::Duration;

use member::gossip::PHI;

/// Heartbeats of one other life, as one node meets them.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples {
    intervals: VecDeque<f64>,
    sum: f64,
    last: Option<Duration>,
    pub(super) live: bool,
    /// Since when it is not live.
    pub(super) dead_since: Option<Duration>,
}

impl Samples {
    /// A heartbeat that is higher than the last.
    pub(super) fn beat(&mut self, now: Duration, interval: Duration) {
        if let Some(last) = self.last {
            let pause = now.saturating_sub(last);
            if pause <= 20 * interval {
                self.sum += pause.as_secs_f64();
                self.intervals.push_back(pause.as_secs_f64());
                if self.intervals.len() > WINDOW {
                    self.sum -= self.intervals.pop_front().unwrap_or(0.0);
                }
            }
        }
        self.last = Some(now);
    }

    /// What is decided at the end of each tick.
    pub(super) fn judge(&mut self, now: Duration, interval: Duration) {
        self.live = self.phi(now, interval).is_some_and(|phi| phi <= PHI);
        if self.live {
            self.dead_since = None;
        } else {
            self.dead_since.get_or_insert(now);
            self.intervals.clear();
            self.sum = 0.0;
        }
    }

    fn phi(&self, now: Duration, interval: Duration) -> Option<f64> {
        let count = self.intervals.len();
        let elapsed = now.saturating_sub(self.last?).as_secs_f64();
        let prior = interval.as_secs_f64() / 2.0;
        let mean = (self.sum + PRIOR_WEIGHT * prior) / (count as f64 + PRIOR_WEIGHT);
        (count > 0).then_some(elapsed / mean)
    }
}

const WINDOW: usize = 100;
const PRIOR_WEIGHT: f64 = 5.0;
