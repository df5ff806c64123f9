//! Messages as anybody could send them, for tests: well formed, save where a test asks for
//! what is not.

use std::net::{IpAddr, SocketAddr};

use super::blocks;

/// A message in the making.
pub(crate) struct Forged {
    kind: u8,
    cluster: Vec<u8>,
    digest: Vec<Vec<u8>>,
    pub(crate) stream: Vec<u8>,
}

pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// An identity on the wire.
pub(crate) fn id(name: &str, generation: u64, address: SocketAddr) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend_from_slice(&generation.to_le_bytes());
    match address.ip() {
        IpAddr::V4(ip) => bytes.extend_from_slice(&[&[4][..], &ip.octets()].concat()),
        IpAddr::V6(ip) => bytes.extend_from_slice(&[&[6][..], &ip.octets()].concat()),
    }
    bytes.extend_from_slice(&address.port().to_le_bytes());
    bytes
}

impl Forged {
    fn new(kind: u8) -> Self {
        Self {
            kind,
            cluster: Vec::new(),
            digest: Vec::new(),
            stream: Vec::new(),
        }
    }

    pub(crate) fn syn(cluster: &str) -> Self {
        let mut new = Self::new(0);
        new.cluster = text(cluster);
        new
    }

    pub(crate) fn syn_ack() -> Self {
        Self::new(1)
    }

    pub(crate) fn ack() -> Self {
        Self::new(2)
    }

    pub(crate) fn heartbeat(self, id: &[u8], heartbeat: u64) -> Self {
        let numbers = [heartbeat, 0, 3].map(u64::to_le_bytes).concat();
        self.entry([id, &numbers].concat())
    }

    pub(crate) fn entry(mut self, entry: Vec<u8>) -> Self {
        self.digest.push(entry);
        self
    }

    pub(crate) fn node(self, id: &[u8]) -> Self {
        self.node_collected(id, 0)
    }

    pub(crate) fn node_collected(mut self, id: &[u8], collected: u64) -> Self {
        self.stream.push(0);
        self.stream.extend_from_slice(id);
        self.stream.extend_from_slice(&collected.to_le_bytes());
        self.stream.extend_from_slice(&[0; 8]);
        self
    }

    pub(crate) fn key(mut self, key: &str, value: &str, version: u64) -> Self {
        self.stream.push(1);
        self.stream.extend_from_slice(&text(key));
        self.stream.extend_from_slice(&text(value));
        self.stream.extend_from_slice(&version.to_le_bytes());
        self.stream.push(0);
        self
    }

    pub(crate) fn no_keys(mut self, version: u64) -> Self {
        self.stream.push(2);
        self.stream.extend_from_slice(&version.to_le_bytes());
        self
    }

    /// Everything before the blocks.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut bytes = vec![0x53, 0xb0, 0, self.kind];
        if self.kind < 2 {
            bytes.extend_from_slice(&(self.digest.len() as u16).to_le_bytes());
            bytes.extend(self.digest.concat());
        }
        bytes.extend_from_slice(&self.cluster);
        bytes
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        if matches!(self.kind, 1 | 2) {
            blocks::write(&self.stream, &mut bytes);
        }
        bytes
    }
}
