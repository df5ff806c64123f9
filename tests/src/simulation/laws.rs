//! What must hold after every step. A law is broken with a line that says which, where and since
//! when. The bounds stand at the end; docs/simulation.md says where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use lb::pool::server::Lease;
use member::node::{NodeKey, Word};

use super::ground::Webapp;
use super::history::{BALANCERS, SLOTS, Slot};
use super::lies::NOBODY;
use super::tongues::{Life, LifeId};
use super::watcher::{SERVICE, Watcher};
use super::world::{World, answers};

/// Since when what holds between a balancer and a member.
#[derive(Debug, Default)]
pub(super) struct Laws {
    /// The member's present life could be reached and would have answered.
    reachable: BTreeMap<(Slot, Slot), (LifeId, Duration)>,
    /// As `reachable`; it said ready, and gossip was undisturbed.
    connected: BTreeMap<(Slot, Slot), (LifeId, Duration)>,
    /// The member spoke from one address, was ready and reachable, and nothing was lost.
    calm: BTreeMap<(Slot, Slot), (SocketAddr, Duration)>,
    /// Liars that claimed the server of one that had been undisturbed, and where that one gossips.
    pub(super) late: BTreeMap<(Slot, LifeId), SocketAddr>,
    /// A chosen life whose server would not have answered.
    unreachable: BTreeMap<(Slot, NodeKey), Duration>,
}

impl Laws {
    /// The process in a slot has ended.
    pub(super) fn forget(&mut self, slot: Slot) {
        let other = |pair: &(Slot, Slot)| pair.0 != slot && pair.1 != slot;
        self.reachable.retain(|pair, _| other(pair));
        self.connected.retain(|pair, _| other(pair));
        self.calm.retain(|pair, _| other(pair));
        self.unreachable
            .retain(|(balancer, _), _| *balancer != slot);
        self.late.retain(|(balancer, _), _| *balancer != slot);
    }
}

fn since<T: Copy + PartialEq>(
    map: &mut BTreeMap<(Slot, Slot), (T, Duration)>,
    pair: (Slot, Slot),
    life: T,
    holds: bool,
    now: Duration,
) {
    if !holds {
        map.remove(&pair);
    } else if map.get(&pair).is_none_or(|(of, _)| *of != life) {
        map.insert(pair, (life, now));
    }
}

impl World {
    /// Looks at everything that depends on how long something has been so.
    pub(super) fn audit(&mut self) -> Result<(), String> {
        for balancer in 0..BALANCERS {
            if self.slots[balancer].is_none() {
                continue;
            }
            self.survey_from(balancer);
            self.everybody_is_served(balancer)?;
            self.nobody_is_served_for_long_who_is_gone(balancer)?;
            self.one_life_at_a_place(balancer)?;
            self.nobody_returns_by_rumour(balancer)?;
        }
        Ok(())
    }

    /// Notes what has begun and what has ended between balancers and members.
    pub(super) fn survey_all(&mut self) {
        for balancer in 0..BALANCERS {
            if self.slots[balancer].is_some() {
                self.survey_from(balancer);
            }
        }
    }

    fn survey_from(&mut self, balancer: Slot) {
        for member in BALANCERS..SLOTS {
            self.survey(balancer, member);
        }
    }

    fn survey(&mut self, balancer: Slot, member: Slot) {
        let (now, pair) = (self.now, (balancer, member));
        let Some(process) = &self.slots[member] else {
            return self.laws.forget_pair(pair);
        };
        let life = process.ear.me;
        let serves = answers(&self.ground, member) && self.ground.connects(balancer, member, now);
        let quiet = self.ground.carries(balancer, member, now)
            && self.ground.carries(member, balancer, now)
            && self.ground.loss(now) <= 10
            && self.ground.delay(now) <= 50
            && !self.ground.is_stopped(balancer);
        let ready = self.lives[life].node.word == Word::Ready;
        since(&mut self.laws.reachable, pair, life, serves, now);
        let connected = serves && quiet && ready;
        since(&mut self.laws.connected, pair, life, connected, now);
        let calm = connected && self.ground.loss(now) == 0;
        let gossip = self.lives[life].id.gossip;
        since(&mut self.laws.calm, pair, gossip, calm, now);
    }

    /// A ready and reachable server is in every connected balancer's pool within the bound.
    fn everybody_is_served(&mut self, balancer: Slot) -> Result<(), String> {
        let now = self.now;
        let Some(watcher) = self.mind(balancer) else {
            return Ok(());
        };
        let chosen = &watcher.memory.chosen;
        for (&(_, member), &(life, at)) in
            self.laws.connected.range((balancer, 0)..(balancer, SLOTS))
        {
            let key = &self.lives[life].id.key;
            if now <= at + ENTRY || chosen.contains(key) {
                continue;
            }
            let held = watcher.is_held_out(key, now) && !chosen.is_empty();
            let is_hidden = !watcher.snapshot.nodes.contains_key(key);
            let denied = is_hidden || watcher.snapshot.denied.contains(key);
            let denied = denied && self.may_be_another_s(balancer, member);
            if !held && !denied && !self.may_seem_replaced(watcher, life) {
                let word = watcher.word(key);
                let heard = watcher.hears(key);
                return Err(format!(
                    "ready and reachable for {:?}, but not in the pool of lb{balancer}: {key} in \
                     slot {member}; lb{balancer} knows its word as {word:?}, heard: {heard}",
                    now - at
                ));
            }
        }
        Ok(())
    }

    /// A silence soon after one of two nodes of its name was met looks like the end of a container
    /// that came back elsewhere, to be believed once that one serves.
    pub(super) fn may_seem_replaced(&self, watcher: &Watcher, life: LifeId) -> bool {
        let (now, own) = (self.now, &self.lives[life]);
        let named = || {
            let all = self.lives.iter().enumerate();
            let named = |life: &Life| life.id.key.name == own.id.key.name;
            all.filter(move |(_, life)| life.slot != NOBODY && named(life))
        };
        let first_met = |http: Option<SocketAddr>| {
            let there = named().filter(|(_, life)| life.node.http == http);
            there.filter_map(|(life, _)| watcher.met(life)).min()
        };
        let is_news = |met: Duration| now < met + NAMESAKE;
        let serves = |chosen: &NodeKey| chosen.name == own.id.key.name;
        !watcher.hears(&own.id.key)
            && watcher.memory.chosen.iter().any(serves)
            && named().any(|(_, other)| other.slot != own.slot)
            && named().any(|(_, life)| first_met(life.node.http).is_some_and(is_news))
    }

    /// A server that cannot be reached is not in the pool for longer than the bound.
    fn nobody_is_served_for_long_who_is_gone(&mut self, balancer: Slot) -> Result<(), String> {
        let now = self.now;
        let stopped = self.ground.is_stopped(balancer);
        let servers = self
            .mind(balancer)
            .map(|watcher| &watcher.pool.services[SERVICE].rotation.servers);
        let servers = servers.into_iter().flatten();
        let chosen: BTreeMap<_, _> = servers.map(|s| (s.key.clone(), s.addr)).collect();
        self.laws
            .unreachable
            .retain(|(of, key), _| *of != balancer || chosen.contains_key(key));
        for (key, http) in chosen {
            let gone = self.ground.webapp(http).is_none_or(|(owner, webapp)| {
                webapp != Webapp::Up || !self.ground.connects(balancer, owner, now)
            });
            let at = (balancer, key);
            if !gone || stopped {
                self.laws.unreachable.remove(&at);
                continue;
            }
            let began = *self.laws.unreachable.entry(at.clone()).or_insert(now);
            if now > began + EXIT {
                return Err(format!(
                    "unreachable for {:?}, but still in the pool of lb{balancer}: {}",
                    now - began,
                    at.1
                ));
            }
        }
        Ok(())
    }

    /// A newer generation wins: beside a life that is well, none before it is chosen.
    fn one_life_at_a_place(&mut self, balancer: Slot) -> Result<(), String> {
        let Some(watcher) = self.mind(balancer) else {
            return Ok(());
        };
        let chosen = &watcher.memory.chosen;
        for (&(_, member), &(life, at)) in
            self.laws.connected.range((balancer, 0)..(balancer, SLOTS))
        {
            if self.now <= at + ENTRY {
                continue;
            }
            let older = self.lives[..life]
                .iter()
                .filter(|other| other.slot == member);
            let key = &self.lives[life].id.key;
            let mut older = older.filter(|other| other.id.key != *key);
            if let Some(other) = older.find(|other| chosen.contains(&other.id.key)) {
                return Err(format!(
                    "an earlier life is still in the pool of lb{balancer} beside {key}: {}",
                    other.id.key
                ));
            }
        }
        Ok(())
    }

    /// Whoever was believed to have left has, whatever is told of it later.
    fn nobody_returns_by_rumour(&self, balancer: Slot) -> Result<(), String> {
        let Some(watcher) = self.mind(balancer) else {
            return Ok(());
        };
        let word = |key| watcher.word(key).filter(|word| **word != Word::Left);
        let mut returned = watcher
            .memory
            .left
            .iter()
            .filter_map(|key| Some((key, word(key)?)));
        match returned.next() {
            Some((key, word)) => Err(format!(
                "it has left, but lb{balancer} believes it {word:?} again: {key}"
            )),
            None => Ok(()),
        }
    }

    /// After every change of a pool: whoever went has given a reason, whoever came may be there.
    pub(super) fn judge_pool(&mut self, slot: Slot) -> Result<(), String> {
        let now = self.now;
        self.survey_from(slot);
        let reachable = self.laws.reachable.range((slot, 0)..(slot, SLOTS));
        let reachable: Vec<_> = reachable.map(|(_, (life, at))| (*life, *at)).collect();
        let lives = &self.lives;
        let Some(process) = self.slots[slot].as_mut() else {
            return Ok(());
        };
        let Some(watcher) = process.watcher.as_mut() else {
            return Ok(());
        };
        let chosen = watcher.chosen();
        let was = std::mem::replace(&mut watcher.memory.chosen, chosen.clone());
        let servers = &watcher.pool.services[SERVICE].rotation.servers;
        let addresses: BTreeSet<_> = servers.iter().map(|server| server.addr).collect();
        if addresses.len() < servers.len() {
            let keys: Vec<_> = servers.iter().map(|s| s.key.to_string()).collect();
            return Err(format!(
                "one address twice in the pool of lb{slot}: {keys:?}"
            ));
        }
        newcomers(slot, watcher, now, chosen.difference(&was))?;
        for key in was.difference(&chosen) {
            let ready = watcher.word(key).is_none_or(|word| *word == Word::Ready);
            let life = lives.iter().rfind(|life| life.id.key == *key);
            let is_made_up = life.is_some_and(|life| life.slot == NOBODY);
            let http = life.and_then(|life| life.node.http);
            let later = |other: &Life| {
                let is_real = other.slot != NOBODY;
                is_real && other.id.key != *key && other.node.http == http
            };
            let over = lives
                .iter()
                .rev()
                .take_while(|l| l.id.key != *key)
                .any(later);
            if is_made_up || !ready || over || replaced(watcher, key, http) {
                continue;
            }
            if !watcher.memory.failed.contains_key(key) {
                return Err(format!(
                    "out of the pool of lb{slot} without any proof: {key}"
                ));
            }
            let well = reachable
                .iter()
                .find(|(life, _)| lives[*life].id.key == *key);
            if let Some((_, at)) = well
                && now > *at + DOUBT
            {
                return Err(format!(
                    "reachable for {:?}, but taken out of the pool of lb{slot}: {key}",
                    now - *at
                ));
            }
        }
        Ok(())
    }

    /// Nothing new goes to who drains or has left.
    pub(super) fn judge_choice(&mut self, slot: Slot, lease: &Lease) -> Result<(), String> {
        let key = &lease.server().key;
        let Some(watcher) = self.watcher(slot) else {
            return Ok(());
        };
        // Another may bear its name and generation.
        let said = watcher.snapshot.nodes.get(key).map(|seen| &seen.node);
        let said = said.filter(|node| node.http == Some(lease.server().addr));
        let leaving = said.is_some_and(|node| matches!(node.word, Word::Draining | Word::Left));
        if leaving || watcher.memory.let_go.contains(key) {
            return Err(format!(
                "lb{slot} sends a request to {key}, which it has let go"
            ));
        }
        Ok(())
    }

    /// Acknowledged with 0 only when it has nothing in flight; never with less than it has, nor with
    /// more than there is where it answers.
    pub(super) fn judge_acknowledgement(
        &mut self,
        slot: Slot,
        key: &NodeKey,
        in_flight: u64,
    ) -> Result<(), String> {
        let Some(watcher) = self.watcher(slot) else {
            return Ok(());
        };
        let servers = || watcher.leases.values().map(Lease::server);
        let held = servers().filter(|server| server.key == *key).count();
        // Who came back may answer at the same address for what an earlier life had.
        let seen = watcher.snapshot.nodes.get(key);
        let http = seen.and_then(|seen| seen.node.http);
        let there = servers().filter(|server| http.is_none_or(|http| server.addr == http));
        let most = there.count().max(held);
        if !(held as u64..=most as u64).contains(&in_flight) {
            return Err(format!(
                "lb{slot} acknowledges {key} with {in_flight} in flight; there are {held} to {most}"
            ));
        }
        if in_flight == 0 {
            watcher.memory.let_go.insert(key.clone());
        }
        Ok(())
    }
}

impl Laws {
    fn forget_pair(&mut self, pair: (Slot, Slot)) {
        self.reachable.remove(&pair);
        self.connected.remove(&pair);
        self.calm.remove(&pair);
    }

    /// Since when a member has been undisturbed for a balancer.
    pub(super) fn calm_since(&self, balancer: Slot, member: Slot) -> Option<Duration> {
        self.calm.get(&(balancer, member)).map(|(_, at)| *at)
    }
}

/// Whoever came into a pool may be there, and begins afresh.
fn newcomers<'a>(
    slot: Slot,
    watcher: &mut Watcher,
    now: Duration,
    keys: impl Iterator<Item = &'a NodeKey>,
) -> Result<(), String> {
    for key in keys {
        if watcher.memory.left.contains(key) {
            return Err(format!(
                "it has left, but is in the pool of lb{slot}: {key}"
            ));
        }
        watcher.memory.let_go.remove(key);
        // What a quiet one met counts for a second, also when it came in because it was needed.
        let failed = &mut watcher.memory.failed;
        if failed.get(key).is_some_and(|at| now >= *at + EARLY) {
            failed.remove(key);
        }
    }
    Ok(())
}

/// Whether another node serves under that name or is shown at that server's address.
fn replaced(watcher: &Watcher, key: &NodeKey, http: Option<SocketAddr>) -> bool {
    let chosen = &watcher.memory.chosen;
    watcher.snapshot.nodes.values().any(|seen| {
        let node = &seen.node;
        let serves = node.key.name == key.name && chosen.contains(&node.key);
        let claims = node.http == http && !watcher.snapshot.denied.contains(&node.key);
        node.key != *key && (serves || claims)
    })
}

/// For so long a connect made before the verdict counts.
const EARLY: Duration = Duration::from_secs(1);
/// From ready, reachable and undisturbed to served: an ejected server's recovery probes are 2 s
/// apart, and two must pass after the one under way has failed; gossip's first word comes before.
const ENTRY: Duration = Duration::from_secs(10);
/// From unreachable to out: three checks 2 s apart that time out after 2 s, and the one before.
const EXIT: Duration = Duration::from_secs(15);
/// After another node of its name was met: as long as a dead one may count as heard, and its silence.
const NAMESAKE: Duration = Duration::from_secs(7);
/// What was found about a server before it became well may still take it out for this long: a
/// request's connect takes 5 s to time out.
pub(super) const DOUBT: Duration = Duration::from_millis(5_500);
