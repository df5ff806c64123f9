//! Choosing a server for one attempt. Reads a pool, writes only the turn and the lease.

use std::sync::atomic::Ordering::Relaxed;

use super::server::Lease;
use super::set::Service;

/// The servers one request has already tried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tried {
    uids: [u64; Self::ROOM],
    len: usize,
}

impl Tried {
    const ROOM: usize = 8;

    /// Remembers a server; the oldest is forgotten when there is no room.
    pub fn add(&mut self, uid: u64) {
        self.uids[self.len % Self::ROOM] = uid;
        self.len += 1;
    }

    /// Whether the server was tried.
    #[must_use]
    pub fn contains(&self, uid: u64) -> bool {
        self.uids[..self.len.min(Self::ROOM)].contains(&uid)
    }
}

/// The next server in strict rotation that may be chosen and was not tried; `None` if there is
/// none.
///
/// A server that became unusable a moment ago may still be in the schedule: its turn is drawn
/// again, so that no neighbour inherits it.
#[must_use]
pub fn choose(service: &Service, tried: &Tried) -> Option<Lease> {
    draw(service, tried).or_else(|| scan(service, tried))
}

/// Draws turns, at most one round and at most [`DRAWS`].
fn draw(service: &Service, tried: &Tried) -> Option<Lease> {
    let rotation = &service.rotation;
    let draws = rotation.schedule.period().min(DRAWS);
    (0..draws).find_map(|_| {
        let turn = service.ledger.turn.fetch_add(1, Relaxed);
        let server = &rotation.servers[rotation.schedule.at(turn)?];
        if tried.contains(server.uid) {
            None
        } else {
            server.lease()
        }
    })
}

/// Goes through all servers that take turns, beginning at the present one.
fn scan(service: &Service, tried: &Tried) -> Option<Lease> {
    let servers = &service.rotation.servers;
    let start = service.ledger.turn.load(Relaxed) as usize;
    (0..servers.len()).find_map(|step| {
        let server = &servers[start.wrapping_add(step) % servers.len()];
        if tried.contains(server.uid) {
            None
        } else {
            server.lease()
        }
    })
}

/// Enough to find a usable server by turns even when most have just been ejected.
const DRAWS: u64 = 32;
