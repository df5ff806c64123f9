//! One node as it describes itself: identity, role, address, word. Plain values; how they
//! travel is `keys`, whether they are believed is `belief`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// Identity in the cluster: a name, and which life of that name it is.
///
/// A restarted process keeps its name and takes a higher generation, so that what was
/// said of the old life is never held against the new one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeKey {
    /// The node's name: the host name unless `--name` says otherwise.
    pub name: Arc<str>,
    /// Unix time in milliseconds at which this life began.
    pub generation: u64,
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.generation)
    }
}

/// What a node does in the cluster.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// Offers a server.
    Backend,
    /// Chooses among servers.
    Balancer,
}

/// What a node says of its own readiness: one key, one decision.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Word {
    /// The webapp has not answered yet.
    Starting,
    /// The webapp answers: send requests.
    Ready,
    /// Finish what is in flight, send nothing new.
    Draining,
    /// The webapp stopped answering; the text says how.
    Down(Arc<str>),
    /// Gone on purpose; only a new generation comes back.
    Left,
}

/// A node, described by itself, after validation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Node {
    /// Who it is.
    pub key: NodeKey,
    /// What it does.
    pub role: Role,
    /// The service its server belongs to: HAProxy's backend name.
    pub service: Arc<str>,
    /// Where its server listens. Always present for [`Role::Backend`].
    pub http: Option<SocketAddr>,
    /// The path that a balancer's own HTTP check asks for; `None`: a TCP connect.
    pub check: Option<Arc<str>>,
    /// Weight, 0 to 256 (HAProxy 2.6 manual, section 5.2 `weight`).
    pub weight: u16,
    /// What it says of its readiness.
    pub word: Word,
    /// Free tags, as Serf has them.
    pub tags: BTreeMap<Arc<str>, Arc<str>>,
}
