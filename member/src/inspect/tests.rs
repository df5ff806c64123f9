//! Well-formed messages pass and come back the same; each rule refuses what breaks it; junk and
//! bent messages of any kind are refused or harmless.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::blocks;
use super::forge::{Forged, id};
use super::*;

fn s(number: u16) -> Vec<u8> {
    id(&format!("s{number}"), 1_700_000_000_000, at(7_000 + number))
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn everything() -> Forged {
    Forged::syn_ack()
        .heartbeat(&s(1), 1)
        .heartbeat(&id("v6", 1, "[fd00::1]:7373".parse().unwrap()), 2)
        .node(&s(1))
        .key("role", "backend", 1)
        .key("tag.zone", "ä", 2)
        .key("st", "ready", 7)
        .node(&s(2))
        .no_keys(4)
        .node(&s(3))
}

fn refused(bytes: &[u8]) -> &'static str {
    match Message::read(bytes) {
        Ok(_) => "nothing",
        Err(Fault(why)) => why,
    }
}

#[test]
fn a_message_is_its_parts() {
    let bytes = everything().bytes();
    let message = Message::read(&bytes).unwrap();
    let ids: Vec<_> = message.digest.iter().map(|entry| entry.id).collect();
    assert_eq!(ids[0], s(1));
    let nodes: Vec<_> = message.nodes().map(|node| (node.id, node.size)).collect();
    assert_eq!(nodes, [(&s(1)[..], 28), (&s(2)[..], 0), (&s(3)[..], 0)]);
    let all = message.keeping(|_| true, |_| true);
    let all = Message::read(&all).unwrap();
    assert_eq!(
        (&all.digest, &all.stream),
        (&message.digest, &message.stream)
    );
    let less = message.keeping(|entry| entry.id == s(1), |node| node.id == s(2));
    let less = Message::read(&less).unwrap();
    let expected = Forged::syn_ack().heartbeat(&s(1), 1).node(&s(2)).no_keys(4);
    assert_eq!((less.digest.len(), &less.stream), (1, &expected.stream));
    let syn = Forged::syn("ragot").heartbeat(&s(1), 1).bytes();
    assert_eq!(
        Message::read(&syn).unwrap().keeping(|_| true, |_| true),
        syn
    );
    assert!(Message::read(b"\x53\xb0\x00\x03").is_ok());
}

fn check(cases: &[(Vec<u8>, &str)]) {
    for (bytes, rule) in cases {
        assert_eq!(refused(bytes), *rule, "{:?}", &bytes[..bytes.len().min(60)]);
    }
}

#[test]
fn each_rule_refuses_what_breaks_it() {
    let bytes = everything().bytes();
    let trailing = [&bytes[..], b"x"].concat();
    check(&[
        (b"junk".to_vec(), "it is no gossip message"),
        (vec![], "it is no gossip message"),
        (vec![0x53, 0xb0, 1, 0], "it is no gossip message"),
        (vec![0x53, 0xb0, 0, 9], "it is of no known type"),
        (
            vec![0x53, 0xb0, 0, 2, 7, 0, 0],
            "a block is of no known kind",
        ),
        (vec![0x53, 0xb0, 0, 2], "it is cut short"),
        (bytes[..bytes.len() - 1].to_vec(), "it is cut short"),
        (trailing, "something follows its end"),
        (Forged::syn(&"c".repeat(257)).bytes(), "a text is too long"),
    ]);
}

#[test]
fn each_rule_of_digests() {
    let of = |id: &[u8]| Forged::syn("c").heartbeat(id, 1).bytes();
    let many = |count: u16| {
        let all = (0..count).fold(Forged::syn("c"), |syn, n| syn.heartbeat(&s(n), 1));
        all.bytes()
    };
    let (name, address) = ("a node's name breaks its rule", "a node's address is none");
    let absurd = Forged::syn("c").heartbeat(&s(1), u64::MAX).bytes();
    check(&[
        (many(1_201), "it tells of more nodes than a cluster has"),
        (many(1_200), "nothing"),
        (of(&id("", 1, at(1))), name),
        (of(&id("a b", 1, at(1))), name),
        (of(&id(&"x".repeat(65), 1, at(1))), "a text is too long"),
        (
            of(&id("a", u64::MAX, at(1))),
            "a generation is absurdly large",
        ),
        (of(&id("a", 1, at(0))), address),
        (of(&id("a", 1, "0.0.0.0:1".parse().unwrap())), address),
        (absurd, "a number is absurdly large"),
    ]);
}

#[test]
fn each_rule_of_deltas() {
    let node = || Forged::ack().node(&s(1));
    let key = |key: &str, value: &str, version| node().key(key, value, version).bytes();
    let (ascii, long) = ("a key is not visible ASCII", "a text is too long");
    let (misplaced, falls) = ("a version stands where none may", "versions do not rise");
    check(&[
        (
            Forged::ack().key("st", "left", 1).bytes(),
            "a key is nobody's",
        ),
        (Forged::ack().no_keys(1).bytes(), misplaced),
        (node().key("st", "left", 1).no_keys(1).bytes(), misplaced),
        (node().no_keys(1).no_keys(2).bytes(), misplaced),
        (key("", "x", 1), ascii),
        (key("äst", "x", 1), ascii),
        (key("s t", "x", 1), ascii),
        (key(&"k".repeat(129), "x", 1), long),
        (key("k", &"x".repeat(1_025), 1), long),
        (node().key("a", "x", 1).key("b", "x", 1).bytes(), falls),
        (key("a", "x", 0), falls),
        (key("a", "x", u64::MAX), "a number is absurdly large"),
    ]);
}

#[test]
fn bombs_are_not_unpacked() {
    let head = Forged::ack().head();
    let zeros = |length: usize| zstd::bulk::compress(&vec![0; length], 0).unwrap();
    let block = |bytes: &[u8]| [&[1][..], &(bytes.len() as u16).to_le_bytes(), bytes].concat();
    // 195 MB in one datagram, as chitchat itself would unpack it.
    let large = block(&zeros(65_535));
    let bomb = [&head[..], &large.repeat(60_000 / large.len()), &[0]].concat();
    assert_eq!(refused(&bomb), "a block cannot be decompressed to 16 KiB");
    let fitting = block(&zeros(16_384));
    let bomb = [&head[..], &fitting.repeat(129), &[0]].concat();
    assert_eq!(refused(&bomb), "more blocks than a cluster fills");
    // Whatever a frame claims to hold.
    let bomb = zeros(10_000_000);
    assert!(bomb.len() < 1_000);
    assert!(decompress(&bomb, DATAGRAM).is_err());
    let mut keys = Forged::ack().node(&s(1));
    for version in 1..=40_000 {
        keys = keys.key("k", "", version);
    }
    assert_eq!(
        refused(&keys.bytes()),
        "it tells more keys than a cluster has"
    );
}

#[test]
fn what_is_too_long_to_seal_is_cut_between_two_keys() {
    let mut long = Forged::syn_ack().heartbeat(&s(1), 1);
    for number in 0..150 {
        long = long.node(&s(number));
        for key in 0..20_u64 {
            let noise = format!(
                "{:x}",
                (u64::from(number) * 977 + key).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            );
            long = long.key(&format!("k{key}"), &noise.repeat(2), key + 1);
        }
    }
    let bytes = long.bytes();
    let limit = bytes.len() - 48;
    let message = Message::read(&bytes).unwrap();
    let shorter = message.within(limit).unwrap();
    assert!(
        shorter.len() <= limit && shorter.len() > limit / 2,
        "{}",
        shorter.len()
    );
    let shorter = Message::read(&shorter).unwrap();
    assert_eq!(shorter.digest, message.digest);
    assert!(message.stream.starts_with(&shorter.stream));
    assert_eq!(message.within(bytes.len()).unwrap(), bytes);
    assert_eq!(message.within(20), None);
}

#[test]
fn a_message_survives_being_compressed() {
    let all = (0..500).fold(Forged::syn("c"), |syn, n| syn.heartbeat(&s(n), 1));
    let bytes = all.bytes();
    let short = compress(&bytes).unwrap();
    assert!(
        short.len() * 2 < bytes.len(),
        "{} of {}",
        short.len(),
        bytes.len()
    );
    assert_eq!(decompress(&short, DATAGRAM).unwrap(), bytes);
    assert_eq!(compress(b"too short to pay"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..crate::seeded() })]

    #[test]
    fn junk_is_harmless(junk in prop::collection::vec(any::<u8>(), 0..300), kind in 0..4_u8) {
        let _ = Message::read(&junk);
        let _ = Message::read(&[&[0x53, 0xb0, 0, kind][..], &junk].concat());
        let _ = decompress(&junk, DATAGRAM);
    }

    #[test]
    fn bent_messages_are_harmless(
        bends in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        in_blocks in any::<bool>(),
    ) {
        let mut forged = everything();
        let mut bytes = forged.head();
        let bent = if in_blocks { &mut forged.stream } else { &mut bytes };
        for (at, byte) in bends {
            let at = at.index(bent.len());
            bent[at] = byte;
        }
        blocks::write(&forged.stream, &mut bytes);
        if let Ok(message) = Message::read(&bytes) {
            // What passes can be read again after it was rewritten.
            let again = message.keeping(|_| true, |_| true);
            prop_assert!(Message::read(&again).is_ok());
            prop_assert!(message.within(bytes.len() / 2).is_none_or(|short| Message::read(&short).is_ok()));
        }
    }
}

#[test]
fn who_speaks_stands_first() {
    let ids = ["a", "bb", "ccc"].map(|name| id(name, 7, "[::1]:9".parse().unwrap()));
    let digest = |of: &[usize]| {
        let syn = Forged::syn("ragot");
        let syn = of
            .iter()
            .fold(syn, |syn, n| syn.heartbeat(&ids[*n], 5 + *n as u64));
        syn.bytes()
    };
    let mut bytes = digest(&[0, 1, 2]);
    put_first(&mut bytes, &ids[2]);
    assert_eq!(bytes, digest(&[2, 0, 1]));
    put_first(&mut bytes, &id("nobody", 1, "10.0.0.1:9".parse().unwrap()));
    assert_eq!(bytes, digest(&[2, 0, 1]));
    for cut in 0..bytes.len() {
        put_first(&mut bytes[..cut].to_vec(), &ids[1]);
    }
    let mut ack = Forged::ack().node(&ids[0]).bytes();
    let before = ack.clone();
    put_first(&mut ack, &ids[0]);
    assert_eq!(ack, before);
}

#[test]
fn an_identity_is_read_as_it_was_written() {
    for at in ["10.0.0.1:9", "[2001:db8::1]:7373"] {
        let at = at.parse().unwrap();
        assert_eq!(identity(&id("s1", 7, at)), Some((&b"s1"[..], 7, at)));
    }
    assert_eq!(
        identity(&id("s1", 7, "10.0.0.1:9".parse().unwrap())[1..]),
        None
    );
}
