//! The typed keys of a node: whatever is read can be written, and is read again the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use member::keys::{decode, decode_receipt, encode};
use member::node::NodeKey;

fuzz_target!(|input: &str| {
    let key = || NodeKey {
        name: "s1".into(),
        generation: 1,
    };
    let pairs = input.lines().filter_map(|line| line.split_once('='));
    let valid = [
        ("v", "1"),
        ("role", "backend"),
        ("svc", "nodes"),
        ("w", "1"),
        ("http", "10.0.0.1:80"),
        ("st", "ready"),
    ];
    for node in [
        decode(key(), pairs.clone()),
        decode(key(), valid.into_iter().chain(pairs)),
    ]
    .into_iter()
    .flatten()
    {
        let written = encode(&node).expect("what was read can be written");
        let written = written.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        assert_eq!(decode(key(), written).as_ref(), Ok(&node));
    }
    let _ = decode_receipt(input);
});
