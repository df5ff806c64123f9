//! A process that goes on at another address, whose farewell from the old one was not heard.

use super::*;

/// A life at that host's address, of the process that began with the first.
fn life(number: u64, host: u8) -> Reading {
    let mut life = live(of("a", START + number, 3000, Word::Ready));
    life.id.gossip.set_ip([10, 0, 0, host].into());
    let since = ("since".to_owned(), (START + 1).to_string());
    life.keys.as_mut().unwrap().insert(0, since);
    life
}

/// Whether it comes to the host of its server or goes from there: one of its lives is shown all the time, the new one
/// at once if it is on that host, else once the old one counts as silent and was asked in vain.
#[test]
fn one_of_its_lives_is_shown_though_its_server_stays_where_it_is() {
    for (from, to) in [(1, 2), (2, 1)] {
        for mut belief in [belief(), belief().wary()] {
            let (mut old, mut new) = (life(1, from), life(2, to));
            for now in (0..6_000).step_by(50) {
                let moved = now > 2_000;
                let is_there = if moved { &mut new } else { &mut old };
                (is_there.heartbeat, is_there.heard) = (now, Some(ms(now)));
                old.live = now < 2_600;
                let all = [old.clone(), new.clone()];
                belief.observe(ms(now), &all[..if moved { 2 } else { 1 }]);
                belief.asks(ms(now));
                assert_eq!(shown(&belief).len(), 1, "{from} {now}");
            }
            let there = a(START + 2, Presence::Live, Word::Ready);
            assert_eq!(shown(&belief), [there]);
        }
    }
}
