//! Pure: who of several nodes of one name is shown under it. A re-created container takes its
//! predecessor's row; two live ones are both shown, the second as `name~2`.

use std::cmp::Ordering;
use std::sync::Arc;

/// One node's claim to a name. Claims are listed oldest generation first.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Live, not leaving, not disproved.
    pub strong: bool,
    /// The name it is shown under now.
    pub holds: Option<Arc<str>>,
}

/// The name each claimant is to be shown under; `None` for one that gives way.
///
/// Strong claims share the name out among themselves; without any, the newest node has it. Who
/// holds the plain name keeps it; if nobody does, the newest takes it.
#[must_use]
pub fn assign(name: &Arc<str>, claims: &[Claim]) -> Vec<Option<Arc<str>>> {
    let any_strong = claims.iter().any(|claim| claim.strong);
    let stands = |index: usize| {
        if any_strong {
            claims[index].strong
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

    fn check(claims: &[(bool, Option<&str>)], expected: &[Option<&str>]) {
        let claims: Vec<Claim> = claims
            .iter()
            .map(|&(strong, holds)| Claim {
                strong,
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
        check(&[(true, None)], &[Some("s1")]);
        check(&[(false, None)], &[Some("s1")]);
        // A live holder keeps its name; the second is numbered, and stays so.
        check(
            &[(true, Some("s1")), (true, None)],
            &[Some("s1"), Some("s1~2")],
        );
        check(
            &[(true, Some("s1")), (true, Some("s1~2"))],
            &[Some("s1"), Some("s1~2")],
        );
        check(
            &[(true, Some("s1")), (true, Some("s1~2")), (true, None)],
            &[Some("s1"), Some("s1~2"), Some("s1~3")],
        );
        // The old life is leaving, silent or disproved: the new one takes over.
        check(&[(false, Some("s1")), (true, None)], &[None, Some("s1")]);
        check(
            &[(false, Some("s1")), (true, Some("s1~2"))],
            &[None, Some("s1")],
        );
        // The new life is not well: the old one stays.
        check(&[(true, Some("s1")), (false, None)], &[Some("s1"), None]);
        // Nobody is well: the newest shows.
        check(&[(false, Some("s1")), (false, None)], &[None, Some("s1")]);
    }

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = ["s10", "web", "s2", "s1", "s1~2", "s02"];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(names, ["s1", "s02", "s2", "s10", "s1~2", "web"]);
    }
}
