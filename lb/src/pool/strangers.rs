//! Pure: draining nodes that are none of ours. Each waits for every balancer, also for those it
//! never served.

use std::collections::BTreeSet;

use member::node::{Node, NodeKey, Word};
use member::snapshot::Snapshot;

use super::effect::Effect;

/// Those that have been told of their present drain that nothing is in flight.
#[derive(Debug, Default)]
pub(super) struct Strangers(BTreeSet<NodeKey>);

impl Strangers {
    /// What one is to be told, at the beginning of each of its drains.
    pub(super) fn dismiss(&mut self, node: &Node) -> Option<Effect> {
        let key = &node.key;
        if node.word != Word::Draining {
            self.0.remove(key);
            return None;
        }
        self.0.insert(key.clone()).then(|| Effect::Acknowledge {
            key: key.clone(),
            in_flight: 0,
        })
    }

    /// Those that gossip no longer knows are over.
    pub(super) fn forget(&mut self, snapshot: &Snapshot) {
        self.0.retain(|key| snapshot.nodes.contains_key(key));
    }
}
