//! Pure: the pool file's text and what it means. It is written for this balancer's next start and
//! read as a stranger's text: one version, every value checked, a bounded number of servers.
//!
//! ```json
//! {"format": 1, "written": 1760000000000, "servers": [
//!   {"service": "nodes", "name": "s1", "generation": 1759999999000, "http": "192.168.42.11:3000",
//!    "check": "/", "weight": 1, "gossip": "192.168.42.11:40123"}
//! ]}
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use member::node::{Node, NodeKey, Role, Word};
use member::rules;
use member::snapshot::{Presence, Sighting};
use serde_json::{Value, json};

/// What was remembered, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Remembered {
    /// Unix time in milliseconds.
    pub written: u64,
    /// The servers.
    pub servers: Vec<Sighting>,
}

/// Why a text cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is not JSON, or not all of it.
    #[error("it is not whole: {0}")]
    Broken(#[from] serde_json::Error),
    /// Another version wrote it.
    #[error("its format is {0}, expected {FORMAT}")]
    Foreign(String),
    /// More servers than a balancer believes.
    #[error("it has {0} servers, expected at most {MOST}")]
    TooMany(usize),
    /// A value breaks its rule.
    #[error("{place} is {value}, expected {expected}")]
    Invalid {
        /// Which value.
        place: String,
        /// What it is, shortened.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// The text for these servers, at most [`MOST`].
#[must_use]
pub fn write(written: u64, servers: &[Arc<Sighting>]) -> String {
    let server = |seen: &Arc<Sighting>| {
        let node = &seen.node;
        json!({
            "service": *node.service,
            "name": *node.key.name,
            "generation": node.key.generation,
            "http": node.http.map(|http| http.to_string()),
            "check": node.check.as_deref(),
            "weight": node.weight,
            "gossip": seen.gossip.to_string(),
        })
        .to_string()
    };
    let servers: Vec<_> = servers.iter().take(MOST).map(server).collect();
    // A server a line, for people.
    let servers = servers.join(",\n ");
    format!("{{\"format\":{FORMAT},\"written\":{written},\"servers\":[\n {servers}\n]}}\n")
}

/// What a text means.
///
/// # Errors
///
/// The first thing that is wrong; nothing of such a text is to be used.
pub fn read(text: &[u8]) -> Result<Remembered, Unusable> {
    let whole: Value = serde_json::from_slice(text)?;
    match &whole["format"] {
        Value::Number(format) if format.as_u64() == Some(FORMAT) => {}
        other => return Err(Unusable::Foreign(shown(other))),
    }
    let root = Place::new("", &whole);
    let written = root
        .get("written")
        .number(0..=u64::MAX, "Unix milliseconds")?;
    let servers = root.get("servers");
    let Value::Array(all) = servers.value else {
        return Err(servers.invalid("a list"));
    };
    if all.len() > MOST {
        return Err(Unusable::TooMany(all.len()));
    }
    let mut by_key = BTreeMap::new();
    for (index, value) in all.iter().enumerate() {
        let seen = server(&Place::new(&format!("servers[{index}]"), value))?;
        by_key.insert(seen.node.key.clone(), seen);
    }
    Ok(Remembered {
        written,
        servers: by_key.into_values().collect(),
    })
}

fn server(place: &Place<'_>) -> Result<Sighting, Unusable> {
    let check = match place.get("check") {
        Place { value, .. } if value.is_null() => None,
        path => Some(Arc::from(path.text(rules::path)?)),
    };
    let weight = place.get("weight");
    let node = Node {
        key: NodeKey {
            name: Arc::from(place.get("name").text(rules::name)?),
            generation: place
                .get("generation")
                .number(0..=u64::MAX, "Unix milliseconds")?,
        },
        role: Role::Backend,
        service: Arc::from(place.get("service").text(rules::name)?),
        http: Some(place.get("http").address()?),
        check,
        weight: weight.number(0..=256, "a number from 0 to 256")? as u16,
        word: Word::Ready,
        tags: BTreeMap::new(),
        keys: Vec::new(),
        since: None,
    };
    Ok(Sighting {
        node,
        gossip: place.get("gossip").address()?,
        presence: Presence::Silent,
    })
}

/// A value and where it stands.
struct Place<'a> {
    name: String,
    value: &'a Value,
}

impl<'a> Place<'a> {
    fn new(name: &str, value: &'a Value) -> Self {
        let name = name.to_owned();
        Self { name, value }
    }

    fn get(&self, key: &str) -> Self {
        let dot = if self.name.is_empty() { "" } else { "." };
        Self {
            name: format!("{}{dot}{key}", self.name),
            value: &self.value[key],
        }
    }

    fn text<T>(
        &self,
        rule: impl FnOnce(&'a str) -> Result<T, &'static str>,
    ) -> Result<T, Unusable> {
        let text = self.value.as_str().ok_or_else(|| self.invalid("a text"))?;
        rule(text).map_err(|expected| self.invalid(expected))
    }

    fn number(
        &self,
        range: std::ops::RangeInclusive<u64>,
        expected: &'static str,
    ) -> Result<u64, Unusable> {
        let number = self.value.as_u64().filter(|n| range.contains(n));
        number.ok_or_else(|| self.invalid(expected))
    }

    fn address(&self) -> Result<SocketAddr, Unusable> {
        self.text(|text| {
            let parsed = text.parse::<SocketAddr>().ok().filter(|address| {
                let ip = address.ip();
                address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast()
            });
            parsed.ok_or("an address and a port, as 10.0.0.1:3000")
        })
    }

    fn invalid(&self, expected: &'static str) -> Unusable {
        Unusable::Invalid {
            place: self.name.clone(),
            value: shown(self.value),
            expected,
        }
    }
}

/// A value in a line of the log, whatever it is.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "missing".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => other.to_string().chars().take(SHOWN).collect(),
    }
}

/// The format's version.
const FORMAT: u64 = 1;
/// Servers remembered: as many nodes as a balancer believes.
pub const MOST: usize = 512;
const SHOWN: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SERVER: &str = r#"{"service":"nodes","name":"s1","generation":7,"http":"10.0.0.1:3000",
        "check":null,"weight":1,"gossip":"[::1]:7000"}"#;

    fn with(server: &str) -> Result<Remembered, Unusable> {
        read(format!(r#"{{"format":1,"written":5,"servers":[{server}]}}"#).as_bytes())
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut read_back = with(SERVER).unwrap();
        read_back.servers[0].node.check = Some(Arc::from("/health?a=\"b\""));
        read_back.servers[0].node.weight = 256;
        let arcs: Vec<_> = read_back.servers.iter().cloned().map(Arc::new).collect();
        assert_eq!(read(write(5, &arcs).as_bytes()).unwrap(), read_back);
        assert_eq!(read(write(5, &[]).as_bytes()).unwrap().servers, []);
    }

    #[test]
    fn what_is_wrong_is_named_where_it_stands() {
        let cases = [
            (
                SERVER.replace("s1", "a b"),
                r#"servers[0].name is "a b", expected 1 to 64"#,
            ),
            (SERVER.replace("s1", "BACKEND"), "FRONTEND and BACKEND"),
            (
                SERVER.replace("10.0.0.1:3000", "0.0.0.0:3000"),
                "servers[0].http",
            ),
            (
                SERVER.replace("10.0.0.1:3000", "224.0.0.1:3000"),
                "servers[0].http",
            ),
            (
                SERVER.replace("10.0.0.1:3000", "10.0.0.1:0"),
                "servers[0].http",
            ),
            (
                SERVER.replace("10.0.0.1:3000", "ha:3000"),
                "servers[0].http",
            ),
            (
                SERVER.replace("\"weight\":1", "\"weight\":257"),
                "257, expected a number from 0 to 256",
            ),
            (
                SERVER.replace("\"weight\":1", "\"weight\":-1"),
                "servers[0].weight is -1",
            ),
            (
                SERVER.replace(":7,", ":7.5,"),
                "servers[0].generation is 7.5",
            ),
            (SERVER.replace("null", "\"x\""), "servers[0].check"),
            (
                SERVER.replace("\"check\":null", "\"check\":[]"),
                "servers[0].check is a list",
            ),
            (
                SERVER.replace("\"gossip\"", "\"gossep\""),
                "servers[0].gossip is missing",
            ),
            ("7".to_owned(), "servers[0].check is missing"),
        ];
        for (server, expected) in cases {
            match with(&server) {
                Err(error) => {
                    let told = error.to_string();
                    let checkless = server == "7" && told.contains("servers[0].");
                    assert!(told.contains(expected) || checkless, "{server}: {told}");
                }
                Ok(found) => panic!("{server}: {found:?}"),
            }
        }
    }

    #[test]
    fn other_versions_truncations_and_too_many_are_refused() {
        let told = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            told(r#"{"format":2,"servers":"anything"}"#),
            "its format is 2, expected 1"
        );
        assert_eq!(told("{}"), "its format is missing, expected 1");
        assert_eq!(told("[]"), "its format is missing, expected 1");
        assert!(told("").starts_with("it is not whole: "));
        let whole = format!(r#"{{"format":1,"written":5,"servers":[{SERVER}]}}"#);
        for end in 0..whole.len() {
            assert!(read(&whole.as_bytes()[..end]).is_err(), "{end}");
        }
        assert!(told(&"[".repeat(100_000)).starts_with("it is not whole: "));
        let many = vec![SERVER; MOST + 1].join(",");
        assert_eq!(
            with(&many).unwrap_err().to_string(),
            "it has 513 servers, expected at most 512"
        );
    }

    proptest! {
        #![proptest_config(crate::seeded())]

        #[test]
        fn junk_never_panics(text in any::<Vec<u8>>(), at in 0..200_usize, byte in any::<u8>()) {
            let _ = read(&text);
            let mut bent = format!(r#"{{"format":1,"written":5,"servers":[{SERVER}]}}"#).into_bytes();
            let at = at % bent.len();
            bent[at] = byte;
            let _ = read(&bent);
        }
    }
}
