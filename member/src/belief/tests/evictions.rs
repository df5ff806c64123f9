//! What operators decide about the silent.

use super::*;

fn silent(generation: u64, heartbeat: u64) -> Reading {
    Reading {
        heartbeat,
        ..of("a", generation, 3000, Word::Ready)
    }
}

/// Observes, and asks whoever is to be asked; gives where.
fn look(belief: &mut Belief, now: Duration, readings: &[Reading]) -> BTreeSet<SocketAddr> {
    belief.observe(now, readings);
    belief.asks(now)
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
    look(&mut belief, ms(0), &[silent(old, 5)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Ready)]);
    for now in (50..=500).step_by(50) {
        let all = [silent(old, 5), evicts("b", "a", old, 5)];
        assert_eq!(look(&mut belief, ms(now), &all), BTreeSet::from([at(3000)]));
        assert_eq!(word_of_a(&belief), [(old, Word::Ready)], "it is asked");
    }
    let all = [silent(old, 5), evicts("b", "a", old, 5)];
    assert_eq!(look(&mut belief, ms(550), &all), BTreeSet::new());
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    // Also when whoever said so is no longer known.
    look(&mut belief, ms(600), &[silent(old, 5)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    // It speaks: what was decided before is over, and its next silence is only silence.
    for now in 7..40 {
        let all = [silent(old, 6), evicts("b", "a", old, 5)];
        look(&mut belief, ms(100 * now), &all);
        assert_eq!(word_of_a(&belief), [(old, Word::Ready)]);
    }
    assert_eq!(shown(&belief)[0], a(old, Presence::Silent, Word::Ready));
    // Decided anew, it counts anew.
    for now in [4_000, 4_500] {
        look(
            &mut belief,
            ms(now),
            &[silent(old, 6), evicts("b", "a", old, 6)],
        );
    }
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
}

/// Whatever is told later of what it said before.
#[test]
fn who_takes_leave_while_it_is_evicted_has_left() {
    let mut belief = belief();
    let old = START - 10_000;
    for now in [0, 500] {
        look(
            &mut belief,
            ms(now),
            &[silent(old, 5), evicts("b", "a", old, 5)],
        );
    }
    let mut left = of("a", old, 3000, Word::Left);
    left.heartbeat = 5;
    look(&mut belief, ms(550), &[left]);
    for heartbeat in 6..10 {
        look(&mut belief, ms(550 + heartbeat), &[silent(old, heartbeat)]);
        assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    }
}

/// It was evicted and has been started again where it was: what it said before does not come back.
#[test]
fn a_later_life_does_not_speak_for_one_that_was_evicted() {
    let mut belief = belief();
    let old = START - 10_000;
    for now in [0, 500] {
        look(
            &mut belief,
            ms(now),
            &[silent(old, 5), evicts("b", "a", old, 5)],
        );
    }
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    let mut new = of("a", START + 1, 3000, Word::Ready);
    new.keys = None;
    for now in 11..30 {
        new.heard = Some(ms(50 * now));
        look(&mut belief, ms(50 * now), &[silent(old, 5), new.clone()]);
        assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    }
}

#[test]
fn an_eviction_means_no_later_life_and_nobody_who_is_heard() {
    let mut belief = belief();
    let (first, second) = (START + 1, START + 2);
    let all = [
        of("a", second, 3000, Word::Ready),
        evicts("b", "a", first, 5),
    ];
    look(&mut belief, ms(0), &all);
    assert_eq!(word_of_a(&belief), [(second, Word::Ready)]);
    // It is heard here while whoever evicts it has missed it for longer: once it is not heard
    // here either, and does not answer, it counts as left.
    let mut last = Vec::new();
    for now in 1..40 {
        let all = [all[0].clone(), evicts("b", "a", second, 5)];
        look(&mut belief, ms(100 * now), &all);
        let seen = shown(&belief).remove(0);
        assert!(seen.2 == Presence::Silent || seen.3 == Word::Ready);
        last = vec![seen];
    }
    assert_eq!(last, [a(second, Presence::Silent, Word::Left)]);
}

/// Or one that lies about a heartbeat to come would bury a node at its next silence.
#[test]
fn an_eviction_from_the_future_is_none() {
    let mut belief = belief();
    let old = START - 10_000;
    let all = [silent(old, 5), evicts("b", "a", old, u64::MAX)];
    look(&mut belief, ms(0), &all);
    assert_eq!(word_of_a(&belief), [(old, Word::Ready)]);
}

#[test]
fn an_eviction_of_our_own_counts_at_once() {
    let mut belief = belief();
    let old = START - 10_000;
    look(&mut belief, ms(0), &[silent(old, 5)]);
    let key = NodeKey {
        name: "a".into(),
        generation: old,
    };
    belief.evict(&Eviction {
        name: "a".into(),
        generation: old,
        heartbeat: belief.heartbeat(&key).unwrap(),
    });
    look(&mut belief, ms(1), &[silent(old, 5)]);
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    // What it says of itself meanwhile is remembered, and believed once it is heard.
    let mut down = of("a", old, 3000, Word::Down("x".into()));
    look(&mut belief, ms(2), std::slice::from_ref(&down));
    assert_eq!(word_of_a(&belief), [(old, Word::Left)]);
    down.heartbeat = 9;
    look(&mut belief, ms(3), &[down]);
    assert_eq!(word_of_a(&belief), [(old, Word::Down("x".into()))]);
}
