//! How much of something may be done in a while. Pure: times come in.

use std::time::Duration;

/// Lets through one each so often, and what was not taken of late at once.
#[derive(Debug, Default)]
pub struct Bucket {
    next: Duration,
}

impl Bucket {
    /// Whether one more goes through at `now`, of one for `each` and what the time `burst` before had left.
    pub fn take(&mut self, now: Duration, each: Duration, burst: Duration) -> bool {
        self.next = self.next.max(now.saturating_sub(burst));
        let may = self.next <= now;
        if may {
            self.next += each;
        }
        may
    }
}
