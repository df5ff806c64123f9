//! Which life of a name counts. Pure.
//!
//! A newer generation at the same server or gossip address replaces the old one at once,
//! unless only the old one is heard (a clock was set back). At another address both are
//! shown while both are heard, for they are two nodes that were given one name; one that is
//! silent or has left gives way.

use crate::node::{Node, Word};
use crate::reading::Id;
use crate::snapshot::Presence;

/// One life of a name.
pub type Life<'a> = (&'a Id, &'a Node, Presence);

/// Which of a name's `lives` are shown: at least one.
pub fn that_count<'a>(lives: &[Life<'a>]) -> Vec<&'a Id> {
    let is_over = |life: &Life<'_>| {
        let ended = |other: &Life<'_>| has_left(other) && other.0 > life.0;
        lives
            .iter()
            .any(|other| ended(other) && same_place(life, other))
    };
    let mut left_over: Vec<_> = lives.iter().filter(|life| !is_over(life)).collect();
    left_over.sort_by_key(|life| std::cmp::Reverse((is_heard(life), life.0)));
    let mut shown: Vec<&Life<'_>> = Vec::new();
    for life in left_over {
        let replaced = shown.iter().any(|other| same_place(life, other));
        if shown.is_empty() || (is_heard(life) && !replaced) {
            shown.push(life);
        }
    }
    shown.into_iter().map(|(id, ..)| *id).collect()
}

fn has_left((_, node, _): &Life<'_>) -> bool {
    node.word == Word::Left
}

fn is_heard(life: &Life<'_>) -> bool {
    life.2 == Presence::Live && !has_left(life)
}

fn same_place(a: &Life<'_>, b: &Life<'_>) -> bool {
    let same_server = a.1.http.is_some() && a.1.http == b.1.http;
    same_server || a.0.gossip == b.0.gossip
}
