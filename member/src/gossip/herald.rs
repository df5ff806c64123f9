//! What gossip writes to the log: one line for each change an operator may act on.

use std::sync::Arc;

use crate::belief::Complaint;
use crate::node::{Role, Word};
use crate::snapshot::{Change, Presence, Sighting};

/// Once for each thing that is wrong with others.
pub(super) fn complain(complaint: &Complaint) {
    match complaint {
        Complaint::Undecodable(id, error) => tracing::warn!(
            "node {:?} at {} is not shown: {error}",
            id.key.name,
            id.gossip
        ),
        Complaint::Full(cap) => tracing::warn!("more than {cap} nodes; the rest is ignored"),
        Complaint::SharedName(name) => {
            tracing::warn!("two live nodes are called {name}; give one another --name");
        }
    }
}

/// One line when a balancer comes, falls silent, is heard again or leaves. What members
/// do is told by the balancer, in its own words.
pub(super) fn tell(change: &Change) {
    let name = |seen: &Sighting| Arc::clone(&seen.node.key.name);
    match change {
        Change::Added(seen) if is_heard(seen) => {
            tracing::info!("balancer {} is heard at {}", name(seen), seen.gossip);
        }
        Change::Changed { old, new } if !is_heard(old) && is_heard(new) => {
            tracing::info!("balancer {} is heard at {}", name(new), new.gossip);
        }
        Change::Changed { old, new } if is_heard(old) && !is_heard(new) => {
            let has_left = new.node.word == Word::Left;
            let how = if has_left { "has left" } else { "is silent" };
            tracing::info!("balancer {} {how}", name(new));
        }
        _ => {}
    }
}

fn is_heard(seen: &Sighting) -> bool {
    seen.node.role == Role::Balancer
        && seen.presence == Presence::Live
        && seen.node.word != Word::Left
}
