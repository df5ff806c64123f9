//! How a server looks to people: its status as HAProxy shows it, and what was counted about its
//! health. Plain values; who decides them is `health`.

use std::sync::Arc;
use std::time::Duration;

use super::proof::Proof;

/// What an operator has decided.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Admin {
    /// Nothing: the server's word and proof count.
    #[default]
    Ready,
    /// Finish what it has, nothing new.
    Drain,
    /// Out.
    Maint,
}

/// The status as HAProxy shows it (management guide 9.1, field 17).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Shown {
    /// No row.
    #[default]
    Hidden,
    /// `UP`, or `UP n/fall` while `left` failures away from DOWN is fewer than `fall`.
    Up {
        /// Failures left before it goes down.
        left: u32,
    },
    /// `DOWN`, or `DOWN n/rise` after `good` good checks.
    Down {
        /// Good checks so far.
        good: u32,
    },
    /// `DRAIN`.
    Drain,
    /// `MAINT`.
    Maint,
}

impl Shown {
    /// Whether the two differ at most in a count.
    #[must_use]
    pub const fn same_kind(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::Hidden, Self::Hidden)
                | (Self::Up { .. }, Self::Up { .. })
                | (Self::Down { .. }, Self::Down { .. })
                | (Self::Drain, Self::Drain)
                | (Self::Maint, Self::Maint)
        )
    }

    /// Whether requests may be sent.
    #[must_use]
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Up { .. })
    }
}

/// A server's health as people see it.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Its status.
    pub shown: Shown,
    /// Whether gossip has stopped hearing it.
    pub silent: bool,
    /// Until when it is held out at the longest because it went down too often, however well it is.
    pub held_until: Option<Duration>,
    /// The member's own reason for being down.
    pub reason: Option<Arc<str>>,
    /// What the last probe found.
    pub last: Option<Proof>,
    /// Whether a probe is under way.
    pub checking: bool,
    /// HAProxy's health counter, 0 to rise + fall - 1.
    pub counter: u32,
    /// The policy's `rise` and `fall`.
    pub rise_fall: (u32, u32),
    /// When its status last changed.
    pub since: Duration,
    /// Checks failed while it was up.
    pub failures: u64,
    /// Times it went down.
    pub downs: u64,
    /// Time down before `since`.
    pub downtime: Duration,
}

impl View {
    /// With what was counted of the server's earlier life.
    pub(super) fn succeeding(self, earlier: &Self) -> Self {
        let mut view = Self {
            failures: earlier.failures,
            downs: earlier.downs,
            downtime: earlier.downtime,
            ..self
        };
        // Down until the new life has proved itself: the time between counts as down.
        if view.shown == Shown::Hidden && matches!(earlier.shown, Shown::Down { .. }) {
            (view.shown, view.since) = (earlier.shown, earlier.since);
        }
        view
    }

    /// It is shown as `shown` from now on; counts the change, if it is one.
    pub(super) fn turn(&mut self, now: Duration, shown: Shown) {
        let was = std::mem::replace(&mut self.shown, shown);
        if was.same_kind(shown) {
            return;
        }
        if matches!(was, Shown::Down { .. }) {
            self.downtime += now.saturating_sub(self.since);
        }
        if matches!(shown, Shown::Down { .. } | Shown::Maint) && was != Shown::Hidden {
            self.downs += 1;
        }
        self.since = now;
    }
}
