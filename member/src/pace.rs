//! How often a node gossips, by how many nodes there are. Every message tells of all of them, so
//! with the rounds of a small cluster the bytes would grow without end. Pure: times come in.
//!
//! chitchat's own interval is fixed for a life. It goes on ticking, which counts heartbeats and
//! looks at whom it misses; of its rounds only those are let out that are due. What is asked for,
//! a word to be told or an answer, is no round and always goes out.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

/// The rounds of one node.
#[derive(Debug)]
pub struct Pace {
    /// Between two ticks.
    tick: Duration,
    adapts: bool,
    nodes: usize,
    /// Between two rounds, now.
    round: Duration,
    /// When the next round may begin.
    due: Duration,
    /// Until when what goes out is still of the round that has begun.
    open: Duration,
    /// Whom a message outside of any round is for, and how many.
    asked: HashMap<SocketAddr, u8>,
}

impl Pace {
    /// That of a node which gossips every `tick`, and, if it `adapts`, less often in a crowd.
    pub fn new(tick: Duration, adapts: bool) -> Self {
        Self {
            tick,
            adapts,
            nodes: 1,
            round: tick,
            due: Duration::ZERO,
            open: Duration::ZERO,
            asked: HashMap::new(),
        }
    }

    /// A life begins: fast, whatever the crowd.
    pub fn begin(&mut self) {
        self.round = self.tick;
        (self.due, self.open) = (Duration::ZERO, Duration::ZERO);
        self.asked.clear();
    }

    /// So many `nodes` are live, this one included.
    pub fn crowd(&mut self, nodes: usize) {
        self.nodes = nodes;
    }

    /// Whether rounds are held back, there being too many nodes.
    pub fn is_held_back(&self) -> bool {
        self.wanted() > self.tick
    }

    /// `to` is about to be contacted outside of any round.
    pub fn ask(&mut self, to: SocketAddr) {
        let asked = self.asked.entry(to).or_default();
        *asked = asked.saturating_add(1);
    }

    /// Whether a contact with `to` goes out at `now`: it was asked for, or is of a round that is due.
    pub fn lets(&mut self, now: Duration, to: SocketAddr) -> bool {
        if let Some(asked) = self.asked.get_mut(&to) {
            *asked -= 1;
            if *asked == 0 {
                self.asked.remove(&to);
            }
            return true;
        }
        let wanted = self.wanted();
        if wanted <= self.tick {
            (self.round, self.due) = (self.tick, now);
            return true;
        }
        // Ticks come a little early and late.
        let slack = self.tick / 2;
        if now < self.open {
            return true;
        }
        if now + slack < self.due {
            return false;
        }
        self.round = wanted.min(self.round + self.round / SLOWER);
        // Counted from when it was due, so that rounds between two ticks are right in the mean.
        self.due = self.due.max(now.saturating_sub(slack)) + self.round;
        self.open = now + slack;
        true
    }

    fn wanted(&self) -> Duration {
        if self.adapts {
            stretched(self.tick, self.nodes)
        } else {
            self.tick
        }
    }
}

/// What members wait between two rounds among so many `nodes`; `None` where they need not wait
/// longer than usual.
pub fn of_members(nodes: usize) -> Option<Duration> {
    (nodes > CROWD).then(|| stretched(MEMBER, nodes))
}

fn stretched(tick: Duration, nodes: usize) -> Duration {
    let crowds = nodes.max(CROWD) as f64 / CROWD as f64;
    tick.mul_f64(crowds).min(LONGEST.max(tick))
}

/// Between two rounds of a member in a cluster of usual size.
pub const MEMBER: Duration = Duration::from_millis(200);
/// Between two rounds of a balancer, in any: so it alone misses a silent member sooner.
pub const BALANCER: Duration = Duration::from_millis(100);
/// Up to here nobody waits longer. Were it half of this, a hundred nodes would miss a dead one only
/// after 2.3 s (`simulate scale`).
const CROWD: usize = 100;
/// However many there are: whoever dies is missed within some of these.
const LONGEST: Duration = Duration::from_secs(1);
/// A round may be longer than the last by this part of it, so that others, who miss a node by how
/// often they have heard it, come along.
const SLOWER: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], n))
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    /// When rounds of three contacts go out, of ticks for `seconds` that are up to 5 ms late.
    fn rounds(pace: &mut Pace, from: Duration, seconds: u64) -> Vec<Duration> {
        let tick = pace.tick;
        let ticks = ms(1_000 * seconds).as_millis() / tick.as_millis();
        let mut out = Vec::new();
        for number in 0..ticks as u32 {
            let now = from + tick * number + ms(u64::from(number) * 7 % 6);
            let sent = (0..3).filter(|n| pace.lets(now, peer(*n))).count();
            assert!(sent == 0 || sent == 3, "a round goes out as a whole");
            if sent > 0 {
                out.push(now);
            }
        }
        out
    }

    fn settled(nodes: usize) -> usize {
        let mut pace = Pace::new(MEMBER, true);
        pace.crowd(nodes);
        rounds(&mut pace, Duration::ZERO, 20);
        rounds(&mut pace, ms(20_000), 60).len()
    }

    #[test]
    fn a_minute_of_a_member() {
        let counts = [1, 10, 30, 100, 150, 200, 400, 1_000].map(settled);
        assert_eq!(counts, [300, 300, 300, 300, 200, 150, 75, 60]);
    }

    #[test]
    fn a_balancer_keeps_its_own() {
        let mut pace = Pace::new(BALANCER, false);
        pace.crowd(1_000);
        assert_eq!(rounds(&mut pace, Duration::ZERO, 60).len(), 600);
    }

    #[test]
    fn who_has_just_joined_is_fast_and_slows_down() {
        let mut pace = Pace::new(MEMBER, true);
        pace.crowd(1_000);
        let of_first = rounds(&mut pace, Duration::ZERO, 20);
        let pauses: Vec<_> = of_first.windows(2).map(|two| two[1] - two[0]).collect();
        assert!(pauses[..2].iter().all(|pause| *pause < ms(405)));
        assert!(pauses[10..].iter().all(|pause| *pause > ms(900)));
    }

    #[test]
    fn the_first_round_of_a_life_waits_for_nothing() {
        let mut pace = Pace::new(MEMBER, true);
        pace.crowd(1_000);
        rounds(&mut pace, Duration::ZERO, 20);
        let mut ticks = (0..20).map(|n| ms(20_000 + 100 * n));
        let now = ticks.find(|now| !pace.lets(*now, peer(1))).unwrap();
        pace.begin();
        assert!(pace.lets(now, peer(1)));
    }

    #[test]
    fn when_the_crowd_has_gone_the_next_tick_is_a_round() {
        let mut pace = Pace::new(MEMBER, true);
        pace.crowd(1_000);
        rounds(&mut pace, Duration::ZERO, 20);
        pace.crowd(10);
        assert_eq!(rounds(&mut pace, ms(20_000), 2).len(), 10);
    }

    #[test]
    fn what_is_asked_for_always_goes_out() {
        let mut pace = Pace::new(MEMBER, true);
        pace.crowd(1_000);
        rounds(&mut pace, Duration::ZERO, 20);
        let now = ms(20_000);
        let mut ticks = (0..20).map(|n| now + ms(100 * n));
        let now = ticks.find(|now| !pace.lets(*now, peer(1))).unwrap();
        pace.ask(peer(9));
        pace.ask(peer(9));
        assert!(!pace.lets(now, peer(1)));
        assert!([(); 3].map(|()| pace.lets(now, peer(9))) == [true, true, false]);
    }

    #[test]
    fn a_tick_longer_than_the_longest_stays() {
        assert_eq!(stretched(ms(60_000), 1_000), ms(60_000));
        let of = [10, 100, 200, 1_000].map(of_members);
        assert_eq!(of, [None, None, Some(ms(400)), Some(ms(1_000))]);
    }
}
