//! Servers joining, leaving, dying and being replaced, told as scripts of events and times.

use std::net::SocketAddr;

use member::node::Node;

use super::*;
use crate::pool::proof::Finding;
use crate::pool::set::Service;

/// A roster, a clock, a cluster as gossip tells it, and which servers answer.
struct Script {
    roster: Roster,
    now: Duration,
    snapshot: Snapshot,
    refusing: BTreeSet<SocketAddr>,
    /// Who was probed, in order.
    probed: Vec<SocketAddr>,
    acks: Vec<(String, u64)>,
    lines: Vec<String>,
    pool: Pool,
}

impl Script {
    fn new() -> Self {
        let ledger = Arc::new(Ledger::new(Arc::from("nodes"), 1));
        let roster = Roster::new(CheckPolicy::default(), [ledger], 1, Arc::new(Notify::new()));
        let pool = roster.pool();
        Self {
            roster,
            now: Duration::from_secs(1),
            snapshot: Snapshot::default(),
            refusing: BTreeSet::new(),
            probed: Vec::new(),
            acks: Vec::new(),
            lines: Vec::new(),
            pool,
        }
    }

    /// A script with `s1`, `s2`, ... ready on ports 1, 2, ...
    fn with(count: u16) -> Self {
        let mut script = Self::new();
        for number in 1..=count {
            script.node(&format!("s{number}"), 1, number, Word::Ready);
        }
        script.tell();
        script
    }

    fn node(&mut self, name: &str, generation: u64, port: u16, word: Word) {
        let key = key(name, generation);
        let node = Node {
            key: key.clone(),
            role: Role::Backend,
            service: Arc::from("nodes"),
            http: Some(addr(port)),
            check: None,
            weight: 1,
            word,
            tags: BTreeMap::new(),
            keys: Vec::new(),
            since: None,
        };
        let sighting = Sighting {
            node,
            gossip: addr(9),
            presence: Presence::Live,
        };
        self.snapshot.nodes.insert(key, Arc::new(sighting));
    }

    fn presence(&mut self, name: &str, generation: u64, presence: Presence) {
        let sighting = self.snapshot.nodes.get_mut(&key(name, generation)).unwrap();
        let changed = Sighting {
            presence,
            ..(**sighting).clone()
        };
        *sighting = Arc::new(changed);
    }

    /// The first life of `name` announces another weight.
    fn weight(&mut self, name: &str, weight: u16) {
        let sighting = self.snapshot.nodes.get_mut(&key(name, 1)).unwrap();
        Arc::make_mut(sighting).node.weight = weight;
        self.tell();
    }

    /// Gossip tells the present picture; what follows at once is done.
    fn tell(&mut self) {
        self.roster.see(self.now, &self.snapshot);
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..100 {
            self.roster.tick(self.now);
            if let Some(pool) = self.roster.take_pool(self.now) {
                self.pool = pool;
            }
            let effects = self.roster.take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                self.carry_out(effect);
            }
        }
        panic!("it never settles");
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Say(line) => self.lines.push(line),
            Effect::Acknowledge { key, in_flight } => {
                self.acks.push((key.name.to_string(), in_flight));
            }
            Effect::Probe(errand) => {
                self.probed.push(errand.server.addr);
                let refused = self.refusing.contains(&errand.server.addr);
                let finding = if refused {
                    Finding::L4Con
                } else {
                    Finding::L4Ok
                };
                self.roster.proved(self.now, &errand, &proof(finding));
            }
        }
    }

    /// How often the server at `port` was probed.
    fn asked(&self, port: u16) -> usize {
        let there = self.probed.iter().filter(|to| **to == addr(port));
        there.count()
    }

    /// Lets time pass, doing what falls due.
    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = self.roster.next_deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = until;
        self.settle();
    }

    fn service(&self) -> &Service {
        &self.pool.services["nodes"]
    }

    /// `name:port` of those that may be chosen.
    fn usable(&self) -> Vec<String> {
        let servers = self.service().rotation.servers.iter();
        servers
            .map(|server| format!("{}:{}", server.row.name, server.addr.port()))
            .collect()
    }

    /// `name sid` of the rows shown.
    fn rows(&self) -> Vec<String> {
        let rows = self.service().rows.iter();
        rows.map(|entry| format!("{} {}", entry.row().name, entry.row().sid))
            .collect()
    }

    fn server(&self, name: &str) -> Arc<Server> {
        let rows = self.service().rows.iter();
        let mut found = rows.filter(|entry| &*entry.row().name == name);
        Arc::clone(&found.next().expect("a row of that name").server)
    }
}

fn key(name: &str, generation: u64) -> NodeKey {
    NodeKey {
        name: Arc::from(name),
        generation,
    }
}

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn proof(finding: Finding) -> Proof {
    Proof::met(finding, "")
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn ready_servers_join_in_order() {
    let script = Script::with(3);
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    assert_eq!(script.rows(), ["s1 1", "s2 2", "s3 3"]);
    assert!(script.lines[0].starts_with("Server nodes/s1 is UP, reason: Layer4 check passed"));
}

#[test]
fn a_starting_server_has_no_row_until_it_is_ready() {
    let mut script = Script::with(1);
    script.node("s2", 1, 2, Word::Starting);
    script.tell();
    assert_eq!(script.rows(), ["s1 1"]);
    script.node("s2", 1, 2, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:1", "s2:2"]);
}

#[test]
fn an_ejected_server_recovers_by_two_probes() {
    let mut script = Script::with(2);
    script.refusing.insert(addr(1));
    let uid = script.server("s1").uid;
    script
        .roster
        .ejected(script.now, uid, &proof(Finding::L4Con));
    script.settle();
    assert_eq!(script.usable(), ["s2:2"]);
    script.wait(SECOND);
    assert_eq!(script.usable(), ["s2:2"]);
    script.refusing.clear();
    script.wait(5 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2"]);
}

#[test]
fn a_service_that_loses_its_last_server_says_so() {
    let mut script = Script::with(1);
    script.node("s1", 1, 1, Word::Draining);
    script.tell();
    assert_eq!(
        script.lines.last().unwrap(),
        "backend nodes has no server available!"
    );
    assert_eq!(script.service().ledger.downs.get(), 1);
}

#[test]
fn a_weight_of_zero_is_shown_but_not_chosen() {
    let mut script = Script::with(2);
    script.weight("s1", 0);
    assert_eq!(script.usable(), ["s2:2"]);
    assert_eq!(script.rows(), ["s1 1", "s2 2"]);
}

#[test]
fn an_operators_decision_outlives_the_process_it_was_made_for() {
    let mut script = Script::with(2);
    assert!(
        script
            .roster
            .decide(script.now, "nodes", "s1", Admin::Maint)
    );
    assert!(
        !script
            .roster
            .decide(script.now, "nodes", "nobody", Admin::Maint)
    );
    script.node("s1", 1, 1, Word::Left);
    script.tell();
    script.node("s1", 2, 11, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s2:2"]);
}

#[test]
fn servers_of_other_services_are_not_taken_in() {
    let mut script = Script::with(1);
    let sighting = (*script.snapshot.nodes[&key("s1", 1)]).clone();
    let node = Node {
        key: key("x", 1),
        service: Arc::from("other"),
        ..sighting.node.clone()
    };
    script
        .snapshot
        .nodes
        .insert(key("x", 1), Arc::new(Sighting { node, ..sighting }));
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
}

/// Whatever somebody says of a server that gossip knows to be another's.
#[test]
fn who_is_denied_a_server_has_no_say_in_it() {
    for word in [
        Word::Ready,
        Word::Down("".into()),
        Word::Draining,
        Word::Left,
    ] {
        let mut script = Script::with(2);
        script.node("x", 9, 1, word);
        script.snapshot.denied.insert(key("x", 9));
        script.tell();
        assert_eq!(script.usable(), ["s1:1", "s2:2"]);
    }
}

#[test]
fn rows_and_turns_are_in_order_of_name() {
    let mut script = Script::new();
    for number in [10, 2, 1] {
        script.node(&format!("s{number}"), 1, number, Word::Ready);
    }
    script.tell();
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s10:10"]);
}

#[test]
fn whoever_takes_over_a_row_in_maintenance_is_in_maintenance() {
    let mut script = Script::with(1);
    script.node("s1", 2, 2, Word::Ready);
    script.tell();
    script
        .roster
        .decide(script.now, "nodes", "s1", Admin::Maint);
    script.settle();
    script.snapshot.nodes.remove(&key("s1", 1));
    script.tell();
    assert_eq!(script.usable(), [""; 0]);
}

mod drains;
mod histories;
mod holding;
mod namesakes;
mod silence;
