//! Pure: what follows from several tracked nodes together: who is shown under which name, whose an
//! address is, whether a silence is anybody's, who is held out, and the pool.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use member::node::{Node, NodeKey, Word};
use member::snapshot::{Presence, Sighting, Snapshot};

use super::crowd::{self, Voice};
use super::naming::{self, Claim};
use super::places;
use super::server::Standing;
use super::set::{Entry, Ledger, Pool, Rotation, Service};
use super::tracked::Tracked;
use super::view::Shown;

/// Every node the roster keeps track of.
pub(super) type All = BTreeMap<NodeKey, Tracked>;

/// Who of those named `name` is to be shown under another name than now; who gives way first,
/// so that who follows inherits its health.
pub(super) fn names(all: &All, name: &Arc<str>) -> Vec<(NodeKey, Option<Arc<str>>)> {
    let key = |generation| NodeKey {
        name: Arc::clone(name),
        generation,
    };
    let group = all.range(key(0)..=key(u64::MAX));
    let group: Vec<_> = group.collect();
    let is_replaced = |old: &Tracked| {
        let mut known = group.iter().filter(|(_, new)| new.known);
        !old.known && known.any(|(_, new)| new.server.addr == old.server.addr)
    };
    let gives_way = |tracked: &Tracked| tracked.displaced || is_replaced(tracked);
    let (gone, group): (Vec<_>, Vec<_>) = group
        .iter()
        .copied()
        .partition(|(_, tracked)| gives_way(tracked));
    let mut claims: Vec<Claim> = group.iter().map(|(_, tracked)| tracked.claim()).collect();
    for (_, old) in gone.iter().filter(|(_, old)| old.name.is_some()) {
        let follows = |new: &Tracked| new.known && new.has_server_of(old);
        let heir = group.iter().rposition(|(_, new)| follows(new));
        // Nobody gives up the name itself.
        if let Some(heir) = heir.filter(|heir| claims[*heir].holds.as_ref() != Some(name)) {
            claims[heir].holds.clone_from(&old.name);
        }
    }
    let assigned = naming::assign(name, &claims);
    let assigned = group.into_iter().zip(assigned);
    let all = assigned.chain(gone.into_iter().map(|displaced| (displaced, None)));
    let changed = all.filter(|((_, tracked), assigned)| tracked.name != *assigned);
    let mut changes: Vec<_> = changed
        .map(|((key, _), assigned)| (key.clone(), assigned))
        .collect();
    changes.sort_by_key(|(_, assigned)| assigned.is_some());
    changes
}

/// Those for whom it has changed whether their server's address is another node's now.
pub(super) fn newly_displaced(all: &All) -> Vec<NodeKey> {
    // Who starts has not found its server yet, who has left has given it up; whoever else is not
    // ready has a server that answers for itself alone.
    let claiming = all.iter().filter(|(_, tracked)| {
        let word = tracked.health.word();
        !matches!(word, Word::Starting | Word::Left)
    });
    let claims: Vec<_> = claiming.map(|(key, tracked)| tracked.place(key)).collect();
    let displaced: BTreeSet<_> = places::displaced(&claims).into_iter().collect();
    let changed = all
        .iter()
        .filter(|(key, tracked)| tracked.displaced != displaced.contains(key));
    changed.map(|(key, _)| key.clone()).collect()
}

/// Whether a silent node's server is another's by all that gossip tells, whatever that one says: a
/// heard one's, or one of a later generation.
pub(super) fn is_given_away(snapshot: &Snapshot, seen: &Sighting) -> bool {
    let key = &seen.node.key;
    let place = |node: &Node| (Arc::clone(&node.service), node.http);
    let silent = seen.presence == Presence::Silent;
    silent
        && snapshot.backends().any(|other| {
            let newer = other.node.key.generation > key.generation;
            other.node.key != *key
                && (newer || other.presence == Presence::Live)
                && place(&other.node) == place(&seen.node)
        })
}

/// Requests in flight to the server of a node, whoever they were sent to it as.
pub(super) fn in_flight(all: &All, key: &NodeKey) -> u64 {
    let Some(of) = all.get(key) else { return 0 };
    let there = all.values().filter(|tracked| tracked.has_server_of(of));
    there.map(Tracked::in_flight).sum()
}

/// Who of a service is heard.
#[derive(Debug, Default)]
pub(super) struct Silence(Vec<(NodeKey, Voice)>);

impl Silence {
    /// Whether most fell silent at once.
    pub(super) fn is_mass(&self, now: Duration) -> bool {
        let voices: Vec<Voice> = self.0.iter().map(|(_, voice)| *voice).collect();
        crowd::is_mass(&voices, now)
    }

    /// How many of those who did not may be about to.
    pub(super) fn quiet(&self) -> usize {
        self.0.iter().filter(|(_, voice)| voice.is_quiet()).count()
    }

    /// Those who did.
    pub(super) fn suspects(&self, now: Duration) -> Vec<NodeKey> {
        let suspects = self.0.iter().filter(|(_, voice)| voice.is_suspect(now));
        suspects.map(|(key, _)| key.clone()).collect()
    }
}

/// Who is heard of each service, of those shown and ready.
pub(super) fn silences(all: &All) -> BTreeMap<Arc<str>, Silence> {
    let mut services: BTreeMap<Arc<str>, Silence> = BTreeMap::new();
    for (key, tracked) in all {
        let shown = tracked.health.view().shown;
        let counts = *tracked.health.word() == Word::Ready && shown != Shown::Hidden;
        let counts = counts && tracked.name.is_some();
        if counts && tracked.was_live && !tracked.displaced {
            let silence = services.entry(Arc::clone(&tracked.service)).or_default();
            silence.0.push((key.clone(), tracked.health.voice()));
        }
    }
    services
}

/// How often who went down of late.
type Penalty<'a> = (f64, &'a NodeKey);

/// Who is held out but needed: never are more of a service held out than are in use, so that it is
/// not emptied, nor left to a few, because servers went down too often.
pub(super) fn needed(all: &All, now: Duration) -> Vec<NodeKey> {
    let mut services: BTreeMap<&str, (usize, Vec<Penalty<'_>>)> = BTreeMap::new();
    // A weight of 0 serves nobody.
    let counts = |tracked: &Tracked| tracked.name.is_some() && tracked.weight > 0;
    for (key, tracked) in all.iter().filter(|(_, tracked)| counts(tracked)) {
        let (in_use, held) = services.entry(&tracked.service).or_default();
        *in_use += usize::from(tracked.standing() == Standing::Usable);
        if tracked.health.is_held() {
            held.push((tracked.health.penalty(now), key));
        }
    }
    let mut needed = Vec::new();
    for (in_use, mut held) in services.into_values() {
        // The steadiest first.
        held.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        let count = held.len().saturating_sub(in_use).div_ceil(2);
        needed.extend(held.into_iter().take(count).map(|(_, key)| key.clone()));
    }
    needed
}

/// The pool as it should be.
pub(super) fn pool(ledgers: &BTreeMap<Arc<str>, Arc<Ledger>>, all: &All) -> Pool {
    let mut rows: BTreeMap<&Arc<str>, Vec<Entry>> = BTreeMap::new();
    for tracked in all.values() {
        if tracked.name.is_some() && tracked.health.view().shown != Shown::Hidden {
            let server = Arc::clone(&tracked.server);
            rows.entry(&tracked.service).or_default().push(Entry {
                server,
                weight: tracked.weight,
            });
        }
    }
    let service = |ledger: &Arc<Ledger>| {
        let mut rows = rows.remove(&ledger.name).unwrap_or_default();
        rows.sort_by(|a, b| naming::compare(&a.row().name, &b.row().name));
        let usable = |entry: &&Entry| entry.server.standing() == Standing::Usable;
        let rotation = Rotation::of(rows.iter().filter(usable));
        Arc::new(Service {
            ledger: Arc::clone(ledger),
            rotation,
            rows,
        })
    };
    let services = ledgers.values().map(service);
    Pool {
        services: services.map(|s| (Arc::clone(&s.ledger.name), s)).collect(),
    }
}
