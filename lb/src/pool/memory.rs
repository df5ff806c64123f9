//! Pure: what a balancer that starts anew remembers of its servers, until gossip tells it better;
//! and what of the present pool is worth remembering. It knows no file: `remembered` has its
//! format, `io::pool_file` reads and writes it.
//!
//! A remembered server is shown to the roster as one that is silent in gossip and said `ready`
//! last. So it is connected to once before it is used, gets no row if that fails, and is taken
//! out by one failed check; silence alone does not take it out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use member::node::{NodeKey, Word};
use member::snapshot::{Presence, Sighting, Snapshot};

use super::set::Pool;
use super::view::Shown;

/// The servers to remember, in order of their identity.
pub type Notes = Arc<Vec<Arc<Sighting>>>;

/// What is remembered from before, and what is to be remembered now.
#[derive(Debug, Default)]
pub struct Memory {
    /// Remembered from before, and not heard of since.
    tentative: BTreeMap<NodeKey, Arc<Sighting>>,
    /// Since when some member of each service has been heard without a break.
    heard: BTreeMap<Arc<str>, Duration>,
    /// The picture that the roster was given last.
    last: Arc<Snapshot>,
    /// What is known of those who have a row; gossip may have forgotten them.
    kept: BTreeMap<NodeKey, Arc<Sighting>>,
    /// Names given up since they were last told.
    forgotten: Vec<Arc<str>>,
}

impl Memory {
    /// A memory of these servers, whatever was known of their presence and their word.
    #[must_use]
    pub fn of(remembered: impl IntoIterator<Item = Sighting>) -> Self {
        let silent = |mut seen: Sighting| {
            seen.presence = Presence::Silent;
            seen.node.word = Word::Ready;
            (seen.node.key.clone(), Arc::new(seen))
        };
        Self {
            tentative: remembered.into_iter().map(silent).collect(),
            ..Self::default()
        }
    }

    /// Gossip's picture, completed by those it has not told of yet. Whoever gossip knows, or
    /// knows a newer life of, or hears
    /// another node in the place of, is no longer remembered. Whoever it still does not know
    /// [`PATIENCE`] after it heard other members of the same service, or knows only a newer life of
    /// that has left, is shown as not ready, once, which ends its row without a word about its
    /// health.
    #[must_use]
    pub fn complete(&mut self, now: Duration, heard: &Arc<Snapshot>) -> Arc<Snapshot> {
        let ended = self.supersede(heard);
        self.listen(now, heard);
        self.last = if self.tentative.is_empty() && ended.is_empty() {
            Arc::clone(heard)
        } else {
            let mut all = Snapshot::clone(heard);
            let ended = ended.into_iter().map(|(key, seen)| (key, gone(seen)));
            all.nodes.extend(ended);
            for (key, seen) in std::mem::take(&mut self.tentative) {
                if self.over_at(&seen).is_some_and(|at| now >= at) {
                    self.forgotten.push(Arc::clone(&key.name));
                    all.nodes.insert(key, gone(seen));
                } else {
                    all.nodes.insert(key.clone(), Arc::clone(&seen));
                    self.tentative.insert(key, seen);
                }
            }
            Arc::new(all)
        };
        Arc::clone(&self.last)
    }

    /// Gives up whoever is remembered no longer; those of them whose newer life has left.
    fn supersede(&mut self, heard: &Snapshot) -> BTreeMap<NodeKey, Arc<Sighting>> {
        let hears = |seen: &&Arc<Sighting>| seen.presence == Presence::Live;
        let places: BTreeSet<_> = heard
            .backends()
            .filter(hears)
            .map(|s| s.node.http)
            .collect();
        let mut ended = BTreeMap::new();
        self.tentative.retain(|key, remembered| {
            let newest = heard.named(&key.name).last();
            let newest = newest.filter(|seen| seen.node.key.generation > key.generation);
            let is_known = heard.nodes.contains_key(key);
            if !is_known && newest.is_some_and(|seen| seen.node.word == Word::Left) {
                ended.insert(key.clone(), Arc::clone(remembered));
            }
            newest.is_none() && !is_known && !places.contains(&remembered.node.http)
        });
        ended
    }

    /// When [`complete`](Self::complete) is to be called again, though gossip is silent.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let times = self
            .tentative
            .values()
            .filter_map(|seen| self.over_at(seen));
        times.min()
    }

    /// The names that were given up since the last call.
    pub fn take_forgotten(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.forgotten)
    }

    /// What is to be remembered of `pool`: who says `ready`, unless it is silent and out; and, until
    /// a server of its service is in use, who is remembered from before and has no row yet. Who
    /// then has none has failed its connect, or is about to have one.
    pub fn note(&mut self, pool: &Pool) -> Notes {
        let mut kept = BTreeMap::new();
        let is_in_use = |service: &str| {
            let service = pool.services.get(service);
            service.is_some_and(|service| !service.rotation.servers.is_empty())
        };
        let tentative = self.tentative.iter();
        let unproven = tentative.filter(|(_, seen)| !is_in_use(&seen.node.service));
        let mut notes: BTreeMap<_, _> = unproven
            .map(|(key, seen)| (key.clone(), Arc::clone(seen)))
            .collect();
        for entry in pool.services.values().flat_map(|service| &service.rows) {
            let key = &entry.server.key;
            let Some(seen) = self.last.nodes.get(key).or_else(|| self.kept.get(key)) else {
                continue;
            };
            kept.insert(key.clone(), Arc::clone(seen));
            let view = entry.row().view();
            let lost = view.silent && matches!(view.shown, Shown::Down { .. });
            if seen.node.word == Word::Ready && !lost {
                notes.insert(key.clone(), Arc::clone(seen));
            } else {
                notes.remove(key);
            }
        }
        self.kept = kept;
        Arc::new(notes.into_values().collect())
    }

    /// Takes note of which services have a member that is heard.
    fn listen(&mut self, now: Duration, heard: &Snapshot) {
        if self.tentative.is_empty() {
            return;
        }
        let live = heard.backends();
        let live = live.filter(|seen| seen.presence == Presence::Live);
        let services: BTreeSet<_> = live.map(|seen| &seen.node.service).collect();
        self.heard.retain(|service, _| services.contains(service));
        for service in services {
            self.heard.entry(Arc::clone(service)).or_insert(now);
        }
    }

    fn over_at(&self, seen: &Sighting) -> Option<Duration> {
        Some(*self.heard.get(&seen.node.service)? + PATIENCE)
    }
}

fn gone(seen: Arc<Sighting>) -> Arc<Sighting> {
    let mut seen = Arc::unwrap_or_clone(seen);
    seen.node.word = Word::Starting;
    Arc::new(seen)
}

/// How long a remembered server may stay unknown to a cluster that is heard: a member whose
/// balancer has vanished contacts it every 200 to 500 ms.
pub const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
