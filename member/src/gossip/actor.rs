//! The loop that owns gossip: it begins lives of chitchat, reads them into `belief`, pokes,
//! and begins anew when a life ends, its address changes or its generation is outbid.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};

use crate::belief::Belief;
use crate::gossip::config::GossipConfig;
use crate::gossip::contacts::Contacts;
use crate::gossip::herald;
use crate::gossip::life::Life;
use crate::gossip::outlets::{Identity, Outlets};
use crate::gossip::route::{self, Route};
use crate::gossip::seeds;
use crate::gossip::wire::Wire;
use crate::keys;
use crate::node::{Node, NodeKey, Word};
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
    config: GossipConfig,
    wire: Arc<Wire>,
    local: SocketAddr,
    inbox: mpsc::UnboundedReceiver<Command>,
    outlets: Outlets,
    /// All times of `belief` and `pokes` count from here.
    epoch: Instant,
    life: Option<Life>,
    belief: Option<Belief>,
    news: Arc<Notify>,
    look: Interval,
    contacts: Contacts,
    word: Word,
    /// What was acknowledged, to be said again in the next life.
    acknowledged: BTreeMap<Arc<str>, (u64, Receipt)>,
    found: mpsc::Receiver<Vec<SocketAddr>>,
    follower: Option<AbortHandle>,
    /// Whether no balancer is heard, for whoever resolves the seeds.
    alone: watch::Sender<bool>,
    born: Duration,
    rebirth: Option<Duration>,
    back_off: Duration,
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
        let contacts = Contacts::new(config.node.role);
        let (alone, is_alone) = watch::channel(true);
        let (finds, found) = mpsc::channel(1);
        let follower = (!config.seeds.is_empty()).then(|| {
            let seeds = config.seeds.clone();
            tokio::spawn(seeds::follow(seeds, config.resolver, is_alone, finds)).abort_handle()
        });
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            word: config.word.clone(),
            config,
            wire: Arc::new(wire),
            local,
            inbox,
            outlets,
            epoch: Instant::now(),
            life: None,
            belief: None,
            news: Arc::default(),
            look,
            contacts,
            acknowledged: BTreeMap::new(),
            found,
            follower,
            alone,
            born: Duration::ZERO,
            rebirth: None,
            back_off: FIRST_BACK_OFF,
        }
    }

    /// Until it is told to leave, or nobody holds a handle any more.
    pub(super) async fn run(mut self) {
        if self.config.seeds.is_empty() {
            self.begin_life(0).await;
        }
        loop {
            match self.next().await {
                Event::Command(Some(Command::Leave(done))) => {
                    self.leave().await;
                    drop(self);
                    // Nobody waiting is no harm.
                    let _ = done.send(());
                    return;
                }
                Event::Command(None) => return,
                Event::Command(Some(command)) => self.obey(command).await,
                Event::Found(addresses) => self.find(addresses).await,
                Event::Look => self.look().await,
                Event::Due => {}
                Event::Ended(why) => self.mourn(&why),
            }
            // At once and not by the timer, which counts in milliseconds.
            self.due().await;
        }
    }

    async fn next(&mut self) -> Event {
        let due = [self.contacts.next(), self.rebirth]
            .into_iter()
            .flatten()
            .min();
        let due = due.map(|at| self.epoch + at);
        tokio::select! {
            command = self.inbox.recv() => Event::Command(command),
            () = self.news.notified() => Event::Look,
            () = wait_until(due) => Event::Due,
            Some(addresses) = self.found.recv() => Event::Found(addresses),
            _ = self.look.tick() => Event::Look,
            why = end_of(self.life.as_ref()) => Event::Ended(why),
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Say(word) => self.say(word).await,
            Command::Poke => {
                let known = self.outlets.snapshot();
                self.contacts.poke_balancers(self.epoch.elapsed(), &known);
            }
            Command::Acknowledge(member, receipt) => self.acknowledge(member, receipt).await,
            Command::AddSeeds(seeds) => self.contacts.add(self.epoch.elapsed(), seeds),
            #[cfg(test)]
            Command::AbortLife => {
                if let Some(life) = &self.life {
                    life.abort();
                }
            }
            // Taken by `run`, which ends with it.
            Command::Leave(_) => {}
        }
    }

    async fn say(&mut self, word: Word) {
        if let Some(life) = &self.life {
            life.write(keys::WORD, &keys::encode_word(&word)).await;
        }
        self.word = word;
        let known = self.outlets.snapshot();
        self.contacts.tell_balancers(self.now(), &known);
    }

    async fn acknowledge(&mut self, member: NodeKey, receipt: Receipt) {
        let value = keys::encode_receipt(member.generation, receipt);
        if let Some(life) = &self.life {
            let key = keys::receipt_key(&member.name);
            life.write_for_a_while(&key, &value).await;
        }
        let known = self.outlets.snapshot();
        if let Some(seen) = known.nodes.get(&member) {
            self.contacts.tell(self.now(), seen.gossip);
        }
        self.acknowledged
            .insert(member.name, (member.generation, receipt));
        self.acknowledged
            .retain(|name, _| known.named(name).next().is_some());
    }

    /// Says that it leaves, repeats it, and ends. The pause after each poke is for the
    /// handshake: the word travels in its third datagram.
    async fn leave(&mut self) {
        self.word = Word::Left;
        let to = self.contacts.balancers(&self.outlets.snapshot());
        let Some(life) = self.life.take() else {
            return;
        };
        life.write(keys::WORD, &keys::encode_word(&Word::Left))
            .await;
        if !to.is_empty() {
            for pause in FAREWELL {
                to.iter().for_each(|address| life.poke(*address));
                sleep(pause).await;
            }
        }
        life.end().await;
    }

    /// New addresses of the seeds: contact the new ones, and see whether ours still holds.
    async fn find(&mut self, addresses: Vec<SocketAddr>) {
        self.contacts.found(self.now(), addresses);
        match &self.life {
            None if self.rebirth.is_none() => self.begin_life(0).await,
            Some(life) if self.advertised().0 != life.id.gossip => self.move_house().await,
            _ => {}
        }
    }

    /// Another interface leads to the balancer now: leave the old address, begin at the new.
    async fn move_house(&mut self) {
        let Some(life) = self.life.take() else {
            return;
        };
        let above = life.id.key.generation;
        life.write(keys::WORD, &keys::encode_word(&Word::Left))
            .await;
        let known = self.outlets.snapshot();
        known.balancers().for_each(|to| life.poke(to.gossip));
        sleep(FAREWELL[0]).await;
        life.end().await;
        self.begin_life(above).await;
    }

    async fn due(&mut self) {
        let now = self.now();
        if self.rebirth.is_some_and(|at| at <= now) {
            self.rebirth = None;
            let above = self.belief.as_ref().map_or(0, Belief::generation);
            self.begin_life(above).await;
        }
        let due = self.contacts.due(now);
        if let Some(life) = &self.life {
            for to in due.into_iter().filter(|to| *to != life.id.gossip) {
                life.poke(to);
            }
        }
    }

    fn mourn(&mut self, why: &str) {
        tracing::error!("gossip stopped: {why}; beginning anew");
        self.life = None;
        let now = self.now();
        if now > self.born + GOOD_LIFE {
            self.back_off = FIRST_BACK_OFF;
        }
        self.rebirth = Some(now + self.back_off);
        self.back_off = (2 * self.back_off).min(LAST_BACK_OFF);
    }

    /// Begins a life with a generation above `above`, and contacts all who were known.
    async fn begin_life(&mut self, above: u64) {
        let (gossip, route) = self.advertised();
        let generation = unix_milliseconds().max(above.saturating_add(1));
        let node = self
            .config
            .node
            .live(generation, route.ip, self.word.clone());
        let id = Id {
            key: node.key.clone(),
            gossip,
        };
        match self.spawn(id.clone(), &node).await {
            Ok(life) => self.life = Some(life),
            Err(error) => return self.mourn(&error.to_string()),
        }
        tracing::info!("{} gossips at {gossip} ({})", id.key.name, route.reason);
        let now = self.now();
        self.born = now;
        match &mut self.belief {
            Some(belief) => belief.reborn(id, now),
            None => self.belief = Some(Belief::new(id, self.config.interval)),
        }
        self.outlets.introduce(Identity {
            key: node.key,
            gossip,
            http: node.http,
        });
        self.contacts.introduce(now, &self.outlets.snapshot());
    }

    async fn spawn(&self, id: Id, node: &Node) -> anyhow::Result<Life> {
        let config = &self.config;
        let pairs = keys::encode(node)?;
        let (wire, news) = (&self.wire, &self.news);
        let life = Life::begin(id, &config.cluster, config.interval, pairs, wire, news).await?;
        for (name, (generation, receipt)) in &self.acknowledged {
            let value = keys::encode_receipt(*generation, *receipt);
            life.write_for_a_while(&keys::receipt_key(name), &value)
                .await;
        }
        Ok(life)
    }

    /// Reads what gossip holds, concludes, tells.
    async fn look(&mut self) {
        let now = self.now();
        let (Some(life), Some(belief)) = (&mut self.life, &mut self.belief) else {
            return;
        };
        let readings = life.read(&self.wire, self.epoch).await;
        belief.observe(now, &readings);
        let complaints = belief.take_complaints();
        let (snapshot, receipts) = (belief.snapshot(), belief.receipts());
        let outbid = belief.outbid();
        complaints.iter().for_each(herald::complain);
        let changes = diff(&self.outlets.snapshot(), &snapshot);
        changes.iter().for_each(herald::tell);
        let speaks = |address| self.wire.has_just_heard(address);
        self.contacts.meet(now, &changes, speaks);
        self.outlets.tell(snapshot, receipts);
        self.seek(now);
        if let Some(generation) = outbid {
            tracing::warn!("a later life of this node is known; beginning anew above it");
            if let Some(life) = self.life.take() {
                life.end().await;
            }
            self.begin_life(generation).await;
        }
    }

    /// While no balancer is heard, contacts the seeds again and again.
    fn seek(&mut self, now: Duration) {
        let is_alone = self.outlets.snapshot().live_balancers().next().is_none();
        self.alone.send_if_modified(|was| {
            let changed = *was != is_alone;
            *was = is_alone;
            changed
        });
        let step = self.contacts.seek(now, is_alone);
        if step.tell && !self.config.seeds.is_empty() {
            let seeds: Vec<_> = self.config.seeds.iter().map(ToString::to_string).collect();
            tracing::warn!("no balancer answers at {}; trying on", seeds.join(", "));
        }
    }

    fn advertised(&self) -> (SocketAddr, Route) {
        let configured = self.config.advertise;
        let reachable = |seed: &SocketAddr| self.wire.reaches(seed.ip());
        let seeds: Vec<_> = self.contacts.seeds().filter(reachable).collect();
        let current: Option<IpAddr> = self.life.as_ref().map(|life| life.id.gossip.ip());
        let ip = configured.map(|address| address.ip());
        let route = route::choose(ip, self.local.ip(), &seeds, current);
        let port = configured.map_or(0, |address| address.port());
        let port = if port == 0 { self.local.port() } else { port };
        (SocketAddr::new(route.ip, port), route)
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
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

async fn end_of(life: Option<&Life>) -> String {
    match life {
        Some(life) => life.ended().await,
        None => std::future::pending().await,
    }
}

fn unix_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// How often heartbeats are read; words do not wait for it.
const LOOK: Duration = Duration::from_millis(50);
/// Pauses after each repetition of the last word.
const FAREWELL: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(30),
];
const FIRST_BACK_OFF: Duration = Duration::from_millis(100);
const LAST_BACK_OFF: Duration = Duration::from_secs(1);
/// A life this long was no failure to start.
const GOOD_LIFE: Duration = Duration::from_secs(10);
