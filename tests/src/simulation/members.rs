//! What happens to nodes, and what members do by themselves: say how their webapp is, drain,
//! leave, begin anew above a later life of theirs.

use std::sync::Arc;
use std::time::Duration;

use member::node::Word;

use super::ground::{GOSSIP, Webapp};
use super::history::{BALANCERS, Deed, Slot};
use super::tongues::{Ear, Life};
use super::world::{Event, World, answers};

impl World {
    /// Does a deed.
    ///
    /// # Errors
    /// A law is broken by what somebody made of it at once.
    pub(super) fn act(&mut self, deed: Deed) -> Result<(), String> {
        let until = |now: Duration, millis| now + Duration::from_millis(millis);
        match deed {
            Deed::Start(slot) => self.start(slot),
            Deed::StartElsewhere(slot) => {
                self.kill(slot);
                self.ground.hosts[slot].moves += 1;
                self.start(slot);
            }
            Deed::StartAs(slot, other) => {
                self.kill(slot);
                self.ground.hosts[slot].named = self.ground.hosts[other].named;
                self.start(slot);
            }
            Deed::Leave(slot) => self.leave(slot),
            Deed::Kill(slot) => self.kill(slot),
            Deed::KillMember(slot) => self.end(slot),
            Deed::KillWebapp(slot) => self.ground.hosts[slot].webapp = Webapp::Refusing,
            Deed::StartWebapp(slot) => self.ground.hosts[slot].webapp = Webapp::Up,
            Deed::Stop(slot, millis) => {
                let at = until(self.now, millis);
                self.ground.hosts[slot].stopped_until = Some(at);
                self.plan(at, Event::Wake(slot, at));
            }
            Deed::Cut(one, other, lost, millis) => {
                let at = until(self.now, millis);
                self.ground.cut(one, Some(other), lost, at);
            }
            Deed::Isolate(slot, lost, millis) => {
                self.ground.cut(slot, None, lost, until(self.now, millis));
            }
            Deed::Loss(percent, millis) => self.ground.lose(percent, until(self.now, millis)),
            Deed::Delay(longest, millis) => self.ground.slow(longest, until(self.now, millis)),
            Deed::Clock(slot, ahead) => self.ground.hosts[slot].ahead = ahead,
            Deed::Forge(slot) => self.forge(slot),
            Deed::Claim(victim, host, millis) => self.claim(victim, host, millis),
            Deed::Pose(victim, host, millis) => self.pose(victim, host, millis),
            Deed::Foretell(victim, host, later) => return self.foretell(victim, host, later),
        }
        Ok(())
    }

    /// Every member that knows of its last life that left takes in what is made up, and tells it on.
    fn forge(&mut self, slot: Slot) {
        let has_left = |life: &Life| life.slot == slot && life.node.word == Word::Left;
        let Some(left) = self.lives.iter().rposition(has_left) else {
            return;
        };
        self.lives[left].forge(Word::Ready);
        let version = self.lives[left].said.len();
        for process in self.slots.iter_mut().skip(BALANCERS).flatten() {
            if let Some(held) = process.ear.held.get_mut(left).filter(|held| held.known) {
                held.version = version;
            }
        }
    }

    fn start(&mut self, slot: Slot) {
        if self.slots[slot].is_some() {
            return;
        }
        self.ground.hosts[slot].webapp = Webapp::Up;
        self.spawn(slot, 0);
    }

    fn kill(&mut self, slot: Slot) {
        self.end(slot);
        // Its host lives on and refuses, or is gone with it.
        let gone = self.chance.percent(50);
        let webapp = if gone { Webapp::Gone } else { Webapp::Refusing };
        self.ground.hosts[slot].webapp = webapp;
    }

    fn leave(&mut self, slot: Slot) {
        let now = self.now;
        let Some(process) = self
            .process(slot)
            .filter(|process| process.patience.is_none())
        else {
            return;
        };
        process.patience = Some(now + DRAIN);
        process.acknowledged.clear();
        let epoch = process.epoch;
        self.say(slot, Word::Draining);
        self.after(10, Event::Drain(slot, epoch));
    }

    /// It goes when every balancer that it hears has let it go, or its patience ends.
    pub(super) fn drain(&mut self, slot: Slot, epoch: u64) {
        let Some(process) = &self.slots[slot] else {
            return;
        };
        let Some(patience) = process.patience else {
            return;
        };
        let waits = process.ear.held.iter().enumerate().any(|(life, held)| {
            let recent = held.known && self.now < held.moved + HEARS;
            let life = &self.lives[life];
            recent
                && life.is_balancer()
                && process.acknowledged.get(&life.id.key).copied() != Some(0)
        });
        if waits && !process.farewell && self.now < patience {
            if self.chance.percent(20) {
                self.tell_balancers(slot);
            }
            self.after(50, Event::Drain(slot, epoch));
            return;
        }
        if self
            .process(slot)
            .is_some_and(|process| !std::mem::replace(&mut process.farewell, true))
        {
            self.say(slot, Word::Left);
            return self.after(60, Event::Drain(slot, epoch));
        }
        self.end(slot);
        self.ground.hosts[slot].webapp = Webapp::Refusing;
    }

    /// A member says how its webapp is, when that has changed.
    pub(super) fn notice(&mut self, slot: Slot) {
        let Some(process) = &self.slots[slot] else {
            return;
        };
        if process.patience.is_some() {
            return;
        }
        let word = &self.lives[process.ear.me].node.word;
        match (answers(&self.ground, slot), word) {
            (true, Word::Starting | Word::Down(_)) => self.say(slot, Word::Ready),
            (false, Word::Ready) => self.say(slot, Word::Down(Arc::from("refused"))),
            _ => {}
        }
    }

    fn say(&mut self, slot: Slot, word: Word) {
        if let Some(process) = &self.slots[slot] {
            let me = process.ear.me;
            self.lives[me].say(word);
        }
        self.tell_balancers(slot);
    }

    /// News for every balancer that is known, or might be there.
    fn tell_balancers(&mut self, slot: Slot) {
        let Some(process) = &self.slots[slot] else {
            return;
        };
        let epoch = process.epoch;
        let balancers = (0..BALANCERS).map(|slot| self.ground.address(slot, GOSSIP));
        for to in balancers.collect::<Vec<_>>() {
            for pause in [0, 10, 40] {
                self.after(pause, Event::Poke(slot, epoch, to));
            }
        }
    }

    /// A new life makes itself known.
    pub(super) fn introduce(&mut self, slot: Slot) {
        self.tell_balancers(slot);
    }

    /// A node whose clock was set back begins anew above its own later life.
    pub(super) fn outbid(&mut self, slot: Slot) {
        let Some(process) = &self.slots[slot] else {
            return;
        };
        let higher = match &process.watcher {
            Some(watcher) => watcher.belief.outbid(),
            None => {
                let me = &self.lives[process.ear.me].id;
                let held = process.ear.held.iter().enumerate();
                held.filter(|(_, held)| held.known)
                    .map(|(life, _)| &self.lives[life].id)
                    .filter(|id| id.key.name == me.key.name && id.gossip == me.gossip)
                    .map(|id| id.key.generation)
                    .filter(|generation| *generation >= me.key.generation)
                    .max()
            }
        };
        if let Some(above) = higher {
            self.begin_anew(slot, above);
        }
    }

    /// Another life of the same process.
    fn begin_anew(&mut self, slot: Slot, above: u64) {
        let Some(process) = &self.slots[slot] else {
            return;
        };
        let (gossip, former) = (process.gossip, process.ear.me);
        let me = self.live(slot, gossip, above);
        let word = self.lives[former].node.word.clone();
        self.lives[me].node.since = Some(self.lives[former].node.process());
        self.lives[me].say(word);
        let (id, now) = (self.lives[me].id.clone(), self.now);
        if let Some(process) = self.process(slot) {
            let judges = process.watcher.is_some();
            let interval = process.ear.interval;
            process.ear = Ear::new(me, interval, judges);
            if let Some(watcher) = &mut process.watcher {
                watcher.reborn(id, now);
            }
        }
        self.introduce(slot);
    }
}

/// How long a member drains at most; a stop grace of 10 s is what Docker allows.
const DRAIN: Duration = Duration::from_secs(8);
/// Balancers whose heartbeat has moved within this are waited for.
const HEARS: Duration = Duration::from_secs(1);
