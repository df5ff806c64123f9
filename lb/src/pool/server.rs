//! One server: where it is, whether it may be chosen, what it has been counted for, and the
//! lease that a request holds on it. Who decides that it may be chosen is `swap`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use member::node::NodeKey;
use tokio::sync::Notify;

use super::tally::Tally;
use super::view::View;
use crate::counters::{Max, PerWorker, Rate};

/// Whether a server may be chosen, and what happens to what it already has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Standing {
    /// May be chosen.
    Usable = 0,
    /// May not be chosen; requests it has are finished.
    Leaving = 1,
    /// May not be chosen; attempts that have nothing yet are made elsewhere.
    Out = 2,
}

/// What survives when a server's process, or its address, is replaced: the row that people see.
#[derive(Debug)]
pub struct Row {
    /// The name shown: the node's, or `name~2` for a second live node of that name.
    pub name: Arc<str>,
    /// Never given twice (management guide 9.1, field 28).
    pub sid: u32,
    /// Counts, per worker.
    pub cells: PerWorker<Tally>,
    /// Requests per second.
    pub rate: Rate,
    /// The most requests at once.
    pub smax: Max,
    /// Milliseconds on the balancer's clock of the last request; negative: none yet.
    pub last_session: AtomicI64,
    view: Mutex<View>,
}

impl Row {
    /// A row nothing has been counted for.
    #[must_use]
    pub fn new(name: Arc<str>, sid: u32, workers: usize) -> Self {
        Self {
            name,
            sid,
            cells: PerWorker::new(workers),
            rate: Rate::default(),
            smax: Max::default(),
            last_session: AtomicI64::new(-1),
            view: Mutex::default(),
        }
    }

    /// How its health looked when it was last decided upon.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// For the sole writer.
    pub(crate) fn show(&self, view: View) {
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = view;
    }
}

/// One life of a server at one address.
#[derive(Debug)]
pub struct Server {
    /// Unique in this process, never reused.
    pub uid: u64,
    /// Which node, and which life of it, offers this server.
    pub key: NodeKey,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its row; shared with earlier and later lives.
    pub row: Arc<Row>,
    /// Idle connections kept, over all workers.
    pub idle: AtomicU64,
    standing: AtomicU8,
    in_flight: AtomicU64,
    changed: Notify,
    released: Arc<Notify>,
}

impl Server {
    /// A server that may not be chosen yet. `released` is notified whenever a server that may not
    /// be chosen has finished its last request.
    #[must_use]
    pub fn new(
        uid: u64,
        key: NodeKey,
        addr: SocketAddr,
        row: Arc<Row>,
        released: Arc<Notify>,
    ) -> Self {
        Self {
            uid,
            key,
            addr,
            row,
            idle: AtomicU64::new(0),
            standing: AtomicU8::new(Standing::Out as u8),
            in_flight: AtomicU64::new(0),
            changed: Notify::new(),
            released,
        }
    }

    /// Whether it may be chosen now.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self.standing.load(Ordering::SeqCst) {
            0 => Standing::Usable,
            1 => Standing::Leaving,
            _ => Standing::Out,
        }
    }

    /// Changes whether it may be chosen, at once, for all workers, before any swap. Returns what
    /// it was. Sequentially consistent, like [`lease`](Self::lease): whoever marks a server and
    /// then reads [`in_flight`](Self::in_flight) as 0 knows that no request will reach it.
    pub fn stand(&self, standing: Standing) -> Standing {
        let was = self.standing.swap(standing as u8, Ordering::SeqCst);
        if was != standing as u8 {
            self.changed.notify_waiters();
        }
        match was {
            0 => Standing::Usable,
            1 => Standing::Leaving,
            _ => Standing::Out,
        }
    }

    /// Takes a usable server out, at once, for all workers; `false` if it was not usable, and then
    /// nothing changes: one that is leaving goes on leaving.
    pub fn eject(&self) -> bool {
        let (usable, out) = (Standing::Usable as u8, Standing::Out as u8);
        let ejected = self
            .standing
            .compare_exchange(usable, out, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        if ejected {
            self.changed.notify_waiters();
        }
        ejected
    }

    /// Resolves when its standing is not [`Standing::Usable`].
    pub async fn unusable(&self) {
        loop {
            let changed = self.changed.notified();
            if self.standing() != Standing::Usable {
                return;
            }
            changed.await;
        }
    }

    /// Resolves when its standing is [`Standing::Out`].
    pub async fn out(&self) {
        loop {
            let changed = self.changed.notified();
            if self.standing() == Standing::Out {
                return;
            }
            changed.await;
        }
    }

    /// Requests from choice to the end of their response body.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// A hold on this server for one request, if it may be chosen.
    #[must_use]
    pub fn lease(self: &Arc<Self>) -> Option<Lease> {
        let before = self.in_flight.fetch_add(1, Ordering::SeqCst);
        let lease = Lease(Arc::clone(self));
        if self.standing() != Standing::Usable {
            return None; // dropping the lease gives it back
        }
        self.row.smax.see(before + 1);
        Some(lease)
    }
}

/// One request's hold on a server, from choice to the end of the response body.
#[derive(Debug)]
pub struct Lease(Arc<Server>);

impl Lease {
    /// The server held.
    #[must_use]
    pub const fn server(&self) -> &Arc<Server> {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let left = self.0.in_flight.fetch_sub(1, Ordering::SeqCst) - 1;
        if left == 0 && self.0.standing() != Standing::Usable {
            self.0.released.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> (Arc<Server>, Arc<Notify>) {
        let (name, released) = (Arc::from("s1"), Arc::new(Notify::new()));
        let row = Arc::new(Row::new(Arc::clone(&name), 1, 1));
        let key = NodeKey {
            name,
            generation: 1,
        };
        let addr = SocketAddr::from(([127, 0, 0, 1], 1));
        let server = Server::new(1, key, addr, row, Arc::clone(&released));
        (Arc::new(server), released)
    }

    #[test]
    fn only_a_usable_server_gives_leases() {
        let (server, _) = server();
        for (standing, given) in [
            (Standing::Out, false),
            (Standing::Usable, true),
            (Standing::Leaving, false),
        ] {
            server.stand(standing);
            assert_eq!(server.lease().is_some(), given, "{standing:?}");
            assert_eq!(server.in_flight(), 0, "{standing:?}");
        }
    }

    #[tokio::test]
    async fn the_last_lease_of_a_leaving_server_tells() {
        let (server, released) = server();
        server.stand(Standing::Usable);
        let (first, last) = (server.lease().unwrap(), server.lease().unwrap());
        server.stand(Standing::Leaving);
        drop(first);
        assert_eq!((server.in_flight(), server.row.smax.get()), (1, 2));
        drop(last);
        released.notified().await;
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_the_end() {
        let (server, _) = server();
        server.stand(Standing::Usable);
        let waiting = Arc::clone(&server);
        let unusable = tokio::spawn(async move { waiting.unusable().await });
        let waiting = Arc::clone(&server);
        let out = tokio::spawn(async move { waiting.out().await });
        server.stand(Standing::Leaving);
        unusable.await.unwrap();
        assert!(!out.is_finished(), "leaving is not out");
        server.stand(Standing::Out);
        out.await.unwrap();
    }
}
