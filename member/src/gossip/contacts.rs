//! Whom to contact, and when: seeds, balancers, newcomers. Pure: times and snapshots come
//! in, addresses come out.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::gossip::pokes::{BURST, NEWS, ONCE, Pokes};
use crate::gossip::search::{Answers, Search, Step};
use crate::node::Role;
use crate::snapshot::{Change, Presence, Snapshot};

/// Everybody worth contacting.
#[derive(Debug)]
pub(super) struct Contacts {
    role: Role,
    pokes: Pokes,
    search: Search,
}

impl Contacts {
    /// Those of a node of `role`.
    pub(super) fn new(role: Role) -> Self {
        Self {
            role,
            pokes: Pokes::default(),
            search: Search::new(),
        }
    }

    /// Takes those that are due at `now`.
    pub(super) fn due(&mut self, now: Duration) -> HashSet<SocketAddr> {
        self.pokes.due(now)
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.pokes.next()
    }

    /// The seeds now mean what was answered.
    pub(super) fn found(&mut self, now: Duration, answers: Answers) {
        for seed in self.search.resolved(answers) {
            self.pokes.plan(now, seed, BURST);
        }
        self.plan_all(now, self.search.seeds().collect(), ONCE);
    }

    /// Seeds by address.
    pub(super) fn add(&mut self, now: Duration, seeds: Vec<SocketAddr>) {
        self.plan_all(now, seeds.iter().copied().collect(), BURST);
        self.search.add(seeds);
    }

    pub(super) fn seeds(&self) -> impl Iterator<Item = SocketAddr> {
        self.search.seeds()
    }

    /// A new life: everybody must hear of it.
    pub(super) fn introduce(&mut self, now: Duration, known: &Snapshot) {
        let known = known.nodes.values().map(|seen| seen.gossip);
        let everybody = known.chain(self.search.seeds()).take(FIRST_CONTACTS);
        self.plan_all(now, everybody.collect(), BURST);
    }

    /// Contacts newcomers: a new balancer must hear of us, and a balancer proves at once
    /// that a member it has only heard of is there. `speaks` tells who has just been heard.
    pub(super) fn meet(
        &mut self,
        now: Duration,
        changes: &[Change],
        speaks: impl Fn(SocketAddr) -> bool,
    ) {
        let added = changes.iter().filter_map(|change| match change {
            Change::Added(seen) => Some(seen),
            _ => None,
        });
        let (balancers, members): (Vec<_>, Vec<_>) =
            added.partition(|seen| seen.node.role == Role::Balancer);
        let balancers = balancers.iter().map(|seen| (seen.gossip, BURST));
        let rumours = members
            .iter()
            .filter(|seen| self.role == Role::Balancer && !speaks(seen.gossip))
            .map(|seen| (seen.gossip, ONCE));
        for (to, series) in balancers.chain(rumours).take(FIRST_CONTACTS) {
            self.pokes.plan(now, to, series);
        }
    }

    /// While no balancer is heard, contacts the seeds again and again.
    pub(super) fn seek(&mut self, now: Duration, is_alone: bool) -> Step {
        let step = self.search.step(now, is_alone);
        if step.try_seeds {
            self.plan_all(now, self.search.seeds().collect(), ONCE);
        }
        step
    }

    /// There is news for every balancer.
    pub(super) fn tell_balancers(&mut self, now: Duration, known: &Snapshot) {
        self.plan_all(now, self.balancers(known), NEWS);
    }

    /// There is news for everybody.
    pub(super) fn tell_all(&mut self, now: Duration, known: &Snapshot) {
        let live = known.nodes.values();
        let live = live.filter(|seen| seen.presence == Presence::Live);
        let some = live.map(|seen| seen.gossip).take(FIRST_CONTACTS);
        self.plan_all(now, some.collect(), NEWS);
    }

    /// Contacts every balancer once.
    pub(super) fn poke_balancers(&mut self, now: Duration, known: &Snapshot) {
        self.plan_all(now, self.balancers(known), ONCE);
    }

    /// There is news for one node.
    pub(super) fn tell(&mut self, now: Duration, to: SocketAddr) {
        self.pokes.plan(now, to, NEWS);
    }

    /// Where balancers are known to be; while none is, where they may be.
    pub(super) fn balancers(&self, known: &Snapshot) -> BTreeSet<SocketAddr> {
        let balancers: BTreeSet<_> = known.balancers().map(|b| b.gossip).collect();
        if balancers.is_empty() {
            self.search.seeds().collect()
        } else {
            balancers
        }
    }

    /// Who must know at once that we leave: a member's requests come from balancers, a balancer is
    /// waited for by everybody. Where they are few all others are told too, who would first ask.
    pub(super) fn concerned(&self, known: &Snapshot) -> BTreeSet<SocketAddr> {
        let mut to = self.balancers(known);
        if self.role == Role::Balancer || known.nodes.len() <= FEW {
            to.extend(known.nodes.values().map(|seen| seen.gossip));
        }
        to
    }

    fn plan_all(&mut self, now: Duration, to: BTreeSet<SocketAddr>, series: &[Duration]) {
        for address in to {
            self.pokes.plan(now, address, series);
        }
    }
}

/// So many are all told that a member leaves.
const FEW: usize = 32;
/// Newcomers contacted at once; the rest is met by gossip itself.
const FIRST_CONTACTS: usize = 64;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::node::{Description, Word};
    use crate::snapshot::Sighting;

    const NOW: Duration = Duration::from_secs(1);

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    fn seen(node: &Description, gossip: u16) -> Arc<Sighting> {
        Arc::new(Sighting {
            node: node.live(1, at(0).ip(), Word::Ready),
            gossip: at(gossip),
            presence: Presence::Live,
        })
    }

    fn met_by(role: Role) -> Vec<u16> {
        let mut contacts = Contacts::new(role);
        let changes = [
            Change::Added(seen(&Description::balancer("lb"), 1)),
            Change::Added(seen(&Description::backend("a", at(80)), 2)),
            Change::Added(seen(&Description::backend("b", at(81)), 3)),
            Change::Removed(seen(&Description::balancer("gone"), 4)),
        ];
        contacts.meet(NOW, &changes, |address| address == at(3));
        let mut ports: Vec<_> = contacts.due(NOW).iter().map(SocketAddr::port).collect();
        ports.sort_unstable();
        ports
    }

    #[test]
    fn everybody_meets_new_balancers_and_balancers_check_rumours() {
        assert_eq!(met_by(Role::Backend), [1]);
        assert_eq!(met_by(Role::Balancer), [1, 2]);
    }

    /// Hundreds of balancers at once are made up.
    #[test]
    fn no_crowd_is_contacted_at_once() {
        let mut contacts = Contacts::new(Role::Balancer);
        let lb = |port| Change::Added(seen(&Description::balancer("lb"), port));
        let s1 = |port| Change::Added(seen(&Description::backend("s", at(80)), port));
        let changes: Vec<_> = (1..200).map(s1).chain((200..400).map(lb)).collect();
        contacts.meet(NOW, &changes, |_| false);
        let due = contacts.due(NOW);
        assert_eq!(due.len(), FIRST_CONTACTS);
        assert!(due.iter().all(|to| to.port() >= 200), "balancers first");
    }

    #[test]
    fn a_balancer_takes_leave_of_everybody_a_member_of_balancers_in_a_crowd() {
        let nodes = [("lb", 1), ("s1", 2)]
            .map(|(name, port)| match name {
                "lb" => seen(&Description::balancer(name), port),
                name => seen(&Description::backend(name, at(80)), port),
            })
            .map(|seen| (seen.node.key.clone(), seen));
        let mut known: Snapshot = nodes.into_iter().collect();
        let concerned = |known: &Snapshot, role| Contacts::new(role).concerned(known);
        for role in [Role::Backend, Role::Balancer] {
            assert_eq!(concerned(&known, role), BTreeSet::from([at(1), at(2)]));
        }
        for more in 2..40 {
            let seen = seen(&Description::backend(&format!("m{more}"), at(80)), 1 + more);
            known.nodes.insert(seen.node.key.clone(), seen);
        }
        assert_eq!(concerned(&known, Role::Backend), BTreeSet::from([at(1)]));
        assert_eq!(concerned(&known, Role::Balancer).len(), 40);
    }

    #[test]
    fn news_goes_to_known_balancers_else_to_the_seeds() {
        let mut contacts = Contacts::new(Role::Backend);
        contacts.add(Duration::ZERO, vec![at(9)]);
        let mut known = Snapshot::default();
        assert_eq!(contacts.balancers(&known), BTreeSet::from([at(9)]));
        let lb = seen(&Description::balancer("lb"), 1);
        known.nodes.insert(lb.node.key.clone(), lb);
        assert_eq!(contacts.balancers(&known), BTreeSet::from([at(1)]));
    }
}
