//! Connections to servers: the only file that opens any. One shard per worker keeps those that
//! are idle; nobody else takes its lock.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::channel::Channel;
use super::patience::insist;
use super::record::Recorder;
use crate::config::ProxyPolicy;
use crate::pool::server::{Lease, Server, Standing};
use crate::pool::set::Ledger;

/// Why there is no connection.
#[derive(Debug)]
pub enum Refusal {
    /// Refused, unreachable or reset: the server's doing.
    Failed(io::Error),
    /// For want of something of ours, as descriptors or ports: it says nothing of the server.
    Ours(io::Error),
    /// Not in time.
    TimedOut,
    /// The server stopped being usable meanwhile.
    Abandoned,
}

/// Opens a TCP connection within `limit`.
///
/// # Errors
///
/// [`Refusal::Failed`] or [`Refusal::Ours`] with the system's error, or [`Refusal::TimedOut`].
pub async fn dial(addr: SocketAddr, limit: Duration) -> Result<TcpStream, Refusal> {
    within(limit, attempt(addr)).await
}

/// The same where a lost segment must not be the end, nor cost a second, after which the kernel sends it
/// again (RFC 6298, 2.1): up to three attempts side by side, later ones while there is `room`, since each takes a
/// descriptor and a port.
///
/// # Errors
///
/// As [`dial`]; whatever ends first counts, unless a later attempt fails for want of something of ours.
pub async fn dial_insistently(
    addr: SocketAddr,
    limit: Duration,
    room: &Semaphore,
) -> Result<TcpStream, Refusal> {
    let counts = |ended: &Result<_, _>| !matches!(ended, Err(Refusal::Ours(_)));
    within(limit, insist(|| attempt(addr), room, counts)).await
}

async fn attempt(addr: SocketAddr) -> Result<TcpStream, Refusal> {
    let stream = TcpStream::connect(addr).await.map_err(blame)?;
    stream.set_nodelay(true).map_err(blame)?;
    Ok(stream)
}

async fn within(
    limit: Duration,
    attempt: impl Future<Output = Result<TcpStream, Refusal>>,
) -> Result<TcpStream, Refusal> {
    timeout(limit, attempt)
        .await
        .unwrap_or(Err(Refusal::TimedOut))
}

/// Whose doing a failed connect is.
fn blame(error: io::Error) -> Refusal {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
        InvalidInput, NetworkUnreachable, NotConnected, TimedOut,
    };
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable
        | InvalidInput | NetworkUnreachable | NotConnected | TimedOut => Refusal::Failed(error),
        _ => Refusal::Ours(error),
    }
}

/// Which connection a request may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Want {
    /// Any; an idle one that has died meanwhile can be made good.
    Any,
    /// An idle one only if a look shows it alive: the request cannot be repeated.
    Alive,
    /// A fresh one: an idle one has just failed.
    Fresh,
}

#[derive(Debug)]
struct Idle {
    channel: Box<Channel>,
    counted: Counted,
    /// On the balancer's clock.
    since: Duration,
}

impl Idle {
    fn is_stale(&self, keep: Duration, now: Duration) -> bool {
        !self.channel.seems_open()
            || now.saturating_sub(self.since) >= keep
            || self.counted.0.standing() != Standing::Usable
    }
}

/// Counts one idle connection of a server.
#[derive(Debug)]
struct Counted(Arc<Server>);

impl Counted {
    fn new(server: &Arc<Server>) -> Self {
        server.idle.fetch_add(1, Relaxed);
        Self(Arc::clone(server))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.idle.fetch_sub(1, Relaxed);
    }
}

/// One worker's idle connections, by server.
#[derive(Debug)]
pub struct Shard {
    policy: ProxyPolicy,
    recorder: Recorder,
    idle: Mutex<HashMap<u64, Vec<Idle>>>,
    /// Room for connects that are attempted again beside the first.
    insistent: Semaphore,
}

impl Shard {
    /// A shard without connections.
    #[must_use]
    pub fn new(policy: ProxyPolicy, recorder: Recorder) -> Self {
        Self {
            policy,
            recorder,
            idle: Mutex::default(),
            insistent: Semaphore::new(INSISTENT),
        }
    }

    /// The worker's recorder.
    #[must_use]
    pub const fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The policy it works by.
    #[must_use]
    pub const fn policy(&self) -> &ProxyPolicy {
        &self.policy
    }

    /// A connection to the leased server: idle or fresh. `now` is on the balancer's clock.
    ///
    /// # Errors
    ///
    /// Why there is none. Given up at once when the server stops being usable.
    pub async fn connect(
        &self,
        lease: &Lease,
        ledger: &Arc<Ledger>,
        want: Want,
        now: Duration,
    ) -> Result<Box<Channel>, Refusal> {
        if want != Want::Fresh
            && let Some(channel) = self.take(lease.server().uid, want, now)
        {
            return Ok(channel);
        }
        // In a box: few requests come here, and all would carry the room for it.
        Box::pin(self.open(lease, ledger)).await
    }

    async fn open(&self, lease: &Lease, ledger: &Arc<Ledger>) -> Result<Box<Channel>, Refusal> {
        let server = lease.server();
        let limit = self.policy.timeouts.connect;
        let stream = tokio::select! {
            biased;
            stream = dial_insistently(server.addr, limit, &self.insistent) => stream?,
            () = server.unusable() => return Err(Refusal::Abandoned),
        };
        let sink = self.recorder.server_bytes(ledger, &server.row);
        let patience = self.policy.timeouts.server;
        Ok(Box::new(Channel::new(stream, sink, patience)))
    }

    fn take(&self, uid: u64, want: Want, now: Duration) -> Option<Box<Channel>> {
        let mut idle = self.lock();
        let kept = idle.get_mut(&uid)?;
        while let Some(mut candidate) = kept.pop() {
            if candidate.is_stale(self.policy.idle.keep, now) {
                continue;
            }
            if want == Want::Alive && !candidate.channel.is_open() {
                continue;
            }
            candidate.channel.reused = true;
            return Some(candidate.channel);
        }
        None
    }

    fn put(&self, channel: Box<Channel>, server: &Arc<Server>, now: Duration) {
        if server.standing() != Standing::Usable {
            return;
        }
        let mut idle = self.lock();
        let kept = idle.entry(server.uid).or_default();
        if kept.len() < self.policy.idle.per_server {
            kept.push(Idle {
                channel,
                counted: Counted::new(server),
                since: now,
            });
        }
    }

    /// Closes what has been idle for too long, or leads to a server that may not be chosen.
    pub fn sweep(&self) {
        let (keep, now) = (self.policy.idle.keep, self.recorder.clock().now());
        self.lock().retain(|_, kept| {
            kept.retain(|idle| !idle.is_stale(keep, now));
            !kept.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one request holds while its response is relayed.
#[derive(Debug)]
pub struct Borrowed {
    /// The connection.
    pub channel: Box<Channel>,
    /// The hold on its server.
    pub lease: Lease,
    /// Where the connection goes when it is idle.
    pub shard: Arc<Shard>,
}

impl Borrowed {
    /// The response came to its end: the connection is idle from `now` on, unless the request has
    /// not ended.
    pub fn give_back(mut self, now: Duration) {
        self.channel.settle();
        if self.channel.is_idle() {
            self.shard.put(self.channel, self.lease.server(), now);
        } else {
            self.channel.hear_out();
        }
    }
}

/// Sweeps a shard every second, for as long as anybody uses it.
pub async fn sweep(shard: Weak<Shard>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let Some(shard) = shard.upgrade() else { return };
        shard.sweep();
    }
}

/// Descriptors that the connects of one worker may take beyond one each.
pub const DESCRIPTORS_BESIDE: u64 = 2 * INSISTENT as u64;
/// So many more are only under way at once where a server is gone, not where segments are lost.
const INSISTENT: usize = 16;
const SWEEP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use member::node::NodeKey;
    use socket2::{Domain, Socket, Type};

    use super::*;
    use crate::clock::Clock;
    use crate::config::Timeouts;
    use crate::frontend::Frontend;
    use crate::pool::server::Row;

    /// A shard, and a server at this address that may be chosen.
    fn shard(addr: SocketAddr, connect: Duration) -> (Shard, Lease, Arc<Ledger>) {
        let name: Arc<str> = Arc::from("s1");
        let frontend = Arc::new(Frontend::new(Arc::clone(&name), 1, 1));
        let mut policy = ProxyPolicy::default();
        policy.timeouts = Timeouts {
            connect,
            ..policy.timeouts
        };
        let ledger = Arc::new(Ledger::new(Arc::clone(&name), 1));
        let row = Arc::new(Row::new(Arc::clone(&name), 1, 1));
        let key = NodeKey {
            name,
            generation: 1,
        };
        let server = Arc::new(Server::new(1, key, addr, row, Arc::default()));
        server.stand(Standing::Usable);
        let recorder = Recorder::new(frontend, 0, Clock::start());
        (
            Shard::new(policy, recorder),
            server.lease().unwrap(),
            ledger,
        )
    }

    #[tokio::test]
    async fn a_connect_whose_first_segment_is_lost_does_not_wait_for_the_kernel() {
        // One connection is all that waits to be accepted: the kernel drops what comes after it.
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        listener.listen(0).unwrap();
        let addr = listener.local_addr().unwrap().as_socket().unwrap();
        let _waiting = std::net::TcpStream::connect(addr).unwrap();
        // The kernel sends a lost segment again after a second.
        let (shard, lease, ledger) = shard(addr, Duration::from_millis(950));
        let mut connect = pin!(shard.connect(&lease, &ledger, Want::Any, Duration::ZERO));
        poll_fn(|cx| {
            assert!(connect.as_mut().poll(cx).is_pending(), "there was room");
            Poll::Ready(())
        })
        .await;
        let _accepted = listener.accept().unwrap();
        let connected = connect.await;
        assert!(connected.is_ok(), "{connected:?}");
    }

    #[test]
    fn only_the_servers_errors_are_the_servers() {
        let check = |errno, theirs| {
            let refusal = blame(io::Error::from_raw_os_error(errno));
            assert_eq!(matches!(refusal, Refusal::Failed(_)), theirs, "{refusal:?}");
        };
        use rustix::io::Errno;
        check(Errno::CONNREFUSED.raw_os_error(), true);
        check(Errno::CONNRESET.raw_os_error(), true);
        check(Errno::HOSTUNREACH.raw_os_error(), true);
        check(Errno::NETUNREACH.raw_os_error(), true);
        check(Errno::TIMEDOUT.raw_os_error(), true);
        check(Errno::MFILE.raw_os_error(), false);
        check(Errno::NFILE.raw_os_error(), false);
        check(Errno::ADDRNOTAVAIL.raw_os_error(), false);
        check(Errno::NOBUFS.raw_os_error(), false);
        check(Errno::NOMEM.raw_os_error(), false);
        check(Errno::ACCESS.raw_os_error(), false);
    }
}
