//! Whatever happens to a server, in any order.

use proptest::prelude::*;

use super::*;

/// Anything that can happen to a server.
#[derive(Clone, Debug)]
enum Happening {
    Say(Word),
    Hear(bool),
    Quiet(bool),
    Eject,
    Doubt,
    Decide(Admin),
    Probe(Finding),
    Wait(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::{Decide, Doubt, Eject, Hear, Probe, Quiet, Say, Wait};
    let words = vec![
        Word::Starting,
        Word::Ready,
        Word::Ready,
        Word::Draining,
        down("x"),
        Word::Left,
    ];
    let findings = vec![Finding::L4Ok, Finding::L4Con, Finding::L7Ok, Finding::L7Sts];
    let admins = vec![Admin::Ready, Admin::Drain, Admin::Maint];
    prop_oneof![
        proptest::sample::select(words).prop_map(Say),
        any::<bool>().prop_map(Hear),
        any::<bool>().prop_map(Quiet),
        Just(Eject),
        Just(Doubt),
        proptest::sample::select(admins).prop_map(Decide),
        proptest::sample::select(findings).prop_map(Probe),
        (0..5_000_u64).prop_map(Wait),
    ]
}

proptest! {
    #![proptest_config(crate::seeded())]

    /// Whatever happens: up only on the word `ready`, with no operator against it; a server that
    /// is ready and not lost always has a probe due or under way, so that it cannot be stuck.
    #[test]
    fn histories(history in proptest::collection::vec(happening(), 1..200)) {
        let mut bench = Bench::new();
        for each in history {
            match each {
                Happening::Say(word) => bench.say(word),
                Happening::Hear(live) => bench.hear(live),
                Happening::Quiet(quiet) => bench.health.fall_quiet(bench.now, quiet),
                Happening::Eject => bench.eject(),
                Happening::Doubt => bench.health.doubt(bench.now),
                Happening::Decide(admin) => bench.health.decide(bench.now, admin),
                Happening::Wait(millis) => bench.now += Duration::from_millis(millis),
                Happening::Probe(finding) => {
                    bench.now = bench.now.max(bench.health.due().unwrap_or_default());
                    if let Some((probe, round)) = bench.health.begin(bench.now) {
                        bench.health.prove(bench.now, round, probe, proof(finding));
                    }
                }
            }
            let health = &bench.health;
            if bench.shown().is_up() {
                prop_assert_eq!(&health.word, &Word::Ready);
                prop_assert_eq!(health.admin, Admin::Ready);
                prop_assert!(!health.is_disproved());
                prop_assert!(!health.is_over(bench.now));
            }
            let asked = health.due().is_some() || health.asking.is_under_way();
            let answerable = health.word == Word::Ready && health.trial != Trial::Lost;
            prop_assert_eq!(asked, answerable, "{:?}", health);
            if health.trial == Trial::Lost {
                prop_assert!(health.silent_since.is_some());
            }
        }
    }
}
