//! What this node believes of the others: readings and times in, a [`Snapshot`] out. Pure:
//! it knows neither sockets nor clocks, so a whole history can be replayed in a test.
//!
//! Three questions are decided here.
//!
//! - *Is it there?* A word counts only when every key of the node is valid, and `left`
//!   sticks to its generation.
//! - *Is it heard?* [`Presence::Live`] while the failure detector says so. The detector
//!   needs two or three heartbeats, which is too long for a join, so before its first
//!   verdict a node counts as live when there is fresh proof or a fresh promise: a datagram
//!   that came from its own address, a heartbeat seen to move, or a generation that began
//!   after ours. What is only rumour (a state that others still spread about a node that
//!   died before we started) is [`Presence::Silent`]. Erring towards live is safe, since a
//!   balancer connects once before it trusts a new server.
//! - *Which life of a name counts?* A newer generation at the same server or gossip address
//!   replaces the old one at once, unless only the old one is heard (a clock was set back).
//!   At another address both are shown while both are heard, for they are two nodes that
//!   were given one name; one that is silent or has left gives way.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::keys::{self, KeyError};
use crate::node::{Node, NodeKey, Word};
use crate::receipt::{Receipt, Receipts};
use crate::snapshot::{Presence, Sighting, Snapshot};

/// Identity in gossip: the same name and generation at two addresses are two nodes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id {
    /// Name and generation.
    pub key: NodeKey,
    /// The address it gossips from.
    pub gossip: SocketAddr,
}

/// What gossip currently holds about one node.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Who.
    pub id: Id,
    /// Its heartbeat counter.
    pub heartbeat: u64,
    /// Whether the failure detector counts it among the living.
    pub live: bool,
    /// When a datagram last came straight from its gossip address.
    pub heard: Option<Duration>,
    /// All its keys, when any has changed since the last reading.
    pub keys: Option<Vec<(String, String)>>,
}

/// Something an operator should hear about once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Complaint {
    /// A node whose keys break a rule is not shown.
    Undecodable(Id, KeyError),
    /// More nodes than the cap; the rest is ignored.
    Full(usize),
    /// Two live nodes share a name.
    SharedName(Arc<str>),
}

/// The state of mind. Times are measured from any fixed moment, the same for all calls.
#[derive(Debug)]
pub struct Belief {
    me: Id,
    interval: Duration,
    entries: HashMap<Id, Entry>,
    /// Counts the calls to [`Belief::observe`].
    round: u64,
    last_observed: Option<Duration>,
    /// While gossip itself is being restarted, what is not re-read is kept until then.
    held_until: Duration,
    /// After a stall of our own, nobody is declared silent until then.
    forgiving_until: Duration,
    snapshot: Arc<Snapshot>,
    receipts: Arc<Receipts>,
    complaints: Vec<Complaint>,
    was_full: bool,
    /// Names that several lives have: since when, and whether that was told.
    shared_names: BTreeMap<Arc<str>, (Duration, bool)>,
}

#[derive(Debug)]
struct Entry {
    node: Option<Node>,
    receipt: Option<(u64, Receipt)>,
    complained: bool,
    heartbeat: u64,
    first_seen: Duration,
    moved: Option<Duration>,
    proved: bool,
    presence: Presence,
    seen_in: u64,
    shown: Option<Arc<Sighting>>,
}

impl Belief {
    /// The belief of node `me`, which gossips every `interval`.
    pub fn new(me: Id, interval: Duration) -> Self {
        Self {
            me,
            interval,
            entries: HashMap::new(),
            round: 0,
            last_observed: None,
            held_until: Duration::ZERO,
            forgiving_until: Duration::ZERO,
            snapshot: Arc::default(),
            receipts: Arc::default(),
            complaints: Vec::new(),
            was_full: false,
            shared_names: BTreeMap::new(),
        }
    }

    /// This node has begun a new life as `me`: what was believed stays for a while, until
    /// gossip has told it again.
    pub fn reborn(&mut self, me: Id, now: Duration) {
        self.me = me;
        self.held_until = now + HOLD;
        self.forgiving_until = now + fresh_for(self.interval);
    }

    /// Takes in everything gossip holds at `now` and decides anew.
    pub fn observe(&mut self, now: Duration, readings: &[Reading]) {
        self.notice_own_stall(now);
        self.round += 1;
        let round = self.round;
        let newest = newest_by_address(readings);
        for reading in readings {
            if reading.id == self.me {
                continue;
            }
            let owns_address = newest.get(&reading.id.gossip) == Some(&reading.id.key.generation);
            self.take(now, owns_address, reading);
        }
        if now >= self.held_until {
            self.entries.retain(|_, entry| entry.seen_in == round);
        } else {
            self.entries
                .retain(|_, entry| entry.seen_in == round || entry.node.is_some());
        }
        self.conclude(now);
    }

    /// The cluster as now believed.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// Which shown balancer has acknowledged what of this life of this node.
    pub fn receipts(&self) -> Arc<Receipts> {
        Arc::clone(&self.receipts)
    }

    /// The generation of this node's present life.
    pub fn generation(&self) -> u64 {
        self.me.key.generation
    }

    /// A higher generation that gossip knows of this very node: its clock was set back, and
    /// it must begin anew above it to be believed.
    pub fn outbid(&self) -> Option<u64> {
        self.entries
            .keys()
            .filter(|id| id.key.name == self.me.key.name && id.gossip == self.me.gossip)
            .map(|id| id.key.generation)
            .filter(|generation| (self.me.key.generation..ABSURD).contains(generation))
            .max()
    }

    /// What is to be told, once.
    pub fn take_complaints(&mut self) -> Vec<Complaint> {
        std::mem::take(&mut self.complaints)
    }

    /// If we have not looked for long, others seem silent though only we were away.
    fn notice_own_stall(&mut self, now: Duration) {
        let away = self
            .last_observed
            .is_some_and(|last| now > last + self.interval);
        if away {
            self.forgiving_until = self.forgiving_until.max(now + 3 * self.interval);
        }
        self.last_observed = Some(now);
    }

    fn take(&mut self, now: Duration, owns_address: bool, reading: &Reading) {
        if !self.entries.contains_key(&reading.id) && self.entries.len() >= NODES {
            if !self.was_full {
                self.was_full = true;
                self.complaints.push(Complaint::Full(NODES));
            }
            return;
        }
        let promised =
            reading.id.key.generation.saturating_add(CLOCK_SKEW_MS) >= self.me.key.generation;
        let forgiving = now < self.forgiving_until;
        let entry = self
            .entries
            .entry(reading.id.clone())
            .or_insert_with(|| Entry::new(now, reading.heartbeat));
        entry.seen_in = self.round;
        if reading.heartbeat > entry.heartbeat {
            entry.heartbeat = reading.heartbeat;
            entry.moved = Some(now);
        }
        if let Some(pairs) = &reading.keys
            && let Some(error) = entry.read(&reading.id, &self.me.key.name, pairs)
        {
            self.complaints
                .push(Complaint::Undecodable(reading.id.clone(), error));
        }
        let fresh = |at: Duration| now < at + fresh_for(self.interval);
        let heard = owns_address && reading.heard.is_some_and(fresh);
        let signs =
            heard || entry.moved.is_some_and(fresh) || (promised && fresh(entry.first_seen));
        entry.judge(reading.live, signs, forgiving);
    }

    fn conclude(&mut self, now: Duration) {
        let mut by_name: BTreeMap<&str, Vec<Life<'_>>> = BTreeMap::new();
        for (id, entry) in &self.entries {
            if let Some(node) = &entry.node {
                let lives = by_name.entry(&id.key.name).or_default();
                lives.push((id, node, entry.presence));
            }
        }
        let is_me = |id: &Id| id.key.name == self.me.key.name && id.gossip == self.me.gossip;
        let lives = by_name.into_values().flat_map(that_count);
        let shown = lives.filter(|id| !is_me(id)).cloned().collect();
        self.publish(now, shown);
    }

    fn publish(&mut self, now: Duration, shown: Vec<Id>) {
        let mut nodes = BTreeMap::new();
        let mut receipts = Receipts::new();
        for id in shown {
            let Some(entry) = self.entries.get_mut(&id) else {
                continue;
            };
            let Some(sighting) = entry.sighting(id.gossip) else {
                continue;
            };
            if let Some((generation, receipt)) = entry.receipt
                && generation == self.me.key.generation
            {
                receipts.insert(id.key.clone(), receipt);
            }
            nodes.insert(id.key, sighting);
        }
        self.warn_of_shared_names(now, &nodes);
        let next = Snapshot { nodes };
        if *self.snapshot != next {
            self.snapshot = Arc::new(next);
        }
        if *self.receipts != receipts {
            self.receipts = Arc::new(receipts);
        }
    }

    /// A container that comes back elsewhere shares its name with its former life for a
    /// moment; only what lasts is worth a warning.
    fn warn_of_shared_names(&mut self, now: Duration, nodes: &BTreeMap<NodeKey, Arc<Sighting>>) {
        let pairs = nodes.keys().zip(nodes.keys().skip(1));
        let shared = pairs
            .filter(|(a, b)| a.name == b.name)
            .map(|(a, _)| &a.name);
        let mut lasting = BTreeMap::new();
        for name in shared {
            let before = self.shared_names.get(name).copied();
            let (since, mut told) = before.unwrap_or((now, false));
            if !told && now >= since + fresh_for(self.interval) {
                told = true;
                self.complaints
                    .push(Complaint::SharedName(Arc::clone(name)));
            }
            lasting.insert(Arc::clone(name), (since, told));
        }
        self.shared_names = lasting;
    }
}

impl Entry {
    fn new(now: Duration, heartbeat: u64) -> Self {
        Self {
            node: None,
            receipt: None,
            complained: false,
            heartbeat,
            first_seen: now,
            moved: None,
            proved: false,
            presence: Presence::Silent,
            seen_in: 0,
            shown: None,
        }
    }

    fn has_left(&self) -> bool {
        self.node
            .as_ref()
            .is_some_and(|node| node.word == Word::Left)
    }

    /// Reads the keys; gives the error that is worth telling, once per node.
    fn read(&mut self, id: &Id, my_name: &str, pairs: &[(String, String)]) -> Option<KeyError> {
        let texts = || pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let receipt = keys::receipt_key(my_name);
        self.receipt = texts()
            .find(|(key, _)| *key == receipt)
            .and_then(|(_, value)| keys::decode_receipt(value));
        match keys::decode(id.key.clone(), texts()) {
            Ok(_) if self.has_left() => None,
            Ok(node) => {
                self.node = Some(node);
                None
            }
            Err(error) => {
                self.node = None;
                let tell = !error.is_incomplete() && !self.complained;
                self.complained |= tell;
                tell.then_some(error)
            }
        }
    }

    fn judge(&mut self, live: bool, signs: bool, forgiving: bool) {
        if live {
            self.proved = true;
            self.presence = Presence::Live;
        } else if self.proved {
            if !forgiving {
                self.presence = Presence::Silent;
            }
        } else if signs {
            self.presence = Presence::Live;
        } else if !forgiving {
            self.presence = Presence::Silent;
        }
    }

    fn sighting(&mut self, gossip: SocketAddr) -> Option<Arc<Sighting>> {
        let node = self.node.as_ref()?;
        let same = self
            .shown
            .as_ref()
            .is_some_and(|s| s.presence == self.presence && s.node == *node);
        if !same {
            self.shown = Some(Arc::new(Sighting {
                node: node.clone(),
                gossip,
                presence: self.presence,
            }));
        }
        self.shown.clone()
    }
}

/// One life of a name.
type Life<'a> = (&'a Id, &'a Node, Presence);

/// Which of a name's `lives` are shown: at least one.
fn that_count(lives: Vec<Life<'_>>) -> Vec<&Id> {
    let is_over = |life: &Life<'_>| {
        let ended = |other: &Life<'_>| has_left(other) && other.0 > life.0;
        lives
            .iter()
            .any(|other| ended(other) && same_place(life, other))
    };
    let mut left_over: Vec<_> = lives.iter().filter(|life| !is_over(life)).collect();
    left_over.sort_by_key(|life| std::cmp::Reverse((is_heard(life), life.0)));
    let mut shown: Vec<&Life<'_>> = Vec::new();
    for life in left_over {
        let replaced = shown.iter().any(|other| same_place(life, other));
        if shown.is_empty() || (is_heard(life) && !replaced) {
            shown.push(life);
        }
    }
    shown.into_iter().map(|(id, ..)| *id).collect()
}

fn has_left((_, node, _): &Life<'_>) -> bool {
    node.word == Word::Left
}

fn is_heard(life: &Life<'_>) -> bool {
    life.2 == Presence::Live && !has_left(life)
}

fn same_place(a: &Life<'_>, b: &Life<'_>) -> bool {
    let same_server = a.1.http.is_some() && a.1.http == b.1.http;
    same_server || a.0.gossip == b.0.gossip
}

/// The highest generation at each gossip address: only it can be what was heard from there.
fn newest_by_address(readings: &[Reading]) -> HashMap<SocketAddr, u64> {
    let mut newest = HashMap::new();
    for reading in readings {
        let generation = newest.entry(reading.id.gossip).or_insert(0);
        *generation = reading.id.key.generation.max(*generation);
    }
    newest
}

/// How long a sign of life stands in for the detector's first verdict. The detector needs up
/// to 4 intervals on an idle machine.
fn fresh_for(interval: Duration) -> Duration {
    (10 * interval).max(Duration::from_secs(1))
}

/// Nodes kept; the rest is ignored. A complete digest of these still fits a datagram.
const NODES: usize = 512;
/// How far apart two machines' clocks may be before a join must first be heard twice.
const CLOCK_SKEW_MS: u64 = 2_000;
/// How long a restarted gossip task may take to hear everybody again.
const HOLD: Duration = Duration::from_secs(5);
/// Generations are Unix milliseconds; beyond the year 5138 one is made up.
const ABSURD: u64 = 100_000_000_000_000;

#[cfg(test)]
mod tests;
