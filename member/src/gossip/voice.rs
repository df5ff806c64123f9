//! What this node says of itself, and the life it says it in: begun at the right address
//! above every former generation, begun anew when it ends, and left with a farewell.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::advertise::{Advertise, NoAddress};
use crate::eviction::Eviction;
use crate::gossip::config::GossipConfig;
use crate::gossip::herald;
use crate::gossip::life::Life;
use crate::gossip::outlets::Identity;
use crate::gossip::route::{self, Reason, Route};
use crate::gossip::wire::Wire;
use crate::keys::{self, KeyError};
use crate::node::{Edit, Node, NodeKey, Word};
use crate::reading::{Id, Reading};
use crate::receipt::Receipt;
use crate::seal::Keyring;
use crate::snapshot::{Presence, Sighting, Snapshot};

/// The present life, and everything the next one needs.
pub(super) struct Voice {
    config: GossipConfig,
    wire: Arc<Wire>,
    local: SocketAddr,
    news: Arc<Notify>,
    life: Option<Life>,
    word: Word,
    /// What was acknowledged, to be said again in the next life.
    acknowledged: BTreeMap<NodeKey, Receipt>,
    /// The generation of the last life, and of the first.
    generation: u64,
    process: Option<u64>,
    lives: u64,
    born: Duration,
    rebirth: Option<Duration>,
    back_off: Duration,
    /// Why there is no address to live at.
    wanting: Option<NoAddress>,
}

impl Voice {
    /// Silent until [`Voice::begin`]. `news` is notified when other nodes' keys change.
    pub(super) fn new(
        config: GossipConfig,
        wire: Wire,
        local: SocketAddr,
        news: Arc<Notify>,
    ) -> Self {
        Self {
            word: config.word.clone(),
            generation: config.above,
            config,
            wire: Arc::new(wire),
            local,
            news,
            life: None,
            acknowledged: BTreeMap::new(),
            process: None,
            lives: 0,
            born: Duration::ZERO,
            rebirth: None,
            back_off: FIRST_BACK_OFF,
            wanting: None,
        }
    }

    /// Begins a life with a generation above the last and above `above`, at the address
    /// that leads to `seeds`; `None` when that fails and is to be tried again.
    pub(super) async fn begin(
        &mut self,
        now: Duration,
        above: u64,
        seeds: &[SocketAddr],
    ) -> Option<Identity> {
        let (gossip, route) = match self.advertised(seeds) {
            Ok(found) => found,
            Err(why) => {
                self.wait(now, &why);
                return None;
            }
        };
        let above = above.max(self.generation).saturating_add(1);
        let generation = unix_milliseconds().max(above);
        let describe = &self.config.node;
        let mut node = describe.live(generation, route.ip, self.word.clone());
        node.keys = self.wire.keys();
        node.since = self.process;
        let (key, http) = (node.key.clone(), node.http);
        match self.spawn(gossip, &node).await {
            Ok(life) => self.life = Some(life),
            Err(error) => {
                self.mourn(now, &error.to_string());
                return None;
            }
        }
        tracing::info!("{} gossips at {gossip} ({})", key.name, route.reason);
        if self.generation == 0 {
            herald::tell_protection(&self.config.protection, self.local);
        }
        self.generation = generation;
        self.process.get_or_insert(generation);
        self.lives += 1;
        self.born = now;
        self.rebirth = None;
        self.wanting = None;
        route::warn_of_loopback(http, gossip, seeds);
        Some(Identity { key, gossip, http })
    }

    /// The life has ended by itself.
    pub(super) fn mourn(&mut self, now: Duration, why: &str) {
        tracing::error!("gossip stopped: {why}; beginning anew");
        self.life = None;
        if now > self.born + GOOD_LIFE {
            self.back_off = FIRST_BACK_OFF;
        }
        self.rebirth = Some(now + self.back_off);
        self.back_off = (2 * self.back_off).min(LAST_BACK_OFF);
    }

    /// There is no address to live at yet: says so once, and tries again.
    fn wait(&mut self, now: Duration, why: &NoAddress) {
        if self.wanting.as_ref() != Some(why) {
            tracing::error!("not heard by anybody: {why}; trying on");
            self.wanting = Some(why.clone());
        }
        self.rebirth = Some(now + LAST_BACK_OFF);
    }

    /// When the next life is to begin, if one is due.
    pub(super) fn rebirth(&self) -> Option<Duration> {
        self.rebirth
    }

    /// Whether no life was ever begun or tried.
    pub(super) fn is_unborn(&self) -> bool {
        self.life.is_none() && self.rebirth.is_none()
    }

    /// Whether the present life is at another address than the one that leads to `seeds`.
    pub(super) fn is_misplaced(&self, seeds: &[SocketAddr]) -> bool {
        // While a route is missing, the address that was right stays.
        let moved = |life: &Life| match self.advertised(seeds) {
            Ok((gossip, route)) => gossip != life.id.gossip && route.reason != Reason::Loopback,
            Err(_) => false,
        };
        self.life.as_ref().is_some_and(moved)
    }

    /// Goes on with other keys, and tells which.
    pub(super) async fn rekey(&mut self, keyring: Keyring) {
        let before = self.wire.keys();
        self.wire.rekey(keyring);
        let keys = self.wire.keys();
        if keys == before {
            return;
        }
        herald::tell_keys(&keys);
        if let Some(life) = &self.life {
            life.write(keys::KEYS, &keys::encode_keys(&keys)).await;
        }
    }

    pub(super) async fn say(&mut self, word: Word) {
        if let Some(life) = &self.life {
            life.write(keys::WORD, &keys::encode_word(&word)).await;
        }
        self.word = word;
    }

    /// What this node says of itself; `None` between two lives.
    pub(super) fn own(&self) -> Option<Sighting> {
        let id = &self.life.as_ref()?.id;
        let describe = &self.config.node;
        let mut node = describe.live(id.key.generation, id.gossip.ip(), self.word.clone());
        node.keys = self.wire.keys();
        node.since = self.process.filter(|first| *first != id.key.generation);
        Some(Sighting {
            node,
            gossip: id.gossip,
            presence: Presence::Live,
        })
    }

    /// How many lives there have been.
    pub(super) fn lives(&self) -> u64 {
        self.lives
    }

    /// Changes what this node says of itself, in this life and the next.
    pub(super) async fn edit(&mut self, edit: &Edit) -> Result<(), KeyError> {
        let node = self.config.node.edited(edit);
        keys::check(&node)?;
        if let Some(life) = &self.life {
            life.change(&keys::changes(&self.config.node, &node)).await;
        }
        self.config.node = node;
        Ok(())
    }

    /// Says `eviction` for a while; whether it could be said.
    pub(super) async fn evict(&self, eviction: &Eviction) -> bool {
        let Some(life) = &self.life else {
            return false;
        };
        let key = keys::eviction_key(&eviction.name);
        let value = keys::encode_eviction(eviction.generation, eviction.heartbeat);
        life.write_for_a_while(&key, &value).await;
        true
    }

    /// Takes back what was acknowledged to members that no longer drain, so that their next drain
    /// is not taken for done; returns where they are.
    pub(super) async fn withdraw(&mut self, known: &Snapshot) -> Vec<SocketAddr> {
        let back = |member: &NodeKey| {
            let seen = known.nodes.get(member)?;
            (!matches!(seen.node.word, Word::Draining | Word::Left)).then_some(seen.gossip)
        };
        let acknowledged = self.acknowledged.keys();
        let back: Vec<_> = acknowledged
            .filter_map(|member| Some((member.clone(), back(member)?)))
            .collect();
        for (member, _) in &back {
            self.acknowledged.remove(member);
            if let Some(life) = &self.life {
                // Nothing, in place of a receipt: of a key that is deleted no listener is told.
                life.write_for_a_while(&keys::receipt_key(member), "").await;
            }
        }
        back.into_iter().map(|(_, gossip)| gossip).collect()
    }

    /// Acknowledges `member`; those that are no longer `known` are not repeated.
    pub(super) async fn acknowledge(
        &mut self,
        member: NodeKey,
        receipt: Receipt,
        known: &Snapshot,
    ) {
        let value = keys::encode_receipt(member.generation, receipt);
        if let Some(life) = &self.life {
            let key = keys::receipt_key(&member);
            life.write_for_a_while(&key, &value).await;
        }
        self.acknowledged.insert(member, receipt);
        self.acknowledged
            .retain(|member, _| known.nodes.contains_key(member));
    }

    /// Ends the life and says so `to` these, once: another life follows elsewhere.
    pub(super) async fn move_out(&mut self, to: impl Iterator<Item = SocketAddr>) {
        let Some(life) = self.life.take() else {
            return;
        };
        life.write(keys::WORD, &keys::encode_word(&Word::Left))
            .await;
        to.for_each(|address| life.poke(address));
        sleep(FAREWELL[0]).await;
        life.end().await;
    }

    /// Says that it leaves, repeats it, and ends. The pause after each poke is for the
    /// handshake: the word travels in its third datagram.
    pub(super) async fn leave(&mut self, to: &[SocketAddr]) {
        let Some(life) = self.life.take() else {
            return;
        };
        life.write(keys::WORD, &keys::encode_word(&Word::Left))
            .await;
        if !to.is_empty() {
            for pause in FAREWELL {
                to.iter().for_each(|address| life.poke(*address));
                sleep(pause).await;
            }
        }
        life.end().await;
    }

    /// Ends the life without a word: another follows at the same place.
    pub(super) async fn fall_silent(&mut self) {
        if let Some(life) = self.life.take() {
            life.end().await;
        }
    }

    /// Contacts `to`, unless that is ourselves.
    pub(super) fn poke(&self, to: SocketAddr) {
        if let Some(life) = self.life.as_ref().filter(|life| life.id.gossip != to) {
            life.poke(to);
        }
    }

    /// What gossip holds of others; `None` between two lives.
    pub(super) async fn listen(&mut self, epoch: Instant) -> Option<Vec<Reading>> {
        let life = self.life.as_mut()?;
        Some(life.read(epoch).await)
    }

    /// Whether others have been told more of the present life than it has said, so that what it
    /// says is old to them.
    pub(super) fn is_belied(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.belied)
    }

    /// Waits until others tell of somebody what it may not have said itself.
    pub(super) async fn wonders(&self) {
        self.wire.wonders().await;
    }

    /// Whom to ask now what they say of themselves.
    pub(super) fn asks(&self) -> BTreeSet<SocketAddr> {
        self.wire.asks()
    }

    /// About the nodes at these addresses only they themselves are believed.
    pub(super) fn doubt(&self, places: BTreeSet<SocketAddr>) {
        self.wire.doubt(places);
    }

    /// Whether a datagram has just come from `address`.
    pub(super) fn hears(&self, address: SocketAddr) -> bool {
        self.wire.has_just_heard(address)
    }

    /// Waits for the present life to end by itself, and says why.
    pub(super) async fn ended(&self) -> String {
        match &self.life {
            Some(life) => life.ended().await,
            None => std::future::pending().await,
        }
    }

    #[cfg(test)]
    pub(super) fn abort(&self) {
        self.life.iter().for_each(Life::abort);
    }

    async fn spawn(&self, gossip: SocketAddr, node: &Node) -> anyhow::Result<Life> {
        let config = &self.config;
        let pairs = keys::encode(node)?;
        let key = node.key.clone();
        let id = Id { key, gossip };
        let (wire, news) = (&self.wire, &self.news);
        let life = Life::begin(id, &config.cluster, config.interval, pairs, wire, news).await?;
        for (member, receipt) in &self.acknowledged {
            let value = keys::encode_receipt(member.generation, *receipt);
            let key = keys::receipt_key(member);
            life.write_for_a_while(&key, &value).await;
        }
        Ok(life)
    }

    fn advertised(&self, seeds: &[SocketAddr]) -> Result<(SocketAddr, Route), NoAddress> {
        let configured = self.config.advertise.as_ref();
        let reachable = |seed: &&SocketAddr| self.wire.reaches(seed.ip());
        let seeds: Vec<_> = seeds.iter().filter(reachable).copied().collect();
        let current = self.life.as_ref().map(|life| life.id.gossip.ip());
        let route = route::choose(configured, self.local.ip(), &seeds, current)?;
        let port = configured.and_then(Advertise::port);
        let port = port.unwrap_or(self.local.port());
        Ok((SocketAddr::new(route.ip, port), route))
    }
}

pub(super) fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// Pauses after each repetition of the last word.
const FAREWELL: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(30),
];
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LAST_BACK_OFF: Duration = Duration::from_secs(1);
/// A life this long was no failure to start.
const GOOD_LIFE: Duration = Duration::from_secs(10);
