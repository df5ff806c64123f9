//! What the roster asks to be done about its decisions. Plain values.

use std::sync::Arc;

use member::node::NodeKey;

use super::proof::Probe;
use super::server::Server;

/// Something to be done about a decision, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Ask a server; answer with [`Roster::proved`](super::roster::Roster::proved).
    Probe(Errand),
    /// Tell a draining node how many of its requests are left; 0 lets it go.
    Acknowledge {
        /// The node.
        key: NodeKey,
        /// Requests still in flight.
        in_flight: u64,
    },
    /// A state change to write down, as HAProxy words it.
    Say(String),
}

/// One probe to make.
#[derive(Clone, Debug)]
pub struct Errand {
    /// The server, and the round to answer with.
    pub server: Arc<Server>,
    /// See [`Health::begin`](super::health::Health::begin).
    pub round: u64,
    /// What to ask.
    pub probe: Probe,
    /// The path of its HTTP check; `None`: a TCP connect.
    pub check: Option<Arc<str>>,
}
