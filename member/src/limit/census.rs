//! How many nodes gossip may hold, and how much of each. chitchat keeps every node it hears of
//! for two minutes and tells all of them in every message, which must fit a datagram: it
//! panics when it does not. So what would be too much is taken out of a message before chitchat
//! sees it. Whoever is known stays; the last places are for those who speak for themselves.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::inspect::{DigestEntry, Message, NodeKeys, Progress, identity, is_at};
use crate::limit::hearsay::Speaker;

/// The nodes that gossip holds, by their identity as it stands on the wire, with the bytes of
/// their keys and values.
#[derive(Debug, Default)]
pub struct Census {
    me: Vec<u8>,
    /// The most that anybody has told of that life.
    told_of_me: Progress,
    known: Tally,
    /// What the live ones of them take of a digest.
    live: usize,
    /// Let in since gossip was last looked at, and in the time before: it may not hold them yet.
    fresh: [Tally; 2],
    /// Who was let in because it told of itself.
    spoke: HashSet<Box<[u8]>>,
    turned_away: u64,
}

#[derive(Debug, Default)]
struct Tally {
    nodes: HashMap<Box<[u8]>, usize>,
    /// What they take of a digest.
    digest: usize,
    /// The bytes of all their keys and values.
    keys: usize,
}

impl Tally {
    fn add(&mut self, id: &[u8], size: usize) {
        self.keys += size;
        if let Some(known) = self.nodes.get_mut(id) {
            *known += size;
        } else {
            self.digest += id.len() + NUMBERS;
            self.nodes.insert(id.into(), size);
        }
    }
}

impl Census {
    /// This node is called so now; only it speaks of that life.
    pub fn introduce(&mut self, me: Vec<u8>) {
        (self.me, self.told_of_me) = (me, Progress::default());
    }

    /// What [`Census::introduce`] was given.
    pub fn me(&self) -> &[u8] {
        &self.me
    }

    /// Gossip has been looked at. It holds the same as before, or these, each with the bytes
    /// of its keys and values, and whether it is live.
    pub fn settle(&mut self, held: Option<impl Iterator<Item = (Vec<u8>, usize, bool)>>) {
        if let Some(held) = held {
            (self.known, self.live) = (Tally::default(), 0);
            for (id, size, live) in held {
                self.live += if live { id.len() + NUMBERS } else { 0 };
                self.known.add(&id, size);
            }
        }
        let [last, before] = &mut self.fresh;
        *before = std::mem::take(last);
        let mut spoke = std::mem::take(&mut self.spoke);
        spoke.retain(|id| self.holds(id));
        self.spoke = spoke;
    }

    /// The most that anybody has told of this node's present life.
    pub fn told_of_me(&self) -> Progress {
        self.told_of_me
    }

    /// How many nodes were turned away so far.
    pub fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// What of `message`, which came from `speaker`, gossip may see: `None` when all of it. Heartbeats only
    /// where they are `plausible`, keys where they are `believed`.
    pub fn sift(
        &mut self,
        speaker: Speaker,
        message: &Message<'_>,
        plausible: &[bool],
        mut believed: impl FnMut(&NodeKeys<'_>) -> bool,
    ) -> Option<Vec<u8>> {
        for entry in message.digest.iter().filter(|entry| entry.id == self.me) {
            self.told_of_me = self.told_of_me.max(entry.progress);
        }
        let mut heartbeats = Vec::with_capacity(message.digest.len());
        for (place, (entry, plausible)) in message.digest.iter().zip(plausible).enumerate() {
            // Whoever speaks tells of itself first.
            let own = (place == 0 && is_at(entry.id, speaker.from)).then_some(speaker);
            heartbeats.push(*plausible && (self.holds(entry.id) || self.admits(entry, own)));
        }
        let mut hears = |node| self.speaks_of(&node) && believed(&node) && self.fits(&node);
        let keys: Vec<_> = message.nodes().map(&mut hears).collect();
        if heartbeats.iter().chain(&keys).all(|keep| *keep) {
            return None;
        }
        let (mut heartbeats, mut keys) = (heartbeats.into_iter(), keys.into_iter());
        let next = |of: &mut std::vec::IntoIter<bool>| of.next().unwrap_or(false);
        Some(message.keeping(|_| next(&mut heartbeats), |_| next(&mut keys)))
    }

    /// Whether there is room for a node that is not held, which tells of itself from its `own` address or
    /// is told of by others.
    fn admits(&mut self, entry: &DigestEntry<'_>, own: Option<Speaker>) -> bool {
        let lives = |own: Speaker| self.spoke.iter().filter(|id| is_at(id, own.from)).count();
        let itself = own.filter(|own| lives(*own) < LIVES);
        let is_of_few = |own: Speaker| own.proven && self.of_host(own.from.ip()) < SHARE;
        let limit = if own.is_some() && self.has_lived(entry.id) {
            DIGEST + LATER_LIVES
        } else if let Some(own) = itself {
            DIGEST - if is_of_few(own) { 0 } else { SHARES }
        } else {
            HEARSAY.min(self.live + RUMOURS)
        };
        let taken: usize = self.tallies().map(|tally| tally.digest).sum();
        let fits = taken + entry.size() <= limit;
        if fits {
            self.fresh[0].add(entry.id, 0);
            if itself.is_some() {
                self.spoke.insert(entry.id.into());
            }
        } else {
            self.turned_away += 1;
        }
        fits
    }

    /// What the nodes on that host take of a digest.
    fn of_host(&self, ip: IpAddr) -> usize {
        let is_there = |id: &[u8]| identity(id).is_some_and(|(.., at)| at.ip() == ip);
        let held = self.tallies().flat_map(|tally| tally.nodes.keys());
        held.filter(|id| is_there(id))
            .map(|id| id.len() + NUMBERS)
            .sum()
    }

    /// Whether an earlier life of that node is held.
    fn has_lived(&self, id: &[u8]) -> bool {
        let place = |id| identity(id).map(|(name, _, at)| (name, at));
        let its_place = place(id);
        let mut held = self.tallies().flat_map(|tally| tally.nodes.keys());
        held.any(|earlier| place(earlier) == its_place)
    }

    /// Keys of nobody held are nothing to chitchat; of ourselves, nobody knows better.
    fn speaks_of(&self, node: &NodeKeys<'_>) -> bool {
        node.id != self.me && self.holds(node.id)
    }

    /// Whether there is room for the keys of a node.
    fn fits(&mut self, node: &NodeKeys<'_>) -> bool {
        let size = self.size(node.id) + node.size;
        let all: usize = self.tallies().map(|tally| tally.keys).sum();
        let fits = size <= USUAL_BYTES || (size <= NODE_BYTES && all <= ALL_BYTES);
        if fits {
            self.fresh[0].add(node.id, node.size);
        }
        fits
    }

    fn holds(&self, id: &[u8]) -> bool {
        id == self.me || self.tallies().any(|tally| tally.nodes.contains_key(id))
    }

    fn size(&self, id: &[u8]) -> usize {
        let sizes = self.tallies().filter_map(|tally| tally.nodes.get(id));
        sizes.sum()
    }

    fn tallies(&self) -> impl Iterator<Item = &Tally> {
        std::iter::once(&self.known).chain(&self.fresh)
    }
}

/// A node and its former lives that have told of themselves: more at one address have no place of
/// their own. Somebody can make a node begin anew each ten seconds, and lives are kept for two minutes.
const LIVES: usize = 16;
/// What a digest entry has besides the identity.
const NUMBERS: usize = 24;
/// Bytes of all digest entries. chitchat asserts that a datagram has room for a whole block
/// (16 KiB) beside them.
const DIGEST: usize = 45_000;
/// The last part of it, for nodes on hosts that take less than their share, so that nobody shuts others out
/// by making up nodes on many ports of one.
const SHARES: usize = 4_000;
/// Some twenty nodes.
const SHARE: usize = 1_000;
/// Beyond it, for later lives of nodes that are held, so that nobody is shut out by beginning anew.
const LATER_LIVES: usize = 3_000;
/// The part of it for nodes that others tell of: 600 of usual names, former lives included.
const HEARSAY: usize = 32_000;
/// The part of that for nodes that are not live, be they new, dead or made up: 256 at a time,
/// since every exchange between two that hold different ones tells all of them.
const RUMOURS: usize = 14_000;
/// Keys and values of one node, always: twice what a member may say (`keys`).
const USUAL_BYTES: usize = 4 * 1_024;
/// And while there is room: a balancer acknowledges every member that drains for a minute after.
const NODE_BYTES: usize = 32 * 1_024;
/// Keys and values of all nodes, beyond which none may have more than is usual.
const ALL_BYTES: usize = 4 * 1_024 * 1_024;
