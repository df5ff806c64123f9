//! The sole sink of what happens to requests: nothing else touches a per-request counter. A
//! [`Ticket`] accompanies one request and is settled exactly once, however the request ends.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::wire::Sink;
use crate::clock::Clock;
use crate::counters::PerWorker;
use crate::frontend::Frontend;
use crate::outcome::{End, Phase, Side};
use crate::pool::server::Row;
use crate::pool::set::Ledger;
use crate::pool::tally::{Tally, class_of};

/// Where one worker records.
#[derive(Clone, Debug)]
pub struct Recorder {
    frontend: Arc<Frontend>,
    worker: usize,
    clock: Clock,
}

impl Recorder {
    /// The recorder of one worker.
    #[must_use]
    pub const fn new(frontend: Arc<Frontend>, worker: usize, clock: Clock) -> Self {
        Self {
            frontend,
            worker,
            clock,
        }
    }

    /// The frontend recorded for.
    #[must_use]
    pub const fn frontend(&self) -> &Arc<Frontend> {
        &self.frontend
    }

    /// The clock recorded by.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Counts a client connection's bytes.
    #[must_use]
    pub fn client_bytes(&self) -> ClientBytes {
        ClientBytes {
            frontend: Arc::clone(&self.frontend),
            worker: self.worker,
        }
    }

    /// Counts a server connection's bytes.
    #[must_use]
    pub fn server_bytes(&self, ledger: &Arc<Ledger>, row: &Arc<Row>) -> ServerBytes {
        ServerBytes {
            ledger: Arc::clone(ledger),
            row: Arc::clone(row),
            worker: self.worker,
        }
    }

    /// A request could not be read, and hyper has answered 400, 414 or 431.
    pub fn unreadable(&self) {
        self.unfinished();
        self.frontend.cells.of(self.worker).hrsp[3].inc();
    }

    /// A request's header was not complete in time; the connection is closed without an answer.
    pub fn unfinished(&self) {
        self.frontend.cells.of(self.worker).ereq.inc();
    }

    /// A request has arrived; its ticket.
    #[must_use]
    pub fn begin(&self) -> Ticket {
        let now = self.clock.now();
        self.frontend.cells.of(self.worker).req_tot.inc();
        self.frontend.req_rate.event(now.as_millis() as u64);
        Ticket {
            recorder: self.clone(),
            began: now,
            now,
            connect: None,
            response: None,
            ledger: None,
            row: None,
            settled: false,
        }
    }
}

/// One request on its way.
#[derive(Debug)]
pub struct Ticket {
    recorder: Recorder,
    began: Duration,
    /// When the clock was last read: it is not, where no time can have passed.
    now: Duration,
    connect: Option<Duration>,
    response: Option<Duration>,
    ledger: Option<Arc<Ledger>>,
    row: Option<Arc<Row>>,
    settled: bool,
}

impl Ticket {
    /// The time of the last milestone, on the balancer's clock.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// It was routed to a service.
    pub fn routed(&mut self, ledger: &Arc<Ledger>) {
        let now = millis(self.now);
        ledger.cells.of(self.recorder.worker).stot.inc();
        ledger.rate.event(now);
        ledger.last_session.store(now as i64, Relaxed);
        ledger.smax.see(ledger.current.fetch_add(1, Relaxed) + 1);
        self.ledger = Some(Arc::clone(ledger));
    }

    /// A server was chosen for an attempt.
    pub fn assigned(&mut self, row: &Arc<Row>) {
        let now = millis(self.now);
        row.rate.event(now);
        row.last_session.store(now as i64, Relaxed);
        self.row = Some(Arc::clone(row));
        self.each(|tally| tally.lbtot.inc());
        row.cells.of(self.recorder.worker).stot.inc();
    }

    /// An attempt has a connection.
    pub fn connected(&mut self, reused: bool) {
        if !reused {
            self.now = self.recorder.clock.now();
        }
        let took = self.now.saturating_sub(self.began);
        self.connect.get_or_insert(took);
        self.each(|tally| {
            if reused {
                tally.reuse.inc();
            } else {
                tally.connect.inc();
            }
        });
    }

    /// The attempt failed and is made again, on the same server or elsewhere.
    pub fn retried(&mut self, same_server: bool) {
        self.now = self.recorder.clock.now();
        self.each(|tally| {
            if same_server {
                tally.wretr.inc();
            } else {
                tally.wredis.inc();
            }
        });
    }

    /// A server's response header has arrived.
    pub fn answered(&mut self, status: u16) {
        self.now = self.recorder.clock.now();
        self.response = Some(self.now.saturating_sub(self.began));
        self.each(|tally| tally.class(status).inc());
        self.front().hrsp[class_of(status)].inc();
    }

    /// The request failed and is answered from here.
    pub fn failed(mut self, status: u16, end: End) {
        self.front().hrsp[class_of(status)].inc();
        if end.side == Side::Proxy && end.phase == Phase::Request {
            self.front().ereq.inc();
        }
        if let Some(ledger) = &self.ledger {
            ledger.cells.of(self.recorder.worker).class(status).inc();
        }
        self.settle(end);
    }

    /// The request was answered from here, as it should be.
    pub fn intercepted(mut self, status: u16) {
        self.front().hrsp[class_of(status)].inc();
        let now = self.recorder.clock.now_ms() as i64;
        self.recorder.frontend.last_intercepted.store(now, Relaxed);
        self.settle(End::DONE);
    }

    /// The request has ended.
    pub fn ended(mut self, end: End) {
        self.settle(end);
    }

    /// The request has ended with the milestone before: its whole answer was there.
    pub fn delivered(mut self) {
        self.settle_at(End::DONE, self.now);
    }

    fn settle(&mut self, end: End) {
        if !self.settled {
            self.settle_at(end, self.recorder.clock.now());
        }
    }

    fn settle_at(&mut self, end: End, now: Duration) {
        self.settled = true;
        self.blame(end);
        let Some(ledger) = &self.ledger else { return };
        ledger.current.fetch_sub(1, Relaxed);
        if self.row.is_none() || end.phase == Phase::Connect {
            return;
        }
        let total = now.saturating_sub(self.began);
        let connect = self.connect.unwrap_or_default();
        let response = self.response.map(|at| at.saturating_sub(connect));
        self.each(|tally| {
            tally.ctime.sample(millis(connect));
            if let Some(response) = response {
                tally.rtime.sample(millis(response));
            }
            tally.ttime.sample(millis(total));
        });
    }

    fn blame(&self, end: End) {
        match (end.side, end.phase) {
            (Side::Client | Side::ClientTimeout, Phase::Headers | Phase::Data) => {
                self.each(|tally| tally.cli_abrt.inc());
            }
            (_, Phase::Connect) => self.each(|tally| tally.econ.inc()),
            (Side::Server | Side::ServerTimeout | Side::Down, Phase::Data) => {
                self.each(|tally| {
                    tally.eresp.inc();
                    tally.srv_abrt.inc();
                });
            }
            (Side::Server | Side::ServerTimeout | Side::Down | Side::Proxy, Phase::Headers) => {
                self.each(|tally| tally.eresp.inc());
            }
            _ => {}
        }
    }

    /// Applies to the service's counts, and to the server's if there is one.
    fn each(&self, count: impl Fn(&Tally)) {
        let cell = |cells: &PerWorker<Tally>| count(cells.of(self.recorder.worker));
        if let Some(ledger) = &self.ledger {
            cell(&ledger.cells);
        }
        if let Some(row) = &self.row {
            cell(&row.cells);
        }
    }

    fn front(&self) -> &crate::frontend::FrontCell {
        self.recorder.frontend.cells.of(self.recorder.worker)
    }
}

impl Drop for Ticket {
    /// Dropped without a word: the client went away and hyper dropped what was being done for it.
    fn drop(&mut self) {
        let phase = if self.response.is_some() {
            Phase::Data
        } else {
            Phase::Headers
        };
        self.settle(End {
            side: Side::Client,
            phase,
        });
    }
}

const fn millis(time: Duration) -> u64 {
    time.as_millis() as u64
}

/// Counts the bytes of a client's connection.
#[derive(Debug)]
pub struct ClientBytes {
    frontend: Arc<Frontend>,
    worker: usize,
}

impl Sink for ClientBytes {
    fn read(&self, bytes: u64) {
        self.frontend.cells.of(self.worker).bin.add(bytes);
    }

    fn written(&self, bytes: u64) {
        self.frontend.cells.of(self.worker).bout.add(bytes);
    }
}

/// Counts the bytes of a server's connection.
#[derive(Clone, Debug)]
pub struct ServerBytes {
    ledger: Arc<Ledger>,
    row: Arc<Row>,
    worker: usize,
}

impl ServerBytes {
    fn each(&self, count: impl Fn(&Tally)) {
        count(self.ledger.cells.of(self.worker));
        count(self.row.cells.of(self.worker));
    }
}

impl Sink for ServerBytes {
    fn read(&self, bytes: u64) {
        self.each(|tally| tally.bout.add(bytes));
    }

    fn written(&self, bytes: u64) {
        self.each(|tally| tally.bin.add(bytes));
    }
}
