//! What is said of datagrams that were turned away: one line a minute at most, with the reason
//! of the last, so that whoever has given a node the wrong key finds out. Pure: times come in.

use std::net::SocketAddr;
use std::time::Duration;

use crate::gossip::guard::Turned;
use crate::seal::{Refused, SECONDS_APART};

/// What was turned away since it was last told.
#[derive(Debug, Default)]
pub(super) struct Grievances {
    told: Option<Duration>,
    untold: u64,
    told_of_crowd: Option<Duration>,
}

impl Grievances {
    /// One more at `now`; gives the line to be written, if it is time for one.
    pub(super) fn hear(&mut self, now: Duration, from: SocketAddr, why: &Turned) -> Option<String> {
        let reason = reason(why)?;
        self.untold += 1;
        if self.told.is_some_and(|told| now < told + PAUSE) {
            return None;
        }
        self.told = Some(now);
        let others = match std::mem::take(&mut self.untold) - 1 {
            0 => String::new(),
            others => format!(", and {others} more were turned away before it"),
        };
        Some(format!("a datagram from {from} {reason}{others}"))
    }
}

impl Grievances {
    /// There was no room at `now` for nodes that `from` tells of; gives the line to be written, if it is
    /// time for one.
    pub(super) fn crowd(&mut self, now: Duration, from: SocketAddr) -> Option<String> {
        if self.told_of_crowd.is_some_and(|told| now < told + PAUSE) {
            return None;
        }
        self.told_of_crowd = Some(now);
        Some(format!(
            "gossip has no room for all nodes that {from} tells of, and does not hear the rest: too many, or \
             too many that are not heard themselves"
        ))
    }
}

/// Continues "a datagram from ...".
fn reason(why: &Turned) -> Option<String> {
    let unsealed = "is not sealed with a key of ours";
    Some(match why {
        Turned::Empty | Turned::Refused(Refused::Replayed) => return None,
        Turned::Keyless => "is sealed, and this node has no key".to_owned(),
        Turned::Refused(Refused::NotSealed) => format!("{unsealed}: it is in clear"),
        Turned::Refused(Refused::UnknownKey(id)) => format!("{unsealed}: its key is {id}"),
        Turned::Refused(Refused::Forged(id)) => {
            format!("{unsealed}: it says {id}, but was not sealed with it for this cluster")
        }
        // Who has not heard yet that this node has started anew.
        Turned::Refused(Refused::Unproven { apart, .. }) if *apart <= SECONDS_APART => return None,
        Turned::Refused(Refused::Unproven { apart, .. }) => {
            format!("was sealed {apart} s away from our clock: asking whether it is a recording")
        }
        Turned::Foreign(cluster) => {
            format!("is of cluster {cluster:?}, not of ours (--cluster): it is not heard")
        }
        Turned::TooOften => "was dropped: more than 200 a second came from there".to_owned(),
        Turned::Unknown(_) => {
            "was dropped: more than 200 a second came from nodes that we do not know".to_owned()
        }
        Turned::Malformed(fault) => format!("was dropped: {fault}"),
    })
}

const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_is_told_of_once_a_minute() {
        let from = SocketAddr::from(([10, 0, 0, 5], 7373));
        let mut grievances = Grievances::default();
        let mut told = |second| {
            grievances
                .crowd(Duration::from_secs(second), from)
                .is_some()
        };
        assert_eq!(
            [0, 1, 59, 60, 61].map(&mut told),
            [true, false, false, true, false]
        );
    }

    #[test]
    fn one_line_a_minute_tells_what_came_meanwhile() {
        let from = SocketAddr::from(([10, 0, 0, 5], 7373));
        let mut grievances = Grievances::default();
        let mut at = |second, why| grievances.hear(Duration::from_secs(second), from, why);
        let clear = Turned::Refused(Refused::NotSealed);
        assert_eq!(at(0, &Turned::Empty), None);
        let first = at(1, &clear).unwrap();
        assert_eq!(
            first,
            "a datagram from 10.0.0.5:7373 is not sealed with a key of ours: it is in clear"
        );
        assert_eq!(at(2, &clear), None);
        assert_eq!(at(60, &Turned::Keyless), None);
        let next = at(61, &clear).unwrap();
        assert!(
            next.ends_with("and 2 more were turned away before it"),
            "{next}"
        );
    }
}
