//! What is known of one other node: what it last said of itself, its signs of life, and
//! whether it counts as heard. Pure: times come in. How several are weighed is `belief`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::claims::Claim;
use crate::eviction::Eviction;
use crate::keys::{self, KeyError};
use crate::lives::Life;
use crate::node::{Node, NodeKey, Word};
use crate::reading::{Id, Reading};
use crate::receipt::Receipt;
use crate::rhythm::Rhythm;
use crate::snapshot::{Presence, Sighting};

/// One other node.
#[derive(Debug)]
pub struct Peer {
    node: Option<Node>,
    receipt: Option<(u64, Receipt)>,
    complained: bool,
    heartbeat: u64,
    first_seen: Duration,
    /// When and how regularly its heartbeat was seen to move.
    rhythm: Rhythm,
    /// When it was first known to have left.
    left: Option<Duration>,
    /// Whether the failure detector has ever counted it among the living.
    proved: bool,
    presence: Presence,
    /// When it last counted as heard.
    heard: Option<Duration>,
    /// When it last spoke itself.
    spoke: Option<Duration>,
    /// Whether it has not spoken itself for so long that it may be evicted.
    speechless: bool,
    /// The server that it says is its own, and since when it has said so, in this life and in those before.
    server: Dated<(Arc<str>, SocketAddr)>,
    /// The same of its process.
    process: Dated<u64>,
    /// Whom it says it has evicted.
    evictions: Vec<Eviction>,
    /// While it is evicted, the word it last said itself.
    evicted: Option<Word>,
    /// The heartbeat at which it was last evicted.
    doomed: Option<u64>,
    /// While it is asked whether it is there, because it counts as left otherwise: until when.
    asked: Option<Duration>,
    shown: Option<Arc<Sighting>>,
}

/// What bears on the presence of a node besides its own reading.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Now.
    pub now: Duration,
    /// How long a sign of life counts.
    pub fresh_for: Duration,
    /// How long a pause is borne with at least.
    pub least: Duration,
    /// Whether it began after we did, so that it cannot be a rumour from before.
    pub promised: bool,
    /// Whether another is heard where it should be, of which more than its being there is known.
    pub is_replaced: bool,
    /// When another life of it was heard there, of which no more is known.
    pub anew: Option<Duration>,
    /// Whether we have been away ourselves, so that silence means nothing yet.
    pub forgiving: bool,
}

impl Peer {
    /// A node met at `now` with `heartbeat`.
    pub fn new(now: Duration, heartbeat: u64) -> Self {
        Self {
            node: None,
            receipt: None,
            complained: false,
            heartbeat,
            first_seen: now,
            rhythm: Rhythm::default(),
            left: None,
            proved: false,
            presence: Presence::Silent,
            heard: None,
            spoke: None,
            speechless: false,
            server: None,
            process: None,
            evictions: Vec::new(),
            evicted: None,
            doomed: None,
            asked: None,
            shown: None,
        }
    }

    /// What it says of itself, when that is valid.
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// Whether it has ever said anything that counts, or that breaks a rule.
    pub fn has_words(&self) -> bool {
        self.node.is_some() || self.complained
    }

    /// What bears on whether this life counts.
    pub fn life<'a>(&self, id: &'a Id, node: &'a Node) -> Life<'a> {
        Life {
            id,
            node,
            is_there: self.is_there(),
            heard: self.heard,
            met: self.first_seen,
            left: self.left,
        }
    }

    /// Whether it is heard, or has just spoken itself.
    fn is_there(&self) -> bool {
        self.presence == Presence::Live || !self.speechless
    }

    /// What it claims, while it has not left.
    pub fn claim<'a>(&'a self, id: &'a Id) -> Option<Claim<'a>> {
        let node = self.node.as_ref()?;
        let ((service, http), claimed) = self.server.as_ref()?;
        let (process, begun) = self.process?;
        let claim = Claim {
            id,
            server: (service, *http),
            claimed: *claimed,
            process,
            begun,
            met: self.first_seen,
            spoke: self.spoke,
            is_there: self.is_there(),
        };
        (node.word != Word::Left).then_some(claim)
    }

    /// The same node, in a life before: what this one says as that did, it has said since then.
    pub fn after(mut self, former: &Self) -> Self {
        self.server.clone_from(&former.server);
        self.process = former.process;
        self
    }

    /// When this life was first known of.
    pub fn met(&self) -> Duration {
        self.first_seen
    }

    /// Since when it has said whose server it announces, if ever.
    pub fn claimed(&self) -> Option<Duration> {
        self.server.as_ref().map(|(_, at)| *at)
    }

    /// Notes what it says newly of its server and its process.
    pub fn note_claim(&mut self, now: Duration) {
        if self.has_left() {
            // Whoever comes back finds another there, or not.
            self.server = None;
            return;
        }
        let Some(node) = &self.node else { return };
        let server = node.http.map(|http| (Arc::clone(&node.service), http));
        date(&mut self.server, server, now);
        date(&mut self.process, Some(node.process()), now);
    }

    /// Its receipt for the generation of ours that it names.
    pub fn receipt(&self) -> Option<(u64, Receipt)> {
        self.receipt
    }

    /// Whom it says it has evicted, when it is itself valid.
    pub fn evictions(&self) -> &[Eviction] {
        self.node.as_ref().map_or(&[], |_| &self.evictions)
    }

    /// When its heartbeat was last seen to move; when it was first seen if never.
    pub fn beat(&self) -> Duration {
        self.rhythm.last().unwrap_or(self.first_seen)
    }

    /// Whether it still counts as heard, but has paused for two thirds of what is borne with, which is
    /// `borne` at least, and for `least`.
    pub fn is_quiet(&self, now: Duration, least: Duration, borne: Duration) -> bool {
        let known = self.rhythm.patience();
        let patience = known.map(|known| least.max(2 * known.max(borne) / 3));
        let since = self.rhythm.last().zip(patience);
        self.presence == Presence::Live && since.is_some_and(|(at, patience)| now >= at + patience)
    }

    /// The last heartbeat seen.
    pub fn heartbeat(&self) -> u64 {
        self.heartbeat
    }

    /// Somebody has evicted it who knew it to be silent since `heartbeat`. It counts as left while
    /// it is silent for us too, does not answer us, and nobody has heard a later heartbeat.
    pub fn evict(&mut self, now: Duration, heartbeat: u64) {
        // Whoever has heard that much more than we has not heard it.
        if heartbeat <= self.heartbeat.saturating_add(AHEAD) {
            self.doomed = self.doomed.max(Some(heartbeat));
        }
        self.settle(now);
    }

    /// The same by our own operator, who need not ask.
    pub fn evict_at_once(&mut self, heartbeat: u64) {
        self.asked = Some(Duration::ZERO);
        self.evict(Duration::ZERO, heartbeat);
    }

    /// When it last spoke itself, if it is to be asked now whether it is there.
    pub fn is_asked(&self) -> Option<Option<Duration>> {
        let is_asked = self.asked.is_some() && self.evicted.is_none();
        is_asked.then_some(self.spoke)
    }

    /// Makes the word what it counts as.
    fn settle(&mut self, now: Duration) {
        let doomed = self.doomed.is_some_and(|at| self.heartbeat <= at);
        let silent = self.presence == Presence::Silent && self.speechless;
        let is_gone = doomed && silent && !self.has_left();
        self.asked = is_gone.then(|| self.asked.unwrap_or(now + PATIENCE));
        let counts_as_left = self.asked.is_some_and(|until| now >= until);
        let Some(node) = &mut self.node else {
            return;
        };
        match &self.evicted {
            Some(word) if !counts_as_left => {
                node.word = word.clone();
                self.evicted = None;
            }
            None if counts_as_left && node.word != Word::Left => {
                self.evicted = Some(std::mem::replace(&mut node.word, Word::Left));
            }
            _ => {}
        }
    }

    /// Takes in its keys; gives the error that is worth telling, once. Keys without a word
    /// change nothing: after a loss gossip may send everything anew, piece by piece.
    pub fn read(&mut self, id: &Id, me: &NodeKey, pairs: &[(String, String)]) -> Option<KeyError> {
        let texts = || pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let receipt = keys::receipt_key(me);
        self.receipt = texts()
            .find(|(key, _)| *key == receipt)
            .and_then(|(_, value)| keys::decode_receipt(value));
        let evictions = texts().filter_map(|(key, value)| keys::decode_eviction(key, value));
        self.evictions = evictions.take(EVICTIONS).collect();
        if self.has_left() {
            return None;
        }
        match keys::decode(id.key.clone(), texts()) {
            Ok(mut node) => {
                if let Some(word) = &mut self.evicted {
                    *word = std::mem::replace(&mut node.word, Word::Left);
                }
                self.node = Some(node);
                None
            }
            Err(error) if error.is_incomplete() => None,
            Err(error) => {
                self.node = None;
                self.evicted = None;
                let tell = !self.complained;
                self.complained = true;
                tell.then_some(error)
            }
        }
    }

    /// Decides whether it is heard.
    pub fn judge(&mut self, reading: &Reading, so: Circumstances) {
        if reading.heartbeat > self.heartbeat {
            self.heartbeat = reading.heartbeat;
            if so.forgiving {
                self.rhythm.resume(so.now);
            } else {
                self.rhythm.beat(so.now);
            }
        }
        if self.has_left() {
            self.left.get_or_insert(so.now);
        }
        let fresh = |at: Duration| so.now < at + so.fresh_for;
        // Who has begun anew has not fallen silent, though its new life has said no word yet.
        let anew = so.anew.filter(|_| self.evicted.is_none());
        let before = self.spoke.filter(|_| !so.is_replaced);
        self.spoke = reading.heard.max(anew).max(before);
        self.speechless = self.spoke.is_none_or(|at| so.now >= at + SPEECHLESS);
        let heard = self.spoke.is_some_and(fresh);
        let moves = self.rhythm.last().is_some_and(fresh);
        let promised = so.promised && fresh(self.first_seen);
        let known = self.rhythm.patience().map(|known| known.max(so.least));
        let pause = known.unwrap_or(so.fresh_for);
        let within = |at: Option<Duration>| at.is_some_and(|at| so.now < at + pause);
        // Others may tell of heartbeats that it has yet to reach: then its own voice counts.
        let (beats, speaks) = (within(self.rhythm.last()), within(self.spoke));
        let was_live = self.presence == Presence::Live;
        self.proved |= reading.live;
        let is_live = match known {
            // One beat that others tell of does not raise the dead: the detector wants two.
            Some(_) => speaks || (beats && (was_live || reading.live)),
            None if self.proved => speaks || reading.live || (was_live && beats),
            None => heard || moves || promised,
        };
        if is_live && !so.is_replaced {
            self.presence = Presence::Live;
        } else if so.is_replaced || !so.forgiving {
            self.presence = Presence::Silent;
        }
        if self.presence == Presence::Live {
            self.heard = Some(so.now);
        }
        self.settle(so.now);
    }

    /// How it is shown, at `gossip`; the same pointer while nothing changes.
    pub fn sighting(&mut self, gossip: SocketAddr) -> Option<Arc<Sighting>> {
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

    /// Whether it has said itself that it left.
    fn has_left(&self) -> bool {
        let word = self.node.as_ref().map(|node| &node.word);
        self.evicted.as_ref().or(word) == Some(&Word::Left)
    }
}

/// What is said, and since when.
type Dated<T> = Option<(T, Duration)>;

/// Dates what is `said` at `now`, unless it was said before.
fn date<T: PartialEq>(dated: &mut Dated<T>, said: Option<T>, now: Duration) {
    if dated.as_ref().map(|(before, _)| before) != said.as_ref() {
        *dated = said.map(|said| (said, now));
    }
}

/// How long who can be evicted has not spoken itself.
const SPEECHLESS: Duration = Duration::from_secs(2);
/// How long who is evicted has to answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Evictions kept of one node; an operator types fewer.
const EVICTIONS: usize = 64;
/// Heartbeats that others may have heard before us: some seconds of them.
const AHEAD: u64 = 64;
