//! Pool and counters turned into the rows of a statistics report, by hand: `stats-ui` never sees
//! a server. A new CSV field is filled here.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use stats_ui::StatsSource;
use stats_ui::report::{
    Algorithm, BackendRow, BackendStatus, CheckReport, ConnectionPool, FrontendRow, Gauge, Health,
    ProcessInfo, ProxyReport, Report, Responses, ServerRow, ServerStatus, Times, Timing,
};

use crate::core::Core;
use crate::counters::{Average, Counter, PerWorker};
use crate::frontend::{FrontCell, Frontend};
use crate::pool::health::{Shown, View};
use crate::pool::server::Standing;
use crate::pool::set::{Entry, Service};
use crate::pool::tally::Tally;
use crate::vitals::Vitals;

/// Reports on one balancer.
#[derive(Debug)]
pub struct Reports {
    /// The balancer.
    pub core: Core,
    /// The frontend of the statistics page, where there is one.
    pub stats: Option<Arc<Frontend>>,
    /// The process.
    pub vitals: Arc<Vitals>,
    /// The balancer's own name.
    pub node: String,
    /// Worker threads.
    pub workers: usize,
}

impl StatsSource for Reports {
    fn report(&self) -> Report {
        let now = self.core.clock.now_ms();
        let pool = self.core.pool.load();
        let mut proxies = Vec::new();
        proxies.extend(self.stats.as_ref().map(|stats| listen(stats, now)));
        proxies.push(ProxyReport {
            name: self.core.frontend.name.to_string(),
            frontend: Some(frontend(&self.core.frontend, now, 0)),
            ..ProxyReport::default()
        });
        let fullconn = (self.core.frontend.maxconn as u64 / 10).max(1);
        proxies.extend(
            pool.services
                .values()
                .map(|each| service(each, now, fullconn)),
        );
        // HAProxy numbers its proxies from 2, in the order of the configuration.
        for (iid, proxy) in (2..).zip(&mut proxies) {
            proxy.iid = iid;
        }
        Report {
            process: self.process(now),
            proxies,
        }
    }
}

impl Reports {
    fn process(&self, now: u64) -> ProcessInfo {
        let fronts = [Some(&self.core.frontend), self.stats.as_ref()];
        let fronts = || fronts.iter().flatten();
        let (tasks, run_queue) = self.vitals.tasks();
        let max_connections: u64 = fronts().map(|front| front.maxconn as u64).sum();
        ProcessInfo {
            pid: std::process::id(),
            threads: self.workers as u32,
            uptime: Duration::from_millis(now),
            ulimit_n: self.vitals.ulimit_n,
            // A connection in, and one out.
            max_sockets: 2 * max_connections,
            max_connections,
            current_connections: fronts().map(|front| front.current()).sum(),
            connection_rate: fronts().map(|front| front.conn_rate.read(now)).sum(),
            bytes_out_rate: self.vitals.bytes_out_rate(),
            tasks,
            run_queue,
            idle_percent: self.vitals.idle_percent(),
            node: self.node.clone(),
            ..ProcessInfo::default()
        }
    }
}

/// The statistics page's own proxy: HAProxy's `listen`, both sides under one name.
fn listen(stats: &Frontend, now: u64) -> ProxyReport {
    let answered = stats.cells.sum(|cell| &cell.req_tot);
    ProxyReport {
        name: stats.name.to_string(),
        frontend: Some(frontend(stats, now, answered)),
        backend: Some(BackendRow {
            last_change: Duration::from_millis(now),
            session_limit: (stats.maxconn as u64 / 10).max(1),
            ..BackendRow::default()
        }),
        ..ProxyReport::default()
    }
}

fn frontend(front: &Frontend, now: u64, intercepted: u64) -> FrontendRow {
    let sum = |pick: fn(&FrontCell) -> &Counter| front.cells.sum(pick);
    let accepted = sum(|cell| &cell.conn_tot);
    let rate = Gauge {
        current: front.conn_rate.read(now),
        max: front.conn_rate.max(),
    };
    FrontendRow {
        sessions: Gauge {
            current: front.current(),
            max: front.smax.get(),
        },
        session_limit: front.maxconn as u64,
        sessions_total: accepted,
        session_rate: rate,
        connection_rate: rate,
        connections_total: accepted,
        request_rate: Gauge {
            current: front.req_rate.read(now),
            max: front.req_rate.max(),
        },
        requests_total: sum(|cell| &cell.req_tot),
        intercepted,
        bytes_in: sum(|cell| &cell.bin),
        bytes_out: sum(|cell| &cell.bout),
        request_errors: sum(|cell| &cell.ereq),
        responses: responses(|class| front.cells.sum(|cell| &cell.hrsp[class])),
        ..FrontendRow::default()
    }
}

fn service(service: &Service, now: u64, fullconn: u64) -> ProxyReport {
    let ledger = &service.ledger;
    let sum = |pick: fn(&Tally) -> &Counter| ledger.cells.sum(pick);
    let usable: Vec<&Entry> = service
        .rows
        .iter()
        .filter(|row| row.server.standing() == Standing::Usable)
        .collect();
    let weight = usable.iter().map(|entry| u32::from(entry.weight)).sum();
    // As in HAProxy, a backend nobody ever joined is UP.
    let up = weight > 0 || service.rows.is_empty();
    let requests = sum(|tally| &tally.stot);
    let backend = BackendRow {
        status: if up {
            BackendStatus::Up
        } else {
            BackendStatus::Down
        },
        last_change: ledger.since(now),
        algorithm: Some(Algorithm::RoundRobin),
        weight,
        user_weight: weight,
        active_servers: usable.iter().filter(|entry| entry.weight > 0).count() as u32,
        times_down: ledger.downs.get(),
        downtime: ledger.downtime(now),
        sessions: Gauge {
            current: ledger.current.load(Relaxed),
            max: ledger.smax.get(),
        },
        session_limit: fullconn,
        sessions_total: requests,
        session_rate: Gauge {
            current: ledger.rate.read(now),
            max: ledger.rate.max(),
        },
        chosen_total: sum(|tally| &tally.lbtot),
        last_session: ago(ledger.last_session.load(Relaxed), now),
        requests_total: requests,
        bytes_in: sum(|tally| &tally.bin),
        bytes_out: sum(|tally| &tally.bout),
        connect_errors: sum(|tally| &tally.econ),
        response_errors: sum(|tally| &tally.eresp),
        retries: sum(|tally| &tally.wretr),
        redispatches: sum(|tally| &tally.wredis),
        client_aborts: sum(|tally| &tally.cli_abrt),
        server_aborts: sum(|tally| &tally.srv_abrt),
        responses: responses(|class| ledger.cells.sum(|tally| &tally.hrsp[class])),
        times: times(&ledger.cells),
        connections_opened: sum(|tally| &tally.connect),
        connections_reused: sum(|tally| &tally.reuse),
        ..BackendRow::default()
    };
    ProxyReport {
        name: ledger.name.to_string(),
        servers: service
            .rows
            .iter()
            .map(|entry| server(entry, now))
            .collect(),
        backend: Some(backend),
        ..ProxyReport::default()
    }
}

fn server(entry: &Entry, now: u64) -> ServerRow {
    let (server, row) = (&entry.server, entry.row());
    let sum = |pick: fn(&Tally) -> &Counter| row.cells.sum(pick);
    let view = row.view();
    let since = Duration::from_millis(now).saturating_sub(view.since);
    let downtime = match view.shown {
        Shown::Down { .. } => view.downtime + since,
        _ => view.downtime,
    };
    let requests = sum(|tally| &tally.stot);
    let in_flight = server.in_flight();
    ServerRow {
        name: row.name.to_string(),
        id: row.sid,
        address: Some(server.addr.into()),
        status: status(&view),
        last_change: since,
        weight: u32::from(entry.weight),
        user_weight: u32::from(entry.weight),
        check: Some(check(&view)),
        failed_checks: view.failures,
        times_down: view.downs,
        downtime,
        sessions: Gauge {
            current: in_flight,
            max: row.smax.get(),
        },
        sessions_total: requests,
        session_rate: Gauge {
            current: row.rate.read(now),
            max: row.rate.max(),
        },
        chosen_total: sum(|tally| &tally.lbtot),
        last_session: ago(row.last_session.load(Relaxed), now),
        requests_total: requests,
        bytes_in: sum(|tally| &tally.bin),
        bytes_out: sum(|tally| &tally.bout),
        connect_errors: sum(|tally| &tally.econ),
        response_errors: sum(|tally| &tally.eresp),
        retries: sum(|tally| &tally.wretr),
        redispatches: sum(|tally| &tally.wredis),
        client_aborts: sum(|tally| &tally.cli_abrt),
        server_aborts: sum(|tally| &tally.srv_abrt),
        responses: responses(|class| row.cells.sum(|tally| &tally.hrsp[class])),
        times: times(&row.cells),
        connections: ConnectionPool {
            opened: sum(|tally| &tally.connect),
            reused: sum(|tally| &tally.reuse),
            idle: server.idle.load(Relaxed),
            used: in_flight,
            ..ConnectionPool::default()
        },
        ..ServerRow::default()
    }
}

fn status(view: &View) -> ServerStatus {
    match view.shown {
        Shown::Up { .. } => ServerStatus::up(health(view)),
        Shown::Down { .. } => ServerStatus::down(health(view)),
        Shown::Drain => ServerStatus::Drain(None),
        Shown::Maint => ServerStatus::Maint,
        // Not in the pool's rows; a row seen while it goes is going down.
        Shown::Hidden => ServerStatus::Down(None),
    }
}

fn check(view: &View) -> CheckReport {
    let mut report = CheckReport {
        running: view.checking,
        health: health(view),
        ..CheckReport::default()
    };
    if let Some(proof) = &view.last {
        report.status = proof.finding.status();
        report.code = proof.code;
        report.duration = Some(proof.took);
        report.output = proof.info.to_string();
    }
    if let Some(reason) = &view.reason {
        report.output = reason.to_string();
    }
    report
}

const fn health(view: &View) -> Health {
    let (rise, fall) = view.rise_fall;
    Health {
        value: view.counter,
        rise,
        fall,
    }
}

fn responses(class: impl Fn(usize) -> u64) -> Responses {
    Responses {
        c1xx: class(0),
        c2xx: class(1),
        c3xx: class(2),
        c4xx: class(3),
        c5xx: class(4),
        other: class(5),
    }
}

fn times(cells: &PerWorker<Tally>) -> Times {
    let timing = |pick: fn(&Tally) -> &Average| Timing {
        average: Duration::from_millis(Average::mean(cells.iter().map(pick))),
        max: Duration::from_millis(cells.iter().map(|cell| pick(cell).max()).max().unwrap_or(0)),
    };
    Times {
        queue: Timing::default(),
        connect: timing(|tally| &tally.ctime),
        response: timing(|tally| &tally.rtime),
        total: timing(|tally| &tally.ttime),
    }
}

fn ago(at: i64, now: u64) -> Option<Duration> {
    u64::try_from(at)
        .ok()
        .map(|at| Duration::from_millis(now.saturating_sub(at)))
}
