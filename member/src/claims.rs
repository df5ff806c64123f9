//! Whose server an address is, when several nodes that are heard say that it is theirs. Pure.
//!
//! Whoever claims another's server could say of it that it is down, or weighs nothing. So the node whose own
//! host it is on comes first, and among those of one host the one that claimed it first, for as
//! long as it speaks itself after the other has come: it is asked to. If it does not, it was killed, and the
//! other has taken its place.
//!
//! In the same way a life says that it goes on where another has ended, elsewhere: a process whose address has
//! changed cannot take leave from the old one. Where both speak, they are two nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::reading::Id;

/// A node and its server.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Who.
    pub id: &'a Id,
    /// The service, and the address of the server.
    pub server: (&'a Arc<str>, SocketAddr),
    /// Since when it has said so.
    pub claimed: Duration,
    /// Which process of its name it says it is.
    pub process: u64,
    /// Since when it has said that.
    pub begun: Duration,
    /// When this life of it was first known of.
    pub met: Duration,
    /// When it last spoke itself.
    pub spoke: Option<Duration>,
    /// Since when it has been asked whether it is there, and has not spoken.
    pub asked: Option<Duration>,
    /// Whether it is heard, or has just spoken itself and was not asked in vain since: nobody else has a
    /// say.
    pub is_there: bool,
}

/// What is to be made of claims to the same servers.
#[derive(Debug, Default)]
pub struct Ruling {
    /// Whose claims do not count, and whose does instead.
    pub denied: BTreeMap<Id, Id>,
    /// Who is to be asked whether it is still there.
    pub ask: BTreeSet<Id>,
    /// Those denied a server whose node has been heard since.
    pub proven: BTreeSet<Id>,
}

/// Decides among `claims` at `now`.
pub fn judge<'a>(now: Duration, claims: impl Iterator<Item = Claim<'a>>) -> Ruling {
    let mut by_server: BTreeMap<_, Vec<Claim<'a>>> = BTreeMap::new();
    let mut by_process: BTreeMap<_, Vec<Claim<'a>>> = BTreeMap::new();
    let (there, silent): (Vec<_>, Vec<_>) = claims.partition(|claim| claim.is_there);
    for claim in there {
        by_server.entry(claim.server).or_default().push(claim);
        let process = (&claim.id.key.name, claim.process);
        by_process.entry(process).or_default().push(claim);
    }
    let mut ruling = Ruling::default();
    for mut lives in by_process.into_values().filter(|lives| lives.len() > 1) {
        lives.sort_by_key(|claim| (claim.begun, claim.id));
        decide(now, &lives, &OF_PROCESSES, &mut ruling);
    }
    for rivals in by_server.values_mut().filter(|rivals| rivals.len() > 1) {
        // Who has never spoken may be made up, and is not before one elsewhere that does.
        let has_spoken = |claim: &Claim<'_>| claim.spoke.is_some();
        let speaks_elsewhere = |claim: &Claim<'_>| has_spoken(claim) && !is_at_home(claim);
        let is_doubted = rivals.iter().any(speaks_elsewhere);
        let first = |claim: &Claim<'_>| is_at_home(claim) && (has_spoken(claim) || !is_doubted);
        rivals.sort_by_key(|claim| (!first(claim), claim.claimed, claim.id));
        // It may be there all the same, and is the first once it has spoken.
        let doubted = rivals
            .iter()
            .filter(|claim| is_at_home(claim) && !first(claim));
        ruling.ask.extend(doubted.map(|claim| claim.id.clone()));
        let Some(holder) = decide(now, rivals, &OF_SERVERS, &mut ruling) else {
            continue;
        };
        // Another life of its process that is denied this server does not keep it from it.
        let other = ruling.denied.get(holder);
        if other.is_some_and(|other| rivals.iter().any(|rival| rival.id == other)) {
            ruling.denied.remove(holder);
        }
    }
    for claim in silent {
        let rivals = by_server.get(&claim.server).into_iter().flatten();
        let mut in_turn = rivals.map(|rival| rival.id);
        let holder = in_turn.find(|id| !ruling.denied.contains_key(id));
        if let Some(holder) = holder {
            ruling.denied.insert(claim.id.clone(), holder.clone());
        }
    }
    ruling
}

/// How claims are weighed.
struct Law {
    since: fn(&Claim<'_>) -> Duration,
    /// Whether the first never gives way to the second.
    outranks: fn(&Claim<'_>, &Claim<'_>) -> bool,
    /// Whether those that all speak may all have it.
    is_shared: bool,
}

/// Two that speak are two nodes, whatever one says.
const OF_PROCESSES: Law = Law {
    since: |claim| claim.begun,
    outranks: |_, _| false,
    is_shared: true,
};
const OF_SERVERS: Law = Law {
    since: |claim| claim.claimed,
    outranks: |one, other| one.spoke.is_some() && is_at_home(one) && !is_at_home(other),
    is_shared: false,
};

/// Gives who has it among rivals in the order in which they count: the first that does not give way to
/// one that came later, speaks, and has not been answered.
fn decide<'a>(
    now: Duration,
    rivals: &[Claim<'a>],
    law: &Law,
    ruling: &mut Ruling,
) -> Option<&'a Id> {
    let is_there = |one: &Claim<'_>, later: &Claim<'_>| {
        let since = (law.since)(later);
        one.spoke.is_some_and(|at| at >= since)
    };
    // Who has ever spoken does not give way before it was really asked.
    let may_answer = |one: &Claim<'_>| {
        let asked = one.asked.is_some_and(|at| now >= at + ANSWER);
        one.spoke.is_some() && !asked
    };
    let may_be_there =
        |one: &Claim<'_>, later: &Claim<'_>| now < (law.since)(later) + PATIENCE || may_answer(one);
    let gives_way = |one: &Claim<'_>, later: &Claim<'_>| {
        let may_follow = later.spoke.is_some() || one.spoke.is_none();
        may_follow
            && !(law.outranks)(one, later)
            && !is_there(one, later)
            && !may_be_there(one, later)
    };
    let mut in_turn = rivals.iter().enumerate();
    let holder = in_turn.find(|(turn, one)| {
        let mut later = rivals[turn + 1..].iter();
        !later.any(|later| gives_way(one, later))
    });
    let (turn, holder) = holder?;
    let is_wanted = |(turn, one): &(usize, &Claim<'_>)| {
        let mut later = rivals[turn + 1..].iter();
        later.any(|later| !is_there(one, later))
    };
    let wanted = rivals.iter().enumerate().filter(is_wanted);
    ruling.ask.extend(wanted.map(|(_, one)| one.id.clone()));
    for (place, rival) in rivals.iter().enumerate() {
        let is_proven = place > turn && is_there(holder, rival);
        let is_beside = rival.spoke.is_some_and(|at| at >= holder.met);
        if place == turn || (is_proven && law.is_shared && is_beside) {
            continue;
        }
        ruling.denied.insert(rival.id.clone(), holder.id.clone());
        if is_proven {
            ruling.proven.insert(rival.id.clone());
        }
    }
    Some(holder.id)
}

/// Whether its server is on its own host.
fn is_at_home(claim: &Claim<'_>) -> bool {
    claim.server.1.ip() == claim.id.gossip.ip()
}

/// How long a node has to answer. Who is alive needs a round trip.
const PATIENCE: Duration = Duration::from_millis(200);
/// And at least so long once it was asked.
const ANSWER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::NodeKey;

    fn id(name: &str, host: u8) -> Id {
        let key = NodeKey {
            name: name.into(),
            generation: 1,
        };
        let port = 7000 + u16::from(name.as_bytes()[0]);
        let gossip = SocketAddr::from(([10, 0, 0, host], port));
        Id { key, gossip }
    }

    /// Who spoke then is not there.
    const GONE: u64 = 7;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Who is denied the server at host 1: of these, met and heard last then.
    fn denied(now: u64, claims: &[(&Id, u64, Option<u64>)]) -> Vec<String> {
        let ruling = ruling(now, claims);
        let names = ruling.denied.keys().map(|id| id.key.name.to_string());
        names.collect()
    }

    /// How many of these are asked whether they are still there.
    fn asked(now: u64, claims: &[(&Id, u64, Option<u64>)]) -> usize {
        ruling(now, claims).ask.len()
    }

    fn ruling(now: u64, claims: &[(&Id, u64, Option<u64>)]) -> Ruling {
        let service = Arc::from("nodes");
        let server = SocketAddr::from(([10, 0, 0, 1], 80));
        let claims = claims.iter().map(|(id, met, spoke)| Claim {
            id,
            server: (&service, server),
            claimed: ms(*met),
            process: id.key.generation,
            begun: ms(*met),
            met: ms(*met),
            spoke: spoke.map(ms),
            asked: spoke.map(ms),
            is_there: *spoke != Some(GONE),
        });
        judge(ms(now), claims)
    }

    #[test]
    fn who_speaks_keeps_its_server() {
        let (one, two) = (id("one", 1), id("two", 1));
        let speaks = [(&one, 0, Some(1_500)), (&two, 1_000, Some(1_600))];
        assert_eq!(denied(1_100, &speaks), ["two"]);
        assert_eq!(denied(9_000, &speaks), ["two"]);
        let dead = [(&one, 0, Some(900)), (&two, 1_000, Some(1_600))];
        assert_eq!(denied(1_100, &dead), ["two"], "it is being asked");
        assert_eq!(denied(1_200, &dead), ["one"], "it does not answer");
    }

    #[test]
    fn a_server_is_that_of_the_node_on_its_host() {
        let (there, elsewhere) = (id("there", 1), id("elsewhere", 2));
        for spoke in [Some(500), Some(5_000)] {
            let claims = [(&there, 1_000, spoke), (&elsewhere, 0, Some(5_000))];
            assert_eq!(denied(5_000, &claims)[..], ["elsewhere"]);
        }
    }

    /// Who has fallen silent has nobody's server, whose claim ever was the first.
    #[test]
    fn who_is_silent_has_no_say() {
        let (silent, there) = (id("silent", 1), id("there", 1));
        let claims = [(&silent, 0, Some(GONE)), (&there, 1_000, Some(5_000))];
        assert_eq!(denied(5_000, &claims), ["silent"]);
        assert_eq!(denied(5_000, &claims[..1]), [""; 0]);
    }

    /// Who is only told of may be made up, wherever it is said to be.
    #[test]
    fn a_rumour_is_at_home_nowhere() {
        let (rumour, elsewhere) = (id("rumour", 1), id("elsewhere", 2));
        for (rumoured, claimed, spoke) in [(1_000, 0, 500), (0, 1_000, 5_000)] {
            let claims = [
                (&rumour, rumoured, None),
                (&elsewhere, claimed, Some(spoke)),
            ];
            assert_eq!(denied(5_000, &claims), ["rumour"]);
        }
    }

    /// Its words may have come before its voice, with those of the other.
    #[test]
    fn a_rumour_at_home_is_asked_whether_it_is_there() {
        let (there, elsewhere) = (id("there", 1), id("elsewhere", 2));
        for claimed in [0, 1_000, 2_000] {
            let claims = [(&there, claimed, None), (&elsewhere, 1_000, Some(5_000))];
            let ruling = ruling(5_000, &claims);
            assert!(ruling.ask.contains(&there), "{claimed}");
            let claims = [(&there, claimed, Some(5_000)), claims[1]];
            assert_eq!(denied(5_000, &claims), ["elsewhere"]);
        }
    }

    #[test]
    fn of_those_only_told_of_the_later_is_the_successor() {
        let (old, new) = (id("old", 1), id("new", 1));
        let claims = [(&old, 0, None), (&new, 1_000, None)];
        assert_eq!(denied(1_100, &claims), ["new"]);
        assert_eq!(denied(1_200, &claims), ["old"]);
    }

    /// Who came between two that have followed each other is not denied because of the first.
    #[test]
    fn who_is_gone_denies_nobody() {
        let (gone, own, late) = (id("gone", 1), id("own", 1), id("late", 1));
        let claims = [
            (&gone, 0, Some(1_500)),
            (&own, 1_000, Some(3_000)),
            (&late, 2_000, Some(3_000)),
        ];
        assert_eq!(denied(2_100, &claims), ["late", "own"]);
        assert_eq!(
            asked(2_100, &[claims[0], (&own, 1_000, Some(1_900)), claims[2]]),
            2
        );
        assert_eq!(denied(2_200, &claims), ["gone", "late"]);
    }

    /// Or made-up ones could keep one from being asked.
    #[test]
    fn all_that_came_before_are_asked() {
        let ids = ["a", "b", "c", "d", "e", "f"].map(|name| id(name, 1));
        let mut claims = ids.each_ref().map(|id| (id, 0, Some(500)));
        (claims[5].1, claims[5].2) = (1_000, Some(1_100));
        assert_eq!(asked(1_100, &claims), 5);
        assert_eq!(asked(1_900, &claims), 5);
    }

    #[test]
    fn one_of_many_has_it() {
        let ids = [id("a", 2), id("b", 3), id("c", 1), id("d", 4)];
        let claims = ids.each_ref().map(|id| (id, 0, Some(500)));
        assert_eq!(denied(600, &claims), ["a", "b", "d"]);
    }
}
