//! What can be asked over the control socket, and what is answered: one JSON object a line.
//!
//! A request is answered by any number of `event`, `log` and `draining` lines and by one last
//! line, which is one of the others. Field names are an interface: they may be added to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::roll::Member;
use crate::seal::Usage;

/// What is asked: `{"command":"list","status":"alive"}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    tag = "command",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Request {
    /// Who is there. Each filter is an anchored regular expression.
    List {
        /// Of the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Of the status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
        /// Of the tag `role`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<String>,
        /// Of other tags, by name; all must match.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        tags: BTreeMap<String, String>,
    },
    /// How this process is.
    Info {},
    /// Which node seals with which key, and who holds it.
    Keys {},
    /// What changes, until the connection ends.
    Monitor {
        /// Log lines too, up to this level.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log_level: Option<String>,
    },
    /// Take the webapp out of rotation, and stay.
    Drain {
        /// How long to wait for balancers, as `8s`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<String>,
    },
    /// Put the webapp back into rotation.
    Ready {
        /// How long to wait for the webapp to answer, as `8s`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout: Option<String>,
    },
    /// Change this node's tags.
    Tags {
        /// To add or to change.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        set: BTreeMap<String, String>,
        /// To take away.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        delete: Vec<String>,
    },
    /// Change this node's weight.
    Weight {
        /// 0 to 256.
        weight: u16,
    },
    /// A silent node counts as left, everywhere.
    Evict {
        /// Its name.
        name: String,
    },
    /// Drain, leave the cluster and end the process.
    Leave {},
}

/// One line of an answer.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The members asked for.
    Members(Vec<Member>),
    /// Sections of keys and values, as Serf's `info` has them.
    Info(BTreeMap<String, BTreeMap<String, String>>),
    /// Who seals with which key and who holds it, by the key's id.
    Keys(BTreeMap<String, Usage>),
    /// Everything from `time` on, in Unix milliseconds, will be told.
    Monitoring {
        /// When that began.
        time: u64,
    },
    /// A change in the cluster.
    Event(Box<Event>),
    /// A line of the log.
    Log(LogLine),
    /// How far a drain is.
    Draining(Vec<Holder>),
    /// It is done; in words.
    Done(String),
    /// It cannot be done; why, in words.
    Error(String),
}

impl Answer {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        !matches!(
            self,
            Self::Monitoring { .. } | Self::Event(_) | Self::Log(_) | Self::Draining(_)
        )
    }
}

/// A change in the cluster.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Event {
    /// When it was noticed here, in Unix milliseconds.
    pub time: u64,
    /// `member-join`, `member-leave`, `member-failed`, `member-update` or `member-reap`, Serf's
    /// types of events.
    pub event: String,
    /// The node as it is after it.
    pub member: Member,
}

/// A line of the log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LogLine {
    /// In Unix milliseconds.
    pub time: u64,
    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`.
    pub level: String,
    /// What it says.
    pub text: String,
}

/// A balancer that a drain waits for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Holder {
    /// The balancer's name.
    pub balancer: String,
    /// Requests it has in flight here; absent before it has acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inflight: Option<u64>,
    /// Whether it has let go.
    pub released: bool,
}

/// Checks that no tag is to be both `set` and taken away.
///
/// # Errors
/// One line: the first that is.
pub(crate) fn apart(set: &BTreeMap<String, String>, delete: &[String]) -> Result<(), String> {
    match delete.iter().find(|name| set.contains_key(*name)) {
        Some(both) => Err(format!("tag {both}: either set or deleted, not both")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, String> {
        serde_json::from_str(line).map_err(|error| error.to_string())
    }

    #[test]
    fn requests_are_as_short_as_one_would_type_them() {
        let all = Request::List {
            name: None,
            status: None,
            role: None,
            tags: BTreeMap::new(),
        };
        assert_eq!(parsed(r#"{"command":"list"}"#), Ok(all.clone()));
        let line = serde_json::to_string(&all).unwrap();
        assert_eq!(line, r#"{"command":"list"}"#);
        assert_eq!(parsed(r#"{"command":"info"}"#), Ok(Request::Info {}));
        assert_eq!(parsed(r#"{"command":"keys"}"#), Ok(Request::Keys {}));
        assert_eq!(
            parsed(r#"{"command":"monitor","log-level":"debug"}"#),
            Ok(Request::Monitor {
                log_level: Some("debug".to_owned())
            })
        );
        assert_eq!(
            parsed(r#"{"command":"weight","weight":3}"#),
            Ok(Request::Weight { weight: 3 })
        );
    }

    #[test]
    fn what_is_not_known_is_told() {
        for (line, part) in [
            (r#"{"command":"lsit"}"#, "unknown variant `lsit`"),
            (r#"{"command":"list","nmae":"x"}"#, "nmae"),
            (r#"{"command":"weight"}"#, "weight"),
            (r#"{"command":"weight","weight":-1}"#, "-1"),
            (r#"{}"#, "command"),
            ("list", "expected"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn an_answer_names_what_it_is() {
        let line = serde_json::to_string(&Answer::Error("no".to_owned())).unwrap();
        assert_eq!(line, r#"{"error":"no"}"#);
        let holder = Holder {
            balancer: "ha".to_owned(),
            inflight: None,
            released: false,
        };
        let line = serde_json::to_string(&Answer::Draining(vec![holder])).unwrap();
        assert_eq!(line, r#"{"draining":[{"balancer":"ha","released":false}]}"#);
    }
}
