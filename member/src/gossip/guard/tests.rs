//! Who is let in, answered and limited: peers, strangers, and whoever has the key and lies.

use super::*;
use crate::inspect::forge::Forged;
use crate::seal::Key;

const NOW: Times = Times {
    since: Duration::from_secs(1),
    unix: 100_000,
};

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], port))
}

fn secret(n: u8) -> Secret {
    Secret::new([n; 32])
}

fn keyring() -> Keyring {
    Keyring::of(Key::new([7; 32]))
}

fn guard(n: u8) -> Guard {
    let protection = Protection {
        keyring: Some(keyring()),
        ..Protection::default()
    };
    Guard::new(&protection, &Arc::from("ragot"), secret(n))
}

/// The number of who was refused as unproven.
fn unproven(admitted: &Result<Cow<'_, [u8]>, Turned>) -> u64 {
    match admitted {
        Err(Turned::Refused(Refused::Unproven { number, .. })) => *number,
        other => panic!("{other:?}"),
    }
}

/// What somebody with the key seals under a number of its own making.
fn forged(number: u64, echo: u64) -> Vec<u8> {
    let (mut sealer, mut out) = (Sealer::new(&keyring(), "ragot"), Vec::new());
    let message = [0x53, 0xb0, 0, 3];
    assert!(sealer.seal(Content::Gossip, number, NOW.unix, echo, &message, &mut out));
    out
}

fn later(seconds: u64) -> Times {
    let since = NOW.since + Duration::from_secs(seconds);
    Times { since, ..NOW }
}

fn says(guard: &mut Guard, now: Times, to: SocketAddr) -> Vec<u8> {
    let bad_cluster = [0x53, 0xb0, 0, 3];
    let mut datagrams = guard.dress(now, to, &bad_cluster);
    datagrams.next().unwrap().into_owned()
}

/// A key alone keeps other clusters out too, as its name is sealed in; in clear only this does.
#[test]
fn another_cluster_is_not_heard() {
    let mut us = Guard::new(&Protection::default(), &Arc::from("blue"), secret(1));
    let mut said = |cluster| {
        us.admit(NOW, at(2), &mut Forged::syn(cluster).bytes())
            .is_ok()
    };
    assert!(said("blue") && !said("green") && !said("") && !said("blu"));
    let mut other = Forged::syn("green").bytes();
    let named = us.admit(NOW, at(2), &mut other);
    assert_eq!(named, Err(Turned::Foreign("green".into())));
    assert_eq!(us.heard(at(2)), Some(NOW.since));
}

#[test]
fn who_seals_is_limited_and_nobody_else_with_it() {
    let (mut us, mut peer, mut loud, here) = (guard(1), guard(2), guard(3), at(1));
    acquainted(&mut us, here, &mut peer, at(2));
    acquainted(&mut us, here, &mut loud, at(3));
    let mut taken = 0;
    for _ in 0..300 {
        let mut word = says(&mut loud, NOW, here);
        taken += usize::from(us.admit(NOW, at(3), &mut word).is_ok());
    }
    assert!((195..=200).contains(&taken), "{taken}");
    let mut word = says(&mut peer, NOW, here);
    assert!(us.admit(NOW, at(2), &mut word).is_ok());
}

/// Somebody without the key plays back, in a peer's name, what was sealed long ago.
#[test]
fn recordings_do_not_use_up_what_their_sender_may_say() {
    let (mut us, mut peer, mut former) = (guard(1), guard(2), guard(3));
    let (here, there) = (at(1), at(2));
    let past = Times { unix: 0, ..NOW };
    let number = secret(3).number(here);
    let mut hellos = 0;
    for _ in 0..1_000 {
        let mut recording = says(&mut former, past, here);
        let turned = us.admit(NOW, there, &mut recording);
        assert_eq!(unproven(&turned), number);
        hellos += usize::from(us.hello(NOW, there, number).is_some());
    }
    assert_eq!(hellos, 200);
    let mut word = says(&mut peer, NOW, here);
    assert!(us.admit(NOW, there, &mut word).is_ok());
}

/// Two nodes that have proved themselves to each other.
fn acquainted(us: &mut Guard, here: SocketAddr, peer: &mut Guard, there: SocketAddr) {
    for _ in 0..2 {
        let mut word = says(us, NOW, there);
        assert!(peer.admit(NOW, here, &mut word).is_ok());
        let mut word = says(peer, NOW, here);
        assert!(us.admit(NOW, there, &mut word).is_ok());
    }
}

#[test]
fn who_makes_up_its_source_changes_nothing_for_whoever_is_there() {
    let (mut us, mut peer, here, there) = (guard(1), guard(2), at(1), at(2));
    acquainted(&mut us, here, &mut peer, there);
    let number = secret(2).number(here);
    for made_up in 1..100 {
        let mut word = forged(made_up, 0);
        let (_, origin) = us.open(NOW, there, &mut word).unwrap();
        assert_eq!((origin.number, origin.proven), (Some(made_up), false));
        let mut word = forged(1_000 + made_up, 0);
        assert!(us.admit(later(1), there, &mut word).is_ok());
        assert_eq!(us.echo_to(there), number);
        // What it was told itself is not what the other was.
        let mut word = forged(2_000 + made_up, secret(1).number(at(3)));
        assert_eq!(unproven(&us.admit(NOW, there, &mut word)), 2_000 + made_up);
    }
    let mut word = says(&mut us, later(1), there);
    assert!(peer.admit(later(1), here, &mut word).is_ok());
    // Whom nobody has proved to be lately may have started again.
    assert!(us.admit(later(2), there, &mut forged(5_000, 0)).is_ok());
    assert_eq!(us.echo_to(there), 5_000);
    let mut word = says(&mut us, later(2), there);
    let refused = unproven(&peer.admit(later(2), here, &mut word));
    let mut hello = peer.hello(later(2), here, refused).unwrap();
    assert_eq!(us.admit(later(2), there, &mut hello), Err(Turned::Empty));
    assert_eq!(us.echo_to(there), number);
}

#[test]
fn who_starts_again_in_place_is_met_in_one_exchange_more() {
    let (mut us, mut former, here, there) = (guard(1), guard(2), at(1), at(2));
    acquainted(&mut us, here, &mut former, there);
    let (mut peer, number) = (guard(3), secret(3).number(here));
    let mut syn = says(&mut peer, NOW, here);
    assert!(us.admit(NOW, there, &mut syn).is_ok());
    // The answer is for its former self.
    let mut answer = says(&mut us, NOW, there);
    let refused = unproven(&peer.admit(NOW, here, &mut answer));
    assert_eq!(refused, secret(1).number(there));
    let mut hello = peer.hello(NOW, here, refused).unwrap();
    assert_eq!(us.admit(NOW, there, &mut hello), Err(Turned::Empty));
    assert_eq!(us.echo_to(there), number);
    acquainted(&mut us, here, &mut peer, there);
}

/// Under a number of its own for each datagram, of which none is told anything.
#[test]
fn who_seals_under_ever_new_numbers_is_limited_and_stops_nobody() {
    let (mut us, mut peer, here, there) = (guard(1), guard(2), at(1), at(2));
    acquainted(&mut us, here, &mut peer, there);
    let mut taken = 0;
    for number in 1..1_000 {
        let admitted = us.admit(NOW, at(3), &mut forged(number, 0)).map(drop);
        taken += usize::from(admitted.is_ok());
        assert!(admitted.is_ok() || admitted == Err(Turned::Unknown(number)));
    }
    assert!((190..=200).contains(&taken), "{taken}");
    let mut word = says(&mut peer, NOW, here);
    assert!(us.admit(NOW, there, &mut word).is_ok());
    // Whoever comes now is told our number, and so can prove where it is.
    let mut new = guard(4);
    let mut word = says(&mut new, NOW, here);
    let Err(Turned::Unknown(number)) = us.admit(NOW, at(4), &mut word) else {
        panic!("it is not known");
    };
    let mut hello = us.hello(NOW, at(4), number).unwrap();
    assert_eq!(new.admit(NOW, here, &mut hello), Err(Turned::Empty));
    let mut word = says(&mut new, NOW, here);
    assert!(us.admit(NOW, at(4), &mut word).is_ok());
}

/// Strangers can still speak then, but not for whoever seals.
#[test]
fn while_migrating_who_seals_is_not_proven_in_clear() {
    let protection = Protection {
        keyring: Some(keyring()),
        migrates: true,
        ..Protection::default()
    };
    let mut us = Guard::new(&protection, &Arc::from("ragot"), secret(1));
    let (mut peer, here, there) = (guard(2), at(1), at(2));
    let in_clear = |us: &mut Guard, now| {
        let mut message = Forged::syn("ragot").bytes();
        us.open(now, there, &mut message).unwrap().1.proven
    };
    assert!(in_clear(&mut us, NOW));
    let mut word = says(&mut peer, NOW, here);
    assert!(us.admit(NOW, there, &mut word).is_ok());
    assert!(!in_clear(&mut us, later(9)));
    assert!(in_clear(&mut us, later(10)));
}

/// It is contacted at one address and answers from another, as behind a NAT.
#[test]
fn who_answers_from_elsewhere_is_met_in_one_exchange_more() {
    let (mut us, mut peer, here) = (guard(1), guard(2), at(1));
    let (inside, outside) = (at(2), at(3));
    let mut syn = says(&mut us, NOW, inside);
    assert!(peer.admit(NOW, here, &mut syn).is_ok());
    let mut answer = says(&mut peer, NOW, here);
    let refused = unproven(&us.admit(NOW, outside, &mut answer));
    let mut hello = us.hello(NOW, outside, refused).unwrap();
    assert_eq!(peer.admit(NOW, here, &mut hello), Err(Turned::Empty));
    for seconds in [0, 1, 2, 3] {
        let now = later(seconds);
        let mut syn = says(&mut us, now, inside);
        assert!(peer.admit(now, here, &mut syn).is_ok());
        let mut answer = says(&mut peer, now, here);
        assert!(us.admit(now, outside, &mut answer).is_ok());
        let mut word = says(&mut us, now, outside);
        assert!(peer.admit(now, here, &mut word).is_ok());
    }
}
