//! Servers that take nothing new, and are told when they may go.

use super::*;

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
