//! chitchat's transport: its messages as datagrams and back, guarded, counted, and who was
//! heard when. It knows datagrams, not nodes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use chitchat::transport::{Socket, Transport};
use chitchat::{ChitchatMessage, Deserializable, Serializable};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::gossip::config::Protection;
use crate::gossip::grievance::Grievances;
use crate::gossip::guard::{Guard, Times, Turned};
use crate::gossip::socket::Datagrams;
use crate::inspect::{DATAGRAM, Progress};
use crate::key_id::KeyId;
use crate::pace::Pace;
use crate::seal::{Keyring, Refused, Secret};

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
    /// Datagrams that were not sealed with a key of ours, or came again.
    pub refused: u64,
    /// Datagrams dropped because their source spoke too often.
    pub limited: u64,
    /// Sends and receives that failed.
    pub errors: u64,
}

/// The socket, its counters, and what it lets in and out. It outlives chitchat's lives, so that
/// whom they have heard and what they have sealed is not forgotten between two of them.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Arc<dyn Datagrams>,
    counters: Arc<Counters>,
    epoch: Instant,
    /// Notified when somebody is to be asked whether what others tell of it is true.
    asked: Notify,
    inside: Mutex<Inside>,
}

#[derive(Debug)]
struct Inside {
    guard: Guard,
    pace: Pace,
    grievances: Grievances,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    datagrams_in: AtomicU64,
    bytes_in: AtomicU64,
    datagrams_out: AtomicU64,
    bytes_out: AtomicU64,
    junk: AtomicU64,
    refused: AtomicU64,
    limited: AtomicU64,
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
            refused: of(&self.refused),
            limited: of(&self.limited),
            errors: of(&self.errors),
        }
    }
}

impl Inside {
    /// What [`Guard::admit`] gives, and what is to be said of nodes that there was no room for.
    fn admit<'a>(
        &mut self,
        now: Times,
        from: SocketAddr,
        datagram: &'a mut [u8],
    ) -> (Result<Cow<'a, [u8]>, Turned>, Option<String>) {
        let before = self.guard.census.turned_away();
        let admitted = self.guard.admit(now, from, datagram);
        let is_crowded = self.guard.census.turned_away() > before;
        let line = is_crowded.then(|| self.grievances.crowd(now.since, from));
        (admitted, line.flatten())
    }
}

impl Wire {
    /// A wire whose datagrams `socket` carries, for `cluster`, rounds at `pace`. `secret` is
    /// drawn at random.
    pub(super) fn over(
        socket: Arc<dyn Datagrams>,
        protection: &Protection,
        cluster: &Arc<str>,
        secret: Secret,
        pace: Pace,
    ) -> Self {
        let guard = Guard::new(protection, cluster, secret);
        Self {
            socket,
            counters: Arc::default(),
            epoch: Instant::now(),
            asked: Notify::new(),
            inside: Mutex::new(Inside {
                guard,
                pace,
                grievances: Grievances::default(),
            }),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Times {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix = unix.map_or(0, |unix| unix.as_secs());
        Times {
            since: self.epoch.elapsed(),
            // Until the year 2106, when all wrap around together.
            unix: unix as u32,
        }
    }

    /// The ids of the keys held, the sealing one first.
    pub(super) fn keys(&self) -> Vec<KeyId> {
        self.inside().guard.keys()
    }

    /// Goes on with other keys.
    pub(super) fn rekey(&self, keyring: Keyring) {
        self.inside().guard.rekey(keyring);
    }

    /// A life begins under this identity, as it stands on the wire.
    pub(super) fn introduce(&self, id: Vec<u8>) {
        let mut inside = self.inside();
        inside.guard.introduce(id);
        inside.pace.begin();
    }

    /// The most that anybody has told of the present life.
    pub(super) fn told_of_me(&self) -> Progress {
        self.inside().guard.census.told_of_me()
    }

    /// Gossip holds the same nodes as before, or these, each with the bytes of its keys, and
    /// whether it is live.
    pub(super) fn settle(&self, held: Option<impl Iterator<Item = (Vec<u8>, usize, bool)>>) {
        self.inside().guard.census.settle(held);
    }

    /// So many nodes are live.
    pub(super) fn crowd(&self, nodes: usize) {
        let mut inside = self.inside();
        inside.pace.crowd(nodes);
        let is_crowd = inside.pace.is_held_back();
        inside.guard.hearsay.trust(is_crowd);
    }

    /// Waits until there is somebody in [`Wire::asks`].
    pub(super) async fn wonders(&self) {
        self.asked.notified().await;
    }

    /// Whom to contact now, since others tell of them what they may not have said.
    pub(super) fn asks(&self) -> BTreeSet<SocketAddr> {
        let now = self.epoch.elapsed();
        self.inside().guard.hearsay.asks(now)
    }

    /// `to` is about to be contacted outside of any round.
    pub(super) fn ask(&self, to: SocketAddr) {
        self.inside().pace.ask(to);
    }

    /// Whether a first message to `to` goes out now.
    fn lets(&self, to: SocketAddr) -> bool {
        self.inside().pace.lets(self.epoch.elapsed(), to)
    }

    /// Whether a datagram to `ip` can leave this socket.
    pub(super) fn reaches(&self, ip: IpAddr) -> bool {
        self.socket.reaches(ip)
    }

    /// When a datagram last came from `address`.
    pub(super) fn heard(&self, address: SocketAddr) -> Option<Instant> {
        let heard = self.inside().guard.heard(address);
        heard.map(|at| self.epoch + at)
    }

    /// When the node itself was last heard.
    pub(super) fn heard_of(
        &self,
        name: &str,
        generation: u64,
        place: SocketAddr,
    ) -> Option<Instant> {
        let inside = self.inside();
        let heard = inside.guard.hearsay.heard(name, generation, place);
        heard.map(|at| self.epoch + at)
    }

    /// About the nodes at these addresses nobody but themselves is believed, whatever the crowd.
    pub(super) fn doubt(&self, places: BTreeSet<SocketAddr>) {
        self.inside().guard.hearsay.doubt(places);
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

    async fn send(&self, to: SocketAddr, message: &[u8]) {
        let datagrams = self.inside().guard.dress(self.now(), to, message);
        for datagram in datagrams {
            self.send_one(to, &datagram).await;
        }
    }

    async fn send_one(&self, to: SocketAddr, datagram: &[u8]) {
        match self.socket.send(to, datagram).await {
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
        let (length, from) = match self.socket.receive(buffer).await {
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
        let now = self.now();
        let (admitted, crowd, wonders) = {
            let mut inside = self.inside();
            let (admitted, crowd) = inside.admit(now, from, &mut buffer[..length]);
            (admitted, crowd, inside.guard.hearsay.wonders())
        };
        if wonders {
            self.asked.notify_one();
        }
        if let Some(line) = crowd {
            tracing::warn!("{line}");
        }
        let message = match admitted {
            Ok(message) => decoded(&message),
            Err(why) => {
                self.turn_away(now, from, why).await;
                return None;
            }
        };
        if message.is_none() {
            count(&self.counters.junk, 1);
        }
        message.map(|message| (from, message))
    }

    async fn turn_away(&self, now: Times, from: SocketAddr, why: Turned) {
        match why {
            Turned::Empty => {}
            Turned::Keyless | Turned::Refused(_) | Turned::Foreign(_) => {
                count(&self.counters.refused, 1);
            }
            Turned::TooOften | Turned::Unknown(_) => count(&self.counters.limited, 1),
            Turned::Malformed(_) => count(&self.counters.junk, 1),
        }
        if let Some(line) = self.inside().grievances.hear(now.since, from, &why) {
            tracing::warn!("{line}");
        }
        // The one answer to what is not believed: it is authentic, and the answer no longer.
        if let Turned::Refused(Refused::Unproven { number, .. }) | Turned::Unknown(number) = why {
            let hello = self.inside().guard.hello(now, from, number);
            if let Some(hello) = hello {
                self.send_one(from, &hello).await;
            }
        }
    }
}

fn decoded(mut message: &[u8]) -> Option<ChitchatMessage> {
    ChitchatMessage::deserialize(&mut message).ok()
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
        if matches!(message, ChitchatMessage::Syn { .. }) && !self.wire.lets(to) {
            return Ok(());
        }
        self.outgoing.clear();
        message.serialize(&mut self.outgoing);
        self.wire.inside().guard.sign(&mut self.outgoing);
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

/// So that a socket that keeps failing does not spin.
const AFTER_ERROR: Duration = Duration::from_millis(10);
#[cfg(test)]
mod tests {
    use super::*;
    use crate::gossip::socket::Udp;
    use crate::inspect::forge::Forged;

    fn bound() -> (Wire, SocketAddr) {
        let socket = Udp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let here = socket.local_addr().unwrap();
        let pace = Pace::new(Duration::from_millis(200), true);
        (
            Wire::over(
                Arc::new(socket),
                &Protection::default(),
                &Arc::from("c"),
                Secret::new([1; 32]),
                pace,
            ),
            here,
        )
    }

    #[tokio::test]
    async fn who_speaks_is_heard() {
        let ((a, from), (b, to)) = (bound(), bound());
        let bad_cluster = ChitchatMessage::BadCluster.serialize_to_vec();
        a.send(to, &bad_cluster).await;
        let received = b.receive(&mut vec![0; DATAGRAM]).await.unwrap();
        assert_eq!(received.0, from);
        assert!(b.heard(from).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_crowd_rounds_wait_and_nothing_else_does() {
        let ((wire, _), (_peer, to)) = (bound(), bound());
        wire.crowd(1_000);
        let wire = Arc::new(wire);
        let mut line = SharedWire(Arc::clone(&wire)).open(to).await.unwrap();
        let syn = || decoded(&Forged::syn("c").bytes()).unwrap();
        let out = || wire.counters().read().datagrams_out;
        line.send(to, syn()).await.unwrap();
        assert_eq!(out(), 1, "the first round");
        tokio::time::advance(Duration::from_millis(110)).await;
        line.send(to, syn()).await.unwrap();
        assert_eq!(out(), 1, "the next one is not due");
        line.send(to, ChitchatMessage::BadCluster).await.unwrap();
        assert_eq!(out(), 2, "an answer");
        wire.ask(to);
        line.send(to, syn()).await.unwrap();
        assert_eq!(out(), 3, "asked for");
    }

    #[tokio::test]
    async fn junk_and_unreachable_peers_are_counted_not_fatal() {
        let (wire, here) = bound();
        wire.send("[::1]:9".parse().unwrap(), b"x").await;
        wire.send(here, b"junk").await;
        assert!(wire.receive(&mut vec![0; DATAGRAM]).await.is_none());
        let traffic = wire.counters().read();
        assert_eq!(
            (traffic.errors, traffic.junk, traffic.datagrams_in),
            (1, 1, 1)
        );
    }
}
