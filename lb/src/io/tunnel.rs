//! A connection that has switched protocols (RFC 9110 section 7.8): bytes both ways until either
//! side closes or both fall silent.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::channel::Pipe;
use super::record::Ticket;
use super::wire::Meter;
use crate::frontend::Seat;
use crate::outcome::{End, Phase, Side};
use crate::pool::server::Lease;

/// Both ends of a tunnel to be.
#[derive(Debug)]
pub struct Tunnel {
    /// The client's side.
    pub client: OnUpgrade,
    /// The server's side.
    pub server: Pipe,
    /// Counts of the server's connection, to tell silence from slowness.
    pub meter: Arc<Meter>,
    /// How long both may be silent.
    pub patience: Duration,
    /// The client's place under `maxconn`, which the tunnel goes on taking.
    pub seat: Option<Arc<Seat>>,
}

impl Tunnel {
    /// Relays until the end; the server stays leased, the request in flight.
    pub async fn run(self, ticket: Ticket, _lease: Lease) {
        let seat = self.seat.clone();
        let end = match self.relay().await {
            Ok(()) => End::DONE,
            Err(side) => End {
                side,
                phase: Phase::Data,
            },
        };
        ticket.ended(end);
        drop(seat);
    }

    /// A server that has closed has nothing more to say, and nobody to hear the client. A client
    /// that has closed may still be owed something, but not for long.
    async fn relay(self) -> Result<(), Side> {
        let client = self.client.await.map_err(|_| Side::Client)?;
        let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(client));
        let (mut from_server, mut to_server) = tokio::io::split(self.server);
        let mut up = pin!(pass(&mut from_client, &mut to_server));
        let mut down = pin!(pass(&mut from_server, &mut to_client));
        let moved = || self.meter.read() + self.meter.written();
        let (mut patience, mut client_is_done) = (self.patience, false);
        loop {
            let before = moved();
            tokio::select! {
                ended = &mut down => return ended.map_err(|broken| broken.blame(Side::Server, Side::Client)),
                ended = &mut up, if !client_is_done => {
                    ended.map_err(|broken| broken.blame(Side::Client, Side::Server))?;
                    (patience, client_is_done) = (self.patience.min(LINGER), true);
                }
                () = tokio::time::sleep(patience) => {
                    if moved() == before {
                        return if client_is_done { Ok(()) } else { Err(Side::ClientTimeout) };
                    }
                }
            }
        }
    }
}

/// Which end of a one-way passage broke.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Source,
    Sink,
}

impl Broken {
    const fn blame(self, source: Side, sink: Side) -> Side {
        match self {
            Self::Source => source,
            Self::Sink => sink,
        }
    }
}

/// Bytes one way until their source ends; then says so to the other side.
async fn pass<R, W>(from: &mut R, to: &mut W) -> Result<(), Broken>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    loop {
        let bytes = from.read(&mut buffer).await.map_err(|_| Broken::Source)?;
        if bytes == 0 {
            return to.shutdown().await.map_err(|_| Broken::Sink);
        }
        to.write_all(&buffer[..bytes])
            .await
            .map_err(|_| Broken::Sink)?;
        to.flush().await.map_err(|_| Broken::Sink)?;
    }
}

const BUFFER: usize = 16 * 1024;
/// How long a server may be silent when its client has closed.
const LINGER: Duration = Duration::from_secs(2);
