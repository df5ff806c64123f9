//! Opens what comes in, each datagram once. What is not authentic allocates nothing and costs,
//! by how far it gets: a look at its version, length and key id; for a known sender a look at
//! its window and one pass of the cipher over its bytes; for an unknown one also a derivation
//! (two hashes). Only senders that were authentic are remembered. Our number towards the source,
//! one HMAC, is the caller's to have.

use std::collections::HashMap;
use std::fmt;

use ring::aead::{Aad, LessSafeKey};

use crate::key_id::KeyId;
use crate::seal::envelope::{Content, HEADER, Header, PREFACE, Preface};
use crate::seal::key::Key;
use crate::seal::keyring::Keyring;
use crate::seal::window::Window;

/// One receiver.
pub struct Opener {
    cluster: String,
    keyring: Keyring,
    senders: HashMap<(KeyId, u64), Sender>,
    /// Counts what was opened, to tell which sender was last heard longest ago.
    opened: u64,
}

/// What was in an envelope.
#[derive(Debug, Eq, PartialEq)]
pub struct Opened<'a> {
    /// What the message is.
    pub content: Content,
    /// The sender's number towards us.
    pub number: u64,
    /// Whether it repeats our number: its sender has received, where it sends from, what this
    /// process sent there. Else it may come from anybody with the key.
    pub proven: bool,
    /// The message.
    pub message: &'a [u8],
}

/// Why a datagram was not opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// It is in clear, or of another version, or cut short.
    NotSealed,
    /// Its key is none of ours.
    UnknownKey(KeyId),
    /// It was not sealed with the key it names, or not for this cluster.
    Forged(KeyId),
    /// It was opened before, or is too old to tell.
    Replayed,
    /// It is authentic, but was sealed for another receiver, or may be a recording since its
    /// sender is not known yet. The sender is to be told our number towards it, with its own.
    Unproven {
        /// The sender's number towards us.
        number: u64,
        /// Seconds between its clock and ours.
        apart: u32,
    },
}

struct Sender {
    key: LessSafeKey,
    window: Window,
    heard: u64,
    /// Whether it has ever repeated our number: whoever has the key can make up others.
    proven: bool,
}

impl Opener {
    /// Opens what is sealed with any of `keyring`'s keys for `cluster`.
    pub fn new(keyring: Keyring, cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            keyring,
            senders: HashMap::new(),
            opened: 0,
        }
    }

    /// Goes on with another keyring; what was sealed with a key that is gone is refused, also when
    /// another has its id now.
    pub fn rekey(&mut self, keyring: Keyring) {
        let before = std::mem::replace(&mut self.keyring, keyring);
        let stays = |id| {
            before
                .get(id)
                .is_some_and(|key| self.keyring.get(id) == Some(key))
        };
        self.senders.retain(|(id, _), _| stays(*id));
    }

    /// The keys it opens with.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Whether `datagram` says that it is sealed with a key of ours: the cheapest look of all.
    ///
    /// # Errors
    /// As [`Opener::open`]'s.
    pub fn recognise(&self, datagram: &[u8]) -> Result<(), Refused> {
        self.named(datagram).map(drop)
    }

    fn named(&self, datagram: &[u8]) -> Result<(Header, &Key), Refused> {
        let header = Header::read(datagram).ok_or(Refused::NotSealed)?;
        let key = self.keyring.get(header.key);
        Ok((header, key.ok_or(Refused::UnknownKey(header.key))?))
    }

    /// Opens `datagram` in place at `now`, in Unix seconds. `own` is our number towards its source,
    /// not 0.
    ///
    /// # Errors
    /// Why it must not be looked at any further.
    pub fn open<'a>(
        &mut self,
        now: u32,
        own: u64,
        datagram: &'a mut [u8],
    ) -> Result<Opened<'a>, Refused> {
        let (header, _) = self.named(datagram)?;
        let number = header.number;
        let name = (header.key, number);
        if let Some(sender) = self.senders.get_mut(&name) {
            if !sender.window.is_new(header.counter) {
                return Err(Refused::Replayed);
            }
            let (preface, message) = decrypt(&sender.key, header, datagram)?;
            let apart = now.abs_diff(preface.at);
            if !preface.is_for(own) {
                return Err(Refused::Unproven { number, apart });
            }
            self.opened += 1;
            sender.window.see(header.counter);
            sender.heard = self.opened;
            sender.proven |= preface.proves(own);
            return Ok(opened(number, preface, own, message));
        }
        let forged = Refused::Forged(header.key);
        let (_, key) = self.named(datagram)?;
        let key = key.of_sender(&self.cluster, number).ok_or(forged)?;
        let (preface, message) = decrypt(&key, header, datagram)?;
        let apart = now.abs_diff(preface.at);
        let recent = apart <= SECONDS_APART && preface.is_for(own);
        if !recent && !preface.proves(own) {
            return Err(Refused::Unproven { number, apart });
        }
        self.meet(name, key, header.counter, preface.proves(own));
        Ok(opened(number, preface, own, message))
    }

    /// Remembers an authentic sender, in place of the one last heard longest ago if there are
    /// too many, of those that are not proven if there is any.
    fn meet(&mut self, name: (KeyId, u64), key: LessSafeKey, counter: u64, proven: bool) {
        if self.senders.len() >= SENDERS {
            let oldest = self
                .senders
                .iter()
                .min_by_key(|(_, sender)| (sender.proven, sender.heard));
            let oldest = oldest.map(|(name, _)| *name);
            oldest.map(|name| self.senders.remove(&name));
        }
        self.opened += 1;
        let sender = Sender {
            key,
            window: Window::from(counter),
            heard: self.opened,
            proven,
        };
        self.senders.insert(name, sender);
    }

    #[cfg(test)]
    pub(super) fn senders(&self) -> usize {
        self.senders.len()
    }
}

fn opened(number: u64, preface: Preface, own: u64, message: &[u8]) -> Opened<'_> {
    Opened {
        content: preface.content,
        number,
        proven: preface.proves(own),
        message,
    }
}

fn decrypt<'a>(
    key: &LessSafeKey,
    header: Header,
    datagram: &'a mut [u8],
) -> Result<(Preface, &'a [u8]), Refused> {
    let forged = Refused::Forged(header.key);
    let aad = Aad::from(header.write());
    let plain = key
        .open_in_place(header.nonce(), aad, &mut datagram[HEADER..])
        .map_err(|_| forged)?;
    let preface = Preface::read(plain).ok_or(forged)?;
    Ok((preface, &plain[PREFACE..]))
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keyring.ids();
        write!(f, "Opener({keys:?}, {} senders)", self.senders.len())
    }
}

/// Senders remembered: two keys each of as many nodes as are believed.
pub(super) const SENDERS: usize = 1_024;
/// How far clocks may be apart, and how long a recording could be played to one who has just
/// started, before the sender must repeat the receiver's number.
pub(crate) const SECONDS_APART: u32 = 300;
