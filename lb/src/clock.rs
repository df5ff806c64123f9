//! One steady clock for the whole balancer: durations since it started. Pure code takes such
//! durations as arguments; tests under tokio's paused clock move it by hand.

use std::time::Duration;

use tokio::time::Instant;

/// A clock that began when the balancer did.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since it began.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// The same in whole milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.now().as_millis() as u64
    }

    /// The instant at which [`now`](Self::now) reads `at`.
    #[must_use]
    pub fn instant(&self, at: Duration) -> Instant {
        self.0 + at
    }
}
