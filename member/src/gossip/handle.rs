//! What the rest of the program holds of gossip: start it, speak, listen, stop. Cheap to
//! clone; when the last clone is dropped, gossip ends without a word, as a crash would.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use crate::entropy;
use crate::error::Error;
use crate::eviction::EvictError;
use crate::gossip::actor::{Actor, Command};
use crate::gossip::config::GossipConfig;
use crate::gossip::keyfile;
use crate::gossip::outlets::{Identity, Inlets, Outlets, Pulse};
use crate::gossip::socket::{Datagrams, Udp};
use crate::gossip::wire::{Counters, Traffic, Wire};
use crate::keys::{self, KeyError};
use crate::node::{Edit, NodeKey, Role, Word};
use crate::pace::Pace;
use crate::receipt::{Receipt, Receipts};
use crate::seal::{Keyring, Secret};
use crate::snapshot::{Sighting, Snapshot};

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
        let bound = |error| Error::listen(config.listen, error);
        let socket = Udp::bind(config.listen).map_err(bound)?;
        Self::start_over(config, Arc::new(socket)).await
    }

    /// As [`Gossip::start`], but over `socket` in place of a UDP socket of its own: a network
    /// in memory, where time and chance are the test's.
    ///
    /// # Errors
    /// As [`Gossip::start`].
    pub async fn start_over(
        config: GossipConfig,
        socket: Arc<dyn Datagrams>,
    ) -> Result<Self, Error> {
        keys::check(&config.node).map_err(Error::description)?;
        let local = socket
            .local_addr()
            .map_err(|error| Error::listen(config.listen, error))?;
        let secret = entropy::bytes().map_err(Error::entropy)?;
        let secret = Secret::new(secret);
        let pace = Pace::new(config.interval, config.node.role == Role::Backend);
        let wire = Wire::over(socket, &config.protection, &config.cluster, secret, pace);
        let counters = wire.counters();
        let (commands, inbox) = mpsc::unbounded_channel();
        if let Some(file) = config.protection.file.clone() {
            let commands = commands.downgrade();
            tokio::spawn(follow_keys(file, commands));
        }
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

    /// What this node says of itself, now and at every change; `None` before its first life.
    pub fn own(&self) -> watch::Receiver<Option<Arc<Sighting>>> {
        self.inlets.own.clone()
    }

    /// Changes weight and tags, in this life and the next, and contacts every balancer at once.
    ///
    /// # Errors
    /// What the node would then say breaks a rule of its keys; nothing has changed.
    pub async fn edit(&self, edit: Edit) -> Result<(), KeyError> {
        let (done, edited) = oneshot::channel();
        self.send(Command::Edit(edit, done));
        // Where gossip has ended, nobody is told anything any more.
        edited.await.unwrap_or(Ok(()))
    }

    /// Says to everybody that the silent node `name` will not come back: it counts as left until
    /// it speaks again or begins a new life.
    ///
    /// # Errors
    /// There is no such node, or it is not silent.
    pub async fn evict(&self, name: &str) -> Result<NodeKey, EvictError> {
        let (done, evicted) = oneshot::channel();
        self.send(Command::Evict(Arc::from(name), done));
        evicted.await.unwrap_or(Err(EvictError::Speechless))
    }

    /// How gossip itself is.
    pub async fn pulse(&self) -> Pulse {
        let (tell, told) = oneshot::channel();
        self.send(Command::Pulse(tell));
        told.await.unwrap_or_default()
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

    /// Contacts these nodes once, wherever they were heard of; nothing is remembered of them.
    pub fn contact(&self, nodes: Vec<SocketAddr>) {
        self.send(Command::Contact(nodes));
    }

    /// Goes on with other keys: the first seals, each opens, what is sealed with any other is
    /// refused. Nothing, when this node was started without a key.
    pub fn rekey(&self, keyring: Keyring) {
        self.send(Command::Rekey(keyring));
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

    /// Ends chitchat's task as a panic inside it would.
    #[cfg(test)]
    pub(crate) fn abort_life(&self) {
        self.send(Command::AbortLife);
    }

    /// Panics in our own.
    #[cfg(test)]
    pub(crate) fn panic(&self) {
        self.send(Command::Panic);
    }

    fn send(&self, command: Command) {
        if self.commands.send(command).is_err() {
            tracing::debug!("gossip has ended");
        }
    }
}

/// Passes on what the keyring's file says, for as long as gossip lasts.
async fn follow_keys(file: PathBuf, commands: mpsc::WeakUnboundedSender<Command>) {
    let pass_on = |keyring| {
        let commands = commands.upgrade();
        commands.is_some_and(|commands| commands.send(Command::Rekey(keyring)).is_ok())
    };
    let ended = async {
        while commands.strong_count() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = keyfile::follow(&file, pass_on) => {}
        () = ended => {}
    }
}

/// How often it is looked whether gossip still lasts.
const LOOK: Duration = Duration::from_secs(1);
