//! What a node that holds the key can say of others, and what must hold all the same: who speaks
//! itself keeps its server. The real gossip takes a node's words from that node alone, so what is left to
//! lies is that another's server is one's own, and that a node has later lives of which no word
//! is known.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lb::pool::server::Server;
use member::node::{Description, NodeKey, Word};
use member::reading::Id;

use super::history::{BALANCERS, SLOTS, Slot};
use super::tongues::{Life, LifeId, Message, Part};
use super::watcher::SERVICE;
use super::world::{Event, World};

/// The slot of those that are made up.
pub(super) const NOBODY: Slot = SLOTS;

impl World {
    /// On the host of `host` somebody begins to say that the server of `victim` is its own.
    pub(super) fn claim(&mut self, victim: Slot, host: Slot, millis: u64) {
        let Some(server) = self.server_of(victim) else {
            return;
        };
        let number = self.lives.len();
        let gossip = self.ground.address(host, LIARS + (number % 1000) as u16);
        let describe = Description::backend(&format!("liar{number}"), server);
        let key = NodeKey {
            name: Arc::clone(&describe.name),
            generation: self.wall(host),
        };
        let id = Id { key, gossip };
        self.lives
            .push(Life::new(id, NOBODY, &describe, Word::Ready));
        let until = self.now + Duration::from_millis(millis);
        self.plan(self.now, Event::Lie(host, number, until));
    }

    /// The one that was made up speaks to all, now saying this and now that.
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
        let life = &mut self.lives[liar];
        life.heartbeat += 1;
        life.say(word);
        let (from, state) = (life.id.gossip, (liar, life.heartbeat, life.said.len()));
        self.tell_all(host, from, vec![state])
    }

    /// Somebody tells of a later life of `victim`, of which nobody knows a word.
    pub(super) fn foretell(&mut self, victim: Slot, host: Slot, later: u64) -> Result<(), String> {
        let Some(process) = &self.slots[victim] else {
            return Ok(());
        };
        let own = &self.lives[process.ear.me];
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
        let process = self.slots[slot].as_ref()?;
        self.lives[process.ear.me].node.http
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
        let is_calm = |slot: Slot| {
            let since = self.laws.calm_since(balancer, slot);
            since.is_some_and(|at| self.now > at + CALM)
        };
        let owner = |addr| self.owner_of(addr).filter(|slot| is_calm(*slot));
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

    /// Whether the server of `own` was known to be its own before `liar` came, or is because that
    /// one is elsewhere.
    fn is_late(&self, balancer: Slot, liar: &Life, own: Slot) -> bool {
        let watcher = self.slots[balancer]
            .as_ref()
            .and_then(|process| process.watcher.as_ref());
        let number = self.lives.iter().position(|life| life.id == liar.id);
        let met = watcher
            .zip(number)
            .and_then(|(watcher, number)| watcher.met(number));
        let calm = self.laws.calm_since(balancer, own);
        let elsewhere = liar.id.gossip.ip() != self.ground.address(own, LIARS).ip();
        elsewhere || met.zip(calm).is_some_and(|(met, calm)| met > calm + CALM)
    }

    /// Whether `life` is one of the process that `slot` has now.
    fn is_present(&self, slot: Slot, life: Option<&Life>) -> bool {
        let process = self.slots[slot].as_ref();
        let present = process.map(|process| self.lives[process.ear.me].node.process());
        life.is_some_and(|life| life.slot == slot && Some(life.node.process()) == present)
    }

    /// Whether something of its own has taken the server of `slot` out.
    fn has_reason(&self, balancer: Slot, slot: Slot) -> bool {
        let process = self.slots[balancer].as_ref();
        let Some(watcher) = process.and_then(|process| process.watcher.as_ref()) else {
            return true;
        };
        let present = self.slots[slot].as_ref().map(|process| process.ear.me);
        let mut own = self.lives.iter().filter(|life| life.slot == slot);
        present.is_some_and(|life| self.may_seem_replaced(watcher, life))
            || own.any(|life| {
                let key = &life.id.key;
                let unready = watcher.word(key).is_some_and(|word| *word != Word::Ready);
                let failed = watcher.memory.failed.contains_key(key);
                unready || failed || watcher.is_held_out(key, self.now)
            })
    }

    /// The slot whose process announces this server now.
    fn owner_of(&self, addr: SocketAddr) -> Option<Slot> {
        (BALANCERS..SLOTS).find(|slot| self.server_of(*slot) == Some(addr))
    }
}

/// Where liars gossip from.
const LIARS: u16 = 9000;
/// For so long a node must have been undisturbed: it is known then, and known to speak.
const CALM: Duration = Duration::from_secs(1);
