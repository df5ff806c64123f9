//! Which life of a name counts. Pure.
//!
//! A newer generation at the same gossip address replaces the old one at once, one at the same server
//! when the old one is no longer heard; unless that came last (a clock was set back). At another
//! address both are shown while both are heard, for they may be two nodes that were given one name; whose
//! server it is decides `claims`. One that
//! has left gives way; one that is silent does, unless the two have been heard beside each
//! other for longer than a dead node is: then its silence is that of any node.

use std::time::Duration;

use crate::node::{Node, Word};
use crate::reading::Id;
use crate::snapshot::Presence;

/// One life of a name.
#[derive(Clone, Copy, Debug)]
pub struct Life<'a> {
    /// Which.
    pub id: &'a Id,
    /// What it says of itself.
    pub node: &'a Node,
    /// Whether it is heard.
    pub presence: Presence,
    /// When it last was.
    pub heard: Option<Duration>,
    /// When we first knew of it.
    pub met: Duration,
    /// When we first knew that it has left.
    pub left: Option<Duration>,
}

/// Which of a name's `lives` are shown: at least one.
pub fn that_count<'a>(lives: &[Life<'a>]) -> Vec<&'a Id> {
    let is_over = |life: &Life<'_>| {
        let ended =
            |other: &Life<'_>| has_left(other) && other.id > life.id && !came_after(life, other);
        lives
            .iter()
            .any(|other| ended(other) && takes_place(other, life))
    };
    let mut left_over: Vec<_> = lives.iter().filter(|life| !is_over(life)).collect();
    left_over.sort_by_key(|life| std::cmp::Reverse(rank(life)));
    let mut shown: Vec<&Life<'_>> = Vec::new();
    for life in left_over {
        let replaced = shown.iter().any(|other| takes_place(other, life));
        let is_crowd = lives.len() > MANY;
        let is_beside = |other: &&Life<'_>| are_two(life, other, lives);
        let stays = || is_heard(life) || is_crowd || shown.iter().all(is_beside);
        if shown.is_empty() || (!replaced && stays()) {
            shown.push(life);
        }
    }
    shown.into_iter().map(|life| life.id).collect()
}

/// The one that is heard, else the one that came last, whatever its clock said.
fn rank<'a>(life: &Life<'a>) -> (bool, Duration, Option<Duration>, &'a Id) {
    (is_heard(life), life.met, life.heard, life.id)
}

/// Whether it was heard although a later generation at its place had left: a clock was set
/// back, and it began after the other's end. One that began before would have been silent by then.
fn came_after(life: &Life<'_>, other: &Life<'_>) -> bool {
    let later = |(heard, left)| life.met > left || heard > left + LINGERS;
    !has_left(life) && life.heard.zip(other.left).is_some_and(later)
}

/// Whether `life` is not a former life of the node at the place of `other`: the two were heard
/// beside each other, maybe when that one had an earlier life.
fn are_two(life: &Life<'_>, other: &Life<'_>, lives: &[Life<'_>]) -> bool {
    let outlived = |one: &Life<'_>, other: &Life<'_>| {
        one.heard.is_some_and(|heard| heard > other.met + LINGERS)
    };
    let mut there = lives.iter().filter(|earlier| same_place(earlier, other));
    !has_left(life) && there.any(|other| outlived(life, other) && outlived(other, life))
}

fn has_left(life: &Life<'_>) -> bool {
    life.node.word == Word::Left
}

fn is_heard(life: &Life<'_>) -> bool {
    life.presence == Presence::Live && !has_left(life)
}

/// Whether `life` gives way to `other`, which is at its address. Who is heard could not say a word
/// if another had only to claim its server.
fn takes_place(other: &Life<'_>, life: &Life<'_>) -> bool {
    life.id.gossip == other.id.gossip || (!is_heard(life) && same_place(life, other))
}

fn same_place(a: &Life<'_>, b: &Life<'_>) -> bool {
    let same_server = a.node.http.is_some() && a.node.http == b.node.http;
    same_server || a.id.gossip == b.id.gossip
}

/// So many of one name are made up, and weighing each with each and each would take long.
const MANY: usize = 32;
/// A dead node counts as heard for no longer, with most datagrams lost.
const LINGERS: Duration = Duration::from_secs(5);
