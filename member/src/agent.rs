//! The agent beside a webapp: announces it, follows its health, and takes it out of service
//! without losing a request. Usable in process; `main` is only its command line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::error::Error;
use crate::gossip::{Gossip, GossipConfig, Identity};
use crate::node::{NodeKey, Word};
use crate::probe::{Probe, Rhythm};
use crate::receipt::{Ack, Receipts};
use crate::snapshot::Snapshot;
use crate::wellness::Wellness;

/// How an agent works.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Who it is and how it gossips. The path of the node's check is also the agent's own.
    pub gossip: GossipConfig,
    /// How often it asks the webapp.
    pub rhythm: Rhythm,
}

impl AgentConfig {
    /// With the default rhythm.
    pub fn new(gossip: GossipConfig) -> Self {
        Self {
            gossip,
            rhythm: Rhythm::default(),
        }
    }
}

/// A running agent.
#[derive(Debug)]
pub struct Agent {
    gossip: Gossip,
    prober: JoinHandle<()>,
}

/// How a drain ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DrainReport {
    /// The balancers that had let go of everything.
    pub drained: Vec<NodeKey>,
    /// Those that had not when time was up, with what they still had in flight, if they
    /// said so.
    pub undrained: Vec<(NodeKey, Option<u64>)>,
    /// How long it took.
    pub took: Duration,
}

impl Agent {
    /// Begins to announce the webapp. It waits for neither a balancer nor the webapp.
    ///
    /// # Errors
    /// As [`Gossip::start`].
    pub async fn start(config: AgentConfig) -> Result<Self, Error> {
        let path = config.gossip.node.check.clone();
        let gossip = Gossip::start(config.gossip).await?;
        let prober = tokio::spawn(follow(gossip.clone(), path, config.rhythm));
        Ok(Self { gossip, prober })
    }

    /// The agent's gossip.
    pub fn gossip(&self) -> &Gossip {
        &self.gossip
    }

    /// Takes the webapp out of service: says `draining` until every balancer that is heard
    /// has let go of all its requests, at most for `limit`; then says `left` and ends. After
    /// that the webapp may stop. Without a balancer it leaves at once.
    pub async fn drain(mut self, limit: Duration) -> DrainReport {
        self.prober.abort();
        // Until it has ended it might still say `ready`; that it was cancelled is no news.
        let _ = (&mut self.prober).await;
        let began = Instant::now();
        let deadline = began + limit;
        tracing::info!("draining");
        self.gossip.say(Word::Draining);
        let mut snapshots = self.gossip.snapshots();
        let mut receipts = self.gossip.receipts();
        let everybody = released(&mut snapshots, &mut receipts);
        tokio::select! {
            // Nobody is left to wait for, or time is up: both are seen in the report.
            _ = timeout_at(deadline, everybody) => {}
            () = repeat(&self.gossip) => {}
        }
        let report = report(&snapshots.borrow(), &receipts.borrow(), began.elapsed());
        self.gossip.clone().leave().await;
        report
    }

    /// Ends without a word, as a crash would; so does dropping it.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.prober.abort();
    }
}

/// Probes the webapp where it is announced, for as long as the announcement stands.
async fn follow(gossip: Gossip, path: Option<Arc<str>>, rhythm: Rhythm) {
    let mut identity = gossip.identity();
    let mut wellness = Wellness::starting();
    loop {
        let Some(address) = server(&identity.borrow_and_update()) else {
            if identity.changed().await.is_err() {
                return;
            }
            continue;
        };
        let probe = Probe {
            address,
            path: path.clone(),
        };
        tokio::select! {
            () = probe.watch(rhythm, &mut wellness, |word| announce(&gossip, word)) => {}
            moved = moved(&mut identity, address) => if moved.is_none() { return },
        }
    }
}

fn server(identity: &Option<Identity>) -> Option<SocketAddr> {
    identity.as_ref().and_then(|identity| identity.http)
}

async fn moved(
    identity: &mut watch::Receiver<Option<Identity>>,
    address: SocketAddr,
) -> Option<()> {
    let elsewhere = |identity: &Option<Identity>| server(identity) != Some(address);
    identity.wait_for(elsewhere).await.ok().map(drop)
}

fn announce(gossip: &Gossip, word: Word) {
    match &word {
        Word::Down(reason) => tracing::warn!("webapp is down: {reason}"),
        _ => tracing::info!("webapp is ready"),
    }
    gossip.say(word);
}

/// Says again what may have been lost, for ever.
async fn repeat(gossip: &Gossip) {
    loop {
        sleep(REPEAT).await;
        gossip.poke();
    }
}

/// Waits until every balancer that is heard has let go. Gives up when gossip has ended.
async fn released(
    snapshots: &mut watch::Receiver<Arc<Snapshot>>,
    receipts: &mut watch::Receiver<Arc<Receipts>>,
) {
    loop {
        let done = {
            let snapshot = snapshots.borrow_and_update();
            let receipts = receipts.borrow_and_update();
            snapshot
                .live_balancers()
                .all(|b| has_released(&receipts, &b.node.key))
        };
        if done {
            return;
        }
        let alive = tokio::select! {
            changed = snapshots.changed() => changed,
            changed = receipts.changed() => changed,
        };
        if alive.is_err() {
            return;
        }
    }
}

fn has_released(receipts: &Receipts, balancer: &NodeKey) -> bool {
    receipts
        .get(balancer)
        .is_some_and(|receipt| receipt.ack == Ack::Drained)
}

fn report(snapshot: &Snapshot, receipts: &Receipts, took: Duration) -> DrainReport {
    let balancers = snapshot.live_balancers().map(|b| b.node.key.clone());
    let (drained, undrained): (Vec<_>, Vec<_>) =
        balancers.partition(|key| has_released(receipts, key));
    let inflight = |key: &NodeKey| receipts.get(key).map(|receipt| receipt.inflight);
    DrainReport {
        drained,
        undrained: undrained
            .into_iter()
            .map(|key| (key.clone(), inflight(&key)))
            .collect(),
        took,
    }
}

/// A lost datagram costs no more than this.
const REPEAT: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
