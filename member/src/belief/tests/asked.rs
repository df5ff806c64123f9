//! Whose heartbeat stands still since others tell of a later one: its own voice counts, and it is asked.

use super::*;

/// Heartbeats that others tell of are let in as far as the node may have come: a second's.
#[test]
fn who_speaks_is_not_hidden_by_another_of_its_name_when_its_heartbeat_stands() {
    let mut belief = belief().wary();
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    let mut fake = live(of("a", START + 2, 3000, Word::Down("fire".into())));
    fake.id.gossip = SocketAddr::from(([10, 0, 0, 2], 9999));
    let mut told = 0;
    for now in 1..400 {
        let own = 2 * now;
        if now % 100 == 0 {
            told = own + 60;
        }
        real.heartbeat = own.max(told);
        (real.heard, real.live) = (Some(ms(50 * now)), own >= told);
        (fake.heard, fake.heartbeat) = (Some(ms(50 * now)), now);
        let all = [real.clone(), fake.clone()];
        belief.observe(ms(50 * now), &all[..if now > 20 { 2 } else { 1 }]);
        assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
    }
}

/// Among many it is heard itself only now and then; so it is asked before it counts as silent, also when
/// we begin anew or have been away ourselves.
#[test]
fn who_speaks_when_asked_keeps_its_server_though_its_heartbeat_stands() {
    for (known_for, reborn, away) in [
        (40, 0, 0..0),
        (1, 0, 0..0),
        (40, 100, 0..0),
        (40, 0, 100..108),
        (40, 0, 105..110),
        (40, 0, 110..114),
    ] {
        let (mut belief, mut is_asked) = (belief().wary(), false);
        let mut real = live(of("a", START + 1, 3000, Word::Ready));
        let mut fake = live(of("b", START + 2, 3000, Word::Down("fire".into())));
        fake.id.gossip = SocketAddr::from(([10, 0, 0, 2], 9999));
        for now in (1..400).filter(|now| !away.contains(now)) {
            if now < 40 || is_asked {
                // It has answered the last look.
                real.heard = Some(ms(50 * now - 48));
            }
            if now <= known_for {
                real.heartbeat = now;
            } else {
                (real.heartbeat, real.live) = (1 << 40, false);
            }
            if now == reborn {
                let mut me = belief.me.clone();
                me.key.generation += 1;
                belief.reborn(me, ms(50 * now));
            }
            (fake.heard, fake.heartbeat) = (Some(ms(50 * now)), now);
            let all = [real.clone(), fake.clone()];
            belief.observe(ms(50 * now), &all[..if now > 20 { 2 } else { 1 }]);
            is_asked = belief.asks(ms(50 * now)).contains(&at(3000));
            let snapshot = belief.snapshot();
            assert!(!snapshot.denied.contains(&real.id.key), "{now}");
            let seen = &snapshot.nodes[&real.id.key];
            assert_eq!(seen.presence, Presence::Live, "{now}");
        }
    }
}

/// What it answers at first is lost.
#[test]
fn who_answers_late_that_it_is_there_is_believed() {
    let mut belief = belief().wary();
    let mut real = live(of("a", START + 1, 3000, Word::Ready));
    let mut fake = live(of("a", START + 2, 3001, Word::Ready));
    fake.id.gossip = at(9999);
    let process = real.id.key.generation;
    let pair = ("since".to_owned(), process.to_string());
    fake.keys.as_mut().unwrap().push(pair);
    real.heard = Some(ms(0));
    for now in 0..100 {
        let is_asked = belief.asks(ms(50 * now)).contains(&at(3000));
        if is_asked && now > 50 {
            real.heard = Some(ms(50 * now));
        }
        (real.heartbeat, fake.heartbeat) = (5 + now, 5 + now);
        fake.heard = Some(ms(50 * now));
        let all = [real.clone(), fake.clone()];
        belief.observe(ms(50 * now), &all[..if now > 40 { 2 } else { 1 }]);
    }
    assert_eq!(belief.snapshot().denied, BTreeSet::new());
    assert_eq!(shown(&belief).len(), 2);
}

/// The answers that came meanwhile have not been read yet.
#[test]
fn who_was_asked_before_we_stood_still_keeps_its_server() {
    for rival_host in [1, 2] {
        let mut belief = belief().wary();
        let mut real = live(of("a", START + 1, 3000, Word::Ready));
        let mut fake = live(of("b", START + 2, 3000, Word::Down("fire".into())));
        fake.id.gossip = SocketAddr::from(([10, 0, 0, rival_host], 9999));
        let looks = (0..=3_050).step_by(50).chain([3_600]);
        for now in looks {
            if now <= 2_000 {
                (real.heartbeat, real.heard) = (now, Some(ms(now)));
            }
            real.live = now < 2_800;
            (fake.heartbeat, fake.heard) = (now, Some(ms(now)));
            let all = [real.clone(), fake.clone()];
            belief.observe(ms(now), &all[..if now < 2_900 { 1 } else { 2 }]);
            belief.asks(ms(now));
        }
        let denied = belief.snapshot().denied.clone();
        assert_eq!(denied, BTreeSet::from([fake.id.key]), "{rival_host}");
    }
}

/// The dead do not answer, however often we stand still or begin anew.
#[test]
fn who_has_followed_a_dead_one_keeps_the_server_when_we_have_been_away() {
    for others in [0, 400] {
        for (pauses, reborn) in [
            (vec![], 0),
            (vec![2_350], 0),
            (vec![2_650], 0),
            (vec![], 2_600),
        ] {
            let last = if pauses == [2_350] { 2_750 } else { 2_550 };
            let has_it = has_followed(others, &pauses, reborn);
            assert!(
                has_it.iter().all(|(now, has)| *now < last || *has),
                "{others} {pauses:?}"
            );
            assert!(has_it.iter().all(|(now, has)| *now >= 2_500 || !has));
        }
        let throttled: Vec<_> = (1_000..4_000).step_by(500).collect();
        assert_eq!(
            has_followed(others, &throttled, 0).last(),
            Some(&(3_950, true))
        );
    }
}

/// Of one killed at 2,000 ms, whose successor claims its server at 2,300: whether that one has it, at each look from then
/// on. We stand still for 250 ms after each of `pauses`, and begin anew at `reborn`.
fn has_followed(others: u16, pauses: &[u64], reborn: u64) -> Vec<(u64, bool)> {
    let mut belief = belief().wary();
    belief.interval = ms(100);
    let mut old = live(of("a", START + 1, 3000, Word::Down("fire".into())));
    let mut new = live(of("b", START + 2, 3000, Word::Ready));
    new.id.gossip = at(9999);
    let other = |number| {
        live(of(
            &format!("o{number}"),
            START + 1,
            10_000 + number,
            Word::Ready,
        ))
    };
    let others: Vec<_> = (0..others).map(other).collect();
    let stands = |now: u64| pauses.iter().any(|at| (*at..at + 250).contains(&now));
    let mut has_it = Vec::new();
    for now in (0..4_000).step_by(50).filter(|now| !stands(*now)) {
        if now < 2_000 {
            (old.heartbeat, old.heard) = (now, Some(ms(now)));
        }
        old.live = now < 2_600;
        (new.heartbeat, new.heard) = (now, Some(ms(now)));
        let mut all = vec![old.clone()];
        all.extend(others.iter().cloned());
        all.extend((now >= 2_300).then(|| new.clone()));
        if now == reborn && reborn > 0 {
            let mut me = belief.me.clone();
            me.key.generation += 1;
            belief.reborn(me, ms(now));
        }
        belief.observe(ms(now), &all);
        belief.asks(ms(now));
        if now >= 2_300 {
            has_it.push((now, !belief.snapshot().denied.contains(&new.id.key)));
        }
    }
    has_it
}
