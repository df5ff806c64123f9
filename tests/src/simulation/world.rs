//! A whole cluster in one value, and the order in which things happen in it.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lb::pool::effect::Errand;
use lb::pool::proof::Finding;
use member::node::{Description, NodeKey, Role, Word};
use member::reading::Id;

use super::chance::Chance;
use super::ground::{GOSSIP, Ground, HTTP, Webapp, is_balancer};
use super::history::{BALANCERS, Deed, SLOTS, Slot, Step};
use super::laws::Laws;
use super::tongues::{Ear, Life, LifeId, Message, Part};
use super::watcher::Watcher;

/// A running process: a balancer or a member.
#[derive(Debug)]
pub(super) struct Process {
    /// Tells it from its successors.
    pub(super) epoch: u64,
    pub(super) ear: Ear,
    pub(super) watcher: Option<Watcher>,
    /// What came while it stood still.
    backlog: Vec<Event>,
    /// While it drains: until when it waits for acknowledgements.
    pub(super) patience: Option<Duration>,
    /// Whether it has said that it leaves.
    pub(super) farewell: bool,
    /// What balancers have acknowledged of this life: requests left.
    pub(super) acknowledged: HashMap<NodeKey, u64>,
    pub(super) gossip: SocketAddr,
}

/// Something that is due; whose process it is for, where that matters.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Deed(Deed),
    /// A made-up node speaks, from that host, until then.
    Lie(Slot, LifeId, Duration),
    Wake(Slot, Duration),
    Audit,
    /// A round of gossip.
    Tick(Slot, u64),
    /// A balancer reads what gossip holds.
    Look(Slot, u64),
    /// One contact.
    Poke(Slot, u64, SocketAddr),
    Arrive(Slot, SocketAddr, Message),
    /// A balancer's roster has something to do.
    Due(Slot, u64),
    Probed(Slot, u64, Asked),
    /// A client asks a balancer.
    Request(Slot, u64),
    /// A request ends; if its connect failed: with what it met, and when that was due.
    Done(Slot, u64, u64, Option<(Finding, Duration)>),
    /// A member sees how its webapp is.
    Notice(Slot, u64),
    /// A draining member looks at its acknowledgements.
    Drain(Slot, u64),
}

/// A probe under way.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) errand: Errand,
    pub(super) finding: Finding,
    pub(super) began: Duration,
    pub(super) ends: Duration,
}

/// The cluster.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) chance: Chance,
    pub(super) ground: Ground,
    pub(super) lives: Vec<Life>,
    pub(super) slots: [Option<Process>; SLOTS],
    pub(super) laws: Laws,
    /// Who listens for gossip at an address.
    pub(super) ears: HashMap<SocketAddr, Slot>,
    queue: BTreeMap<(Duration, u64), Event>,
    planned: u64,
    epochs: u64,
}

impl World {
    /// An empty world in which `steps` will happen, whose chance is `seed`'s.
    pub(super) fn new(seed: u64, steps: &[Step]) -> Self {
        let mut world = Self {
            now: BEGIN,
            chance: Chance::of(!seed),
            ground: Ground::new(),
            lives: Vec::new(),
            slots: [const { None }; SLOTS],
            laws: Laws::default(),
            ears: HashMap::new(),
            queue: BTreeMap::new(),
            planned: 0,
            epochs: 0,
        };
        for (at, deed) in steps {
            world.plan(BEGIN + Duration::from_millis(*at), Event::Deed(*deed));
        }
        world.plan(BEGIN, Event::Audit);
        world
    }

    /// Lives until `end` (milliseconds from the beginning) or until a law is broken.
    pub(super) fn run(&mut self, end: u64) -> Result<(), String> {
        let end = BEGIN + Duration::from_millis(end);
        while let Some(((at, _), event)) = self.queue.pop_first() {
            if at > end {
                return Ok(());
            }
            self.now = at;
            self.handle(event)?;
        }
        Ok(())
    }

    /// Since the beginning.
    pub(super) fn elapsed(&self) -> Duration {
        self.now - BEGIN
    }

    pub(super) fn plan(&mut self, at: Duration, event: Event) {
        self.planned += 1;
        self.queue.insert((at, self.planned), event);
    }

    pub(super) fn after(&mut self, millis: u64, event: Event) {
        self.plan(self.now + Duration::from_millis(millis), event);
    }

    fn handle(&mut self, event: Event) -> Result<(), String> {
        if let Some(slot) = event.addressee() {
            let Some(process) = &mut self.slots[slot] else {
                return Ok(());
            };
            if self.ground.is_stopped(slot) {
                if process.backlog.len() < BACKLOG || !matches!(event, Event::Arrive(..)) {
                    process.backlog.push(event);
                }
                return Ok(());
            }
            if event.epoch().is_some_and(|epoch| epoch != process.epoch) {
                return Ok(());
            }
        }
        match event {
            Event::Deed(deed) => {
                self.act(deed)?;
                // What is undone before the next audit has been so all the same.
                self.survey_all();
            }
            Event::Lie(host, liar, until) => return self.lie(host, liar, until),
            Event::Wake(slot, at) => self.wake(slot, at),
            Event::Audit => {
                self.ground.mend(self.now);
                self.after(AUDIT, Event::Audit);
                return self.audit();
            }
            Event::Tick(slot, _) => self.tick(slot),
            Event::Look(slot, epoch) => {
                self.after(LOOK, Event::Look(slot, epoch));
                return self.look(slot);
            }
            Event::Poke(slot, _, to) => self.contact(slot, to),
            Event::Arrive(slot, to, message) => return self.arrive(slot, to, &message),
            Event::Due(slot, _) => return self.due(slot),
            Event::Probed(slot, _, asked) => return self.probed(slot, &asked),
            Event::Request(slot, epoch) => {
                self.after(REQUESTS, Event::Request(slot, epoch));
                return self.request(slot);
            }
            Event::Done(slot, _, request, met) => return self.done(slot, request, met),
            Event::Notice(slot, epoch) => {
                let pause = self.chance.between(100, 250);
                self.after(pause, Event::Notice(slot, epoch));
                self.notice(slot);
            }
            Event::Drain(slot, epoch) => self.drain(slot, epoch),
        }
        Ok(())
    }

    /// What came meanwhile is met in any order.
    fn wake(&mut self, slot: Slot, at: Duration) {
        if self.ground.hosts[slot].stopped_until != Some(at) {
            return;
        }
        self.ground.hosts[slot].stopped_until = None;
        let Some(process) = &mut self.slots[slot] else {
            return;
        };
        for event in std::mem::take(&mut process.backlog) {
            let pause = self.chance.between(0, 3);
            self.after(pause, event);
        }
    }

    /// Begins a process in `slot` at its host's present address.
    pub(super) fn spawn(&mut self, slot: Slot, above: u64) {
        self.end(slot);
        self.epochs += 1;
        let epoch = self.epochs;
        let port = if is_balancer(slot) {
            GOSSIP
        } else {
            7000 + (epoch % 1000) as u16
        };
        let gossip = self.ground.address(slot, port);
        self.ground.settle(slot);
        let me = self.live(slot, gossip, above);
        let interval = interval(slot);
        let judges = is_balancer(slot);
        let id = self.lives[me].id.clone();
        self.slots[slot] = Some(Process {
            epoch,
            ear: Ear::new(me, interval, judges),
            watcher: judges.then(|| Watcher::new(id, interval)),
            backlog: Vec::new(),
            patience: None,
            farewell: false,
            acknowledged: HashMap::new(),
            gossip,
        });
        self.ears.insert(gossip, slot);
        let phase = self.chance.between(0, 50);
        self.after(phase, Event::Tick(slot, epoch));
        if judges {
            self.after(phase, Event::Look(slot, epoch));
            self.after(phase, Event::Request(slot, epoch));
        } else {
            self.after(phase, Event::Notice(slot, epoch));
        }
        self.introduce(slot);
    }

    /// A new life, above the generation `above` and above what its wall clock says.
    pub(super) fn live(&mut self, slot: Slot, gossip: SocketAddr, above: u64) -> LifeId {
        let clock = self.wall(slot);
        let mut describe = if is_balancer(slot) {
            Description::balancer(&format!("lb{slot}"))
        } else {
            let http = SocketAddr::from(([0, 0, 0, 0], HTTP));
            Description::backend(&format!("s{}", self.ground.hosts[slot].named), http)
        };
        if describe.role == Role::Backend && slot.is_multiple_of(2) {
            describe.check = Some(Arc::from("/"));
        }
        let word = match describe.role {
            Role::Balancer => Word::Ready,
            Role::Backend => Word::Starting,
        };
        let key = NodeKey {
            name: Arc::clone(&describe.name),
            generation: clock.max(above + 1),
        };
        let id = Id { key, gossip };
        self.lives.push(Life::new(id, slot, &describe, word));
        self.lives.len() - 1
    }

    /// What its wall clock says, in Unix milliseconds.
    pub(super) fn wall(&self, slot: Slot) -> u64 {
        let host = self.ground.hosts[slot];
        let clock = i64::try_from(self.now.as_millis()).unwrap_or(i64::MAX);
        (WALL + clock + 1000 * host.ahead).unsigned_abs()
    }

    /// Ends the process in `slot` without a word.
    pub(super) fn end(&mut self, slot: Slot) {
        if let Some(process) = self.slots[slot].take() {
            self.ears.remove(&process.gossip);
        }
        self.ground.hosts[slot].stopped_until = None;
        self.laws.forget(slot);
    }

    /// The process in `slot`, while it runs.
    pub(super) fn process(&mut self, slot: Slot) -> Option<&mut Process> {
        self.slots[slot].as_mut()
    }

    /// One round of gossip.
    fn tick(&mut self, slot: Slot) {
        let Some(process) = &self.slots[slot] else {
            return;
        };
        let (epoch, me) = (process.epoch, process.ear.me);
        let pause = interval(slot).as_millis() as u64;
        self.after(pause, Event::Tick(slot, epoch));
        self.lives[me].heartbeat += 1;
        for to in self.partners(slot) {
            self.contact(slot, to);
        }
        let now = self.now;
        if let Some(process) = self.process(slot) {
            process.ear.judge(now);
        }
        self.outbid(slot);
    }

    /// Whom a round goes to: some that are heard, now and then one that is not, and balancers
    /// while none is heard.
    fn partners(&mut self, slot: Slot) -> Vec<SocketAddr> {
        let Some(process) = &self.slots[slot] else {
            return Vec::new();
        };
        let recent = |moved: Duration| self.now < moved + RECENT;
        let (mut live, mut dead, mut hears_balancer) = (Vec::new(), Vec::new(), false);
        for (life, held) in process.ear.held.iter().enumerate() {
            if !held.known {
                continue;
            }
            let life = &self.lives[life];
            if recent(held.moved) {
                live.push(life.id.gossip);
                hears_balancer |= life.is_balancer();
            } else {
                dead.push(life.id.gossip);
            }
        }
        let fan_out = if is_balancer(slot) { 3 } else { 2 };
        let mut partners = Vec::new();
        for _ in 0..fan_out {
            partners.extend(self.chance.pick(&live));
        }
        if self.chance.below(live.len() as u64 + 1) < dead.len() as u64 {
            partners.extend(self.chance.pick(&dead));
        }
        if !hears_balancer || self.chance.percent(2) {
            partners.extend((0..BALANCERS).map(|slot| self.ground.address(slot, GOSSIP)));
        }
        partners.sort_unstable();
        partners.dedup();
        partners
    }

    /// Begins a handshake.
    pub(super) fn contact(&mut self, slot: Slot, to: SocketAddr) {
        self.send(slot, to, Part::Syn);
    }

    fn send(&mut self, slot: Slot, to: SocketAddr, part: Part) {
        let Some(process) = &self.slots[slot] else {
            return;
        };
        let Some(&addressee) = self.ears.get(&to) else {
            return;
        };
        let lost = self.chance.percent(self.ground.loss(self.now));
        if lost || addressee == slot || !self.ground.carries(slot, addressee, self.now) {
            return;
        }
        let message = Message {
            from: process.gossip,
            part,
            states: process.ear.states(&self.lives[process.ear.me]),
        };
        let pause = self.chance.between(0, self.ground.delay(self.now));
        self.after(pause, Event::Arrive(addressee, to, message));
    }

    fn arrive(&mut self, slot: Slot, to: SocketAddr, message: &Message) -> Result<(), String> {
        let now = self.now;
        let Some(process) = self.process(slot).filter(|process| process.gossip == to) else {
            return Ok(());
        };
        let news = process.ear.hear(now, message);
        let me = process.ear.me;
        let is_balancer = process.watcher.is_some();
        self.lives[me].heartbeat += 1;
        match message.part {
            Part::Syn => self.send(slot, message.from, Part::SynAck),
            Part::SynAck => self.send(slot, message.from, Part::Ack),
            Part::Ack => {}
        }
        if news && is_balancer {
            return self.look(slot);
        }
        Ok(())
    }
}

impl Event {
    /// Whose process is to handle it.
    const fn addressee(&self) -> Option<Slot> {
        match self {
            Self::Deed(_) | Self::Lie(..) | Self::Wake(..) | Self::Audit => None,
            Self::Tick(slot, ..)
            | Self::Look(slot, ..)
            | Self::Poke(slot, ..)
            | Self::Arrive(slot, ..)
            | Self::Due(slot, ..)
            | Self::Probed(slot, ..)
            | Self::Request(slot, ..)
            | Self::Done(slot, ..)
            | Self::Notice(slot, ..)
            | Self::Drain(slot, ..) => Some(*slot),
        }
    }

    /// Which process of that slot it was meant for.
    const fn epoch(&self) -> Option<u64> {
        match self {
            Self::Deed(_) | Self::Lie(..) | Self::Wake(..) | Self::Audit | Self::Arrive(..) => None,
            Self::Tick(_, epoch)
            | Self::Look(_, epoch)
            | Self::Poke(_, epoch, _)
            | Self::Due(_, epoch)
            | Self::Probed(_, epoch, _)
            | Self::Request(_, epoch)
            | Self::Done(_, epoch, ..)
            | Self::Notice(_, epoch)
            | Self::Drain(_, epoch) => Some(*epoch),
        }
    }
}

/// Time between two rounds: `member`'s defaults.
fn interval(slot: Slot) -> Duration {
    Duration::from_millis(if is_balancer(slot) { 100 } else { 200 })
}

/// Whether its host's webapp answers.
pub(super) fn answers(ground: &Ground, slot: Slot) -> bool {
    ground.hosts[slot].webapp == Webapp::Up && !ground.is_stopped(slot)
}

/// The model's clock begins here, so that times before can be named.
pub(super) const BEGIN: Duration = Duration::from_secs(100);
/// Unix milliseconds of the model's time zero.
const WALL: i64 = 1_700_000_000_000;
/// Datagrams a stopped process is sent before its socket overflows.
const BACKLOG: usize = 200;
/// Milliseconds between two audits, between two looks, and between two requests.
const AUDIT: u64 = 50;
const LOOK: u64 = 50;
const REQUESTS: u64 = 40;
/// Whose heartbeat has moved within this is gossiped with.
const RECENT: Duration = Duration::from_secs(2);
