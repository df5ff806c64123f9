//! Where the actor tells and the handle reads: the latest of everything.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::node::NodeKey;
use crate::receipt::Receipts;
use crate::snapshot::{Sighting, Snapshot};

/// This node's present life, as others see it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// Name and generation.
    pub key: NodeKey,
    /// The gossip address told to others.
    pub gossip: SocketAddr,
    /// The server address told to others.
    pub http: Option<SocketAddr>,
}

/// How gossip itself is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Pulse {
    /// How many lives it has had: 1 unless its task failed or its address changed.
    pub lives: u64,
    /// How long ago the heartbeat of each node known was last seen to move.
    pub heartbeats: BTreeMap<NodeKey, Duration>,
}

/// The actor's ends.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    snapshots: watch::Sender<Arc<Snapshot>>,
    receipts: watch::Sender<Arc<Receipts>>,
    identity: watch::Sender<Option<Identity>>,
    own: watch::Sender<Option<Arc<Sighting>>>,
}

/// The handle's ends.
#[derive(Clone, Debug)]
pub(super) struct Inlets {
    pub(super) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) receipts: watch::Receiver<Arc<Receipts>>,
    pub(super) identity: watch::Receiver<Option<Identity>>,
    pub(super) own: watch::Receiver<Option<Arc<Sighting>>>,
}

impl Outlets {
    pub(super) fn inlets(&self) -> Inlets {
        Inlets {
            snapshots: self.snapshots.subscribe(),
            receipts: self.receipts.subscribe(),
            identity: self.identity.subscribe(),
            own: self.own.subscribe(),
        }
    }

    /// The snapshot told last.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    pub(super) fn tell(&self, snapshot: Arc<Snapshot>, receipts: Arc<Receipts>) {
        publish(&self.snapshots, snapshot);
        publish(&self.receipts, receipts);
    }

    pub(super) fn introduce(&self, identity: Identity) {
        self.identity.send_replace(Some(identity));
    }

    /// What this node says of itself now.
    pub(super) fn describe(&self, own: Option<Sighting>) {
        self.own.send_if_modified(|current| {
            let changed = own.is_some() && current.as_deref() != own.as_ref();
            if changed {
                *current = own.map(Arc::new);
            }
            changed
        });
    }
}

/// Wakes readers only when there is another value.
fn publish<T>(outlet: &watch::Sender<Arc<T>>, value: Arc<T>) {
    outlet.send_if_modified(|current| {
        let changed = !Arc::ptr_eq(current, &value);
        *current = value;
        changed
    });
}
