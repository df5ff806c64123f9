//! Serf's contract with an event handler: how one is written down, what it is called for, and
//! what its environment and standard input say. Pure; who calls it is `handlers`.
//!
//! The contract is that of `serf agent -h` and Serf's documentation of event handlers, held
//! against an agent of version 0.9.4: see `docs/handlers.md`.

use std::fmt::Write;
use std::sync::Arc;

use crate::events::{Kind, Profile};
use crate::parse::Parsed;

/// A command and the events that it is called for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Handler {
    kinds: Vec<Kind>,
    /// What was asked for and never happens here: `user:deploy`.
    pub never: Vec<String>,
    /// What `/bin/sh -c` is given.
    pub command: Arc<str>,
}

impl Handler {
    /// `COMMAND`, called for every event, or `TYPE[,TYPE]=COMMAND`. As Serf does it, whatever
    /// stands before the first `=` is types. `user`, `user:NAME`, `query` and `query:NAME` are
    /// taken and never fire.
    ///
    /// # Errors
    /// States the rule.
    pub fn parse(text: &str) -> Parsed<Self> {
        let (types, command) = text.split_once('=').unwrap_or(("*", text));
        let (mut kinds, mut never) = (Vec::new(), Vec::new());
        for name in types.split(',').map(str::trim) {
            match name {
                // Serf takes nothing for everything.
                "*" | "" => kinds.extend(Kind::ALL),
                "user" | "query" => never.push(name.to_owned()),
                _ if name.starts_with("user:") || name.starts_with("query:") => {
                    never.push(name.to_owned());
                }
                _ => kinds.push(kind(name)?),
            }
        }
        kinds.sort_unstable();
        kinds.dedup();
        let command = command.trim();
        if command.is_empty() {
            return Err("a command, as member-join=/path/to/script".to_owned());
        }
        Ok(Self {
            kinds,
            never,
            command: Arc::from(command),
        })
    }

    /// Whether it is to be called for `kind`.
    pub fn wants(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }
}

fn kind(name: &str) -> Parsed<Kind> {
    let known = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| {
        format!(
            "one of member-join, member-leave, member-failed, member-update, member-reap and * \
             before the first `=`, not {name:?}; a command with a `=` of its own is written \
             *=COMMAND"
        )
    })
}

/// The variables of a call for `kind`, on the node `own`.
pub fn variables(kind: Kind, own: &Profile) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut all = vec![
        pair("SERF_EVENT", kind.name()),
        pair("SERF_SELF_NAME", &own.name),
        pair("SERF_SELF_ROLE", own.role()),
    ];
    let tags = own.tags.iter();
    all.extend(tags.map(|(name, value)| pair(&format!("SERF_TAG_{}", upper(name)), value)));
    all
}

fn upper(name: &str) -> String {
    let fit = |c: char| {
        let c = c.to_ascii_uppercase();
        if c.is_ascii_uppercase() || c.is_ascii_digit() {
            c
        } else {
            '_'
        }
    };
    name.chars().map(fit).collect()
}

/// What a handler reads: a line each, `name`, address, role and tags between tabs.
pub fn lines<'a>(members: impl IntoIterator<Item = &'a Profile>) -> String {
    let mut text = String::new();
    for member in members {
        let tags = member
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let tags = tags.collect::<Vec<_>>().join(",");
        let Profile { name, ip, .. } = member;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}\t{ip}\t{}\t{}",
            clean(name),
            clean(member.role()),
            clean(&tags)
        );
    }
    text
}

/// A tab or the end of a line would be another field or another member.
fn clean(text: &str) -> String {
    text.replace('\t', "\\t").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn profile(name: &str, ip: [u8; 4], tags: &[(&str, &str)]) -> Profile {
        let tags = tags.iter().map(|(k, v)| (Arc::from(*k), Arc::from(*v)));
        Profile {
            name: Arc::from(name),
            ip: IpAddr::from(ip),
            tags: tags.collect(),
        }
    }

    /// What `serf agent` 0.9.4 (Debian) said of the same nodes, to the byte but for the order
    /// of tags, which is random there.
    #[test]
    fn what_serf_says() {
        let own = profile(
            "lb1",
            [127, 0, 77, 1],
            &[
                ("role", "balancer"),
                ("zone-x.y", "a,b=c"),
                ("Weird", "x y"),
            ],
        );
        let s1 = profile(
            "s1",
            [127, 0, 77, 1],
            &[("role", "backend"), ("empty", ""), ("tabbed", "a\tb\nc\\d")],
        );
        let s2 = profile("s2", [127, 0, 77, 1], &[]);
        let expected = "s2\t127.0.77.1\t\t\n\
                        s1\t127.0.77.1\tbackend\tempty=,role=backend,tabbed=a\\tb\\nc\\d\n";
        assert_eq!(lines([&s2, &s1]), expected);
        let variables: Vec<_> = variables(Kind::Update, &own)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut expected = vec![
            "SERF_EVENT=member-update",
            "SERF_SELF_NAME=lb1",
            "SERF_SELF_ROLE=balancer",
            "SERF_TAG_ROLE=balancer",
            "SERF_TAG_WEIRD=x y",
            "SERF_TAG_ZONE_X_Y=a,b=c",
        ];
        expected.sort_unstable_by_key(|line| variables.iter().position(|v| v == line));
        assert_eq!(variables, expected);
    }

    #[test]
    fn what_serf_takes_for_a_handler() {
        let show = |text: &str| match Handler::parse(text) {
            Err(_) => "bad".to_owned(),
            Ok(handler) => {
                let kinds = handler.kinds.iter().map(|kind| kind.name());
                let never = handler.never.iter().map(String::as_str);
                let all: Vec<_> = kinds.chain(never).collect();
                format!("{} => {}", all.join(" "), handler.command)
            }
        };
        let all = "member-join member-update member-leave member-failed member-reap";
        let cases = [
            ("/x.sh", format!("{all} => /x.sh")),
            ("*=/x.sh a=b", format!("{all} => /x.sh a=b")),
            ("=x", format!("{all} => x")),
            ("member-join=/x.sh", "member-join => /x.sh".to_owned()),
            (
                "member-leave,member-failed=/x.sh",
                "member-leave member-failed => /x.sh".to_owned(),
            ),
            (
                "member-join,user:deploy,query:load=x",
                "member-join user:deploy query:load => x".to_owned(),
            ),
            ("user=x", "user => x".to_owned()),
            ("foo=bar", "bad".to_owned()),
            ("FOO=bar cmd", "bad".to_owned()),
            ("/x/y.sh --a=b", "bad".to_owned()),
            ("member-join=", "bad".to_owned()),
            ("", "bad".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(show(text), expected, "{text:?}");
        }
        let rule = Handler::parse("/x/y.sh --a=b").unwrap_err();
        assert!(
            rule.contains("*=COMMAND") && rule.contains("\"/x/y.sh --a\""),
            "{rule}"
        );
    }
}
