//! The parts of a message: whom it speaks of, and where.

use std::ops::Range;

use crate::inspect::blocks;
use crate::inspect::walk::{Fault, Walk};
use crate::keys;

/// A message that chitchat may decode.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) kind: Kind,
    /// The heartbeats and versions it tells, in their order.
    pub digest: Vec<DigestEntry<'a>>,
    /// The cluster's name, in a SYN.
    pub cluster: Option<&'a str>,
    /// What was in its blocks.
    pub(super) stream: Vec<u8>,
    /// Where each operation in the stream ends.
    pub(super) ends: Vec<usize>,
    nodes: Vec<Part>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Ack,
    BadCluster,
}

/// A node in a digest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DigestEntry<'a> {
    /// Its identity as it stands on the wire.
    pub id: &'a [u8],
    /// How far the sender has heard it.
    pub progress: Progress,
    pub(super) all: &'a [u8],
}

/// How far a node has come in one life, as it or another tells it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Progress {
    /// Its heartbeat.
    pub heartbeat: u64,
    /// The version up to which its deleted keys are collected.
    pub collected: u64,
    /// Its highest version of a key.
    pub version: u64,
}

impl Progress {
    /// The further of both, number by number.
    pub fn max(self, other: Self) -> Self {
        Self {
            heartbeat: self.heartbeat.max(other.heartbeat),
            collected: self.collected.max(other.collected),
            version: self.version.max(other.version),
        }
    }

    /// Whether any number is above that of `own`: no honest node has heard more of a life than
    /// that life has said.
    pub fn is_beyond(self, own: Self) -> bool {
        self.max(own) != own
    }
}

impl DigestEntry<'_> {
    /// How many bytes of a datagram it takes.
    pub fn size(&self) -> usize {
        self.all.len()
    }
}

/// A node in a delta.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NodeKeys<'a> {
    /// Its identity as it stands on the wire.
    pub id: &'a [u8],
    /// The bytes of its keys and values.
    pub size: usize,
    /// Whether there is more in it than receipts, which matter to whom they are for only.
    pub matters: bool,
    /// How far they reach: the highest of their versions, or that up to which deleted ones are collected, if
    /// that is higher. Who is not as far forgets what it knows of the node.
    pub version: u64,
    pub(super) all: &'a [u8],
}

#[derive(Clone, Debug)]
struct Part {
    id: Range<usize>,
    all: Range<usize>,
    size: usize,
    matters: bool,
    version: u64,
}

impl<'a> Message<'a> {
    /// Walks over `bytes`.
    ///
    /// # Errors
    /// The rule they break; chitchat must not see them.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        if bytes.len() > DATAGRAM {
            return Err(Fault("it is larger than a datagram"));
        }
        Self::begins(bytes)?;
        let mut walk = Walk::over(bytes);
        walk.take(BEGINNING.len())?;
        let kind = match walk.u8()? {
            0 => Kind::Syn,
            1 => Kind::SynAck,
            2 => Kind::Ack,
            3 => Kind::BadCluster,
            _ => return Err(Fault("it is of no known type")),
        };
        let mut message = Self {
            bytes,
            kind,
            digest: Vec::new(),
            cluster: None,
            stream: Vec::new(),
            ends: Vec::new(),
            nodes: Vec::new(),
        };
        if matches!(kind, Kind::Syn | Kind::SynAck) {
            message.digest = digest(bytes, &mut walk)?;
        }
        if kind == Kind::Syn {
            message.cluster = Some(walk.text(CLUSTER_BYTES)?);
        }
        if matches!(kind, Kind::SynAck | Kind::Ack) {
            message.stream = blocks::read(&mut walk)?;
            let mut delta = Delta::default();
            delta.walk(&message.stream)?;
            (message.nodes, message.ends) = (delta.nodes, delta.ends);
        }
        if walk.is_at_end() {
            Ok(message)
        } else {
            Err(Fault("something follows its end"))
        }
    }

    /// Whether `bytes` begin as a message does: the cheapest look of all.
    ///
    /// # Errors
    /// They do not.
    pub fn begins(bytes: &[u8]) -> Result<(), Fault> {
        let begins = bytes.starts_with(&BEGINNING);
        begins.then_some(()).ok_or(Fault("it is no gossip message"))
    }

    /// The nodes whose keys it tells.
    pub fn nodes(&self) -> impl Iterator<Item = NodeKeys<'_>> {
        self.nodes.iter().map(|part| NodeKeys {
            id: &self.stream[part.id.clone()],
            size: part.size,
            matters: part.matters,
            version: part.version,
            all: &self.stream[part.all.clone()],
        })
    }
}

fn digest<'a>(bytes: &'a [u8], walk: &mut Walk<'a>) -> Result<Vec<DigestEntry<'a>>, Fault> {
    let count = usize::from(walk.u16()?);
    if count > NODES {
        return Err(Fault("it tells of more nodes than a cluster has"));
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let id = walk.id()?;
        let progress = progress(walk)?;
        entries.push(DigestEntry {
            progress,
            all: &bytes[id.start..walk.at],
            id: &bytes[id],
        });
    }
    Ok(entries)
}

/// What follows an identity in a digest.
pub(super) fn progress(walk: &mut Walk<'_>) -> Result<Progress, Fault> {
    Ok(Progress {
        heartbeat: walk.counter()?,
        collected: walk.counter()?,
        version: walk.counter()?,
    })
}

/// What a walk over a delta has found. Of each node: first itself, then its keys in the order
/// of their versions, or one number in their place.
#[derive(Debug, Default)]
struct Delta {
    nodes: Vec<Part>,
    ends: Vec<usize>,
    keys: usize,
    version: u64,
}

impl Delta {
    fn walk(&mut self, stream: &[u8]) -> Result<(), Fault> {
        let mut walk = Walk::over(stream);
        while !walk.is_at_end() {
            let start = walk.at;
            match walk.u8()? {
                0 => self.node(start, &mut walk)?,
                1 => self.key(&mut walk)?,
                2 => self.no_keys(&mut walk)?,
                _ => return Err(Fault("a delta does what is not known")),
            }
            if let Some(node) = self.nodes.last_mut() {
                node.all.end = walk.at;
            }
            self.ends.push(walk.at);
            if self.ends.len() > OPERATIONS {
                return Err(Fault("it tells more keys than a cluster has"));
            }
        }
        Ok(())
    }

    fn node(&mut self, start: usize, walk: &mut Walk<'_>) -> Result<(), Fault> {
        if self.nodes.len() >= NODES {
            return Err(Fault("it tells of more nodes than a cluster has"));
        }
        let id = walk.id()?;
        let (collected, _from) = (walk.counter()?, walk.counter()?);
        (self.keys, self.version) = (0, 0);
        self.nodes.push(Part {
            id,
            all: start..start,
            size: 0,
            matters: false,
            version: collected,
        });
        Ok(())
    }

    fn key(&mut self, walk: &mut Walk<'_>) -> Result<(), Fault> {
        let key = walk.text(KEY_BYTES)?;
        // chitchat cuts a key after its first byte.
        if key.is_empty() || !key.bytes().all(|c| c.is_ascii_graphic()) {
            return Err(Fault("a key is not visible ASCII"));
        }
        let value = walk.text(VALUE_BYTES)?;
        let version = walk.counter()?;
        if version <= self.version {
            return Err(Fault("versions do not rise"));
        }
        if walk.u8()? > LAST_STATUS {
            return Err(Fault("a key is in no known status"));
        }
        let node = self.nodes.last_mut().ok_or(Fault("a key is nobody's"))?;
        node.size += key.len() + value.len();
        node.matters |= !key.starts_with(keys::RECEIPT);
        node.version = node.version.max(version);
        self.keys += 1;
        self.version = version;
        Ok(())
    }

    /// In place of keys; after some, chitchat would assert that no version falls.
    fn no_keys(&mut self, walk: &mut Walk<'_>) -> Result<(), Fault> {
        let node = self.nodes.last_mut();
        let Some(node) = node.filter(|_| self.keys == 0) else {
            return Err(Fault("a version stands where none may"));
        };
        node.matters = true;
        self.version = walk.counter()?;
        node.version = node.version.max(self.version);
        self.keys = 1;
        Ok(())
    }
}

/// The largest UDP payload over IPv4 (RFC 768, RFC 791), and chitchat's own limit.
pub const DATAGRAM: usize = 65_507;
/// chitchat's magic number 45139 and version 0.
pub(super) const BEGINNING: [u8; 3] = [0x53, 0xb0, 0];
/// More than a digest of [`crate::limit::Census`] holds.
const NODES: usize = 1_200;
/// Twice what 512 nodes of the most keys have.
const OPERATIONS: usize = 40_000;
const CLUSTER_BYTES: usize = 256;
/// `keys` allows 96; a later version may allow more.
const KEY_BYTES: usize = 128;
const VALUE_BYTES: usize = 1_024;
/// Set, deleted, or to be deleted.
const LAST_STATUS: u8 = 2;
