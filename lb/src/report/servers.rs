//! The server side of a report: backends and their servers.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use stats_ui::report::{
    Algorithm, BackendRow, BackendStatus, CheckReport, ConnectionPool, Gauge, Health, ProxyReport,
    Responses, ServerRow, ServerStatus, Times, Timing,
};

use crate::counters::{Average, Counter, PerWorker};
use crate::pool::server::Standing;
use crate::pool::set::{Entry, Service};
use crate::pool::tally::Tally;
use crate::pool::view::{Shown, View};

/// The rows of one service.
pub(super) fn service(service: &Service, now: u64, fullconn: u64) -> ProxyReport {
    ProxyReport {
        name: service.ledger.name.to_string(),
        servers: service
            .rows
            .iter()
            .map(|entry| server(entry, now))
            .collect(),
        backend: Some(backend(service, now, fullconn)),
        ..ProxyReport::default()
    }
}

fn backend(service: &Service, now: u64, fullconn: u64) -> BackendRow {
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
    BackendRow {
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
        check: Some(check(&view, now)),
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

fn check(view: &View, now: u64) -> CheckReport {
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
    let held = view
        .held_until
        .map(|until| until.saturating_sub(Duration::from_millis(now)));
    if let (Some(left), Shown::Down { .. }) = (held, view.shown) {
        report.output = format!("went down too often, held out for {} s", left.as_secs());
    } else if let Some(reason) = &view.reason {
        report.output = reason.to_string();
    } else if view.silent && report.output.is_empty() {
        "silent in gossip".clone_into(&mut report.output);
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

pub(super) fn responses(class: impl Fn(usize) -> u64) -> Responses {
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

pub(super) fn ago(at: i64, now: u64) -> Option<Duration> {
    u64::try_from(at)
        .ok()
        .map(|at| Duration::from_millis(now.saturating_sub(at)))
}
