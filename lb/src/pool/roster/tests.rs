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
            keys: Vec::new(),
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
fn a_long_drain_is_told_by_halves() {
    let mut script = Script::with(2);
    let server = script.server("s1");
    let mut leases: Vec<_> = (0..10).map(|_| server.lease().unwrap()).collect();
    script.node("s1", 1, 1, Word::Draining);
    script.tell();
    while leases.pop().is_some() {
        script.roster.released(script.now);
        script.settle();
    }
    let told: Vec<u64> = script.acks.iter().map(|(_, left)| *left).collect();
    assert_eq!(told, [10, 5, 2, 1, 0]);
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
fn two_nodes_of_one_name_are_both_served_though_they_are_silent() {
    let mut script = Script::with(1);
    script.node("s1", 2, 11, Word::Ready);
    script.tell();
    for generation in [1, 2] {
        script.presence("s1", generation, Presence::Silent);
        script.tell();
        script.wait(200 * SECOND);
        assert_eq!(script.usable(), ["s1:1", "s1~2:11"]);
    }
    script.snapshot = Snapshot::default();
    script.tell();
    script.wait(200 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s1~2:11"]);
    script.refusing.insert(addr(1));
    script.wait(10 * SECOND);
    assert_eq!(script.usable(), ["s1:11"]);
}

#[test]
fn a_life_that_is_silent_serves_until_the_next_one_does() {
    let mut script = Script::with(1);
    script.snapshot.nodes.remove(&key("s1", 1));
    script.node("s1", 2, 11, Word::Starting);
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
    script.node("s1", 2, 11, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:11"]);
    assert_eq!(script.rows(), ["s1 1"]);
}

/// It only ends what it has begun.
#[test]
fn a_life_that_was_succeeded_does_not_come_back() {
    let mut script = Script::with(1);
    let lease = script.server("s1").lease().unwrap();
    script.snapshot.nodes.remove(&key("s1", 1));
    script.node("s1", 2, 11, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:11"]);
    script.node("s1", 2, 11, Word::Draining);
    script.tell();
    assert_eq!(script.usable(), [""; 0]);
    assert_eq!(script.rows(), ["s1 1"]);
    assert_eq!(script.server("s1").key.generation, 2);
    drop(lease);
}

#[test]
fn a_life_at_a_server_that_is_started_again_does_not_serve() {
    let mut script = Script::with(1);
    script.snapshot.nodes.remove(&key("s1", 1));
    script.node("s1", 2, 1, Word::Starting);
    script.tell();
    assert_eq!(script.usable(), [""; 0]);
    script.node("s1", 2, 1, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
}

/// Its clock was set back; the dead life's last request is still in flight.
#[test]
fn a_silent_life_is_not_displaced_by_a_dead_one_of_a_later_generation() {
    let mut script = Script::new();
    script.node("s1", 9, 1, Word::Ready);
    script.tell();
    let lease = script.server("s1").lease().unwrap();
    script.snapshot.nodes.clear();
    script.node("s1", 1, 1, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
    script.presence("s1", 1, Presence::Silent);
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
    // Nor when gossip shows neither, but the next life, elsewhere.
    script.snapshot.nodes.clear();
    script.node("s1", 2, 11, Word::Ready);
    script.refusing.insert(addr(11));
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
    assert_eq!(script.server("s1").key.generation, 1);
    drop(lease);
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
    script.wait(7 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s3:3"]);
    script.wait(121 * SECOND);
    assert_eq!(script.rows(), ["s1 1", "s2 2", "s3 3"], "nobody is heard");
    script.refusing.clear();
    script.wait(7 * SECOND);
    assert_eq!(
        script.usable(),
        ["s1:1", "s2:2", "s3:3"],
        "by its checks alone"
    );
}

#[test]
fn who_was_never_heard_has_not_fallen_silent() {
    let mut script = Script::with(0);
    for n in 1..=3 {
        let name = format!("s{n}");
        script.node(&name, 1, n, Word::Ready);
        script.presence(&name, 1, Presence::Silent);
    }
    script.tell();
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    // The others are not heard at the same moment.
    script.presence("s1", 1, Presence::Live);
    script.tell();
    script.wait(SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    assert!(!script.lines.iter().any(|line| line.contains("ALERT")));
}

#[test]
fn one_failed_connect_is_no_proof_against_most_of_a_service() {
    let mut script = Script::with(3);
    for (server, presence) in [("s1", Presence::Silent), ("s2", Presence::Silent)] {
        script.presence(server, 1, presence);
    }
    script.refusing.extend([addr(1), addr(2)]);
    script.tell();
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    assert!(script.lines.last().unwrap().starts_with("ALERT: 2 servers"));
    script.wait(SECOND);
    assert_eq!(
        script.usable(),
        ["s3:3"],
        "the full count, in quick succession"
    );
    script.refusing.clear();
    script.wait(3 * SECOND);
    assert_eq!(
        script.usable(),
        ["s1:1", "s2:2", "s3:3"],
        "proof brings them back"
    );
    script.wait(30 * SECOND);
    script.refusing.insert(addr(1));
    script.wait(3 * SECOND);
    assert_eq!(script.usable(), ["s2:2", "s3:3"], "the excuse is over");
}

#[test]
fn one_silent_server_of_three_needs_one_failed_connect() {
    let mut script = Script::with(3);
    script.presence("s1", 1, Presence::Silent);
    script.refusing.insert(addr(1));
    script.tell();
    assert_eq!(script.usable(), ["s2:2", "s3:3"]);
}

#[test]
fn an_address_that_another_container_has_now_is_one_server() {
    let mut script = Script::with(2);
    script.presence("s1", 1, Presence::Silent);
    script.node("s9", 2, 1, Word::Ready);
    script.tell();
    assert_eq!(script.usable(), ["s2:2", "s9:1"]);
    script.wait(200 * SECOND);
    assert_eq!(script.rows(), ["s2 2", "s9 3"]);
}

/// What still stands in gossip of a dead node says nothing of whoever has its address now.
#[test]
fn an_address_is_not_given_back_to_the_dead() {
    let mut script = Script::with(2);
    script.presence("s1", 1, Presence::Silent);
    script.node("s9", 2, 1, Word::Ready);
    script.tell();
    let ill = Word::Down(Arc::from("ill"));
    for word in [Word::Draining, Word::Ready, ill, Word::Draining, Word::Left] {
        script.node("s9", 2, 1, word.clone());
        script.tell();
        script.wait(SECOND);
        let usable = script.usable();
        assert!(!usable.contains(&"s1:1".to_owned()), "{word:?}: {usable:?}");
    }
}

/// Who came back beside a webapp that never stopped waits for all that goes on there.
#[test]
fn a_drain_waits_for_what_an_earlier_life_began() {
    let mut script = Script::with(2);
    let lease = script.server("s1").lease().unwrap();
    script.presence("s1", 1, Presence::Silent);
    script.node("s1", 2, 1, Word::Ready);
    script.tell();
    script.node("s1", 2, 1, Word::Draining);
    script.tell();
    assert_eq!(script.acks, [("s1".to_owned(), 1)]);
    drop(lease);
    script.roster.released(script.now);
    script.settle();
    assert_eq!(script.acks, [("s1".to_owned(), 1), ("s1".to_owned(), 0)]);
}

/// Goal: a crash loop of ten in a minute is admitted three times.
#[test]
fn a_crash_loop_is_held_out_and_said_so() {
    let mut script = Script::with(3);
    let mut admitted = 1;
    for life in 2..12 {
        script.snapshot.nodes.remove(&key("s1", life - 1));
        script.refusing.insert(addr(1));
        script.wait(SECOND);
        script.refusing.clear();
        script.node("s1", life, 1, Word::Ready);
        script.tell();
        admitted += usize::from(script.usable().contains(&"s1:1".to_owned()));
        script.wait(5 * SECOND);
    }
    assert_eq!(admitted, 3);
    let view = script.server("s1").row.view();
    assert!(view.held_until.is_some() && !view.shown.is_up());
    assert!(
        script
            .lines
            .iter()
            .any(|line| line.contains("s1 is well, but went down too often"))
    );
    script.wait(120 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
}

#[test]
fn clean_leaves_and_new_versions_are_free() {
    let mut script = Script::with(3);
    for life in 2..12 {
        script.node("s1", life - 1, 1, Word::Draining);
        script.tell();
        script.node("s1", life - 1, 1, Word::Left);
        script.tell();
        script.snapshot.nodes.clear();
        script.node("s2", 1, 2, Word::Ready);
        script.node("s3", 1, 3, Word::Ready);
        script.node("s1", life, 1, Word::Ready);
        script.tell();
        assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    }
}

/// Holding servers out must not be an outage of our own making.
#[test]
fn never_are_more_servers_held_out_than_are_in_use() {
    let mut script = Script::with(1);
    for _ in 0..5 {
        script.node("s1", 1, 1, Word::Down(Arc::from("refused")));
        script.tell();
        script.node("s1", 1, 1, Word::Ready);
        script.tell();
        assert_eq!(script.usable(), ["s1:1"], "the only one there is");
    }
    let mut script = Script::with(3);
    for _ in 0..4 {
        for word in [Word::Down(Arc::from("refused")), Word::Ready] {
            (1..=3).for_each(|n| script.node(&format!("s{n}"), 1, n, word.clone()));
            script.tell();
        }
    }
    assert_eq!(script.usable().len(), 2);
    // Its peers go: it is let in.
    for n in 1..=3 {
        let name = format!("s{n}");
        if script.usable().contains(&format!("{name}:{n}")) {
            script.node(&name, 1, n, Word::Draining);
        }
    }
    script.tell();
    assert_eq!(script.usable().len(), 1);
}

/// Whoever gets no requests is in nobody's stead.
#[test]
fn a_weight_of_zero_does_not_hold_the_other_out() {
    let crash = |script: &mut Script| {
        for _ in 0..4 {
            for word in [Word::Down(Arc::from("refused")), Word::Ready] {
                script.node("s2", 1, 2, word);
                script.tell();
            }
        }
    };
    let mut script = Script::with(2);
    script.weight("s1", 0);
    crash(&mut script);
    assert_eq!(script.usable(), ["s2:2"]);
    let mut script = Script::with(2);
    crash(&mut script);
    assert_eq!(script.usable(), ["s1:1"], "held out");
    script.weight("s1", 0);
    assert_eq!(script.usable(), ["s2:2"], "needed");
}

/// It did not end, it is shown under another name.
#[test]
fn who_moves_to_another_name_leaves_no_strike_behind() {
    let mut script = Script::with(1);
    script.node("s1", 2, 2, Word::Ready);
    script.tell();
    for life in 3..9 {
        assert_eq!(script.usable().len(), 2, "before life {life}");
        for word in [Word::Draining, Word::Left] {
            script.node("s1", life - 2, (life - 2) as u16, word);
            script.tell();
        }
        script.node("s1", life, life as u16, Word::Ready);
        script.tell();
    }
    let held = |line: &String| line.contains("went down too often");
    assert!(!script.lines.iter().any(held), "{:?}", script.lines);
}

#[test]
fn a_probe_that_our_own_stall_drew_out_proves_nothing() {
    let mut script = Script::with(2);
    script.presence("s1", 1, Presence::Silent);
    script.roster.see(script.now, &script.snapshot);
    script.roster.tick(script.now);
    let effects = script.roster.take_effects();
    let errand = effects.into_iter().find_map(|effect| match effect {
        Effect::Probe(errand) => Some(errand),
        _ => None,
    });
    let late = Proof {
        took: 5 * SECOND,
        ..proof(Finding::L4Tout)
    };
    script.now += 5 * SECOND;
    script.roster.proved(script.now, &errand.unwrap(), &late);
    script.settle();
    assert_eq!(script.usable(), ["s1:1", "s2:2"]);
    script.wait(SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2"], "asked again, it answers");
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

#[test]
fn a_draining_node_that_was_never_served_here_is_let_go() {
    let mut script = Script::with(1);
    let sighting = (*script.snapshot.nodes[&key("s1", 1)]).clone();
    let node = Node {
        key: key("x", 1),
        service: Arc::from("other"),
        ..sighting.node.clone()
    };
    let says = |script: &mut Script, word: Word| {
        let mut sighting = Sighting {
            node: node.clone(),
            ..sighting.clone()
        };
        sighting.node.word = word;
        let nodes = &mut script.snapshot.nodes;
        nodes.insert(key("x", 1), Arc::new(sighting));
        script.tell();
    };
    says(&mut script, Word::Draining);
    script.tell();
    assert_eq!(script.acks, [("x".to_owned(), 0)]);
    says(&mut script, Word::Ready);
    says(&mut script, Word::Draining);
    assert_eq!(script.acks.len(), 2, "another drain");
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
    script.snapshot.nodes.remove(&key("s1", 1));
    script.tell();
    assert_eq!(script.usable(), [""; 0]);
}

mod histories;
