//! What gossip writes to the log: one line for each change an operator may act on.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::belief::Complaint;
use crate::gossip::config::Protection;
use crate::gossip::keyfile;
use crate::key_id::KeyId;
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
        Complaint::Crowded(nodes) => tracing::warn!(
            "{nodes} nodes gossip here, and every message tells of all of them: in clear a member \
             sends more than 100 kB a second, a balancer some {}; sealed, a quarter. Of more than \
             512 the rest is ignored: give services that have nothing to do with each other \
             balancers, and a key, of their own",
            2 * nodes
        ),
        Complaint::Full(cap) => tracing::warn!("more than {cap} nodes; the rest is ignored"),
        Complaint::SharedName(name) => {
            tracing::warn!("two live nodes are called {name}; give one another --name");
        }
        Complaint::SharedServer(denied, holder) => tracing::warn!(
            "node {:?} at {} gets no requests: it says that the server is its own which is that of {:?} at {}",
            denied.key.name,
            denied.gossip,
            holder.key.name,
            holder.gossip
        ),
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

/// Once, at the start: whether strangers can listen and speak, by the address that is listened on, whichever is
/// told to others.
pub(super) fn tell_protection(protection: &Protection, bound: SocketAddr) {
    if let Some(file) = &protection.file {
        keyfile::tell_public(file);
    }
    match &protection.keyring {
        Some(keyring) => tell_keys(&keyring.ids()),
        None if bound.ip().to_canonical().is_loopback() => return,
        None => tracing::warn!(
            "gossip is in clear: whoever can send datagrams to {bound} can add a server and \
             take others' requests; `member keygen` makes a key, RAGOT_ENCRYPT or \
             --keyring-file gives it to every node"
        ),
    }
    if protection.migrates {
        tracing::warn!("--encrypt-migrate: nodes without a key take part too");
    }
}

/// Which keys are in use, by their ids.
pub(super) fn tell_keys(keys: &[KeyId]) {
    if let [seals, others @ ..] = keys {
        let others: Vec<_> = others.iter().map(ToString::to_string).collect();
        let others = if others.is_empty() {
            String::new()
        } else {
            format!("; {} open too", others.join(", "))
        };
        tracing::info!("gossip is sealed with key {seals}{others}");
    }
}

fn is_heard(seen: &Sighting) -> bool {
    seen.node.role == Role::Balancer
        && seen.presence == Presence::Live
        && seen.node.word != Word::Left
}
