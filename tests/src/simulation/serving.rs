//! What balancers do: look at gossip, keep the pool, ask servers, serve requests; and what probes
//! and requests meet.

use std::net::SocketAddr;
use std::time::Duration;

use lb::config::CheckPolicy;
use lb::pool::effect::{Effect, Errand};
use lb::pool::proof::{Finding, Probe, Proof};
use lb::pool::server::{Lease, Standing};
use member::node::NodeKey;

use super::ground::Webapp;
use super::history::Slot;
use super::lies::NOBODY;
use super::tongues::Life;
use super::watcher::Watcher;
use super::world::{Asked, Event, World};

impl World {
    /// A balancer reads gossip.
    pub(super) fn look(&mut self, slot: Slot) -> Result<(), String> {
        let now = self.now;
        let Some(process) = self.slots[slot].as_mut() else {
            return Ok(());
        };
        let Some(watcher) = &mut process.watcher else {
            return Ok(());
        };
        let changed = watcher.look(now, &process.ear, &self.lives);
        let asked = watcher.belief.asks(now);
        let epoch = process.epoch;
        for to in asked {
            self.after(0, Event::Poke(slot, epoch, to));
        }
        let Some(watcher) = self.watcher(slot) else {
            return Ok(());
        };
        if changed {
            let snapshot = std::sync::Arc::clone(&watcher.snapshot);
            watcher.roster.see(now, &snapshot);
            return self.settle(slot);
        }
        Ok(())
    }

    /// A balancer's timer.
    pub(super) fn due(&mut self, slot: Slot) -> Result<(), String> {
        let now = self.now;
        if let Some(watcher) = self.watcher(slot) {
            watcher.due = None;
            if watcher.roster.next_deadline().is_some_and(|at| at <= now) {
                watcher.roster.tick(now);
            }
        }
        self.settle(slot)
    }

    /// Stores the pool, does what follows, and looks at the laws.
    fn settle(&mut self, slot: Slot) -> Result<(), String> {
        for _ in 0..ROUNDS {
            let now = self.now;
            let Some(watcher) = self.watcher(slot) else {
                return Ok(());
            };
            let effects = watcher.apply(now);
            self.judge_pool(slot)?;
            self.judge_lies(slot)?;
            if effects.is_empty() {
                self.plan_next(slot);
                return Ok(());
            }
            for effect in effects {
                self.carry_out(slot, effect)?;
            }
        }
        Err(format!("the roster of lb{slot} never settles"))
    }

    fn plan_next(&mut self, slot: Slot) {
        let now = self.now;
        let Some(process) = self.process(slot) else {
            return;
        };
        let epoch = process.epoch;
        let Some(watcher) = &mut process.watcher else {
            return;
        };
        let next = watcher.roster.next_deadline();
        if let Some(at) = next
            && watcher.due.is_none_or(|due| at < due)
        {
            watcher.due = Some(at);
            self.plan(at.max(now), Event::Due(slot, epoch));
        }
    }

    fn carry_out(&mut self, slot: Slot, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Probe(errand) => self.ask(slot, errand),
            Effect::Acknowledge { key, in_flight } => {
                return self.acknowledge(slot, &key, in_flight);
            }
            Effect::Say(line) => {
                if let Some(watcher) = self.watcher(slot) {
                    watcher.memory.lines.push(line);
                }
            }
        }
        Ok(())
    }

    /// A member learns of it if the network lets it.
    fn acknowledge(&mut self, slot: Slot, key: &NodeKey, in_flight: u64) -> Result<(), String> {
        self.judge_acknowledgement(slot, key, in_flight)?;
        let Some(from) = self.slots[slot].as_ref().map(|p| p.ear.me) else {
            return Ok(());
        };
        let balancer = self.lives[from].id.key.clone();
        let life = self.lives.iter().rfind(|life| life.id.key == *key);
        let member = life.map(|life| life.slot);
        let Some(member) = member.filter(|member| *member != NOBODY) else {
            return Ok(());
        };
        let now = self.now;
        let loss = self.ground.loss(now);
        if self.ground.carries(slot, member, now)
            && !self.chance.percent(loss)
            && let Some(process) = self.process(member)
        {
            process.acknowledged.insert(balancer, in_flight);
        }
        Ok(())
    }

    /// Asks a server; what it answers comes later.
    fn ask(&mut self, slot: Slot, errand: Errand) {
        let policy = CheckPolicy::default();
        let path = errand.probe == Probe::Full && errand.check.is_some();
        let limit = match errand.probe {
            Probe::Connect => policy.admission,
            Probe::Full => policy.interval,
        };
        let quick = Duration::from_millis(self.chance.between(0, 3));
        let (finding, took) = match self.met(slot, errand.server.addr) {
            Met::Nobody => (Finding::L4Tout, limit),
            Met::Refused => (Finding::L4Con, quick),
            Met::Standing if path => (Finding::L7Tout, limit),
            Met::Standing => (Finding::L4Ok, quick),
            Met::Served if path => (Finding::L7Ok, quick),
            Met::Served => (Finding::L4Ok, quick),
        };
        let Some(epoch) = self.slots[slot].as_ref().map(|process| process.epoch) else {
            return;
        };
        let (began, ends) = (self.now, self.now + took);
        let asked = Asked {
            errand,
            finding,
            began,
            ends,
        };
        self.plan(ends, Event::Probed(slot, epoch, asked));
    }

    /// A probe has ended; if the balancer stood still meanwhile, its timer and the answer came at
    /// once, and the second half of a check had no time left.
    pub(super) fn probed(&mut self, slot: Slot, asked: &Asked) -> Result<(), String> {
        let (now, chance) = (self.now, self.chance.percent(50));
        let late = now > asked.ends + SLACK;
        let mut finding = asked.finding;
        if late {
            finding = self.meanwhile(slot, asked, finding);
        }
        if late && finding == Finding::L7Ok && chance {
            finding = Finding::L7Tout;
        }
        let proof = Proof {
            took: now - asked.began,
            ..Proof::met(finding, "")
        };
        if let Some(watcher) = self.watcher(slot) {
            watcher.roster.proved(now, &asked.errand, &proof);
            watcher.note(&asked.errand.server.key, now, finding.passed());
        }
        self.settle(slot)
    }

    /// While the balancer stood still, its kernel went on trying.
    fn meanwhile(&self, slot: Slot, asked: &Asked, finding: Finding) -> Finding {
        match self.met(slot, asked.errand.server.addr) {
            Met::Served | Met::Standing if finding == Finding::L4Tout => Finding::L4Ok,
            _ => finding,
        }
    }

    /// One request: a server is chosen and held for a while.
    pub(super) fn request(&mut self, slot: Slot) -> Result<(), String> {
        let Some(watcher) = self.watcher(slot) else {
            return Ok(());
        };
        let Some(lease) = watcher.lease() else {
            return Ok(());
        };
        self.judge_choice(slot, &lease)?;
        let addr = lease.server().addr;
        let number = self.chance.number();
        let (after, met) = match self.met(slot, addr) {
            Met::Nobody => (5_000, Some(Finding::L4Tout)),
            Met::Refused => (1, Some(Finding::L4Con)),
            Met::Standing => (self.chance.between(1_000, 3_000), None),
            Met::Served if self.chance.percent(5) => (3_000, None),
            Met::Served => (self.chance.between(1, 200), None),
        };
        let Some(process) = self.process(slot) else {
            return Ok(());
        };
        let epoch = process.epoch;
        if let Some(watcher) = &mut process.watcher {
            watcher.leases.insert(number, lease);
        }
        let ends = self.now + Duration::from_millis(after);
        let met = met.map(|finding| (finding, ends));
        self.plan(ends, Event::Done(slot, epoch, number, met));
        Ok(())
    }

    /// A request ends: served, cut off by its server's death, or never connected.
    pub(super) fn done(
        &mut self,
        slot: Slot,
        number: u64,
        met: Option<(Finding, Duration)>,
    ) -> Result<(), String> {
        let now = self.now;
        let late = met.is_some_and(|(_, ends)| now > ends + SLACK);
        let met = met.map(|(finding, _)| finding);
        let Some(lease) = self.watcher(slot).and_then(|w| w.leases.remove(&number)) else {
            return Ok(());
        };
        let there = self.met(slot, lease.server().addr);
        let cut_off = matches!(there, Met::Refused);
        // A connect that a stop of ours has drawn out was retried by the kernel.
        let met = met.filter(|_| !late || !matches!(there, Met::Served | Met::Standing));
        let Some(watcher) = self.watcher(slot) else {
            return Ok(());
        };
        watcher.finish(now, lease, met, cut_off);
        self.settle(slot)
    }

    /// What a connection from a balancer meets at an address.
    fn met(&self, slot: Slot, address: SocketAddr) -> Met {
        let Some((owner, webapp)) = self.ground.webapp(address) else {
            return Met::Nobody;
        };
        if webapp == Webapp::Gone || !self.ground.connects(slot, owner, self.now) {
            return Met::Nobody;
        }
        match webapp {
            Webapp::Refusing => Met::Refused,
            _ if self.ground.is_stopped(owner) => Met::Standing,
            _ => Met::Served,
        }
    }

    /// The life that the process in a slot has now.
    pub(super) fn present_life(&self, slot: Slot) -> Option<&Life> {
        let process = self.slots[slot].as_ref()?;
        Some(&self.lives[process.ear.me])
    }

    /// A balancer's mind, to look at.
    pub(super) fn mind(&self, slot: Slot) -> Option<&Watcher> {
        self.slots[slot].as_ref()?.watcher.as_ref()
    }

    /// A balancer's mind.
    pub(super) fn watcher(&mut self, slot: Slot) -> Option<&mut Watcher> {
        self.process(slot)?.watcher.as_mut()
    }
}

impl Watcher {
    /// Remembers what was found.
    fn note(&mut self, key: &NodeKey, now: Duration, passed: bool) {
        if !passed {
            self.memory.failed.insert(key.clone(), now);
        }
    }

    /// What a request met goes to the roster, as `Reporter` hands it on.
    fn finish(&mut self, now: Duration, lease: Lease, met: Option<Finding>, cut_off: bool) {
        let server = std::sync::Arc::clone(lease.server());
        let usable = server.standing() == Standing::Usable;
        match met {
            Some(finding) if server.eject() => {
                self.note(&server.key, now, false);
                self.roster
                    .ejected(now, server.uid, &Proof::met(finding, ""));
            }
            None if cut_off && usable => self.roster.doubted(now, server.uid),
            _ => {}
        }
        drop(lease);
        self.roster.released(now);
    }
}

/// What is met at an address.
enum Met {
    /// No answer at all.
    Nobody,
    /// Refused.
    Refused,
    /// A connection, and then nothing.
    Standing,
    /// An answer.
    Served,
}

/// Effects may have effects, but not for ever.
const ROUNDS: usize = 50;
/// A timer that is later than this was stopped.
const SLACK: Duration = Duration::from_millis(10);
