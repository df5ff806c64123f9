//! An immutable picture of the cluster at one moment, and the difference of two.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::node::{Node, NodeKey, Role, Word};

/// Whether gossip hears the node. Silence is a suspicion, never a proof.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// Its heartbeat moves.
    Live,
    /// Its heartbeat has stopped for longer than its rhythm allows.
    Silent,
}

/// One node as this process sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sighting {
    /// What the node says of itself.
    pub node: Node,
    /// Where its gossip listens.
    pub gossip: SocketAddr,
    /// Whether it is heard.
    pub presence: Presence,
}

/// Every other node known at one moment; the observer itself is not in it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Snapshot {
    /// By identity; ordered, so that two equal clusters print alike.
    pub nodes: BTreeMap<NodeKey, Arc<Sighting>>,
    /// The members that are heard, but not for longer than usual: no verdict yet, yet time to ask them.
    /// Only balancers want to know.
    pub quiet: BTreeSet<NodeKey>,
    /// The members that say of a server that it is theirs, and it is another's; see `claims`.
    pub denied: BTreeSet<NodeKey>,
}

impl Snapshot {
    /// The balancers that have not left, heard or not.
    pub fn balancers(&self) -> impl Iterator<Item = &Arc<Sighting>> {
        self.of_role(Role::Balancer)
            .filter(|seen| seen.node.word != Word::Left)
    }

    /// The balancers that are heard now: those a drain waits for.
    pub fn live_balancers(&self) -> impl Iterator<Item = &Arc<Sighting>> {
        self.balancers()
            .filter(|seen| seen.presence == Presence::Live)
    }

    /// The members, in the order of their names, whatever their word.
    pub fn backends(&self) -> impl Iterator<Item = &Arc<Sighting>> {
        self.of_role(Role::Backend)
    }

    /// The lives of one name, oldest generation first; more than one when two nodes were
    /// given the same name.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Sighting>> {
        let first = NodeKey {
            name: Arc::from(name),
            generation: 0,
        };
        let last = NodeKey {
            generation: u64::MAX,
            ..first.clone()
        };
        self.nodes.range(first..=last).map(|(_, seen)| seen)
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &Arc<Sighting>> {
        self.nodes
            .values()
            .filter(move |seen| seen.node.role == role)
    }
}

impl FromIterator<(NodeKey, Arc<Sighting>)> for Snapshot {
    /// Of these nodes, none of which is quiet or denied its server.
    fn from_iter<T: IntoIterator<Item = (NodeKey, Arc<Sighting>)>>(nodes: T) -> Self {
        Self {
            nodes: nodes.into_iter().collect(),
            quiet: BTreeSet::new(),
            denied: BTreeSet::new(),
        }
    }
}

/// One difference between two snapshots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// A node that was not there.
    Added(Arc<Sighting>),
    /// A node that says something else, or is heard otherwise, than before.
    Changed {
        /// As it was.
        old: Arc<Sighting>,
        /// As it is.
        new: Arc<Sighting>,
    },
    /// A node that is no longer known.
    Removed(Arc<Sighting>),
}

/// What turns `old` into `new`, ordered by identity.
pub fn diff(old: &Snapshot, new: &Snapshot) -> Vec<Change> {
    let removed = old
        .nodes
        .iter()
        .filter(|(key, _)| !new.nodes.contains_key(*key))
        .map(|(key, seen)| (key, Change::Removed(Arc::clone(seen))));
    let arrived = new
        .nodes
        .iter()
        .filter_map(|(key, seen)| Some((key, difference(old.nodes.get(key), seen)?)));
    let mut changes: Vec<_> = removed.chain(arrived).collect();
    changes.sort_by_key(|(key, _)| *key);
    changes.into_iter().map(|(_, change)| change).collect()
}

fn difference(old: Option<&Arc<Sighting>>, new: &Arc<Sighting>) -> Option<Change> {
    match old {
        None => Some(Change::Added(Arc::clone(new))),
        Some(old) if Arc::ptr_eq(old, new) || old == new => None,
        Some(old) => Some(Change::Changed {
            old: Arc::clone(old),
            new: Arc::clone(new),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Description;

    fn seen(name: &str, generation: u64, word: Word) -> (NodeKey, Arc<Sighting>) {
        let http = SocketAddr::from(([10, 0, 0, 1], 3000));
        let node = Description::backend(name, http).live(generation, http.ip(), word);
        let sighting = Sighting {
            node,
            gossip: SocketAddr::from(([10, 0, 0, 1], 7000)),
            presence: Presence::Live,
        };
        (sighting.node.key.clone(), Arc::new(sighting))
    }

    fn of(nodes: impl IntoIterator<Item = (NodeKey, Arc<Sighting>)>) -> Snapshot {
        nodes.into_iter().collect()
    }

    #[test]
    fn equal_snapshots_do_not_differ() {
        let one = of([seen("a", 1, Word::Ready)]);
        assert_eq!(diff(&one, &of([seen("a", 1, Word::Ready)])), []);
    }

    #[test]
    fn a_diff_names_what_came_went_and_changed_in_order() {
        let old = of([seen("a", 1, Word::Ready), seen("b", 1, Word::Ready)]);
        let new = of([seen("a", 1, Word::Draining), seen("c", 1, Word::Ready)]);
        let changes = diff(&old, &new);
        assert!(matches!(&changes[0], Change::Changed { old, new }
            if old.node.word == Word::Ready && new.node.word == Word::Draining));
        assert!(matches!(&changes[1], Change::Removed(b) if &*b.node.key.name == "b"));
        assert!(matches!(&changes[2], Change::Added(c) if &*c.node.key.name == "c"));
    }

    #[test]
    fn a_new_life_is_another_node() {
        let changes = diff(
            &of([seen("a", 1, Word::Ready)]),
            &of([seen("a", 2, Word::Ready)]),
        );
        assert!(matches!(
            changes[..],
            [Change::Removed(_), Change::Added(_)]
        ));
    }

    #[test]
    fn lives_of_a_name_are_found_together() {
        let all = of([
            seen("a", 1, Word::Ready),
            seen("b", 1, Word::Ready),
            seen("a", 7, Word::Ready),
        ]);
        let generations: Vec<_> = all.named("a").map(|s| s.node.key.generation).collect();
        assert_eq!(generations, [1, 7]);
    }
}
