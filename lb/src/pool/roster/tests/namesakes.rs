//! Several lives, or several nodes, of one name or at one address.

use super::*;

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

/// Gossip remembers who is dead for a while; what else happens meanwhile is no reason to ask it again.
#[test]
fn a_dead_life_without_a_name_is_not_asked_at_each_change() {
    let mut script = Script::with(2);
    script.node("s1", 2, 8, Word::Ready);
    script.presence("s1", 1, Presence::Silent);
    script.refusing.insert(addr(1));
    script.tell();
    assert_eq!(script.usable(), ["s1:8", "s2:2"]);
    let asked = script.asked(1);
    for weight in 2..12 {
        script.weight("s2", weight);
    }
    assert_eq!(script.asked(1), asked);
}

/// It says now of this server and now of that one that it is its own; neither is another's for it.
#[test]
fn who_announces_another_server_within_one_life_has_none() {
    let mut script = Script::with(1);
    script.node("liar", 99, 1, Word::Down("fire".into()));
    script.snapshot.denied.insert(key("liar", 99));
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
    script.snapshot.denied.clear();
    script.node("liar", 99, 2, Word::Down("fire".into()));
    script.tell();
    assert_eq!(script.usable(), ["s1:1"]);
}
