//! What a node that holds the key can say of others, and what must hold all the same: who speaks
//! itself keeps its server. The real gossip takes a node's words from that node alone, so what is left to
//! lies is that another's server is one's own, and that a node has later lives of which no word
//! is known.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lb::pool::server::Server;
use member::keys;
use member::node::{Description, NodeKey, Word};
use member::reading::Id;

use super::history::{BALANCERS, SLOTS, Slot};
use super::laws::DOUBT;
use super::tongues::{Life, LifeId, Message, Part};
use super::watcher::{SERVICE, Watcher};
use super::world::{Event, World};

/// The slot of those that are made up.
pub(super) const NOBODY: Slot = SLOTS;

impl World {
    /// On the host of `host` somebody begins to say that the server of `victim` is its own.
    pub(super) fn claim(&mut self, victim: Slot, host: Slot, millis: u64) {
        let Some(server) = self.server_of(victim) else {
            return;
        };
        let own = self.present_life(victim);
        let own = own.map(|own| Arc::clone(&own.id.key.name));
        let name = match own.filter(|_| self.chance.below(3) == 0) {
            Some(own) => own.to_string(),
            None => format!("liar{}", self.lives.len()),
        };
        self.appear(host, millis, &Description::backend(&name, server), None);
    }

    /// On the host of `host` somebody begins to say that it is the process of `victim`, and offers
    /// a server of its own.
    pub(super) fn pose(&mut self, victim: Slot, host: Slot, millis: u64) {
        let Some(own) = self.present_life(victim) else {
            return;
        };
        let (name, process) = (Arc::clone(&own.id.key.name), own.node.process());
        let server = self.ground.address(host, LIARS);
        let describe = Description::backend(&name, server);
        self.appear(host, millis, &describe, Some(process));
    }

    fn appear(&mut self, host: Slot, millis: u64, describe: &Description, process: Option<u64>) {
        let number = self.lives.len();
        let mut key = NodeKey {
            name: Arc::clone(&describe.name),
            generation: self.wall(host).saturating_sub(number as u64 % 3 * 10_000),
        };
        while self.lives.iter().any(|life| life.id.key == key) {
            key.generation += 1;
        }
        let gossip = self.ground.address(host, LIARS + (number % 1000) as u16);
        let id = Id { key, gossip };
        let mut liar = Life::new(id, NOBODY, describe, Word::Ready);
        liar.node.since = process;
        self.lives.push(liar);
        let until = self.now + Duration::from_millis(millis);
        self.plan(self.now, Event::Lie(host, number, until));
    }

    /// The one that was made up speaks to all, at first maybe without a word, then saying now this and
    /// now that, of others that it has evicted them, and that their heartbeats are ahead of what they are.
    pub(super) fn lie(&mut self, host: Slot, liar: LifeId, until: Duration) -> Result<(), String> {
        if self.now >= until {
            return Ok(());
        }
        let pause = self.chance.between(20, 200);
        self.after(pause, Event::Lie(host, liar, until));
        let word = match self.chance.below(4) {
            0 => Word::Draining,
            1 => Word::Down(Arc::from("fire")),
            _ => Word::Ready,
        };
        let evicts = self.chance.pick(&self.present()).copied();
        let evicts = evicts.map(|life| &self.lives[life]).map(|life| {
            let value = keys::encode_eviction(life.id.key.generation, life.heartbeat + 32);
            (keys::eviction_key(&life.id.key.name), value)
        });
        let life = &mut self.lives[liar];
        life.heartbeat += 1;
        life.say(word);
        life.add(evicts);
        let mute = liar as u64 % 4;
        let (heartbeat, said, from) = (life.heartbeat, life.said.len(), life.id.gossip);
        let version = if heartbeat <= mute { 0 } else { said };
        if heartbeat == mute + 1 {
            self.note_late(liar);
        }
        let ahead = self.chance.pick(&self.present()).copied();
        let ahead = ahead.map(|life| (life, self.lives[life].heartbeat + AHEAD, 0));
        let own = (liar, heartbeat, version);
        self.tell_all(host, from, ahead.into_iter().chain([own]).collect())
    }

    /// The lives that members have now.
    fn present(&self) -> Vec<LifeId> {
        let members = self.slots.iter().skip(BALANCERS).flatten();
        members.map(|process| process.ear.me).collect()
    }

    /// Somebody tells of a later life of `victim`, of which nobody knows a word.
    pub(super) fn foretell(&mut self, victim: Slot, host: Slot, later: u64) -> Result<(), String> {
        let Some(own) = self.present_life(victim) else {
            return Ok(());
        };
        let mut id = own.id.clone();
        id.key.generation += later;
        let mut life = Life::new(id, NOBODY, &own.description(), Word::Ready);
        life.said.clear();
        self.lives.push(life);
        let from = self.ground.address(host, LIARS);
        self.tell_all(host, from, vec![(self.lives.len() - 1, 1, 0)])
    }

    /// Everybody whom the network lets hear it, at once.
    fn tell_all(
        &mut self,
        host: Slot,
        from: SocketAddr,
        states: Vec<(LifeId, u64, usize)>,
    ) -> Result<(), String> {
        let message = Message {
            from,
            part: Part::SynAck,
            states: Arc::new(states),
        };
        for slot in 0..SLOTS {
            let reaches = host == slot || self.ground.carries(host, slot, self.now);
            if !reaches || self.ground.is_stopped(slot) {
                continue;
            }
            let now = self.now;
            let Some(process) = self.process(slot) else {
                continue;
            };
            if process.ear.hear(now, &message) && slot < BALANCERS {
                self.look(slot)?;
            }
        }
        Ok(())
    }

    fn server_of(&self, slot: Slot) -> Option<SocketAddr> {
        self.present_life(slot)?.node.http
    }

    /// After every change of a pool: no server is a made-up node's while its own speaks, and none is
    /// missing between two lives of its own.
    pub(super) fn judge_lies(&mut self, balancer: Slot) -> Result<(), String> {
        let Some(watcher) = self.watcher(balancer) else {
            return Ok(());
        };
        let servers = &watcher.pool.services[SERVICE].rotation.servers;
        let server = |server: &Arc<Server>| (server.addr, server.key.clone());
        let servers: Vec<_> = servers.iter().map(server).collect();
        let was = std::mem::replace(&mut watcher.memory.served, servers.clone());
        let owner = |addr| {
            let own = self.owner_of(addr);
            own.filter(|slot| self.is_well_known(balancer, *slot))
        };
        let of = |key: &NodeKey| self.lives.iter().rfind(|life| life.id.key == *key);
        let is_made_up = |(addr, key): &&(SocketAddr, NodeKey)| {
            let liar = of(key).filter(|life| life.slot == NOBODY);
            liar.is_some_and(|liar| {
                owner(*addr).is_some_and(|own| self.is_late(balancer, liar, own))
            })
        };
        if let Some((_, liar)) = servers.iter().find(is_made_up) {
            return Err(format!(
                "a made-up node has the server of one that speaks, for lb{balancer}: {liar}"
            ));
        }
        let is_served = |addr| servers.iter().any(|(at, _)| *at == addr);
        let is_missing = |(addr, key): &(SocketAddr, NodeKey)| {
            let own = owner(*addr).filter(|own| self.is_present(*own, of(key)));
            let taken = own.filter(|own| !self.has_reason(balancer, *own));
            taken.is_some() && !is_served(*addr)
        };
        match was.into_iter().find(is_missing) {
            Some((_, key)) => Err(format!(
                "out of the pool of lb{balancer} while its node speaks: {key}"
            )),
            None => Ok(()),
        }
    }

    /// Whether a member has been undisturbed, and its process shown by that balancer, for long enough.
    fn is_well_known(&self, balancer: Slot, slot: Slot) -> bool {
        let shown = self.mind(balancer).and_then(|watcher| {
            let lives = self.lives.iter();
            let own = lives.filter(|life| self.is_present(slot, Some(life)));
            let shown = own.filter_map(|life| watcher.memory.shown.get(&life.id.key));
            shown.min().copied()
        });
        let since = shown.zip(self.laws.calm_since(balancer, slot));
        since.is_some_and(|(shown, calm)| self.now > shown.max(calm) + CALM)
    }

    /// Whether `own` was undisturbed when `liar` claimed its server, or has it because that one is elsewhere.
    fn is_late(&self, balancer: Slot, liar: &Life, own: Slot) -> bool {
        let number = self.lives.iter().position(|life| life.id == liar.id);
        let gossip = self.slots[own].as_ref().map(|process| process.gossip);
        let late = number.and_then(|number| self.laws.late.get(&(balancer, number)));
        let elsewhere = gossip.is_some_and(|at| at.ip() != liar.id.gossip.ip());
        elsewhere || late.copied() == gossip
    }

    /// Notes for whom `liar`, whose first words these are, comes late.
    fn note_late(&mut self, liar: LifeId) {
        let server = self.lives[liar].node.http;
        let Some(own) = server.and_then(|server| self.owner_of(server)) else {
            return;
        };
        let gossip = self.slots[own].as_ref().map(|process| process.gossip);
        for balancer in 0..BALANCERS {
            let known = self.is_well_known(balancer, own);
            if let Some(gossip) = gossip.filter(|_| known) {
                self.laws.late.insert((balancer, liar), gossip);
            }
        }
    }

    /// Whether a liar on its host has claimed the server of `own` before it was well known.
    pub(super) fn may_be_another_s(&self, balancer: Slot, own: Slot) -> bool {
        let server = self.server_of(own);
        let mut liars = self.lives.iter().filter(|life| life.slot == NOBODY);
        liars.any(|liar| liar.node.http == server && !self.is_late(balancer, liar, own))
    }

    /// Whether `life` is one of the process that `slot` has now.
    fn is_present(&self, slot: Slot, life: Option<&Life>) -> bool {
        let present = self.present_life(slot).map(|own| own.node.process());
        life.is_some_and(|life| life.slot == slot && Some(life.node.process()) == present)
    }

    /// Whether something of its own has taken the server of `slot` out.
    fn has_reason(&self, balancer: Slot, slot: Slot) -> bool {
        let Some(watcher) = self.mind(balancer) else {
            return true;
        };
        let present = self.slots[slot].as_ref().map(|process| process.ear.me);
        let calm = self.laws.calm_since(balancer, slot);
        let lives = self.lives.iter();
        let mut own = lives.filter(|life| self.is_present(slot, Some(life)));
        present.is_some_and(|life| self.may_seem_replaced(watcher, life))
            || self.is_haunted(watcher, slot)
            || self.may_be_another_s(balancer, slot)
            || own.any(|life| {
                let key = &life.id.key;
                let unready = watcher.word(key).is_some_and(|word| *word != Word::Ready);
                // What was asked before it became well may be answered after.
                let failed = watcher.memory.failed.get(key).copied();
                let failed = failed.map(|at| at + DOUBT) > calm;
                unready || failed || watcher.is_held_out(key, self.now)
            })
    }

    /// Whether another that had its server before is shown: a dead one whose last heartbeats came late.
    fn is_haunted(&self, watcher: &Watcher, slot: Slot) -> bool {
        let server = self.server_of(slot);
        let dead = |life: &Life| life.slot != NOBODY && !self.is_present(slot, Some(life));
        let mut there = self
            .lives
            .iter()
            .filter(|life| life.node.http == server && dead(life));
        there.any(|life| watcher.snapshot.nodes.contains_key(&life.id.key))
    }

    /// The slot whose process announces this server now.
    fn owner_of(&self, addr: SocketAddr) -> Option<Slot> {
        (BALANCERS..SLOTS).find(|slot| self.server_of(*slot) == Some(addr))
    }
}

/// Where liars gossip from.
const LIARS: u16 = 9000;
/// Heartbeats of a node that others are believed to have heard before us.
const AHEAD: u64 = 60;
/// For so long a node must have been undisturbed: it is known then, and known to speak.
const CALM: Duration = Duration::from_secs(1);
