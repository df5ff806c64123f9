//! How often one source may speak: 200 times a second, the same at once. A fixed table: a flood
//! from made-up sources takes no memory, and slows down only who shares a place with it.

use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

/// The places of all sources.
#[derive(Debug)]
pub struct Buckets {
    /// So that nobody can choose whose place to share.
    hasher: RandomState,
    /// When each would be empty again (the generic cell rate algorithm of ITU-T I.371).
    empty_at: Vec<Duration>,
}

impl Buckets {
    /// Nobody has spoken yet.
    pub fn new(hasher: RandomState) -> Self {
        Self {
            hasher,
            empty_at: vec![Duration::ZERO; PLACES],
        }
    }

    /// Whether `source` may speak once more at `now`, counted from any fixed moment. A source
    /// is an address with its port, since many nodes may share one host, or a sender that has
    /// proved to be itself.
    pub fn take(&mut self, now: Duration, source: impl Hash) -> bool {
        // A power of two is a fair share of any hash.
        let place = self.hasher.hash_one(source) as usize % PLACES;
        let empty_at = &mut self.empty_at[place];
        let next = (*empty_at).max(now) + EACH;
        let may = next <= now + BURST;
        if may {
            *empty_at = next;
        }
        may
    }
}

/// A node sends another some 10 datagrams a round; nobody honest comes near this.
const EACH: Duration = Duration::from_millis(5);
const BURST: Duration = Duration::from_secs(1);
const PLACES: usize = 4_096;
