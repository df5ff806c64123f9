//! Which members are listed: Serf's filters, each a regular expression that must match the
//! whole value.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};

use super::roll::{Member, ROLE};

/// What a member must match.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    name: Option<Regex>,
    status: Option<Regex>,
    tags: Vec<(String, Regex)>,
}

impl Filter {
    /// From the expressions as they were typed; `role` is that of the tag.
    ///
    /// # Errors
    /// The first that is none, in one line.
    pub(crate) fn new(
        name: Option<&str>,
        status: Option<&str>,
        role: Option<&str>,
        tags: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let mut filter = Self {
            name: name.map(|text| anchored("--name", text)).transpose()?,
            status: status.map(|text| anchored("--status", text)).transpose()?,
            tags: Vec::new(),
        };
        if let Some(role) = role {
            filter
                .tags
                .push((ROLE.to_owned(), anchored("--role", role)?));
        }
        for (tag, text) in tags {
            let what = format!("--tag {tag}");
            filter.tags.push((tag.clone(), anchored(&what, text)?));
        }
        Ok(filter)
    }

    /// Whether `member` matches all of it.
    pub(crate) fn takes(&self, member: &Member) -> bool {
        let fits =
            |rule: &Option<Regex>, text: &str| rule.as_ref().is_none_or(|r| r.is_match(text));
        let tagged = |(tag, rule): &(String, Regex)| {
            let value = member.tags.get(tag);
            value.is_some_and(|value| rule.is_match(value))
        };
        fits(&self.name, &member.name)
            && fits(&self.status, member.status.as_str())
            && self.tags.iter().all(tagged)
    }
}

/// Unlike Serf's, also where it has alternatives: its `^left|failed$` takes `leftish` too.
fn anchored(what: &str, text: &str) -> Result<Regex, String> {
    let whole = RegexBuilder::new(&format!("^(?:{text})$"))
        .size_limit(COMPILED_BYTES)
        .build();
    // Checked alone too, or `a)(b` would be one.
    let alone = RegexBuilder::new(text).size_limit(COMPILED_BYTES).build();
    alone.and(whole).map_err(|error| {
        let told = error.to_string();
        let why = told.lines().last().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        format!("{what} {text:?}: expected a regular expression: {why}")
    })
}

const COMPILED_BYTES: usize = 1 << 18;

#[cfg(test)]
mod tests {
    use super::super::roll::tests::seen;
    use super::*;
    use crate::node::Word;
    use crate::snapshot::Presence;

    fn takes(name: &str, status: &str, role: &str, zone: &str) -> bool {
        let mut s1 = seen("s1", Word::Ready, Presence::Live);
        s1.node.tags.insert("zone".into(), "eu-1".into());
        let tags = BTreeMap::from([("zone".to_owned(), zone.to_owned())]);
        let tags = if zone.is_empty() {
            BTreeMap::new()
        } else {
            tags
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let (name, status, role) = (some(name), some(status), some(role));
        let filter = Filter::new(name.as_deref(), status.as_deref(), role.as_deref(), &tags);
        filter.unwrap().takes(&Member::of(&s1, None))
    }

    #[test]
    fn each_filter_must_match_the_whole_value() {
        assert!(takes("", "", "", ""));
        for (filter, taken) in [
            (["s1", "", "", ""], true),
            (["s", "", "", ""], false),
            (["s.*|x", "", "", ""], true),
            (["", "alive", "", ""], true),
            (["", "aliv", "", ""], false),
            (["", "left|alive", "", ""], true),
            (["", "", "backend", ""], true),
            (["", "", "balancer", ""], false),
            (["", "", "", "eu-\\d"], true),
            (["", "", "", "us-.*"], false),
            (["s1", "failed", "", ""], false),
        ] {
            let [name, status, role, zone] = filter;
            assert_eq!(takes(name, status, role, zone), taken, "{filter:?}");
        }
    }

    #[test]
    fn a_tag_that_is_not_there_matches_nothing() {
        let tags = BTreeMap::from([("rack".to_owned(), ".*".to_owned())]);
        let filter = Filter::new(None, None, None, &tags).unwrap();
        let member = Member::of(&seen("s1", Word::Ready, Presence::Live), None);
        assert!(!filter.takes(&member));
    }

    #[test]
    fn what_is_no_expression_is_told_in_one_line() {
        for text in ["(", "a)(b", "[", &"x{1000}".repeat(40)] {
            let error = Filter::new(None, Some(text), None, &BTreeMap::new()).unwrap_err();
            assert!(error.starts_with("--status "), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }
}
