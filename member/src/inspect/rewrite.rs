//! The same message with less in it: without nodes that must not be told of, or short enough
//! to be sealed. What is left out is gossiped again.

use crate::inspect::blocks;
use crate::inspect::message::{BEGINNING, DigestEntry, Kind, Message, NodeKeys};

impl Message<'_> {
    /// With those nodes only that `heartbeat` and `keys` keep; for chitchat, not for the wire,
    /// since nothing in it is compressed.
    pub fn keeping(
        &self,
        heartbeat: impl FnMut(&DigestEntry<'_>) -> bool,
        keys: impl FnMut(&NodeKeys<'_>) -> bool,
    ) -> Vec<u8> {
        let digest: Vec<_> = self
            .digest
            .iter()
            .copied()
            .filter(with(heartbeat))
            .collect();
        let nodes = self.nodes().filter(with(keys));
        let stream: Vec<u8> = nodes.flat_map(|node| node.all.iter().copied()).collect();
        self.written(&digest, &stream, blocks::plain)
    }

    /// With as many of its keys as `limit` bytes hold; `None` when it is too long without any.
    pub fn within(&self, limit: usize) -> Option<Vec<u8>> {
        if self.bytes.len() <= limit {
            return Some(self.bytes.to_vec());
        }
        for sixteenth in (0..16).rev() {
            let most = self.stream.len() / 16 * sixteenth;
            let kept = self.ends.partition_point(|end| *end <= most);
            let end = kept.checked_sub(1).map_or(0, |last| self.ends[last]);
            let shorter = self.written(&self.digest, &self.stream[..end], blocks::write);
            if shorter.len() <= limit {
                return Some(shorter);
            }
        }
        None
    }

    fn written(
        &self,
        digest: &[DigestEntry<'_>],
        stream: &[u8],
        write: impl Fn(&[u8], &mut Vec<u8>),
    ) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len());
        out.extend_from_slice(&BEGINNING);
        out.push(match self.kind {
            Kind::Syn => 0,
            Kind::SynAck => 1,
            Kind::Ack => 2,
            Kind::BadCluster => 3,
        });
        if matches!(self.kind, Kind::Syn | Kind::SynAck) {
            // As many as were read at most.
            out.extend_from_slice(&(digest.len() as u16).to_le_bytes());
            digest
                .iter()
                .for_each(|entry| out.extend_from_slice(entry.all));
        }
        if let Some(cluster) = self.cluster {
            // Two bytes told its length when it was read.
            out.extend_from_slice(&(cluster.len() as u16).to_le_bytes());
            out.extend_from_slice(cluster.as_bytes());
        }
        if matches!(self.kind, Kind::SynAck | Kind::Ack) {
            write(stream, &mut out);
        }
        out
    }
}

/// Puts the node `id` first in the digest of `message`, if it has one and the node is in it. Their order
/// means nothing to chitchat; whoever reads it knows by it who speaks.
pub fn put_first(message: &mut [u8], id: &[u8]) {
    let has_digest = matches!(message.get(BEGINNING.len()), Some(0 | 1));
    let begin = BEGINNING.len() + 1;
    let count = message.get(begin..begin + 2);
    let Some(count) = count.filter(|_| has_digest) else {
        return;
    };
    let count = u16::from_le_bytes([count[0], count[1]]);
    let first = begin + 2;
    let mut at = first;
    for _ in 0..count {
        let Some(length) = entry(&message[at..]) else {
            return;
        };
        let end = at + length;
        if message.get(at..at + id.len()) == Some(id) {
            message[first..end].rotate_right(length);
            return;
        }
        at = end;
    }
}

/// How long the entry is that a digest goes on with.
fn entry(digest: &[u8]) -> Option<usize> {
    let name = usize::from(u16::from_le_bytes([*digest.first()?, *digest.get(1)?]));
    let family = 2 + name + GENERATION;
    let ip = match digest.get(family)? {
        4 => 4,
        6 => 16,
        _ => return None,
    };
    let length = family + 1 + ip + PORT + NUMBERS;
    (digest.len() >= length).then_some(length)
}

const GENERATION: usize = 8;
const PORT: usize = 2;
/// Heartbeat, collected up to, version.
const NUMBERS: usize = 24;

fn with<T>(mut keep: impl FnMut(&T) -> bool) -> impl FnMut(&T) -> bool {
    move |part| keep(part)
}
