//! The loop of gossip: commands, seeds, news and time come in; it lets the voice speak,
//! `belief` decide, the contacts be made, and tells what is believed.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};

use crate::belief::Belief;
use crate::eviction::{self, EvictError, Eviction};
use crate::gossip::config::GossipConfig;
use crate::gossip::contacts::Contacts;
use crate::gossip::herald;
use crate::gossip::outlets::{Identity, Outlets, Pulse};
use crate::gossip::search::Answers;
use crate::gossip::seeds;
use crate::gossip::voice::{Voice, unix_milliseconds};
use crate::gossip::wire::Wire;
use crate::keys::KeyError;
use crate::node::{Edit, NodeKey, Role, Word};
use crate::reading::Id;
use crate::receipt::Receipt;
use crate::seal::Keyring;
use crate::snapshot::diff;

/// What the handle asks for.
#[derive(Debug)]
pub(super) enum Command {
    Say(Word),
    Poke,
    Acknowledge(NodeKey, Receipt),
    Edit(Edit, oneshot::Sender<Result<(), KeyError>>),
    Evict(Arc<str>, oneshot::Sender<Result<NodeKey, EvictError>>),
    Pulse(oneshot::Sender<Pulse>),
    AddSeeds(Vec<SocketAddr>),
    Contact(Vec<SocketAddr>),
    Rekey(Keyring),
    Leave(oneshot::Sender<()>),
    #[cfg(test)]
    AbortLife,
    #[cfg(test)]
    Panic,
}

/// The owner of everything in this folder.
pub(super) struct Actor {
    role: Role,
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
    found: mpsc::Receiver<Answers>,
    follower: Option<AbortHandle>,
    /// The seeds as they were given, for the log.
    seeds: String,
    /// When a later life of this node was last heard of and yielded to.
    outbid: Option<Duration>,
    /// Whether no balancer is heard, for whoever resolves the seeds.
    alone: watch::Sender<bool>,
    /// When it was last made sure that others can reach us.
    settled: Duration,
}

enum Event {
    Command(Option<Command>),
    Found(Answers),
    Look,
    Wonder,
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
        let mut look = interval(LOOK.max(config.interval / 2));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let seeds = config.as_given().seeds;
        let news = Arc::new(Notify::new());
        Self {
            role: config.node.role,
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
            seeds,
            outbid: None,
            alone,
            settled: Duration::ZERO,
        }
    }

    /// Until it is told to leave, or nobody holds a handle any more. A panic in it ends this life of gossip
    /// and no other: the next begins with what was believed, as after any end.
    pub(super) async fn run(mut self) {
        if self.seeds.is_empty() {
            self.begin(0).await;
        }
        loop {
            match AssertUnwindSafe(self.serve()).catch_unwind().await {
                Ok(Some(done)) => return self.leave(done).await,
                Ok(None) => return,
                Err(_) => {
                    self.voice.fall_silent().await;
                    self.voice.mourn(self.epoch.elapsed(), "a panic");
                }
            }
        }
    }

    /// Until somebody waits for its leave, or nobody can any more.
    async fn serve(&mut self) -> Option<oneshot::Sender<()>> {
        loop {
            match self.next().await {
                Event::Command(Some(Command::Leave(done))) => return Some(done),
                Event::Command(None) => return None,
                Event::Command(Some(command)) => self.obey(command).await,
                Event::Found(answers) => self.find(answers).await,
                Event::Look => self.look().await,
                Event::Wonder => self.ask(),
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
            () = self.voice.wonders() => Event::Wonder,
            () = wait_until(due) => Event::Due,
            Some(answers) = self.found.recv() => Event::Found(answers),
            _ = self.look.tick() => Event::Look,
            why = self.voice.ended() => Event::Ended(why),
        }
    }

    async fn obey(&mut self, command: Command) {
        let (now, known) = (self.epoch.elapsed(), self.outlets.snapshot());
        match command {
            Command::Say(word) => {
                self.voice.say(word).await;
                self.outlets.describe(self.voice.own());
                self.contacts.tell_balancers(now, &known);
            }
            Command::Poke => self.contacts.poke_balancers(now, &known),
            Command::Acknowledge(member, receipt) => {
                let seen = known.nodes.get(&member);
                // It may be back already; what it then no longer asks for is not said.
                if seen.is_some_and(|seen| seen.node.word != Word::Draining) {
                    return;
                }
                self.voice.acknowledge(member, receipt, &known).await;
                seen.into_iter()
                    .for_each(|seen| self.contacts.tell(now, seen.gossip));
            }
            Command::Edit(edit, done) => {
                let edited = self.voice.edit(&edit).await;
                self.outlets.describe(self.voice.own());
                self.contacts.tell_balancers(now, &known);
                // Whoever asked may have gone; it is done all the same.
                let _ = done.send(edited);
            }
            Command::Evict(name, done) => {
                let _ = done.send(self.evict(now, &name).await);
            }
            Command::Pulse(told) => {
                let belief = self.belief.as_ref();
                let heartbeats = belief.map(|belief| belief.heartbeats(now));
                let _ = told.send(Pulse {
                    lives: self.voice.lives(),
                    heartbeats: heartbeats.unwrap_or_default(),
                });
            }
            Command::AddSeeds(seeds) => self.contacts.add(now, seeds),
            Command::Contact(nodes) => nodes.into_iter().for_each(|to| self.contacts.tell(now, to)),
            Command::Rekey(keyring) => {
                self.voice.rekey(keyring).await;
                self.outlets.describe(self.voice.own());
            }
            #[cfg(test)]
            Command::AbortLife => self.voice.abort(),
            #[cfg(test)]
            Command::Panic => panic!("as asked for"),
            // Taken by `run`, which ends with it.
            Command::Leave(_) => {}
        }
    }

    /// Says to everybody that the silent node `name` will not come back.
    async fn evict(&mut self, now: Duration, name: &str) -> Result<NodeKey, EvictError> {
        let known = self.outlets.snapshot();
        let key = eviction::candidate(&known, name)?;
        let belief = self.belief.as_mut().ok_or(EvictError::Speechless)?;
        let eviction = Eviction {
            name: Arc::clone(&key.name),
            generation: key.generation,
            heartbeat: belief.heartbeat(&key).unwrap_or_default(),
        };
        if !self.voice.evict(&eviction).await {
            return Err(EvictError::Speechless);
        }
        belief.evict(&eviction);
        self.contacts.tell_all(now, &known);
        self.look().await;
        Ok(key)
    }

    async fn leave(mut self, done: oneshot::Sender<()>) {
        let to = self.contacts.concerned(&self.outlets.snapshot());
        let to: Vec<_> = to.into_iter().collect();
        self.voice.leave(&to).await;
        drop(self);
        // Nobody waiting is no harm.
        let _ = done.send(());
    }

    /// The seeds mean these addresses now: contact them, and see whether ours still holds.
    async fn find(&mut self, answers: Answers) {
        self.contacts.found(self.epoch.elapsed(), answers);
        let seeds: Vec<_> = self.contacts.seeds().collect();
        if self.voice.is_unborn() {
            self.begin(0).await;
        } else {
            self.stay_reachable(&seeds).await;
        }
    }

    /// If another address of ours leads to the seeds now, the next life begins there.
    async fn stay_reachable(&mut self, seeds: &[SocketAddr]) {
        self.settled = self.epoch.elapsed();
        if self.voice.is_misplaced(seeds) {
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

    /// Has those speak for themselves of whom others tell something.
    fn ask(&mut self) {
        for to in self.voice.asks() {
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
            None => {
                let belief = Belief::new(id, self.interval);
                let is_balancer = self.role == Role::Balancer;
                self.belief = Some(if is_balancer { belief.wary() } else { belief });
            }
        }
        self.outlets.introduce(identity);
        self.outlets.describe(self.voice.own());
        self.contacts.introduce(now, &self.outlets.snapshot());
    }

    /// Reads what gossip holds, concludes, tells.
    async fn look(&mut self) {
        let now = self.epoch.elapsed();
        if now >= self.settled + ROUTE {
            // An address may change while everybody is still heard at the old one.
            let seeds: Vec<_> = self.contacts.seeds().collect();
            self.stay_reachable(&seeds).await;
        }
        let Some(readings) = self.voice.listen(self.epoch).await else {
            return;
        };
        let Some(belief) = &mut self.belief else {
            return;
        };
        belief.observe(now, &readings);
        let asked = belief.asks(now);
        let complaints = belief.take_complaints();
        let (snapshot, receipts) = (belief.snapshot(), belief.receipts());
        let belied = self.voice.is_belied().then_some(0);
        let outbid = belief.outbid().or(belied);
        complaints.iter().for_each(herald::complain);
        let changes = diff(&self.outlets.snapshot(), &snapshot);
        changes.iter().for_each(herald::tell);
        let speaks = |address| self.voice.hears(address);
        self.contacts.meet(now, &changes, speaks);
        for member in self.voice.withdraw(&snapshot).await {
            self.contacts.tell(now, member);
        }
        self.voice.doubt(self.contacts.balancers(&snapshot));
        self.outlets.tell(snapshot, receipts);
        asked.into_iter().for_each(|to| self.voice.poke(to));
        self.ask();
        self.seek(now);
        let calm = self.outbid.is_none_or(|at| now >= at + OUTBID_AGAIN);
        if let Some(generation) = outbid.filter(|_| calm) {
            self.outbid = Some(now);
            tracing::warn!(
                "others know a later life of this node, or more of this one than it said; beginning anew"
            );
            self.voice.fall_silent().await;
            // Whoever could guess the next one could be met under it first.
            let ahead = rand::random_range(0..OUTBID_AGAIN.as_millis() as u64);
            let from = generation.max(unix_milliseconds());
            self.begin(from.saturating_add(ahead)).await;
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

/// How often heartbeats are read, or twice a round of gossip if that is slower; words do not wait
/// for it.
const LOOK: Duration = Duration::from_millis(50);
/// How often the route to the seeds is asked for: some system calls a seed.
const ROUTE: Duration = Duration::from_secs(1);
/// A life that was said to be followed by a later one begins anew no sooner again: whoever makes
/// later ones up must not keep this node from speaking.
const OUTBID_AGAIN: Duration = Duration::from_secs(10);
