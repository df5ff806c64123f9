//! One node as it describes itself: identity, role, address, word. Plain values; how they
//! travel is `keys`, whether they are believed is `belief`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::key_id::KeyId;

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
    /// The ids of the keys it holds, that of the one it seals with first; none when it
    /// gossips in clear.
    pub keys: Vec<KeyId>,
    /// The generation in which its process began, where that is not this one: it had to begin anew,
    /// and everything beside it goes on.
    pub since: Option<u64>,
}

impl Node {
    /// Which process of its name it is.
    pub fn process(&self) -> u64 {
        self.since.unwrap_or(self.key.generation)
    }
}

/// What an operator decides about a node before it has a life: a [`Node`] without its
/// generation and word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description {
    /// The node's name.
    pub name: Arc<str>,
    /// What it does.
    pub role: Role,
    /// The service its server belongs to.
    pub service: Arc<str>,
    /// Where its server listens. An unspecified address (`0.0.0.0:3000`) stands for the
    /// address that the node advertises, which is known only once it has a route.
    pub http: Option<SocketAddr>,
    /// The path that a balancer's own HTTP check asks for; `None`: a TCP connect.
    pub check: Option<Arc<str>>,
    /// Weight, 0 to 256.
    pub weight: u16,
    /// Free tags.
    pub tags: BTreeMap<Arc<str>, Arc<str>>,
}

impl Description {
    /// A member with a server at `http`, weight 1, no tags, in the service `nodes`.
    pub fn backend(name: &str, http: SocketAddr) -> Self {
        Self {
            name: Arc::from(name),
            role: Role::Backend,
            service: Arc::from(DEFAULT_SERVICE),
            http: Some(http),
            check: None,
            weight: 1,
            tags: BTreeMap::new(),
        }
    }

    /// A balancer, which offers no server.
    pub fn balancer(name: &str) -> Self {
        Self {
            role: Role::Balancer,
            http: None,
            ..Self::backend(name, SocketAddr::from(([0, 0, 0, 0], 0)))
        }
    }

    /// As it is after `edit`.
    pub fn edited(&self, edit: &Edit) -> Self {
        let mut edited = self.clone();
        edited.weight = edit.weight.unwrap_or(self.weight);
        edited.tags.retain(|name, _| !edit.delete.contains(name));
        let set = edit.set.iter();
        edited
            .tags
            .extend(set.map(|(k, v)| (Arc::clone(k), Arc::clone(v))));
        edited
    }

    /// The node of one life: `generation` fixed, `word` said, and an unspecified server
    /// address replaced by `advertised`.
    pub fn live(&self, generation: u64, advertised: IpAddr, word: Word) -> Node {
        Node {
            key: NodeKey {
                name: Arc::clone(&self.name),
                generation,
            },
            role: self.role,
            service: Arc::clone(&self.service),
            http: self.http.map(|http| reachable(http, advertised)),
            check: self.check.clone(),
            weight: self.weight,
            word,
            tags: self.tags.clone(),
            keys: Vec::new(),
            since: None,
        }
    }
}

/// What an operator changes about a node that runs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Edit {
    /// Another weight, 0 to 256.
    pub weight: Option<u16>,
    /// Tags to add or to change.
    pub set: BTreeMap<Arc<str>, Arc<str>>,
    /// Tags to take away; one that is not there is none the less gone.
    pub delete: Vec<Arc<str>>,
}

/// `http`, at `advertised` when it names no address of its own.
pub fn reachable(http: SocketAddr, advertised: IpAddr) -> SocketAddr {
    if http.ip().is_unspecified() {
        SocketAddr::new(advertised, http.port())
    } else {
        http
    }
}

/// The service of members that name none; HAProxy's backend in the lab's configuration.
pub const DEFAULT_SERVICE: &str = "nodes";
