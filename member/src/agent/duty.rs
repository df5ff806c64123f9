//! Whether the webapp is on duty: its prober runs and announces it, or an operator has taken it
//! out of rotation and balancers are waited for.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::gossip::{Gossip, Identity};
use crate::node::{NodeKey, Word};
use crate::probe::{Probe, Rhythm};
use crate::receipt::{Ack, Receipt, Receipts};
use crate::snapshot::Snapshot;
use crate::wellness::Wellness;

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

impl DrainReport {
    /// Nobody had to let go.
    pub fn of_nobody(took: Duration) -> Self {
        Self {
            drained: Vec::new(),
            undrained: Vec::new(),
            took,
        }
    }

    /// How many balancers had let go.
    pub fn in_words(&self) -> String {
        match self.drained.len() {
            1 => "1 balancer".to_owned(),
            many => format!("{many} balancers"),
        }
    }

    /// One line for each balancer that has not let go of everything.
    pub fn complaints(&self) -> impl Iterator<Item = String> + '_ {
        self.undrained.iter().map(|(balancer, inflight)| {
            let name = &balancer.name;
            match inflight {
                Some(inflight) => format!("{name} still had {inflight} requests in flight"),
                None => format!("{name} did not acknowledge the drain"),
            }
        })
    }
}

/// A live balancer, and what it has acknowledged of the present drain.
pub type Held = (NodeKey, Option<Receipt>);

/// The webapp's duty. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Duty {
    gossip: Gossip,
    path: Option<Arc<str>>,
    rhythm: Rhythm,
    /// On duty the prober; off duty what remembers who has let go.
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    on: watch::Sender<bool>,
    /// Whether the word is `draining`, or will be as soon as gossip has said it.
    draining: Arc<AtomicBool>,
    /// It is never on duty again.
    leaving: Arc<AtomicBool>,
    /// Who has let go in the present drain: receipts are kept for a minute only.
    let_go: Arc<Mutex<BTreeMap<NodeKey, Receipt>>>,
    /// Receipts for a former drain that have not been taken back yet.
    stale: Arc<Mutex<BTreeMap<NodeKey, Receipt>>>,
}

impl Duty {
    /// On duty from now on: the webapp is probed, over HTTP where there is a `path`.
    pub(super) fn begin(gossip: Gossip, path: Option<Arc<str>>, rhythm: Rhythm) -> Self {
        let duty = Self {
            gossip,
            path,
            rhythm,
            task: Arc::default(),
            on: watch::Sender::new(true),
            draining: Arc::default(),
            leaving: Arc::default(),
            let_go: Arc::default(),
            stale: Arc::default(),
        };
        duty.probe();
        duty
    }

    /// Says `draining` until every balancer that is heard has let go of all its requests, at most
    /// for `limit`. `tell` is told who holds what, at every change. The word stands until
    /// [`Duty::resume`], which makes this `None`.
    pub async fn drain(&self, limit: Duration, tell: impl FnMut(Vec<Held>)) -> Option<DrainReport> {
        let began = Instant::now();
        let was_on = self.on.send_replace(false);
        // Whoever asked may be gone before the prober has ended, and this future with him.
        self.gossip.say(Word::Draining);
        self.unwatch().await;
        let mut on = self.on.subscribe();
        if *on.borrow() {
            return None;
        }
        if was_on {
            tracing::info!("draining");
        }
        match (was_on, self.draining.swap(true, Relaxed)) {
            (_, false) => lock(&self.let_go).clear(),
            // Back on duty in vain: for balancers it is the same drain.
            (true, true) => lock(&self.stale).clear(),
            (false, true) => {}
        }
        // The prober may have said otherwise before it had ended.
        self.gossip.say(Word::Draining);
        self.remember();
        tokio::select! {
            // Nobody is left to wait for, or time is up: both are seen in the report.
            _ = timeout_at(began + limit, self.released(tell)) => {}
            () = repeat(&self.gossip) => {}
            _ = on.wait_for(|on| *on) => return None,
        }
        Some(self.report(began.elapsed()))
    }

    /// Back on duty: the webapp is announced once it answers. Waits at most for `limit` until it
    /// is, and balancers have taken back what they said of the drain; whether that was so. At once
    /// `false` when the node [leaves](Self::is_leaving).
    pub async fn resume(&self, limit: Duration) -> bool {
        if self.is_leaving() {
            return false;
        }
        if !self.on.send_replace(true) {
            tracing::info!("on duty again");
            let receipts = Receipts::clone(&self.gossip.receipts().borrow());
            *lock(&self.stale) = receipts;
            self.probe();
        }
        let (mut own, mut receipts) = (self.gossip.own(), self.gossip.receipts());
        let ready = async {
            own.wait_for(|own| own.as_ref().is_some_and(|own| own.node.word == Word::Ready))
                .await
                .is_ok()
        };
        if !timeout(limit, ready).await.unwrap_or(false) {
            return false;
        }
        let taken_back = receipts.wait_for(|receipts| {
            let known = self.gossip.snapshots();
            let known = known.borrow();
            !known
                .live_balancers()
                .any(|balancer| receipts.contains_key(&balancer.node.key))
        });
        // What is not taken back in time is remembered as stale.
        let _ = timeout(TAKEN_BACK, taken_back).await;
        true
    }

    /// Whether it is never on duty again.
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Relaxed)
    }

    pub(super) fn end_for_good(&self) {
        self.leaving.store(true, Relaxed);
    }

    /// Tells `tell` who holds what, at every change, until every balancer has let go. Gives up
    /// when gossip has ended.
    pub async fn released(&self, mut tell: impl FnMut(Vec<Held>)) {
        let (mut snapshots, mut receipts) = (self.gossip.snapshots(), self.gossip.receipts());
        let mut told = None;
        loop {
            let held = self.held(
                &snapshots.borrow_and_update(),
                &receipts.borrow_and_update(),
            );
            let done = held.iter().all(has_released);
            if told.as_ref() != Some(&held) {
                tell(held.clone());
                told = Some(held);
            }
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

    /// Says that the webapp is down for a reason that is known better than a probe could find out,
    /// and asks it no more until [`Duty::found`].
    pub async fn lost(&self, reason: &str) {
        self.unwatch().await;
        announce(&self.gossip, &self.draining, Word::Down(Arc::from(reason)));
    }

    /// The webapp that was [`lost`](Self::lost) runs again: it is probed, and announced once it
    /// answers, unless an operator has taken it out of rotation.
    pub fn found(&self) {
        if *self.on.borrow() {
            self.probe();
        } else {
            self.draining.store(true, Relaxed);
            self.gossip.say(Word::Draining);
            self.remember();
        }
    }

    pub(super) async fn unwatch(&self) {
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.abort();
            // Until it has ended it might still say `ready`; that it was cancelled is no news.
            let _ = task.await;
        }
    }

    /// Ends the prober, or what stands in for it; nothing is said.
    pub(super) fn end(&self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }

    fn probe(&self) {
        let (gossip, path) = (self.gossip.clone(), self.path.clone());
        let draining = Arc::clone(&self.draining);
        let prober = tokio::spawn(follow(gossip, path, self.rhythm, draining));
        if let Some(before) = lock(&self.task).replace(prober) {
            before.abort();
        }
    }

    fn remember(&self) {
        let duty = self.clone();
        let mut present = lock(&self.task);
        // Unless it has just been put back on duty.
        if present.is_some() {
            return;
        }
        *present = Some(tokio::spawn(async move {
            let (snapshots, mut receipts) = (duty.gossip.snapshots(), duty.gossip.receipts());
            while receipts.changed().await.is_ok() {
                duty.held(&snapshots.borrow(), &receipts.borrow_and_update());
            }
        }));
    }

    /// What each live balancer has said of this drain, and not of one before.
    fn held(&self, snapshot: &Snapshot, receipts: &Receipts) -> Vec<Held> {
        let mut stale = lock(&self.stale);
        stale.retain(|balancer, receipt| receipts.get(balancer) == Some(receipt));
        let mut let_go = lock(&self.let_go);
        let live = snapshot.live_balancers();
        live.map(|balancer| {
            let key = &balancer.node.key;
            let receipt = receipts.get(key).filter(|_| !stale.contains_key(key));
            let held = (key.clone(), receipt.copied());
            if let (Some(receipt), true) = (held.1, has_released(&held)) {
                let_go.insert(held.0, receipt);
            }
            (key.clone(), let_go.get(key).copied().or(held.1))
        })
        .collect()
    }

    /// How far the drain has come, of which `took` has passed.
    pub fn report(&self, took: Duration) -> DrainReport {
        let (snapshots, receipts) = (self.gossip.snapshots(), self.gossip.receipts());
        let held = self.held(&snapshots.borrow(), &receipts.borrow());
        let (drained, undrained): (Vec<_>, Vec<_>) = held.into_iter().partition(has_released);
        let undrained = undrained.into_iter();
        DrainReport {
            drained: drained.into_iter().map(|(key, _)| key).collect(),
            undrained: undrained
                .map(|(key, receipt)| (key, receipt.map(|receipt| receipt.inflight)))
                .collect(),
            took,
        }
    }
}

/// Whether that balancer has let go.
pub fn has_released((_, receipt): &Held) -> bool {
    receipt.is_some_and(|receipt| receipt.ack == Ack::Drained)
}

/// Probes the webapp where it is announced, for as long as the announcement stands.
async fn follow(gossip: Gossip, path: Option<Arc<str>>, rhythm: Rhythm, draining: Arc<AtomicBool>) {
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
            () = probe.watch(rhythm, &mut wellness, |word| announce(&gossip, &draining, word)) => {}
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

fn announce(gossip: &Gossip, draining: &AtomicBool, word: Word) {
    draining.store(false, Relaxed);
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lost datagram costs no more than this.
const REPEAT: Duration = Duration::from_millis(50);
/// For balancers to take back their receipts: some repeated datagrams.
const TAKEN_BACK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gossip::GossipConfig;
    use crate::node::Description;
    use crate::snapshot::{Presence, Sighting};

    /// A balancer `ha`, heard, and what it says.
    fn cluster(receipt: Option<(Ack, u64)>) -> (Snapshot, Receipts) {
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        let node = Description::balancer("ha").live(1, here.ip(), Word::Ready);
        let key = node.key.clone();
        let seen = Sighting {
            node,
            gossip: here,
            presence: Presence::Live,
        };
        let nodes = [(key.clone(), Arc::new(seen))];
        let receipts = receipt.map(|(ack, inflight)| (key, Receipt { ack, inflight }));
        (nodes.into_iter().collect(), receipts.into_iter().collect())
    }

    async fn duty() -> Duty {
        let http = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut config = GossipConfig::new(Description::backend("s1", http));
        config.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let gossip = Gossip::start(config).await.unwrap();
        Duty::begin(gossip, None, Rhythm::default())
    }

    fn held(duty: &Duty, receipt: Option<(Ack, u64)>) -> Option<(Ack, u64)> {
        let (snapshot, receipts) = cluster(receipt);
        let held = duty.held(&snapshot, &receipts);
        held[0].1.map(|receipt| (receipt.ack, receipt.inflight))
    }

    /// A receipt is gossiped for a minute; the drain may stand for longer.
    #[tokio::test]
    async fn who_has_let_go_is_remembered_for_as_long_as_the_drain_stands() {
        let duty = duty().await;
        duty.drain(Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(held(&duty, None), None);
        let (some, none) = (Some((Ack::Draining, 2)), Some((Ack::Drained, 0)));
        assert_eq!(held(&duty, some), some);
        assert_eq!(held(&duty, None), None);
        assert_eq!(held(&duty, none), none);
        assert_eq!(held(&duty, None), none);
        // Asked again, it is the same drain; after a return it is another.
        duty.drain(Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(held(&duty, None), none);
        duty.resume(Duration::ZERO).await;
        announce(&duty.gossip, &duty.draining, Word::Ready);
        duty.drain(Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(held(&duty, None), None);
    }

    /// Nobody is there to announce, so balancers hear of one drain only, and say nothing anew.
    #[tokio::test]
    async fn a_drain_after_a_return_in_vain_is_the_same_one() {
        let duty = duty().await;
        let none = Some((Ack::Drained, 0));
        duty.drain(Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(held(&duty, none), none);
        duty.on.send_replace(true);
        duty.drain(Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(held(&duty, None), none);
        // Once it was announced, it is another.
        duty.on.send_replace(true);
        announce(&duty.gossip, &duty.draining, Word::Ready);
        duty.drain(Duration::ZERO, |_| {}).await.unwrap();
        assert_eq!(held(&duty, None), None);
    }

    /// Whoever asked has closed the connection at once.
    #[tokio::test]
    async fn a_drain_stands_whoever_waits_for_it() {
        let duty = duty().await;
        {
            let mut drain = std::pin::pin!(duty.drain(Duration::from_secs(9), |_| {}));
            let waits = std::future::poll_fn(|context| {
                std::task::Poll::Ready(drain.as_mut().poll(context).is_pending())
            });
            assert!(waits.await);
        }
        let mut own = duty.gossip.own();
        let said = own.wait_for(|own| {
            let own = own.as_ref();
            own.is_some_and(|own| own.node.word == Word::Draining)
        });
        timeout(Duration::from_secs(5), said)
            .await
            .unwrap()
            .unwrap();
    }

    /// What a balancer has not taken back yet says nothing about this drain.
    #[tokio::test]
    async fn a_receipt_for_a_former_drain_does_not_count() {
        let duty = duty().await;
        let none = Some((Ack::Drained, 0));
        *lock(&duty.stale) = cluster(none).1;
        assert_eq!(held(&duty, none), None);
        assert_eq!(
            held(&duty, Some((Ack::Draining, 1))),
            Some((Ack::Draining, 1))
        );
        assert_eq!(held(&duty, none), none);
        *lock(&duty.let_go) = Receipts::new();
        *lock(&duty.stale) = cluster(none).1;
        assert_eq!(held(&duty, None), None);
        assert_eq!(held(&duty, none), none);
    }
}
