//! What falls due when, one time a node.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use member::node::NodeKey;

/// When each node needs attention next.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    times: BTreeSet<(Duration, NodeKey)>,
    of: BTreeMap<NodeKey, Duration>,
}

impl Agenda {
    /// Sets, moves or clears a node's time.
    pub(super) fn set(&mut self, key: &NodeKey, at: Option<Duration>) {
        if self.of.get(key).copied() == at {
            return;
        }
        if let Some(was) = self.of.remove(key) {
            self.times.remove(&(was, key.clone()));
        }
        if let Some(at) = at {
            self.of.insert(key.clone(), at);
            self.times.insert((at, key.clone()));
        }
    }

    /// The earliest time.
    pub(super) fn next(&self) -> Option<Duration> {
        self.times.first().map(|(at, _)| *at)
    }

    /// Takes the earliest node whose time has come.
    pub(super) fn take(&mut self, now: Duration) -> Option<NodeKey> {
        let key = self
            .times
            .first()
            .filter(|(at, _)| *at <= now)
            .map(|(_, key)| key.clone())?;
        self.set(&key, None);
        Some(key)
    }
}
