//! What is known of one other node: what it last said of itself, its signs of life, and
//! whether it counts as heard. Pure: times come in. How several are weighed is `belief`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::keys::{self, KeyError};
use crate::node::{Node, Word};
use crate::reading::{Id, Reading};
use crate::receipt::Receipt;
use crate::snapshot::{Presence, Sighting};

/// One other node.
#[derive(Debug)]
pub struct Peer {
    node: Option<Node>,
    receipt: Option<(u64, Receipt)>,
    complained: bool,
    heartbeat: u64,
    first_seen: Duration,
    moved: Option<Duration>,
    /// Whether the failure detector has ever counted it among the living.
    proved: bool,
    presence: Presence,
    shown: Option<Arc<Sighting>>,
}

/// What bears on the presence of a node besides its own reading.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    /// Now.
    pub now: Duration,
    /// How long a sign of life counts.
    pub fresh_for: Duration,
    /// Whether it began after we did, so that it cannot be a rumour from before.
    pub promised: bool,
    /// Whether it is what was heard from its address: the newest there.
    pub owns_address: bool,
    /// Whether we have been away ourselves, so that silence means nothing yet.
    pub forgiving: bool,
}

impl Peer {
    /// A node met at `now` with `heartbeat`.
    pub fn new(now: Duration, heartbeat: u64) -> Self {
        Self {
            node: None,
            receipt: None,
            complained: false,
            heartbeat,
            first_seen: now,
            moved: None,
            proved: false,
            presence: Presence::Silent,
            shown: None,
        }
    }

    /// What it says of itself, when that is valid.
    pub fn node(&self) -> Option<&Node> {
        self.node.as_ref()
    }

    /// Whether it is heard.
    pub fn presence(&self) -> Presence {
        self.presence
    }

    /// Its receipt for the generation of ours that it names.
    pub fn receipt(&self) -> Option<(u64, Receipt)> {
        self.receipt
    }

    /// Takes in its keys; gives the error that is worth telling, once. Keys without a word
    /// change nothing: after a loss gossip may send everything anew, piece by piece.
    pub fn read(&mut self, id: &Id, my_name: &str, pairs: &[(String, String)]) -> Option<KeyError> {
        let texts = || pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let receipt = keys::receipt_key(my_name);
        self.receipt = texts()
            .find(|(key, _)| *key == receipt)
            .and_then(|(_, value)| keys::decode_receipt(value));
        if self.has_left() {
            return None;
        }
        match keys::decode(id.key.clone(), texts()) {
            Ok(node) => {
                self.node = Some(node);
                None
            }
            Err(error) if error.is_incomplete() => None,
            Err(error) => {
                self.node = None;
                let tell = !self.complained;
                self.complained = true;
                tell.then_some(error)
            }
        }
    }

    /// Decides whether it is heard.
    pub fn judge(&mut self, reading: &Reading, so: Circumstances) {
        if reading.heartbeat > self.heartbeat {
            self.heartbeat = reading.heartbeat;
            self.moved = Some(so.now);
        }
        let fresh = |at: Duration| so.now < at + so.fresh_for;
        let heard = so.owns_address && reading.heard.is_some_and(fresh);
        let moves = self.moved.is_some_and(fresh);
        let promised = so.promised && fresh(self.first_seen);
        self.proved |= reading.live;
        if reading.live || (!self.proved && (heard || moves || promised)) {
            self.presence = Presence::Live;
        } else if !so.forgiving {
            self.presence = Presence::Silent;
        }
    }

    /// How it is shown, at `gossip`; the same pointer while nothing changes.
    pub fn sighting(&mut self, gossip: SocketAddr) -> Option<Arc<Sighting>> {
        let node = self.node.as_ref()?;
        let same = self
            .shown
            .as_ref()
            .is_some_and(|s| s.presence == self.presence && s.node == *node);
        if !same {
            self.shown = Some(Arc::new(Sighting {
                node: node.clone(),
                gossip,
                presence: self.presence,
            }));
        }
        self.shown.clone()
    }

    fn has_left(&self) -> bool {
        self.node
            .as_ref()
            .is_some_and(|node| node.word == Word::Left)
    }
}
