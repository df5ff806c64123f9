//! One node that offers a server here: its server, its health, the name it is shown under.

use std::sync::Arc;

use member::node::Word;

use super::health::Health;
use super::naming::Claim;
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
    pub(super) live: bool,
    pub(super) acknowledged: Option<u64>,
}

impl Tracked {
    /// Requests in flight, under whatever name.
    pub(super) fn in_flight(&self) -> u64 {
        self.earlier
            .iter()
            .map(|server| server.in_flight())
            .sum::<u64>()
            + self.server.in_flight()
    }

    /// Its claim to its name.
    pub(super) fn claim(&self) -> Claim {
        let going = matches!(self.health.word(), Word::Left | Word::Draining);
        let strong = self.live && !going && !self.health.is_disproved();
        Claim {
            strong,
            holds: self.name.clone(),
        }
    }

    /// Whether and how it may be chosen: shown under a name, and well.
    pub(super) fn standing(&self) -> Standing {
        match self.health.view().shown {
            Shown::Up { .. } if self.name.is_some() => Standing::Usable,
            // Also while it comes back: what it was still doing goes on.
            Shown::Drain | Shown::Maint => Standing::Leaving,
            _ if self.health.is_leaving() => Standing::Leaving,
            _ => Standing::Out,
        }
    }
}
