//! Event handlers, as people write them for Serf, called by what happens to real processes.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::deadline::{LIMIT, within};
use e2e::folder::{Folder, example};
use e2e::lb::Lb;
use e2e::member::Member;
use e2e::webapp::Pair;
use rustix::process::Signal;

/// The lab's pair of scripts: a file for every backend, in a folder that a template is then
/// rendered from.
#[tokio::test]
async fn the_labs_scripts_run_unchanged() {
    let folder = Folder::new();
    std::fs::create_dir(folder.file("nodes")).unwrap();
    let script = |types, name| format!("{types}=NODES={} {}", folder.at("nodes"), example(name));
    let lb = Lb::told(&[
        ("--event-handler", &script("member-join", "member-join.sh")),
        (
            "--event-handler",
            &script("member-leave,member-failed", "member-leave.sh"),
        ),
        ("--log-level", "debug"),
    ])
    .await;
    let nodes = async |expected: &[&str]| {
        within(LIMIT, format!("{expected:?} in the folder"), async || {
            let entries = std::fs::read_dir(folder.file("nodes")).unwrap();
            let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<_> = names.collect();
            names.sort();
            (names == expected).then_some(())
        })
        .await;
    };
    let mut s1 = Pair::start("s1", lb.gossip(), "").await;
    let mut s2 = Pair::start("s2", lb.gossip(), "").await;
    nodes(&["s1", "s2"]).await;
    assert_eq!(folder.text("nodes/s1"), "s1 127.0.0.1\n");
    assert_eq!(s1.leave().await, 0);
    nodes(&["s2"]).await;
    s2.kill();
    nodes(&[]).await;
    let mut s2 = Pair::start("s2", lb.gossip(), "--check /").await;
    nodes(&["s2"]).await;
    // Its member lives and says that it does not answer; then that it does.
    s2.webapp.process.signal(Signal::STOP);
    nodes(&[]).await;
    s2.webapp.process.signal(Signal::CONT);
    nodes(&["s2"]).await;
    let said = lb.process.stderr();
    assert!(said.contains("s1 has gone (member-leave)"), "{said}");
    assert!(said.contains("s2 has gone (member-failed)"), "{said}");
}

/// What a member's handler is told: of itself, of the balancer, and that the balancer died.
#[tokio::test]
async fn a_member_calls_them_too() {
    let folder = Folder::new();
    let mut lb = Lb::start().await;
    let dump = folder.at("dump");
    folder.write(
        "dump.sh",
        &format!("{{ env | grep ^SERF_ | sort; cat; echo; }} >>{dump}\n"),
    );
    let flags = format!(
        "--tag zone-x=eu --tag role=db --event-handler {}",
        folder.at("run")
    );
    folder.write("run", &format!("#!/bin/sh\n. {}\n", folder.at("dump.sh")));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.file("run"), mode).unwrap();
    let http = "127.0.0.1:1".parse().unwrap(); // fixed port: nothing answers there
    let seed = lb.gossip().to_string();
    let _member = Member::with("s1", http, &seed, &flags);
    let ends = |what: &'static str| move |text: &str| text.ends_with(what);
    folder
        .until("dump", "the balancer joins", ends("role=balancer\n\n"))
        .await;
    lb.process.kill();
    let text = folder
        .until("dump", "the balancer fails", |text| {
            text.contains("member-failed") && text.ends_with("\n\n")
        })
        .await;
    let call = |event: &str, line: &str| {
        format!(
            "SERF_EVENT={event}\nSERF_SELF_NAME=s1\nSERF_SELF_ROLE=db\nSERF_TAG_PORT=1\n\
             SERF_TAG_ROLE=db\nSERF_TAG_SERVICE=nodes\nSERF_TAG_WEIGHT=1\nSERF_TAG_ZONE_X=eu\n\
             {line}\n\n"
        )
    };
    let ha = format!("ha\t{}\tbalancer\trole=balancer", lb.gossip().ip());
    let own = "s1\t127.0.0.1\tdb\tport=1,role=db,service=nodes,weight=1,zone-x=eu";
    let expected = [
        ("member-join", own),
        ("member-join", &ha),
        ("member-failed", &ha),
    ];
    let expected: String = expected.map(|(event, line)| call(event, line)).concat();
    assert_eq!(text, expected);
}

/// Thirty seconds long: that is how long a handler may take.
#[tokio::test]
async fn one_that_hangs_is_killed_and_the_next_is_called() {
    let folder = Folder::new();
    let command = format!(
        "member-join=cut -f1 >>{0}; if mkdir {1}; then sleep 600; fi",
        folder.at("names"),
        folder.at("once"),
    );
    let mut lb = Lb::told(&[("--event-handler", &command)]).await;
    folder
        .until("names", "its own join", |text| text == "ha\n")
        .await;
    let _pair = Pair::start("s1", lb.gossip(), "").await;
    within(Duration::from_secs(60), "the next call", async || {
        (folder.text("names") == "ha\ns1\n").then_some(())
    })
    .await;
    lb.process.said("was killed").await;
    // Nobody else has waited: the webapp was in the pool all the time.
    assert!(lb.server("s1").await.unwrap().is_up());
}

#[tokio::test]
async fn a_flood_of_output_is_bounded() {
    let folder = Folder::new();
    let command = format!(
        "*=head -c 100000000 /dev/zero; echo {0}; echo >>{0}",
        folder.at("done")
    );
    let mut lb = Lb::told(&[("--event-handler", &command), ("--log-level", "debug")]).await;
    folder
        .until("done", "the flood ends", |text| text == "\n")
        .await;
    lb.process.said("100000").await;
    let peak = lb.process.memory("VmHWM");
    assert!(peak < 100_000, "{peak} KiB at most");
}

/// Whatever comes and goes, in whatever way: each name's events are a history that can be.
#[tokio::test]
async fn every_history_under_churn_is_consistent() {
    let folder = Folder::new();
    let command = format!(
        "*=while read -r name rest; do echo $SERF_EVENT $name >>{}; done",
        folder.at("events")
    );
    let lb = Lb::told(&[("--event-handler", &command)]).await;
    let mut pairs: Vec<Option<Pair>> = (0..6).map(|_| None).collect();
    // Always the same order: leaves, kills, kills of the webapp alone, quick returns.
    for turn in 0..30_usize {
        let slot = turn * 5 % 6;
        let name = format!("s{slot}");
        match (&mut pairs[slot], turn % 3) {
            (Some(pair), 0) => drop(pair.leave().await),
            (Some(pair), 1) => pair.kill(),
            (Some(pair), _) => pair.webapp.process.kill(),
            (None, _) => {}
        }
        pairs[slot] = Some(Pair::start(&name, lb.gossip(), "").await);
        if turn % 2 == 0 {
            lb.until_status(&name, "UP").await;
        }
    }
    for pair in pairs.iter_mut().flatten() {
        lb.until_status(&pair.name, "UP").await;
        assert_eq!(pair.leave().await, 0);
    }
    let gone = |text: &str| {
        let standing = replay(text);
        (0..6).all(|slot| standing.get(&format!("s{slot}")) == Some(&Standing::Left))
    };
    let text = folder.until("events", "all have left", gone).await;
    assert_eq!(replay(&text).get("ha"), Some(&Standing::In));
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    In,
    Left,
    Failed,
}

/// Where each name ends.
fn replay(text: &str) -> BTreeMap<String, Standing> {
    use Standing::{Failed, In, Left};
    let mut standing = BTreeMap::new();
    for line in text.lines() {
        let (event, name) = line.split_once(' ').expect("an event and a name");
        let was = standing.remove(name);
        let now = match (event, was) {
            ("member-join", None | Some(Left | Failed)) | ("member-update", Some(In)) => Some(In),
            ("member-leave", Some(In | Failed)) => Some(Left),
            ("member-failed", Some(In)) => Some(Failed),
            ("member-reap", Some(Left | Failed)) => None,
            _ => panic!("{line} after {was:?}:\n{text}"),
        };
        standing.extend(now.map(|now| (name.to_owned(), now)));
    }
    standing
}
