//! How much of something may be done in a while. Pure: times come in.

use std::time::Duration;

/// Lets through one each so often, and what was not taken of late at once; so much also at the start.
#[derive(Debug, Default)]
pub struct Bucket {
    next: Duration,
}

impl Bucket {
    /// Whether one more goes through at `now`, of one for `each` and one more for each in `burst` at once.
    pub fn take(&mut self, now: Duration, each: Duration, burst: Duration) -> bool {
        self.next = self.next.max(now);
        let may = self.next <= now + burst;
        if may {
            self.next += each;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EACH: Duration = Duration::from_millis(10);

    fn at_once(bucket: &mut Bucket, now: u64) -> usize {
        let now = Duration::from_millis(now);
        let all = 0..200;
        all.filter(|_| bucket.take(now, EACH, 9 * EACH)).count()
    }

    #[test]
    fn as_many_go_through_at_once_whenever_it_began() {
        for start in [0_u64, 5, 50, 700] {
            let mut bucket = Bucket::default();
            let mut taken = |later: u64| at_once(&mut bucket, start + later);
            assert_eq!([0, 9, 10, 45, 900].map(&mut taken), [10, 0, 1, 3, 10]);
        }
    }
}
