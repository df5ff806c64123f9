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
fn a_newer_life_at_the_same_address_replaces_the_old_at_once() {
    let mut belief = belief();
    let old = live(of("a", START + 1, 3000, Word::Ready));
    let mut new = of("a", START + 2, 3000, Word::Starting);
    new.id.gossip = at(9999);
    belief.observe(ms(0), std::slice::from_ref(&old));
    belief.observe(ms(50), &[old, new]);
    assert_eq!(
        shown(&belief),
        [a(START + 2, Presence::Live, Word::Starting)]
    );
}

#[test]
fn two_live_nodes_of_one_name_are_both_shown_and_complained_of_once() {
    let mut belief = belief();
    let one = live(of("a", START + 1, 3000, Word::Ready));
    let two = live(of("a", START + 2, 3001, Word::Ready));
    belief.observe(ms(0), &[one.clone(), two.clone()]);
    assert_eq!(belief.take_complaints(), []);
    for now in 1..60 {
        belief.observe(ms(50 * now), &[one.clone(), two.clone()]);
    }
    assert_eq!(shown(&belief).len(), 2);
    assert_eq!(
        belief.take_complaints(),
        [Complaint::SharedName(Arc::from("a"))]
    );
    belief.observe(ms(3_000), &[Reading { live: false, ..one }, two]);
    assert_eq!(shown(&belief), [a(START + 2, Presence::Live, Word::Ready)]);
}

/// Two nodes of one name at ports 3000 and 3001, both heard for ten seconds.
fn neighbours() -> (Belief, [Reading; 2]) {
    let mut belief = belief();
    let one = live(of("a", START + 1, 3000, Word::Ready));
    let two = live(of("a", START + 2, 3001, Word::Ready));
    for now in 0..=200 {
        belief.observe(ms(50 * now), &[one.clone(), two.clone()]);
    }
    (belief, [one, two])
}

fn unheard(reading: &Reading) -> Reading {
    Reading {
        live: false,
        ..reading.clone()
    }
}

#[test]
fn two_nodes_of_one_name_are_both_shown_though_they_are_silent() {
    let (mut belief, [one, two]) = neighbours();
    let first = |presence| a(START + 1, presence, Word::Ready);
    let second = |presence| a(START + 2, presence, Word::Ready);
    use Presence::{Live, Silent};
    belief.observe(ms(10_050), &[unheard(&one), two.clone()]);
    assert_eq!(shown(&belief), [first(Silent), second(Live)]);
    belief.observe(ms(10_100), &[one.clone(), unheard(&two)]);
    assert_eq!(shown(&belief), [first(Live), second(Silent)]);
    belief.observe(ms(10_150), &[unheard(&one), unheard(&two)]);
    assert_eq!(shown(&belief), [first(Silent), second(Silent)]);
}

#[test]
fn a_silent_one_of_two_nodes_gives_way_to_its_own_next_life_elsewhere() {
    let (mut belief, [one, two]) = neighbours();
    let next = live(of("a", START + 9, 3002, Word::Ready));
    belief.observe(ms(10_050), &[unheard(&one), two, next]);
    let generations: Vec<_> = shown(&belief).into_iter().map(|seen| seen.1).collect();
    assert_eq!(generations, [START + 2, START + 9]);
}

#[test]
fn a_silent_one_of_two_nodes_does_not_give_way_to_the_next_life_of_the_other() {
    let (mut belief, [one, two]) = neighbours();
    let mut next = live(of("a", START + 9, 3001, Word::Starting));
    next.id.gossip = at(5001);
    belief.observe(ms(10_050), &[unheard(&one), unheard(&two), next]);
    let generations: Vec<_> = shown(&belief).into_iter().map(|seen| seen.1).collect();
    assert_eq!(generations, [START + 1, START + 9]);
}

/// A container that is made anew has one address, then another, then the first again.
#[test]
fn a_life_does_not_outlive_the_node_that_moved_back() {
    let mut belief = belief();
    let first = live(of("a", START + 1, 3000, Word::Ready));
    let second = live(of("a", START + 2, 3001, Word::Ready));
    let mut third = live(of("a", START + 3, 3000, Word::Ready));
    third.id.gossip = at(5000);
    belief.observe(ms(0), std::slice::from_ref(&first));
    for now in 1..200 {
        belief.observe(ms(50 * now), &[unheard(&first), second.clone()]);
    }
    belief.observe(ms(10_000), &[unheard(&first), unheard(&second), third]);
    assert_eq!(shown(&belief), [a(START + 3, Presence::Live, Word::Ready)]);
}

#[test]
fn a_life_that_began_before_a_clock_was_set_back_does_not_hide_the_living() {
    let mut belief = belief();
    let dead = of("a", START + 9_000, 3000, Word::Ready);
    let mut back = live(of("a", START + 1, 3000, Word::Ready));
    back.id.gossip = at(9999);
    belief.observe(ms(0), &[live(dead.clone())]);
    belief.observe(ms(50), &[dead, back]);
    assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
}

#[test]
fn a_life_whose_clock_was_set_back_is_not_hidden_by_the_dead_when_it_is_silent() {
    let end = |word| of("a", START + 9_000, 3000, word);
    for (dead, port) in [
        (end(Word::Ready), 3000),
        (end(Word::Ready), 3001),
        (end(Word::Left), 3000),
    ] {
        let mut belief = belief();
        let mut back = live(of("a", START + 1, port, Word::Ready));
        back.id.gossip = at(9999);
        belief.observe(ms(0), &[live(dead.clone())]);
        for now in 1..40 {
            belief.observe(ms(50 * now), std::slice::from_ref(&dead));
        }
        belief.observe(ms(2_000), &[dead.clone(), back.clone()]);
        belief.observe(ms(2_050), &[dead, unheard(&back)]);
        assert_eq!(
            shown(&belief),
            [a(START + 1, Presence::Silent, Word::Ready)]
        );
    }
}

/// The last life of a name says how it ended, though the one before, killed, was heard for longer.
#[test]
fn a_life_that_left_is_not_hidden_by_one_that_was_killed_before() {
    let mut belief = belief();
    let killed = live(of("a", START + 1, 3000, Word::Ready));
    let next = live(of("a", START + 2, 3001, Word::Ready));
    let left = live(of("a", START + 2, 3001, Word::Left));
    for now in 0..200 {
        let seen = match now {
            0..40 => vec![killed.clone()],
            40..42 => vec![killed.clone(), next.clone()],
            42..50 => vec![killed.clone(), left.clone()],
            50..60 => vec![killed.clone(), unheard(&left)],
            _ => vec![unheard(&killed), unheard(&left)],
        };
        belief.observe(ms(50 * now), &seen);
    }
    let shown = shown(&belief);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!((shown[0].1, &shown[0].3), (START + 2, &Word::Left));
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

fn crowd(nodes: u16) -> Vec<Reading> {
    let nodes = (0..nodes).map(|n| live(of(&format!("n{n}"), START, 1000 + n, Word::Ready)));
    nodes.collect()
}

#[test]
fn many_nodes_are_told_of_once() {
    let mut belief = belief();
    belief.observe(ms(0), &crowd(299));
    assert!(belief.take_complaints().is_empty());
    belief.observe(ms(100), &crowd(300));
    assert_eq!(belief.take_complaints(), [Complaint::Crowded(301)]);
    belief.observe(ms(200), &crowd(299));
    belief.observe(ms(300), &crowd(320));
    assert!(belief.take_complaints().is_empty());
}

/// The detector of a node that has just joined two hundred, whose rounds are 400 ms, does not know
/// yet how rarely it will be heard.
#[test]
fn in_a_crowd_who_was_just_heard_is_not_missed() {
    let silent_at = |others: u16| {
        let (mut belief, mut readings) = (belief(), crowd(others));
        readings.push(live(of("a", START, 3000, Word::Ready)));
        belief.observe(ms(0), &readings);
        let a = readings.last_mut().unwrap();
        (a.heartbeat, a.live) = (6, false);
        let is_silent = |now: &u64| {
            belief.observe(ms(*now), &readings);
            shown(&belief)[0] == a_silent()
        };
        (50..).step_by(50).find(is_silent).unwrap()
    };
    assert_eq!(silent_at(10), 50);
    assert_eq!(silent_at(99), 50);
    assert_eq!(silent_at(199), 50 + 1_200);
}

fn a_silent() -> (String, u64, Presence, Word) {
    a(START, Presence::Silent, Word::Ready)
}

#[test]
fn no_more_nodes_than_the_cap() {
    let mut belief = belief();
    let crowd = (0..600).map(|i| of(&format!("n{i}"), START, 1000 + i, Word::Ready));
    belief.observe(ms(0), &crowd.collect::<Vec<_>>());
    assert_eq!(shown(&belief).len(), 512);
    assert_eq!(belief.take_complaints(), [Complaint::Full(512)]);
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
    pairs.push(("seen.lb".to_owned(), format!("{START}:drained:0")));
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
                prop_assert!(!reading.live || seen.presence == Presence::Live);
            }
            for (seen, left) in ["a", "b", "c"].iter().zip(left) {
                let is_left = snapshot.named(seen).any(|s| s.node.word == Word::Left);
                prop_assert_eq!(is_left, left);
            }
        }
    }
}

fn evicts(by: &str, name: &str, generation: u64, heartbeat: u64) -> Reading {
    let mut reading = of(by, START + 1, 9000, Word::Ready);
    let pair = (
        crate::keys::eviction_key(name),
        crate::keys::encode_eviction(generation, heartbeat),
    );
    reading.keys.as_mut().unwrap().push(pair);
    reading
}

fn silent(generation: u64, heartbeat: u64) -> Reading {
    Reading {
        heartbeat,
        ..of("a", generation, 3000, Word::Ready)
    }
}

/// The word that is believed of `a`, with its generation.
fn word_of_a(belief: &Belief) -> Vec<(u64, Word)> {
    let all = shown(belief).into_iter().filter(|(name, ..)| name == "a");
    all.map(|(_, generation, _, word)| (generation, word))
        .collect()
}

#[test]
fn a_silent_node_that_somebody_evicts_counts_as_left_until_it_speaks() {
    let mut belief = belief();
    let old = START - 10_000;
    belief.observe(ms(0), &[silent(old, 5)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Ready)]);
    belief.observe(ms(50), &[silent(old, 5), evicts("b", "a", old, 5)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    // Also when whoever said so is no longer known.
    belief.observe(ms(100), &[silent(old, 5)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    // It speaks: what was decided before is over, and its next silence is only silence.
    for now in 2..30 {
        let all = [silent(old, 6), evicts("b", "a", old, 5)];
        belief.observe(ms(100 * now), &all);
        assert_eq!(word_of_a(&belief), [(old, Word::Ready)]);
    }
    assert_eq!(shown(&belief)[0], a(old, Presence::Silent, Word::Ready));
    // Decided anew, it counts anew.
    belief.observe(ms(3_000), &[silent(old, 6), evicts("b", "a", old, 6)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
}

#[test]
fn an_eviction_means_no_later_life_and_nobody_who_is_heard() {
    let mut belief = belief();
    let (first, second) = (START + 1, START + 2);
    let all = [
        of("a", second, 3000, Word::Ready),
        evicts("b", "a", first, 5),
    ];
    belief.observe(ms(0), &all);
    assert_eq!(word_of_a(&belief), [(second, Word::Ready)]);
    // It is heard here while whoever evicts it has missed it for longer: once it is not heard
    // here either, it counts as left.
    let mut last = Vec::new();
    for now in 1..30 {
        let all = [all[0].clone(), evicts("b", "a", second, 5)];
        belief.observe(ms(100 * now), &all);
        let seen = shown(&belief).remove(0);
        let word = match seen.2 {
            Presence::Live => Word::Ready,
            Presence::Silent => Word::Left,
        };
        assert_eq!(seen, a(second, seen.2, word));
        last = vec![seen.2];
    }
    assert_eq!(last, [Presence::Silent]);
}

/// Or one that lies about a heartbeat to come would bury a node at its next silence.
#[test]
fn an_eviction_from_the_future_is_none() {
    let mut belief = belief();
    let old = START - 10_000;
    let all = [silent(old, 5), evicts("b", "a", old, u64::MAX)];
    belief.observe(ms(0), &all);
    assert_eq!(word_of_a(&belief), [(old, Word::Ready)]);
}

#[test]
fn an_eviction_of_our_own_counts_at_once() {
    let mut belief = belief();
    let old = START - 10_000;
    belief.observe(ms(0), &[silent(old, 5)]);
    let key = NodeKey {
        name: "a".into(),
        generation: old,
    };
    belief.evict(&Eviction {
        name: "a".into(),
        generation: old,
        heartbeat: belief.heartbeat(&key).unwrap(),
    });
    belief.observe(ms(1), &[silent(old, 5)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    // What it says of itself meanwhile is remembered, and believed once it is heard.
    let mut down = of("a", old, 3000, Word::Down("x".into()));
    belief.observe(ms(2), std::slice::from_ref(&down));
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    down.heartbeat = 9;
    belief.observe(ms(3), &[down]);
    assert_eq!(word_of_a(&belief), [(old, Word::Down("x".into()))]);
}
