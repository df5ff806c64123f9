//! What carries gossip's datagrams: a UDP socket for both IP versions, or what a simulation
//! puts in its place. It outlives chitchat's task, so a new life keeps the port.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use async_trait::async_trait;
use socket2::{Domain, Protocol, SockAddr, Type};
use tokio::net::UdpSocket;

/// Carries datagrams between gossiping nodes: each arrives whole, late, twice, or never, as
/// over UDP (RFC 768).
#[async_trait]
pub trait Datagrams: Debug + Send + Sync {
    /// Hands one on; gives the bytes sent.
    ///
    /// # Errors
    /// The system's. The next datagram may well pass.
    async fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize>;

    /// Waits for one; gives its length in `buffer` and who sent it. May be cancelled without
    /// losing any.
    ///
    /// # Errors
    /// The system's. The next datagram may well pass.
    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    /// Where datagrams to us arrive.
    ///
    /// # Errors
    /// The system's.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Whether a datagram to `ip` can leave here.
    fn reaches(&self, ip: IpAddr) -> bool;
}

/// One UDP socket; an IPv6 wildcard speaks IPv4 too.
#[derive(Debug)]
pub(super) struct Udp {
    socket: UdpSocket,
    is_v6: bool,
}

impl Udp {
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
        let is_v6 = socket.local_addr()?.is_ipv6();
        Ok(Self { socket, is_v6 })
    }

    /// An IPv4 address as an IPv6 socket wants it.
    fn outward(&self, to: SocketAddr) -> SocketAddr {
        match to.ip() {
            IpAddr::V4(ip) if self.is_v6 => SocketAddr::from((ip.to_ipv6_mapped(), to.port())),
            _ => to,
        }
    }
}

#[async_trait]
impl Datagrams for Udp {
    async fn send(&self, to: SocketAddr, datagram: &[u8]) -> io::Result<usize> {
        self.socket.send_to(datagram, self.outward(to)).await
    }

    async fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (length, from) = self.socket.recv_from(buffer).await?;
        Ok((length, inward(from)))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn reaches(&self, ip: IpAddr) -> bool {
        self.is_v6 || ip.is_ipv4()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_versions_of_ip_meet_in_one_socket() {
        let ours = Udp::bind("[::]:0".parse().unwrap()).unwrap();
        let port = ours.local_addr().unwrap().port();
        for ip in ["127.0.0.1", "::1"] {
            let Ok(peer) = UdpSocket::bind(SocketAddr::new(ip.parse().unwrap(), 0)).await else {
                continue; // a host without IPv6
            };
            let here = peer.local_addr().unwrap();
            ours.send(here, b"out").await.unwrap();
            let mut buffer = [0; 16];
            let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..length], from.port()), (&b"out"[..], port));
            peer.send_to(b"back", from).await.unwrap();
            assert_eq!(ours.receive(&mut buffer).await.unwrap(), (4, here));
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_refused() {
        let first = Udp::bind("[::]:0".parse().unwrap()).unwrap();
        let taken = first.local_addr().unwrap();
        let error = Udp::bind(taken).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
