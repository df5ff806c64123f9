//! Accepting clients: one loop per worker over a listener they share, bounded by `maxconn`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::conn;
use super::stop::Stopping;
use crate::frontend::Seat;
use crate::proxy::Proxy;

/// Binds a TCP listener once, so that a taken port is noticed (a second bind with SO_REUSEPORT
/// would succeed in silence). The IPv6 wildcard takes IPv4 as well, and is the IPv4 wildcard
/// where there is no IPv6.
///
/// # Errors
///
/// The system's.
pub fn bind(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let any_v6 = addr.is_ipv6() && addr.ip().is_unspecified();
    match open(addr) {
        Err(error) if any_v6 && error.raw_os_error() == Some(NO_IPV6) => {
            open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port())))
        }
        opened => opened,
    }
}

fn open(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(!addr.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Connections accepted from it inherit this (Linux): a system call less for each.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// What every accept loop of one listener shares.
#[derive(Clone, Debug)]
pub struct Door {
    /// Free places under `maxconn`.
    pub places: Arc<Semaphore>,
    /// Turns true when the balancer stops.
    pub stopping: Stopping,
}

/// Accepts until the balancer stops; connections go on by themselves.
pub async fn accept(listener: TcpListener, worker: usize, proxy: Proxy, door: Door) {
    let Door { places, stopping } = door;
    let mut stop = stopping.clone();
    let mut pause = FIRST_PAUSE;
    loop {
        let arrival = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            arrival = arrival => arrival,
            () = stop.wait() => return,
        };
        match accepted {
            Ok((stream, client)) => {
                pause = FIRST_PAUSE;
                let recorder = proxy.shard.recorder();
                let connected = recorder
                    .frontend()
                    .connected(worker, recorder.clock().now_ms());
                let (proxy, stopping) = (proxy.clone(), stopping.clone());
                // The semaphore is never closed.
                let Ok(place) = place else { return };
                let seat = Arc::new(Seat::new(connected, place));
                tokio::spawn(conn::serve(stream, client, proxy, stopping, seat));
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept; trying again in {pause:?}");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.wait() => return,
                }
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }
}

/// The client gave up before it was accepted; the next one may be well.
fn is_about_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

const BACKLOG: i32 = 4096;
/// EAFNOSUPPORT: the system was built or started without IPv6.
const NO_IPV6: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_connections_send_at_once() {
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let _client = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        assert!(listener.accept().await.unwrap().0.nodelay().unwrap());
    }
}
