//! Histories told as readings, and what is believed after each.

use proptest::prelude::*;

use super::*;
use crate::keys::encode;
use crate::node::{Description, Word};
use crate::snapshot::Presence;

const G: Duration = Duration::from_millis(200);
/// Our own generation.
const START: u64 = 1_000_000;

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn belief() -> Belief {
    let key = NodeKey {
        name: Arc::from("lb"),
        generation: START,
    };
    Belief::new(
        Id {
            key,
            gossip: at(7373),
        },
        G,
    )
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A reading of a member at gossip port and server port `port`, unheard and not yet live.
fn of(name: &str, generation: u64, port: u16, word: Word) -> Reading {
    let node = Description::backend(name, at(port)).live(generation, at(port).ip(), word);
    Reading {
        id: Id {
            key: node.key.clone(),
            gossip: at(port),
        },
        heartbeat: 5,
        live: false,
        heard: None,
        keys: Some(encode(&node).unwrap()),
    }
}

/// A reading of a member that says it has evicted another.
fn evicts(by: &str, name: &str, generation: u64, heartbeat: u64) -> Reading {
    let mut reading = of(by, START + 1, 9000, Word::Ready);
    let pair = (
        crate::keys::eviction_key(name),
        crate::keys::encode_eviction(generation, heartbeat),
    );
    reading.keys.as_mut().unwrap().push(pair);
    reading
}

fn live(reading: Reading) -> Reading {
    Reading {
        live: true,
        ..reading
    }
}

/// What is shown: name, generation, presence, word.
fn shown(belief: &Belief) -> Vec<(String, u64, Presence, Word)> {
    let nodes = belief.snapshot();
    nodes
        .nodes
        .values()
        .map(|s| {
            (
                s.node.key.name.to_string(),
                s.node.key.generation,
                s.presence,
                s.node.word.clone(),
            )
        })
        .collect()
}

fn a(generation: u64, presence: Presence, word: Word) -> (String, u64, Presence, Word) {
    ("a".to_owned(), generation, presence, word)
}

#[test]
fn a_join_after_our_start_is_live_at_first_contact() {
    let mut belief = belief();
    belief.observe(ms(0), &[of("a", START + 1, 3000, Word::Ready)]);
    assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
}

#[test]
fn a_promise_that_is_never_kept_expires() {
    let mut belief = belief();
    for now in 0..25 {
        belief.observe(ms(100 * now), &[of("a", START + 1, 3000, Word::Ready)]);
    }
    assert_eq!(
        shown(&belief),
        [a(START + 1, Presence::Silent, Word::Ready)]
    );
}

#[test]
fn a_rumour_of_a_node_that_died_before_us_is_silent() {
    let mut belief = belief();
    for now in 0..10 {
        belief.observe(ms(100 * now), &[of("a", START - 10_000, 3000, Word::Ready)]);
        assert_eq!(
            shown(&belief),
            [a(START - 10_000, Presence::Silent, Word::Ready)]
        );
    }
}

#[test]
fn a_rumour_is_live_once_its_heartbeat_moves() {
    let mut belief = belief();
    let old = of("a", START - 10_000, 3000, Word::Ready);
    belief.observe(ms(0), std::slice::from_ref(&old));
    belief.observe(
        ms(50),
        &[Reading {
            heartbeat: 6,
            keys: None,
            ..old
        }],
    );
    assert_eq!(
        shown(&belief),
        [a(START - 10_000, Presence::Live, Word::Ready)]
    );
}

#[test]
fn a_rumour_is_live_once_it_speaks_to_us() {
    let mut belief = belief();
    let old = of("a", START - 10_000, 3000, Word::Ready);
    belief.observe(
        ms(0),
        &[Reading {
            heard: Some(ms(0)),
            ..old
        }],
    );
    assert_eq!(
        shown(&belief),
        [a(START - 10_000, Presence::Live, Word::Ready)]
    );
}

#[test]
fn a_voice_from_a_reused_address_is_not_the_dead_node() {
    let mut belief = belief();
    let dead = of("a", START - 10_000, 3000, Word::Ready);
    let new = of("b", START + 10, 3000, Word::Ready);
    let heard = Some(ms(0));
    belief.observe(
        ms(0),
        &[Reading { heard, ..dead }, Reading { heard, ..new }],
    );
    let presences: Vec<_> = shown(&belief).into_iter().map(|n| n.2).collect();
    assert_eq!(presences, [Presence::Silent, Presence::Live]);
}

#[test]
fn a_node_the_detector_gave_up_is_silent_and_comes_back() {
    let mut belief = belief();
    let node = of("a", START + 1, 3000, Word::Ready);
    belief.observe(ms(0), &[live(node.clone())]);
    belief.observe(ms(50), std::slice::from_ref(&node));
    assert_eq!(shown(&belief)[0].2, Presence::Silent);
    belief.observe(ms(100), &[live(node)]);
    assert_eq!(shown(&belief)[0].2, Presence::Live);
}

#[test]
fn after_our_own_stall_nobody_is_silent_at_once() {
    let mut belief = belief();
    let node = of("a", START + 1, 3000, Word::Ready);
    belief.observe(ms(0), &[live(node.clone())]);
    belief.observe(ms(5_000), std::slice::from_ref(&node));
    assert_eq!(shown(&belief)[0].2, Presence::Live);
    for now in 1..=20 {
        belief.observe(ms(5_000 + 50 * now), std::slice::from_ref(&node));
    }
    assert_eq!(shown(&belief)[0].2, Presence::Silent);
}

#[test]
fn left_sticks_to_its_generation() {
    let mut belief = belief();
    belief.observe(ms(0), &[of("a", START + 1, 3000, Word::Left)]);
    belief.observe(ms(50), &[of("a", START + 1, 3000, Word::Ready)]);
    assert_eq!(shown(&belief)[0].3, Word::Left);
    let back = of("a", START + 2, 3001, Word::Ready);
    belief.observe(ms(100), &[of("a", START + 1, 3000, Word::Ready), back]);
    assert_eq!(shown(&belief), [a(START + 2, Presence::Live, Word::Ready)]);
}

#[test]
fn a_node_that_left_comes_back_though_its_clock_was_set_back() {
    let mut belief = belief();
    let mut left = of("a", START + 9, 3000, Word::Left);
    let mut back = live(of("a", START + 1, 3000, Word::Ready));
    (left.id.gossip, back.id.gossip) = (at(5000), at(5001));
    belief.observe(ms(0), std::slice::from_ref(&left));
    belief.observe(ms(500), &[left, back]);
    assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
}

#[test]
fn an_earlier_life_that_still_seems_heard_does_not_outlive_the_one_that_left() {
    let mut belief = belief();
    let before = live(of("a", START + 1, 3000, Word::Ready));
    let left = of("a", START + 9, 3000, Word::Left);
    belief.observe(ms(0), std::slice::from_ref(&before));
    belief.observe(ms(500), &[before.clone(), left.clone()]);
    assert_eq!(shown(&belief), [a(START + 9, Presence::Live, Word::Left)]);
    // Met together, as after a restart of ours: by then only one that lives is heard.
    belief.observe(ms(6_000), &[before, left]);
    assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
}

#[test]
fn undecodable_nodes_are_not_shown_and_complained_of_once() {
    let mut belief = belief();
    let mut bad = of("a", START + 1, 3000, Word::Ready);
    bad.keys
        .as_mut()
        .unwrap()
        .push(("w".to_owned(), "300".to_owned()));
    belief.observe(ms(0), std::slice::from_ref(&bad));
    belief.observe(ms(50), &[bad]);
    assert!(shown(&belief).is_empty());
    assert!(matches!(
        belief.take_complaints()[..],
        [Complaint::Undecodable(..)]
    ));
}

fn a_silent() -> (String, u64, Presence, Word) {
    a(START, Presence::Silent, Word::Ready)
}

#[test]
fn our_own_former_life_is_not_shown_and_a_later_one_outbids_us() {
    let mut belief = belief();
    let mut former = of("lb", START - 5, 3000, Word::Ready);
    former.id.gossip = at(7373);
    belief.observe(ms(0), std::slice::from_ref(&former));
    assert!(shown(&belief).is_empty());
    assert_eq!(belief.outbid(), None);
    former.id.key.generation = START + 5;
    belief.observe(ms(50), std::slice::from_ref(&former));
    assert_eq!(belief.outbid(), Some(START + 5));
    former.id.key.generation = u64::MAX;
    belief.observe(ms(100), &[former]);
    assert_eq!(belief.outbid(), None);
}

#[test]
fn a_new_life_of_ours_keeps_what_was_known_until_it_is_told_again() {
    let mut belief = belief();
    let node = live(of("a", START + 1, 3000, Word::Ready));
    belief.observe(ms(0), &[node]);
    let key = NodeKey {
        name: Arc::from("lb"),
        generation: START + 9,
    };
    belief.reborn(
        Id {
            key,
            gossip: at(7373),
        },
        ms(50),
    );
    belief.observe(ms(100), &[]);
    assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
    belief.observe(ms(6_000), &[]);
    assert!(shown(&belief).is_empty());
}

#[test]
fn receipts_for_another_life_do_not_count() {
    let mut belief = belief();
    let mut peer = of("b", START + 1, 3000, Word::Ready);
    let pairs = peer.keys.as_mut().unwrap();
    pairs.push((format!("seen.lb@{START}"), format!("{START}:drained:0")));
    belief.observe(ms(0), std::slice::from_ref(&peer));
    assert_eq!(belief.receipts().len(), 1);
    peer.keys.as_mut().unwrap().last_mut().unwrap().1 = "7:drained:0".to_owned();
    belief.observe(ms(50), &[peer]);
    assert_eq!(belief.receipts().len(), 0);
}

#[test]
fn an_unchanged_cluster_keeps_its_snapshot() {
    let mut belief = belief();
    let node = live(of("a", START + 1, 3000, Word::Ready));
    belief.observe(ms(0), std::slice::from_ref(&node));
    let first = belief.snapshot();
    belief.observe(ms(50), &[node]);
    assert!(Arc::ptr_eq(&first, &belief.snapshot()));
}

proptest! {
    #![proptest_config(crate::seeded())]

    /// Whatever lives a name has, it is shown, and no two shown ones share an address.
    #[test]
    fn some_life_of_a_name_is_always_shown(
        lives in prop::collection::vec((0..4u64, 0..3u16, 0..3u16, any::<bool>(), any::<bool>()), 1..6),
    ) {
        let mut belief = belief();
        let readings: Vec<_> = lives
            .into_iter()
            .map(|(generation, server, gossip, live, left)| {
                let word = if left { Word::Left } else { Word::Ready };
                let mut reading = of("a", generation, 3000 + server, word);
                reading.id.gossip = at(5000 + gossip);
                Reading { live, ..reading }
            })
            .collect();
        belief.observe(ms(0), &readings);
        let snapshot = belief.snapshot();
        prop_assert!(!snapshot.nodes.is_empty());
        let servers: std::collections::HashSet<_> =
            snapshot.backends().map(|b| b.node.http).collect();
        prop_assert_eq!(servers.len(), snapshot.nodes.len());
    }

    /// A history of three nodes: what gossip holds is shown, what the detector counts among
    /// the living is live, `left` is final, and nothing that is known is lost to silence.
    #[test]
    fn every_history_keeps_the_rules(
        steps in prop::collection::vec(
            (0..400u64, 0..3usize, 0..4usize, any::<bool>(), any::<bool>()), 1..60,
        ),
    ) {
        let mut belief = belief();
        let mut held: [Option<Reading>; 3] = [None, None, None];
        let mut left = [false; 3];
        let mut now = 0;
        for (pause, node, word, live, moves) in steps {
            now += pause;
            let words = [Word::Starting, Word::Ready, Word::Draining, Word::Left];
            let (name, port) = (["a", "b", "c"][node], [3000, 3001, 3002][node]);
            let heartbeat = held[node].as_ref().map_or(5, |r| r.heartbeat) + u64::from(moves);
            left[node] |= word == 3;
            let reading = of(name, START + 1, port, words[word].clone());
            held[node] = Some(Reading { live, heartbeat, ..reading });
            let readings: Vec<_> = held.iter().flatten().cloned().collect();
            belief.observe(ms(now), &readings);
            let snapshot = belief.snapshot();
            prop_assert_eq!(snapshot.nodes.len(), readings.len());
            for (seen, reading) in snapshot.nodes.values().zip(&readings) {
                let beats = reading.live && seen.node.key.name.as_ref() == ["a", "b", "c"][node];
                prop_assert!(!beats || !moves || seen.presence == Presence::Live);
            }
            for (seen, left) in ["a", "b", "c"].iter().zip(left) {
                let is_left = snapshot.named(seen).any(|s| s.node.word == Word::Left);
                prop_assert_eq!(is_left, left);
            }
        }
    }
}

/// One that is heard, at its so-manieth heartbeat.
fn beating(beats: u64) -> Reading {
    Reading {
        heartbeat: 6 + beats,
        ..live(of("a", START + 1, 3000, Word::Ready))
    }
}

/// After how long a node counts as quiet whose heartbeat moved every `step` ms before, for 12 s.
fn quiet_after(mut belief: Belief, step: u64) -> Option<u64> {
    let last = 12_000 / step * step;
    (0..20_000).step_by(50).find_map(|now| {
        belief.observe(ms(now), &[beating(now.min(last) / step)]);
        (!belief.snapshot().quiet.is_empty()).then(|| now - last)
    })
}

#[test]
fn who_is_not_heard_for_longer_than_usual_is_quiet_to_a_balancer() {
    assert_eq!(quiet_after(belief().wary(), 100), Some(600));
    assert_eq!(quiet_after(belief().wary(), 500), Some(1_350));
    assert_eq!(quiet_after(belief(), 100), None);
}

#[test]
fn after_our_own_stall_nobody_is_quiet_at_once() {
    let mut belief = belief().wary();
    for now in (0..5_000).step_by(50) {
        belief.observe(ms(now), &[beating(now)]);
    }
    let missed = (9_000..20_000).step_by(50).find(|now| {
        belief.observe(ms(*now), &[beating(4_950)]);
        assert!(belief.snapshot().quiet.is_empty());
        shown(&belief)[0].2 == Presence::Silent
    });
    assert_eq!(missed, Some(10_000));
}

#[test]
fn our_own_stalls_are_no_part_of_anybodys_rhythm() {
    let (mut belief, mut now) = (belief(), 0);
    for _ in 0..10 {
        now += 3_000;
        for _ in 0..40 {
            now += 50;
            belief.observe(ms(now), &[beating(now)]);
        }
    }
    let missed = (now..now + 9_000).step_by(50).find(|at| {
        belief.observe(ms(*at), &[beating(now)]);
        shown(&belief)[0].2 == Presence::Silent
    });
    assert_eq!(missed, Some(now + 800));
}

/// A partition heals, and a digest tells of a beat from before the node died on its other side.
#[test]
fn one_beat_that_others_tell_of_does_not_raise_the_dead() {
    let mut belief = belief();
    let dead = |beats| Reading {
        live: false,
        ..beating(beats)
    };
    for now in (0..5_000).step_by(50) {
        belief.observe(ms(now), &[beating(now / 100)]);
    }
    for now in (5_000..9_000).step_by(50) {
        belief.observe(ms(now), &[dead(49)]);
    }
    assert_eq!(shown(&belief)[0].2, Presence::Silent);
    belief.observe(ms(9_000), &[dead(80)]);
    assert_eq!(shown(&belief)[0].2, Presence::Silent);
    belief.observe(ms(9_100), &[beating(81)]);
    assert_eq!(shown(&belief)[0].2, Presence::Live);
}

mod asked;
mod crowds;
mod evictions;
mod moved;
mod namesakes;
mod twins;
