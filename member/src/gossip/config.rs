//! How a node is to gossip, with the defaults of its role. Plain values.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::advertise::Advertise;
use crate::node::{Description, Role, Word};
use crate::pace::{BALANCER, MEMBER};
use crate::parse::HostPort;
use crate::resolve::Resolver;
use crate::seal::Keyring;

/// How a node gossips.
#[derive(Clone, Debug)]
pub struct GossipConfig {
    /// Only nodes of one cluster talk to each other.
    pub cluster: Arc<str>,
    /// The UDP address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What others are told to reach us at, when it is not to be found out.
    pub advertise: Option<Advertise>,
    /// Where balancers may be. They need not be there, nor even have an address yet.
    pub seeds: Vec<HostPort>,
    /// Who we are.
    pub node: Description,
    /// What we say first.
    pub word: Word,
    /// Time between two rounds of gossip; a member's are longer in a crowd ([`crate::pace`]).
    pub interval: Duration,
    /// How seed names become addresses.
    pub resolver: Resolver,
    /// Who may speak with it.
    pub protection: Protection,
    /// Its first life's generation is above this one, where the wall clock does not tell two lives
    /// apart: in simulated time.
    pub above: u64,
}

/// Which cluster a node was told to join, and through whom.
#[derive(Clone, Debug)]
pub struct Given {
    /// The cluster's name.
    pub cluster: Arc<str>,
    /// Where it looks for others, comma-separated; empty when nowhere.
    pub seeds: String,
}

/// Who may speak with a node, and read what it says: whoever holds a key of its keyring;
/// everybody, when it has none.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// The keys; the first seals what is sent.
    pub keyring: Option<Keyring>,
    /// The file they come from, which is read again when it changes and on SIGHUP.
    pub file: Option<PathBuf>,
    /// Whether nodes without a key may take part, for as long as not every node has one.
    pub migrates: bool,
}

impl GossipConfig {
    /// The cluster's name and the seeds as they were given, to be told.
    pub fn as_given(&self) -> Given {
        let seeds: Vec<_> = self.seeds.iter().map(ToString::to_string).collect();
        Given {
            cluster: Arc::clone(&self.cluster),
            seeds: seeds.join(", "),
        }
    }

    /// `node` with the defaults of its role: a member listens on a free port, says
    /// `starting` and gossips every 200 ms, less often among more than 100 nodes; a balancer
    /// listens on port 7373, says `ready` and gossips every 100 ms, so that it alone misses a
    /// silent member sooner.
    pub fn new(node: Description) -> Self {
        let (port, word, interval) = match node.role {
            Role::Backend => (0, Word::Starting, MEMBER),
            Role::Balancer => (GOSSIP_PORT, Word::Ready, BALANCER),
        };
        Self {
            cluster: Arc::from(CLUSTER),
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            advertise: None,
            seeds: Vec::new(),
            node,
            word,
            interval,
            resolver: Resolver::default(),
            protection: Protection::default(),
            above: 0,
        }
    }
}

/// The gossip port of balancers: Serf's RPC port, which the lab already opens.
pub const GOSSIP_PORT: u16 = 7373;
const CLUSTER: &str = "ragot";
