//! What silence in gossip alone takes out, and what it does not.

use super::*;

#[test]
fn losing_gossip_never_empties_the_pool() {
    let mut script = Script::with(3);
    script.snapshot = Snapshot::default();
    script.tell();
    script.wait(1000 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    script.refusing.insert(addr(2));
    script.wait(7 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s3:3"]);
    script.wait(121 * SECOND);
    assert_eq!(script.rows(), ["s1 1", "s2 2", "s3 3"], "nobody is heard");
    script.refusing.clear();
    script.wait(7 * SECOND);
    assert_eq!(
        script.usable(),
        ["s1:1", "s2:2", "s3:3"],
        "by its checks alone"
    );
}

#[test]
fn who_was_never_heard_has_not_fallen_silent() {
    let mut script = Script::with(0);
    for n in 1..=3 {
        let name = format!("s{n}");
        script.node(&name, 1, n, Word::Ready);
        script.presence(&name, 1, Presence::Silent);
    }
    script.tell();
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    // The others are not heard at the same moment.
    script.presence("s1", 1, Presence::Live);
    script.tell();
    script.wait(SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    assert!(!script.lines.iter().any(|line| line.contains("ALERT")));
}

#[test]
fn one_failed_connect_is_no_proof_against_most_of_a_service() {
    let mut script = Script::with(3);
    for (server, presence) in [("s1", Presence::Silent), ("s2", Presence::Silent)] {
        script.presence(server, 1, presence);
    }
    script.refusing.extend([addr(1), addr(2)]);
    script.tell();
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    assert!(script.lines.last().unwrap().starts_with("ALERT: 2 servers"));
    script.wait(SECOND);
    assert_eq!(
        script.usable(),
        ["s3:3"],
        "the full count, in quick succession"
    );
    script.refusing.clear();
    script.wait(3 * SECOND);
    assert_eq!(
        script.usable(),
        ["s1:1", "s2:2", "s3:3"],
        "proof brings them back"
    );
    script.wait(30 * SECOND);
    script.refusing.insert(addr(1));
    script.wait(3 * SECOND);
    assert_eq!(script.usable(), ["s2:2", "s3:3"], "the excuse is over");
}

/// The verdicts come one after the other, and each has been asked before.
#[test]
fn nobody_goes_out_when_all_fall_quiet_and_then_silent_one_by_one() {
    let mut script = Script::with(5);
    let names: Vec<_> = (1..=5).map(|number| format!("s{number}")).collect();
    script.refusing.extend((1..=5).map(addr));
    script.snapshot.quiet = names.iter().map(|name| key(name, 1)).collect();
    script.tell();
    for name in &names {
        script.wait(SECOND / 20);
        script.snapshot.quiet.remove(&key(name, 1));
        script.presence(name, 1, Presence::Silent);
        script.tell();
        assert_eq!(script.usable().len(), 5, "after {name}");
    }
}

#[test]
fn one_quiet_server_of_three_is_out_as_soon_as_it_is_silent() {
    let mut script = Script::with(3);
    script.refusing.insert(addr(1));
    script.snapshot.quiet.insert(key("s1", 1));
    script.tell();
    assert_eq!(script.usable().len(), 3);
    script.snapshot.quiet.clear();
    script.presence("s1", 1, Presence::Silent);
    let asked = script.asked(1);
    script.tell();
    assert_eq!((script.usable().len(), script.asked(1)), (2, asked));
}

#[test]
fn one_silent_server_of_three_needs_one_failed_connect() {
    let mut script = Script::with(3);
    script.presence("s1", 1, Presence::Silent);
    script.refusing.insert(addr(1));
    script.tell();
    assert_eq!(script.usable(), ["s2:2", "s3:3"]);
}

#[test]
fn a_probe_that_our_own_stall_drew_out_proves_nothing() {
    let mut script = Script::with(2);
    script.presence("s1", 1, Presence::Silent);
    script.roster.see(script.now, &script.snapshot);
    script.roster.tick(script.now);
    let effects = script.roster.take_effects();
    let errand = effects.into_iter().find_map(|effect| match effect {
        Effect::Probe(errand) => Some(errand),
        _ => None,
    });
    let late = Proof {
        took: 5 * SECOND,
        ..proof(Finding::L4Tout)
    };
    script.now += 5 * SECOND;
    script.roster.proved(script.now, &errand.unwrap(), &late);
    script.settle();
    assert_eq!(script.usable(), ["s1:1", "s2:2"]);
    script.wait(SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2"], "asked again, it answers");
}
