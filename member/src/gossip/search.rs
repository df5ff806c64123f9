//! The search for a balancer: which addresses may have one, and when to try them again
//! while none is heard. Pure: times come in.

use std::net::SocketAddr;
use std::time::Duration;

/// What each seed means now; `None`: that could not be found out.
pub(super) type Answers = Vec<Option<Vec<SocketAddr>>>;

/// What is known of where balancers may be.
#[derive(Debug)]
pub(super) struct Search {
    /// What each seed meant when it was last found out.
    resolved: Vec<Vec<SocketAddr>>,
    added: Vec<SocketAddr>,
    /// Since when no balancer has been heard.
    alone_since: Option<Duration>,
    told: bool,
    next_try: Duration,
}

/// What to do now.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Step {
    /// Contact every seed.
    pub(super) try_seeds: bool,
    /// Tell the operator that no balancer answers.
    pub(super) tell: bool,
}

impl Search {
    /// Begins alone, at time zero.
    pub(super) fn new() -> Self {
        Self {
            resolved: Vec::new(),
            added: Vec::new(),
            alone_since: Some(Duration::ZERO),
            told: false,
            next_try: Duration::ZERO,
        }
    }

    /// Takes what the seeds' names mean now, and gives what is new. Where that could not be found out, or is
    /// nothing, the last known addresses stay: one may yet come back.
    pub(super) fn resolved(&mut self, answers: Answers) -> Vec<SocketAddr> {
        let before: Vec<_> = self.resolved.concat();
        self.resolved.resize(answers.len(), Vec::new());
        for (known, answer) in self.resolved.iter_mut().zip(answers) {
            if let Some(answer) = answer.filter(|answer| !answer.is_empty()) {
                *known = answer;
            }
        }
        let mut new = self.resolved.concat();
        new.retain(|address| !before.contains(address));
        new
    }

    pub(super) fn add(&mut self, seeds: Vec<SocketAddr>) {
        self.added.extend(seeds);
    }

    pub(super) fn seeds(&self) -> impl Iterator<Item = SocketAddr> {
        self.resolved.iter().flatten().chain(&self.added).copied()
    }

    /// Decides for `now`, given whether no balancer `is_alone` heard.
    pub(super) fn step(&mut self, now: Duration, is_alone: bool) -> Step {
        if !is_alone {
            self.alone_since = None;
            self.told = false;
            return Step::default();
        }
        let since = *self.alone_since.get_or_insert(now);
        let alone_for = now.saturating_sub(since);
        let tell = alone_for > TELL && !self.told;
        self.told |= tell;
        let try_seeds = now >= self.next_try;
        if try_seeds {
            self.next_try = now
                + if alone_for < EAGER {
                    EAGER_PAUSE
                } else {
                    PAUSE
                };
        }
        Step { try_seeds, tell }
    }
}

/// How long a balancer may be away before it is told.
const TELL: Duration = Duration::from_secs(2);
/// A restarted balancer is back within seconds: until then every member tries often.
const EAGER: Duration = Duration::from_secs(10);
const EAGER_PAUSE: Duration = Duration::from_millis(200);
/// Any one member's contact tells a new balancer of all.
const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn tries(search: &mut Search, from: u64, to: u64) -> usize {
        let times = (from..to).step_by(50);
        times
            .filter(|now| search.step(ms(*now), true).try_seeds)
            .count()
    }

    #[test]
    fn seeds_are_tried_often_at_first_and_never_given_up() {
        let mut search = Search::new();
        assert_eq!(tries(&mut search, 0, 1_000), 5);
        tries(&mut search, 1_000, 20_000);
        assert_eq!(tries(&mut search, 20_000, 21_000), 2);
    }

    #[test]
    fn a_balancer_that_was_heard_and_fell_silent_is_tried_often_again() {
        let mut search = Search::new();
        tries(&mut search, 0, 20_000);
        assert_eq!(search.step(ms(20_000), false), Step::default());
        assert!(tries(&mut search, 30_000, 31_000) >= 5);
    }

    #[test]
    fn its_absence_is_told_once() {
        let mut search = Search::new();
        let told = |search: &mut Search| {
            (0..200)
                .filter(|n| search.step(ms(50 * n), true).tell)
                .count()
        };
        assert_eq!(told(&mut search), 1);
        assert_eq!(told(&mut search), 0);
    }

    #[test]
    fn a_name_that_is_gone_keeps_its_last_address() {
        let [a, b] = [1, 2].map(|n| SocketAddr::from(([10, 0, 0, n], 7373)));
        let mut search = Search::new();
        let mut resolved = |answer| {
            let new = search.resolved(vec![answer]);
            (new, search.seeds().collect::<Vec<_>>())
        };
        assert_eq!(resolved(Some(vec![a])), (vec![a], vec![a]));
        assert_eq!(resolved(Some(vec![])), (vec![], vec![a]));
        assert_eq!(resolved(None), (vec![], vec![a]));
        assert_eq!(resolved(Some(vec![a, b])), (vec![b], vec![a, b]));
    }

    #[test]
    fn a_name_that_is_gone_keeps_its_last_address_beside_one_that_is_there() {
        let [a, b, c] = [1, 2, 3].map(|n| SocketAddr::from(([10, 0, 0, n], 7373)));
        let mut search = Search::new();
        search.resolved(vec![Some(vec![a]), Some(vec![b])]);
        assert_eq!(search.resolved(vec![Some(vec![c]), None]), [c]);
        assert_eq!(search.seeds().collect::<Vec<_>>(), [c, b]);
    }
}
