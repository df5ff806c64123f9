//! Pure: how often a server has gone down without a goodbye of late, and whether it is held out
//! for that. A penalty that halves with time, as routers damp flapping routes (RFC 2439).

use std::time::Duration;

/// The penalty of one row, which outlives the lives that are shown in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Damping {
    penalty: f64,
    /// When `penalty` was that.
    at: Duration,
    held_until: Option<Duration>,
}

impl Damping {
    /// It went down without a goodbye.
    pub fn strike(&mut self, now: Duration) {
        self.penalty = self.penalty(now) + STRIKE;
        self.at = now;
        if self.penalty >= HOLD {
            let halvings = (self.penalty / RELEASE).log2();
            self.held_until = Some(now + HALF_LIFE.mul_f64(halvings).min(LONGEST));
        }
    }

    /// The penalty, as it has decayed by `now`.
    #[must_use]
    pub fn penalty(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.penalty * (-passed / HALF_LIFE.as_secs_f64()).exp2()
    }

    /// Until when it is held out, if it is.
    #[must_use]
    pub fn held_until(&self, now: Duration) -> Option<Duration> {
        self.held_until.filter(|until| now < *until)
    }

    /// It is needed: let in until it goes down again.
    pub fn release(&mut self) {
        self.held_until = None;
    }
}

const STRIKE: f64 = 1_000.0;
/// Three strikes within 17 s. At 3,000, three would never do, since the first decays meanwhile, and
/// a crash loop of ten in a minute would be admitted a fourth time.
const HOLD: f64 = 2_500.0;
const RELEASE: f64 = 1_000.0;
const HALF_LIFE: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    fn held_after(strikes: u64, apart: u64) -> Option<Duration> {
        let mut damping = Damping::default();
        let mut now = Duration::ZERO;
        for _ in 0..strikes {
            now += Duration::from_secs(apart);
            damping.strike(now);
        }
        damping.held_until(now).map(|until| until - now)
    }

    #[test]
    fn three_downs_in_a_row_hold_it_out() {
        assert_eq!(held_after(2, 1), None);
        assert_eq!(held_after(3, 20), None);
        let held = held_after(3, 6).expect("held");
        assert!((40..50).contains(&held.as_secs()), "{held:?}");
        assert_eq!(held_after(100, 1), Some(LONGEST));
    }

    #[test]
    fn it_is_forgotten_with_time_and_when_it_is_needed() {
        let mut damping = Damping::default();
        let now = Duration::from_secs(10);
        (0..3).for_each(|_| damping.strike(now));
        let until = damping.held_until(now).expect("held");
        assert_eq!(damping.held_until(until), None);
        assert!((damping.penalty(until) - RELEASE).abs() < 1.0);
        damping.release();
        assert_eq!(damping.held_until(now), None);
    }
}
