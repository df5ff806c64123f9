//! One life of chitchat: spawned with an identity, read, written to, poked, and ended. What
//! is decided from it is the actor's and `belief`'s affair. chitchat's lock is shared with
//! its gossip loop, so it is held only to copy.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chitchat::{
    Chitchat, ChitchatConfig, ChitchatHandle, ChitchatId, FailureDetectorConfig, ListenerHandle,
    NodeState, Serializable, spawn_chitchat,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::belief::Complaint;
use crate::gossip::herald;
use crate::gossip::wire::{SharedWire, Wire};
use crate::inspect::Progress;
use crate::keys;
use crate::node::NodeKey;
use crate::reading::{Id, Reading, keep_most_credible};

/// A running gossip task.
pub(super) struct Life {
    pub(super) id: Id,
    handle: ChitchatHandle,
    wire: Arc<Wire>,
    /// How far each node's keys were when they were last handed out: up to where deleted ones are
    /// collected, and their highest version.
    versions: HashMap<ChitchatId, (u64, u64)>,
    live: usize,
    was_full: bool,
    /// Whether others have been told more of this life than it has said.
    pub(super) belied: bool,
    _listener: ListenerHandle,
}

impl Life {
    /// Begins to gossip as `id` with `pairs`; `news` is notified when another node's keys
    /// change.
    pub(super) async fn begin(
        id: Id,
        cluster: &str,
        interval: Duration,
        pairs: Vec<(String, String)>,
        wire: &Arc<Wire>,
        news: &Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let me = ChitchatId::new(Arc::clone(&id.key.name), id.key.generation, id.gossip);
        let config = configuration(me.clone(), cluster, interval);
        wire.introduce(me.serialize_to_vec());
        let handle = spawn_chitchat(config, pairs, &SharedWire(Arc::clone(wire))).await?;
        let news = Arc::clone(news);
        // Runs under chitchat's lock: it may wake somebody, and nothing else.
        let listener = handle
            .chitchat()
            .lock()
            .await
            .subscribe_event("", move |event| {
                if *event.node != me {
                    news.notify_one();
                }
            });
        Ok(Self {
            id,
            handle,
            wire: Arc::clone(wire),
            versions: HashMap::new(),
            live: 0,
            was_full: false,
            belied: false,
            _listener: listener,
        })
    }

    /// Everything gossip holds about others; keys only where they have changed.
    pub(super) async fn read(&mut self, epoch: Instant) -> Vec<Reading> {
        let wire = Arc::clone(&self.wire);
        // Before our own numbers, which never fall.
        let told = wire.told_of_me();
        let chitchat = self.handle.chitchat();
        let chitchat = chitchat.lock().await;
        let own = chitchat.node_state(chitchat.self_chitchat_id());
        self.belied = own.is_some_and(|own| told.is_beyond(progress(own)));
        let live: HashSet<_> = chitchat.live_nodes().collect();
        let others = chitchat
            .node_states()
            .iter()
            .filter(|(id, _)| *id != chitchat.self_chitchat_id());
        let mine = keys::receipt_key(&self.id.key);
        let mut versions = HashMap::with_capacity(self.versions.len());
        let mut readings = Vec::with_capacity(self.versions.len());
        for (id, state) in others {
            let version = (state.last_gc_version(), state.max_version());
            let changed = self.versions.get(id) != Some(&version);
            versions.insert(id.clone(), version);
            let place = id.gossip_advertise_addr;
            let heard = wire.heard_of(&id.node_id, id.generation_id, place);
            readings.push(Reading {
                id: identity(id),
                heartbeat: state.heartbeat().into(),
                live: live.contains(id),
                heard: heard.map(|at| at.saturating_duration_since(epoch)),
                keys: changed.then(|| texts(state, &mine)),
            });
        }
        let held = chitchat.node_states().iter();
        let held = held.map(|(id, state)| {
            let live = live.contains(id);
            (id.serialize_to_vec(), size(state), live)
        });
        let same = live.len() == self.live && versions == self.versions;
        wire.settle((!same).then_some(held));
        wire.crowd(live.len());
        self.live = live.len();
        let before = std::mem::replace(&mut self.versions, versions);
        if readings.len() > BELIEVABLE {
            self.cut(&mut readings, &before);
        }
        readings
    }

    /// Leaves as many as are believed, of those that were read `before` first. Whoever is left
    /// out is read in full when it is back.
    fn cut(&mut self, readings: &mut Vec<Reading>, before: &HashMap<ChitchatId, (u64, u64)>) {
        if !std::mem::replace(&mut self.was_full, true) {
            herald::complain(&Complaint::Full(BELIEVABLE));
        }
        let before: HashSet<_> = before.keys().map(identity).collect();
        let node = |id: &Id| (Arc::clone(&id.key.name), id.gossip);
        let nodes: HashSet<_> = before.iter().map(node).collect();
        keep_most_credible(readings, BELIEVABLE, |reading| {
            let is_later_life = reading.heard.is_some() && nodes.contains(&node(&reading.id));
            is_later_life || before.contains(&reading.id)
        });
        let kept: HashSet<_> = readings.iter().map(|reading| &reading.id).collect();
        self.versions.retain(|id, _| kept.contains(&identity(id)));
    }

    /// Says `value` under `key`.
    pub(super) async fn write(&self, key: &str, value: &str) {
        self.with(|chitchat| chitchat.self_node_state().set(key, value))
            .await;
    }

    /// Says `value` under `key` for as long as a tombstone is kept.
    pub(super) async fn write_for_a_while(&self, key: &str, value: &str) {
        self.with(|chitchat| chitchat.self_node_state().set_with_ttl(key, value))
            .await;
    }

    /// Says all of `changes` at once; `None` takes a key away.
    pub(super) async fn change(&self, changes: &[(String, Option<String>)]) {
        self.with(|chitchat| {
            let state = chitchat.self_node_state();
            for (key, value) in changes {
                match value {
                    Some(value) => state.set(key, value),
                    None => state.delete(key),
                }
            }
        })
        .await;
    }

    /// Contacts `to` now.
    pub(super) fn poke(&self, to: SocketAddr) {
        self.wire.ask(to);
        // Fails only when the task has ended, which `ended` tells.
        if let Err(error) = self.handle.gossip(to) {
            tracing::debug!(%to, %error, "not poked");
        }
    }

    /// Waits for the task to end by itself, and says why.
    pub(super) async fn ended(&self) -> String {
        match self.handle.termination_watcher().await {
            Ok(()) => "it ended".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Ends the task, after what was already asked of it.
    pub(super) async fn end(self) {
        if let Err(error) = self.handle.shutdown().await {
            tracing::debug!(%error, "gossip task did not end cleanly");
        }
    }

    /// Ends the task as a panic would.
    #[cfg(test)]
    pub(super) fn abort(&self) {
        self.handle.abort();
    }

    async fn with(&self, act: impl FnOnce(&mut Chitchat)) {
        act(&mut *self.handle.chitchat().lock().await);
    }
}

fn identity(id: &ChitchatId) -> Id {
    Id {
        key: NodeKey {
            name: Arc::clone(&id.node_id),
            generation: id.generation_id,
        },
        gossip: id.gossip_advertise_addr,
    }
}

fn progress(state: &NodeState) -> Progress {
    Progress {
        heartbeat: state.heartbeat().into(),
        collected: state.last_gc_version(),
        version: state.max_version(),
    }
}

/// The node's keys; of its receipts only `mine`.
fn texts(state: &NodeState, mine: &str) -> Vec<(String, String)> {
    state
        .key_values()
        .filter(|(key, _)| !key.starts_with(keys::RECEIPT) || *key == mine)
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// The bytes of its keys and values, deleted ones included.
fn size(state: &NodeState) -> usize {
    let all = state.key_values_including_deleted();
    all.map(|(key, value)| key.len() + value.value.len()).sum()
}

/// When chitchat's detector calls a node dead, in mean intervals of its heartbeats: its own default. It
/// decides whom chitchat asks; who counts as heard `belief` decides, by the rhythm of each.
pub const PHI: f64 = 8.0;

fn configuration(me: ChitchatId, cluster: &str, interval: Duration) -> ChitchatConfig {
    ChitchatConfig {
        listen_addr: me.gossip_advertise_addr,
        chitchat_id: me,
        cluster_id: cluster.to_owned(),
        gossip_interval: interval,
        // Seeds are ours to resolve and poke: chitchat would ask for names once a minute.
        seed_nodes: Vec::new(),
        failure_detector_config: FailureDetectorConfig {
            phi_threshold: PHI,
            sampling_window_size: 100,
            max_interval: 20 * interval,
            // The prior decides how soon a young node is missed: 5 s would cost 13 s.
            initial_interval: interval / 2,
            dead_node_grace_period: DEAD_KEPT,
        },
        marked_for_deletion_grace_period: TOMBSTONE_KEPT,
        catchup_callback: None,
        extra_liveness_predicate: None,
    }
}

/// As many as `belief` takes.
const BELIEVABLE: usize = 512;
/// How long a silent node is remembered; half of it, it is still told to others.
const DEAD_KEPT: Duration = Duration::from_secs(120);
const TOMBSTONE_KEPT: Duration = Duration::from_secs(60);
