//! Two nodes of one name and generation.

use super::*;

/// A name and a generation are no secret.
#[test]
fn another_of_the_same_name_and_generation_is_not_taken_for_it() {
    for fake_port in [1, 9999] {
        let mut belief = belief().wary();
        let mut real = live(of("a", START + 1, 3000, Word::Ready));
        let mut fake = live(of("a", START + 1, 3000, Word::Down("fire".into())));
        fake.id.gossip = at(fake_port);
        let mut other = live(of("a", START + 1, 3001, Word::Left));
        other.id.gossip = at(fake_port + 1);
        for now in 1..100 {
            for reading in [&mut real, &mut fake, &mut other] {
                reading.heard = Some(ms(50 * now));
            }
            let mut all = vec![real.clone()];
            if now > 5 {
                all.extend([fake.clone(), other.clone()]);
            }
            belief.observe(ms(50 * now), &all);
            assert_eq!(shown(&belief), [a(START + 1, Presence::Live, Word::Ready)]);
            assert_eq!(belief.snapshot().denied, BTreeSet::new());
        }
    }
}

/// Who was there first the others cannot know.
#[test]
fn a_name_and_generation_that_another_has_outbid_us() {
    let mut belief = belief();
    let same = of("lb", START, 3000, Word::Ready);
    belief.observe(ms(0), std::slice::from_ref(&same));
    assert_eq!(belief.outbid(), Some(START));
}

/// Whoever was met first under a name and generation is not met first under the next.
#[test]
fn who_begins_anew_is_not_behind_one_that_copies_it() {
    let mut belief = belief().wary();
    let real = |life| live(of("a", START + life, 3000, Word::Ready));
    let fake = |life| {
        let mut fake = live(of("a", START + life, 3001, Word::Down("fire".into())));
        fake.id.gossip = at(9999);
        fake
    };
    belief.observe(ms(0), &[fake(1)]);
    belief.observe(ms(50), &[fake(1), real(1)]);
    belief.observe(ms(100), &[fake(1), real(1), real(7)]);
    belief.observe(ms(150), &[fake(1), real(1), real(7), fake(7)]);
    assert_eq!(shown(&belief), [a(START + 7, Presence::Live, Word::Ready)]);
}
