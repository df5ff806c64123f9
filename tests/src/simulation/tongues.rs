//! A model of gossip: every life that ever was, what each has said, and who knows what of whom.
//! A handshake is chitchat's: a digest (heartbeats), then both sides' news.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use member::keys;
use member::node::{Description, Node, Role, Word};
use member::reading::Id;

use super::detector::Samples;
use super::history::Slot;

/// Which life: an index into all that ever were.
pub(super) type LifeId = usize;

type Pairs = Arc<Vec<(String, String)>>;

/// One life of a node.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) id: Id,
    pub(super) slot: Slot,
    pub(super) heartbeat: u64,
    pub(super) node: Node,
    /// All its keys, after each thing it said.
    pub(super) said: Vec<Pairs>,
}

impl Life {
    /// A life that says `word` first.
    pub(super) fn new(id: Id, slot: Slot, describe: &Description, word: Word) -> Self {
        let ip = id.gossip.ip();
        let node = describe.live(id.key.generation, ip, word.clone());
        let mut life = Self {
            id,
            slot,
            heartbeat: 1,
            node,
            said: Vec::new(),
        };
        life.say(word);
        life
    }

    pub(super) fn say(&mut self, word: Word) {
        self.node.word = word;
        let pairs = keys::encode(&self.node).expect("a description of ours is valid");
        self.said.push(Arc::new(pairs));
    }

    /// Whether the words of `version` are a farewell.
    pub(super) fn has_said_left(&self, version: usize) -> bool {
        let words = version.checked_sub(1).and_then(|last| self.said.get(last));
        let mut pairs = words.iter().flat_map(|words| words.iter());
        pairs.any(|(key, value)| key == "st" && value == "left")
    }

    /// Says something more of itself or others beside what it said last.
    pub(super) fn add(&mut self, pair: Option<(String, String)>) {
        if let Some(last) = self.said.last_mut() {
            Arc::make_mut(last).extend(pair);
        }
    }

    /// Others say that it has said `word`.
    pub(super) fn forge(&mut self, word: Word) {
        let said = self.node.word.clone();
        self.say(word);
        self.node.word = said;
    }

    /// What another life of it would say of itself.
    pub(super) fn description(&self) -> Description {
        let server = self.node.http.unwrap_or(self.id.gossip);
        Description::backend(&self.id.key.name, server)
    }

    pub(super) fn is_balancer(&self) -> bool {
        self.node.role == Role::Balancer
    }
}

/// What one node holds of one life.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) heartbeat: u64,
    /// How much of what it said: 0 is nothing.
    pub(super) version: usize,
    /// When its heartbeat was last seen to move.
    pub(super) moved: Duration,
    pub(super) known: bool,
}

/// A datagram.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) from: SocketAddr,
    pub(super) part: Part,
    /// Life, heartbeat, version.
    pub(super) states: Arc<Vec<(LifeId, u64, usize)>>,
}

/// The three datagrams of a handshake; the first carries heartbeats only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    Syn,
    SynAck,
    Ack,
}

/// What one process knows through gossip.
#[derive(Debug)]
pub(super) struct Ear {
    pub(super) me: LifeId,
    pub(super) interval: Duration,
    pub(super) held: Vec<Held>,
    /// Kept by balancers only: members do without belief here.
    pub(super) samples: Option<Vec<Samples>>,
    /// When a datagram last came from an address, and which life spoke.
    pub(super) heard: HashMap<SocketAddr, (Duration, LifeId)>,
}

impl Ear {
    pub(super) fn new(me: LifeId, interval: Duration, judges: bool) -> Self {
        Self {
            me,
            interval,
            held: Vec::new(),
            samples: judges.then(Vec::new),
            heard: HashMap::new(),
        }
    }

    /// What it tells of everybody it knows.
    pub(super) fn states(&self, mine: &Life) -> Arc<Vec<(LifeId, u64, usize)>> {
        let others = self.held.iter().enumerate();
        let known = others.filter(|(life, held)| held.known && *life != self.me);
        let mut states: Vec<_> = known
            .map(|(life, held)| (life, held.heartbeat, held.version))
            .collect();
        states.push((self.me, mine.heartbeat, mine.said.len()));
        Arc::new(states)
    }

    /// When `life` itself was last heard.
    pub(super) fn heard_of(&self, life: LifeId, of: &Life) -> Option<Duration> {
        let last = self.heard.get(&of.id.gossip);
        last.filter(|(_, speaker)| *speaker == life)
            .map(|(at, _)| *at)
    }

    /// Takes in what it is told; whether any key is new.
    pub(super) fn hear(&mut self, now: Duration, message: &Message) -> bool {
        // Itself it tells of last.
        if let Some((speaker, ..)) = message.states.last() {
            self.heard.insert(message.from, (now, *speaker));
        }
        let mut news = false;
        for &(life, heartbeat, version) in message.states.iter() {
            if life == self.me {
                continue;
            }
            if self.held.len() <= life {
                self.held.resize(life + 1, Held::default());
            }
            let held = &mut self.held[life];
            if heartbeat > held.heartbeat {
                held.heartbeat = heartbeat;
                held.moved = now;
                held.known = true;
                if let Some(samples) = &mut self.samples {
                    if samples.len() <= life {
                        samples.resize(life + 1, Samples::default());
                    }
                    samples[life].beat(now, self.interval);
                }
            }
            if message.part != Part::Syn && version > held.version && held.known {
                held.version = version;
                news = true;
            }
        }
        news
    }

    /// The detector's verdicts, and what it has been silent about for too long.
    pub(super) fn judge(&mut self, now: Duration) {
        let Some(samples) = &mut self.samples else {
            return;
        };
        for (life, held) in self.held.iter_mut().enumerate() {
            if !held.known {
                continue;
            }
            let Some(samples) = samples.get_mut(life) else {
                continue;
            };
            samples.judge(now, self.interval);
            if samples.dead_since.is_some_and(|at| now >= at + DEAD_KEPT) {
                held.known = false;
                held.version = 0;
            }
        }
    }
}

const DEAD_KEPT: Duration = Duration::from_secs(120);
