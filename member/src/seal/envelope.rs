//! The bytes of a sealed datagram: its header, and what stands before the message inside.

use ring::aead::{NONCE_LEN, Nonce};

use crate::key_id::KeyId;

/// What stands before the ciphertext, in clear and authenticated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) key: KeyId,
    /// The sender's, towards the receiver.
    pub(super) number: u64,
    pub(super) counter: u64,
}

impl Header {
    pub(super) fn write(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0] = VERSION;
        bytes[1..3].copy_from_slice(&self.key.0.to_be_bytes());
        bytes[3..11].copy_from_slice(&self.number.to_be_bytes());
        bytes[11..].copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }

    /// The header of `datagram`, if it is long enough and of our version.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        if !looks_sealed(datagram) || datagram.len() < OVERHEAD {
            return None;
        }
        Some(Self {
            key: KeyId(u16::from_be_bytes(part(datagram, 1)?)),
            number: u64::from_be_bytes(part(datagram, 3)?),
            counter: u64::from_be_bytes(part(datagram, 11)?),
        })
    }

    pub(super) fn nonce(self) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[NONCE_LEN - 8..].copy_from_slice(&self.counter.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

/// What the message in an envelope is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Content {
    /// Nothing; it only tells the sender's number.
    Hello,
    /// A gossip message.
    Gossip,
    /// A gossip message as one zstd frame (RFC 8878).
    Compressed,
}

/// What stands before the message, sealed with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Preface {
    pub(super) content: Content,
    /// When it was sealed, in Unix seconds.
    pub(super) at: u32,
    /// The number last heard from where this is sent to, or 0.
    pub(super) echo: u64,
}

impl Preface {
    pub(super) fn write(self) -> [u8; PREFACE] {
        let mut bytes = [0; PREFACE];
        bytes[0] = match self.content {
            Content::Hello => 0,
            Content::Gossip => 1,
            Content::Compressed => 2,
        };
        bytes[1..5].copy_from_slice(&self.at.to_be_bytes());
        bytes[5..].copy_from_slice(&self.echo.to_be_bytes());
        bytes
    }

    pub(super) fn read(plain: &[u8]) -> Option<Self> {
        let content = match plain.first()? {
            0 => Content::Hello,
            1 => Content::Gossip,
            2 => Content::Compressed,
            _ => return None,
        };
        Some(Self {
            content,
            at: u32::from_be_bytes(part(plain, 1)?),
            echo: u64::from_be_bytes(part(plain, 5)?),
        })
    }

    /// Whether it may be meant for the receiver with the number `own` towards its source.
    pub(super) fn is_for(self, own: u64) -> bool {
        self.proves(own) || self.echo == 0
    }

    /// Whether its sender has heard the number `own` where it sends from.
    pub(super) fn proves(self, own: u64) -> bool {
        self.echo == own
    }
}

/// Whether `datagram` begins as a sealed one does; a message of chitchat's in clear does not
/// (its magic number begins with 0x53).
pub fn looks_sealed(datagram: &[u8]) -> bool {
    datagram.first() == Some(&VERSION)
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

const VERSION: u8 = 1;
pub(super) const HEADER: usize = 19;
pub(super) const PREFACE: usize = 13;
pub(super) const TAG: usize = 16;
/// What sealing adds to a message, in bytes.
pub const OVERHEAD: usize = HEADER + PREFACE + TAG;

const _: () = assert!(TAG == ring::aead::MAX_TAG_LEN);
