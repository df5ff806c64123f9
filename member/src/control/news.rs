//! What changes, in Serf's types of events: the difference of two lists of members. Pure.

use std::collections::BTreeMap;

use super::roll::{Member, Status};

/// What to call the change, and the member after it; ordered by name.
pub(crate) fn news(old: &[Member], new: &[Member]) -> Vec<(&'static str, Member)> {
    let before = by_life(old);
    let after = by_life(new);
    let arrived = after.iter().filter_map(|(life, member)| {
        let event = match before.get(life) {
            None => first(member)?,
            Some(was) => change(was, member)?,
        };
        Some((*life, event, *member))
    });
    let gone = before
        .iter()
        .filter(|(life, _)| !after.contains_key(*life))
        .map(|(life, member)| (*life, "member-reap", *member));
    let mut all: Vec<_> = arrived.chain(gone).collect();
    all.sort_by_key(|(life, event, _)| (life.0, *event != "member-reap", life.1));
    all.into_iter()
        .map(|(_, event, member)| (event, member.clone()))
        .collect()
}

type Life<'a> = (&'a str, u64);

fn by_life(members: &[Member]) -> BTreeMap<Life<'_>, &Member> {
    members
        .iter()
        .map(|member| ((&*member.name, member.generation), member))
        .collect()
}

/// One that has already left when it is first heard of is no news.
fn first(member: &Member) -> Option<&'static str> {
    match member.status {
        Status::Alive | Status::Leaving => Some("member-join"),
        Status::Failed => Some("member-failed"),
        Status::Left => None,
    }
}

fn change(was: &Member, is: &Member) -> Option<&'static str> {
    let gone = |member: &Member| matches!(member.status, Status::Left | Status::Failed);
    match is.status {
        // Who has gone says no more: that it is silent now is no news.
        Status::Left => (was.status != Status::Left).then_some("member-leave"),
        Status::Failed if was.status != Status::Failed => Some("member-failed"),
        Status::Alive | Status::Leaving if gone(was) => Some("member-join"),
        _ => differs(was, is).then_some("member-update"),
    }
}

/// Whether it says something else; when its heart last beat is no news.
fn differs(was: &Member, is: &Member) -> bool {
    let still = |member: &Member| Member {
        last_heartbeat_ms: None,
        ..member.clone()
    };
    still(was) != still(is)
}

#[cfg(test)]
mod tests {
    use super::super::roll::tests::seen;
    use super::*;
    use crate::node::Word;
    use crate::snapshot::Presence::{self, Live, Silent};

    fn of(name: &str, word: Word, presence: Presence) -> Member {
        Member::of(&seen(name, word, presence), None)
    }

    fn told(old: &[Member], new: &[Member]) -> Vec<String> {
        let news = news(old, new);
        let told = news.into_iter();
        told.map(|(event, member)| format!("{event} {}", member.name))
            .collect()
    }

    #[test]
    fn each_change_has_serfs_name() {
        let ready = of("a", Word::Ready, Live);
        let draining = of("a", Word::Draining, Live);
        let silent = of("a", Word::Ready, Silent);
        let (leaving, left) = (of("a", Word::Left, Live), of("a", Word::Left, Silent));
        let mut heavy = ready.clone();
        heavy.weight = 9;
        let mut beats = ready.clone();
        beats.last_heartbeat_ms = Some(1);
        for (old, new, event) in [
            (None, Some(&ready), "member-join a"),
            (None, Some(&silent), "member-failed a"),
            (None, Some(&left), ""),
            (Some(&ready), Some(&ready), ""),
            (Some(&ready), Some(&beats), ""),
            (Some(&ready), Some(&heavy), "member-update a"),
            (Some(&ready), Some(&draining), "member-update a"),
            (Some(&ready), Some(&silent), "member-failed a"),
            (Some(&draining), Some(&left), "member-leave a"),
            (Some(&silent), Some(&left), "member-leave a"),
            (Some(&leaving), Some(&left), ""),
            (Some(&silent), Some(&ready), "member-join a"),
            (Some(&left), Some(&ready), "member-join a"),
            (Some(&left), None, "member-reap a"),
        ] {
            let list = |m: Option<&Member>| m.cloned().into_iter().collect::<Vec<_>>();
            assert_eq!(told(&list(old), &list(new)).join(", "), event);
        }
    }

    #[test]
    fn a_new_life_takes_the_place_of_the_old() {
        let old = of("a", Word::Ready, Silent);
        let mut new = of("a", Word::Ready, Live);
        new.generation += 1;
        let b = of("b", Word::Ready, Live);
        assert_eq!(
            told(&[old], &[new, b]),
            ["member-reap a", "member-join a", "member-join b"]
        );
    }
}
