//! One UDP socket for both IP versions, and chitchat's transport over it. The socket
//! outlives chitchat's task, so a new life keeps the port. It knows datagrams, not nodes.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chitchat::transport::{Socket, Transport};
use chitchat::{ChitchatMessage, Deserializable, Serializable};
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::UdpSocket;
use tokio::time::Instant;

/// What has crossed the gossip socket since it was bound.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Traffic {
    /// Datagrams received.
    pub datagrams_in: u64,
    /// Their bytes, without UDP and IP headers.
    pub bytes_in: u64,
    /// Datagrams sent.
    pub datagrams_out: u64,
    /// Their bytes, without UDP and IP headers.
    pub bytes_out: u64,
    /// Datagrams that were not gossip.
    pub junk: u64,
    /// Sends and receives that failed.
    pub errors: u64,
}

/// The socket, its counters, and who was heard when.
#[derive(Debug)]
pub(super) struct Wire {
    socket: UdpSocket,
    is_v6: bool,
    counters: Arc<Counters>,
    heard: Mutex<HashMap<SocketAddr, Instant>>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    datagrams_in: AtomicU64,
    bytes_in: AtomicU64,
    datagrams_out: AtomicU64,
    bytes_out: AtomicU64,
    junk: AtomicU64,
    errors: AtomicU64,
}

impl Counters {
    pub(super) fn read(&self) -> Traffic {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            datagrams_in: of(&self.datagrams_in),
            bytes_in: of(&self.bytes_in),
            datagrams_out: of(&self.datagrams_out),
            bytes_out: of(&self.bytes_out),
            junk: of(&self.junk),
            errors: of(&self.errors),
        }
    }
}

impl Wire {
    /// Binds `address`. The IPv6 wildcard takes IPv4 too; on a host without IPv6 the IPv4
    /// wildcard stands in for it.
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let bound = bind(address);
        let without_v6 = |error: &io::Error| {
            address.is_ipv6()
                && address.ip().is_unspecified()
                && error.kind() != io::ErrorKind::AddrInUse
                && error.kind() != io::ErrorKind::PermissionDenied
        };
        let socket = match bound {
            Err(error) if without_v6(&error) => {
                bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))?
            }
            bound => bound?,
        };
        let socket = UdpSocket::from_std(socket)?;
        Ok(Self {
            is_v6: socket.local_addr()?.is_ipv6(),
            socket,
            counters: Arc::default(),
            heard: Mutex::default(),
        })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Whether a datagram to `ip` can leave this socket.
    pub(super) fn reaches(&self, ip: IpAddr) -> bool {
        self.is_v6 || ip.is_ipv4()
    }

    /// When a datagram last came from `address`.
    pub(super) fn heard(&self, address: SocketAddr) -> Option<Instant> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.get(&address).copied()
    }

    /// The counters, which outlive the socket and do not keep its port.
    pub(super) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Whether a datagram came from `address` within the last second.
    pub(super) fn has_just_heard(&self, address: SocketAddr) -> bool {
        let at = self.heard(address);
        at.is_some_and(|at| at.elapsed() < Duration::from_secs(1))
    }

    async fn send(&self, to: SocketAddr, datagram: &[u8]) {
        match self.socket.send_to(datagram, self.outward(to)).await {
            Ok(bytes) => {
                count(&self.counters.datagrams_out, 1);
                count(&self.counters.bytes_out, bytes as u64);
            }
            Err(error) => {
                count(&self.counters.errors, 1);
                tracing::debug!(%to, %error, "gossip datagram not sent");
            }
        }
    }

    async fn receive(&self, buffer: &mut [u8]) -> Option<(SocketAddr, ChitchatMessage)> {
        let (length, from) = match self.socket.recv_from(buffer).await {
            Ok(received) => received,
            Err(error) => {
                count(&self.counters.errors, 1);
                tracing::debug!(%error, "gossip datagram not received");
                tokio::time::sleep(AFTER_ERROR).await;
                return None;
            }
        };
        count(&self.counters.datagrams_in, 1);
        count(&self.counters.bytes_in, length as u64);
        let from = inward(from);
        let Ok(message) = ChitchatMessage::deserialize(&mut &buffer[..length]) else {
            count(&self.counters.junk, 1);
            return None;
        };
        self.note(from);
        Some((from, message))
    }

    fn note(&self, from: SocketAddr) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() >= VOICES {
            heard.retain(|_, at| at.elapsed() < VOICE_KEPT);
        }
        if heard.len() < VOICES || heard.contains_key(&from) {
            heard.insert(from, Instant::now());
        }
    }

    /// An IPv4 address as an IPv6 socket wants it.
    fn outward(&self, to: SocketAddr) -> SocketAddr {
        match to.ip() {
            IpAddr::V4(ip) if self.is_v6 => SocketAddr::from((ip.to_ipv6_mapped(), to.port())),
            _ => to,
        }
    }
}

/// An IPv4 peer as it calls itself.
fn inward(from: SocketAddr) -> SocketAddr {
    SocketAddr::new(from.ip().to_canonical(), from.port())
}

fn bind(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(address))?;
    Ok(socket.into())
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

/// Gives each life of chitchat the same socket.
pub(super) struct SharedWire(pub(super) Arc<Wire>);

#[async_trait]
impl Transport for SharedWire {
    async fn open(&self, _: SocketAddr) -> anyhow::Result<Box<dyn Socket>> {
        Ok(Box::new(Line {
            wire: Arc::clone(&self.0),
            outgoing: Vec::new(),
            incoming: vec![0; DATAGRAM],
        }))
    }
}

struct Line {
    wire: Arc<Wire>,
    outgoing: Vec<u8>,
    incoming: Vec<u8>,
}

/// Neither direction ever gives an error: one from `recv` would end chitchat's loop for
/// good, and UDP has none that the next datagram cannot mend.
#[async_trait]
impl Socket for Line {
    async fn send(&mut self, to: SocketAddr, message: ChitchatMessage) -> anyhow::Result<()> {
        self.outgoing.clear();
        message.serialize(&mut self.outgoing);
        self.wire.send(to, &self.outgoing).await;
        Ok(())
    }

    async fn recv(&mut self) -> anyhow::Result<(SocketAddr, ChitchatMessage)> {
        loop {
            if let Some(received) = self.wire.receive(&mut self.incoming).await {
                return Ok(received);
            }
        }
    }
}

/// The largest UDP payload over IPv4 (RFC 768, RFC 791), and chitchat's own limit.
const DATAGRAM: usize = 65_507;
/// So that a socket that keeps failing does not spin.
const AFTER_ERROR: Duration = Duration::from_millis(10);
/// Source addresses remembered; enough for every node's, and a bound on what a flood of
/// made-up sources costs.
const VOICES: usize = 4_096;
const VOICE_KEPT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }

    #[tokio::test]
    async fn both_versions_of_ip_meet_in_one_socket() {
        let wire = Wire::bind("[::]:0".parse().unwrap()).unwrap();
        let port = wire.local_addr().unwrap().port();
        for ip in ["127.0.0.1", "::1"] {
            let Ok(peer) = UdpSocket::bind(SocketAddr::new(ip.parse().unwrap(), 0)).await else {
                continue; // a host without IPv6
            };
            let here = peer.local_addr().unwrap();
            wire.send(here, &sample(b"out")).await;
            let mut buffer = [0; 16];
            let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..length], from.port()), (&b"out"[..], port));
            let bad_cluster = ChitchatMessage::BadCluster.serialize_to_vec();
            peer.send_to(&bad_cluster, from).await.unwrap();
            let mut buffer = vec![0; DATAGRAM];
            let (from, _) = wire.receive(&mut buffer).await.unwrap();
            assert_eq!(from, here);
            assert!(wire.heard(here).is_some());
        }
    }

    #[tokio::test]
    async fn junk_and_unreachable_peers_are_counted_not_fatal() {
        let wire = Wire::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let here = wire.local_addr().unwrap();
        wire.send("[::1]:9".parse().unwrap(), b"x").await;
        wire.send(here, b"junk").await;
        assert!(wire.receive(&mut vec![0; DATAGRAM]).await.is_none());
        let traffic = wire.counters().read();
        assert_eq!(
            (traffic.errors, traffic.junk, traffic.datagrams_in),
            (1, 1, 1)
        );
    }

    #[tokio::test]
    async fn a_taken_port_is_refused() {
        let wire = Wire::bind("[::]:0".parse().unwrap()).unwrap();
        let taken = wire.local_addr().unwrap();
        let error = Wire::bind(taken).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
