//! What a balancer answers on its control socket: what every node does, and how its pool is.
//! Nothing here decides about servers; that is the operator's hand on the pool.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use member::control::basics::Basics;
use member::control::info::{Section, Sections, section};
use member::control::message::{Answer, Request};
use member::control::{Answering, Desk, Reply};

use crate::core::Core;
use crate::pool::set::Service;

/// A balancer's desk.
#[derive(Debug)]
pub struct LbDesk {
    basics: Basics,
    core: Core,
    listen: SocketAddr,
    stats: Option<SocketAddr>,
}

impl LbDesk {
    /// Of a balancer whose clients connect to `listen`, with its statistics on `stats`.
    #[must_use]
    pub const fn new(
        basics: Basics,
        core: Core,
        listen: SocketAddr,
        stats: Option<SocketAddr>,
    ) -> Self {
        Self {
            basics,
            core,
            listen,
            stats,
        }
    }

    async fn handle(&self, request: Request, reply: &Reply) -> Answer {
        let basics = &self.basics;
        match request {
            Request::List {
                name,
                status,
                role,
                tags,
            } => {
                let [name, status, role] = [&name, &status, &role].map(Option::as_deref);
                basics.list(name, status, role, &tags).await
            }
            Request::Info {} => Answer::Info(self.info().await),
            Request::Keys {} => basics.keys(),
            Request::Monitor { log_level } => basics.monitor(log_level.as_deref(), reply).await,
            Request::Evict { name } => basics.evict(&name).await,
            Request::Tags { set, delete } => basics.tags(&set, &delete).await,
            Request::Drain { .. } | Request::Ready { .. } | Request::Weight { .. } => {
                let why = "this is a balancer, which has no webapp";
                Answer::Error(format!("{why}; ask the member beside the one you mean"))
            }
            Request::Leave {} => {
                Answer::Error("this is a balancer: stop its process, with SIGTERM".to_owned())
            }
        }
    }

    async fn info(&self) -> Sections {
        let mut info = self.basics.info().await;
        let agent = info.entry("agent".to_owned()).or_default();
        agent.insert("clients".to_owned(), self.listen.to_string());
        let stats = self.stats.map_or("off".to_owned(), |addr| addr.to_string());
        agent.insert("statistics".to_owned(), stats);
        let frontend = &self.core.frontend;
        info.extend([section(
            "clients",
            [
                ("connections", frontend.current().to_string()),
                ("maxconn", frontend.maxconn.to_string()),
                (
                    "requests_in_flight",
                    self.core.ledger.current.load(Relaxed).to_string(),
                ),
            ],
        )]);
        let pool = self.core.pool.load();
        let services = pool.services.values();
        info.extend(services.map(|each| pool_section(each)));
        info
    }
}

impl Desk for LbDesk {
    fn answer<'a>(&'a self, request: Request, reply: &'a Reply) -> Answering<'a> {
        Box::pin(self.handle(request, reply))
    }
}

fn pool_section(service: &Service) -> (String, Section) {
    let in_flight: u64 = service.rows.iter().map(|row| row.server.in_flight()).sum();
    let weight: u64 = service.rows.iter().map(|row| u64::from(row.weight)).sum();
    section(
        &format!("pool {}", service.ledger.name),
        [
            ("servers", service.rows.len().to_string()),
            ("in_rotation", service.rotation.servers.len().to_string()),
            ("requests_in_flight", in_flight.to_string()),
            ("weight", weight.to_string()),
        ],
    )
}
