//! Serves the statistics page of a made-up balancer whose servers are in every state there
//! is: `cargo run -p stats-ui --example page -- 1936`, then open `http://127.0.0.1:1936/`.
//! For looking at the page while changing it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use stats_ui::report::{
    Address, Algorithm, BackendRow, BackendStatus, CheckReport, CheckStatus, ConnectionPool,
    FrontendRow, Gauge, Health, ListenerRow, ProcessInfo, ProxyReport, Report, Responses,
    ServerRow, ServerStatus, Step, Times, Timing,
};
use stats_ui::{PageSettings, StatsSource, router};
use tokio::net::TcpListener;
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .unwrap_or(1936);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let source = Arc::new(Made {
        started: Instant::now(),
    });
    let settings = PageSettings {
        show_legends: true,
        ..PageSettings::default()
    };
    eprintln!("http://{}/", listener.local_addr()?);
    axum::serve(listener, router(source, settings)).await
}

struct Made {
    started: Instant,
}

impl StatsSource for Made {
    fn report(&self) -> Report {
        let process = ProcessInfo {
            pid: std::process::id(),
            threads: 2,
            uptime: self.started.elapsed(),
            ulimit_n: 20_000,
            max_sockets: 20_000,
            max_connections: 9_984,
            current_connections: 1,
            connection_rate: 1,
            bytes_out_rate: 32,
            tasks: 20,
            ..ProcessInfo::default()
        };
        Report {
            process,
            proxies: vec![stats(), localnodes(), nodes(), spares()],
        }
    }
}

fn stats() -> ProxyReport {
    ProxyReport {
        name: "stats".to_owned(),
        iid: 2,
        frontend: Some(FrontendRow {
            sessions_total: 9,
            bytes_out: 149_493,
            ..frontend()
        }),
        backend: Some(BackendRow {
            session_limit: 999,
            ..BackendRow::default()
        }),
        ..ProxyReport::default()
    }
}

fn localnodes() -> ProxyReport {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let listener = ListenerRow {
        name: "sock-1".to_owned(),
        id: 1,
        address: Some(Address::Ip(address)),
        session_limit: 9_984,
        sessions_total: 37,
        ..ListenerRow::default()
    };
    ProxyReport {
        name: "localnodes".to_owned(),
        iid: 3,
        frontend: Some(frontend()),
        listeners: vec![listener],
        ..ProxyReport::default()
    }
}

fn nodes() -> ProxyReport {
    let step = |at, of| Some(Step { at, of });
    let states = [
        ("s1", ServerStatus::Up(None)),
        ("s2", ServerStatus::Up(None)),
        ("failing", ServerStatus::Up(step(2, 3))),
        ("down", ServerStatus::Down(None)),
        ("rising", ServerStatus::Down(step(1, 2))),
        ("drained", ServerStatus::Drain(None)),
        ("stopping", ServerStatus::NoLb(None)),
        ("maintained", ServerStatus::Maint),
        ("unresolved", ServerStatus::MaintResolution),
        ("unchecked", ServerStatus::NoCheck),
    ];
    let servers = (1..)
        .zip(states)
        .map(|(id, (name, status))| server(id, name, status))
        .collect();
    ProxyReport {
        name: "nodes".to_owned(),
        iid: 4,
        description: Some("every state of an active server".to_owned()),
        servers,
        backend: Some(backend()),
        ..ProxyReport::default()
    }
}

fn spares() -> ProxyReport {
    let step = |at, of| Some(Step { at, of });
    let states = [
        ("ready", ServerStatus::Up(None)),
        ("failing", ServerStatus::Up(step(1, 3))),
        ("down", ServerStatus::DownByAgent),
        ("rising", ServerStatus::Down(step(1, 2))),
        ("drained", ServerStatus::DrainByAgent),
        ("stopping", ServerStatus::NoLb(None)),
        (
            "follower",
            ServerStatus::MaintVia("nodes/maintained".to_owned()),
        ),
        ("unchecked", ServerStatus::NoCheck),
    ];
    let spare = |(id, (name, status))| {
        let tracked = (name == "follower").then(|| "nodes/maintained".to_owned());
        ServerRow {
            backup: true,
            tracked,
            ..server(id, name, status)
        }
    };
    let status = BackendStatus::Down;
    ProxyReport {
        name: "spares".to_owned(),
        iid: 5,
        servers: (1..).zip(states).map(spare).collect(),
        backend: Some(BackendRow {
            status,
            ..backend()
        }),
        ..ProxyReport::default()
    }
}

fn frontend() -> FrontendRow {
    FrontendRow {
        sessions: Gauge { current: 0, max: 1 },
        session_limit: 9_984,
        sessions_total: 37,
        session_rate: Gauge {
            current: 0,
            max: 30,
        },
        connections_total: 37,
        requests_total: 2_130,
        request_rate: Gauge {
            current: 0,
            max: 48,
        },
        bytes_in: 174_660,
        bytes_out: 281_160,
        responses: Responses {
            c2xx: 2_130,
            ..Responses::default()
        },
        ..FrontendRow::default()
    }
}

fn backend() -> BackendRow {
    BackendRow {
        last_change: Duration::from_secs(320),
        algorithm: Some(Algorithm::RoundRobin),
        weight: 2,
        user_weight: 2,
        active_servers: 2,
        sessions: Gauge { current: 0, max: 1 },
        session_limit: 999,
        sessions_total: 2_130,
        chosen_total: 2_130,
        last_session: Some(Duration::from_secs(3)),
        requests_total: 2_130,
        bytes_in: 174_660,
        bytes_out: 281_160,
        ..BackendRow::default()
    }
}

fn server(id: u32, name: &str, status: ServerStatus) -> ServerRow {
    let address = SocketAddr::from(([192, 168, 42, 10], 3000));
    let up = !status.is_down();
    let check = CheckReport {
        status: if up {
            CheckStatus::L7Ok
        } else {
            CheckStatus::L4Connection
        },
        code: up.then_some(200),
        duration: Some(Duration::from_millis(1)),
        output: if up {
            String::new()
        } else {
            "Connection refused".to_owned()
        },
        health: Health::default(),
        ..CheckReport::default()
    };
    let millis = Duration::from_millis;
    ServerRow {
        name: name.to_owned(),
        id,
        address: Some(Address::Ip(address)),
        last_change: Duration::from_secs(316),
        weight: 1,
        user_weight: 1,
        check: (status != ServerStatus::NoCheck).then_some(check),
        status,
        sessions: Gauge { current: 0, max: 1 },
        sessions_total: 1_060,
        session_rate: Gauge {
            current: 0,
            max: 24,
        },
        chosen_total: 1_060,
        last_session: Some(Duration::from_secs(3)),
        requests_total: 1_060,
        bytes_in: 86_920,
        bytes_out: 139_920,
        responses: Responses {
            c2xx: 1_060,
            ..Responses::default()
        },
        times: Times {
            total: Timing {
                average: millis(1),
                max: millis(29),
            },
            ..Times::default()
        },
        connections: ConnectionPool {
            opened: 23,
            reused: 1_037,
            ..ConnectionPool::default()
        },
        ..ServerRow::default()
    }
}
