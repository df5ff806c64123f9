//! The loop of gossip: commands, seeds, news and time come in; it lets the voice speak,
//! `belief` decide, the contacts be made, and tells what is believed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use crate::belief::Belief;
use crate::gossip::config::GossipConfig;
use crate::gossip::contacts::Contacts;
use crate::gossip::herald;
use crate::gossip::outlets::{Identity, Outlets};
use crate::gossip::seeds;
use crate::gossip::voice::Voice;
use crate::gossip::wire::Wire;
use crate::node::{NodeKey, Word};
use crate::reading::Id;
use crate::receipt::Receipt;
use crate::snapshot::diff;

/// What the handle asks for.
#[derive(Debug)]
pub(super) enum Command {
    Say(Word),
    Poke,
    Acknowledge(NodeKey, Receipt),
    AddSeeds(Vec<SocketAddr>),
    Leave(oneshot::Sender<()>),
    #[cfg(test)]
    AbortLife,
}

/// The owner of everything in this folder.
pub(super) struct Actor {
    interval: Duration,
    inbox: mpsc::UnboundedReceiver<Command>,
    outlets: Outlets,
    /// All times of `belief`, `contacts` and `voice` count from here.
    epoch: Instant,
    voice: Voice,
    belief: Option<Belief>,
    contacts: Contacts,
    news: Arc<Notify>,
    look: Interval,
    found: mpsc::Receiver<Vec<SocketAddr>>,
    follower: Option<AbortHandle>,
    /// The seeds as they were given, for the log.
    seeds: String,
    /// Whether no balancer is heard, for whoever resolves the seeds.
    alone: watch::Sender<bool>,
}

enum Event {
    Command(Option<Command>),
    Found(Vec<SocketAddr>),
    Look,
    Due,
    Ended(String),
}

impl Actor {
    pub(super) fn new(
        config: GossipConfig,
        wire: Wire,
        local: SocketAddr,
        inbox: mpsc::UnboundedReceiver<Command>,
        outlets: Outlets,
    ) -> Self {
        let (alone, is_alone) = watch::channel(true);
        let (finds, found) = mpsc::channel(1);
        let follower = (!config.seeds.is_empty()).then(|| {
            let seeds = config.seeds.clone();
            tokio::spawn(seeds::follow(seeds, config.resolver, is_alone, finds)).abort_handle()
        });
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let seeds: Vec<_> = config.seeds.iter().map(ToString::to_string).collect();
        let news = Arc::new(Notify::new());
        Self {
            interval: config.interval,
            inbox,
            outlets,
            epoch: Instant::now(),
            belief: None,
            contacts: Contacts::new(config.node.role),
            voice: Voice::new(config, wire, local, Arc::clone(&news)),
            news,
            look,
            found,
            follower,
            seeds: seeds.join(", "),
            alone,
        }
    }

    /// Until it is told to leave, or nobody holds a handle any more.
    pub(super) async fn run(mut self) {
        if self.seeds.is_empty() {
            self.begin(0).await;
        }
        loop {
            match self.next().await {
                Event::Command(Some(Command::Leave(done))) => return self.leave(done).await,
                Event::Command(None) => return,
                Event::Command(Some(command)) => self.obey(command).await,
                Event::Found(addresses) => self.find(addresses).await,
                Event::Look => self.look().await,
                Event::Due => {}
                Event::Ended(why) => self.voice.mourn(self.epoch.elapsed(), &why),
            }
            // At once and not by the timer, which counts in milliseconds.
            self.due().await;
        }
    }

    async fn next(&mut self) -> Event {
        let due = [self.contacts.next(), self.voice.rebirth()];
        let due = due.into_iter().flatten().min().map(|at| self.epoch + at);
        tokio::select! {
            command = self.inbox.recv() => Event::Command(command),
            () = self.news.notified() => Event::Look,
            () = wait_until(due) => Event::Due,
            Some(addresses) = self.found.recv() => Event::Found(addresses),
            _ = self.look.tick() => Event::Look,
            why = self.voice.ended() => Event::Ended(why),
        }
    }

    async fn obey(&mut self, command: Command) {
        let (now, known) = (self.epoch.elapsed(), self.outlets.snapshot());
        match command {
            Command::Say(word) => {
                self.voice.say(word).await;
                self.contacts.tell_balancers(now, &known);
            }
            Command::Poke => self.contacts.poke_balancers(now, &known),
            Command::Acknowledge(member, receipt) => {
                let gossip = known.nodes.get(&member).map(|seen| seen.gossip);
                self.voice.acknowledge(member, receipt, &known).await;
                gossip
                    .into_iter()
                    .for_each(|to| self.contacts.tell(now, to));
            }
            Command::AddSeeds(seeds) => self.contacts.add(now, seeds),
            #[cfg(test)]
            Command::AbortLife => self.voice.abort(),
            // Taken by `run`, which ends with it.
            Command::Leave(_) => {}
        }
    }

    async fn leave(mut self, done: oneshot::Sender<()>) {
        let to = self.contacts.balancers(&self.outlets.snapshot());
        let to: Vec<_> = to.into_iter().collect();
        self.voice.leave(&to).await;
        drop(self);
        // Nobody waiting is no harm.
        let _ = done.send(());
    }

    /// The seeds mean these addresses now: contact them, and see whether ours still holds.
    async fn find(&mut self, addresses: Vec<SocketAddr>) {
        self.contacts.found(self.epoch.elapsed(), addresses);
        let seeds: Vec<_> = self.contacts.seeds().collect();
        if self.voice.is_unborn() {
            self.begin(0).await;
        } else if self.voice.is_misplaced(&seeds) {
            let known = self.outlets.snapshot();
            let balancers = known.balancers().map(|seen| seen.gossip);
            self.voice.move_out(balancers).await;
            self.begin(0).await;
        }
    }

    /// Does what is due by now.
    async fn due(&mut self) {
        let now = self.epoch.elapsed();
        if self.voice.rebirth().is_some_and(|at| at <= now) {
            self.begin(0).await;
        }
        for to in self.contacts.due(now) {
            self.voice.poke(to);
        }
    }

    /// Begins a life above the generation `above`, and lets everybody known hear of it.
    async fn begin(&mut self, above: u64) {
        let now = self.epoch.elapsed();
        let seeds: Vec<_> = self.contacts.seeds().collect();
        let Some(identity) = self.voice.begin(now, above, &seeds).await else {
            return;
        };
        let Identity { key, gossip, .. } = identity.clone();
        let id = Id { key, gossip };
        match &mut self.belief {
            Some(belief) => belief.reborn(id, now),
            None => self.belief = Some(Belief::new(id, self.interval)),
        }
        self.outlets.introduce(identity);
        self.contacts.introduce(now, &self.outlets.snapshot());
    }

    /// Reads what gossip holds, concludes, tells.
    async fn look(&mut self) {
        let now = self.epoch.elapsed();
        let Some(readings) = self.voice.listen(self.epoch).await else {
            return;
        };
        let Some(belief) = &mut self.belief else {
            return;
        };
        belief.observe(now, &readings);
        let complaints = belief.take_complaints();
        let (snapshot, receipts) = (belief.snapshot(), belief.receipts());
        let outbid = belief.outbid();
        complaints.iter().for_each(herald::complain);
        let changes = diff(&self.outlets.snapshot(), &snapshot);
        changes.iter().for_each(herald::tell);
        let speaks = |address| self.voice.hears(address);
        self.contacts.meet(now, &changes, speaks);
        self.outlets.tell(snapshot, receipts);
        self.seek(now);
        if let Some(generation) = outbid {
            tracing::warn!("a later life of this node is known; beginning anew above it");
            self.voice.fall_silent().await;
            self.begin(generation).await;
        }
    }

    /// While no balancer is heard, the seeds are contacted again and again.
    fn seek(&mut self, now: Duration) {
        let known = self.outlets.snapshot();
        let is_alone = known.live_balancers().next().is_none();
        self.alone.send_if_modified(|was| {
            let changed = *was != is_alone;
            *was = is_alone;
            changed
        });
        let step = self.contacts.seek(now, is_alone);
        if step.tell && !self.seeds.is_empty() {
            tracing::warn!("no balancer answers at {}; trying on", self.seeds);
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        if let Some(follower) = &self.follower {
            follower.abort();
        }
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// How often heartbeats are read; words do not wait for it.
const LOOK: Duration = Duration::from_millis(50);
