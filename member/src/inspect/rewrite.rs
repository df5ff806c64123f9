//! The same message with less in it: without nodes that must not be told of, or short enough
//! to be sealed. What is left out is gossiped again.

use std::ops::Range;

use crate::inspect::blocks;
use crate::inspect::message::{BEGINNING, DigestEntry, Kind, Message, NodeKeys, progress};
use crate::inspect::walk::Walk;

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
    if let Some((first, entry)) = find(message, id) {
        message[first..entry.end].rotate_right(entry.len());
    }
}

/// Where the digest's entries begin, and where that of the node `id` is.
fn find(message: &[u8], id: &[u8]) -> Option<(usize, Range<usize>)> {
    let mut walk = Walk::over(message);
    walk.take(BEGINNING.len()).ok()?;
    if !matches!(walk.u8().ok()?, 0 | 1) {
        return None;
    }
    let count = walk.u16().ok()?;
    let first = walk.at;
    for _ in 0..count {
        let found = walk.id().ok()?;
        progress(&mut walk).ok()?;
        if message[found.clone()] == *id {
            return Some((first, found.start..walk.at));
        }
    }
    None
}

fn with<T>(mut keep: impl FnMut(&T) -> bool) -> impl FnMut(&T) -> bool {
    move |part| keep(part)
}
