//! What a balancer answers to a member that leaves: how far it has let go. Plain values.

use std::collections::BTreeMap;

use crate::node::NodeKey;

/// How far a balancer has let go of a draining member.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Ack {
    /// No new request goes there; some may still be in flight.
    Draining,
    /// Nothing is in flight any more.
    Drained,
}

/// One balancer's acknowledgement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Receipt {
    /// How far it is.
    pub ack: Ack,
    /// Requests it still has in flight there.
    pub inflight: u64,
}

/// Which balancer has acknowledged what of this life of this node.
pub type Receipts = BTreeMap<NodeKey, Receipt>;
