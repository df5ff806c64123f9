//! A connection that has switched protocols (RFC 9110 section 7.8): bytes both ways until either
//! side closes or both fall silent.

use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::record::Ticket;
use super::upstream::Borrowed;
use super::wire::Meter;
use crate::outcome::{End, Phase, Side};

/// Both ends of a tunnel to be.
#[derive(Debug)]
pub struct Tunnel {
    /// The client's side.
    pub client: OnUpgrade,
    /// The server's side.
    pub server: OnUpgrade,
    /// Counts of the server's connection, to tell silence from slowness.
    pub meter: Arc<Meter>,
    /// How long both may be silent.
    pub patience: Duration,
}

impl Tunnel {
    /// Relays until the end; the server stays leased, the request in flight.
    pub async fn run(self, ticket: Ticket, _held: Borrowed) {
        let end = match self.relay().await {
            Ok(()) => End::DONE,
            Err(side) => End {
                side,
                phase: Phase::Data,
            },
        };
        ticket.ended(end);
    }

    async fn relay(self) -> Result<(), Side> {
        let client = self.client.await.map_err(|_| Side::Client)?;
        let server = self.server.await.map_err(|_| Side::Server)?;
        let (mut client, mut server) = (TokioIo::new(client), TokioIo::new(server));
        let copy = tokio::io::copy_bidirectional(&mut client, &mut server);
        tokio::pin!(copy);
        let moved = || self.meter.read() + self.meter.written();
        loop {
            let before = moved();
            tokio::select! {
                ended = &mut copy => return ended.map(drop).map_err(|_| Side::Server),
                () = tokio::time::sleep(self.patience) => {
                    if moved() == before {
                        return Err(Side::ClientTimeout);
                    }
                }
            }
        }
    }
}
