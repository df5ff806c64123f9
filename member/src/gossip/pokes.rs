//! Who is to be contacted when. A poke is one handshake now instead of at the next tick; a
//! datagram may get lost, so pokes come in short series. Pure: times come in.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

/// Pokes to come, in order of time.
#[derive(Debug, Default)]
pub(super) struct Pokes(BTreeSet<(Duration, SocketAddr)>);

impl Pokes {
    /// Plans a poke of `to` at `now` plus each of `after`.
    pub(super) fn plan(&mut self, now: Duration, to: SocketAddr, after: &[Duration]) {
        let room = PLANNED.saturating_sub(self.0.len());
        let times = after.iter().take(room);
        self.0.extend(times.map(|later| (now + *later, to)));
    }

    /// Takes what is due at `now`; nobody twice.
    pub(super) fn due(&mut self, now: Duration) -> HashSet<SocketAddr> {
        let mut due = HashSet::new();
        while let Some((at, to)) = self.0.first().copied()
            && at <= now
        {
            self.0.pop_first();
            due.insert(to);
        }
        due
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| *at)
    }
}

/// One contact.
pub(super) const ONCE: &[Duration] = &[Duration::ZERO];

/// A first contact: three heartbeats make a node known as live.
pub(super) const BURST: &[Duration] = &[
    Duration::ZERO,
    Duration::from_millis(5),
    Duration::from_millis(10),
];

/// Something new to say: at once, and twice more in case a datagram is lost.
pub(super) const NEWS: &[Duration] = &[
    Duration::ZERO,
    Duration::from_millis(10),
    Duration::from_millis(40),
];

const PLANNED: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pokes_come_due_in_order_and_once() {
        let mut pokes = Pokes::default();
        let ms = Duration::from_millis;
        let [a, b] = [1, 2].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        pokes.plan(ms(100), a, BURST);
        pokes.plan(ms(100), b, ONCE);
        assert_eq!(pokes.next(), Some(ms(100)));
        assert_eq!(pokes.due(ms(99)).len(), 0);
        assert_eq!(pokes.due(ms(105)), HashSet::from([a, b]));
        assert_eq!(pokes.next(), Some(ms(110)));
        assert_eq!(pokes.due(ms(200)), HashSet::from([a]));
        assert_eq!(pokes.next(), None);
    }
}
