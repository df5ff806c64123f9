//! Services and snapshots of any size, without gossip.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use lb::pool::server::{Row, Server, Standing};
use lb::pool::set::{Entry, Ledger, Rotation, Service};
use member::node::{Node, NodeKey, Role, Word};
use member::snapshot::{Presence, Sighting, Snapshot};
use tokio::sync::Notify;

/// The sizes every pool bench runs at.
pub const SIZES: [u16; 4] = [1, 10, 1_000, 10_000];

/// A service of `count` usable servers of equal weight.
#[must_use]
pub fn service(count: u16) -> Service {
    let released = Arc::new(Notify::new());
    let entry = |number: u16| {
        let row = Arc::new(Row::new(Arc::from(name(number)), u32::from(number), 1));
        let uid = u64::from(number);
        let server = Server::new(uid, key(number), addr(1), row, Arc::clone(&released));
        let _ = server.stand(Standing::Usable);
        Entry {
            server: Arc::new(server),
            weight: 1,
        }
    };
    let rows: Vec<Entry> = (1..=count).map(entry).collect();
    let ledger = Arc::new(Ledger::new(Arc::from("nodes"), 1));
    Service {
        ledger,
        rotation: Rotation::of(rows.iter()),
        rows,
    }
}

/// A cluster of `count` ready servers, each at an address of loopback of its own and at `port`, the
/// first of weight `weight`.
#[must_use]
pub fn snapshot(count: u16, port: u16, weight: u16) -> Arc<Snapshot> {
    let sighting = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let http = SocketAddr::from(([127, 1, high, low], port));
        let node = Node {
            key: key(number),
            role: Role::Backend,
            service: Arc::from("nodes"),
            http: Some(http),
            check: None,
            weight: if number == 1 { weight } else { 1 },
            word: Word::Ready,
            tags: BTreeMap::new(),
            keys: Vec::new(),
            since: None,
        };
        (
            key(number),
            Arc::new(Sighting {
                node,
                gossip: http,
                presence: Presence::Live,
            }),
        )
    };
    Arc::new((1..=count).map(sighting).collect())
}

fn key(number: u16) -> NodeKey {
    NodeKey {
        name: Arc::from(name(number)),
        generation: 1,
    }
}

/// Of equal length, so that they sort by number.
fn name(number: u16) -> String {
    format!("s{number:05}")
}

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
