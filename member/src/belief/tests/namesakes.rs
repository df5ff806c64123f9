//! Several lives, or several nodes, of one name.

use super::*;

#[test]
fn a_newer_life_at_the_same_address_replaces_the_old_at_once() {
    let mut belief = belief();
    let old = live(of("a", START + 1, 3000, Word::Ready));
    let new = live(of("a", START + 2, 3000, Word::Starting));
    belief.observe(ms(0), std::slice::from_ref(&old));
    belief.observe(ms(50), &[old, new]);
    assert_eq!(
        shown(&belief),
        [a(START + 2, Presence::Live, Word::Starting)]
    );
}

/// Two lives with one server: the second at another gossip address.
fn successors() -> [Reading; 2] {
    let old = live(of("a", START + 1, 3000, Word::Ready));
    let mut new = live(of("a", START + 2, 3000, Word::Ready));
    new.id.gossip = at(9999);
    [old, new]
}

#[test]
fn a_newer_life_of_the_same_server_replaces_the_old_once_that_does_not_answer() {
    let mut belief = belief();
    let [old, mut new] = successors();
    belief.observe(ms(0), std::slice::from_ref(&old));
    for now in [50, 100, 150, 200] {
        new.heard = Some(ms(now));
        belief.observe(ms(now), &[old.clone(), new.clone()]);
        assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
        assert_eq!(belief.asks(ms(now)), BTreeSet::from([at(3000)]));
    }
    belief.observe(ms(250), &[old, new]);
    assert_eq!(shown(&belief), [a(START + 2, Presence::Live, Word::Ready)]);
    assert_eq!(belief.take_complaints(), []);
}

/// Somebody makes up a later life elsewhere, to say of the server what is not true.
#[test]
fn who_speaks_keeps_its_server_whatever_another_life_says_of_it() {
    for word in [
        Word::Ready,
        Word::Down("".into()),
        Word::Draining,
        Word::Left,
    ] {
        let mut belief = belief();
        let [mut old, _] = successors();
        let mut fake = live(of("a", START + 2, 3000, word));
        fake.id.gossip = at(9999);
        belief.observe(ms(0), std::slice::from_ref(&old));
        for now in 1..100 {
            old.heard = Some(ms(50 * now));
            belief.observe(ms(50 * now), &[old.clone(), fake.clone()]);
            assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
        }
    }
}

/// It had crashed before, and took leave then.
#[test]
fn who_took_leave_claims_nothing_for_what_it_was_before() {
    let mut belief = belief();
    let of_server = |name: &str, generation, gossip, word| {
        let mut reading = live(of(name, generation, 3000, word));
        reading.id.gossip = at(gossip);
        reading
    };
    let crashed = of_server("a", START + 1, 3000, Word::Ready);
    let left = of_server("a", START + 2, 3000, Word::Left);
    let mut heir = of_server("x", START + 3, 3001, Word::Ready);
    let mut back = of_server("a", START + 4, 3000, Word::Ready);
    belief.observe(ms(0), std::slice::from_ref(&crashed));
    belief.observe(ms(50), &[crashed.clone(), left.clone()]);
    for now in (100..2_000).step_by(50) {
        (heir.heard, back.heard) = (Some(ms(now)), Some(ms(now)));
        let all = [crashed.clone(), left.clone(), heir.clone(), back.clone()];
        belief.observe(ms(now), &all[..if now > 1_000 { 4 } else { 3 }]);
        belief.asks(ms(now));
    }
    let denied = belief.snapshot().denied.clone();
    assert_eq!(denied, BTreeSet::from([back.id.key]));
}

/// Its host has another address now, so that it could not take leave from the former.
#[test]
fn a_process_that_goes_on_elsewhere_replaces_its_former_life() {
    let mut belief = belief();
    let mut old = live(of("a", START + 1, 3000, Word::Ready));
    let mut new = live(of("a", START + 2, 3001, Word::Ready));
    let keys = new.keys.as_mut().unwrap();
    keys.insert(0, ("since".to_owned(), (START + 1).to_string()));
    old.heard = Some(ms(0));
    belief.observe(ms(0), std::slice::from_ref(&old));
    for now in [50, 100, 150, 200, 250, 300] {
        new.heard = Some(ms(now));
        belief.observe(ms(now), &[old.clone(), new.clone()]);
        belief.asks(ms(now));
        let generation = if now < 250 { START + 1 } else { START + 2 };
        assert_eq!(shown(&belief), [a(generation, Presence::Live, Word::Ready)]);
    }
    // It is there: they are two.
    old.heard = Some(ms(310));
    belief.observe(ms(350), &[old, new]);
    let two = [START + 1, START + 2].map(|life| a(life, Presence::Live, Word::Ready));
    assert_eq!(shown(&belief), two);
}

/// Whatever another says of the process it is: nobody is hidden for it who speaks.
#[test]
fn who_says_that_it_is_the_process_of_another_hides_nobody() {
    let mut belief = belief();
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    let mut fake = live(of("a", 1, 3001, Word::Ready));
    fake.id.gossip = at(9999);
    let keys = fake.keys.as_mut().unwrap();
    keys.insert(0, ("since".to_owned(), (START + 1).to_string()));
    for now in 1..100 {
        (real.heard, fake.heard) = (Some(ms(50 * now)), Some(ms(50 * now)));
        belief.observe(ms(50 * now), &[fake.clone(), real.clone()]);
        let seen = shown(&belief);
        assert!(
            seen.contains(&a(START + 1, Presence::Live, Word::Ready)),
            "{now}"
        );
    }
}

/// One that was known before, and claims the server later, is asked about then. One that only others
/// tell of is no successor.
#[test]
fn who_claims_a_server_later_than_it_came_is_no_earlier_for_it() {
    let mut belief = belief().wary();
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    let mut fake = live(of("b", START + 2, 3000, Word::Ready));
    fake.id.gossip = at(9999);
    let words = fake.keys.take();
    fake.heard = Some(ms(0));
    belief.observe(ms(0), std::slice::from_ref(&fake));
    real.heard = Some(ms(50));
    belief.observe(ms(50), &[fake.clone(), real.clone()]);
    real.keys = None;
    for now in [300, 350, 400, 450] {
        fake.heard = Some(ms(now));
        fake.keys.clone_from(&words);
        belief.observe(ms(now), &[fake.clone(), real.clone()]);
        let denied = belief.snapshot().denied.clone();
        assert_eq!(denied, BTreeSet::from([fake.id.key.clone()]), "{now}");
        assert_eq!(belief.asks(ms(now)), BTreeSet::from([at(3000)]), "{now}");
    }
    real.heard = Some(ms(460));
    for now in [500, 600, 900] {
        belief.observe(ms(now), &[fake.clone(), real.clone()]);
        let denied = belief.snapshot().denied.clone();
        assert_eq!(denied, BTreeSet::from([fake.id.key.clone()]), "{now}");
    }
}

/// Gossip forgets the dead after two minutes.
#[test]
fn a_node_that_began_anew_is_known_for_as_long_as_before() {
    let mut belief = belief().wary();
    let mut first = live(of("a", START + 1, 3000, Word::Ready));
    first.heard = Some(ms(0));
    belief.observe(ms(0), std::slice::from_ref(&first));
    let mut fake = live(of("b", START + 2, 3000, Word::Ready));
    fake.id.gossip = at(9999);
    let mut second = live(of("a", START + 9, 3000, Word::Ready));
    first.heard = None;
    for now in 1..200 {
        (second.heard, fake.heard) = (Some(ms(50 * now)), Some(ms(50 * now)));
        let mut all = vec![fake.clone()];
        if now < 100 {
            all.push(first.clone());
        }
        if now > 50 {
            all.push(second.clone());
        }
        if now <= 50 {
            all[1].heard = Some(ms(50 * now));
        }
        belief.observe(ms(50 * now), &all);
        let denied = belief.snapshot().denied.clone();
        assert_eq!(denied, BTreeSet::from([fake.id.key.clone()]), "{now}");
    }
}

/// Whoever claims its server may also have it begin anew.
#[test]
fn a_node_that_begins_anew_keeps_its_server() {
    let mut belief = belief().wary();
    let mut fake = live(of("b", START + 2, 3000, Word::Draining));
    fake.id.gossip = at(9999);
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    for now in 1..400 {
        if now % 50 == 0 {
            real = live(of("a", START + 1 + now, 3000, Word::Ready));
        }
        (real.heard, fake.heard) = (Some(ms(50 * now)), Some(ms(50 * now)));
        let mut all = vec![real.clone()];
        if now > 10 {
            all.push(fake.clone());
        }
        if now >= 50 {
            // Gossip remembers its former lives for a while.
            all.push(live(of("a", START + 1, 3000, Word::Ready)));
        }
        belief.observe(ms(50 * now), &all);
        let snapshot = belief.snapshot();
        assert!(snapshot.nodes.contains_key(&real.id.key), "{now}");
        assert!(!snapshot.denied.contains(&real.id.key), "{now}");
    }
}

/// Its new life is heard before it has said whose server it announces.
#[test]
fn a_node_whose_new_life_has_no_words_yet_keeps_its_server() {
    let mut belief = belief().wary();
    let mut old = live(of("a", START + 1, 3000, Word::Ready));
    old.heard = Some(ms(50));
    belief.observe(ms(50), std::slice::from_ref(&old));
    let mut fake = live(of("b", START + 2, 3000, Word::Ready));
    fake.id.gossip = at(9999);
    let evicts = evicts("c", "a", START + 1, old.heartbeat);
    old.heard = None;
    for now in 2..100 {
        let mut new = of("a", START + 2, 3000, Word::Ready);
        (new.heard, new.keys) = (Some(ms(50 * now)), None);
        fake.heard = Some(ms(50 * now));
        belief.observe(
            ms(50 * now),
            &[old.clone(), new, fake.clone(), evicts.clone()],
        );
        let snapshot = belief.snapshot();
        assert_eq!(snapshot.denied, BTreeSet::from([fake.id.key.clone()]));
        let seen = &snapshot.nodes[&old.id.key];
        assert_eq!(
            (seen.presence, &seen.node.word),
            (Presence::Live, &Word::Ready)
        );
    }
}

/// As before, by another name: both are shown, and one has the server.
#[test]
fn who_claims_the_server_of_another_is_denied_it_and_told_of() {
    let mut belief = belief().wary();
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    let mut fake = live(of("b", START + 2, 3000, Word::Ready));
    fake.id.gossip = at(9999);
    for now in 1..100 {
        real.heard = Some(ms(50 * now));
        belief.observe(ms(50 * now), &[real.clone(), fake.clone()]);
    }
    let snapshot = belief.snapshot();
    assert_eq!(snapshot.nodes.len(), 2);
    assert_eq!(snapshot.denied, BTreeSet::from([fake.id.key.clone()]));
    let told = Complaint::SharedServer(fake.id, real.id);
    assert_eq!(belief.take_complaints(), [told]);
}

/// The same at its own gossip address, where only it can be heard.
#[test]
fn a_made_up_life_at_the_address_of_one_that_speaks_is_not_shown() {
    let mut belief = belief();
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    let fake = live(of("a", START + 2, 3000, Word::Ready));
    for now in 1..100 {
        real.heard = Some(ms(50 * now));
        belief.observe(ms(50 * now), &[real.clone(), fake.clone()]);
        assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
    }
}

/// Others tell of heartbeats that it has yet to reach: its own does not move for them.
#[test]
fn who_speaks_itself_is_heard_whatever_others_say_of_its_heartbeat() {
    let mut belief = belief();
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    for now in 1..100 {
        (real.heartbeat, real.heard) = (now, Some(ms(50 * now)));
        belief.observe(ms(50 * now), std::slice::from_ref(&real));
    }
    (real.heartbeat, real.live) = (1 << 40, false);
    for now in 100..300 {
        if now % 12 == 0 {
            real.heard = Some(ms(50 * now));
        }
        belief.observe(ms(50 * now), std::slice::from_ref(&real));
        let seen = shown(&belief);
        assert!(now < 120 || seen == [a(START + 1, Presence::Live, Word::Ready)]);
    }
    // Nor can it be evicted for a heartbeat that it never had.
    belief.evict(&Eviction {
        name: Arc::from("a"),
        generation: START + 9,
        heartbeat: 1 << 40,
    });
    belief.observe(ms(50 * 300), std::slice::from_ref(&real));
    assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
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

/// It has given its server up, and comes back where it was while another has it.
#[test]
fn who_has_left_claims_its_server_anew() {
    let mut belief = belief().wary();
    let mut blue = live(of("a", START + 1, 3000, Word::Left));
    blue.heard = Some(ms(50));
    belief.observe(ms(0), &[live(of("a", START + 1, 3000, Word::Ready))]);
    belief.observe(ms(50), std::slice::from_ref(&blue));
    let mut green = live(of("b", START + 2, 3000, Word::Ready));
    green.id.gossip = at(9999);
    let mut again = live(of("a", START + 3, 3000, Word::Ready));
    blue.heard = None;
    for now in 2..100 {
        (green.heard, again.heard) = (Some(ms(50 * now)), Some(ms(50 * now)));
        let mut all = vec![blue.clone(), green.clone()];
        if now > 10 {
            all.push(again.clone());
            let denied = BTreeSet::from([again.id.key.clone()]);
            belief.observe(ms(50 * now), &all);
            assert_eq!(belief.snapshot().denied, denied, "{now}");
        } else {
            belief.observe(ms(50 * now), &all);
        }
    }
}
