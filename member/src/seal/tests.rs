//! Envelopes from end to end: what is opened, what is not, and what that costs.

use proptest::prelude::*;

use super::envelope::{HEADER, TAG};
use super::opener::SENDERS;
use super::sealer::DERIVED;
use super::window::{WIDTH, Window};
use super::*;

const NOW: u32 = 1_800_000_000;
const HOUR: u32 = 3_600;

fn key(n: u8) -> Key {
    Key::new([n; 32])
}

fn ring(keys: &[u8]) -> Keyring {
    let texts: Vec<_> = keys.iter().map(|n| key(*n).text()).collect();
    Keyring::parse(&serde_json::to_string(&texts).unwrap()).unwrap()
}

/// A sender and a receiver who share the key 1. The sender's number is 7, the receiver's 9, where
/// nothing else is said.
fn pair() -> (Sealer, Opener) {
    (sealer(1), Opener::new(ring(&[1]), "ragot"))
}

fn sealer(key: u8) -> Sealer {
    Sealer::new(&ring(&[key]), "ragot")
}

fn sealed(sealer: &mut Sealer, at: u32, echo: u64, message: &[u8]) -> Vec<u8> {
    sealed_as(7, sealer, at, echo, message)
}

fn sealed_as(number: u64, sealer: &mut Sealer, at: u32, echo: u64, message: &[u8]) -> Vec<u8> {
    let mut out = b"whatever was there".to_vec();
    assert!(sealer.seal(Content::Gossip, number, at, echo, message, &mut out));
    out
}

fn open(opener: &mut Opener, datagram: &[u8]) -> Result<Vec<u8>, Refused> {
    open_as(9, opener, datagram)
}

fn open_as(own: u64, opener: &mut Opener, datagram: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut copy = datagram.to_vec();
    opener
        .open(NOW, own, &mut copy)
        .map(|opened| opened.message.to_vec())
}

#[test]
fn what_is_sealed_is_opened_and_says_nothing_before() {
    let (mut sealer, mut opener) = pair();
    let datagram = sealed(&mut sealer, NOW, 0, b"s1 is ready");
    assert_eq!(datagram.len(), 11 + OVERHEAD);
    assert!(looks_sealed(&datagram));
    assert!(!datagram.windows(2).any(|two| two == b"s1"));
    assert_eq!(open(&mut opener, &datagram).unwrap(), b"s1 is ready");
    let again = sealed(&mut sealer, NOW, 0, b"s1 is ready");
    assert_ne!(datagram[HEADER..], again[HEADER..]);
}

#[test]
fn every_byte_is_authenticated() {
    let (mut sealer, mut opener) = pair();
    let datagram = sealed(&mut sealer, NOW, 0, b"draining");
    for at in 0..datagram.len() {
        let mut bent = datagram.clone();
        bent[at] ^= 1;
        assert!(open(&mut opener, &bent).is_err(), "byte {at}");
        assert!(open(&mut opener, &datagram[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(opener.senders(), 0);
    assert!(open(&mut opener, &datagram).is_ok());
}

#[test]
fn a_datagram_is_opened_once() {
    let (mut sealer, mut opener) = pair();
    let all: Vec<_> = (0..10).map(|_| sealed(&mut sealer, NOW, 0, b"x")).collect();
    // The first contact, then the rest backwards.
    let order = [0, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    for at in order {
        assert!(open(&mut opener, &all[at]).is_ok(), "{at}");
    }
    for datagram in &all {
        assert_eq!(open(&mut opener, datagram), Err(Refused::Replayed));
    }
}

#[test]
fn whom_it_meets_may_not_go_back() {
    let (mut sealer, mut opener) = pair();
    let old = sealed(&mut sealer, NOW, 0, b"old");
    let met = sealed(&mut sealer, NOW, 0, b"met");
    assert!(open(&mut opener, &met).is_ok());
    assert_eq!(open(&mut opener, &old), Err(Refused::Replayed));
}

#[test]
fn other_keys_other_clusters_and_clear_text_are_refused() {
    let (_, mut opener) = pair();
    let id = key(1).id();
    let mut stranger = sealer(2);
    let unknown = sealed(&mut stranger, NOW, 0, b"x");
    assert_eq!(
        open(&mut opener, &unknown),
        Err(Refused::UnknownKey(key(2).id()))
    );
    let mut neighbour = Sealer::new(&ring(&[1]), "other");
    let elsewhere = sealed(&mut neighbour, NOW, 0, b"x");
    assert_eq!(open(&mut opener, &elsewhere), Err(Refused::Forged(id)));
    for clear in [&b""[..], b"\x53\xb0\0\x03", &[1; OVERHEAD - 1], &[2; 100]] {
        assert_eq!(open(&mut opener, clear), Err(Refused::NotSealed));
    }
}

#[test]
fn a_recording_means_nothing_to_who_has_just_started() {
    let (mut sealer, mut before) = pair();
    let old = sealed(&mut sealer, NOW - HOUR, 9, b"s1 is ready");
    assert!(open(&mut before, &old).is_ok(), "it says our number");
    let (_, mut restarted) = pair();
    let unproven = Refused::Unproven {
        number: 7,
        apart: HOUR,
    };
    assert_eq!(open_as(10, &mut restarted, &old), Err(unproven));
    assert_eq!(restarted.senders(), 0);
}

/// What was sealed for one node is played to another, be the sender known there or not.
#[test]
fn a_datagram_for_another_receiver_is_refused() {
    let (mut sealer, mut opener) = pair();
    let (_, mut other) = pair();
    let first = sealed(&mut sealer, NOW, 9, b"1");
    assert!(open(&mut opener, &first).is_ok());
    let unproven = Refused::Unproven {
        number: 7,
        apart: 0,
    };
    assert_eq!(open_as(10, &mut other, &first), Err(unproven));
    assert_eq!(other.senders(), 0);
    let to_anybody = sealed(&mut sealer, NOW, 0, b"2");
    assert!(open_as(10, &mut other, &to_anybody).is_ok());
    let second = sealed(&mut sealer, NOW, 9, b"3");
    assert_eq!(open_as(10, &mut other, &second), Err(unproven));
    // The sender has been told.
    let third = sealed(&mut sealer, NOW, 10, b"4");
    assert!(open_as(10, &mut other, &third).is_ok());
}

/// Two nodes whose clocks are an hour apart, neither known to the other.
#[test]
fn wrong_clocks_cost_one_exchange() {
    let (mut early, mut late) = pair();
    let (mut late_seals, mut early_opens) = pair();
    let first = sealed(&mut early, NOW - HOUR, 0, b"hello?");
    let told = open(&mut late, &first).unwrap_err();
    assert!(matches!(told, Refused::Unproven { number: 7, .. }));
    let mut hello = Vec::new();
    assert!(late_seals.seal(Content::Hello, 9, NOW, 7, &[], &mut hello));
    let opened = early_opens.open(NOW - HOUR, 7, &mut hello).unwrap();
    assert_eq!((opened.content, opened.number), (Content::Hello, 9));
    let second = sealed(&mut early, NOW - HOUR, opened.number, b"hello");
    assert_eq!(open(&mut late, &second).unwrap(), b"hello");
}

/// What its sender has heard tells whether it may be somebody else with the key.
#[test]
fn only_who_repeats_our_number_is_proven() {
    let (mut sealer, mut opener) = pair();
    let mut proven = |at, echo| {
        let mut datagram = sealed(&mut sealer, at, echo, b"x");
        let opened = opener.open(NOW, 9, &mut datagram);
        opened.map(|opened| (opened.number, opened.proven)).ok()
    };
    assert_eq!(proven(NOW, 0), Some((7, false)), "met");
    assert_eq!(proven(NOW - HOUR, 0), Some((7, false)), "known");
    assert_eq!(proven(NOW, 9), Some((7, true)));
    assert_eq!(proven(NOW, 0), Some((7, false)), "each for itself");
    assert_eq!(proven(NOW, 7), None);
    assert_eq!(proven(NOW, u64::MAX), None);
}

/// Somebody else with the key seals far ahead, so that a peer would be refused as replayed.
#[test]
fn who_does_not_know_a_number_cannot_mute_its_sender() {
    let (mut peer, mut opener) = pair();
    let mut insider = sealer(1);
    let first = sealed(&mut peer, NOW, 9, b"1");
    assert!(open(&mut opener, &first).is_ok());
    insider.skip_to(1 << 63);
    let elsewhere = Secret::new([3; 32]);
    for port in 1..100 {
        let number = elsewhere.number(([10, 0, 0, 1], port).into());
        let ahead = sealed_as(number, &mut insider, NOW, 0, b"x");
        assert!(open(&mut opener, &ahead).is_ok());
        let said = sealed(&mut peer, NOW, 9, b"said");
        assert_eq!(open(&mut opener, &said).unwrap(), b"said");
    }
    // It is the number that keeps it out.
    let ahead = sealed(&mut insider, NOW, 0, b"x");
    assert!(open(&mut opener, &ahead).is_ok());
    let said = sealed(&mut peer, NOW, 9, b"muted");
    assert_eq!(open(&mut opener, &said), Err(Refused::Replayed));
}

/// A nonce is a key, a number and a counter.
#[test]
fn no_counter_is_used_twice_wherever_it_is_sent_to() {
    let (mut sealer, mut opener) = pair();
    let secret = Secret::new([1; 32]);
    let mut before = 0;
    for round in 0..4 {
        for port in 1..=DERIVED as u16 + 100 {
            let number = secret.number(([10, 0, 0, 1], port).into());
            let datagram = sealed_as(number, &mut sealer, NOW, 0, b"x");
            assert_eq!(datagram[3..11], number.to_be_bytes());
            let counter = u64::from_be_bytes(datagram[11..19].try_into().unwrap());
            assert!(counter > before, "{counter} after {before}");
            before = counter;
            assert!(sealer.derived() <= DERIVED);
            assert!(open(&mut opener, &datagram).is_ok());
        }
        if round == 1 {
            sealer.rekey(&ring(&[2, 1]));
            assert_eq!(sealer.derived(), 0);
            opener.rekey(ring(&[2, 1]));
        }
    }
    sealer.skip_to(u64::MAX);
    assert!(!sealer.seal(Content::Gossip, 7, NOW, 0, b"x", &mut Vec::new()));
}

#[test]
fn keys_are_rotated_without_a_gap() {
    let (mut sealer, mut opener) = pair();
    let with_old = sealed(&mut sealer, NOW, 0, b"1");
    assert!(open(&mut opener, &with_old).is_ok());
    opener.rekey(ring(&[1, 2]));
    sealer.rekey(&ring(&[2, 1]));
    let with_new = sealed(&mut sealer, NOW, 0, b"2");
    assert_ne!(with_old[1..3], with_new[1..3]);
    assert_eq!(with_old[3..11], with_new[3..11], "the number stays");
    assert_eq!(with_new[18], 2, "the counter goes on");
    assert!(open(&mut opener, &with_new).is_ok());
    assert_eq!(open(&mut opener, &with_old), Err(Refused::Replayed));
    // The old key is stolen after it is gone.
    opener.rekey(ring(&[2]));
    assert_eq!(opener.senders(), 1);
    let late = sealed_as(8, &mut self::sealer(1), NOW, 0, b"3");
    assert_eq!(
        open(&mut opener, &late),
        Err(Refused::UnknownKey(key(1).id()))
    );
}

/// One in 65,536 pairs of keys has the same id.
#[test]
fn a_key_that_is_gone_opens_nothing_though_another_has_its_id() {
    let mut keys = std::collections::HashMap::new();
    let numbered = (0..100_000_u32).map(|n| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&n.to_le_bytes());
        Key::new(bytes)
    });
    let same = numbered.into_iter().find_map(|key| {
        let other = keys.insert(key.id(), key.clone());
        other.map(|other| (other, key))
    });
    let (old, new) = same.unwrap();
    let mut sealer = Sealer::new(&Keyring::of(old.clone()), "ragot");
    let mut opener = Opener::new(Keyring::of(old.clone()), "ragot");
    let first = sealed(&mut sealer, NOW, 0, b"1");
    assert!(open(&mut opener, &first).is_ok());
    opener.rekey(Keyring::of(old));
    assert_eq!(opener.senders(), 1);
    opener.rekey(Keyring::of(new.clone()));
    let late = sealed(&mut sealer, NOW, 0, b"2");
    let forged = Err(Refused::Forged(new.id()));
    assert_eq!(open(&mut opener, &late), forged);
}

#[test]
fn many_senders_push_out_who_was_silent_longest() {
    let (mut sealer, mut opener) = pair();
    let mut first = self::sealer(1);
    let mut first = || sealed_as(1_000_000, &mut first, NOW, 0, b"x");
    assert!(open(&mut opener, &first()).is_ok());
    for number in 10_000..10_000 + SENDERS as u64 {
        assert!(open(&mut opener, &sealed(&mut sealer, NOW, 0, b"x")).is_ok());
        let other = sealed_as(number, &mut self::sealer(1), NOW, 0, b"x");
        assert!(open(&mut opener, &other).is_ok());
        assert!(opener.senders() <= SENDERS);
    }
    assert_eq!(opener.senders(), SENDERS);
    // It is a stranger again, and as such met anew.
    assert!(open(&mut opener, &first()).is_ok());
}

#[test]
fn forgeries_are_not_remembered() {
    let (mut sealer, mut opener) = pair();
    let mut forged = sealed(&mut sealer, NOW, 0, b"x");
    let last = forged.len() - 1;
    forged[last] ^= 1;
    for number in 0..10_000_u64 {
        forged[3..11].copy_from_slice(&number.to_be_bytes());
        assert!(open(&mut opener, &forged).is_err());
    }
    assert_eq!(opener.senders(), 0);
}

#[test]
fn a_keyring_is_serfs_file() {
    // From Serf's documentation of `-keyring-file`, with keys of 32 bytes.
    let text = r#"[
        "QHOYjmYlxSCBhdfiolhtDQ8RXRTSGdX4BoN8XZv5cXM=",
        "daZ2wnuw+Ql+2hCm7vQB6A8RXRTSGdX4BoN8XZv5cXM="
    ]"#;
    let keyring = Keyring::parse(text).unwrap();
    assert_eq!(keyring.ids().len(), 2);
    assert_eq!(
        keyring.primary().text(),
        "QHOYjmYlxSCBhdfiolhtDQ8RXRTSGdX4BoN8XZv5cXM="
    );
    assert_eq!(
        keyring.get(keyring.ids()[1]).unwrap().id(),
        keyring.ids()[1]
    );
}

#[test]
fn a_bad_keyring_names_the_entry_and_shows_no_key() {
    let (good, short) = (key(1).text(), "QHOYjmYlxSCBhdfiolhtDQ==");
    let cases = [
        (String::new(), "JSON array"),
        ("{}".to_owned(), "JSON array"),
        (format!("[\"{good}\""), "line 1, column 47"),
        ("[]".to_owned(), "1 to 8 keys, found 0"),
        (
            format!("[\"{good}\", \"{short}\"]"),
            "entry 2: expected a key of 32 bytes",
        ),
        (format!("[\"{good}\", \"{short}\"]"), "found 16 bytes"),
        (
            format!("[\"{good}\", \"{good}\"]"),
            "entries 1 and 2 have the same id",
        ),
        (format!("[\"{good}\", 3]"), "entry 2: expected a string"),
        (
            format!("[\"{good}\", \"s3cr3t!\"]"),
            "found what is not base64",
        ),
        (
            serde_json::to_string(&(0..9).map(|n| key(n).text()).collect::<Vec<_>>()).unwrap(),
            "found 9",
        ),
    ];
    for (text, part) in cases {
        let told = Keyring::parse(&text).unwrap_err().to_string();
        assert!(told.contains(part), "{text}: {told}");
        assert!(!told.contains(&good) && !told.contains("s3cr3t") && !told.contains(short));
    }
}

#[test]
fn secrets_do_not_show_themselves() {
    let keyring = ring(&[1, 2]);
    let (sealer, opener) = pair();
    let secret = Secret::new([1; 32]);
    let shown = format!("{keyring:?} {sealer:?} {opener:?} {secret:?} {:?}", key(1));
    assert!(shown.contains(&key(1).id().to_string()), "{shown}");
    let bytes = format!("{:?}", [1_u8; 32]);
    assert!(
        !shown.contains(&bytes[1..20]) && !shown.contains(&key(1).text()),
        "{shown}"
    );
}

#[test]
fn who_holds_what_is_a_table() {
    use crate::node::{Description, Word};
    let (old, new) = (KeyId(1), KeyId(2));
    let held = [
        ("ha", vec![new, old]),
        ("s1", vec![old, new]),
        ("s2", vec![old]),
    ];
    let nodes = held.map(|(name, keys)| {
        let http = std::net::SocketAddr::from(([10, 0, 0, 1], 80));
        let mut node = Description::backend(name, http).live(1, http.ip(), Word::Ready);
        node.keys = keys;
        node
    });
    let keys = usage(&nodes);
    assert_eq!(keys["0002"].seal, ["ha"]);
    assert_eq!(keys["0001"].hold.len(), 3);
    let table = "key     seal  hold  missing at\n0001       2     3\n0002       1     2  s2\n";
    assert_eq!(render(&keys), table);
    assert_eq!(
        render(&usage(&[])),
        "no node holds a key: gossip is in clear\n"
    );
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn junk_is_refused(mut junk in prop::collection::vec(any::<u8>(), 0..200), id in any::<bool>()) {
        let (_, mut opener) = pair();
        if id && junk.len() > 3 {
            junk[0] = 1;
            junk[1..3].copy_from_slice(&key(1).id().0.to_be_bytes());
        }
        prop_assert!(opener.open(NOW, 9, &mut junk).is_err());
        prop_assert_eq!(opener.senders(), 0);
    }

    #[test]
    fn any_message_comes_back(message in prop::collection::vec(any::<u8>(), 0..2000)) {
        let (mut sealer, mut opener) = pair();
        let datagram = sealed(&mut sealer, NOW, 0, &message);
        prop_assert_eq!(datagram.len(), message.len() + OVERHEAD);
        prop_assert_eq!(open(&mut opener, &datagram).unwrap(), message);
    }

    /// A window says what a set of all that was seen would, as far as it reaches.
    #[test]
    fn a_window_forgets_nothing_it_reaches(counters in prop::collection::vec(1..4000_u64, 1..200)) {
        let first = counters[0];
        let mut window = Window::from(first);
        let mut seen: std::collections::BTreeSet<u64> = (0..=first).collect();
        for counter in counters {
            let highest = *seen.last().unwrap();
            let expected = !seen.contains(&counter) && counter + WIDTH > highest;
            prop_assert_eq!(window.is_new(counter), expected);
            if expected {
                window.see(counter);
                seen.insert(counter);
            }
        }
    }
}

#[test]
fn overhead_is_what_the_documents_say() {
    assert_eq!((OVERHEAD, TAG), (48, 16));
}
