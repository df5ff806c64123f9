//! What the rest of the program holds of gossip: start it, speak, listen, stop. Cheap to
//! clone; when the last clone is dropped, gossip ends without a word, as a crash would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::error::Error;
use crate::gossip::actor::{Actor, Command, Outlets};
use crate::gossip::wire::{Counters, Traffic, Wire};
use crate::keys;
use crate::node::{Description, NodeKey, Role, Word};
use crate::parse::HostPort;
use crate::receipt::{Receipt, Receipts};
use crate::resolve::Resolver;
use crate::snapshot::Snapshot;

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
            listen: SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port)),
            advertise: None,
            seeds: Vec::new(),
            node,
            word,
            interval,
            resolver: Resolver::default(),
        }
    }
}

/// This node's present life, as others see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Name and generation.
    pub key: NodeKey,
    /// The gossip address told to others.
    pub gossip: SocketAddr,
    /// The server address told to others.
    pub http: Option<SocketAddr>,
}

/// A node that gossips.
#[derive(Clone, Debug)]
pub struct Gossip {
    local: SocketAddr,
    commands: mpsc::UnboundedSender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    receipts: watch::Receiver<Arc<Receipts>>,
    identity: watch::Receiver<Option<Identity>>,
    counters: Arc<Counters>,
}

impl Gossip {
    /// Binds the socket and begins to gossip on the current tokio runtime. It waits for no
    /// seed: whether and when one answers is seen in the snapshots.
    ///
    /// # Errors
    /// The address cannot be bound, or the node's description breaks a rule of its keys.
    pub async fn start(config: GossipConfig) -> Result<Self, Error> {
        let sample = config
            .node
            .live(0, [127, 0, 0, 1].into(), config.word.clone());
        keys::encode(&sample).map_err(Error::description)?;
        let bound = |error| Error::listen(config.listen, error);
        let wire = Wire::bind(config.listen).map_err(bound)?;
        let local = wire.local_addr().map_err(bound)?;
        let counters = wire.counters();
        let (commands, inbox) = mpsc::unbounded_channel();
        let (outlets, snapshots, receipts, identity) = Outlets::new();
        let actor = Actor::new(config, wire, local, inbox, outlets);
        tokio::spawn(actor.run());
        Ok(Self {
            local,
            commands,
            snapshots,
            receipts,
            identity,
            counters,
        })
    }

    /// The address the socket is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The cluster as it is believed, now and at every change.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Which balancers have acknowledged that this node drains, now and at every change.
    pub fn receipts(&self) -> watch::Receiver<Arc<Receipts>> {
        self.receipts.clone()
    }

    /// Who this node is to others; `None` until it knows an address to give them. It
    /// changes when gossip had to begin a new life.
    pub fn identity(&self) -> watch::Receiver<Option<Identity>> {
        self.identity.clone()
    }

    /// Says `word`, and contacts every balancer at once.
    pub fn say(&self, word: Word) {
        self.send(Command::Say(word));
    }

    /// Contacts every balancer now, whether or not there is news.
    pub fn poke(&self) {
        self.send(Command::Poke);
    }

    /// For a balancer: tells the draining `member` how far it has been let go.
    pub fn acknowledge(&self, member: &NodeKey, receipt: Receipt) {
        self.send(Command::Acknowledge(member.clone(), receipt));
    }

    /// Adds seeds by address and contacts them at once.
    pub fn add_seeds(&self, seeds: Vec<SocketAddr>) {
        self.send(Command::AddSeeds(seeds));
    }

    /// What has crossed the gossip socket.
    pub fn traffic(&self) -> Traffic {
        self.counters.read()
    }

    /// Says `left` to every balancer and ends. Takes about 60 ms when there is a balancer.
    pub async fn leave(self) {
        let (done, ended) = oneshot::channel();
        self.send(Command::Leave(done));
        // An error means that gossip has ended already.
        if ended.await.is_err() {
            tracing::debug!("gossip ended before it could say that it left");
        }
    }

    /// Ends the gossip task as a panic inside it would.
    #[cfg(test)]
    pub(super) fn abort_life(&self) {
        self.send(Command::AbortLife);
    }

    fn send(&self, command: Command) {
        if self.commands.send(command).is_err() {
            tracing::debug!("gossip has ended");
        }
    }
}

/// The gossip port of balancers: Serf's RPC port, which the lab already opens.
pub const GOSSIP_PORT: u16 = 7373;
const CLUSTER: &str = "ragot";
