//! For tests: the report of a small balancer, with the figures that HAProxy 2.6 had in the
//! same place after the same traffic, so that its output can be the expected one.

use std::time::Duration;

use crate::report::{
    Address, Algorithm, BackendRow, CheckReport, CheckStatus, ConnectionPool, FrontendRow, Gauge,
    Health, ProcessInfo, ProxyReport, Report, Responses, ServerRow, ServerStatus, Times, Timing,
};

/// Frontend `localnodes` and backend `nodes` with `s1` up and `s3` down.
pub(crate) fn report() -> Report {
    let localnodes = ProxyReport {
        name: "localnodes".to_owned(),
        iid: 3,
        frontend: Some(frontend()),
        ..ProxyReport::default()
    };
    let nodes = ProxyReport {
        name: "nodes".to_owned(),
        iid: 4,
        servers: vec![s1(), s3()],
        backend: Some(backend()),
        ..ProxyReport::default()
    };
    let uptime = Duration::from_secs(523);
    let process = ProcessInfo {
        pid: 42,
        uptime,
        node: "ha".to_owned(),
        ..ProcessInfo::default()
    };
    Report {
        process,
        proxies: vec![localnodes, nodes],
    }
}

pub(crate) fn s1() -> ServerRow {
    let check = CheckReport {
        status: CheckStatus::L7Ok,
        code: Some(200),
        duration: Some(Duration::from_millis(1)),
        ..CheckReport::default()
    };
    ServerRow {
        name: "s1".to_owned(),
        id: 1,
        address: Some(Address::Ip(([192, 168, 42, 11], 3000).into())),
        status: ServerStatus::up(Health::default()),
        last_change: Duration::from_secs(31),
        weight: 1,
        user_weight: 1,
        check: Some(check),
        failed_checks: 1,
        times_down: 1,
        downtime: Duration::from_secs(5),
        sessions: Gauge { current: 0, max: 1 },
        sessions_total: 1060,
        session_rate: Gauge {
            current: 0,
            max: 24,
        },
        chosen_total: 1060,
        last_session: Some(Duration::from_secs(477)),
        requests_total: 1060,
        bytes_in: 86_920,
        bytes_out: 139_920,
        responses: Responses {
            c2xx: 1060,
            ..Responses::default()
        },
        times: times(1, 16, 29, 1),
        connections: ConnectionPool {
            opened: 23,
            reused: 1037,
            idle: 1,
            idle_safe: 1,
            needed: 1,
            ..ConnectionPool::default()
        },
        ..ServerRow::default()
    }
}

pub(crate) fn s3() -> ServerRow {
    let health = Health {
        value: 0,
        ..Health::default()
    };
    let check = CheckReport {
        status: CheckStatus::L4Connection,
        duration: Some(Duration::ZERO),
        output: "Connection refused".to_owned(),
        health,
        ..CheckReport::default()
    };
    ServerRow {
        name: "s3".to_owned(),
        id: 3,
        status: ServerStatus::down(health),
        last_change: Duration::from_secs(793),
        weight: 1,
        user_weight: 1,
        check: Some(check),
        failed_checks: 1,
        times_down: 1,
        downtime: Duration::from_secs(793),
        connections: ConnectionPool {
            needed: 1,
            ..ConnectionPool::default()
        },
        ..ServerRow::default()
    }
}

fn frontend() -> FrontendRow {
    FrontendRow {
        sessions: Gauge { current: 0, max: 1 },
        session_limit: 9984,
        sessions_total: 37,
        session_rate: Gauge {
            current: 0,
            max: 30,
        },
        connection_rate: Gauge {
            current: 0,
            max: 30,
        },
        connections_total: 37,
        request_rate: Gauge {
            current: 0,
            max: 48,
        },
        requests_total: 2130,
        bytes_in: 174_660,
        bytes_out: 281_160,
        responses: Responses {
            c2xx: 2130,
            ..Responses::default()
        },
        ..FrontendRow::default()
    }
}

fn backend() -> BackendRow {
    BackendRow {
        last_change: Duration::from_secs(31),
        algorithm: Some(Algorithm::RoundRobin),
        weight: 2,
        user_weight: 2,
        active_servers: 2,
        times_down: 1,
        downtime: Duration::from_secs(1),
        sessions: Gauge { current: 0, max: 1 },
        session_limit: 999,
        sessions_total: 2130,
        session_rate: Gauge {
            current: 0,
            max: 48,
        },
        chosen_total: 2130,
        last_session: Some(Duration::from_secs(477)),
        requests_total: 2130,
        bytes_in: 174_660,
        bytes_out: 281_160,
        responses: Responses {
            c2xx: 2130,
            ..Responses::default()
        },
        times: times(1, 16, 59, 22),
        connections_opened: 44,
        connections_reused: 2086,
        ..BackendRow::default()
    }
}

fn times(connect_max: u64, response_max: u64, total_max: u64, total: u64) -> Times {
    let timing = |average, max| Timing {
        average: Duration::from_millis(average),
        max: Duration::from_millis(max),
    };
    Times {
        queue: timing(0, 0),
        connect: timing(0, connect_max),
        response: timing(0, response_max),
        total: timing(total, total_max),
    }
}
