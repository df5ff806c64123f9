//! What silence and quiet in gossip do, alone and with a failed probe, and what ends an excuse.

use super::*;

#[test]
fn silent_but_connect_works_stays_up_until_a_probe_fails() {
    let mut bench = Bench::up();
    bench.hear(false);
    assert_eq!(bench.probe(CONNECT_OK), Duration::ZERO, "asked at once");
    assert!(bench.shown().is_up());
    assert!(bench.health.view().silent);
    bench.now += 1000 * SECOND;
    assert!(
        !bench.health.is_over(bench.now),
        "silence alone never takes it out"
    );
    bench.probe(Finding::L7Tout);
    assert_eq!(
        bench.shown(),
        Shown::Down { good: 0 },
        "one failure is enough now"
    );
}

#[test]
fn who_falls_quiet_is_asked_and_that_counts_once_it_is_silent() {
    let mut bench = Bench::up();
    bench.now += SECOND / 2;
    let check = bench.health.due();
    bench.health.fall_quiet(bench.now, true);
    assert_eq!(
        bench.probe(Finding::L4Tout),
        Duration::ZERO,
        "asked at once"
    );
    assert_eq!(
        (bench.shown(), bench.finding()),
        (Shown::Up { left: 3 }, Finding::L7Ok)
    );
    assert_eq!(
        (bench.health.due(), bench.health.view().failures),
        (check, 0)
    );
    bench.now += SECOND / 2;
    bench.hear(false);
    assert_eq!(bench.health.begin(bench.now), None);
    let down = Shown::Down { good: 0 };
    assert_eq!((bench.shown(), bench.finding()), (down, Finding::L4Tout));
    assert_eq!(bench.health.due(), None);
}

#[test]
fn what_was_met_in_an_earlier_quiet_or_before_it_answered_or_long_ago_does_not_count() {
    let mut spoken = Bench::up();
    spoken.health.fall_quiet(spoken.now, true);
    spoken.probe(Finding::L4Tout);
    spoken.health.fall_quiet(spoken.now, false);
    let mut proven = Bench::up();
    proven.health.fall_quiet(proven.now, true);
    proven.probe(Finding::L4Tout);
    proven.say(Word::Draining);
    proven.say(Word::Ready);
    proven.probe(CONNECT_OK);
    let mut late = Bench::up();
    late.health.fall_quiet(late.now, true);
    late.probe(Finding::L4Tout);
    late.now += SECOND;
    for mut bench in [spoken, proven, late] {
        bench.hear(false);
        assert_eq!(bench.probe(CONNECT_OK), Duration::ZERO, "asked again");
        assert!(bench.shown().is_up());
    }
}

#[test]
fn who_is_being_asked_when_it_falls_silent_is_not_asked_twice() {
    for (finding, up) in [(CONNECT_OK, true), (Finding::L4Tout, false)] {
        let mut bench = Bench::up();
        bench.health.fall_quiet(bench.now, true);
        let (probe, round) = bench.health.begin(bench.now).unwrap();
        bench.hear(false);
        assert_eq!(bench.health.begin(bench.now), None);
        bench.health.prove(bench.now, round, probe, proof(finding));
        assert_eq!(bench.shown().is_up(), up);
    }
}

#[test]
fn silent_and_a_probe_failed_is_down_for_120_s_then_no_row_until_it_speaks() {
    let mut bench = Bench::up();
    bench.hear(false);
    bench.probe(Finding::L4Tout);
    assert_eq!(bench.shown(), Shown::Down { good: 0 });
    assert_eq!(
        bench.health.due(),
        None,
        "only its own voice brings it back"
    );
    assert!(!bench.health.is_over(bench.now + 119 * SECOND));
    assert!(bench.health.is_over(bench.now + 120 * SECOND));
    bench.hear(true);
    bench.probe(CONNECT_OK);
    assert!(bench.shown().is_up());
}

#[test]
fn silent_and_a_request_failed_is_down() {
    let mut bench = Bench::up();
    bench.eject();
    bench.hear(false);
    assert_eq!(
        (bench.shown(), bench.health.due()),
        (Shown::Down { good: 0 }, None)
    );
}

#[test]
fn a_rumour_of_a_dead_node_gets_no_row() {
    let mut bench = Bench::new();
    bench.hear(false);
    bench.say(Word::Ready);
    bench.probe(Finding::L4Con);
    assert_eq!(bench.shown(), Shown::Hidden);
}

#[test]
fn the_120_s_begin_when_it_goes_down() {
    let mut bench = Bench::up();
    bench.hear(false);
    bench.probe(CONNECT_OK);
    bench.now += 500 * SECOND;
    bench.probe(Finding::L7Tout);
    assert_eq!(bench.shown(), Shown::Down { good: 0 });
    assert!(!bench.health.is_over(bench.now + 119 * SECOND));
}

/// Or it would be excused for ever: only whose word is `ready` is asked about again.
#[test]
fn another_word_ends_an_excuse() {
    for word in [Word::Starting, Word::Draining, down("ill")] {
        let mut bench = Bench::up();
        bench.hear(false);
        bench.health.excuse(bench.now, true);
        assert_eq!(bench.health.over_at(), None);
        bench.say(word);
        assert!(!bench.health.voice().excused);
        assert!(bench.health.over_at().is_some());
    }
}

/// A balancer that was cut off from all finds most of them out by their probes, and silent. Probes may
/// be far apart by then; that they are heard again tells at once that there is something to ask. What
/// has failed its own check is not believed for a connection that can be made.
#[test]
fn who_went_out_with_most_is_asked_at_once_when_it_is_heard() {
    let mut bench = Bench::up();
    bench.hear(false);
    bench.health.excuse(bench.now, true);
    for _ in 0..8 {
        bench.probe(Finding::L4Tout);
    }
    assert_eq!(bench.shown(), Shown::Down { good: 0 });
    bench.hear(true);
    assert_eq!(bench.health.asking.due(), Some((bench.now, Probe::Full)));
    bench.probe(Finding::L7Ok);
    assert_eq!(bench.shown(), Shown::Down { good: 1 });
    assert_eq!(bench.probe(Finding::L7Ok), bench.health.policy.recovery);
    assert!(bench.shown().is_up());
}
