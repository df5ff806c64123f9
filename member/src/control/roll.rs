//! The members as they are listed: Serf's fields, with Serf's words for a status, and ours.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::node::{NodeKey, Role, Word};
use crate::snapshot::{Presence, Sighting};

/// One member. The first six fields are those of `serf members -format=json`, in that order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its gossip address, with the port.
    pub addr: String,
    /// Its gossip port.
    pub port: u16,
    /// Its tags, and `role` where it has none of that name.
    pub tags: BTreeMap<String, String>,
    /// What Serf would call its state.
    pub status: Status,
    /// The schemas of keys it can speak.
    pub protocol: Protocol,
    /// Which life of that name it is: when it began, in Unix milliseconds.
    pub generation: u64,
    /// What it says of its readiness.
    pub state: String,
    /// Why it is `down`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether gossip hears it: `live` or `silent`.
    pub presence: String,
    /// The service its server belongs to.
    pub service: String,
    /// Where its server listens; balancers have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<SocketAddr>,
    /// Its weight, 0 to 256.
    pub weight: u16,
    /// How long ago its heartbeat was last seen to move, in milliseconds; absent for the node
    /// that answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_heartbeat_ms: Option<u64>,
}

/// Serf's words for the state of a member.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Heard.
    Alive,
    /// Heard, and draining.
    Leaving,
    /// Gone on purpose, or evicted.
    Left,
    /// Silent.
    Failed,
}

impl Status {
    /// Of a node as it is seen.
    pub fn of(seen: &Sighting) -> Self {
        match (&seen.node.word, seen.presence) {
            (Word::Left, _) => Self::Left,
            (_, Presence::Silent) => Self::Failed,
            (Word::Draining, Presence::Live) => Self::Leaving,
            (_, Presence::Live) => Self::Alive,
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Leaving => "leaving",
            Self::Left => "left",
            Self::Failed => "failed",
        }
    }
}

/// Serf's three numbers; ours are always the same.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Protocol {
    /// The latest it understands.
    pub max: u8,
    /// The earliest it understands.
    pub min: u8,
    /// The one it speaks.
    pub version: u8,
}

impl Member {
    /// A node as it is seen; `beat` is how long ago its heartbeat moved.
    pub fn of(seen: &Sighting, beat: Option<Duration>) -> Self {
        let node = &seen.node;
        let mut tags: BTreeMap<_, _> = node
            .tags
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        tags.entry(ROLE.to_owned())
            .or_insert_with(|| role(node.role).to_owned());
        let (state, reason) = state(&node.word);
        let presence = match seen.presence {
            Presence::Live => "live",
            Presence::Silent => "silent",
        };
        Self {
            name: node.key.name.to_string(),
            addr: seen.gossip.to_string(),
            port: seen.gossip.port(),
            tags,
            status: Status::of(seen),
            protocol: Protocol {
                max: 1,
                min: 1,
                version: 1,
            },
            generation: node.key.generation,
            state: state.to_owned(),
            reason,
            presence: presence.to_owned(),
            service: node.service.to_string(),
            http: node.http,
            weight: node.weight,
            last_heartbeat_ms: beat.map(|beat| u64::try_from(beat.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// Every node, in the order of names: `own` among the others.
pub fn roll<'a>(
    own: Option<&'a Sighting>,
    others: impl Iterator<Item = &'a Sighting>,
    beats: &BTreeMap<NodeKey, Duration>,
) -> Vec<Member> {
    let mut all: Vec<_> = own
        .map(|own| (&own.node.key, Member::of(own, None)))
        .into_iter()
        .chain(others.map(|seen| {
            let key = &seen.node.key;
            (key, Member::of(seen, beats.get(key).copied()))
        }))
        .collect();
    all.sort_by_key(|(key, _)| *key);
    all.into_iter().map(|(_, member)| member).collect()
}

/// A word and, for `down`, why.
pub(crate) fn state(word: &Word) -> (&'static str, Option<String>) {
    match word {
        Word::Starting => ("starting", None),
        Word::Ready => ("ready", None),
        Word::Draining => ("draining", None),
        Word::Down(reason) => ("down", Some(reason.to_string())),
        Word::Left => ("left", None),
    }
}

/// The lab's values of Serf's tag `role`.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Backend => "backend",
        Role::Balancer => "balancer",
    }
}

/// The tag that Serf's own `--role` filters by.
pub(crate) const ROLE: &str = "role";

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::node::Description;

    pub(crate) fn seen(name: &str, word: Word, presence: Presence) -> Sighting {
        let here = SocketAddr::from(([10, 0, 0, 1], 3000));
        Sighting {
            node: Description::backend(name, here).live(7, here.ip(), word),
            gossip: SocketAddr::from(([10, 0, 0, 1], 7946)),
            presence,
        }
    }

    #[test]
    fn words_and_silence_become_serfs_four() {
        let down = Word::Down("refused".into());
        for (word, presence, status) in [
            (Word::Starting, Presence::Live, "alive"),
            (Word::Ready, Presence::Live, "alive"),
            (down, Presence::Live, "alive"),
            (Word::Draining, Presence::Live, "leaving"),
            (Word::Left, Presence::Live, "left"),
            (Word::Left, Presence::Silent, "left"),
            (Word::Ready, Presence::Silent, "failed"),
            (Word::Draining, Presence::Silent, "failed"),
        ] {
            let status_of = Status::of(&seen("a", word.clone(), presence));
            assert_eq!(status_of.as_str(), status, "{word:?} {presence:?}");
        }
    }

    #[test]
    fn oneself_is_in_its_place() {
        let own = seen("b", Word::Ready, Presence::Live);
        let others = [("c", 1), ("a", 2)].map(|(name, _)| seen(name, Word::Ready, Presence::Live));
        let beats = BTreeMap::from([(others[1].node.key.clone(), Duration::from_millis(30))]);
        let roll = roll(Some(&own), others.iter(), &beats);
        let names: Vec<_> = roll
            .iter()
            .map(|m| (&*m.name, m.last_heartbeat_ms))
            .collect();
        assert_eq!(names, [("a", Some(30)), ("b", None), ("c", None)]);
    }

    #[test]
    fn an_own_tag_wins_over_the_role() {
        let mut own = seen("b", Word::Ready, Presence::Live);
        assert_eq!(Member::of(&own, None).tags["role"], "backend");
        own.node.tags.insert("role".into(), "web".into());
        assert_eq!(Member::of(&own, None).tags["role"], "web");
    }
}
