//! What happened to whom, as Serf tells it: snapshots in, member events out. Pure. Who is told,
//! and how, is `handler`.
//!
//! Nodes are told apart by their names, as Serf does it. Of several lives of one name the newest
//! that is in counts. Each name goes through this, and through nothing else:
//!
//! ```text
//! (none) ─ join ─▶ in ─ leave ─▶ left ───┬─ reap ─▶ (none)
//!                  │▲                │   │
//!            failed││join            │   │
//!                  ▼│                │   │
//!                failed ─ leave ─────┘───┘      in ─ update ─▶ in; left ─ join ─▶ in
//! ```
//!
//! *In* is a backend that is heard and says `ready`, a balancer that is heard and does not leave.
//! `draining` and `left` are a leave; silence and the word `down` a failure; what is no longer
//! known is reaped, and has failed before if it was in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::node::{Node, Role, Word};
use crate::snapshot::{Presence, Sighting, Snapshot};

/// What happened. In the order in which one look's events are told: who comes before who goes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// A node is in.
    Join,
    /// A node that is in has other tags, another address or another life.
    Update,
    /// A node goes on purpose.
    Leave,
    /// A node is no longer heard, or says that its webapp is down.
    Failed,
    /// A node that had gone is forgotten.
    Reap,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Join,
        Self::Update,
        Self::Leave,
        Self::Failed,
        Self::Reap,
    ];

    /// Serf's word for it (`serf agent -h`, event scripts).
    pub fn name(self) -> &'static str {
        match self {
            Self::Join => "member-join",
            Self::Update => "member-update",
            Self::Leave => "member-leave",
            Self::Failed => "member-failed",
            Self::Reap => "member-reap",
        }
    }
}

/// A node as others are told of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is: its server's address, or that of its gossip when it has none.
    pub ip: IpAddr,
    /// Its free tags; and `role`, and for a server `port`, `service` and `weight`, where no free
    /// tag has that name.
    pub tags: BTreeMap<Arc<str>, Arc<str>>,
}

impl Profile {
    /// What `node`, gossiping at `gossip`, is told to be.
    pub fn of(node: &Node, gossip: SocketAddr) -> Self {
        let mut tags = node.tags.clone();
        let mut add = |name: &str, value: &str| {
            let value = || Arc::from(value);
            tags.entry(Arc::from(name)).or_insert_with(value);
        };
        add("role", role(node.role));
        if let Some(http) = node.http {
            add("port", &http.port().to_string());
            add("service", &node.service);
            add("weight", &node.weight.to_string());
        }
        Self {
            name: Arc::clone(&node.key.name),
            ip: node.http.unwrap_or(gossip).ip().to_canonical(),
            tags,
        }
    }

    /// Its role, as its tags have it.
    pub fn role(&self) -> &str {
        self.tags.get("role").map_or("", |role| role)
    }
}

/// The lab's words.
fn role(role: Role) -> &'static str {
    match role {
        Role::Backend => "backend",
        Role::Balancer => "balancer",
    }
}

/// One event of one node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// To whom; for one that has gone, as it was when it was last in.
    pub member: Arc<Profile>,
}

/// What has been told so far.
#[derive(Debug, Default)]
pub struct Differ {
    known: BTreeMap<Arc<str>, Known>,
}

#[derive(Debug)]
struct Known {
    standing: Standing,
    generation: u64,
    member: Arc<Profile>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing {
    In,
    Left,
    Failed,
}

impl Differ {
    /// What is to be told now that the cluster is `new`.
    pub fn observe(&mut self, new: &Snapshot) -> Vec<Event> {
        let mut events = Vec::new();
        self.known.retain(|name, known| {
            let stays = new.named(name).next().is_some();
            if !stays && known.standing == Standing::In {
                events.push(known.event(Kind::Failed));
            }
            if !stays {
                events.push(known.event(Kind::Reap));
            }
            stays
        });
        let mut last = None;
        for key in new
            .nodes
            .keys()
            .filter(|key| last.replace(&key.name) != Some(&key.name))
        {
            let lives: Vec<_> = new.named(&key.name).collect();
            events.extend(self.judge(&key.name, &lives));
        }
        events.sort_by_key(|event| event.kind);
        events
    }

    /// What is to be told of one name, whose `lives` are in the order of their generations.
    fn judge(&mut self, name: &Arc<str>, lives: &[&Arc<Sighting>]) -> Option<Event> {
        match lives.iter().rfind(|seen| is_in(seen)) {
            Some(seen) => self.enter(name, seen),
            None => self.known.get_mut(name)?.fall(lives),
        }
    }

    fn enter(&mut self, name: &Arc<str>, seen: &Sighting) -> Option<Event> {
        let generation = seen.node.key.generation;
        let member = Profile::of(&seen.node, seen.gossip);
        let kind = match self.known.get(name) {
            Some(known) if known.standing != Standing::In => Kind::Join,
            Some(known) if known.generation == generation && *known.member == member => {
                return None;
            }
            Some(_) => Kind::Update,
            None => Kind::Join,
        };
        let known = Known {
            standing: Standing::In,
            generation,
            member: Arc::new(member),
        };
        let event = known.event(kind);
        self.known.insert(Arc::clone(name), known);
        Some(event)
    }
}

impl Known {
    /// None of its `lives` is in.
    fn fall(&mut self, lives: &[&Arc<Sighting>]) -> Option<Event> {
        let leaves = |seen: &&&Arc<Sighting>| {
            let word = &seen.node.word;
            seen.node.key.generation >= self.generation
                && matches!(word, Word::Draining | Word::Left)
        };
        let left = lives.iter().any(|seen| leaves(&seen));
        let (standing, kind) = match (self.standing, left) {
            (Standing::In | Standing::Failed, true) => (Standing::Left, Kind::Leave),
            (Standing::In, false) => (Standing::Failed, Kind::Failed),
            (Standing::Left, _) | (Standing::Failed, false) => return None,
        };
        self.standing = standing;
        Some(self.event(kind))
    }

    fn event(&self, kind: Kind) -> Event {
        Event {
            kind,
            member: Arc::clone(&self.member),
        }
    }
}

fn is_in(seen: &Sighting) -> bool {
    let heard = seen.presence == Presence::Live;
    let stays = !matches!(seen.node.word, Word::Draining | Word::Left);
    match seen.node.role {
        Role::Backend => heard && seen.node.word == Word::Ready,
        Role::Balancer => heard && stays,
    }
}

#[cfg(test)]
mod tests;
