//! Servers joining, leaving, dying and being replaced, told as scripts of events and times.

use std::net::SocketAddr;

use member::node::Node;

use super::*;
use crate::pool::proof::Finding;

/// A roster, a clock, a cluster as gossip tells it, and which servers answer.
struct Script {
    roster: Roster,
    now: Duration,
    snapshot: Snapshot,
    refusing: BTreeSet<SocketAddr>,
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
fn a_draining_server_is_out_and_acknowledged_and_let_go_when_idle() {
    let mut script = Script::with(2);
    let lease = script.server("s1").lease().unwrap();
    script.node("s1", 1, 1, Word::Draining);
    script.tell();
    assert_eq!(script.usable(), ["s2:2"]);
    assert_eq!(script.acks, [("s1".to_owned(), 1)]);
    drop(lease);
    script.roster.released(script.now);
    script.settle();
    assert_eq!(script.acks.last().unwrap(), &("s1".to_owned(), 0));
    assert_eq!(script.rows(), ["s1 1", "s2 2"], "shown until it has left");
    script.node("s1", 1, 1, Word::Left);
    script.tell();
    assert_eq!(script.rows(), ["s2 2"]);
}

#[test]
fn a_left_server_keeps_its_row_while_requests_are_in_flight() {
    let mut script = Script::with(2);
    let lease = script.server("s1").lease().unwrap();
    script.node("s1", 1, 1, Word::Left);
    script.tell();
    assert_eq!(script.rows(), ["s1 1", "s2 2"]);
    drop(lease);
    script.roster.released(script.now);
    script.settle();
    assert_eq!(script.rows(), ["s2 2"]);
}

#[test]
fn a_name_that_comes_back_elsewhere_keeps_its_row_and_its_number() {
    let mut script = Script::with(2);
    script.server("s1").row.cells.of(0).stot.add(7);
    script.node("s1", 1, 1, Word::Left);
    script.tell();
    script.node("s1", 2, 11, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:11", "s2:2"]);
    assert_eq!(script.rows(), ["s1 1", "s2 2"]);
    assert_eq!(script.server("s1").row.cells.sum(|tally| &tally.stot), 7);
}

#[test]
fn the_old_life_is_let_go_while_the_new_one_serves() {
    let mut script = Script::with(1);
    let lease = script.server("s1").lease().unwrap();
    script.node("s1", 1, 1, Word::Draining);
    script.node("s1", 2, 11, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:11"]);
    drop(lease);
    script.roster.released(script.now);
    script.settle();
    assert_eq!(script.acks, [("s1".to_owned(), 1), ("s1".to_owned(), 0)]);
}

#[test]
fn two_live_nodes_of_one_name_are_both_served_and_warned_about() {
    let mut script = Script::with(1);
    script.node("s1", 2, 11, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:1", "s1~2:11"]);
    assert!(
        script
            .lines
            .iter()
            .any(|line| line.contains("two live nodes are named s1"))
    );
    script.node("s1", 1, 1, Word::Left);
    script.tell();
    assert_eq!(script.usable(), ["s1:11"], "whoever is left has the name");
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
fn losing_gossip_never_empties_the_pool() {
    let mut script = Script::with(3);
    script.snapshot = Snapshot::default();
    script.tell();
    script.wait(1000 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    script.refusing.insert(addr(2));
    script.wait(5 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s3:3"]);
    script.wait(121 * SECOND);
    assert_eq!(script.rows(), ["s1 1", "s3 3"]);
}

#[test]
fn a_member_that_died_and_came_back_beside_its_webapp_is_tracked_once() {
    let mut script = Script::with(1);
    script.presence("s1", 1, Presence::Silent);
    script.tell();
    script.snapshot.nodes.clear();
    script.node("s1", 2, 1, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
    script.wait(10 * SECOND);
    assert_eq!(script.roster.tracked.len(), 1);
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
    let k = key("s1", 1);
    let sighting = (*script.snapshot.nodes[&k]).clone();
    let node = Node {
        weight: 0,
        ..sighting.node.clone()
    };
    script
        .snapshot
        .nodes
        .insert(k, Arc::new(Sighting { node, ..sighting }));
    script.tell();
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

#[test]
fn a_draining_node_that_was_never_served_here_is_let_go() {
    let mut script = Script::with(1);
    let sighting = (*script.snapshot.nodes[&key("s1", 1)]).clone();
    let (service, word) = (Arc::from("other"), Word::Draining);
    let node = Node {
        key: key("x", 1),
        service,
        word,
        ..sighting.node.clone()
    };
    script
        .snapshot
        .nodes
        .insert(key("x", 1), Arc::new(Sighting { node, ..sighting }));
    script.tell();
    script.tell();
    assert_eq!(script.acks, [("x".to_owned(), 0)]);
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
fn a_second_draining_is_acknowledged_too() {
    let mut script = Script::with(2);
    for word in [Word::Draining, Word::Ready, Word::Draining] {
        script.node("s1", 1, 1, word);
        script.tell();
    }
    assert_eq!(script.acks.len(), 2);
}

#[test]
fn a_server_that_comes_back_goes_on_with_what_it_was_doing() {
    let mut script = Script::with(1);
    let server = script.server("s1");
    let _lease = server.lease().unwrap();
    for admin in [Admin::Drain, Admin::Maint] {
        script.roster.decide(script.now, "nodes", "s1", admin);
        script.settle();
        assert_eq!(server.standing(), Standing::Leaving);
        script
            .roster
            .decide(script.now, "nodes", "s1", Admin::Ready);
        assert_eq!(
            server.standing(),
            Standing::Leaving,
            "until its connect has ended"
        );
        script.settle();
        assert_eq!(server.standing(), Standing::Usable);
    }
}

#[test]
fn a_refused_connect_does_not_cut_short_what_a_leaving_server_does() {
    let mut script = Script::with(1);
    let server = script.server("s1");
    script.node("s1", 1, 1, Word::Draining);
    script.tell();
    assert!(!server.eject());
    assert_eq!(server.standing(), Standing::Leaving);
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
    script.presence("s1", 1, Presence::Silent);
    script.tell();
    assert_eq!(script.usable(), [""; 0]);
}

mod histories;
