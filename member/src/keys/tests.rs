//! Every rule of the keys, the round trip, and junk.

use proptest::prelude::*;

use super::*;

fn node() -> Node {
    let http = SocketAddr::from(([10, 0, 0, 1], 3000));
    Description::backend("s1", http).live(7, http.ip(), Word::Ready)
}

fn texts(pairs: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
}

/// The keys of [`node`] with one of them set otherwise.
fn with(key: &str, value: &str) -> Result<Node, KeyError> {
    let mut pairs = encode(&node()).unwrap();
    pairs.retain(|(k, _)| k != key);
    pairs.push(pair(key, value));
    decode(node().key, texts(&pairs))
}

#[test]
fn the_word_is_written_last() {
    let pairs = encode(&node()).unwrap();
    assert_eq!(pairs.last().unwrap(), &pair("st", "ready"));
}

#[test]
fn keys_without_a_word_are_still_on_their_way() {
    let mut pairs = encode(&node()).unwrap();
    pairs.pop();
    assert!(
        decode(node().key, texts(&pairs))
            .unwrap_err()
            .is_incomplete()
    );
    pairs.remove(0);
    pairs.push(pair("st", "ready"));
    let missing = decode(node().key, texts(&pairs)).unwrap_err();
    assert!(!missing.is_incomplete());
    assert_eq!(missing.to_string(), "key `v` is missing");
}

#[test]
fn bad_values_are_named_with_the_rule() {
    let bad = [
        ("v", "2"),
        ("role", "king"),
        ("svc", "a b"),
        ("http", "10.0.0.1"),
        ("http", "0.0.0.0:80"),
        ("http", "10.0.0.1:0"),
        ("chk", "health"),
        ("chk", "/a b"),
        ("chk", "/a\r\nHost: evil"),
        ("w", "257"),
        ("w", "+1"),
        ("w", ""),
        ("keys", ""),
        ("keys", "1a2"),
        ("keys", "1a2b,"),
        ("keys", "+a2b"),
        ("keys", "1a2b,1a2b,1a2b,1a2b,1a2b,1a2b,1a2b,1a2b,1a2b"),
        ("st", "fine"),
        ("tag.a b", "1"),
        ("tag.a", "1\n2"),
    ];
    for (key, value) in bad {
        let error = with(key, value).expect_err(&format!("{key}={value:?}"));
        assert!(error.to_string().contains(key), "{error}");
        assert!(error.to_string().contains("expected"), "{error}");
    }
    assert_eq!(
        with("w", "300").unwrap_err().to_string(),
        "key `w` is \"300\", expected a number from 0 to 256"
    );
}

#[test]
fn a_later_schema_may_add_keys() {
    assert_eq!(with("zone", "b").unwrap(), node());
}

#[test]
fn caps_hold() {
    assert!(with(&"k".repeat(97), "").is_err());
    assert!(with("k", &"v".repeat(257)).is_err());
    let many: Vec<_> = (0..33).map(|i| pair(&format!("k{i}"), "")).collect();
    assert!(decode(node().key, texts(&many)).is_err());
    let heavy: Vec<_> = (0..9)
        .map(|i| pair(&format!("k{i}"), &"v".repeat(256)))
        .collect();
    assert!(decode(node().key, texts(&heavy)).is_err());
    let receipts: Vec<_> = (0..500)
        .map(|i| pair(&format!("seen.{i}"), "1:drained:0"))
        .collect();
    let all = [receipts, encode(&node()).unwrap()].concat();
    assert_eq!(decode(node().key, texts(&all)).unwrap(), node());
}

#[test]
fn a_node_that_nobody_would_read_cannot_be_written() {
    let mut odd = node();
    odd.key.name = Arc::from("s 1");
    assert!(encode(&odd).is_err());
    let mut odd = node();
    odd.weight = 257;
    assert!(encode(&odd).is_err());
}

#[test]
fn reasons_cannot_break_a_csv_or_a_page() {
    let Word::Down(reason) = with("st", "down:a,\"b'\u{7}é").unwrap().word else {
        panic!("not down");
    };
    assert_eq!(&*reason, "ab");
}

#[test]
fn receipts_travel() {
    for ack in [Ack::Draining, Ack::Drained] {
        let receipt = Receipt { ack, inflight: 3 };
        assert_eq!(
            decode_receipt(&encode_receipt(9, receipt)),
            Some((9, receipt))
        );
    }
    for junk in [
        "",
        "1",
        "1:drained",
        "1:gone:0",
        "x:drained:0",
        "1:drained:-1",
    ] {
        assert_eq!(decode_receipt(junk), None, "{junk}");
    }
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        Just(Word::Starting),
        Just(Word::Ready),
        Just(Word::Draining),
        Just(Word::Left),
        "[ -~&&[^,'\"]]{0,128}".prop_map(|reason| Word::Down(Arc::from(reason))),
    ]
}

fn any_node() -> impl Strategy<Value = Node> {
    let tags = prop::collection::btree_map("[A-Za-z0-9_.-]{1,32}", "[^\\p{Cc}]{0,32}", 0..4);
    let check = prop::option::of("/[!-~]{0,255}");
    (
        (
            "[A-Za-z0-9_.-]{1,64}",
            any::<u64>(),
            any::<bool>(),
            any::<[u8; 4]>(),
        ),
        (
            "[A-Za-z0-9_.-]{1,64}",
            check,
            0..=256u16,
            word(),
            tags,
            1..=u16::MAX,
            prop::collection::vec(any::<u16>().prop_map(KeyId), 0..=8),
            any::<Option<u64>>(),
        ),
    )
        .prop_map(
            |(
                (name, generation, backend, ip),
                (service, check, weight, word, tags, port, keys, since),
            )| {
                let http = SocketAddr::from((if ip == [0; 4] { [1; 4] } else { ip }, port));
                Node {
                    key: NodeKey {
                        name: Arc::from(name),
                        generation,
                    },
                    role: if backend {
                        Role::Backend
                    } else {
                        Role::Balancer
                    },
                    service: Arc::from(service),
                    http: backend.then_some(http),
                    check: check.map(Arc::from),
                    weight,
                    word,
                    tags: tags
                        .into_iter()
                        .map(|(k, v)| (Arc::from(k), Arc::from(v)))
                        .collect(),
                    keys,
                    since,
                }
            },
        )
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn what_is_written_is_read(node in any_node()) {
        let pairs = encode(&node).unwrap();
        prop_assert_eq!(decode(node.key.clone(), texts(&pairs)).unwrap(), node);
    }

    #[test]
    fn junk_is_refused_or_read_but_never_panics(
        name in any::<String>(),
        pairs in prop::collection::vec((prop_oneof![
            any::<String>(), Just("st".to_owned()), Just("http".to_owned()), Just("tag.".to_owned()),
            Just("w".to_owned()), Just("v".to_owned()), Just("role".to_owned()),
        ], any::<String>()), 0..40),
    ) {
        let key = NodeKey { name: Arc::from(name), generation: 0 };
        let _ = decode(key, texts(&pairs));
        for (_, value) in &pairs {
            let _ = decode_receipt(value);
        }
    }
}

#[test]
fn evictions_come_back_as_they_were_said() {
    let said = decode_eviction(&eviction_key("s1"), &encode_eviction(7, 9)).unwrap();
    assert_eq!((&*said.name, said.generation, said.heartbeat), ("s1", 7, 9));
    for (key, value) in [
        ("evict.", "7:9"),
        ("evict.a b", "7:9"),
        ("seen.s1", "7:9"),
        ("evict.s1", "7"),
        ("evict.s1", "7:"),
        ("evict.s1", "-7:9"),
        ("evict.s1", "7:9:1"),
    ] {
        assert_eq!(decode_eviction(key, value), None, "{key} {value}");
    }
}

#[test]
fn what_changes_within_a_life_is_written_and_nothing_else() {
    let http = SocketAddr::from(([10, 0, 0, 1], 3000));
    let mut old = Description::backend("s1", http);
    old.tags = [("a".into(), "1".into()), ("b".into(), "2".into())].into();
    assert_eq!(changes(&old, &old), []);
    let edit = crate::node::Edit {
        weight: Some(5),
        set: [("b".into(), "3".into()), ("c".into(), "4".into())].into(),
        delete: vec!["a".into(), "nothing".into()],
    };
    let pair = |key: &str, value: Option<&str>| (key.to_owned(), value.map(str::to_owned));
    assert_eq!(
        changes(&old, &old.edited(&edit)),
        [
            pair("w", Some("5")),
            pair("tag.a", None),
            pair("tag.b", Some("3")),
            pair("tag.c", Some("4")),
        ]
    );
}
