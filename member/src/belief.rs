//! What this node believes of the others: readings and times in, a [`Snapshot`] out. Pure:
//! it knows neither sockets nor clocks, so a whole history can be replayed in a test.
//!
//! Three questions are decided here.
//!
//! - *Is it there?* A word counts only when every key of the node is valid, and `left`
//!   sticks to its generation.
//! - *Is it heard?* Yes while its heartbeat pauses no longer than its `rhythm` makes likely, and
//!   again once the failure detector says so. The detector needs two or three heartbeats, the rhythm
//!   more, which is too long for a join; so before the first verdict a node counts as live
//!   when there is fresh proof or a fresh promise: a datagram that came from its own address,
//!   a heartbeat seen to move, or a generation that began after ours. What is only rumour (a state that others still spread about a node that
//!   died before we started) is silent. Erring towards live is safe, since a
//!   balancer connects once before it trusts a new server.
//! - *Which life of a name counts?* See `lives`. *Whose is a server?* See `claims`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::asking::Asking;
use crate::claims::{self, Ruling};
use crate::eviction::Eviction;
use crate::keys::KeyError;
use crate::lives;
use crate::node::{Node, NodeKey, Role};
use crate::pace;
use crate::peer::{Circumstances, Claims, Peer};
use crate::reading::{Id, Reading, Speaker, speakers};
use crate::receipt::Receipts;
use crate::snapshot::{Sighting, Snapshot};

/// Something an operator should hear about once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Complaint {
    /// A node whose keys break a rule is not shown.
    Undecodable(Id, KeyError),
    /// So many nodes that gossip costs much.
    Crowded(usize),
    /// More nodes than the cap; the rest is ignored.
    Full(usize),
    /// Two live nodes share a name.
    SharedName(Arc<str>),
    /// The first says that the server is its own which is the second's.
    SharedServer(Id, Id),
}

/// The state of mind. Times are measured from any fixed moment, the same for all calls.
#[derive(Debug)]
pub struct Belief {
    me: Id,
    interval: Duration,
    /// Whether it is to be told who is quiet.
    wary: bool,
    /// Between two rounds of members, where those wait longer than usual because of the crowd.
    crowds_round: Option<Duration>,
    /// Each with the round in which gossip last held it.
    peers: HashMap<Id, (u64, Peer)>,
    /// Counts the calls to [`Belief::observe`].
    round: u64,
    last_observed: Option<Duration>,
    /// While gossip itself is being restarted, what is not re-read is kept until then.
    held_until: Duration,
    /// After a stall of our own, nobody is declared silent until then.
    forgiving_until: Duration,
    /// And what was answered meanwhile may not have been read before.
    deaf_until: Duration,
    snapshot: Arc<Snapshot>,
    receipts: Arc<Receipts>,
    /// Whose server is whose, where several say so.
    ruling: Ruling,
    asking: Asking,
    /// Of those denied a server, who was told of.
    told: BTreeSet<Id>,
    complaints: Vec<Complaint>,
    was_crowded: bool,
    was_full: bool,
    /// Names that several lives have: since when, and whether that was told.
    shared_names: BTreeMap<Arc<str>, (Duration, bool)>,
}

impl Belief {
    /// The belief of node `me`, which gossips every `interval`.
    pub fn new(me: Id, interval: Duration) -> Self {
        Self {
            me,
            interval,
            wary: false,
            crowds_round: None,
            peers: HashMap::new(),
            round: 0,
            last_observed: None,
            held_until: Duration::ZERO,
            forgiving_until: Duration::ZERO,
            deaf_until: Duration::ZERO,
            snapshot: Arc::default(),
            receipts: Arc::default(),
            ruling: Ruling::default(),
            asking: Asking::default(),
            told: BTreeSet::new(),
            complaints: Vec::new(),
            was_crowded: false,
            was_full: false,
            shared_names: BTreeMap::new(),
        }
    }

    /// The same of a balancer, which asks the quiet before there is a verdict.
    pub fn wary(mut self) -> Self {
        self.wary = true;
        self
    }

    /// This node has begun a new life as `me`: what was believed stays for a while, until
    /// gossip has told it again.
    pub fn reborn(&mut self, me: Id, now: Duration) {
        self.me = me;
        self.held_until = now + HOLD;
        self.forgiving_until = now + self.fresh_for();
    }

    /// Takes in everything gossip holds at `now` and decides anew.
    pub fn observe(&mut self, now: Duration, readings: &[Reading]) {
        self.notice_crowd(readings);
        self.notice_own_stall(now);
        self.round += 1;
        let speakers = speakers(readings);
        let me = self.me.clone();
        let others = readings.iter().filter(|reading| reading.id != me);
        for (place, reading) in others.enumerate() {
            if place == NODES {
                self.tell_full();
                break;
            }
            let speaker = speakers.get(&reading.id.gossip);
            let successor = speaker.filter(|(_, id)| **id != reading.id);
            self.take(now, successor, reading);
        }
        self.hear_evictions(now);
        let (round, held) = (self.round, now < self.held_until);
        self.peers
            .retain(|_, (seen_in, peer)| *seen_in == round || (held && peer.node().is_some()));
        self.conclude(now);
    }

    /// The last heartbeat seen of `key`.
    pub fn heartbeat(&self, key: &NodeKey) -> Option<u64> {
        let all = self.peers.iter();
        let lives = all.filter(|(id, _)| id.key == *key);
        lives.map(|(_, (_, peer))| peer.heartbeat()).max()
    }

    /// An operator has decided here that `eviction` is right. Until it speaks again, that silent
    /// node counts as left; [`Belief::observe`] shows it.
    pub fn evict(&mut self, eviction: &Eviction) {
        for (id, (_, peer)) in &mut self.peers {
            if id.key.name == eviction.name && id.key.generation <= eviction.generation {
                peer.evict_at_once(eviction.heartbeat);
            }
        }
    }

    /// How long ago the heartbeat of each node was last seen to move.
    pub fn heartbeats(&self, now: Duration) -> BTreeMap<NodeKey, Duration> {
        let ago = |peer: &Peer| now.saturating_sub(peer.beat());
        let peers = self.peers.iter();
        peers
            .map(|(id, (_, peer))| (id.key.clone(), ago(peer)))
            .collect()
    }

    /// The cluster as now believed.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// Which shown balancer has acknowledged what of this life of this node.
    pub fn receipts(&self) -> Arc<Receipts> {
        Arc::clone(&self.receipts)
    }

    /// A higher generation that gossip knows of this very node: its clock was set back, and
    /// it must begin anew above it to be believed. Or its own, which another has as well.
    pub fn outbid(&self) -> Option<u64> {
        self.peers
            .keys()
            .filter(|id| id.is_life_of_same(&self.me) || id.key == self.me.key)
            .map(|id| id.key.generation)
            .filter(|generation| (self.me.key.generation..ABSURD).contains(generation))
            .max()
    }

    /// Where to ask now whether a node is still there: one that is missed, if we depend on it; one of whose
    /// server another says that it is its own; and one that somebody has evicted.
    pub fn asks(&mut self, now: Duration) -> BTreeSet<SocketAddr> {
        // After a stall of our own everybody seems to be missed.
        let is_calm = !self.forgives(now);
        let least = QUIET * self.interval;
        let mut candidates = Vec::new();
        for (id, (_, peer)) in &self.peers {
            let is_missed = is_calm && self.depends_on(peer) && peer.is_missed(now, least);
            let is_accused = peer.is_doomed() || self.ruling.ask.contains(id);
            if is_missed || is_accused {
                candidates.extend(peer.candidate(now, id, is_accused));
            }
        }
        let asked = self.asking.choose(now, candidates);
        for id in &asked {
            if let Some((_, peer)) = self.peers.get_mut(id) {
                peer.ask(now);
            }
        }
        asked.into_iter().map(|id| id.gossip).collect()
    }

    /// Whether it matters to us that this one is heard.
    fn depends_on(&self, peer: &Peer) -> bool {
        let is_balancer = |node: &Node| node.role == Role::Balancer;
        self.wary || peer.node().is_some_and(is_balancer)
    }

    /// What is to be told, once.
    pub fn take_complaints(&mut self) -> Vec<Complaint> {
        std::mem::take(&mut self.complaints)
    }

    /// In a crowd members speak less often, so their silence means less.
    fn notice_crowd(&mut self, readings: &[Reading]) {
        let nodes = 1 + readings.iter().filter(|reading| reading.live).count();
        self.crowds_round = pace::of_members(nodes);
        if nodes > MANY && !std::mem::replace(&mut self.was_crowded, true) {
            self.complaints.push(Complaint::Crowded(nodes));
        }
    }

    /// How long a sign of life stands in for the detector's first verdict. The detector needs up
    /// to 4 intervals on an idle machine.
    fn fresh_for(&self) -> Duration {
        let crowds = 4 * self.crowds_round.unwrap_or_default();
        (10 * self.interval).max(Duration::from_secs(1)).max(crowds)
    }

    /// How long a pause is borne with at least.
    fn least(&self) -> Duration {
        (4 * self.interval).max(3 * self.crowds_round.unwrap_or_default())
    }

    /// If we have not looked for long, others seem silent though only we were away. The
    /// detector forgives about five intervals; what it says until everybody could be heard
    /// again is not believed.
    fn notice_own_stall(&mut self, now: Duration) {
        let last = self.last_observed.replace(now);
        if last.is_some_and(|last| now > last + 2 * self.interval) {
            let round = self.interval.max(self.crowds_round.unwrap_or_default());
            self.forgiving_until = self.forgiving_until.max(now + 5 * round);
            self.deaf_until = now + ANSWERS;
        }
    }

    fn forgives(&self, now: Duration) -> bool {
        now < self.forgiving_until
    }

    fn take(&mut self, now: Duration, successor: Option<&Speaker<'_>>, reading: &Reading) {
        let is_new = !self.peers.contains_key(&reading.id);
        if is_new && self.peers.len() >= KEPT {
            self.tell_full();
            return;
        }
        let circumstances = self.circumstances(now, successor, reading);
        let known = self.peers.get(&reading.id);
        // Its words may come later than those of a life before, of which we hear at the same time.
        let inherits = known.is_none_or(|(_, peer)| peer.inherits(reading));
        let former = inherits.then(|| self.former_claims(&reading.id)).flatten();
        let met = || (0, Peer::new(now, reading.heartbeat));
        let (seen_in, peer) = self.peers.entry(reading.id.clone()).or_insert_with(met);
        *seen_in = self.round;
        if let Some(former) = former {
            peer.goes_on(former);
        }
        if let Some(pairs) = &reading.keys
            && let Some(error) = peer.read(&reading.id, &self.me.key, pairs)
        {
            let complaint = Complaint::Undecodable(reading.id.clone(), error);
            self.complaints.push(complaint);
        }
        peer.note_claim(now);
        peer.judge(reading, circumstances);
    }

    fn tell_full(&mut self) {
        if !std::mem::replace(&mut self.was_full, true) {
            self.complaints.push(Complaint::Full(NODES));
        }
    }

    /// What bears on the presence of a node, of which its `successor` was last heard where it should be.
    fn circumstances(
        &self,
        now: Duration,
        successor: Option<&Speaker<'_>>,
        reading: &Reading,
    ) -> Circumstances {
        let latest_plausible = reading.id.key.generation.saturating_add(CLOCK_SKEW_MS);
        let fresh = successor.filter(|(heard, _)| now < *heard + self.fresh_for());
        let has_words = |id: &Id| self.peers.get(id).is_some_and(|(_, peer)| peer.has_words());
        let is_anew = |id: &Id| id.key.name == reading.id.key.name && !has_words(id);
        Circumstances {
            now,
            fresh_for: self.fresh_for(),
            least: self.least(),
            promised: latest_plausible >= self.me.key.generation,
            is_replaced: fresh.is_some_and(|(_, id)| !is_anew(id)),
            anew: successor
                .filter(|(_, id)| is_anew(id))
                .map(|(heard, _)| *heard),
            forgiving: self.forgives(now),
            is_asked: self
                .peers
                .get(&reading.id)
                .is_some_and(|(_, peer)| self.depends_on(peer)),
        }
    }

    /// Since when the node of that life has claimed what it claims, as far as its former lives tell.
    fn former_claims(&self, id: &Id) -> Option<Claims> {
        let all = self.peers.iter();
        let former = all.filter(|(other, (_, peer))| {
            *other != id && other.is_life_of_same(id) && peer.node().is_some()
        });
        // If that one took leave it claims nothing any more, whatever those before it did.
        let last = former.max_by_key(|(id, _)| id.key.generation);
        last.map(|(_, (_, former))| former.claims())
    }

    /// What an operator has decided on another node counts here too.
    fn hear_evictions(&mut self, now: Duration) {
        let all = self.peers.values().flat_map(|(_, peer)| peer.evictions());
        let mut evictions: HashMap<Arc<str>, Vec<Eviction>> = HashMap::new();
        for eviction in all.take(NODES) {
            let name = Arc::clone(&eviction.name);
            evictions.entry(name).or_default().push(eviction.clone());
        }
        if evictions.is_empty() {
            return;
        }
        for (id, (_, peer)) in &mut self.peers {
            let of_name = evictions.get(&id.key.name).into_iter().flatten();
            let meant = of_name.filter(|eviction| id.key.generation <= eviction.generation);
            meant.for_each(|eviction| peer.evict(now, eviction.heartbeat));
        }
    }

    fn conclude(&mut self, now: Duration) {
        let mut by_name: BTreeMap<&str, Vec<lives::Life<'_>>> = BTreeMap::new();
        for (id, (_, peer)) in &self.peers {
            if let Some(node) = peer.node() {
                let lives = by_name.entry(&id.key.name).or_default();
                lives.push(peer.life(id, node));
            }
        }
        let is_me = |id: &Id| id.is_life_of_same(&self.me);
        let lives = by_name.values().flat_map(|lives| lives::that_count(lives));
        let mut shown: Vec<_> = lives.filter(|id| !is_me(id)).cloned().collect();
        let peers = shown.iter().filter_map(|id| self.peers.get_key_value(id));
        let (deaf, denied) = (now < self.deaf_until, &self.ruling.denied);
        let claims = peers.filter_map(|(id, (_, peer))| {
            // Who was denied before does not answer since.
            peer.claim(now, id, deaf && !denied.contains_key(id))
        });
        self.ruling = claims::judge(now, claims);
        // Another life of its name, which is not there yet, or not that node.
        let holder = |id: &Id| self.ruling.denied.get(id);
        shown.retain(|id| holder(id).is_none_or(|holder| holder.key.name != id.key.name));
        if self.wary {
            self.warn_of_shared_servers();
        }
        self.publish(now, shown);
    }

    fn warn_of_shared_servers(&mut self) {
        let Ruling { denied, proven, .. } = &self.ruling;
        self.told.retain(|id| proven.contains(id));
        for id in proven {
            if let Some(holder) = denied.get(id)
                && self.told.insert(id.clone())
            {
                let complaint = Complaint::SharedServer(id.clone(), holder.clone());
                self.complaints.push(complaint);
            }
        }
    }

    /// Of several nodes of one name and generation the one that was met first. They begin anew, each
    /// above a generation that the others cannot guess.
    fn one_of_each_key(&self, shown: Vec<Id>) -> BTreeMap<NodeKey, Id> {
        let met = |id: &Id| self.peers.get(id).map(|(_, peer)| peer.met());
        let mut by_key: BTreeMap<NodeKey, Id> = BTreeMap::new();
        for id in shown {
            let kept = by_key.entry(id.key.clone()).or_insert_with(|| id.clone());
            if (met(&id), &id) < (met(kept), kept) {
                *kept = id;
            }
        }
        by_key
    }

    fn publish(&mut self, now: Duration, shown: Vec<Id>) {
        let (mut nodes, mut quiet) = (BTreeMap::new(), BTreeSet::new());
        let mut receipts = Receipts::new();
        // After a stall of our own everybody seems to be.
        let wary = self.wary && !self.forgives(now);
        let least = QUIET * self.interval;
        let shown = self.one_of_each_key(shown);
        for id in shown.values() {
            let Some((_, peer)) = self.peers.get_mut(id) else {
                continue;
            };
            let Some(sighting) = peer.sighting(id.gossip) else {
                continue;
            };
            if let Some((generation, receipt)) = peer.receipt()
                && generation == self.me.key.generation
            {
                receipts.insert(id.key.clone(), receipt);
            }
            let wary = wary && sighting.node.role == Role::Backend;
            if wary && peer.is_quiet(now, least) {
                quiet.insert(id.key.clone());
            }
            nodes.insert(id.key.clone(), sighting);
        }
        self.warn_of_shared_names(now, &nodes);
        let denied = self.ruling.denied.keys();
        let denied = denied.filter(|id| shown.get(&id.key) == Some(*id));
        let denied = denied.map(|id| id.key.clone()).collect();
        let next = Snapshot {
            nodes,
            quiet,
            denied,
        };
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
            if !told && now >= since + self.fresh_for() {
                told = true;
                self.complaints
                    .push(Complaint::SharedName(Arc::clone(name)));
            }
            lasting.insert(Arc::clone(name), (since, told));
        }
        self.shared_names = lasting;
    }
}

/// Nodes kept; the rest is ignored. A complete digest of these still fits a datagram.
const NODES: usize = 512;
/// With those that were believed in the round before and are not any more.
const KEPT: usize = 2 * NODES;
/// More are told of, once: each of them sends more with every other.
const MANY: usize = 300;
/// Of our own intervals, who has been heard within so many is not quiet.
const QUIET: u32 = 3;
/// How far apart two machines' clocks may be before a join must first be heard twice.
const CLOCK_SKEW_MS: u64 = 2_000;
/// How long what has been answered may take to be read.
const ANSWERS: Duration = Duration::from_millis(100);
/// How long a restarted gossip task may take to hear everybody again.
const HOLD: Duration = Duration::from_secs(5);
/// Generations are Unix milliseconds; beyond the year 5138 one is made up.
const ABSURD: u64 = 100_000_000_000_000;

#[cfg(test)]
mod tests;
