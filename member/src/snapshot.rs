//! An immutable picture of the cluster at one moment, and the difference of two.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::node::{Node, NodeKey};

/// Whether gossip hears the node. Silence is a suspicion, never a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// Its heartbeat moves.
    Live,
    /// Its heartbeat has stopped for longer than the detector allows.
    Silent,
}

/// One node as this process sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sighting {
    /// What the node says of itself.
    pub node: Node,
    /// Where its gossip listens.
    pub gossip: SocketAddr,
    /// Whether it is heard.
    pub presence: Presence,
}

/// Every node known at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// By identity; ordered, so that two equal clusters print alike.
    pub nodes: BTreeMap<NodeKey, Arc<Sighting>>,
}
