//! The envelope: whatever comes is refused or opened, and nothing that was not sealed with the
//! key is believed. Half of the inputs are bent datagrams of a real sender.
#![no_main]

use libfuzzer_sys::fuzz_target;
use member::seal::{Content, Key, Keyring, Opener, Sealer};

fuzz_target!(|input: &[u8]| {
    let keyring = Keyring::of(Key::new([7; 32]));
    let mut opener = Opener::new(keyring.clone(), "ragot");
    // Of another key: libFuzzer learns from comparisons what was sealed below.
    let mut other = Opener::new(Keyring::of(Key::new([8; 32])), "ragot");
    assert!(other.open(0, 9, &mut input.to_vec()).is_err());
    let mut sealed = Vec::new();
    let mut sealer = Sealer::new(&keyring, "ragot");
    assert!(sealer.seal(Content::Gossip, 7, 0, 0, b"a message", &mut sealed));
    let mut bent = sealed.clone();
    for pair in input.chunks_exact(2) {
        let at = usize::from(pair[0]) % bent.len();
        bent[at] ^= pair[1];
    }
    let is_bent = bent != sealed;
    assert_eq!(opener.open(0, 9, &mut bent).is_err(), is_bent);
});
