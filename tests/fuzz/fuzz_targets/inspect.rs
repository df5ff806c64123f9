//! The look before chitchat's: whatever passes can be written anew and passes again, and of it is taken
//! what may be believed and there is room for.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use member::inspect::{Message, NodeKeys, compress, decompress, put_first};
use member::limit::{Census, Hearsay, Speaker};

fuzz_target!(|input: &[u8]| {
    look(input);
    if let Some((kind, rest)) = input.split_first() {
        look(&[&[0x53, 0xb0, 0, kind % 4][..], rest].concat());
        // The stream of a delta as it is, in one block that is not compressed.
        if let Ok(length) = u16::try_from(rest.len()) {
            let block = [&[2][..], &length.to_le_bytes(), rest, &[0]].concat();
            look(&[&[0x53, 0xb0, 0, 2][..], &block].concat());
        }
    }
    let _ = decompress(input, 65_507);
    if let Some(short) = compress(input) {
        assert_eq!(decompress(&short, input.len()).as_deref(), Ok(input));
    }
});

fn look(bytes: &[u8]) {
    let Ok(message) = Message::read(bytes) else {
        return;
    };
    let again = message.keeping(|_| true, |_| true);
    assert!(Message::read(&again).is_ok());
    if let Some(short) = message.within(bytes.len() / 2) {
        assert!(Message::read(&short).is_ok());
    }
    let (mut census, mut hearsay) = (Census::default(), Hearsay::default());
    // Told of, asked for, and told of again.
    for now in [0, 100, 1_000].map(Duration::from_millis) {
        let speaker = Speaker {
            from: ([127, 0, 0, 1], 7373).into(),
            proven: now.is_zero(),
        };
        hearsay.listen(now, speaker, &message);
        let digest = message.digest.iter();
        let plausible = digest.map(|entry| hearsay.is_plausible(now, speaker, entry));
        let plausible: Vec<_> = plausible.collect();
        let believes = |keys: &NodeKeys<'_>| hearsay.believes(now, speaker, keys);
        if let Some(rest) = census.sift(speaker, &message, &plausible, believes) {
            assert!(Message::read(&rest).is_ok());
        }
        assert!(hearsay.asks(now).len() <= 65);
    }
    let mut signed = bytes.to_vec();
    if let Some(last) = message.digest.last() {
        put_first(&mut signed, last.id);
    }
    assert!(Message::read(&signed).is_ok());
}
