//! The request's direction of an exchange with a server: the head and the body's pieces, framed and
//! written as the server takes them. What comes back it does not know.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame};
use hyper::header::HeaderMap;
use hyper::http::request;
use tokio::io::AsyncWrite;
use tokio::net::tcp::OwnedWriteHalf;

use super::record::ServerBytes;
use super::upload::Upload;
use super::wire::Wire;
use crate::codec::grammar::Malformed;
use crate::codec::request::{Framing, write_head};

pub(super) type Output = Wire<OwnedWriteHalf, ServerBytes>;

/// Why an exchange came to nothing.
#[derive(Debug)]
pub enum Broken {
    /// What the server says is not HTTP.
    Malformed(Malformed),
    /// The connection failed, or was closed before the response.
    Connection(io::Error),
    /// The request's body failed, or was not as long as was said.
    Upload(Box<dyn std::error::Error + Send + Sync>),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(rule) => write!(f, "not an HTTP response: {rule}"),
            Self::Connection(error) => error.fmt(f),
            Self::Upload(error) => write!(f, "the request's body: {error}"),
        }
    }
}

impl std::error::Error for Broken {}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<Malformed> for Broken {
    fn from(rule: Malformed) -> Self {
        Self::Malformed(rule)
    }
}

/// A request on its way.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) output: Output,
    /// The head, or the framing before a piece of the body; and how much of it has been sent.
    before: Vec<u8>,
    sent: usize,
    piece: Bytes,
    /// The framing after it.
    after: &'static [u8],
    framing: Framing,
    /// `None`: nothing follows what is here.
    upload: Option<Upload>,
}

impl Sender {
    pub(super) const fn new(output: Output) -> Self {
        Self {
            output,
            before: Vec::new(),
            sent: 0,
            piece: Bytes::new(),
            after: b"",
            framing: Framing::Length(0),
            upload: None,
        }
    }

    pub(super) fn begin(&mut self, parts: &request::Parts, framing: Framing, upload: Upload) {
        write_head(parts, &mut self.before);
        self.upload = if framing.is_spent() {
            upload.finish();
            None
        } else {
            Some(upload)
        };
        self.framing = framing;
    }

    pub(super) fn is_done(&self) -> bool {
        self.upload.is_none() && self.is_flushed()
    }

    fn is_flushed(&self) -> bool {
        self.before.is_empty() && self.piece.is_empty() && self.after.is_empty()
    }

    /// Ready when the request has been sent.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            if self.piece.is_empty()
                && self.after.is_empty()
                && let Some(upload) = &mut self.upload
            {
                match Pin::new(upload).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => self.take(frame)?,
                    Poll::Ready(Some(Err(cause))) => {
                        return Poll::Ready(Err(Broken::Upload(cause)));
                    }
                    Poll::Ready(None) => self.end(&HeaderMap::new())?,
                    Poll::Pending if self.is_flushed() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            if self.is_flushed() {
                if self.upload.is_none() {
                    return Poll::Ready(Ok(()));
                }
            } else {
                ready!(self.write(cx))?;
            }
        }
    }

    /// A frame of the body. What comes beyond its length is left out.
    fn take(&mut self, frame: Frame<Bytes>) -> Result<(), Broken> {
        let mut data = match frame.into_data() {
            Ok(data) => data,
            Err(frame) => {
                return match frame.into_trailers() {
                    Ok(trailers) => self.end(&trailers),
                    Err(_) => Ok(()),
                };
            }
        };
        let last = self.upload.as_ref().is_none_or(Upload::is_end_stream);
        if data.is_empty() {
            return if last {
                self.end(&HeaderMap::new())
            } else {
                Ok(())
            };
        }
        self.after = self.framing.piece(&mut data, last, &mut self.before);
        self.piece = data;
        if self.framing.is_spent() || last {
            if let Some(upload) = self.upload.take() {
                upload.finish();
            }
            return self
                .framing
                .is_complete()
                .then_some(())
                .ok_or_else(too_short);
        }
        Ok(())
    }

    fn end(&mut self, trailers: &HeaderMap) -> Result<(), Broken> {
        self.upload = None;
        let complete = self.framing.end(trailers, &mut self.before);
        complete.then_some(()).ok_or_else(too_short)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = &self.before[self.sent..];
        let slices = [before, &self.piece, self.after].map(IoSlice::new);
        let used = if self.piece.is_empty() && self.after.is_empty() {
            1
        } else {
            3
        };
        let output = Pin::new(&mut self.output);
        let mut bytes = ready!(output.poll_write_vectored(cx, &slices[..used]))?;
        if bytes == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let of_before = bytes.min(before.len());
        self.sent += of_before;
        bytes -= of_before;
        if self.sent == self.before.len() {
            self.sent = 0;
            self.before.clear();
            // What is idle should be small.
            self.before.shrink_to(KEPT);
        }
        let of_piece = bytes.min(self.piece.len());
        self.piece.advance(of_piece);
        self.after = &self.after[bytes - of_piece..];
        Poll::Ready(Ok(()))
    }
}

fn too_short() -> Broken {
    Broken::Upload("shorter than its `content-length`".into())
}

/// Room kept for heads between requests: most are smaller.
const KEPT: usize = 2048;
