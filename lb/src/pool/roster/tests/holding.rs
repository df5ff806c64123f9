//! Who is held out, because it went down too often.

use super::*;

/// Goal: a crash loop of ten in a minute is admitted three times.
#[test]
fn a_crash_loop_is_held_out_and_said_so() {
    let mut script = Script::with(3);
    let mut admitted = 1;
    for life in 2..12 {
        script.snapshot.nodes.remove(&key("s1", life - 1));
        script.refusing.insert(addr(1));
        script.wait(SECOND);
        script.refusing.clear();
        script.node("s1", life, 1, Word::Ready);
        script.tell();
        admitted += usize::from(script.usable().contains(&"s1:1".to_owned()));
        script.wait(5 * SECOND);
    }
    assert_eq!(admitted, 3);
    let view = script.server("s1").row.view();
    assert!(view.held_until.is_some() && !view.shown.is_up());
    assert!(
        script
            .lines
            .iter()
            .any(|line| line.contains("s1 is well, but went down too often"))
    );
    script.wait(120 * SECOND);
    assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
}

#[test]
fn clean_leaves_and_new_versions_are_free() {
    let mut script = Script::with(3);
    for life in 2..12 {
        script.node("s1", life - 1, 1, Word::Draining);
        script.tell();
        script.node("s1", life - 1, 1, Word::Left);
        script.tell();
        script.snapshot.nodes.clear();
        script.node("s2", 1, 2, Word::Ready);
        script.node("s3", 1, 3, Word::Ready);
        script.node("s1", life, 1, Word::Ready);
        script.tell();
        assert_eq!(script.usable(), ["s1:1", "s2:2", "s3:3"]);
    }
}

/// Holding servers out must not be an outage of our own making.
#[test]
fn never_are_more_servers_held_out_than_are_in_use() {
    let mut script = Script::with(1);
    for _ in 0..5 {
        script.node("s1", 1, 1, Word::Down(Arc::from("refused")));
        script.tell();
        script.node("s1", 1, 1, Word::Ready);
        script.tell();
        assert_eq!(script.usable(), ["s1:1"], "the only one there is");
    }
    let mut script = Script::with(3);
    for _ in 0..4 {
        for word in [Word::Down(Arc::from("refused")), Word::Ready] {
            (1..=3).for_each(|n| script.node(&format!("s{n}"), 1, n, word.clone()));
            script.tell();
        }
    }
    assert_eq!(script.usable().len(), 2);
    // Its peers go: it is let in.
    for n in 1..=3 {
        let name = format!("s{n}");
        if script.usable().contains(&format!("{name}:{n}")) {
            script.node(&name, 1, n, Word::Draining);
        }
    }
    script.tell();
    assert_eq!(script.usable().len(), 1);
}

/// Whoever gets no requests is in nobody's stead.
#[test]
fn a_weight_of_zero_does_not_hold_the_other_out() {
    let crash = |script: &mut Script| {
        for _ in 0..4 {
            for word in [Word::Down(Arc::from("refused")), Word::Ready] {
                script.node("s2", 1, 2, word);
                script.tell();
            }
        }
    };
    let mut script = Script::with(2);
    script.weight("s1", 0);
    crash(&mut script);
    assert_eq!(script.usable(), ["s2:2"]);
    let mut script = Script::with(2);
    crash(&mut script);
    assert_eq!(script.usable(), ["s1:1"], "held out");
    script.weight("s1", 0);
    assert_eq!(script.usable(), ["s2:2"], "needed");
}

/// The process of s1 whose server is at `port`, and that began with life `since`, has a few lives more:
/// both servers are in use all the time.
fn begins_anew(script: &mut Script, since: u64, port: u16, usable: [&str; 2]) {
    for life in since + 1..since + 11 {
        script.snapshot.nodes.remove(&key("s1", life - 1));
        script.node("s1", life, port, Word::Ready);
        let sighting = script.snapshot.nodes.get_mut(&key("s1", life)).unwrap();
        Arc::make_mut(sighting).node.since = Some(since);
        script.roster.see(script.now, &script.snapshot);
        let pool = script.roster.take_pool(script.now).unwrap();
        let servers = &pool.services["nodes"].rotation.servers;
        assert_eq!(servers.len(), 2, "life {life}");
        script.tell();
        assert_eq!(script.usable(), usable);
    }
}

/// Others made up a later life of it: its process began anew in gossip, and nothing else happened.
#[test]
fn who_begins_anew_in_gossip_goes_on_being_served() {
    let mut script = Script::with(2);
    begins_anew(&mut script, 1, 1, ["s1:1", "s2:2"]);
    assert!(
        script
            .lines
            .iter()
            .all(|line| line.contains("is UP, reason"))
    );
    assert_eq!(script.lines.len(), 2, "{:#?}", script.lines);
}

#[test]
fn the_second_of_its_name_that_begins_anew_goes_on_being_served() {
    let mut script = Script::with(1);
    script.node("s1", 100, 11, Word::Ready);
    script.tell();
    begins_anew(&mut script, 100, 11, ["s1:1", "s1~2:11"]);
}

#[test]
fn a_process_that_begins_anew_elsewhere_proves_its_server() {
    let mut script = Script::with(2);
    script.refusing.insert(addr(11));
    script.snapshot.nodes.remove(&key("s1", 1));
    script.node("s1", 2, 11, Word::Ready);
    let sighting = script.snapshot.nodes.get_mut(&key("s1", 2)).unwrap();
    Arc::make_mut(sighting).node.since = Some(1);
    script.tell();
    assert!(!script.usable().contains(&"s1:11".to_owned()));
}
