//! Connections to servers: the only file that opens any. One shard per worker keeps those that
//! are idle; nobody else takes its lock.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::record::Recorder;
use super::upload::{Upload, Uploads};
use super::wire::{Meter, Watched, Wire};
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
    let stream = timeout(limit, TcpStream::connect(addr))
        .await
        .map_err(|_| Refusal::TimedOut)?
        .map_err(blame)?;
    stream.set_nodelay(true).map_err(blame)?;
    Ok(stream)
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

/// A connection in use by one request.
#[derive(Debug)]
pub struct Channel {
    sender: SendRequest<Upload>,
    watched: Watched,
    meter: Arc<Meter>,
    /// Whether it has served a request before.
    pub reused: bool,
}

impl Channel {
    /// Its byte counts.
    #[must_use]
    pub const fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Sends a request; resolves with the response's header.
    pub fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        self.sender.send_request(request)
    }
}

#[derive(Debug)]
struct Idle {
    channel: Channel,
    counted: Counted,
    since: Instant,
}

impl Idle {
    fn is_stale(&self, keep: Duration) -> bool {
        self.channel.sender.is_closed()
            || self.since.elapsed() >= keep
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
}

impl Shard {
    /// A shard without connections.
    #[must_use]
    pub fn new(policy: ProxyPolicy, recorder: Recorder) -> Self {
        Self {
            policy,
            recorder,
            idle: Mutex::default(),
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

    /// A connection to the leased server: idle or fresh.
    ///
    /// # Errors
    ///
    /// Why there is none. Given up at once when the server stops being usable.
    pub async fn connect(
        &self,
        lease: &Lease,
        ledger: &Arc<Ledger>,
        want: Want,
    ) -> Result<Channel, Refusal> {
        if want != Want::Fresh
            && let Some(channel) = self.take(lease.server().uid, want)
        {
            return Ok(channel);
        }
        let server = lease.server();
        let stream = tokio::select! {
            biased;
            stream = dial(server.addr, self.policy.timeouts.connect) => stream?,
            () = server.unusable() => return Err(Refusal::Abandoned),
        };
        self.open(stream, server, ledger).await
    }

    async fn open(
        &self,
        stream: TcpStream,
        server: &Arc<Server>,
        ledger: &Arc<Ledger>,
    ) -> Result<Channel, Refusal> {
        let watched = Watched::new(stream);
        let sink = self.recorder.server_bytes(ledger, &server.row);
        let wire = Wire::new(watched.clone(), sink, self.policy.timeouts.server).hearing_out();
        let meter = wire.meter();
        let (sender, connection) = http1::Builder::new()
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| Refusal::Failed(io::Error::other(error)))?;
        let addr = server.addr;
        tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%addr, %error, "server connection ended");
            }
        });
        Ok(Channel {
            sender,
            watched,
            meter,
            reused: false,
        })
    }

    fn take(&self, uid: u64, want: Want) -> Option<Channel> {
        let mut idle = self.lock();
        let kept = idle.get_mut(&uid)?;
        while let Some(mut candidate) = kept.pop() {
            if candidate.is_stale(self.policy.idle.keep) || !candidate.channel.sender.is_ready() {
                continue;
            }
            if want == Want::Alive && !candidate.channel.watched.is_quiet() {
                continue;
            }
            candidate.channel.reused = true;
            return Some(candidate.channel);
        }
        None
    }

    fn put(&self, channel: Channel, server: &Arc<Server>) {
        if channel.sender.is_closed() || server.standing() != Standing::Usable {
            return;
        }
        let mut idle = self.lock();
        let kept = idle.entry(server.uid).or_default();
        if kept.len() < self.policy.idle.per_server {
            kept.push(Idle {
                channel,
                counted: Counted::new(server),
                since: Instant::now(),
            });
        }
    }

    /// Closes what has been idle for too long, or leads to a server that may not be chosen.
    pub fn sweep(&self) {
        let keep = self.policy.idle.keep;
        self.lock().retain(|_, kept| {
            kept.retain(|idle| !idle.is_stale(keep));
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
    pub channel: Channel,
    /// The hold on its server.
    pub lease: Lease,
    /// Where the connection goes when it is idle.
    pub shard: Arc<Shard>,
    /// The request's body, which may still be on its way.
    pub uploads: Uploads,
}

impl Borrowed {
    /// The response came to its end: the connection is idle now, unless the request has not.
    pub fn give_back(self) {
        if self.uploads.is_settled() {
            self.shard.put(self.channel, self.lease.server());
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

const SWEEP: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

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
