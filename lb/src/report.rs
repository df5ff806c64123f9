//! Pool and counters turned into the rows of a statistics report, by hand: `stats-ui` never sees
//! a server. Frontend and process here, servers and
//! services in `servers`.

mod servers;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use stats_ui::StatsSource;
use stats_ui::report::{BackendRow, FrontendRow, Gauge, ProcessInfo, ProxyReport, Report};

use self::servers::{ago, responses, service};
use crate::core::Core;
use crate::counters::Counter;
use crate::frontend::{FrontCell, Frontend};
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
    let frontend = frontend(stats, now, answered);
    // As HAProxy counts it: the page is answered on the backend's side.
    let backend = BackendRow {
        last_change: Duration::from_millis(now),
        session_limit: (stats.maxconn as u64 / 10).max(1),
        bytes_in: frontend.bytes_in,
        bytes_out: frontend.bytes_out,
        last_session: ago(stats.last_intercepted.load(Relaxed), now),
        ..BackendRow::default()
    };
    ProxyReport {
        name: stats.name.to_string(),
        frontend: Some(frontend),
        backend: Some(backend),
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
