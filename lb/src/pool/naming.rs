//! Pure: who of several nodes of one name is shown under it. A re-created container takes its
//! predecessor's row; two live ones are both shown, the second as `name~2`.

use std::cmp::Ordering;
use std::sync::Arc;

/// One node's claim to a name. Claims are listed oldest generation first.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Known to gossip, not leaving, not disproved.
    pub strong: bool,
    /// It is well.
    pub serves: bool,
    /// The name it is shown under now.
    pub holds: Option<Arc<str>>,
}

/// The name each claimant is to be shown under; `None` for one that gives way.
///
/// Strong claims share the name out among themselves; until one of them serves, with those that
/// serve; without any, the newest node has it. Who holds the plain name keeps it; if nobody does,
/// the newest takes it.
#[must_use]
pub fn assign(name: &Arc<str>, claims: &[Claim]) -> Vec<Option<Arc<str>>> {
    let is_succeeded = claims.iter().any(|claim| claim.strong && claim.serves);
    let has_claim = |claim: &Claim| claim.strong || (claim.serves && !is_succeeded);
    let is_claimed = claims.iter().any(has_claim);
    let stands = |index: usize| {
        if is_claimed {
            has_claim(&claims[index])
        } else {
            index + 1 == claims.len()
        }
    };
    let standing: Vec<usize> = (0..claims.len()).filter(|&index| stands(index)).collect();
    let plain = standing
        .iter()
        .copied()
        .find(|&index| claims[index].holds.as_ref() == Some(name))
        .or_else(|| standing.last().copied());
    let mut taken: Vec<Arc<str>> = standing
        .iter()
        .filter(|&&index| Some(index) != plain)
        .filter_map(|&index| claims[index].holds.clone())
        .collect();
    (0..claims.len())
        .map(|index| {
            if Some(index) == plain {
                Some(Arc::clone(name))
            } else if !stands(index) {
                None
            } else if let Some(held) = &claims[index].holds {
                Some(Arc::clone(held))
            } else {
                let fresh = numbered(name, &taken);
                taken.push(Arc::clone(&fresh));
                Some(fresh)
            }
        })
        .collect()
}

/// The first of `name~2`, `name~3`, ... that is not taken.
fn numbered(name: &str, taken: &[Arc<str>]) -> Arc<str> {
    let mut number = 2;
    loop {
        let candidate = format!("{name}~{number}");
        if !taken.iter().any(|held| **held == *candidate) {
            return candidate.into();
        }
        number += 1;
    }
}

/// The order that rows are shown and served in: by name, numbers at the end by their value.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    fn split(name: &str) -> (&str, u64) {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        (stem, name[stem.len()..].parse().unwrap_or(u64::MAX))
    }
    split(a).cmp(&split(b)).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known, and well or not yet.
    const UP: (bool, bool) = (true, true);
    const NEW: (bool, bool) = (true, false);
    /// No longer known, but well.
    const LOST: (bool, bool) = (false, true);
    /// Leaving, disproved, or no longer known and never well.
    const WEAK: (bool, bool) = (false, false);

    fn check(claims: &[((bool, bool), Option<&str>)], expected: &[Option<&str>]) {
        let claims: Vec<Claim> = claims
            .iter()
            .map(|&((strong, serves), holds)| Claim {
                strong,
                serves,
                holds: holds.map(Arc::from),
            })
            .collect();
        let names = assign(&Arc::from("s1"), &claims);
        let names: Vec<Option<&str>> = names.iter().map(Option::as_deref).collect();
        assert_eq!(names, expected, "{claims:?}");
    }

    #[test]
    fn names() {
        check(&[], &[]);
        check(&[(NEW, None)], &[Some("s1")]);
        check(&[(WEAK, None)], &[Some("s1")]);
        // A live holder keeps its name; the second is numbered, and stays so.
        check(
            &[(UP, Some("s1")), (NEW, None)],
            &[Some("s1"), Some("s1~2")],
        );
        check(
            &[(UP, Some("s1")), (UP, Some("s1~2"))],
            &[Some("s1"), Some("s1~2")],
        );
        check(
            &[(UP, Some("s1")), (UP, Some("s1~2")), (NEW, None)],
            &[Some("s1"), Some("s1~2"), Some("s1~3")],
        );
        // The old life is leaving or disproved: the new one takes over.
        check(&[(WEAK, Some("s1")), (NEW, None)], &[None, Some("s1")]);
        check(
            &[(WEAK, Some("s1")), (UP, Some("s1~2"))],
            &[None, Some("s1")],
        );
        // The new life is not well: the old one stays.
        check(&[(UP, Some("s1")), (WEAK, None)], &[Some("s1"), None]);
        // Nobody is well: the newest shows.
        check(&[(WEAK, Some("s1")), (WEAK, None)], &[None, Some("s1")]);
    }

    #[test]
    fn who_is_no_longer_known_serves_until_another_does() {
        check(
            &[(LOST, Some("s1")), (NEW, None)],
            &[Some("s1"), Some("s1~2")],
        );
        check(
            &[(LOST, Some("s1")), (UP, Some("s1~2"))],
            &[None, Some("s1")],
        );
        check(
            &[(LOST, Some("s1")), (LOST, Some("s1~2"))],
            &[Some("s1"), Some("s1~2")],
        );
        check(&[(LOST, Some("s1")), (WEAK, None)], &[Some("s1"), None]);
    }

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = ["s10", "web", "s2", "s1", "s1~2", "s02"];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(names, ["s1", "s02", "s2", "s10", "s1~2", "web"]);
    }
}
