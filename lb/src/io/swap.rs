//! The sole writer of the pool: one task that feeds the roster with gossip, probes, failures
//! and the operator's decisions, stores the pool that comes out, and does what follows from it.

use std::io;
use std::sync::Arc;

use member::node::NodeKey;
use member::snapshot::Snapshot;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot, watch};

use super::check;
use crate::clock::Clock;
use crate::config::CheckPolicy;
use crate::pool::effect::{Effect, Errand};
use crate::pool::memory::{Memory, Notes};
use crate::pool::proof::{Finding, Proof};
use crate::pool::roster::Roster;
use crate::pool::server::Server;
use crate::pool::set::SharedPool;
use crate::pool::view::Admin;

/// A draining node, and how many of its requests are left.
pub type Acknowledgement = (NodeKey, u64);

#[derive(Debug)]
enum Event {
    Ejected {
        uid: u64,
        proof: Proof,
    },
    Doubted {
        uid: u64,
    },
    Proved {
        errand: Errand,
        proof: Option<Proof>,
    },
    Decided {
        service: String,
        server: String,
        admin: Admin,
        found: oneshot::Sender<bool>,
    },
}

/// Where the request path reports what it met. Cheap to clone; never blocks.
#[derive(Clone, Debug)]
pub struct Reporter {
    events: mpsc::UnboundedSender<Event>,
}

impl Reporter {
    /// A request met the server refused or unreachable (no error: not in time). It is out at
    /// once, for all workers.
    pub fn unreachable(&self, server: &Server, error: Option<&io::Error>) {
        if !server.eject() {
            return; // somebody was faster
        }
        let proof = match error {
            Some(error) => Proof::met(Finding::L4Con, &check::plain(error)),
            None => Proof::met(Finding::L4Tout, ""),
        };
        self.send(Event::Ejected {
            uid: server.uid,
            proof,
        });
    }

    /// A request got no answer on a fresh connection.
    pub fn doubtful(&self, server: &Server) {
        self.send(Event::Doubted { uid: server.uid });
    }

    fn send(&self, event: Event) {
        // Without a swap task there is no pool to keep right: the balancer is ending.
        let _ = self.events.send(event);
    }
}

/// The operator's hand on the pool.
#[derive(Clone, Debug)]
pub struct Operator {
    events: mpsc::UnboundedSender<Event>,
}

impl Operator {
    /// Overrides a server's state, as `set server <service>/<server> state` does; `false` if
    /// there is no such server. The pool has changed when this resolves.
    pub async fn set_state(&self, service: &str, server: &str, admin: Admin) -> bool {
        let (found, answer) = oneshot::channel();
        let (service, server) = (service.to_owned(), server.to_owned());
        let sent = self.events.send(Event::Decided {
            service,
            server,
            admin,
            found,
        });
        sent.is_ok() && answer.await.unwrap_or(false)
    }
}

/// The swap task before it runs.
#[derive(Debug)]
pub struct Swap {
    roster: Roster,
    pool: SharedPool,
    clock: Clock,
    policy: CheckPolicy,
    events: mpsc::UnboundedReceiver<Event>,
    reporter: Reporter,
    released: Arc<Notify>,
    probes: Arc<Semaphore>,
    acknowledge: mpsc::UnboundedSender<Acknowledgement>,
    memory: Memory,
    notes: Option<watch::Sender<Notes>>,
}

impl Swap {
    /// A swap task over `pool`; acknowledgements of draining nodes go to `acknowledge`.
    /// `released` is the roster's.
    #[must_use]
    pub fn new(
        roster: Roster,
        pool: SharedPool,
        clock: Clock,
        policy: CheckPolicy,
        released: Arc<Notify>,
        acknowledge: mpsc::UnboundedSender<Acknowledgement>,
    ) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        Self {
            roster,
            pool,
            clock,
            policy,
            events,
            reporter: Reporter { events: sender },
            released,
            probes: Arc::new(Semaphore::new(MAX_PROBES)),
            acknowledge,
            memory: Memory::default(),
            notes: None,
        }
    }

    /// Begins with what is remembered, and tells what is to be remembered at every change.
    pub fn remember(&mut self, memory: Memory, notes: watch::Sender<Notes>) {
        self.memory = memory;
        self.notes = Some(notes);
    }

    /// Where requests report.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        self.reporter.clone()
    }

    /// Where the operator decides.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator {
            events: self.reporter.events.clone(),
        }
    }

    /// Keeps the pool right until it is dropped. When gossip is lost the pool stays as it is,
    /// and probes go on.
    pub async fn run(mut self, mut snapshots: watch::Receiver<Arc<Snapshot>>) {
        let mut gossip = true;
        snapshots.mark_changed();
        self.apply();
        loop {
            let wake = self.roster.next_deadline().map(|at| self.clock.instant(at));
            let recall = self.memory.next_deadline();
            let recall = recall.map(|at| self.clock.instant(at));
            tokio::select! {
                Some(event) = self.events.recv() => self.handle(event),
                changed = snapshots.changed(), if gossip => match changed {
                    Ok(()) => {
                        let heard = Arc::clone(&snapshots.borrow_and_update());
                        self.see(&heard);
                    }
                    Err(_) => gossip = false,
                },
                () = self.released.notified() => self.roster.released(self.clock.now()),
                () = sleep_until(wake) => self.roster.tick(self.clock.now()),
                () = sleep_until(recall) => {
                    let heard = Arc::clone(&snapshots.borrow());
                    self.see(&heard);
                }
            }
            self.apply();
        }
    }

    fn see(&mut self, heard: &Arc<Snapshot>) {
        let now = self.clock.now();
        self.roster.see(now, &self.memory.complete(now, heard));
        let forgotten = self.memory.take_forgotten();
        if !forgotten.is_empty() {
            let names = forgotten.join(", ");
            tracing::info!(target: "state", "forgotten, since other members know nothing of them: {names}");
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Ejected { uid, proof } => self.roster.ejected(now, uid, &proof),
            Event::Doubted { uid } => self.roster.doubted(now, uid),
            Event::Proved { errand, proof } => match proof {
                Some(proof) => self.roster.proved(now, &errand, &proof),
                None => self.roster.unproved(now, &errand),
            },
            Event::Decided {
                service,
                server,
                admin,
                found,
            } => {
                let known = self.roster.decide(now, &service, &server, admin);
                self.apply();
                // Whoever asked may have gone; the decision stands.
                let _ = found.send(known);
            }
        }
    }

    /// The pool first, then what follows from it.
    fn apply(&mut self) {
        // What is due is begun at once, so that a new server's connect does not wait for a timer.
        if self
            .roster
            .next_deadline()
            .is_some_and(|at| at <= self.clock.now())
        {
            self.roster.tick(self.clock.now());
        }
        if let Some(pool) = self.roster.take_pool(self.clock.now()) {
            if let Some(notes) = &self.notes {
                notes.send_replace(self.memory.note(&pool));
            }
            self.pool.store(pool);
        }
        for effect in self.roster.take_effects() {
            match effect {
                Effect::Probe(errand) => self.probe(errand),
                Effect::Acknowledge { key, in_flight } => {
                    // Without gossip nobody waits for it.
                    let _ = self.acknowledge.send((key, in_flight));
                }
                Effect::Say(line) => tracing::info!(target: "state", "{line}"),
            }
        }
    }

    fn probe(&self, errand: Errand) {
        let (reporter, permits) = (self.reporter.clone(), Arc::clone(&self.probes));
        let policy = self.policy;
        tokio::spawn(async move {
            // The semaphore is never closed.
            let _permit = permits.acquire().await;
            let proof = check::probe(&errand, policy).await;
            reporter.send(Event::Proved { errand, proof });
        });
    }
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Probes under way at once: a restarted balancer may meet thousands of servers.
const MAX_PROBES: usize = 256;
