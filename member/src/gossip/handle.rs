//! What the rest of the program holds of gossip: start it, speak, listen, stop. Cheap to
//! clone; when the last clone is dropped, gossip ends without a word, as a crash would.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::error::Error;
use crate::gossip::actor::{Actor, Command};
use crate::gossip::config::GossipConfig;
use crate::gossip::outlets::{Identity, Inlets, Outlets};
use crate::gossip::wire::{Counters, Traffic, Wire};
use crate::keys;
use crate::node::{NodeKey, Word};
use crate::receipt::{Receipt, Receipts};
use crate::snapshot::Snapshot;

/// A node that gossips.
#[derive(Clone, Debug)]
pub struct Gossip {
    local: SocketAddr,
    commands: mpsc::UnboundedSender<Command>,
    inlets: Inlets,
    counters: Arc<Counters>,
}

impl Gossip {
    /// Binds the socket and begins to gossip on the current tokio runtime. It waits for no
    /// seed: whether and when one answers is seen in the snapshots.
    ///
    /// # Errors
    /// The address cannot be bound, or the node's description breaks a rule of its keys.
    pub async fn start(config: GossipConfig) -> Result<Self, Error> {
        keys::check(&config.node).map_err(Error::description)?;
        let bound = |error| Error::listen(config.listen, error);
        let wire = Wire::bind(config.listen).map_err(bound)?;
        let local = wire.local_addr().map_err(bound)?;
        let counters = wire.counters();
        let (commands, inbox) = mpsc::unbounded_channel();
        let outlets = Outlets::default();
        let inlets = outlets.inlets();
        let actor = Actor::new(config, wire, local, inbox, outlets);
        tokio::spawn(actor.run());
        Ok(Self {
            local,
            commands,
            inlets,
            counters,
        })
    }

    /// The address the socket is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The cluster as it is believed, now and at every change.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.inlets.snapshots.clone()
    }

    /// Which balancers have acknowledged that this node drains, now and at every change.
    pub fn receipts(&self) -> watch::Receiver<Arc<Receipts>> {
        self.inlets.receipts.clone()
    }

    /// Who this node is to others; `None` until it knows an address to give them. It
    /// changes when gossip had to begin a new life.
    pub fn identity(&self) -> watch::Receiver<Option<Identity>> {
        self.inlets.identity.clone()
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
