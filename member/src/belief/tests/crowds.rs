//! Many nodes.

use super::*;

/// The nodes of these numbers, not yet live.
fn nodes(numbers: std::ops::Range<u16>) -> Vec<Reading> {
    let nodes = numbers.map(|n| of(&format!("n{n}"), START, 1000 + n, Word::Ready));
    nodes.collect()
}

fn crowd(of_nodes: u16) -> Vec<Reading> {
    nodes(0..of_nodes).into_iter().map(live).collect()
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
    // Ten rounds, or four of theirs.
    assert_eq!(silent_at(10), 50 + 2_000);
    assert_eq!(silent_at(99), 50 + 2_000);
    assert_eq!(silent_at(399), 50 + 3_200);
}

#[test]
fn no_more_nodes_than_the_cap() {
    let mut belief = belief();
    belief.observe(ms(0), &nodes(0..600));
    assert_eq!(shown(&belief).len(), 512);
    assert_eq!(belief.take_complaints(), [Complaint::Full(512)]);
}

/// What it says is read but once.
#[test]
fn who_comes_as_another_goes_is_heard_though_there_are_many() {
    let mut belief = belief();
    belief.observe(ms(0), &nodes(0..512));
    belief.observe(ms(50), &nodes(1..513));
    let names: Vec<_> = shown(&belief).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), 512);
    assert!(names.contains(&"n512".to_owned()));
    assert_eq!(belief.take_complaints(), []);
}
