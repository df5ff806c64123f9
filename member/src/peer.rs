//! What is known of one other node: what it last said of itself, its signs of life, and
//! whether it counts as heard. Pure: times come in. How several are weighed is `belief`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::asking::Candidate;
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
    /// The pause that is borne with.
    pause: Duration,
    /// Whether it has not spoken itself for so long that it may be evicted.
    speechless: bool,
    /// The server that it says is its own, and since when it has said so, in this life and in those before.
    server: DatedServer,
    /// The same of its process.
    process: Dated<u64>,
    /// Whom it says it has evicted.
    evictions: Vec<Eviction>,
    /// While it is evicted, the word it last said itself.
    evicted: Option<Word>,
    /// The heartbeat at which it was last evicted.
    doomed: Option<u64>,
    /// When it was last asked whether it is there, and since when it has been, without a sign.
    asked: Option<Duration>,
    asked_since: Option<Duration>,
    /// The same without a word of its own.
    unheard_since: Option<Duration>,
    /// Since it counts as left if it does not answer: until when it may.
    answer_by: Option<Duration>,
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
    /// Whether it is asked before it counts as silent.
    pub is_asked: bool,
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
            pause: Duration::ZERO,
            speechless: false,
            server: None,
            process: None,
            evictions: Vec::new(),
            evicted: None,
            doomed: None,
            asked: None,
            asked_since: None,
            unheard_since: None,
            answer_by: None,
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
            presence: self.presence,
            heard: self.heard,
            met: self.first_seen,
            left: self.left,
        }
    }

    /// What it claims, while it has not left. While we may have missed its answer it has not been asked in vain.
    pub fn claim<'a>(&'a self, now: Duration, id: &'a Id, missed: bool) -> Option<Claim<'a>> {
        let node = self.node.as_ref()?;
        let ((service, http), claimed) = self.server.as_ref()?;
        let (process, begun) = self.process?;
        let asked = self.unheard().filter(|_| !missed);
        let in_vain = asked.is_some_and(|at| now >= at + PATIENCE);
        let claim = Claim {
            id,
            server: (service, *http),
            claimed: *claimed,
            process,
            begun,
            met: self.first_seen,
            spoke: self.spoke,
            asked,
            is_there: self.presence == Presence::Live || (!self.speechless && !in_vain),
        };
        (node.word != Word::Left).then_some(claim)
    }

    /// What it has said of its server and its process, and since when.
    pub fn claims(&self) -> Claims {
        (self.server.clone(), self.process)
    }

    /// A life before has made these claims: what this one says as that did, it has said since then.
    pub fn goes_on(&mut self, former: Claims) {
        (self.server, self.process) = former;
    }

    /// When this life was first known of.
    pub fn met(&self) -> Duration {
        self.first_seen
    }

    /// Whether a life before may have claimed what this one is about to. Who has words and claims nothing has
    /// left, or is no backend.
    pub fn inherits(&self, reading: &Reading) -> bool {
        self.server.is_none() && (self.node.is_none() || reading.keys.is_some())
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

    /// When it last gave any sign of life.
    fn sign(&self) -> Option<Duration> {
        self.rhythm.last().max(self.spoke)
    }

    /// Whether it still counts as heard, but is missed.
    pub fn is_quiet(&self, now: Duration, least: Duration) -> bool {
        self.presence == Presence::Live && self.is_missed(now, least)
    }

    /// Whether it was heard of late, but has given no sign for two thirds of the pause that is borne with, and
    /// for `least`.
    pub fn is_missed(&self, now: Duration, least: Duration) -> bool {
        let patience = least.max(2 * self.pause / 3);
        let was_heard = self.heard.is_some_and(|at| now < at + SPEECHLESS);
        let pauses = self.sign().is_some_and(|at| now >= at + patience);
        was_heard && pauses && !self.has_left()
    }

    /// It as one that is to be asked whether it is there, at once or by and by, unless it has just been.
    pub fn candidate(&self, now: Duration, id: &Id, at_once: bool) -> Option<Candidate> {
        let again = match self.presence {
            _ if at_once => ASKED_AGAIN,
            Presence::Live => ASKED_AGAIN.max(self.pause / 16),
            Presence::Silent => SILENT_ASKED_AGAIN,
        };
        let is_due = self.asked.is_none_or(|at| now >= at + again);
        is_due.then(|| Candidate {
            asked: self.asked,
            id: id.clone(),
            has_spoken: self.spoke.is_some(),
        })
    }

    /// It is asked at `now`.
    pub fn ask(&mut self, now: Duration) {
        self.asked = Some(now);
        self.asked_since = self.unanswered().or(Some(now));
        self.unheard_since = self.unheard().or(Some(now));
        if self.is_doomed() {
            let pause = self.rhythm.patience().unwrap_or_default();
            self.answer_by.get_or_insert(now + pause.max(PATIENCE));
        }
    }

    /// Since when it has been asked, and has given no sign.
    fn unanswered(&self) -> Option<Duration> {
        self.asked_since.filter(|at| self.sign() <= Some(*at))
    }

    /// The same, and has not spoken itself.
    fn unheard(&self) -> Option<Duration> {
        self.unheard_since.filter(|at| self.spoke <= Some(*at))
    }

    /// Whether it may be there though it gives no sign: it was not asked since it did, or only just.
    fn may_answer(&self, now: Duration) -> bool {
        let waits = self.unanswered().is_none_or(|at| now < at + ANSWER);
        self.spoke.is_some() && waits && !self.has_left()
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
        self.answer_by = Some(Duration::ZERO);
        self.evict(Duration::ZERO, heartbeat);
    }

    /// Whether it is to be asked before it counts as evicted.
    pub fn is_doomed(&self) -> bool {
        self.is_gone() && self.evicted.is_none()
    }

    /// Whether somebody has evicted it who has heard as much of it as we, and we do not hear it.
    fn is_gone(&self) -> bool {
        let doomed = self.doomed.is_some_and(|at| self.heartbeat <= at);
        let silent = self.presence == Presence::Silent && self.speechless;
        doomed && silent && self.node.is_some() && !self.has_left()
    }

    /// Makes the word what it counts as.
    fn settle(&mut self, now: Duration) {
        self.answer_by = self.answer_by.filter(|_| self.is_gone());
        let counts_as_left = self.answer_by.is_some_and(|until| now >= until);
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
        self.pause = known.unwrap_or(so.fresh_for);
        let within = |at: Option<Duration>| at.is_some_and(|at| so.now < at + self.pause);
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
        } else if so.is_replaced || !(so.forgiving || (so.is_asked && self.may_answer(so.now))) {
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
/// A service and the address of a server of it.
type DatedServer = Dated<(Arc<str>, SocketAddr)>;
/// A server and a process.
pub type Claims = (DatedServer, Dated<u64>);

/// Dates what is `said` at `now`, unless it was said before.
fn date<T: PartialEq>(dated: &mut Dated<T>, said: Option<T>, now: Duration) {
    if dated.as_ref().map(|(before, _)| before) != said.as_ref() {
        *dated = said.map(|said| (said, now));
    }
}

/// How long who can be evicted has not spoken itself.
const SPEECHLESS: Duration = Duration::from_secs(2);
/// Between two times that it is asked; and once it is silent.
const ASKED_AGAIN: Duration = Duration::from_millis(40);
const SILENT_ASKED_AGAIN: Duration = Duration::from_millis(200);
/// How long who is missed has to answer at least.
const ANSWER: Duration = Duration::from_millis(100);
/// How long who is evicted has to answer, or as long as its heartbeat may pause; and who is silent and
/// claims a server that another claims.
const PATIENCE: Duration = Duration::from_millis(500);
/// Evictions kept of one node; an operator types fewer.
const EVICTIONS: usize = 64;
/// Heartbeats that others may have heard before us: some seconds of them.
const AHEAD: u64 = 64;
