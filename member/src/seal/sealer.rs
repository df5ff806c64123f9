//! Seals what leaves. One for the life of a process: its counter never goes back, and is the same
//! under whichever number it seals.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use ring::aead::{Aad, LessSafeKey};

use crate::seal::envelope::{Content, HEADER, Header, Preface};
use crate::seal::key::Key;
use crate::seal::keyring::Keyring;

/// One sender.
pub struct Sealer {
    cluster: String,
    counter: u64,
    key: Key,
    /// What is derived from `key`, by number. It can be forgotten at any time: the counter goes on.
    derived: HashMap<u64, LessSafeKey>,
}

impl Sealer {
    /// Seals with `keyring`'s first key for `cluster`.
    pub fn new(keyring: &Keyring, cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            counter: 0,
            key: keyring.primary().clone(),
            derived: HashMap::new(),
        }
    }

    /// Counts on from `counter`. Where each begins elsewhere, two that happen to have one number
    /// still do not seal twice under one counter.
    #[must_use]
    pub fn after(mut self, counter: u64) -> Self {
        self.counter = counter;
        self
    }

    /// Goes on with the first key of another keyring, and with the same counter.
    pub fn rekey(&mut self, keyring: &Keyring) {
        self.key = keyring.primary().clone();
        self.derived.clear();
    }

    /// Puts `message` sealed in place of what is in `out`. `number` is ours towards where it is
    /// sent to: not 0, and never one that another sealer seals under. `at` is now in Unix seconds,
    /// `echo` the number last heard from there, or 0. Gives whether it could.
    pub fn seal(
        &mut self,
        content: Content,
        number: u64,
        at: u32,
        echo: u64,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        out.clear();
        // After 2^64 datagrams it is silent rather than repeat itself.
        let Some(counter) = self.counter.checked_add(1) else {
            return false;
        };
        self.counter = counter;
        let id = self.key.id();
        let Some(key) = self.of_number(number) else {
            return false;
        };
        let header = Header {
            key: id,
            number,
            counter,
        };
        let (bytes, preface) = (header.write(), Preface { content, at, echo });
        out.extend_from_slice(&bytes);
        out.extend_from_slice(&preface.write());
        out.extend_from_slice(message);
        let aad = Aad::from(bytes);
        let tag = key.seal_in_place_separate_tag(header.nonce(), aad, &mut out[HEADER..]);
        let sealed = tag.map(|tag| out.extend_from_slice(tag.as_ref()));
        if sealed.is_err() {
            out.clear();
        }
        sealed.is_ok()
    }

    fn of_number(&mut self, number: u64) -> Option<&LessSafeKey> {
        if self.derived.len() >= DERIVED && !self.derived.contains_key(&number) {
            self.derived.clear();
        }
        Some(match self.derived.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.key.of_sender(&self.cluster, number)?),
        })
    }

    #[cfg(test)]
    pub(super) fn derived(&self) -> usize {
        self.derived.len()
    }

    /// Goes on after `counter`, as nobody honest does.
    #[cfg(test)]
    pub(super) fn skip_to(&mut self, counter: u64) {
        self.counter = counter;
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({}, {} sealed)", self.key.id(), self.counter)
    }
}

/// Numbers whose keys are remembered: two addresses each of as many nodes as are believed.
pub(super) const DERIVED: usize = 1_024;
