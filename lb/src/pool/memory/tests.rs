//! What is remembered, heard and forgotten, told as scripts of pictures and times.

use std::net::SocketAddr;

use member::node::Description;

use tokio::sync::Notify;

use super::*;
use crate::config::CheckPolicy;
use crate::pool::effect::Effect;
use crate::pool::proof::{Finding, Proof};
use crate::pool::roster::Roster;
use crate::pool::set::Ledger;

const NOW: Duration = Duration::from_secs(1);

fn key(name: &str, generation: u64) -> NodeKey {
    NodeKey {
        name: Arc::from(name),
        generation,
    }
}

fn seen(name: &str, generation: u64, word: Word, presence: Presence) -> Sighting {
    let port = name.bytes().map(u16::from).sum();
    let addr = SocketAddr::from(([10, 0, 0, 1], port));
    Sighting {
        node: Description::backend(name, addr).live(generation, addr.ip(), word),
        gossip: addr,
        presence,
    }
}

fn picture(nodes: impl IntoIterator<Item = Sighting>) -> Arc<Snapshot> {
    let nodes = nodes.into_iter();
    let keyed = nodes.map(|seen| (seen.node.key.clone(), Arc::new(seen)));
    Arc::new(keyed.collect())
}

fn remembering(names: &[&str]) -> Memory {
    let seen = |name: &&str| seen(name, 1, Word::Ready, Presence::Live);
    Memory::of(names.iter().map(seen))
}

/// Name, generation, word and presence of everybody.
fn shown(snapshot: &Snapshot) -> Vec<String> {
    let one = |(key, seen): (&NodeKey, &Arc<Sighting>)| {
        format!("{key} {:?} {:?}", seen.node.word, seen.presence)
    };
    snapshot.nodes.iter().map(one).collect()
}

#[test]
fn the_remembered_are_silent_until_they_are_heard() {
    let mut memory = remembering(&["s1", "s2"]);
    let all = memory.complete(NOW, &picture([]));
    assert_eq!(shown(&all), ["s1@1 Ready Silent", "s2@1 Ready Silent"]);
    let all = memory.complete(NOW, &picture([seen("s1", 1, Word::Ready, Presence::Live)]));
    assert_eq!(shown(&all), ["s1@1 Ready Live", "s2@1 Ready Silent"]);
    // Once heard, gossip alone counts.
    let all = memory.complete(NOW, &picture([]));
    assert_eq!(shown(&all), ["s2@1 Ready Silent"]);
}

#[test]
fn a_nodes_own_word_counts_at_once() {
    for word in [Word::Draining, Word::Left, Word::Down(Arc::from("ill"))] {
        let mut memory = remembering(&["s1"]);
        let heard = picture([seen("s1", 1, word, Presence::Live)]);
        assert_eq!(memory.complete(NOW, &heard), heard);
    }
}

#[test]
fn a_newer_generation_wins_and_an_older_one_does_not() {
    let mut memory = remembering(&["s1"]);
    let heard = picture([seen("s1", 2, Word::Starting, Presence::Live)]);
    assert_eq!(memory.complete(NOW, &heard), heard);
    let mut memory = Memory::of([seen("s1", 3, Word::Ready, Presence::Live)]);
    let mut elsewhere = seen("s1", 2, Word::Starting, Presence::Live);
    elsewhere.node.http = Some(([10, 0, 0, 2], 3000).into());
    let all = memory.complete(NOW, &picture([elsewhere]));
    assert_eq!(shown(&all), ["s1@2 Starting Live", "s1@3 Ready Silent"]);
}

#[test]
fn whoever_is_heard_in_its_place_supersedes_it_whatever_its_clock_says() {
    let mut memory = Memory::of([seen("s1", 3, Word::Ready, Presence::Live)]);
    let rumour = picture([seen("s1", 2, Word::Ready, Presence::Silent)]);
    assert_eq!(memory.complete(NOW, &rumour).nodes.len(), 2);
    let heard = picture([seen("s1", 2, Word::Ready, Presence::Live)]);
    assert_eq!(memory.complete(NOW, &heard), heard);
}

#[test]
fn who_stays_unknown_to_a_cluster_that_is_heard_is_forgotten_once() {
    let mut memory = remembering(&["s1", "s2"]);
    let heard = picture([seen("s1", 1, Word::Ready, Presence::Live)]);
    let _ = memory.complete(NOW, &heard);
    assert_eq!(memory.next_deadline(), Some(NOW + PATIENCE));
    let all = memory.complete(NOW + PATIENCE / 2, &heard);
    assert_eq!(shown(&all), ["s1@1 Ready Live", "s2@1 Ready Silent"]);
    let all = memory.complete(NOW + PATIENCE, &heard);
    assert_eq!(shown(&all), ["s1@1 Ready Live", "s2@1 Starting Silent"]);
    assert_eq!(memory.take_forgotten(), [Arc::from("s2")]);
    assert_eq!(memory.complete(NOW + PATIENCE, &heard), heard);
    assert_eq!(memory.next_deadline(), None);
}

/// That one's word is heard by nobody who tracks only the life before.
#[test]
fn a_later_life_that_has_left_ends_the_remembered_one() {
    let mut memory = remembering(&["s1", "s2"]);
    let _ = memory.complete(NOW, &picture([]));
    let heard = picture([seen("s1", 2, Word::Left, Presence::Live)]);
    let all = memory.complete(NOW, &heard);
    let both = [
        "s1@1 Starting Silent",
        "s1@2 Left Live",
        "s2@1 Ready Silent",
    ];
    assert_eq!(shown(&all), both);
    let all = memory.complete(NOW, &heard);
    assert_eq!(shown(&all), both[1..], "once");
}

#[test]
fn the_patience_begins_anew_when_nobody_is_heard_any_more() {
    let mut memory = remembering(&["s1", "s2"]);
    let _ = memory.complete(NOW, &picture([seen("s1", 1, Word::Ready, Presence::Live)]));
    let lost = picture([seen("s1", 1, Word::Ready, Presence::Silent)]);
    let all = memory.complete(NOW + PATIENCE, &lost);
    assert_eq!(shown(&all), ["s1@1 Ready Silent", "s2@1 Ready Silent"]);
    assert_eq!(memory.next_deadline(), None);
    let later = NOW + 2 * PATIENCE;
    let _ = memory.complete(
        later,
        &picture([seen("s1", 1, Word::Ready, Presence::Live)]),
    );
    assert_eq!(memory.next_deadline(), Some(later + PATIENCE));
}

#[test]
fn silence_alone_drops_nobody() {
    let mut memory = remembering(&["s1"]);
    // Nothing is heard; or only another balancer, another service, or a rumour.
    let mut other = seen("w1", 1, Word::Ready, Presence::Live);
    other.node.service = Arc::from("web");
    let balancer = Sighting {
        node: Description::balancer("hb").live(1, other.gossip.ip(), Word::Ready),
        ..other.clone()
    };
    let rumour = seen("s9", 1, Word::Ready, Presence::Silent);
    for heard in [picture([]), picture([other, balancer, rumour])] {
        let late = NOW + 1000 * PATIENCE;
        let _ = memory.complete(NOW, &heard);
        let all = memory.complete(late, &heard);
        assert!(shown(&all).contains(&"s1@1 Ready Silent".to_owned()));
        assert_eq!(memory.next_deadline(), None);
    }
}

#[test]
fn two_of_one_name_are_both_remembered() {
    let twins = [1, 2].map(|generation| seen("s1", generation, Word::Ready, Presence::Live));
    let mut memory = Memory::of(twins);
    let all = memory.complete(NOW, &picture([]));
    assert_eq!(shown(&all), ["s1@1 Ready Silent", "s1@2 Ready Silent"]);
}

#[test]
fn what_is_only_remembered_is_noted_again() {
    let mut memory = remembering(&["s1"]);
    let _ = memory.complete(NOW, &picture([]));
    let notes = memory.note(&Pool::default());
    assert_eq!(notes[0].node.key, key("s1", 1));
    let _ = memory.complete(NOW, &picture([seen("s1", 1, Word::Left, Presence::Live)]));
    assert!(memory.note(&Pool::default()).is_empty());
}

/// A file that is written anew each minute would keep the dead for ever.
#[test]
fn who_fails_its_connect_while_another_is_in_use_is_noted_no_more() {
    let mut memory = remembering(&["s1", "s2"]);
    let all = memory.complete(NOW, &picture([]));
    let service = Arc::clone(&all.nodes[&key("s1", 1)].node.service);
    let ledger = Arc::new(Ledger::new(service, 1));
    let released = Arc::new(Notify::new());
    let mut roster = Roster::new(CheckPolicy::default(), [ledger], 1, released);
    roster.see(NOW, &all);
    roster.tick(NOW);
    assert_eq!(memory.note(&roster.pool()).len(), 2, "nobody is proven");
    for effect in roster.take_effects() {
        if let Effect::Probe(errand) = effect {
            let refuses = &*errand.server.key.name == "s2";
            let finding = if refuses {
                Finding::L4Con
            } else {
                Finding::L4Ok
            };
            roster.proved(NOW, &errand, &Proof::met(finding, ""));
        }
    }
    let notes = memory.note(&roster.pool());
    let noted: Vec<_> = notes.iter().map(|seen| &*seen.node.key.name).collect();
    assert_eq!(noted, ["s1"]);
}
