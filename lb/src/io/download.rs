//! The response's body on its way to the client: streamed, with the server's patience limited,
//! and a report of its end made exactly once.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::patience::Patience;
use super::record::Ticket;
use super::upstream::Borrowed;
use crate::codec::body::Decoder;
use crate::outcome::{End, Phase, Side};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What a client is sent.
#[derive(Debug)]
pub struct Download(Kind);

#[derive(Debug)]
enum Kind {
    /// Made here.
    Own(Option<Bytes>),
    /// A server's.
    Relay(Box<Relay>),
}

#[derive(Debug)]
struct Relay {
    patience: Patience,
    /// Taken at the end, so that the end is told once.
    held: Option<(Ticket, Borrowed)>,
}

impl From<Bytes> for Download {
    fn from(body: Bytes) -> Self {
        Self(Kind::Own(Some(body).filter(|body| !body.is_empty())))
    }
}

impl Download {
    /// A server's body; the server may pause for `patience`. The connection goes back to the
    /// shard and the ticket is settled when the body has ended.
    #[must_use]
    pub fn relay(ticket: Ticket, mut held: Borrowed, patience: Duration) -> Self {
        // Most bodies are short, and here already.
        if let Some(body) = held.channel.take_body() {
            held.give_back(ticket.now());
            ticket.delivered();
            return Self::from(body);
        }
        Self(Kind::Relay(Box::new(Relay {
            patience: Patience::new(patience),
            held: Some((ticket, held)),
        })))
    }
}

impl Relay {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        let Some((_, held)) = &mut self.held else {
            return Poll::Ready(None);
        };
        match held.channel.poll_frame(cx) {
            Poll::Pending => self.wait(cx),
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.patience.renew();
                if self.left().is_done() {
                    self.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(cause))) => {
                self.fail(Side::Server);
                Poll::Ready(Some(Err(cause.into())))
            }
        }
    }

    fn left(&self) -> Decoder {
        let held = self.held.as_ref();
        held.map_or(Decoder::DONE, |(_, held)| held.channel.body())
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        ready!(self.patience.poll(cx));
        self.fail(Side::ServerTimeout);
        Poll::Ready(Some(Err("the server stopped sending".into())))
    }

    fn end(&mut self) {
        if let Some((ticket, held)) = self.held.take() {
            let now = held.shard.recorder().clock().now();
            held.give_back(now);
            ticket.ended(End::DONE);
        }
    }

    fn fail(&mut self, side: Side) {
        if let Some((ticket, _)) = self.held.take() {
            ticket.ended(End {
                side,
                phase: Phase::Data,
            });
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Cause;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cause>>> {
        match &mut self.0 {
            Kind::Own(body) => Poll::Ready(body.take().map(|body| Ok(Frame::data(body)))),
            Kind::Relay(relay) => relay.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Own(body) => body.is_none(),
            Kind::Relay(relay) => relay.left().is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Own(body) => {
                SizeHint::with_exact(body.as_ref().map_or(0, |body| body.len() as u64))
            }
            Kind::Relay(relay) => match relay.left() {
                Decoder::Length(left) => SizeHint::with_exact(left),
                Decoder::Chunked(_) | Decoder::UntilClose => SizeHint::default(),
            },
        }
    }
}
