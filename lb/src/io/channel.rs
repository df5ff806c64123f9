//! One connection to a server, and one exchange at a time over it. Whoever awaits the response
//! drives both directions: no task of its own, so no wake-ups between two. Which server it leads
//! to, and what becomes of it between two exchanges, is `upstream`'s business.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::Frame;
use hyper::http::{request, response};
use hyper::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::patience::Alarm;
use super::record::ServerBytes;
use super::sender::{Broken, Output, Sender};
use super::upload::Upload;
use super::wire::{self, Meter, Wire};
use crate::codec::body::{Decoder, Piece};
use crate::codec::request::Framing;
use crate::codec::response::read_head;

type Input = Wire<OwnedReadHalf, ServerBytes>;

/// A connection in use by one request, or idle.
#[derive(Debug)]
pub struct Channel {
    input: Input,
    received: BytesMut,
    /// How much to make room for at the next read.
    step: usize,
    /// What is left of the present response.
    body: Decoder,
    /// Whether the server will answer another request here.
    keeps: bool,
    sending: Sending,
    alarm: Alarm,
    meter: Arc<Meter>,
    /// Whether it has served a request before.
    pub reused: bool,
}

/// The request's direction.
#[derive(Debug)]
enum Sending {
    /// Driven by whoever awaits the response.
    Here(Box<Sender>),
    /// The response came first: by a task, since nobody may want the response for a while.
    Away(Away),
    /// It has failed.
    Lost,
}

impl Channel {
    /// A channel over a fresh connection. A server that stops reading is given up after `patience`.
    #[must_use]
    pub fn new(stream: TcpStream, sink: ServerBytes, patience: Duration) -> Self {
        let (input, output) = wire::halves(stream, sink, patience);
        Self {
            meter: input.meter(),
            input,
            received: BytesMut::new(),
            step: STEP,
            body: Decoder::DONE,
            keeps: true,
            sending: Sending::Here(Box::new(Sender::new(output))),
            alarm: Alarm::default(),
            reused: false,
        }
    }

    /// Its byte counts.
    #[must_use]
    pub const fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Whether another request can be sent: the last exchange is over on both sides.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let sent = matches!(&self.sending, Sending::Here(sender) if sender.is_done());
        sent && self.keeps && self.body.is_done() && self.received.is_empty()
    }

    /// Whether an idle connection is still open, as far as is known without asking the system.
    #[must_use]
    pub fn seems_open(&self) -> bool {
        wire::has_been_quiet(self.input.stream().as_ref())
    }

    /// Whether an idle connection is open, as the system knows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        wire::is_quiet(self.input.stream().as_ref())
    }

    /// Begins an exchange on an idle channel. Nothing is sent before the answer is awaited.
    pub fn ask(&mut self, parts: &request::Parts, framing: Framing, upload: Upload) {
        if let Sending::Here(sender) = &mut self.sending {
            sender.begin(parts, framing, upload);
        }
    }

    /// Sends the request, and resolves with the head of its response, which may come before all of
    /// the request has been sent.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn answer(&mut self, method: &Method) -> Result<response::Parts, Broken> {
        poll_fn(|cx| self.poll_answer(cx, method)).await
    }

    /// The same, unless it takes longer than `limit`.
    pub async fn answer_within(
        &mut self,
        limit: Duration,
        method: &Method,
    ) -> Option<Result<response::Parts, Broken>> {
        self.alarm.set(Instant::now() + limit);
        poll_fn(|cx| {
            if let Poll::Ready(result) = self.poll_answer(cx, method) {
                return Poll::Ready(Some(result));
            }
            self.alarm.poll(cx).map(|()| None)
        })
        .await
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<response::Parts, Broken>> {
        let sent = match &mut self.sending {
            Sending::Here(sender) => sender.poll(cx),
            Sending::Away(_) | Sending::Lost => Poll::Ready(Ok(())),
        };
        loop {
            if let Some(head) = read_head(&mut self.received, method)? {
                let switching = head.parts.status == StatusCode::SWITCHING_PROTOCOLS;
                (self.body, self.keeps) = (head.body, head.keep);
                match sent {
                    Poll::Ready(Ok(())) => {}
                    // A server that has answered need not hear the rest.
                    Poll::Ready(Err(_)) => self.keeps = false,
                    Poll::Pending if switching => {
                        return Poll::Ready(Err(Broken::Connection(interrupted())));
                    }
                    Poll::Pending => self.send_away(),
                }
                return Poll::Ready(Ok(head.parts));
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(first(sent, interrupted()))),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(first(sent, error))),
                Poll::Pending => {
                    if let Poll::Ready(Err(error)) = sent {
                        return Poll::Ready(Err(error));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// The next piece of the response's body.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            match self.body.next(&mut self.received) {
                Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(Piece::Trailers(trailers)) => {
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Ok(Piece::End) => return Poll::Ready(None),
                Ok(Piece::Starved) => {}
                Err(rule) => return Poll::Ready(Some(Err(rule.into()))),
            }
            match ready!(self.poll_fill(cx)) {
                // A reset that the request's direction has met ends no body.
                Ok(0) if !self.meter.was_reset() && self.body.close() => return Poll::Ready(None),
                Ok(0) => return Poll::Ready(Some(Err(interrupted().into()))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// What is left of the response's body.
    #[must_use]
    pub const fn body(&self) -> Decoder {
        self.body
    }

    /// The whole rest of the body, if its length is known and all of it has arrived.
    pub fn take_body(&mut self) -> Option<Bytes> {
        let Decoder::Length(left) = self.body else {
            return None;
        };
        let left = usize::try_from(left).ok()?;
        if self.received.len() < left {
            return None;
        }
        self.body = Decoder::DONE;
        Some(self.received.split_to(left).freeze())
    }

    /// Reads what is there; 0: the server has closed.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.received.reserve(self.step);
        let read = pin!(self.input.read_buf(&mut self.received));
        let bytes = ready!(read.poll(cx))?;
        if bytes >= self.step {
            self.step = (self.step * 2).min(LARGEST_STEP);
        }
        Poll::Ready(Ok(bytes))
    }

    /// The response has ended. Takes back the request's direction if that has ended as well, and
    /// room that only a large body needed.
    pub fn settle(&mut self) {
        if let Sending::Away(away) = &mut self.sending
            && let Poll::Ready(sender) = away.look()
        {
            self.sending = sender.map_or(Sending::Lost, Sending::Here);
        }
        if self.step > STEP {
            (self.step, self.received) = (STEP, BytesMut::from(&self.received[..]));
        }
    }

    /// The response has ended, the request has not: a client that is still sending is heard out,
    /// until the server closes.
    pub fn hear_out(self) {
        let Self {
            mut input, sending, ..
        } = self;
        if let Sending::Away(mut away) = sending {
            tokio::spawn(async move {
                let mut byte = [0];
                tokio::select! {
                    _ = &mut away.0 => {}
                    _ = input.read(&mut byte) => {}
                }
            });
        }
    }

    fn send_away(&mut self) {
        match std::mem::replace(&mut self.sending, Sending::Lost) {
            Sending::Here(mut sender) => {
                let finish = async move {
                    let sent = poll_fn(|cx| sender.poll(cx)).await;
                    sent.is_ok().then_some(sender)
                };
                self.sending = Sending::Away(Away(tokio::spawn(finish)));
            }
            elsewhere => self.sending = elsewhere,
        }
    }

    /// The connection itself, after protocols were switched; `None` if a request is still on it.
    #[must_use]
    pub fn into_pipe(self) -> Option<Pipe> {
        let Sending::Here(sender) = self.sending else {
            return None;
        };
        Some(Pipe {
            input: self.input,
            received: self.received,
            output: sender.output.hearing_no_more(),
        })
    }
}

/// A task that sends the rest of a request. Ends with whoever waits for it.
#[derive(Debug)]
struct Away(JoinHandle<Option<Box<Sender>>>);

impl Away {
    /// The sender, if it has ended and sent everything.
    fn look(&mut self) -> Poll<Option<Box<Sender>>> {
        let mut cx = Context::from_waker(Waker::noop());
        let ended = ready!(Pin::new(&mut self.0).poll(&mut cx));
        Poll::Ready(ended.ok().flatten())
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A server's connection after protocols were switched: bytes, still counted.
#[derive(Debug)]
pub struct Pipe {
    input: Input,
    /// What came with the head.
    received: BytesMut,
    output: Output,
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.received.is_empty() {
            return Pin::new(&mut self.input).poll_read(cx, buf);
        }
        let there = self.received.len().min(buf.remaining());
        buf.put_slice(&self.received.split_to(there));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.output).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_shutdown(cx)
    }
}

/// What failed first: sending tells more of a body, receiving more of the server.
fn first(sent: Poll<Result<(), Broken>>, received: io::Error) -> Broken {
    match sent {
        Poll::Ready(Err(error)) => error,
        _ => received.into(),
    }
}

fn interrupted() -> io::Error {
    io::Error::new(
        io::ErrorKind::UnexpectedEof,
        "the server closed before its response was complete",
    )
}

/// Room for a small response, header and body; more is made while reads fill it.
const STEP: usize = 8 * 1024;
const LARGEST_STEP: usize = 256 * 1024;

#[cfg(test)]
mod tests;
