//! What gossip holds about one node at one moment. Plain values; what they mean is `belief`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::node::NodeKey;

/// Identity in gossip: the same name and generation at two addresses are two nodes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Id {
    /// Name and generation.
    pub key: NodeKey,
    /// The address it gossips from.
    pub gossip: SocketAddr,
}

impl Id {
    /// Whether both are lives of one node: of one name, at one address.
    pub fn is_life_of_same(&self, other: &Self) -> bool {
        self.key.name == other.key.name && self.gossip == other.gossip
    }
}

/// What gossip currently holds about one node.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Who.
    pub id: Id,
    /// Its heartbeat counter.
    pub heartbeat: u64,
    /// Whether the failure detector counts it among the living.
    pub live: bool,
    /// When it last spoke itself: a datagram came from its gossip address, where it is.
    pub heard: Option<Duration>,
    /// All its keys, when any has changed since the last reading.
    pub keys: Option<Vec<(String, String)>>,
}

/// When somebody was heard, and who.
pub type Speaker<'a> = (Duration, &'a Id);

/// Who was last heard at each address.
pub fn speakers(readings: &[Reading]) -> HashMap<SocketAddr, Speaker<'_>> {
    let mut speakers = HashMap::new();
    for reading in readings {
        if let Some(heard) = reading.heard {
            let speaker = (heard, &reading.id);
            let last = speakers.entry(reading.id.gossip).or_insert(speaker);
            *last = speaker.max(*last);
        }
    }
    speakers
}

/// Leaves the `cap` readings that are most credible: of nodes that are heard from their own address, one of
/// few on their host, then of those that `were_kept` and are heard or count as live for the detector,
/// then of those that are heard, then of those that are live, then the rest. What a crowd of made-up nodes
/// takes of a cluster is places, and those are the last.
pub fn keep_most_credible(
    readings: &mut Vec<Reading>,
    cap: usize,
    were_kept: impl Fn(&Reading) -> bool,
) {
    if readings.len() <= cap {
        return;
    }
    let mut heard_of: HashMap<IpAddr, usize> = HashMap::new();
    for heard in readings.iter().filter(|reading| reading.heard.is_some()) {
        *heard_of.entry(heard.id.gossip.ip()).or_default() += 1;
    }
    readings.sort_by_cached_key(|reading| {
        let (heard, live) = (reading.heard.is_some(), reading.live);
        let is_of_few = heard_of.get(&reading.id.gossip.ip()) <= Some(&FEW);
        let stays = (heard || live) && were_kept(reading);
        (!(heard && is_of_few), !stays, !heard, !live)
    });
    readings.truncate(cap);
}

/// So many of one host are not a crowd (see `limit::Census`).
const FEW: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(name: &str, generation: u64, port: u16, live: bool, heard: bool) -> Reading {
        Reading {
            id: Id {
                key: NodeKey {
                    name: name.into(),
                    generation,
                },
                gossip: ([10, 0, 0, 1], port).into(),
            },
            heartbeat: 1,
            live,
            heard: heard.then_some(Duration::ZERO),
            keys: None,
        }
    }

    /// The ports of those that are left, of which those at `kept` were kept before.
    fn left(all: &[Reading], cap: usize, kept: &[u16]) -> Vec<u16> {
        let mut readings = all.to_vec();
        keep_most_credible(&mut readings, cap, |of| kept.contains(&of.id.gossip.port()));
        let ids = readings.iter().map(|reading| reading.id.gossip.port());
        ids.collect()
    }

    #[test]
    fn who_is_heard_comes_first() {
        let all = [
            reading("a", 1, 1, false, false),
            reading("b", 2, 2, true, false),
            reading("c", 3, 3, false, true),
            reading("d", 4, 4, true, true),
        ];
        assert_eq!(left(&all, 4, &[]), [1, 2, 3, 4]);
        assert_eq!(left(&all, 3, &[]), [4, 3, 2]);
        assert_eq!(left(&all, 1, &[]), [4]);
    }

    #[test]
    fn who_was_kept_stays_unless_it_is_silent() {
        let all = [
            reading("a", 1, 1, false, false),
            reading("b", 2, 2, true, false),
            reading("c", 3, 3, true, true),
        ];
        assert_eq!(left(&all, 2, &[1, 2]), [3, 2]);
    }

    #[test]
    fn who_is_one_of_few_on_its_host_comes_before_a_crowd() {
        let crowd = (1..40).map(|port| reading("a", 1, port, true, true));
        let mut newcomer = reading("b", 1, 99, false, true);
        newcomer.id.gossip.set_ip([10, 0, 0, 2].into());
        let mut all: Vec<_> = crowd.chain([newcomer]).collect();
        keep_most_credible(&mut all, 2, |of| of.id.gossip.port() == 7);
        let ports: Vec<_> = all.iter().map(|of| of.id.gossip.port()).collect();
        assert_eq!(ports, [99, 7]);
    }
}
