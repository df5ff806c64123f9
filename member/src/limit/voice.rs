//! What is known of whoever speaks at one address.

use std::time::Duration;

use crate::inspect::{DigestEntry, identity};

/// Whoever speaks there.
#[derive(Debug, Default)]
pub(super) struct Voice {
    /// Which node it says it is.
    pub(super) id: Option<Box<[u8]>>,
    /// When it last spoke so that it can be nobody else.
    pub(super) proven: Option<Duration>,
    /// The highest version of a key that it has told to have.
    pub(super) version: u64,
    /// When it first told that.
    pub(super) rose: Duration,
    /// The heartbeat it last told, and when.
    beat: Option<(Duration, u64)>,
    /// How many heartbeats it counts in a second.
    rate: f64,
}

impl Voice {
    /// It speaks, and begins with `entry` about itself, or is not known to.
    pub(super) fn speak(&mut self, now: Duration, proven: bool, entry: Option<&DigestEntry<'_>>) {
        if proven {
            self.proven = Some(now);
        } else if self.is_there(now) {
            return;
        }
        let Some(entry) = entry else {
            return;
        };
        if !self.is(entry.id) {
            self.become_node(entry.id);
        }
        if proven {
            self.beat(now, entry.progress.heartbeat);
            if entry.progress.version > self.version {
                (self.version, self.rose) = (entry.progress.version, now);
            }
        }
    }

    /// Whether it is the node `id`.
    pub(super) fn is(&self, id: &[u8]) -> bool {
        self.id.as_deref() == Some(id)
    }

    /// Takes `id`, which it proves to speak for, for itself if that is a later life of its own.
    pub(super) fn yields_to(&mut self, id: &[u8]) -> bool {
        let is_later = self.id.as_deref().is_none_or(|was| {
            let (was, is) = (identity(was), identity(id));
            was.zip(is)
                .is_some_and(|(was, is)| was.0 == is.0 && was.1 < is.1)
        });
        if is_later {
            self.become_node(id);
        }
        is_later
    }

    /// Whether it is a later life than `id` at its address, or another node, and there still.
    pub(super) fn is_after(&self, now: Duration, id: &[u8]) -> bool {
        let generation = |id| identity(id).map(|(_, generation, _)| generation);
        let who = self.id.as_deref().filter(|who| *who != id);
        let is_later = who.is_some_and(|who| generation(who) >= generation(id));
        is_later && self.is_there(now)
    }

    /// Whether it can have come to `heartbeat` by now.
    pub(super) fn may_be_at(&self, now: Duration, heartbeat: u64) -> bool {
        self.beat.is_none_or(|(at, last)| {
            let since = now.saturating_sub(at).as_secs_f64();
            let further = SLACK + BURSTS * self.rate.max(USUAL) * since;
            heartbeat <= last.saturating_add(further as u64)
        })
    }

    fn is_there(&self, now: Duration) -> bool {
        self.proven.is_some_and(|at| now < at + STILL)
    }

    fn become_node(&mut self, id: &[u8]) {
        self.id = Some(id.into());
        (self.beat, self.rate, self.version) = (None, 0.0, 0);
    }

    fn beat(&mut self, now: Duration, heartbeat: u64) {
        if let Some((at, last)) = self.beat {
            let (beats, since) = (heartbeat.saturating_sub(last), now.saturating_sub(at));
            if since < LEAST {
                return;
            }
            let rate = beats as f64 / since.as_secs_f64();
            self.rate += (rate - self.rate) / 4.0;
        }
        self.beat = Some((now, heartbeat));
    }
}

/// How long who was heard at an address is taken to be there still.
const STILL: Duration = Duration::from_secs(10);
/// Heartbeats a second: a round each, and one for each message, of three in a round and as many of others.
const USUAL: f64 = 50.0;
/// How much faster it may count for a while than it did.
const BURSTS: f64 = 4.0;
/// Heartbeats that it may be ahead in any case: words come in bursts.
const SLACK: f64 = 256.0;
/// Between two measurements of its rate.
const LEAST: Duration = Duration::from_millis(50);
