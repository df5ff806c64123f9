//! Which of one sender's counters have been seen: a sliding window as in RFC 4303 section
//! 3.4.3, wide enough for datagrams that overtake each other.

/// Counters from the highest seen downwards, one bit each.
#[derive(Clone, Debug)]
pub(super) struct Window {
    highest: u64,
    /// Bit `n` of the whole: the counter `n` with `n` taken modulo [`WIDTH`].
    seen: [u64; WORDS],
}

impl Window {
    /// After a first contact with `counter`: nothing before it is accepted any more.
    pub(super) fn from(counter: u64) -> Self {
        Self {
            highest: counter,
            seen: [u64::MAX; WORDS],
        }
    }

    /// Whether `counter` is neither seen nor too old to tell.
    pub(super) fn is_new(&self, counter: u64) -> bool {
        counter > self.highest || (self.highest - counter < WIDTH && !self.is_seen(counter))
    }

    /// Marks one that [`Window::is_new`] and authentic as seen.
    pub(super) fn see(&mut self, counter: u64) {
        if counter > self.highest {
            let steps = counter - self.highest;
            if steps >= WIDTH {
                self.seen = [0; WORDS];
            } else {
                for skipped in self.highest + 1..=counter {
                    let (word, bit) = place(skipped);
                    self.seen[word] &= !bit;
                }
            }
            self.highest = counter;
        }
        let (word, bit) = place(counter);
        self.seen[word] |= bit;
    }

    fn is_seen(&self, counter: u64) -> bool {
        let (word, bit) = place(counter);
        self.seen[word] & bit != 0
    }
}

fn place(counter: u64) -> (usize, u64) {
    let at = (counter % WIDTH) as usize;
    (at / 64, 1 << (at % 64))
}

/// More than a node sends in a second.
pub(super) const WIDTH: u64 = 1_024;
const WORDS: usize = (WIDTH / 64) as usize;
