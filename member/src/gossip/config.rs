//! How a node is to gossip, with the defaults of its role. Plain values.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::node::{Description, Role, Word};
use crate::parse::HostPort;
use crate::resolve::Resolver;

/// How a node gossips.
#[derive(Clone, Debug)]
pub struct GossipConfig {
    /// Only nodes of one cluster talk to each other.
    pub cluster: String,
    /// The UDP address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What others are told to reach us at, when it is not to be found out; port 0 stands
    /// for the bound port.
    pub advertise: Option<SocketAddr>,
    /// Where balancers may be. They need not be there, nor even have an address yet.
    pub seeds: Vec<HostPort>,
    /// Who we are.
    pub node: Description,
    /// What we say first.
    pub word: Word,
    /// Time between two rounds of gossip.
    pub interval: Duration,
    /// How seed names become addresses.
    pub resolver: Resolver,
}

impl GossipConfig {
    /// `node` with the defaults of its role: a member listens on a free port, says
    /// `starting` and gossips every 200 ms; a balancer listens on port 7373, says `ready`
    /// and gossips every 100 ms, so that it alone misses a silent member sooner.
    pub fn new(node: Description) -> Self {
        let (port, word, interval) = match node.role {
            Role::Backend => (0, Word::Starting, Duration::from_millis(200)),
            Role::Balancer => (GOSSIP_PORT, Word::Ready, Duration::from_millis(100)),
        };
        Self {
            cluster: CLUSTER.to_owned(),
            listen: SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            advertise: None,
            seeds: Vec::new(),
            node,
            word,
            interval,
            resolver: Resolver::default(),
        }
    }
}

/// The gossip port of balancers: Serf's RPC port, which the lab already opens.
pub const GOSSIP_PORT: u16 = 7373;
const CLUSTER: &str = "ragot";
