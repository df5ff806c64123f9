//! The balancer without sockets of its own: pool, counters, and the task that keeps the pool
//! right. What a whole process and an embedder have in common.

use std::sync::Arc;

use member::snapshot::Snapshot;
use tokio::sync::{Notify, mpsc, watch};

use crate::clock::Clock;
use crate::config::{CheckPolicy, ProxyPolicy};
use crate::frontend::Frontend;
use crate::io::record::Recorder;
use crate::io::swap::{Acknowledgement, Operator, Reporter, Swap};
use crate::io::upstream::Shard;
use crate::pool::memory::{Memory, Notes};
use crate::pool::roster::Roster;
use crate::pool::set::{Ledger, SharedPool};
use crate::proxy::Proxy;

/// What a balancer is made of.
#[derive(Clone, Debug)]
pub struct Core {
    /// Its clock.
    pub clock: Clock,
    /// Its servers.
    pub pool: SharedPool,
    /// The service that requests go to.
    pub ledger: Arc<Ledger>,
    /// The frontend that requests come from.
    pub frontend: Arc<Frontend>,
    /// The operator's hand.
    pub operator: Operator,
    policy: ProxyPolicy,
    reporter: Reporter,
}

/// What a core is to be like.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The service that requests go to: HAProxy's backend name, the members' `svc`.
    pub service: Arc<str>,
    /// How many workers there are.
    pub workers: usize,
    /// How servers are checked.
    pub checks: CheckPolicy,
    /// How requests are treated.
    pub proxy: ProxyPolicy,
}

/// The task that keeps a core's pool right; to be run on any one runtime.
#[derive(Debug)]
pub struct Keeper(Swap);

impl Keeper {
    /// Begins with what is remembered, and tells what is to be remembered at every change.
    pub fn remember(&mut self, memory: Memory, notes: watch::Sender<Notes>) {
        self.0.remember(memory, notes);
    }

    /// Keeps the pool right for as long as the future is polled.
    pub async fn run(self, snapshots: watch::Receiver<Arc<Snapshot>>) {
        self.0.run(snapshots).await;
    }
}

impl Core {
    /// A core without servers, and the task that will give it some. Acknowledgements of draining
    /// nodes go to `acknowledge`.
    #[must_use]
    pub fn new(
        config: &CoreConfig,
        frontend: Arc<Frontend>,
        acknowledge: mpsc::UnboundedSender<Acknowledgement>,
    ) -> (Self, Keeper) {
        let clock = Clock::start();
        let released = Arc::new(Notify::new());
        let ledger = Arc::new(Ledger::new(Arc::clone(&config.service), config.workers));
        let ledgers = [Arc::clone(&ledger)];
        let roster = Roster::new(
            config.checks,
            ledgers,
            config.workers,
            Arc::clone(&released),
        );
        let pool = SharedPool::new(roster.pool());
        let swap = Swap::new(
            roster,
            pool.clone(),
            clock,
            config.checks,
            released,
            acknowledge,
        );
        let core = Self {
            clock,
            pool,
            ledger,
            frontend,
            operator: swap.operator(),
            policy: config.proxy,
            reporter: swap.reporter(),
        };
        (core, Keeper(swap))
    }

    /// What one worker answers requests with.
    #[must_use]
    pub fn proxy(&self, worker: usize) -> Proxy {
        let recorder = Recorder::new(Arc::clone(&self.frontend), worker, self.clock);
        Proxy {
            pool: self.pool.clone(),
            ledger: Arc::clone(&self.ledger),
            shard: Arc::new(Shard::new(self.policy, recorder)),
            reporter: self.reporter.clone(),
        }
    }
}
