//! Gossip as anybody could send it: messages in chitchat's format made by hand, sealed by whoever
//! has the key.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::cluster;
use member::seal::{Content, Key, Keyring, Opener, Sealer};
use tokio::net::UdpSocket;

/// A SYN that tells of these nodes, each with a heartbeat.
#[must_use]
pub fn syn(cluster: &str, nodes: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let mut bytes = begun(0);
    digest(nodes, &mut bytes);
    bytes.extend(text(cluster));
    bytes
}

/// Keys with their values.
pub type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A SYN-ACK that tells of these nodes, and of the keys of some.
#[must_use]
pub fn syn_ack(nodes: &[(Vec<u8>, u64)], keys: &[(&[u8], Pairs<'_>)]) -> Vec<u8> {
    syn_ack_beyond(0, nodes, keys)
}

/// The same with keys of versions above `version`.
#[must_use]
pub fn syn_ack_beyond(
    version: u64,
    nodes: &[(Vec<u8>, u64)],
    keys: &[(&[u8], Pairs<'_>)],
) -> Vec<u8> {
    let mut bytes = begun(1);
    digest(nodes, &mut bytes);
    let mut stream = Vec::new();
    for (id, pairs) in keys {
        stream.push(0);
        stream.extend_from_slice(id);
        stream.extend_from_slice(&[0; 16]);
        for ((key, value), version) in pairs.iter().zip(version + 1..) {
            stream.push(1);
            stream.extend(text(key));
            stream.extend(text(value));
            stream.extend_from_slice(&version.to_le_bytes());
            stream.push(0);
        }
    }
    for block in stream.chunks(16_384) {
        bytes.push(2);
        bytes.extend_from_slice(&(block.len() as u16).to_le_bytes());
        bytes.extend_from_slice(block);
    }
    bytes.push(0);
    bytes
}

/// An ACK whose blocks unpack to two thousand times its size.
#[must_use]
pub fn bomb() -> Vec<u8> {
    let mut bytes = begun(2);
    // 65,535 zeros as one zstd frame: a header, and one block that repeats a byte.
    let frame = [
        0x28, 0xb5, 0x2f, 0xfd, 0x60, 0xff, 0xfe, 0xfb, 0xff, 0x07, 0,
    ];
    for _ in 0..60_000 / (frame.len() + 3) {
        bytes.push(1);
        bytes.extend_from_slice(&(frame.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&frame);
    }
    bytes.push(0);
    bytes
}

/// SYN-ACKs that tell of `messages` times `each` nodes, which say that they are ready at an
/// address where nobody listens.
#[must_use]
pub fn crowd(messages: usize, each: usize) -> Vec<Vec<u8>> {
    let gossip = SocketAddr::from(([127, 0, 0, 1], 9)); // fixed port: nothing listens there
    let message = |turn: usize| {
        let name = |number| format!("fake-{turn}-{number}");
        let ids = (0..each).map(|number| id(&name(number), 1_700_000_000_000, gossip));
        let ids: Vec<_> = ids.collect();
        let heartbeats: Vec<_> = ids.iter().map(|id| (id.clone(), 1_000)).collect();
        let words = [
            ("v", "1"),
            ("role", "backend"),
            ("svc", "nodes"),
            ("w", "1"),
            ("http", "127.0.0.1:9"), // fixed port: as above
            ("st", "ready"),
        ];
        let keys: Vec<_> = ids.iter().map(|id| (&id[..], words.to_vec())).collect();
        syn_ack(&heartbeats, &keys)
    };
    (0..messages).map(message).collect()
}

/// An identity on the wire.
#[must_use]
pub fn id(name: &str, generation: u64, gossip: SocketAddr) -> Vec<u8> {
    let mut bytes = text(name);
    bytes.extend_from_slice(&generation.to_le_bytes());
    match gossip.ip() {
        IpAddr::V4(ip) => bytes.extend_from_slice(&[&[4][..], &ip.octets()].concat()),
        IpAddr::V6(ip) => bytes.extend_from_slice(&[&[6][..], &ip.octets()].concat()),
    }
    bytes.extend_from_slice(&gossip.port().to_le_bytes());
    bytes
}

/// Somebody with a key of the calling test's cluster.
#[derive(Debug)]
pub struct Insider {
    sealer: Sealer,
    opener: Opener,
    number: u64,
    /// By what number each goes that has answered.
    numbers: HashMap<SocketAddr, u64>,
}

impl Insider {
    /// With this key, and a number that is nobody else's.
    #[must_use]
    pub fn new(key: &str, number: u64) -> Self {
        let keyring = Keyring::of(Key::parse(key).expect("a key"));
        Self {
            sealer: Sealer::new(&keyring, &cluster::name()),
            opener: Opener::new(keyring, &cluster::name()),
            number,
            numbers: HashMap::new(),
        }
    }

    /// `message` in an envelope, for whom nothing is known of.
    pub fn seal(&mut self, message: &[u8]) -> Vec<u8> {
        self.seal_to(0, message)
    }

    /// `message` in an envelope for whoever is at `to`, which proves that what came from there was
    /// received at `socket`.
    pub fn answer(&mut self, socket: &UdpSocket, to: SocketAddr, message: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; 65_536];
        while let Ok((length, from)) = socket.try_recv_from(&mut buffer) {
            let datagram = &mut buffer[..length];
            if let Ok(opened) = self.opener.open(now(), self.number, datagram) {
                self.numbers.insert(from, opened.number);
            }
        }
        let echo = self.numbers.get(&to).copied().unwrap_or_default();
        self.seal_to(echo, message)
    }

    fn seal_to(&mut self, echo: u64, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let (content, number) = (Content::Gossip, self.number);
        let sealer = &mut self.sealer;
        assert!(sealer.seal(content, number, now(), echo, message, &mut out));
        out
    }
}

fn now() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs() as u32
}

fn begun(kind: u8) -> Vec<u8> {
    vec![0x53, 0xb0, 0, kind]
}

fn digest(nodes: &[(Vec<u8>, u64)], bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(nodes.len() as u16).to_le_bytes());
    for (id, heartbeat) in nodes {
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&[*heartbeat, 0, 0].map(u64::to_le_bytes).concat());
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}
