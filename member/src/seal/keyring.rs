//! The keys a node holds: the first seals, each opens. The file format is Serf's, a JSON array
//! of keys in base64; where the file is and when it changes is not known here.

use thiserror::Error;

use crate::key_id::KeyId;
use crate::seal::key::Key;

/// At least one key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Keyring(Vec<Key>);

/// What is wrong with a keyring. Never shows what stands in it.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum KeyringError {
    /// Not Serf's format.
    #[error("expected a JSON array of keys, as [\"<base64>\", \"<base64>\"] ({0})")]
    NotJson(String),
    /// No key, or more than anybody rotates.
    #[error("expected 1 to {KEYS} keys, found {0}")]
    Count(usize),
    /// A key that is none; entries count from 1.
    #[error("entry {0}: {1}")]
    Entry(usize, String),
    /// The same key twice, or two that would be told apart by their ids no more.
    #[error("entries {0} and {1} have the same id {2}: remove one, or generate it anew")]
    Same(usize, usize, KeyId),
}

impl Keyring {
    /// One key alone.
    pub fn of(key: Key) -> Self {
        Self(vec![key])
    }

    /// The keyring in `text`, a JSON array (Serf's `-keyring-file`).
    ///
    /// # Errors
    /// The first entry that is wrong, by its number.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let entries: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|error| {
            // Its own text might quote what it found.
            let (line, column) = (error.line(), error.column());
            KeyringError::NotJson(format!("line {line}, column {column}"))
        })?;
        if !(1..=KEYS).contains(&entries.len()) {
            return Err(KeyringError::Count(entries.len()));
        }
        let mut keys: Vec<Key> = Vec::with_capacity(entries.len());
        for (entry, number) in entries.iter().zip(1..) {
            let text = entry.as_str().ok_or("expected a string".to_owned());
            let key = text
                .and_then(Key::parse)
                .map_err(|rule| KeyringError::Entry(number, rule))?;
            if let Some(same) = keys.iter().position(|other| other.id() == key.id()) {
                return Err(KeyringError::Same(same + 1, number, key.id()));
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The key that seals.
    pub fn primary(&self) -> &Key {
        // There is at least one.
        &self.0[0]
    }

    /// The key of that id.
    pub fn get(&self, id: KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id() == id)
    }

    /// The ids of all keys, that of the sealing one first.
    pub fn ids(&self) -> Vec<KeyId> {
        self.0.iter().map(Key::id).collect()
    }
}

/// A rotation needs two; this bounds what a node gossips of them.
pub(crate) const KEYS: usize = 8;
