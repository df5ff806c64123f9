//! The keys a node gossips about itself, and the way back: names, grammar, caps. Everything
//! that comes in is a stranger's text. Whether a valid node is believed is `belief`.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use thiserror::Error;

use crate::eviction::Eviction;
use crate::key_id::KeyId;
use crate::node::{Description, Node, NodeKey, Role, Word};
use crate::receipt::{Ack, Receipt};
use crate::rules;

/// What is wrong with a node's keys.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum KeyError {
    /// A key that must be there is not; it may still be on its way.
    #[error("key `{0}` is missing")]
    Missing(&'static str),
    /// A key says something it may not.
    #[error("key `{key}` is {value:?}, expected {expected}")]
    Invalid {
        /// The key, shortened.
        key: String,
        /// What it says, shortened.
        value: String,
        /// What it should say.
        expected: &'static str,
    },
    /// More or longer keys than a node may have.
    #[error("{0}")]
    TooMuch(&'static str),
}

impl KeyError {
    /// Whether the rest may simply not have arrived yet: the word is written last.
    pub fn is_incomplete(&self) -> bool {
        matches!(self, Self::Missing(WORD))
    }

    fn invalid(key: &str, value: &str, expected: &'static str) -> Self {
        Self::Invalid {
            key: shorten(key),
            value: shorten(value),
            expected,
        }
    }
}

/// The keys of a node in the order in which they must be written: the word last, so that
/// whoever sees the word has seen everything else.
///
/// # Errors
/// The description breaks a rule that a reader would refuse.
pub fn encode(node: &Node) -> Result<Vec<(String, String)>, KeyError> {
    let mut pairs = vec![
        pair(VERSION, SCHEMA),
        pair(ROLE, role_text(node.role)),
        pair(SERVICE, &node.service),
        pair(WEIGHT, &node.weight.to_string()),
    ];
    pairs.extend(node.http.map(|http| pair(HTTP, &http.to_string())));
    pairs.extend(node.check.as_deref().map(|path| pair(CHECK, path)));
    let tags = node.tags.iter();
    pairs.extend(tags.map(|(name, value)| pair(&format!("{TAG}{name}"), value)));
    if !node.keys.is_empty() {
        pairs.push(pair(KEYS, &encode_keys(&node.keys)));
    }
    pairs.extend(node.since.map(|since| pair(SINCE, &since.to_string())));
    pairs.push(pair(WORD, &encode_word(&node.word)));
    let read = decode(
        node.key.clone(),
        pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())),
    )?;
    debug_assert_eq!(read.key, node.key);
    Ok(pairs)
}

/// Whether readers would accept what `description` says, once it has an address.
///
/// # Errors
/// As [`encode`].
pub fn check(description: &Description) -> Result<(), KeyError> {
    let mut sample = description.live(0, Ipv4Addr::LOCALHOST.into(), Word::Starting);
    // The most that is told beside it.
    (sample.since, sample.keys) = (Some(u64::MAX), vec![KeyId(0); KEYRING]);
    encode(&sample).map(drop)
}

/// What to write so that a node that says `old` says `new`: keys with their new value, `None` for
/// one to take away. Only what may change within a life: weight and tags.
pub fn changes(old: &Description, new: &Description) -> Vec<(String, Option<String>)> {
    let mut changes = Vec::new();
    if old.weight != new.weight {
        changes.push((WEIGHT.to_owned(), Some(new.weight.to_string())));
    }
    let gone = old.tags.keys().filter(|name| !new.tags.contains_key(*name));
    changes.extend(gone.map(|name| (format!("{TAG}{name}"), None)));
    let said = new
        .tags
        .iter()
        .filter(|(name, value)| old.tags.get(*name) != Some(*value));
    changes.extend(said.map(|(name, value)| (format!("{TAG}{name}"), Some(value.to_string()))));
    changes
}

/// The node that `pairs` describe. Receipts (`seen.*`) and evictions (`evict.*`) are not part of
/// a node; keys of a later schema are ignored but counted.
///
/// # Errors
/// Names the first key that is missing or breaks its rule.
pub fn decode<'a>(
    key: NodeKey,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Node, KeyError> {
    rules::name(&key.name).map_err(|rule| KeyError::invalid("name", &key.name, rule))?;
    let all = collect(pairs)?;
    // Without the word nothing else is judged: the rest may still be on its way.
    let word = parse_word(required(&all, WORD)?)?;
    parsed(
        &all,
        VERSION,
        |v| if v == SCHEMA { Ok(()) } else { Err("1") },
    )?;
    let role = parsed(&all, ROLE, parse_role)?;
    let node = Node {
        key,
        role,
        service: Arc::from(parsed(&all, SERVICE, rules::name)?),
        http: optional(&all, HTTP, parse_server)?,
        check: optional(&all, CHECK, rules::path)?.map(Arc::from),
        weight: parsed(&all, WEIGHT, rules::weight)?,
        word,
        tags: tags(&all)?,
        keys: optional(&all, KEYS, parse_keys)?.unwrap_or_default(),
        since: optional(&all, SINCE, parse_generation)?,
    };
    if node.role == Role::Backend && node.http.is_none() {
        return Err(KeyError::Missing(HTTP));
    }
    Ok(node)
}

/// How a word travels.
pub fn encode_word(word: &Word) -> String {
    match word {
        Word::Starting => "starting".to_owned(),
        Word::Ready => "ready".to_owned(),
        Word::Draining => "draining".to_owned(),
        Word::Down(reason) => format!("down:{}", rules::reason(reason)),
        Word::Left => "left".to_owned(),
    }
}

/// How the ids of a keyring travel.
pub fn encode_keys(ids: &[KeyId]) -> String {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    ids.join(",")
}

/// The key under which a balancer acknowledges `node`: this life of it, as two nodes may be given one
/// name.
pub fn receipt_key(node: &NodeKey) -> String {
    format!("{RECEIPT}{node}")
}

/// How a receipt for `generation` travels.
pub fn encode_receipt(generation: u64, receipt: Receipt) -> String {
    let ack = match receipt.ack {
        Ack::Draining => "draining",
        Ack::Drained => "drained",
    };
    format!("{generation}:{ack}:{}", receipt.inflight)
}

/// The generation a receipt is for, and the receipt; `None` when it is not one.
pub fn decode_receipt(value: &str) -> Option<(u64, Receipt)> {
    let mut parts = value.splitn(3, ':');
    let generation = parts.next()?.parse().ok()?;
    let ack = match parts.next()? {
        "draining" => Ack::Draining,
        "drained" => Ack::Drained,
        _ => return None,
    };
    let inflight = parts.next()?.parse().ok()?;
    Some((generation, Receipt { ack, inflight }))
}

/// The key under which a node says that it has evicted the node `name`.
pub fn eviction_key(name: &str) -> String {
    format!("{EVICTION}{name}")
}

/// How the eviction of a life of generation `generation` or before, silent since `heartbeat`,
/// travels.
pub fn encode_eviction(generation: u64, heartbeat: u64) -> String {
    format!("{generation}:{heartbeat}")
}

/// Whom a pair evicts; `None` when it evicts nobody.
pub fn decode_eviction(key: &str, value: &str) -> Option<Eviction> {
    let name = rules::name(key.strip_prefix(EVICTION)?).ok()?;
    let (generation, heartbeat) = value.split_once(':')?;
    Some(Eviction {
        name: Arc::from(name),
        generation: generation.parse().ok()?,
        heartbeat: heartbeat.parse().ok()?,
    })
}

fn parse_server(text: &str) -> Result<SocketAddr, &'static str> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 && !address.ip().is_unspecified() => Ok(address),
        _ => Err("an address and a port, as 10.0.0.1:3000"),
    }
}

fn parse_keys(text: &str) -> Result<Vec<KeyId>, &'static str> {
    const RULE: &str = "the ids of 1 to 8 keys, as 1a2b,3c4d";
    let ids: Result<Vec<_>, _> = text.split(',').map(str::parse).collect();
    ids.ok().filter(|ids| ids.len() <= KEYRING).ok_or(RULE)
}

fn parse_generation(text: &str) -> Result<u64, &'static str> {
    text.parse()
        .map_err(|_| "a generation, in Unix milliseconds")
}

fn parse_role(text: &str) -> Result<Role, &'static str> {
    match text {
        "backend" => Ok(Role::Backend),
        "lb" => Ok(Role::Balancer),
        _ => Err("backend or lb"),
    }
}

fn role_text(role: Role) -> &'static str {
    match role {
        Role::Backend => "backend",
        Role::Balancer => "lb",
    }
}

fn parse_word(text: &str) -> Result<Word, KeyError> {
    match text {
        "starting" => Ok(Word::Starting),
        "ready" => Ok(Word::Ready),
        "draining" => Ok(Word::Draining),
        "left" => Ok(Word::Left),
        "down" => Ok(Word::Down(Arc::from(""))),
        _ => match text.strip_prefix("down:") {
            Some(reason) => Ok(Word::Down(Arc::from(&*rules::reason(reason)))),
            None => Err(KeyError::invalid(
                WORD,
                text,
                "starting, ready, draining, down:<reason> or left",
            )),
        },
    }
}

fn tags(all: &BTreeMap<&str, &str>) -> Result<BTreeMap<Arc<str>, Arc<str>>, KeyError> {
    let mut tags = BTreeMap::new();
    for (key, value) in all {
        let Some(name) = key.strip_prefix(TAG) else {
            continue;
        };
        let name = rules::name(name).map_err(|rule| KeyError::invalid(key, name, rule))?;
        let value = rules::value(value).map_err(|rule| KeyError::invalid(key, value, rule))?;
        tags.insert(Arc::from(name), Arc::from(value));
    }
    Ok(tags)
}

/// Applies the caps, and leaves out what is said of others: a node may have one for each.
fn collect<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<&'a str, &'a str>, KeyError> {
    let mut all = BTreeMap::new();
    let mut bytes = 0;
    let own = |key: &str| !key.starts_with(RECEIPT) && !key.starts_with(EVICTION);
    for (key, value) in pairs.filter(|(key, _)| own(key)) {
        if key.len() > KEY_BYTES || value.len() > rules::VALUE_BYTES {
            let expected = "keys of at most 96 bytes and values of at most 256";
            return Err(KeyError::invalid(key, value, expected));
        }
        bytes += key.len() + value.len();
        all.insert(key, value);
        if all.len() > NODE_KEYS || bytes > NODE_BYTES {
            return Err(KeyError::TooMuch(TOO_MUCH));
        }
    }
    Ok(all)
}

fn required<'a>(all: &BTreeMap<&str, &'a str>, key: &'static str) -> Result<&'a str, KeyError> {
    all.get(key).copied().ok_or(KeyError::Missing(key))
}

fn parsed<'a, T>(
    all: &BTreeMap<&str, &'a str>,
    key: &'static str,
    parse: impl FnOnce(&'a str) -> Result<T, &'static str>,
) -> Result<T, KeyError> {
    let value = required(all, key)?;
    parse(value).map_err(|expected| KeyError::invalid(key, value, expected))
}

fn optional<'a, T>(
    all: &BTreeMap<&str, &'a str>,
    key: &'static str,
    parse: impl FnOnce(&'a str) -> Result<T, &'static str>,
) -> Result<Option<T>, KeyError> {
    match all.get(key) {
        Some(_) => parsed(all, key, parse).map(Some),
        None => Ok(None),
    }
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

fn shorten(text: &str) -> String {
    text.chars().take(SHOWN_CHARS).collect()
}

/// The key that carries the word.
pub const WORD: &str = "st";
const VERSION: &str = "v";
const ROLE: &str = "role";
const SERVICE: &str = "svc";
const HTTP: &str = "http";
const CHECK: &str = "chk";
const WEIGHT: &str = "w";
const TAG: &str = "tag.";
/// The key that carries the ids of the node's keyring.
pub const KEYS: &str = "keys";
/// Keys of a keyring that are told.
const KEYRING: usize = 8;
const SINCE: &str = "since";
/// What every receipt's key begins with.
pub const RECEIPT: &str = "seen.";
/// What every eviction's key begins with.
const EVICTION: &str = "evict.";
const SCHEMA: &str = "1";

// Caps: a pair that cannot fit a datagram would block its node's later keys for ever, and a
// stranger's state is kept until it is collected. These hold 512 nodes to about 1 MB.
const KEY_BYTES: usize = 96;
const NODE_KEYS: usize = 32;
const NODE_BYTES: usize = 2048;
const SHOWN_CHARS: usize = 64;
/// By [`NODE_KEYS`] and [`NODE_BYTES`].
const TOO_MUCH: &str = "more than 32 entries (each tag is one, 9 are for the rest) or 2,048 bytes in them, their names \
                        included";

#[cfg(test)]
mod tests;
