//! Pure bookkeeping of every server of every service: what gossip says, what probes and requests
//! found, what the operator decided go in; a pool and effects come out. It opens nothing, stores
//! nothing and reads no clock; `swap` does that for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use member::node::{NodeKey, Role, Word};
use member::snapshot::{Presence, Sighting, Snapshot};
use tokio::sync::Notify;

use super::agenda::Agenda;
use super::crowd;
use super::effect::{Effect, Errand};
use super::health::Health;
use super::narrate;
use super::owners::Owners;
use super::proof::Proof;
use super::rows::Rows;
use super::server::{Row, Server, Standing};
use super::set::{Ledger, Pool};
use super::strangers::Strangers;
use super::tracked::Tracked;
use super::view::{Admin, Shown};
use super::weighing::{self, Silence};
use crate::config::CheckPolicy;

/// Every server known, and what is believed of it.
#[derive(Debug)]
pub struct Roster {
    policy: CheckPolicy,
    ledgers: BTreeMap<Arc<str>, Arc<Ledger>>,
    tracked: BTreeMap<NodeKey, Tracked>,
    owners: Owners,
    agenda: Agenda,
    rows: Rows,
    /// Nodes that `sweep` may have to act upon.
    to_sweep: BTreeSet<NodeKey>,
    strangers: Strangers,
    /// Services most of whose servers fell silent at once, and since when.
    silenced: BTreeMap<Arc<str>, Duration>,
    /// Whether gossip hears anybody at all.
    hears: bool,
    /// Whether who is held out must be weighed anew.
    holds: bool,
    released: Arc<Notify>,
    effects: Vec<Effect>,
    dirty: bool,
}

impl Roster {
    /// A roster of the services a balancer is configured with, none of which has a server yet.
    #[must_use]
    pub fn new(
        policy: CheckPolicy,
        ledgers: impl IntoIterator<Item = Arc<Ledger>>,
        workers: usize,
        released: Arc<Notify>,
    ) -> Self {
        Self {
            policy,
            ledgers: ledgers
                .into_iter()
                .map(|led| (Arc::clone(&led.name), led))
                .collect(),
            tracked: BTreeMap::new(),
            owners: Owners::default(),
            agenda: Agenda::default(),
            rows: Rows::new(workers),
            to_sweep: BTreeSet::new(),
            strangers: Strangers::default(),
            silenced: BTreeMap::new(),
            hears: false,
            holds: false,
            released,
            effects: Vec::new(),
            dirty: false,
        }
    }

    /// Gossip has a new picture. A node it no longer mentions is treated as silent.
    pub fn see(&mut self, now: Duration, snapshot: &Snapshot) {
        for (key, sighting) in &snapshot.nodes {
            if self.tracked.contains_key(key) || self.enrol(now, snapshot, key) {
                self.update(now, key, sighting, snapshot);
            } else {
                self.effects.extend(self.strangers.dismiss(&sighting.node));
            }
        }
        self.strangers.forget(snapshot);
        let unmentioned: Vec<NodeKey> = self
            .tracked
            .keys()
            .filter(|key| !snapshot.nodes.contains_key(key))
            .cloned()
            .collect();
        for key in unmentioned {
            self.with(now, &key, |tracked| {
                tracked.lose_sight();
                tracked.health.hear(now, false);
            });
        }
        let mut seen = snapshot.nodes.values();
        self.hears = seen.any(|sighting| sighting.presence == Presence::Live);
        self.weigh(now);
        self.rename(now);
        self.sweep(now);
    }

    /// A request met a server refused or unreachable.
    pub fn ejected(&mut self, now: Duration, uid: u64, proof: &Proof) {
        self.with_uid(now, uid, |tracked| tracked.health.eject(now, proof.clone()));
        self.rename_of(now, uid);
    }

    /// A request got no answer on a fresh connection.
    pub fn doubted(&mut self, now: Duration, uid: u64) {
        self.with_uid(now, uid, |tracked| tracked.health.doubt(now));
    }

    /// A probe has ended.
    pub fn proved(&mut self, now: Duration, errand: &Errand, proof: &Proof) {
        if proof.is_overdue(errand.probe.limit(&self.policy)) {
            return self.unproved(now, errand);
        }
        self.with_uid(now, errand.server.uid, |tracked| {
            tracked
                .health
                .prove(now, errand.round, errand.probe, proof.clone());
        });
        self.rename_of(now, errand.server.uid);
    }

    /// A probe could not be made.
    pub fn unproved(&mut self, now: Duration, errand: &Errand) {
        self.with_uid(now, errand.server.uid, |tracked| {
            tracked.health.retry(now, errand.round, errand.probe);
        });
    }

    /// The operator decides about a server by its shown name; `false` if there is none.
    pub fn decide(&mut self, now: Duration, service: &str, name: &str, admin: Admin) -> bool {
        let key = self.tracked.iter().find_map(|(key, tracked)| {
            (*tracked.service == *service && tracked.name.as_deref() == Some(name))
                .then(|| key.clone())
        });
        let found = key.is_some();
        if let Some(key) = key {
            self.with(now, &key, |tracked| tracked.health.decide(now, admin));
        }
        found
    }

    /// Time has passed: begins the probes that are due, forgets what is over.
    pub fn tick(&mut self, now: Duration) {
        while let Some(key) = self.agenda.take(now) {
            let mut errand = None;
            self.with(now, &key, |tracked| {
                errand = tracked.health.begin(now).map(|(probe, round)| Errand {
                    server: Arc::clone(&tracked.server),
                    round,
                    probe,
                    check: tracked.check.clone(),
                });
            });
            self.effects.extend(errand.map(Effect::Probe));
        }
        if self.excused_until().is_some_and(|at| at <= now) {
            self.weigh(now);
        }
        self.sweep(now);
    }

    /// A server that may not be chosen has finished its last request.
    pub fn released(&mut self, now: Duration) {
        self.sweep(now);
    }

    /// When [`tick`](Self::tick) is to be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let times = [self.agenda.next(), self.excused_until()];
        times.into_iter().flatten().min()
    }

    /// What is to be done, in order; to be called after every event.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The pool to store, if it changed since the last call; to be stored before the effects are
    /// carried out.
    pub fn take_pool(&mut self, now: Duration) -> Option<Pool> {
        if std::mem::take(&mut self.holds) {
            for key in weighing::needed(&self.tracked, now) {
                self.with(now, &key, |tracked| tracked.health.release(now));
            }
        }
        if !std::mem::take(&mut self.dirty) {
            return None;
        }
        let pool = self.pool();
        for service in pool.services.values() {
            let up = !service.rotation.servers.is_empty();
            if service.ledger.account(up, now.as_millis() as u64) && !up {
                self.effects
                    .push(Effect::Say(narrate::no_server(&service.ledger.name)));
            }
        }
        Some(pool)
    }

    /// The pool as it should be.
    #[must_use]
    pub fn pool(&self) -> Pool {
        weighing::pool(&self.ledgers, &self.tracked)
    }

    /// Begins to track a node that offers a server here; `false` if it does not.
    fn enrol(&mut self, now: Duration, snapshot: &Snapshot, key: &NodeKey) -> bool {
        let (sighting, node) = match snapshot.nodes.get(key) {
            Some(sighting) => (sighting, &sighting.node),
            None => return false,
        };
        let (Role::Backend, Some(addr)) = (node.role, node.http) else {
            return false;
        };
        let is_ours = node.word != Word::Left && self.ledgers.contains_key(&node.service);
        if !is_ours || weighing::is_given_away(snapshot, sighting) {
            return false;
        }
        // Until it has a name of its own it counts on a row nobody sees.
        let row = self.rows.nameless(&key.name);
        let tracked = Tracked {
            server: self.server(key, addr, row),
            earlier: Vec::new(),
            service: Arc::clone(&node.service),
            name: None,
            weight: node.weight,
            check: node.check.clone(),
            health: Health::new(self.policy, now).of(node),
            known: true,
            live: sighting.presence == Presence::Live,
            was_live: sighting.presence == Presence::Live,
            acknowledged: None,
            denied: false,
            displaced: false,
        };
        self.tracked.insert(key.clone(), tracked);
        self.rename_group(now, &key.name);
        true
    }

    /// Takes over what may change within one life; its address and service may not.
    fn update(&mut self, now: Duration, key: &NodeKey, sighting: &Sighting, snapshot: &Snapshot) {
        let node = &sighting.node;
        let quiet = snapshot.quiet.contains(key);
        let mut reweighed = false;
        self.with(now, key, |tracked| {
            tracked.hear(sighting.presence == Presence::Live);
            tracked.health.hear(now, tracked.live);
            tracked.health.fall_quiet(now, quiet);
            let announces = tracked.announced_by(node);
            tracked.denied = snapshot.denied.contains(key) || !announces;
            if announces {
                reweighed = tracked.weight != node.weight;
                tracked.weight = node.weight;
                tracked.check.clone_from(&node.check);
                tracked.health.say(now, &node.word);
            }
        });
        (self.dirty, self.holds) = (self.dirty | reweighed, self.holds | reweighed);
    }

    /// Gives every node the name it is to be shown under.
    fn rename(&mut self, now: Duration) {
        let names: BTreeSet<Arc<str>> = self
            .tracked
            .keys()
            .map(|key| Arc::clone(&key.name))
            .collect();
        names.iter().for_each(|name| self.rename_group(now, name));
    }

    /// The same for the nodes of one name.
    fn rename_group(&mut self, now: Duration, name: &Arc<str>) {
        let changes = weighing::names(&self.tracked, name);
        for (key, assigned) in changes {
            self.reseat(now, &key, assigned);
        }
    }

    fn rename_of(&mut self, now: Duration, uid: u64) {
        if let Some(key) = self.owners.of(uid) {
            self.rename_group(now, &key.name);
        }
    }

    /// Moves a node to another row, or off its row.
    fn reseat(&mut self, now: Duration, key: &NodeKey, name: Option<Arc<str>>) {
        let Some(tracked) = self.tracked.get_mut(key) else {
            return;
        };
        let service = Arc::clone(&tracked.service);
        if let Some(old) = tracked.name.take() {
            let health = tracked.health.clone();
            let health = if name.is_some() {
                health.moved_on()
            } else {
                health
            };
            self.rows.keep(&service, &old, health);
        }
        tracked.name = name.clone();
        let addr = tracked.server.addr;
        if let Some(name) = name {
            let (row, earlier) = self.rows.seat(&service, &name);
            let fresh = self.server(key, addr, row);
            if let Some(tracked) = self.tracked.get_mut(key) {
                if let Some(earlier) = earlier {
                    tracked.health = tracked.health.clone().succeeding(now, &earlier);
                }
                let old = std::mem::replace(&mut tracked.server, fresh);
                let _ = old.stand(Standing::Leaving);
                if old.in_flight() > 0 {
                    tracked.earlier.push(old);
                }
            }
        }
        (self.dirty, self.holds) = (true, true);
        self.refresh(now, key);
    }

    /// What several servers decide together: whose an address is, whether a silence is anybody's.
    fn weigh(&mut self, now: Duration) {
        for key in weighing::newly_displaced(&self.tracked) {
            self.with(now, &key, |tracked| tracked.displaced = !tracked.displaced);
        }
        let silences = weighing::silences(&self.tracked);
        self.silenced.retain(|name, _| silences.contains_key(name));
        for (service, silence) in silences {
            self.weigh_silence(now, service, &silence);
        }
    }

    /// Where most of a service fell silent at once, silence is excused; else it counts.
    fn weigh_silence(&mut self, now: Duration, service: Arc<str>, silence: &Silence) {
        let since = self.silenced.get(&service).copied();
        let is_over = since.is_some_and(|since| crowd::is_over(since, self.hears, now));
        let excused = silence.is_mass(now) && !is_over;
        let suspects = silence.suspects(now);
        if excused == since.is_none() {
            let silent = suspects.len() + silence.quiet();
            let line = narrate::mass_silence(&service, silent, excused);
            self.effects.push(Effect::Say(line));
        }
        if excused {
            self.silenced.entry(service).or_insert(now);
        } else if self.silenced.remove(&service).is_none() {
            return;
        }
        for key in suspects {
            self.with(now, &key, |tracked| tracked.health.excuse(now, excused));
        }
    }

    /// When an excuse ends, since others are heard.
    fn excused_until(&self) -> Option<Duration> {
        let times = self.silenced.values().filter(|_| self.hears);
        times.map(|since| crowd::over_at(*since)).min()
    }

    fn server(&mut self, key: &NodeKey, addr: std::net::SocketAddr, row: Arc<Row>) -> Arc<Server> {
        let uid = self.owners.number(key);
        Arc::new(Server::new(
            uid,
            key.clone(),
            addr,
            row,
            Arc::clone(&self.released),
        ))
    }

    fn with_uid(&mut self, now: Duration, uid: u64, change: impl FnOnce(&mut Tracked)) {
        if let Some(key) = self.owners.of(uid) {
            self.with(now, &key, change);
        }
    }

    /// Brings everything that follows from a node's state in line with it.
    fn refresh(&mut self, now: Duration, key: &NodeKey) {
        self.with(now, key, |_| {});
    }

    /// Changes one node and everything that follows from it.
    fn with(&mut self, now: Duration, key: &NodeKey, change: impl FnOnce(&mut Tracked)) {
        let Some(tracked) = self.tracked.get_mut(key) else {
            return;
        };
        let (was, was_held) = (tracked.health.view().shown, tracked.health.is_held());
        change(tracked);
        if *tracked.health.word() != Word::Draining {
            tracked.acknowledged = None;
        }
        let view = tracked.health.view();
        let shown = view.shown;
        let standing = tracked.standing();
        self.dirty |= tracked.server.stand(standing) != standing || !was.same_kind(shown);
        if tracked.name.is_some() {
            tracked.server.row.show(view.clone());
        }
        if tracked.live && *tracked.health.word() == Word::Ready && tracked.earlier.is_empty() {
            self.to_sweep.remove(key);
        } else {
            self.to_sweep.insert(key.clone());
        }
        let is_held = tracked.health.is_held();
        self.holds |= !was.same_kind(shown) || was_held != is_held;
        if is_held && !was_held {
            self.effects.extend(tracked.held_out(now).map(Effect::Say));
        }
        let due = tracked.health.due();
        let later = [tracked.health.over_at(), tracked.health.view().held_until];
        let later = later.into_iter().flatten().filter(|at| *at > now);
        self.agenda.set(key, later.chain(due).min());
        if !was.same_kind(shown) {
            self.narrate(key, was);
        }
    }

    fn narrate(&mut self, key: &NodeKey, was: Shown) {
        let Some(tracked) = self.tracked.get(key) else {
            return;
        };
        let Some(name) = &tracked.name else { return };
        let up = self
            .tracked
            .values()
            .filter(|t| t.service == tracked.service && t.standing() == Standing::Usable)
            .count();
        let scene = narrate::Scene {
            service: &tracked.service,
            server: name,
            was,
            view: tracked.health.view(),
            word: tracked.health.word(),
            up,
            in_flight: tracked.in_flight(),
        };
        self.effects.extend(narrate::line(&scene).map(Effect::Say));
        if **name != *key.name && tracked.health.view().shown.is_up() {
            self.effects
                .push(Effect::Say(narrate::namesake(&tracked.service, key, name)));
        }
    }

    /// Acknowledges draining nodes, and drops what is over and idle.
    fn sweep(&mut self, now: Duration) {
        let mut gone = Vec::new();
        for key in &self.to_sweep {
            let at_its_server = weighing::in_flight(&self.tracked, key);
            let Some(tracked) = self.tracked.get_mut(key) else {
                continue;
            };
            tracked.earlier.retain(|server| server.in_flight() > 0);
            if let Some(in_flight) = tracked.news(at_its_server) {
                self.effects.push(Effect::Acknowledge {
                    key: key.clone(),
                    in_flight,
                });
            }
            // Its name has gone to another life. While gossip still shows it, though it is silent, it
            // would be met anew and asked again at each change, unless its server is another's.
            let lost = !tracked.known || (tracked.displaced && !tracked.live);
            let superseded = tracked.name.is_none() && lost;
            if (superseded || tracked.health.is_over(now)) && tracked.in_flight() == 0 {
                gone.push(key.clone());
            }
        }
        gone.iter().for_each(|key| self.drop_node(key));
    }

    fn drop_node(&mut self, key: &NodeKey) {
        let Some(tracked) = self.tracked.remove(key) else {
            return;
        };
        self.to_sweep.remove(key);
        let _ = tracked.server.stand(Standing::Out);
        self.owners.forget(key);
        self.agenda.set(key, None);
        if let Some(name) = tracked.name {
            self.rows.keep(&tracked.service, &name, tracked.health);
        }
        self.dirty = true;
    }
}

#[cfg(test)]
mod tests;
