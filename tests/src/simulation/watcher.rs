//! A balancer: the real `Belief` over what the model of gossip holds, the real `Roster` over that,
//! and what the laws must remember of both.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lb::config::CheckPolicy;
use lb::pool::choose::{Tried, choose};
use lb::pool::effect::Effect;
use lb::pool::roster::Roster;
use lb::pool::server::Lease;
use lb::pool::set::{Ledger, Pool};
use member::belief::Belief;
use member::node::{NodeKey, Word};
use member::reading::{Id, Reading};
use member::snapshot::{Presence, Snapshot};
use tokio::sync::Notify;

use super::tongues::{Ear, Life, LifeId};

/// A balancer's mind and pool.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) belief: Belief,
    pub(super) roster: Roster,
    pub(super) pool: Pool,
    pub(super) snapshot: Arc<Snapshot>,
    /// How much of what each life said was handed to belief.
    told: Vec<usize>,
    /// When it first knew of each life.
    met: Vec<Option<Duration>>,
    /// The requests under way.
    pub(super) leases: HashMap<u64, Lease>,
    /// When its roster is to be woken, as last planned.
    pub(super) due: Option<Duration>,
    pub(super) memory: Memory,
}

/// What the laws remember.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Those that may be chosen, after the last step.
    pub(super) chosen: BTreeSet<NodeKey>,
    /// Their servers.
    pub(super) served: Vec<(SocketAddr, NodeKey)>,
    /// When a probe or request last failed there.
    pub(super) failed: BTreeMap<NodeKey, Duration>,
    /// Since when it has shown each life.
    pub(super) shown: BTreeMap<NodeKey, Duration>,
    /// Lives that were believed to have left.
    pub(super) left: BTreeSet<NodeKey>,
    /// Draining lives that were let go.
    pub(super) let_go: BTreeSet<NodeKey>,
    /// Lines written for the operator.
    pub(super) lines: Vec<String>,
}

impl Watcher {
    pub(super) fn new(me: Id, interval: Duration) -> Self {
        let ledger = Arc::new(Ledger::new(Arc::from(SERVICE), 1));
        let roster = Roster::new(CheckPolicy::default(), [ledger], 1, Arc::new(Notify::new()));
        Self {
            belief: Belief::new(me, interval).wary(),
            pool: roster.pool(),
            roster,
            snapshot: Arc::default(),
            told: Vec::new(),
            met: Vec::new(),
            leases: HashMap::new(),
            due: None,
            memory: Memory::default(),
        }
    }

    /// A new life of the same process.
    pub(super) fn reborn(&mut self, me: Id, now: Duration) {
        self.belief.reborn(me, now);
        self.told.clear();
    }

    /// Reads what gossip holds and concludes; true if that is another picture than before.
    pub(super) fn look(&mut self, now: Duration, ear: &Ear, lives: &[Life]) -> bool {
        let mut readings = Vec::with_capacity(ear.held.len());
        self.told.resize(ear.held.len().max(self.told.len()), 0);
        self.met.resize(self.told.len().max(self.met.len()), None);
        for (life, held) in ear.held.iter().enumerate() {
            if !held.known || life == ear.me {
                continue;
            }
            self.met[life].get_or_insert(now);
            let told = std::mem::replace(&mut self.told[life], held.version);
            let keys = (told != held.version || held.version == 0).then(|| match held.version {
                0 => Vec::new(),
                said => lives[life].said[said - 1].to_vec(),
            });
            let samples = ear.samples.as_ref().and_then(|all| all.get(life));
            readings.push(Reading {
                id: lives[life].id.clone(),
                heartbeat: held.heartbeat,
                live: samples.is_some_and(|samples| samples.live),
                heard: ear.heard_of(life, &lives[life]),
                keys,
            });
        }
        self.belief.observe(now, &readings);
        let snapshot = self.belief.snapshot();
        let changed = !Arc::ptr_eq(&self.snapshot, &snapshot);
        self.snapshot = snapshot;
        for (key, seen) in &self.snapshot.nodes {
            self.memory.shown.entry(key.clone()).or_insert(now);
            // Who only counts as left, since somebody has evicted it, may come back.
            let mut told = self.told.iter().zip(lives);
            let said =
                |(told, life): (&usize, &Life)| life.id.key == *key && life.has_said_left(*told);
            if seen.node.word == Word::Left && told.any(said) {
                self.memory.left.insert(key.clone());
            }
        }
        changed
    }

    /// Stores the pool that comes out, and gives what is to be done.
    pub(super) fn apply(&mut self, now: Duration) -> Vec<Effect> {
        if self.roster.next_deadline().is_some_and(|at| at <= now) {
            self.roster.tick(now);
        }
        if let Some(pool) = self.roster.take_pool(now) {
            self.pool = pool;
        }
        self.roster.take_effects()
    }

    /// Chooses a server for a request.
    pub(super) fn lease(&self) -> Option<Lease> {
        choose(self.pool.services.get(SERVICE)?, &Tried::default())
    }

    /// Those that may be chosen.
    pub(super) fn chosen(&self) -> BTreeSet<NodeKey> {
        let service = &self.pool.services[SERVICE];
        let servers = service.rotation.servers.iter();
        servers.map(|server| server.key.clone()).collect()
    }

    /// Whether a node is held out because it went down too often.
    pub(super) fn is_held_out(&self, key: &NodeKey, now: Duration) -> bool {
        let rows = self.pool.services[SERVICE].rows.iter();
        let mut rows = rows.filter(|entry| entry.server.key == *key);
        let held = |until: Option<Duration>| until.is_some_and(|until| now < until);
        rows.any(|entry| held(entry.row().view().held_until))
    }

    /// What it last heard a node say.
    pub(super) fn word(&self, key: &NodeKey) -> Option<&Word> {
        self.snapshot.nodes.get(key).map(|seen| &seen.node.word)
    }

    /// When it first knew of a life.
    pub(super) fn met(&self, life: LifeId) -> Option<Duration> {
        self.met.get(life).copied().flatten()
    }

    /// Whether it counts a node among the heard.
    pub(super) fn hears(&self, key: &NodeKey) -> bool {
        let seen = self.snapshot.nodes.get(key);
        seen.is_some_and(|seen| seen.presence == Presence::Live)
    }
}

/// The one service there is.
pub(super) const SERVICE: &str = "nodes";
