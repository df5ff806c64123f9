//! The immutable pool that requests choose from, and the one pointer to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};

use super::schedule::Schedule;
use super::server::{Row, Server};
use super::tally::Tally;
use crate::counters::{Counter, Max, PerWorker, Rate};

/// Every service, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// By name.
    pub services: BTreeMap<Arc<str>, Arc<Service>>,
}

/// One service (HAProxy's backend) at one moment.
#[derive(Debug)]
pub struct Service {
    /// What outlives this moment.
    pub ledger: Arc<Ledger>,
    /// Those that may be chosen.
    pub rotation: Rotation,
    /// Every row to show, in order of name, with the server that holds it now.
    pub rows: Vec<Entry>,
}

/// A row, the server that holds it, and its weight.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The server.
    pub server: Arc<Server>,
    /// Its user weight, 0 to 256.
    pub weight: u16,
}

impl Entry {
    /// Its row.
    #[must_use]
    pub fn row(&self) -> &Row {
        &self.server.row
    }
}

/// The servers that may be chosen, and the order in which they take turns.
#[derive(Debug)]
pub struct Rotation {
    /// In order of name.
    pub servers: Box<[Arc<Server>]>,
    /// Indices into `servers`.
    pub schedule: Schedule,
}

impl Rotation {
    /// The rotation of these servers by weight; weight 0 takes no part.
    #[must_use]
    pub fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let (servers, weights): (Vec<_>, Vec<_>) = entries
            .filter(|entry| entry.weight > 0)
            .map(|entry| (Arc::clone(&entry.server), entry.weight))
            .unzip();
        Self {
            servers: servers.into_boxed_slice(),
            schedule: Schedule::of(&weights),
        }
    }
}

/// What a service has been counted for: carried from pool to pool.
#[derive(Debug)]
pub struct Ledger {
    /// HAProxy's backend name.
    pub name: Arc<str>,
    /// The number of the next turn; shared by all workers, so that the rotation is strict.
    pub turn: AtomicU64,
    /// Counts, per worker.
    pub cells: PerWorker<Tally>,
    /// Requests per second.
    pub rate: Rate,
    /// Requests now.
    pub current: AtomicU64,
    /// The most requests at once.
    pub smax: Max,
    /// Milliseconds on the balancer's clock of the last request; negative: none yet.
    pub last_session: AtomicI64,
    /// Times it lost its last usable server.
    pub downs: Counter,
    up: AtomicBool,
    changed_ms: AtomicU64,
    downtime_ms: Counter,
}

impl Ledger {
    /// A ledger nothing has been counted in.
    #[must_use]
    pub fn new(name: Arc<str>, workers: usize) -> Self {
        Self {
            name,
            turn: AtomicU64::new(0),
            cells: PerWorker::new(workers),
            rate: Rate::default(),
            current: AtomicU64::new(0),
            smax: Max::default(),
            last_session: AtomicI64::new(-1),
            downs: Counter::default(),
            up: AtomicBool::new(false),
            changed_ms: AtomicU64::new(0),
            downtime_ms: Counter::default(),
        }
    }

    /// For the sole writer: whether it has a usable server at `now_ms`. Returns whether that
    /// changed.
    pub(crate) fn account(&self, up: bool, now_ms: u64) -> bool {
        if self.up.swap(up, Relaxed) == up {
            return false;
        }
        let since = self.changed_ms.swap(now_ms, Relaxed);
        if up {
            self.downtime_ms.add(now_ms.saturating_sub(since));
        } else {
            self.downs.inc();
        }
        true
    }

    /// Time since it gained its first or lost its last usable server.
    #[must_use]
    pub fn since(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.changed_ms.load(Relaxed)))
    }

    /// Time without a usable server, the present one included.
    #[must_use]
    pub fn downtime(&self, now_ms: u64) -> Duration {
        let present = if self.up.load(Relaxed) {
            Duration::ZERO
        } else {
            self.since(now_ms)
        };
        Duration::from_millis(self.downtime_ms.get()) + present
    }
}

/// The one pointer. Anyone may read it; only [`crate::io::swap`] stores.
#[derive(Clone, Debug)]
pub struct SharedPool(Arc<ArcSwap<Pool>>);

impl SharedPool {
    /// A shared pool that begins as `pool`.
    #[must_use]
    pub fn new(pool: Pool) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(pool)))
    }

    /// The pool now, for the length of one attempt.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Pool>> {
        self.0.load()
    }

    /// For the sole writer.
    pub(crate) fn store(&self, pool: Pool) {
        self.0.store(Arc::new(pool));
    }
}
