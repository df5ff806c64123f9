//! Seals what leaves. One for the life of a process: its counter never goes back.

use std::fmt;

use ring::aead::{Aad, LessSafeKey};

use crate::key_id::KeyId;
use crate::seal::envelope::{Content, HEADER, Header, Preface};
use crate::seal::keyring::Keyring;

/// One sender.
pub struct Sealer {
    cluster: String,
    boot: u64,
    counter: u64,
    id: KeyId,
    key: Option<LessSafeKey>,
}

impl Sealer {
    /// Seals with `keyring`'s first key for `cluster`. `boot` must be drawn at random and
    /// never given to two sealers; 0 is not a boot number.
    pub fn new(keyring: &Keyring, cluster: &str, boot: u64) -> Self {
        let mut sealer = Self {
            cluster: cluster.to_owned(),
            boot,
            counter: 0,
            id: keyring.primary().id(),
            key: None,
        };
        sealer.rekey(keyring);
        sealer
    }

    /// Goes on with the first key of another keyring, and with the same counter.
    pub fn rekey(&mut self, keyring: &Keyring) {
        let key = keyring.primary();
        self.id = key.id();
        self.key = key.of_sender(&self.cluster, self.boot);
    }

    /// This sender's boot number.
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// Puts `message` sealed in place of what is in `out`. `at` is now in Unix seconds, `echo`
    /// the boot number last heard from where it is sent to, or 0. Gives whether it could.
    pub fn seal(
        &mut self,
        content: Content,
        at: u32,
        echo: u64,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        out.clear();
        // After 2^64 datagrams it is silent rather than repeat itself.
        let (Some(counter), Some(key)) = (self.counter.checked_add(1), &self.key) else {
            return false;
        };
        self.counter = counter;
        let header = Header {
            key: self.id,
            boot: self.boot,
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
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({}, {} sealed)", self.id, self.counter)
    }
}
