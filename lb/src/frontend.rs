//! What is counted of a frontend: the listener's side of everything. Who counts is `record`,
//! `wire` and `accept`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use tokio::sync::OwnedSemaphorePermit;

use crate::counters::{Counter, Max, PerWorker, Rate};

/// One worker's counts of one frontend (management guide 9.1).
#[derive(Debug, Default)]
pub struct FrontCell {
    /// Connections accepted.
    pub conn_tot: Counter,
    /// Bytes received from clients.
    pub bin: Counter,
    /// Bytes sent to clients.
    pub bout: Counter,
    /// Requests refused for breaking a rule, and connections whose request could not be read.
    pub ereq: Counter,
    /// Requests.
    pub req_tot: Counter,
    /// Responses by class: 1xx to 5xx, then other.
    pub hrsp: [Counter; 6],
}

/// A frontend: a name, a limit, and what has been counted.
#[derive(Debug)]
pub struct Frontend {
    /// HAProxy's name for it.
    pub name: Arc<str>,
    /// Connections it takes at once; more wait in the kernel's backlog.
    pub maxconn: usize,
    /// Counts, per worker.
    pub cells: PerWorker<FrontCell>,
    /// Connections per second.
    pub conn_rate: Rate,
    /// Requests per second.
    pub req_rate: Rate,
    /// The most connections at once.
    pub smax: Max,
    /// Milliseconds on the balancer's clock of the last request answered from here; negative: none.
    pub last_intercepted: AtomicI64,
    current: AtomicU64,
}

impl Frontend {
    /// A frontend nothing has been counted for.
    #[must_use]
    pub fn new(name: Arc<str>, maxconn: usize, workers: usize) -> Self {
        Self {
            name,
            maxconn,
            cells: PerWorker::new(workers),
            conn_rate: Rate::default(),
            req_rate: Rate::default(),
            smax: Max::default(),
            last_intercepted: AtomicI64::new(-1),
            current: AtomicU64::new(0),
        }
    }

    /// Connections now.
    #[must_use]
    pub fn current(&self) -> u64 {
        self.current.load(Relaxed)
    }

    /// A connection was accepted; it counts until the guard is dropped.
    #[must_use]
    pub fn connected(self: &Arc<Self>, worker: usize, now_ms: u64) -> Connected {
        self.cells.of(worker).conn_tot.inc();
        self.conn_rate.event(now_ms);
        self.smax.see(self.current.fetch_add(1, Relaxed) + 1);
        Connected(Arc::clone(self))
    }
}

/// One connection of a frontend.
#[derive(Debug)]
pub struct Connected(Arc<Frontend>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.current.fetch_sub(1, Relaxed);
    }
}

/// One connection's place under `maxconn`, and its count. A tunnel keeps it beyond the connection
/// that it came from.
#[derive(Debug)]
pub struct Seat {
    _connected: Connected,
    _place: OwnedSemaphorePermit,
}

impl Seat {
    /// Takes the seat.
    #[must_use]
    pub const fn new(connected: Connected, place: OwnedSemaphorePermit) -> Self {
        Self {
            _connected: connected,
            _place: place,
        }
    }
}
