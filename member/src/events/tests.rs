//! Histories of snapshots, and what is told of them.

use proptest::prelude::*;

use super::*;
use crate::node::{Description, NodeKey};

fn sighting(name: &str, generation: u64, word: Word, presence: Presence) -> Sighting {
    let http = SocketAddr::from(([10, 0, 0, 1], 3000));
    Sighting {
        node: Description::backend(name, http).live(generation, http.ip(), word),
        gossip: SocketAddr::from(([10, 0, 0, 9], 7000)),
        presence,
    }
}

fn live(name: &str, generation: u64, word: Word) -> Sighting {
    sighting(name, generation, word, Presence::Live)
}

fn of(nodes: impl IntoIterator<Item = Sighting>) -> Snapshot {
    let keyed = |seen: Sighting| (seen.node.key.clone(), Arc::new(seen));
    nodes.into_iter().map(keyed).collect()
}

/// What is told, a line for each snapshot: `member-join a, member-join b`.
fn told(history: impl IntoIterator<Item = Snapshot>) -> Vec<String> {
    let mut differ = Differ::default();
    let line = |event: Event| format!("{} {}", event.kind.name(), event.member.name);
    let lines = |snapshot| {
        differ
            .observe(&snapshot)
            .into_iter()
            .map(line)
            .collect::<Vec<_>>()
    };
    history
        .into_iter()
        .map(lines)
        .map(|lines| lines.join(", "))
        .collect()
}

#[test]
fn a_life_from_starting_to_reaped() {
    let down = || Word::Down(Arc::from("refused"));
    let history = [
        of([live("a", 1, Word::Starting)]),
        of([live("a", 1, Word::Ready)]),
        of([live("a", 1, Word::Ready)]),
        of([live("a", 1, down())]),
        of([live("a", 1, Word::Ready)]),
        of([sighting("a", 1, Word::Ready, Presence::Silent)]),
        of([live("a", 1, Word::Ready)]),
        of([live("a", 1, Word::Draining)]),
        of([live("a", 1, Word::Left)]),
        of([]),
    ];
    let expected = [
        "",
        "member-join a",
        "",
        "member-failed a",
        "member-join a",
        "member-failed a",
        "member-join a",
        "member-leave a",
        "",
        "member-reap a",
    ];
    assert_eq!(told(history), expected);
}

#[test]
fn what_was_never_in_is_never_told() {
    let history = [
        of([
            live("a", 1, Word::Starting),
            sighting("b", 1, Word::Ready, Presence::Silent),
        ]),
        of([live("a", 1, Word::Draining), live("b", 1, Word::Left)]),
        of([]),
    ];
    assert_eq!(told(history), ["", "", ""]);
}

#[test]
fn one_that_is_gone_without_a_word_has_failed_first() {
    let history = [of([live("a", 1, Word::Ready)]), of([])];
    assert_eq!(
        told(history),
        ["member-join a", "member-failed a, member-reap a"]
    );
}

#[test]
fn a_failed_one_may_still_leave_as_with_serf() {
    let history = [
        of([live("a", 1, Word::Ready)]),
        of([sighting("a", 1, Word::Ready, Presence::Silent)]),
        of([sighting("a", 1, Word::Left, Presence::Silent)]),
    ];
    assert_eq!(
        told(history),
        ["member-join a", "member-failed a", "member-leave a"]
    );
}

#[test]
fn a_new_life_at_once_is_an_update_and_later_a_failure_first() {
    let ready = |generation| live("a", generation, Word::Ready);
    assert_eq!(
        told([of([ready(1)]), of([ready(2)])]),
        ["member-join a", "member-update a"]
    );
    let history = [
        of([ready(1)]),
        of([live("a", 2, Word::Starting)]),
        of([ready(2)]),
    ];
    assert_eq!(
        told(history),
        ["member-join a", "member-failed a", "member-join a"]
    );
    // Both are shown for a moment when it comes back elsewhere: one name is one node.
    let history = [of([ready(1)]), of([ready(1), ready(2)]), of([ready(2)])];
    assert_eq!(told(history), ["member-join a", "member-update a", ""]);
}

#[test]
fn tags_weight_and_address_are_an_update() {
    let ready = || live("a", 1, Word::Ready);
    let (mut tagged, mut heavy, mut moved) = (ready(), ready(), ready());
    tagged.node.tags.insert(Arc::from("zone"), Arc::from("eu"));
    heavy.node.weight = 7;
    moved.node.http = Some(SocketAddr::from(([10, 0, 0, 1], 3001)));
    let history = [ready(), tagged, heavy, moved, ready()].map(|seen| of([seen]));
    assert_eq!(told(history)[1..], ["member-update a"; 4]);
}

#[test]
fn one_look_tells_by_kind() {
    let history = [
        of([live("a", 1, Word::Ready), live("b", 1, Word::Ready)]),
        of([
            live("a", 1, Word::Left),
            live("b", 2, Word::Ready),
            live("c", 1, Word::Ready),
        ]),
    ];
    let expected = [
        "member-join a, member-join b",
        "member-join c, member-update b, member-leave a",
    ];
    assert_eq!(told(history), expected);
}

#[test]
fn a_balancer_is_in_when_it_is_heard() {
    let gossip = SocketAddr::from(([10, 0, 0, 9], 7373));
    let node = Description::balancer("ha").live(1, gossip.ip(), Word::Ready);
    let ha = Sighting {
        node,
        gossip,
        presence: Presence::Live,
    };
    let event = Differ::default().observe(&of([ha])).remove(0);
    assert_eq!((event.kind, event.member.role()), (Kind::Join, "balancer"));
    assert_eq!(event.member.ip, gossip.ip());
    assert_eq!(event.member.tags.len(), 1);
}

#[test]
fn a_server_is_told_with_its_port_and_a_free_tag_wins() {
    let mut seen = live("a", 1, Word::Ready);
    seen.node.tags.insert(Arc::from("role"), Arc::from("db"));
    let profile = Profile::of(&seen.node, seen.gossip);
    let tags: Vec<_> = profile
        .tags
        .iter()
        .map(|(k, v)| format!("{k}={v}"))
        .collect();
    assert_eq!(tags, ["port=3000", "role=db", "service=nodes", "weight=1"]);
    assert_eq!(
        (profile.role(), profile.ip.to_string()),
        ("db", "10.0.0.1".to_owned())
    );
}

fn any_word() -> impl Strategy<Value = Word> {
    prop_oneof![
        1 => Just(Word::Starting),
        3 => Just(Word::Ready),
        1 => Just(Word::Draining),
        1 => Just(Word::Down(Arc::from("timeout"))),
        1 => Just(Word::Left),
    ]
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    let presence = prop_oneof![3 => Just(Presence::Live), 1 => Just(Presence::Silent)];
    let role = prop_oneof![3 => Just(Role::Backend), 1 => Just(Role::Balancer)];
    (0..3_usize, 1..4_u64, any_word(), presence, role, 0..3_u16).prop_map(
        |(name, generation, word, presence, role, weight)| {
            let mut seen = sighting(["a", "b", "c"][name], generation, word, presence);
            seen.node.role = role;
            seen.node.weight = weight;
            seen
        },
    )
}

proptest! {
    #![proptest_config(crate::seeded())]

    /// Any history of snapshots is told as one that could have been, and ends with what is.
    #[test]
    fn every_history_is_consistent(
        snapshots in prop::collection::vec(prop::collection::vec(any_sighting(), 0..6), 1..20),
    ) {
        let mut differ = Differ::default();
        let mut standing: BTreeMap<Arc<str>, Standing> = BTreeMap::new();
        for nodes in snapshots {
            let snapshot = of(nodes);
            let events = differ.observe(&snapshot);
            prop_assert!(differ.observe(&snapshot).is_empty(), "the same again is no news");
            for Event { kind, member } in events {
                let was = standing.remove(&member.name);
                let now = match (was, kind) {
                    (None | Some(Standing::Left | Standing::Failed), Kind::Join)
                    | (Some(Standing::In), Kind::Update) => Some(Standing::In),
                    (Some(Standing::In | Standing::Failed), Kind::Leave) => Some(Standing::Left),
                    (Some(Standing::In), Kind::Failed) => Some(Standing::Failed),
                    (Some(Standing::Left | Standing::Failed), Kind::Reap) => None,
                    (was, kind) => {
                        return Err(TestCaseError::fail(format!("{was:?} then {kind:?}")));
                    }
                };
                standing.extend(now.map(|now| (Arc::clone(&member.name), now)));
            }
            for name in ["a", "b", "c"] {
                let should = snapshot.named(name).any(|seen| is_in(seen));
                prop_assert_eq!(standing.get(name) == Some(&Standing::In), should, "{}", name);
                let known = snapshot.named(name).next().is_some();
                prop_assert!(known || !standing.contains_key(name), "{} is reaped", name);
            }
        }
    }
}

#[test]
fn names_that_begin_alike_are_not_one() {
    let key = |name: &str| NodeKey {
        name: Arc::from(name),
        generation: 1,
    };
    let snapshot = of([live("a", 1, Word::Ready), live("ab", 1, Word::Ready)]);
    assert!(snapshot.nodes.contains_key(&key("ab")));
    assert_eq!(told([snapshot]), ["member-join a, member-join ab"]);
}
