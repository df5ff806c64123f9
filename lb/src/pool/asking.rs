//! Pure: what one server is asked, and when: one probe at a time, the next one's time, and the check
//! that a connect between two checks must not delay. What the answers mean is `health`.

use std::time::Duration;

use super::proof::Probe;

/// What a server is asked next, or now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asking {
    due: Option<(Duration, Probe)>,
    /// When the check falls due that a connect asked for meanwhile must not delay.
    set_aside: Option<Duration>,
    /// Proofs asked for in an earlier round are out of date.
    round: u64,
    under_way: bool,
    /// Whether the connect asked for last is for quiet alone.
    early: bool,
}

impl Asking {
    /// The next probe; none while one is under way.
    pub(super) fn due(&self) -> Option<(Duration, Probe)> {
        self.due.filter(|_| !self.under_way)
    }

    /// Whether a probe is under way.
    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Whether that one is for quiet alone.
    pub(super) const fn is_early(&self) -> bool {
        self.under_way && self.early
    }

    /// The next probe is under way now; gives the round to answer with.
    pub(super) fn begin(&mut self) -> u64 {
        self.under_way = true;
        self.due = None;
        self.round
    }

    /// An answer of `round` has come; false if it is out of date.
    pub(super) fn end(&mut self, round: u64) -> bool {
        let counts = round == self.round;
        self.under_way &= !counts;
        counts
    }

    /// What was asked last is not for quiet alone any more; gives whether it was.
    pub(super) fn take_early(&mut self) -> bool {
        std::mem::take(&mut self.early)
    }

    /// Replaces whatever was asked or is being asked.
    pub(super) fn ask(&mut self, at: Duration, probe: Probe) {
        self.cancel();
        self.due = Some((at, probe));
    }

    /// A connect now, which leaves the next check where it was.
    pub(super) fn ask_between(&mut self, now: Duration) {
        let check = self.due.filter(|(_, probe)| *probe == Probe::Full);
        let next = check.map(|(at, _)| at).or(self.set_aside);
        self.ask(now, Probe::Connect);
        self.set_aside = next;
    }

    /// The same, for quiet alone.
    pub(super) fn ask_early(&mut self, now: Duration) {
        self.ask_between(now);
        self.early = true;
    }

    /// Another probe, `at`, of the same round.
    pub(super) fn go_on(&mut self, at: Duration, probe: Probe) {
        self.due = Some((at, probe));
    }

    /// The check that was set aside, else one at the `usual` time.
    pub(super) fn go_on_checking(&mut self, usual: Duration) {
        self.go_on(self.set_aside.unwrap_or(usual), Probe::Full);
        self.set_aside = None;
    }

    /// A connect `at`, before the check that is due.
    pub(super) fn insert(&mut self, at: Duration) {
        self.set_aside = self.due.map(|(at, _)| at);
        self.go_on(at, Probe::Connect);
    }

    /// Nothing is asked any more.
    pub(super) fn cancel(&mut self) {
        *self = Self {
            round: self.round + 1,
            ..Self::default()
        };
    }
}
