//! Who is asked whether it is there, of those that should be, and how many at a time: whoever makes up
//! nodes must neither have us send without end nor use up what others are asked with. Pure.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::bucket::Bucket;
use crate::reading::Id;

/// Somebody who should be asked.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// When it was last asked.
    pub asked: Option<Duration>,
    /// Who.
    pub id: Id,
    /// Whether it has ever spoken itself; who made up another says where that one is.
    pub has_spoken: bool,
}

impl Candidate {
    fn order(&self) -> (Option<Duration>, &Id) {
        (self.asked, &self.id)
    }
}

/// What may still be asked.
#[derive(Debug, Default)]
pub struct Asking {
    of_speakers: Bucket,
    of_strangers: Bucket,
}

impl Asking {
    /// Who is asked now, of `candidates`: first who was asked longest ago, but one of each host before
    /// another of any. Those who never spoke take no turn from those that did.
    pub fn choose(&mut self, now: Duration, mut candidates: Vec<Candidate>) -> Vec<Id> {
        candidates.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
        let mut of_hosts: HashMap<(IpAddr, bool), usize> = HashMap::new();
        let mut ranked: Vec<_> = candidates
            .into_iter()
            .map(|candidate| {
                let host = (candidate.id.gossip.ip(), candidate.has_spoken);
                let of_host = of_hosts.entry(host).or_default();
                *of_host += 1;
                (*of_host, candidate)
            })
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.retain(|(_, candidate)| {
            let (bucket, each) = match candidate.has_spoken {
                true => (&mut self.of_speakers, EACH_SPEAKER),
                false => (&mut self.of_strangers, EACH_STRANGER),
            };
            bucket.take(now, each, each * (BURST - 1))
        });
        let chosen = ranked.into_iter();
        chosen.map(|(_, candidate)| candidate.id).collect()
    }
}

/// So many are asked at once.
const BURST: u32 = 64;
/// And then one each so often.
const EACH_SPEAKER: Duration = Duration::from_millis(5);
const EACH_STRANGER: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::node::NodeKey;

    fn candidate(port: u16, asked: Option<u64>, has_spoken: bool) -> Candidate {
        let key = NodeKey {
            name: "a".into(),
            generation: 1,
        };
        Candidate {
            asked: asked.map(Duration::from_millis),
            id: Id {
                key,
                gossip: SocketAddr::from(([10, 0, 0, 1], port)),
            },
            has_spoken,
        }
    }

    /// How many are asked in a second, each again and again.
    fn asked_in_a_second(has_spoken: bool) -> usize {
        let mut asking = Asking::default();
        let all = |_| {
            (1..500)
                .map(|port| candidate(port, None, has_spoken))
                .collect()
        };
        let times = (10_000..11_000).map(Duration::from_millis);
        times.map(|now| asking.choose(now, all(now)).len()).sum()
    }

    #[test]
    fn not_everybody_is_asked_all_the_time() {
        assert_eq!(asked_in_a_second(true), 63 + 200);
        assert_eq!(asked_in_a_second(false), 63 + 20);
    }

    #[test]
    fn who_was_asked_longest_ago_is_next_whoever_else_there_is() {
        let mut asking = Asking::default();
        let now = Duration::from_secs(9);
        let crowd: Vec<_> = (1..500)
            .map(|port| candidate(port, Some(8_000), true))
            .collect();
        assert_eq!(asking.choose(now, crowd.clone()).len(), 64);
        assert_eq!(asking.choose(now, crowd.clone()).len(), 0);
        let stranger = candidate(600, None, false);
        let mut all = [crowd, vec![candidate(700, Some(7_000), true), stranger]].concat();
        let later = now + EACH_SPEAKER;
        let ports = |ids: Vec<Id>| ids.iter().map(|id| id.gossip.port()).collect::<Vec<_>>();
        assert_eq!(ports(asking.choose(later, all.clone())), [600, 700]);
        all.truncate(499);
        assert_eq!(ports(asking.choose(later + EACH_SPEAKER, all)), [1]);
    }

    #[test]
    fn a_crowd_on_one_host_goes_before_nobody_elsewhere() {
        let mut asking = Asking::default();
        let now = Duration::from_secs(9);
        let mut all: Vec<_> = (1..500).map(|port| candidate(port, None, true)).collect();
        let mut one = candidate(700, Some(8_900), true);
        one.id.gossip.set_ip([10, 0, 0, 2].into());
        all.push(one.clone());
        assert!(asking.choose(now, all).contains(&one.id));
    }
    /// They are made up in anybody's name.
    #[test]
    fn who_never_spoke_takes_no_turn_from_who_did_on_its_host() {
        let mut asking = Asking::default();
        let now = Duration::from_secs(9);
        let mut all: Vec<_> = (1..500).map(|port| candidate(port, None, false)).collect();
        let mut crowd = (1..100).map(|port| candidate(port, None, true)).collect();
        let one = candidate(700, Some(8_900), true);
        all.push(one.clone());
        all.iter_mut()
            .for_each(|of| of.id.gossip.set_ip([10, 0, 0, 2].into()));
        all.append(&mut crowd);
        let asked = asking.choose(now, all);
        assert!(
            asked
                .iter()
                .any(|id| id.gossip.port() == one.id.gossip.port())
        );
    }
}
