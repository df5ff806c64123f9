//! One node that offers a server here: its server, its health, the name it is shown under.

use std::sync::Arc;
use std::time::Duration;

use member::node::{Node, NodeKey, Word};

use super::health::Health;
use super::naming::Claim;
use super::narrate;
use super::places;
use super::server::{Server, Standing};
use super::view::Shown;

/// A node the roster keeps track of.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) server: Arc<Server>,
    /// The same node under a name it was shown by earlier, while requests are in flight.
    pub(super) earlier: Vec<Arc<Server>>,
    pub(super) service: Arc<str>,
    pub(super) name: Option<Arc<str>>,
    pub(super) weight: u16,
    pub(super) check: Option<Arc<str>>,
    pub(super) health: Health,
    /// Whether gossip shows it.
    pub(super) known: bool,
    pub(super) live: bool,
    /// Whether it ever was; who is only remembered cannot fall silent.
    pub(super) was_live: bool,
    pub(super) acknowledged: Option<u64>,
    /// Whether gossip knows better whose server it announces.
    pub(super) denied: bool,
    /// Whether its server's address is another node's now.
    pub(super) displaced: bool,
}

impl Tracked {
    /// Gossip shows it, and hears it or does not.
    pub(super) fn hear(&mut self, live: bool) {
        self.known = true;
        self.live = live;
        self.was_live |= live;
    }

    /// Whether this server is still the one that its node announces; of what it announces instead nothing
    /// follows within one life.
    pub(super) fn announced_by(&self, node: &Node) -> bool {
        node.http == Some(self.server.addr) && node.service == self.service
    }

    /// Whether both are of one server.
    pub(super) fn has_server_of(&self, other: &Self) -> bool {
        self.server.addr == other.server.addr && self.service == other.service
    }

    /// Gossip shows it no longer: it has forgotten it, or another life counts.
    pub(super) fn lose_sight(&mut self) {
        self.known = false;
        self.live = false;
        self.denied = false;
    }

    /// Requests in flight, under whatever name.
    pub(super) fn in_flight(&self) -> u64 {
        self.earlier
            .iter()
            .map(|server| server.in_flight())
            .sum::<u64>()
            + self.server.in_flight()
    }

    /// What a drain's node is to be told of the requests `in_flight` to its server. The first
    /// acknowledgement says that the word was heard, the last that all is done; those between, each
    /// at half of what was told, how far it is.
    pub(super) fn news(&mut self, in_flight: u64) -> Option<u64> {
        let told = self.acknowledged;
        let is_news = told.is_none_or(|told| told > 0 && in_flight <= told / 2);
        if *self.health.word() != Word::Draining || !is_news {
            return None;
        }
        self.acknowledged = Some(in_flight);
        self.acknowledged
    }

    /// Its claim to its server's address.
    pub(super) fn place<'a>(&'a self, key: &'a NodeKey) -> places::Claim<'a> {
        places::Claim {
            key,
            place: (&self.service, self.server.addr),
            denied: self.denied,
            live: self.live,
            known: self.known,
            holds: !self.displaced,
        }
    }

    /// The line that says that it is held out, if it is shown and is.
    pub(super) fn held_out(&self, now: Duration) -> Option<String> {
        let (name, until) = (self.name.as_ref()?, self.health.view().held_until?);
        Some(narrate::held(
            &self.service,
            name,
            until.saturating_sub(now),
        ))
    }

    /// Its claim to its name.
    pub(super) fn claim(&self) -> Claim {
        let going = matches!(self.health.word(), Word::Left | Word::Draining);
        Claim {
            strong: self.known && !going && !self.health.is_disproved(),
            // Who is forgotten and has lost its name only ends what it has begun.
            serves: (self.known || self.name.is_some()) && self.health.view().shown.is_up(),
            holds: self.name.clone(),
        }
    }

    /// Whether and how it may be chosen: shown under a name, and well.
    pub(super) fn standing(&self) -> Standing {
        match self.health.view().shown {
            // What it was still doing, the same server does.
            Shown::Up { .. } if self.displaced => Standing::Leaving,
            Shown::Up { .. } if self.name.is_some() => Standing::Usable,
            // Also while it comes back: what it was still doing goes on.
            Shown::Drain | Shown::Maint => Standing::Leaving,
            _ if self.health.is_leaving() => Standing::Leaving,
            _ => Standing::Out,
        }
    }
}
