//! The look before chitchat's: whatever passes can be written anew and passes again, and the
//! census takes of it what there is room for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use member::inspect::{Message, compress, decompress};
use member::limit::Census;

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
    let mut census = Census::default();
    if let Some(rest) = census.sift(([127, 0, 0, 1], 7373).into(), &message) {
        assert!(Message::read(&rest).is_ok());
    }
}
