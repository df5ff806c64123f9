//! What gossip holds about one node at one moment. Plain values; what they mean is `belief`.

use std::net::SocketAddr;
use std::time::Duration;

use crate::node::NodeKey;

/// Identity in gossip: the same name and generation at two addresses are two nodes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id {
    /// Name and generation.
    pub key: NodeKey,
    /// The address it gossips from.
    pub gossip: SocketAddr,
}

/// What gossip currently holds about one node.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Who.
    pub id: Id,
    /// Its heartbeat counter.
    pub heartbeat: u64,
    /// Whether the failure detector counts it among the living.
    pub live: bool,
    /// When a datagram last came straight from its gossip address.
    pub heard: Option<Duration>,
    /// All its keys, when any has changed since the last reading.
    pub keys: Option<Vec<(String, String)>>,
}
