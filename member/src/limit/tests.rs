//! Floods and crowds: who still gets through.

use std::hash::RandomState;
use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::inspect::forge::{Forged, id};
use crate::inspect::{Message, Progress};

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

#[test]
fn a_source_speaks_200_times_a_second() {
    let mut buckets = Buckets::new(RandomState::new());
    let mut taken = |ms: u64, source| buckets.take(Duration::from_millis(ms), source);
    let at_once = (0..1_000).filter(|_| taken(0, at(1))).count();
    assert_eq!(at_once, 200);
    let steady = (1..=1_000).filter(|ms| taken(*ms, at(1))).count();
    assert_eq!(steady, 200);
    // Another one shares its place once in 4096 times.
    let others = (2..12).filter(|port| taken(1_000, at(*port))).count();
    assert!(others >= 9, "{others}");
}

fn held(census: &mut Census, names: &[String]) {
    let held = names.iter().map(|name| (id(name, 1, at(1)), 100, true));
    census.settle(Some(held));
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("node-{n:07}")).collect()
}

/// All of it is plausible, and believed.
fn sift(census: &mut Census, speaker: SocketAddr, message: &Message<'_>) -> Option<Vec<u8>> {
    let speaker = Speaker {
        from: speaker,
        proven: true,
    };
    sift_of(census, speaker, message)
}

fn sift_of(census: &mut Census, speaker: Speaker, message: &Message<'_>) -> Option<Vec<u8>> {
    let plausible = vec![true; message.digest.len()];
    census.sift(speaker, message, &plausible, |_| true)
}

/// What of a SYN about `names` gets through.
fn told(census: &mut Census, speaker: SocketAddr, names: &[String]) -> usize {
    told_of(census, speaker, at(1), names)
}

fn told_of(census: &mut Census, speaker: SocketAddr, place: SocketAddr, names: &[String]) -> usize {
    let mut message = Forged::syn("ragot");
    for name in names {
        message = message.heartbeat(&id(name, 1, place), 5);
    }
    let bytes = message.bytes();
    let message = Message::read(&bytes).unwrap();
    match sift(census, speaker, &message) {
        None => names.len(),
        Some(rest) => Message::read(&rest).unwrap().digest.len(),
    }
}

#[test]
fn a_crowd_is_cut_off_and_who_is_known_stays() {
    let mut census = Census::default();
    let known = names(500);
    held(&mut census, &known);
    let fakes: Vec<_> = (0..10_000).map(|n| format!("fake-{n:07}")).collect();
    let admitted: usize = fakes
        .chunks(500)
        .map(|some| told(&mut census, at(9), some))
        .sum();
    assert!((90..120).contains(&admitted), "{admitted}");
    assert_eq!(told(&mut census, at(9), &known), 500);
    assert!(census.turned_away() > 9_000);
    // Whoever speaks for itself still finds a place; its word alone is 53 bytes.
    let newcomer = ["newcomer-000".to_owned()];
    assert_eq!(told_of(&mut census, at(2), at(2), &newcomer), 1);
    // Those that were let in are no more than what gossip holds, so they can come again.
    held(&mut census, &known);
    held(&mut census, &known);
    held(&mut census, &known);
    assert!(told(&mut census, at(9), &fakes[9_000..9_050]) == 50);
}

#[test]
fn keys_of_ourselves_and_of_strangers_are_taken_out() {
    let mut census = Census::default();
    let (me, s1, s2) = (id("me", 1, at(1)), id("s1", 1, at(2)), id("s2", 1, at(3)));
    census.introduce(me.clone());
    let forged = Forged::syn_ack()
        .heartbeat(&s1, 4)
        .heartbeat(&me, 1 << 40)
        .node(&me)
        .key("st", "left", 1_000)
        .node(&s1)
        .key("st", "ready", 3)
        .node(&s2)
        .key("st", "ready", 3)
        .bytes();
    let message = Message::read(&forged).unwrap();
    let rest = sift(&mut census, at(2), &message).unwrap();
    let rest = Message::read(&rest).unwrap();
    assert_eq!(rest.digest.len(), 2);
    let nodes: Vec<_> = rest.nodes().map(|node| node.id.to_vec()).collect();
    assert_eq!(nodes, [s1]);
}

#[test]
fn no_node_has_more_to_say_than_there_is_room() {
    let mut census = Census::default();
    let s1 = id("s1", 1, at(2));
    let heartbeat = Forged::syn("ragot").heartbeat(&s1, 4).bytes();
    assert_eq!(
        sift(&mut census, at(2), &Message::read(&heartbeat).unwrap()),
        None
    );
    let mut taken = 0;
    for turn in 0..1_000_u64 {
        let key = format!("k{turn}");
        let ack = Forged::ack()
            .node(&s1)
            .key(&key, &"x".repeat(1_000), turn + 1);
        let ack = ack.bytes();
        let message = Message::read(&ack).unwrap();
        taken += usize::from(sift(&mut census, at(2), &message).is_none());
    }
    assert!((30..40).contains(&taken), "{taken}");
}

#[test]
fn what_others_tell_of_us_is_kept_until_the_next_life() {
    let mut census = Census::default();
    let (me, s1) = (id("me", 1, at(1)), id("s1", 1, at(2)));
    census.introduce(me.clone());
    let mut tell = |id: &[u8], heartbeat| {
        let bytes = Forged::syn("ragot").heartbeat(id, heartbeat).bytes();
        sift(&mut census, at(2), &Message::read(&bytes).unwrap());
        census.told_of_me()
    };
    let told = tell(&me, 9);
    assert_eq!((told.heartbeat, told.collected, told.version), (9, 0, 3));
    assert_eq!(tell(&me, 8), told);
    assert_eq!(tell(&s1, 10), told);
    let own = |heartbeat| Progress { heartbeat, ..told };
    assert!(told.is_beyond(own(8)));
    assert!(!told.is_beyond(own(9)));
    assert!(!told.is_beyond(Progress { version: 4, ..told }));
    census.introduce(id("me", 2, at(1)));
    assert_eq!(census.told_of_me(), Progress::default());
}

#[test]
fn a_crowd_at_one_address_does_not_speak_for_itself() {
    let mut census = Census::default();
    held(&mut census, &names(500));
    let fakes: Vec<_> = (0..10_000).map(|n| format!("fake-{n:07}")).collect();
    for some in fakes.chunks(500) {
        told(&mut census, at(9), some);
    }
    // No room is left for rumours. An address has room for a node and its former lives, each of which
    // has told of itself first.
    let mut lives = 0;
    for life in names(600)[500..].chunks(5) {
        lives += told_of(&mut census, at(2), at(2), life);
    }
    assert_eq!(lives, 16);
    assert_eq!(told_of(&mut census, at(2), at(2), &fakes[9_000..]), 0);
    assert_eq!(told_of(&mut census, at(3), at(3), &fakes[9_000..9_002]), 1);
}

#[test]
fn who_begins_anew_has_room() {
    let mut census = Census::default();
    held(&mut census, &names(500));
    for port in 2..60 {
        for life in names(600 + 16 * usize::from(port))[584 + 16 * usize::from(port)..].chunks(1) {
            told_of(&mut census, at(port), at(port), life);
        }
    }
    let newcomer = ["newcomer".to_owned()];
    assert_eq!(told_of(&mut census, at(99), at(99), &newcomer), 0);
    let own = Forged::syn("ragot")
        .heartbeat(&id(&names(1)[0], 2, at(1)), 5)
        .bytes();
    assert!(sift(&mut census, at(1), &Message::read(&own).unwrap()).is_none());
}

#[test]
fn who_is_alone_on_its_host_has_room() {
    let mut census = Census::default();
    let host = |host: u8, port| SocketAddr::from(([10, 0, 0, host], port));
    let mut turn_up = |speaker: Speaker, name: &str| {
        let syn = Forged::syn("ragot").heartbeat(&id(name, 1, speaker.from), 5);
        let bytes = syn.bytes();
        sift_of(&mut census, speaker, &Message::read(&bytes).unwrap()).is_none()
    };
    let proven = |from| Speaker { from, proven: true };
    let name = |n: u16| format!("made-up-{n:04}");
    let came: Vec<_> = (1..2_001)
        .map(|n| turn_up(proven(host(2, n)), &name(n)))
        .collect();
    assert_eq!(came.iter().filter(|came| **came).count(), 41_000 / 53);
    let forged = Speaker {
        from: host(3, 1),
        proven: false,
    };
    assert!(!turn_up(forged, "newcomer"), "it may be on one host too");
    assert!(turn_up(proven(host(3, 1)), "newcomer"));
    let of_next = (1..101)
        .filter(|n| turn_up(proven(host(4, *n)), &name(*n)))
        .count();
    assert_eq!(of_next, 19, "1,000 bytes");
}

/// The last octets of an IPv6 address may be those of another node's IPv4 address.
#[test]
fn an_address_is_no_part_of_another() {
    let mut census = Census::default();
    held(&mut census, &names(500));
    let fakes: Vec<_> = (0..10_000).map(|n| format!("fake-{n:07}")).collect();
    for some in fakes.chunks(500) {
        told(&mut census, at(9), some);
    }
    let v6 = SocketAddr::from(([0xfd00, 0, 0, 0, 0, 4, 0x0a00, 1], 2));
    let newcomer = ["newcomer-000".to_owned()];
    let (v4_id, v6_id) = (id("newcomer-000", 1, at(2)), id("newcomer-000", 1, v6));
    assert!(v6_id.ends_with(&v4_id[v4_id.len() - 7..]));
    assert_eq!(told_of(&mut census, at(2), v6, &newcomer), 0);
    assert_eq!(told_of(&mut census, at(2), at(2), &newcomer), 1);
}

mod hearsay {
    use super::*;

    const NODE: u16 = 1;
    const OTHER: u16 = 2;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn speaker(port: u16) -> Speaker {
        Speaker {
            from: at(port),
            proven: true,
        }
    }

    /// Whether `speaker` is believed that the node at port 1 has said `key` in life `generation`.
    fn believes(
        hearsay: &mut Hearsay,
        now: u64,
        speaker: Speaker,
        generation: u64,
        key: &str,
    ) -> bool {
        let id = id("s1", generation, at(NODE));
        let bytes = Forged::ack().node(&id).key(key, "x", 9).bytes();
        let message = Message::read(&bytes).unwrap();
        hearsay.listen(ms(now), speaker, &message);
        let keys = message.nodes().next().unwrap();
        hearsay.believes(ms(now), speaker, &keys)
    }

    /// The node at `port` speaks, as the life `generation`, of keys up to version 8.
    fn speaks(hearsay: &mut Hearsay, now: u64, speaker: Speaker, generation: u64) {
        tells(hearsay, now, speaker, generation, [5, 8]);
    }

    /// The same with a heartbeat and a version.
    fn tells(
        hearsay: &mut Hearsay,
        now: u64,
        speaker: Speaker,
        generation: u64,
        numbers: [u64; 2],
    ) {
        let of = |id: &[u8], [heartbeat, version]: [u64; 2]| {
            let numbers = [heartbeat, 0, version].map(u64::to_le_bytes).concat();
            [id, &numbers].concat()
        };
        let me = of(&id("s1", generation, at(NODE)), numbers);
        let other = of(&id("s2", 9, at(NODE)), [9, 9]);
        let mut syn = Forged::syn("ragot");
        syn = syn.entry(me).entry(other);
        let bytes = syn.bytes();
        hearsay.listen(ms(now), speaker, &Message::read(&bytes).unwrap());
    }

    /// Whether the node at port 1 may be at `heartbeat`, as another tells.
    fn is_plausible(hearsay: &Hearsay, now: u64, from: u16, heartbeat: u64) -> bool {
        let bytes = Forged::syn("ragot").heartbeat(&id("s1", 1, at(NODE)), heartbeat);
        let bytes = bytes.bytes();
        let message = Message::read(&bytes).unwrap();
        hearsay.is_plausible(ms(now), speaker(from), &message.digest[0])
    }

    #[test]
    fn a_node_is_believed_about_itself_and_about_nobody_else_there() {
        let mut hearsay = Hearsay::default();
        speaks(&mut hearsay, 1, speaker(NODE), 2);
        assert!(believes(&mut hearsay, 2, speaker(NODE), 2, "st"));
        assert!(!believes(&mut hearsay, 2, speaker(NODE), 1, "st"));
        assert_eq!(hearsay.heard("s1", 2, at(NODE)), Some(ms(2)));
        assert_eq!(hearsay.heard("s1", 1, at(NODE)), None);
        // Its next life, of which it tells before it has told who it is.
        assert!(believes(&mut hearsay, 3, speaker(NODE), 3, "st"));
        assert_eq!(hearsay.heard("s1", 3, at(NODE)), Some(ms(3)));
    }

    #[test]
    fn who_answers_is_not_spoken_for() {
        let mut hearsay = Hearsay::default();
        speaks(&mut hearsay, 0, speaker(NODE), 1);
        let mut asked = 0;
        for now in (100..60_000).step_by(50) {
            assert!(!believes(&mut hearsay, now, speaker(OTHER), 1, "st"));
            assert!(!believes(&mut hearsay, now, speaker(OTHER), 2, "st"));
            if hearsay.asks(ms(now)).contains(&at(NODE)) {
                asked += 1;
                speaks(&mut hearsay, now + 1, speaker(NODE), 1);
            }
        }
        assert!((2..20).contains(&asked), "asked {asked} times");
    }

    /// Where more is collected than is known all is forgotten, and then any version counts.
    #[test]
    fn nobody_has_us_forget_a_node_that_answers() {
        let mut hearsay = Hearsay::default();
        let id = id("s1", 1, at(NODE));
        let forged = Forged::ack().node_collected(&id, 1 << 40);
        let bytes = forged.key("st", "left", 5).bytes();
        let message = Message::read(&bytes).unwrap();
        for now in (100..10_000).step_by(50) {
            let keys = message.nodes().next().unwrap();
            assert!(!hearsay.believes(ms(now), speaker(OTHER), &keys), "{now}");
            if hearsay.asks(ms(now)).contains(&at(NODE)) {
                speaks(&mut hearsay, now + 1, speaker(NODE), 1);
            }
        }
    }

    /// What it has said comes a message after it has told how much that is.
    #[test]
    fn who_has_just_said_as_much_is_not_spoken_for() {
        let mut hearsay = Hearsay::default();
        for now in (0..10_000).step_by(50) {
            let version = if now < 3_000 { 8 } else { 9 };
            tells(&mut hearsay, now, speaker(NODE), 1, [now, version]);
            let is_believed = believes(&mut hearsay, now + 1, speaker(OTHER), 1, "st");
            assert_eq!(is_believed, now >= 3_500, "{now}");
            hearsay.asks(ms(now + 2));
        }
    }

    #[test]
    fn who_does_not_answer_is_spoken_for() {
        let mut hearsay = Hearsay::default();
        let mut asked = Vec::new();
        for now in (0..2_000).step_by(50) {
            let is_believed = believes(&mut hearsay, now, speaker(OTHER), 1, "st");
            assert_eq!(is_believed, now >= 500, "{now}");
            asked.extend(hearsay.asks(ms(now)).first().map(|_| now));
        }
        assert_eq!(asked, [0, 50, 150]);
        speaks(&mut hearsay, 2_000, speaker(NODE), 1);
        assert!(!believes(&mut hearsay, 2_050, speaker(OTHER), 1, "st"));
    }

    #[test]
    fn who_is_not_proven_is_not_believed_nor_silences_who_is() {
        let mut hearsay = Hearsay::default();
        speaks(&mut hearsay, 0, speaker(NODE), 1);
        let forger = Speaker {
            proven: false,
            ..speaker(NODE)
        };
        speaks(&mut hearsay, 1, forger, 2);
        assert!(!believes(&mut hearsay, 2, forger, 1, "st"));
        assert!(!believes(&mut hearsay, 2, forger, 2, "st"));
        assert!(believes(&mut hearsay, 3, speaker(NODE), 1, "st"));
    }

    #[test]
    fn a_later_life_is_asked_for_and_a_former_one_is_not() {
        let mut hearsay = Hearsay::default();
        speaks(&mut hearsay, 0, speaker(NODE), 5);
        assert!(!believes(&mut hearsay, 100, speaker(OTHER), 4, "st"));
        assert!(hearsay.asks(ms(100)).is_empty());
        assert!(!believes(&mut hearsay, 100, speaker(OTHER), 6, "st"));
        assert!(hearsay.wonders());
        assert_eq!(hearsay.asks(ms(100)).len(), 1);
        speaks(&mut hearsay, 101, speaker(NODE), 6);
        assert!(believes(&mut hearsay, 102, speaker(NODE), 6, "st"));
    }

    /// Balancers acknowledge every drain, and each receipt is for one node, to which it is brought.
    #[test]
    fn nobody_is_asked_for_receipts() {
        let mut hearsay = Hearsay::default();
        assert!(!believes(&mut hearsay, 0, speaker(OTHER), 1, "seen.s9@7"));
        assert!(hearsay.asks(ms(0)).is_empty());
    }

    /// Its words reach us, ours do not reach it, so no exchange is ever complete; others tell what it says.
    #[test]
    fn who_says_as_much_itself_is_spoken_for_in_the_end() {
        let mut hearsay = Hearsay::default();
        for now in (0..2_000).step_by(50) {
            tells(&mut hearsay, now, speaker(NODE), 1, [now, 9]);
            let is_believed = believes(&mut hearsay, now + 1, speaker(OTHER), 1, "st");
            assert_eq!(is_believed, now >= 500, "{now}");
            hearsay.asks(ms(now + 1));
        }
    }

    #[test]
    fn nobody_is_spoken_for_while_we_miss_what_is_sent() {
        let mut hearsay = Hearsay::default();
        for now in (0..5_000).step_by(50) {
            if now < 3_000 {
                hearsay.miss(ms(now));
            }
            let is_believed = believes(&mut hearsay, now, speaker(OTHER), 1, "st");
            assert_eq!(is_believed, now >= 4_250, "{now}");
            hearsay.asks(ms(now));
        }
    }

    /// A member among many believes others, and never about its balancer.
    #[test]
    fn in_a_crowd_others_are_believed_save_about_some() {
        let mut hearsay = Hearsay::default();
        hearsay.trust(true);
        assert!(believes(&mut hearsay, 0, speaker(OTHER), 1, "st"));
        hearsay.doubt([at(NODE)].into());
        assert!(!believes(&mut hearsay, 0, speaker(OTHER), 1, "st"));
    }

    #[test]
    fn others_tell_of_heartbeats_only_as_far_as_they_can_have_come() {
        let mut hearsay = Hearsay::default();
        assert!(is_plausible(&hearsay, 0, OTHER, 1 << 40), "who is it?");
        for second in 0..10 {
            let now = 1_000 * second;
            tells(&mut hearsay, now, speaker(NODE), 1, [100 * second, 1]);
        }
        assert!(is_plausible(&hearsay, 9_100, OTHER, 910));
        assert!(is_plausible(&hearsay, 9_100, OTHER, 1_100), "in a burst");
        assert!(!is_plausible(&hearsay, 9_100, OTHER, 1_300));
        assert!(is_plausible(&hearsay, 9_100, NODE, 1_300), "itself");
        assert!(is_plausible(&hearsay, 12_100, OTHER, 1_300), "later");
    }

    /// Each would be asked for again and again.
    #[test]
    fn few_lives_at_one_address_are_asked_for() {
        let mut hearsay = Hearsay::default();
        speaks(&mut hearsay, 0, speaker(NODE), 1);
        let mut asked = 0;
        for now in (100..10_000).step_by(10) {
            let generation = 2 + now % 700;
            believes(&mut hearsay, now, speaker(OTHER), generation, "st");
            asked += hearsay.asks(ms(now)).len();
            speaks(&mut hearsay, now + 1, speaker(NODE), 1);
        }
        assert!(asked <= 80, "{asked}");
    }

    #[test]
    fn not_everybody_is_asked_of_whom_others_make_up_something() {
        let mut hearsay = Hearsay::default();
        for port in 1_000..3_000 {
            let bytes = Forged::ack()
                .node(&id("fake", 1, at(port)))
                .key("st", "x", 9);
            let bytes = bytes.bytes();
            let message = Message::read(&bytes).unwrap();
            let keys = message.nodes().next().unwrap();
            assert!(!hearsay.believes(ms(1_000), speaker(OTHER), &keys));
        }
        assert_eq!(hearsay.asks(ms(1_000)).len(), 64);
        assert_eq!(hearsay.asks(ms(1_100)).len(), 10);
    }
}
